"""Graph's JSON objects as our types. A value of the wrong type is an error, never a guess; null is "not set"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from runbook_lib.errors import ServiceFailed
from runbook_lib.model.cloud import CloudGroup, CloudKind, CloudPrincipal, PrincipalType, Tenant
from runbook_lib.model.ids import as_group_id, is_guid
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import whole
from runbook_lib.secrets.sources import scrubbed

Row = Mapping[str, object]

GROUP_PROPERTIES = (
    "id,displayName,description,groupTypes,mailEnabled,securityEnabled,mail,mailNickname,proxyAddresses,visibility,"
    "isAssignableToRole,membershipRule,onPremisesSyncEnabled,onPremisesSecurityIdentifier,onPremisesSamAccountName,"
    "onPremisesDomainName,createdDateTime,deletedDateTime"
)
USER_PROPERTIES = (
    "id,displayName,userPrincipalName,mail,userType,onPremisesImmutableId,onPremisesSecurityIdentifier,"
    "onPremisesDistinguishedName,onPremisesSamAccountName,onPremisesDomainName,onPremisesSyncEnabled"
)
TENANT_PROPERTIES = "id,displayName,verifiedDomains,onPremisesSyncEnabled,onPremisesLastSyncDateTime"

_NAMED = ("displayName", "description", "mail", "mailNickname")
"""Texts of a group that people see; what was replaced in them is told."""

_TYPES = {
    "#microsoft.graph.user": PrincipalType.USER,
    "#microsoft.graph.group": PrincipalType.GROUP,
    "#microsoft.graph.device": PrincipalType.DEVICE,
    "#microsoft.graph.orgcontact": PrincipalType.CONTACT,
    "#microsoft.graph.serviceprincipal": PrincipalType.SERVICE_PRINCIPAL,
}


def row_id(row: Row) -> str:
    """The object's id, lower case.

    Raises:
        ServiceFailed: It is no GUID. Ids become parts of addresses and of AD attributes, so nothing else will do.
    """
    value = row.get("id")
    if isinstance(value, str) and is_guid(value):
        return value.lower()
    raise wrong_value(row, "id", t("a GUID"))


def group_of(row: Row) -> CloudGroup:
    """A group.

    Raises:
        ServiceFailed: A value has the wrong type, or one of the three that make the kind is missing.
    """
    for name in ("groupTypes", "mailEnabled", "securityEnabled"):
        if name not in row:
            raise wrong_value(row, name, t("present"))
    types = {value.casefold() for value in texts_of(row, "groupTypes")}
    mail_enabled = flag_of(row, "mailEnabled") or False
    security_enabled = flag_of(row, "securityEnabled") or False
    named = {name: text_of(row, name) for name in _NAMED}
    return CloudGroup(
        id=as_group_id(row_id(row)),
        display_name=named["displayName"] or "",
        kind=_kind("unified" in types, mail_enabled, security_enabled),
        description=named["description"],
        security_enabled=security_enabled,
        mail=named["mail"],
        mail_nickname=named["mailNickname"],
        proxy_addresses=tuple(sorted(texts_of(row, "proxyAddresses"))),
        visibility=text_of(row, "visibility"),
        role_assignable=flag_of(row, "isAssignableToRole") or False,
        membership_rule=text_of(row, "membershipRule"),
        dynamic="dynamicmembership" in types,
        on_premises_sync_enabled=flag_of(row, "onPremisesSyncEnabled"),
        on_premises_sid=text_of(row, "onPremisesSecurityIdentifier"),
        on_premises_sam_account_name=text_of(row, "onPremisesSamAccountName"),
        on_premises_domain=text_of(row, "onPremisesDomainName"),
        replaced=tuple(name for name, text in named.items() if text is not None and text != row[name]),
        created=text_of(row, "createdDateTime"),
        deleted=text_of(row, "deletedDateTime"),
    )


def user_of(row: Row) -> CloudPrincipal:
    """A user with every key that leads to an AD account."""
    return CloudPrincipal(
        id=row_id(row),
        type=PrincipalType.USER,
        display_name=text_of(row, "displayName") or "",
        user_principal_name=text_of(row, "userPrincipalName"),
        mail=text_of(row, "mail"),
        user_type=text_of(row, "userType"),
        immutable_id=text_of(row, "onPremisesImmutableId"),
        on_premises_sid=text_of(row, "onPremisesSecurityIdentifier"),
        on_premises_dn=text_of(row, "onPremisesDistinguishedName"),
        on_premises_sam_account_name=text_of(row, "onPremisesSamAccountName"),
        on_premises_domain=text_of(row, "onPremisesDomainName"),
        on_premises_sync_enabled=flag_of(row, "onPremisesSyncEnabled"),
    )


def linked_of(row: Row) -> CloudPrincipal:
    """A member as a list of members shows it: id, type and name (null for types that the app may not read)."""
    kind = (text_of(row, "@odata.type") or "").casefold()
    return CloudPrincipal(
        id=row_id(row), type=_TYPES.get(kind, PrincipalType.UNKNOWN), display_name=text_of(row, "displayName") or ""
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
        on_premises_domain=group.on_premises_domain,
        on_premises_sync_enabled=group.on_premises_sync_enabled,
    )


def tenant_of(row: Row) -> Tenant:
    """The tenant; its domains sorted."""
    domains = objects_of(row, "verifiedDomains")
    return Tenant(
        id=row_id(row),
        display_name=text_of(row, "displayName") or "",
        default_domain=next((text_of(d, "name") or "" for d in domains if flag_of(d, "isDefault")), ""),
        verified_domains=tuple(sorted(filter(None, (text_of(d, "name") for d in domains)))),
        on_premises_sync_enabled=flag_of(row, "onPremisesSyncEnabled"),
        last_sync=text_of(row, "onPremisesLastSyncDateTime"),
    )


def _kind(unified: bool, mail_enabled: bool, security_enabled: bool) -> CloudKind:
    if unified:
        return CloudKind.MICROSOFT_365
    if mail_enabled:
        return CloudKind.MAIL_ENABLED_SECURITY if security_enabled else CloudKind.DISTRIBUTION_LIST
    return CloudKind.SECURITY


def text_of(row: Row, name: str) -> str | None:
    """A text, or None. What is no character (half an emoji, NUL) comes as U+FFFD: one text never stops a reading.

    Raises:
        ServiceFailed: It is something else.
    """
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        return whole(value)
    raise wrong_value(row, name, t("a text"))


def flag_of(row: Row, name: str) -> bool | None:
    """True, false or None.

    Raises:
        ServiceFailed: It is something else.
    """
    value = row.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise wrong_value(row, name, t("true or false"))


def number_of(row: Row, name: str) -> int | None:
    """A whole number, or None.

    Raises:
        ServiceFailed: It is something else.
    """
    value = row.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise wrong_value(row, name, t("a whole number"))


def texts_of(row: Row, name: str) -> tuple[str, ...]:
    """A list of texts; null is none.

    Raises:
        ServiceFailed: It is something else.
    """
    value = row.get(name)
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(map(whole, value))
    raise wrong_value(row, name, t("a list of texts"))


def object_of(row: Row, name: str) -> Row:
    """An object inside this one; null is an empty one.

    Raises:
        ServiceFailed: It is something else.
    """
    value = row.get(name)
    if value is None or isinstance(value, dict):
        return value or {}
    raise wrong_value(row, name, t("an object"))


def objects_of(row: Row, name: str) -> tuple[Row, ...]:
    """A list of objects; null is none.

    Raises:
        ServiceFailed: It is something else.
    """
    value = row.get(name)
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return tuple(value)
    raise wrong_value(row, name, t("a list of objects"))


def moment_of(row: Row, name: str) -> datetime | None:
    """A moment, UTC; None for null and for the year 1, which Graph sends where there was none.

    Raises:
        ServiceFailed: It is something else.
    """
    text = text_of(row, name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise wrong_value(row, name, t("a moment"))
    return None if moment.year == 1 else moment.astimezone(UTC)


def wrong_value(row: Row, name: str, expected: Text) -> ServiceFailed:
    """The error for a value of the wrong type."""
    shown = scrubbed(str(row.get("id")), limit=80)
    return ServiceFailed(
        t(
            "Graph's answer cannot be relied on: {name} of the object with id {shown} is not {expected}.",
            name=name,
            shown=shown,
            expected=expected,
        ),
        code="graph-unexpected-answer",
        hint=t("Run again; report it if it happens again."),
        values={"property": name, "id": shown},
    )
