"""What the writing account may do, read over LDAP: its token, the descriptors that decide, policies that bar it.

The token is the root DSE's ``tokenGroups``: the SIDs by which this controller judges this connection ([MS-ADTS]
3.1.1.3.2), nested groups and those that everybody has included. GUIDs and property sets come from the forest's own
schema.

The policies are those of AD object enforcement (``model.enforcement`` has the source). The documentation calls the
policy object ``CN=Cloud``; a third party's script names another. So every object in the container is read. The mode is
a keyword of the object; where none shows, it is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from runbook_lib.bulk import in_parts
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import may_list_deleted
from runbook_lib.directory.errors import ObjectMissing, RightsMissing
from runbook_lib.directory.rights.descriptor import Control, SecurityDescriptor, parse_security_descriptor
from runbook_lib.directory.rights.evaluate import Account, GroupHolder, Holder, Place, Situation
from runbook_lib.directory.rights.needs import READ_ATTRIBUTES
from runbook_lib.directory.rights.sddl import parse_sddl
from runbook_lib.directory.search import (
    ANY_OBJECT,
    Entry,
    all_of,
    any_of,
    bytes_equal,
    equals,
    in_domain,
    sid_bytes,
    sid_text,
    starts_with,
)
from runbook_lib.errors import NoAccess
from runbook_lib.model.enforcement import NO_ENFORCEMENT, Enforcement, soa_policy_of
from runbook_lib.model.ids import MARK_ATTRIBUTE
from runbook_lib.model.text import NOTHING, clause, t

_DOMAIN_ADMINS = "512"
_SIDS_AT_ONCE = 200
"""SIDs that one search names."""
_DESCRIPTOR = "nTSecurityDescriptor"


def read_situation(directory: Directory, target_ou: str, retired_ou: str) -> Situation:
    """Everything that ``rights_table`` needs. A descriptor that cannot be read is a holder that says so.

    Raises:
        NoAccess: ``account-unknown``: the controller does not say whose connection this is.
        RunbookError: The controller does not answer.
    """
    base = directory.controller.default_naming_context
    places = {
        Place.TARGET: read_holder(directory, target_ou),
        Place.RETIRED: read_holder(directory, retired_ou),
        Place.DOMAIN: read_holder(directory, base),
        Place.DELETED_OBJECTS: read_holder(directory, f"CN=Deleted Objects,{base}", show_deleted=True),
    }
    return Situation(
        account=read_account(directory),
        places=places,
        group_default=default_of_groups(directory),
        types=attribute_types(directory, READ_ATTRIBUTES),
        groups=tuple(group for place in (Place.TARGET, Place.RETIRED) for group in _groups(directory, places[place])),
        listed=may_list_deleted(directory),
    )


def read_account(directory: Directory) -> Account:
    """Whose connection this is, and its token.

    Raises:
        NoAccess: ``account-unknown``.
    """
    root = directory.read_dn("", ("tokenGroups",))
    token = frozenset(sid_text(value) for value in root.raw("tokenGroups")) if root else frozenset()
    dc = directory.controller
    accounts = [sid for sid in sorted(token) if sid.startswith(f"{dc.domain_sid}-")]
    found: list[Entry] = []
    for sids in in_parts(accounts, _SIDS_AT_ONCE):
        some = any_of(*(bytes_equal("objectSid", sid_bytes(sid)) for sid in sids))
        wanted = all_of(equals("objectClass", "user"), some)
        found += directory.search(dc.default_naming_context, wanted, ("objectSid", "sAMAccountName"))
    if len(found) != 1 or not found[0].sid:
        raise NoAccess(
            t("The domain controller does not say which account of this domain the connection belongs to."),
            code="account-unknown",
            hint=t("Use an account of the domain that is written to; it must be able to read itself."),
            values={"token": len(token), "accounts": len(found)},
        )
    sid, name = found[0].sid, found[0].text("sAMAccountName")
    netbios = netbios_name(directory)
    return Account(
        name=f"{netbios}\\{name}" if netbios and name else sid,
        sid=sid,
        token=token,
        creates_as=creator_of(token, sid, dc.domain_sid),
    )


def creator_of(token: frozenset[str], sid: str, domain_sid: str) -> str:
    """SID that owns what an account creates: Domain Admins where it is one of them, else its own."""
    administrators = f"{domain_sid}-{_DOMAIN_ADMINS}"
    return administrators if administrators in token else sid


def read_holder(directory: Directory, dn: str, *, show_deleted: bool = False) -> Holder:
    """An object with its descriptor as far as this account may read it."""
    if not dn:
        return Holder(dn, None, t("no such container is named"))
    try:
        entry = directory.read_dn(dn, ("objectClass", _DESCRIPTOR), show_deleted=show_deleted)
    except (RightsMissing, ObjectMissing):
        entry = None
    if entry is None:
        return Holder(dn, None, t("{dn} does not exist or this account may not see it", dn=dn))
    descriptor = _descriptor(entry)
    return Holder(
        entry.dn, descriptor, NOTHING if descriptor else t("this account may not read the access list of {dn}", dn=dn)
    )


def _descriptor(entry: Entry) -> SecurityDescriptor | None:
    """What was returned; None for nothing, for what is no descriptor, and for one without its list."""
    values = entry.raw(_DESCRIPTOR)
    try:
        found = parse_security_descriptor(values[0]) if values else None
    except ValueError:
        return None
    return found if found and found.control & Control.DACL_PRESENT else None


def netbios_name(directory: Directory) -> str:
    """NetBIOS name of the domain; empty where this account does not see it."""
    """NetBIOS name of the controller's domain, ``CONTOSO``; empty where it cannot be read."""
    dc = directory.controller
    partitions = f"CN=Partitions,{dc.configuration_naming_context}"
    wanted = all_of(equals("objectClass", "crossRef"), equals("nCName", dc.default_naming_context))
    for entry in directory.search(partitions, wanted, ("nETBIOSName",), scope="one"):
        return entry.text("nETBIOSName") or ""
    return ""


