"""Graph's JSON objects as our types. A value of the wrong type is an error, never a guess; null is "not set"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from runbook_lib.errors import ServiceFailed
from runbook_lib.graph.scrub import scrubbed
from runbook_lib.model.cloud import CloudGroup, CloudKind, CloudPrincipal, PrincipalType, Tenant

Row = Mapping[str, object]

GROUP_PROPERTIES = (
    "id,displayName,description,groupTypes,mailEnabled,securityEnabled,mail,mailNickname,proxyAddresses,visibility,"
    "isAssignableToRole,membershipRule,onPremisesSyncEnabled,onPremisesSecurityIdentifier,onPremisesSamAccountName,"
    "createdDateTime,deletedDateTime"
)
USER_PROPERTIES = (
    "id,displayName,userPrincipalName,mail,userType,onPremisesImmutableId,onPremisesSecurityIdentifier,"
    "onPremisesDistinguishedName,onPremisesSamAccountName,onPremisesDomainName,onPremisesSyncEnabled"
)
TENANT_PROPERTIES = "id,displayName,verifiedDomains,onPremisesSyncEnabled,onPremisesLastSyncDateTime"

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TYPES = {
    "#microsoft.graph.user": PrincipalType.USER,
    "#microsoft.graph.group": PrincipalType.GROUP,
    "#microsoft.graph.device": PrincipalType.DEVICE,
    "#microsoft.graph.orgcontact": PrincipalType.CONTACT,
    "#microsoft.graph.serviceprincipal": PrincipalType.SERVICE_PRINCIPAL,
}


def is_guid(text: str) -> bool:
    """Whether ``text`` is a GUID in its lower-case form with hyphens."""
    return _GUID.fullmatch(text) is not None


def row_id(row: Row) -> str:
    """The object's id, lower case.

    Raises:
        ServiceFailed: It is no GUID. Ids become parts of addresses and of AD attributes, so nothing else will do.
    """
    value = row.get("id")
    if isinstance(value, str) and is_guid(value.lower()):
        return value.lower()
    raise _wrong(row, "id", "a GUID")


def group_of(row: Row) -> CloudGroup:
    """A group.

    Raises:
        ServiceFailed: A value has the wrong type, or one of the three that make the kind is missing.
    """
    for name in ("groupTypes", "mailEnabled", "securityEnabled"):
        if name not in row:
            raise _wrong(row, name, "present")
    types = {value.casefold() for value in _texts(row, "groupTypes")}
    mail_enabled = _flag(row, "mailEnabled") or False
    security_enabled = _flag(row, "securityEnabled") or False
    return CloudGroup(
        id=row_id(row),
        display_name=_text(row, "displayName") or "",
        kind=_kind("unified" in types, mail_enabled, security_enabled),
        description=_text(row, "description"),
        security_enabled=security_enabled,
        mail=_text(row, "mail"),
        mail_nickname=_text(row, "mailNickname"),
        proxy_addresses=tuple(sorted(_texts(row, "proxyAddresses"))),
        visibility=_text(row, "visibility"),
        role_assignable=_flag(row, "isAssignableToRole") or False,
        membership_rule=_text(row, "membershipRule"),
        dynamic="dynamicmembership" in types,
        on_premises_sync_enabled=_flag(row, "onPremisesSyncEnabled"),
        on_premises_sid=_text(row, "onPremisesSecurityIdentifier"),
        on_premises_sam_account_name=_text(row, "onPremisesSamAccountName"),
        created=_text(row, "createdDateTime"),
        deleted=_text(row, "deletedDateTime"),
    )


def user_of(row: Row) -> CloudPrincipal:
    """A user with every key that leads to an AD account."""
    return CloudPrincipal(
        id=row_id(row),
        type=PrincipalType.USER,
        display_name=_text(row, "displayName") or "",
        user_principal_name=_text(row, "userPrincipalName"),
        mail=_text(row, "mail"),
        user_type=_text(row, "userType"),
        immutable_id=_text(row, "onPremisesImmutableId"),
        on_premises_sid=_text(row, "onPremisesSecurityIdentifier"),
        on_premises_dn=_text(row, "onPremisesDistinguishedName"),
        on_premises_sam_account_name=_text(row, "onPremisesSamAccountName"),
        on_premises_domain=_text(row, "onPremisesDomainName"),
        on_premises_sync_enabled=_flag(row, "onPremisesSyncEnabled"),
    )


def linked_of(row: Row) -> CloudPrincipal:
    """A member or owner as a link shows it: id, type and name (null for types that the app may not read)."""
    kind = (_text(row, "@odata.type") or "").casefold()
    return CloudPrincipal(
        id=row_id(row), type=_TYPES.get(kind, PrincipalType.UNKNOWN), display_name=_text(row, "displayName") or ""
    )


def principal_of_group(group: CloudGroup) -> CloudPrincipal:
    """A group as a member of another."""
    return CloudPrincipal(
        id=group.id,
        type=PrincipalType.GROUP,
        display_name=group.display_name,
        mail=group.mail,
        on_premises_sid=group.on_premises_sid,
        on_premises_sam_account_name=group.on_premises_sam_account_name,
        on_premises_sync_enabled=group.on_premises_sync_enabled,
    )


def tenant_of(row: Row) -> Tenant:
    """The tenant; its domains sorted."""
    value = row.get("verifiedDomains")
    if value is not None and not (isinstance(value, list) and all(isinstance(domain, dict) for domain in value)):
        raise _wrong(row, "verifiedDomains", "a list of objects")
    domains = cast(list[Row], value or [])
    return Tenant(
        id=row_id(row),
        display_name=_text(row, "displayName") or "",
        default_domain=next((_text(d, "name") or "" for d in domains if _flag(d, "isDefault")), ""),
        verified_domains=tuple(sorted(filter(None, (_text(d, "name") for d in domains)))),
        on_premises_sync_enabled=_flag(row, "onPremisesSyncEnabled"),
        last_sync=_text(row, "onPremisesLastSyncDateTime"),
    )


def _kind(unified: bool, mail_enabled: bool, security_enabled: bool) -> CloudKind:
    if unified:
        return CloudKind.MICROSOFT_365
    if mail_enabled:
        return CloudKind.MAIL_ENABLED_SECURITY if security_enabled else CloudKind.DISTRIBUTION_LIST
    return CloudKind.SECURITY


def _text(row: Row, name: str) -> str | None:
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _wrong(row, name, "a text")


def _flag(row: Row, name: str) -> bool | None:
    value = row.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong(row, name, "true or false")


def _texts(row: Row, name: str) -> tuple[str, ...]:
    value = row.get(name)
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise _wrong(row, name, "a list of texts")


def _wrong(row: Row, name: str, expected: str) -> ServiceFailed:
    shown = scrubbed(str(row.get("id")), limit=80)
    return ServiceFailed(
        f"Graph's answer cannot be relied on: {name} of the object with id {shown} is not {expected}.",
        code="graph-unexpected-answer",
        hint="Run again; report it if it happens again.",
        values={"property": name, "id": shown},
    )