def default_of_groups(directory: Directory) -> SecurityDescriptor | None:
    """defaultSecurityDescriptor of the class group; None where it cannot be read or understood."""
    dc = directory.controller
    wanted = all_of(equals("objectClass", "classSchema"), equals("lDAPDisplayName", "group"))
    for entry in directory.search(dc.schema_naming_context, wanted, ("defaultSecurityDescriptor",), scope="one"):
        text = entry.text("defaultSecurityDescriptor")
        try:
            # The aliases for forest-wide groups do not stand in this class's default; its own domain's SID serves both.
            return parse_sddl(text, dc.domain_sid) if text else None
        except ValueError:
            return None
    return None


def attribute_types(directory: Directory, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Attribute, spelled as in ``names``, to its schemaIDGUID and the GUID of its property set, if it has one."""
    spelled = {name.lower(): name for name in names}
    wanted = all_of(
        equals("objectClass", "attributeSchema"),
        any_of(*(equals("lDAPDisplayName", name) for name in sorted(spelled.values()))),
    )
    asked = ("lDAPDisplayName", "schemaIDGUID", "attributeSecurityGUID", "isDefunct")
    found: dict[str, tuple[str, ...]] = {}
    for entry in directory.search(directory.controller.schema_naming_context, wanted, asked, scope="one"):
        name = spelled.get((entry.text("lDAPDisplayName") or "").lower())
        guids = (entry.guid_of("schemaIDGUID"), entry.guid_of("attributeSecurityGUID"))
        if name and guids[0] and not entry.truth("isDefunct"):
            found[name] = tuple(guid for guid in guids if guid)
    return found


def _groups(directory: Directory, ou: Holder) -> Iterable[GroupHolder]:
    """Groups with our mark below an OU that exists, with their descriptors."""
    if ou.descriptor is None:
        return ()
    wanted = all_of(equals("objectClass", "group"), starts_with(MARK_ATTRIBUTE, "gwb:"))
    return directory.collect(
        ou.dn,
        wanted,
        ("objectSid", _DESCRIPTOR),
        lambda entry: GroupHolder(entry.dn, entry.sid, _descriptor(entry)),
    )


_CONTAINER = "CN=SOA-Policies,CN=System"
_KEYWORDS, _SETTINGS = "keywords", "msDS-Settings"
_SID = re.compile(r"S-1-[0-9]{1,10}(-[0-9]{1,10}){1,15}", re.IGNORECASE)


def read_enforcement(directory: Directory) -> Enforcement:
    """The policies of the domain, and the account that writes where there is one to compare.

    Raises:
        RunbookError: The directory does not answer.
    """
    container = f"{_CONTAINER},{directory.controller.default_naming_context}"
    try:
        found = list(directory.search(container, ANY_OBJECT, ("objectClass", _KEYWORDS, _SETTINGS), scope="one"))
    except ObjectMissing:
        return NO_ENFORCEMENT
    except RightsMissing:
        return Enforcement(why_unknown=t("this account may not read {container}", container=container))
    if not found:
        return NO_ENFORCEMENT
    stale = _stale(directory, [value for entry in found for value in entry.texts(_SETTINGS)])
    policies = tuple(
        soa_policy_of(entry.dn, entry.texts(_KEYWORDS), entry.texts(_SETTINGS), _is_sid, stale)
        for entry in sorted(found, key=lambda entry: entry.dn)
    )
    try:
        account = read_account(directory)
    except NoAccess as error:
        return Enforcement(policies, why_unknown=clause(error.message))
    return Enforcement(policies, account.sid, account.token)


def _is_sid(text: str) -> bool:
    return _SID.fullmatch(text) is not None


def _stale(directory: Directory, values: list[str]) -> frozenset[str]:
    """SIDs of this domain that no object has any more; those of others cannot be looked up here."""
    dc = directory.controller
    ours = sorted(
        {text.upper() for value in values if _is_sid(text := value.strip()) and in_domain(text, dc.domain_sid)}
    )
    if not ours:
        return frozenset()
    wanted = any_of(*(bytes_equal("objectSid", sid_bytes(sid)) for sid in ours))
    there = {(entry.sid or "").upper() for entry in directory.search(dc.default_naming_context, wanted, ("objectSid",))}
    return frozenset(ours) - there
