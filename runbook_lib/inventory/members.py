"""Cloud members and their AD objects, and what AD lets be a member of a universal group.

Source of the rules: Microsoft Learn, "Active Directory security groups" (group scope); [MS-SAMR] 3.1.1.8.9 (member);
system error codes 8516 to 8520 and 8549 ("Foreign security principals cannot be members of universal groups").
Distribution groups are held to the same rules here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from runbook_lib.inventory.index import DirectoryIndex, claimed_ids, writer_of
from runbook_lib.inventory.keys import PROVED, AccountKeys, Resolved
from runbook_lib.inventory.states import Writer
from runbook_lib.model.cloud import CloudGroup, CloudSnapshot, PrincipalType
from runbook_lib.model.directory import DirectoryGroup, DirectoryObject, DirectorySnapshot
from runbook_lib.model.ids import NO_OBJECT, GroupId
from runbook_lib.model.text import NOTHING, Text, t, with_values
from runbook_lib.model.untrusted import printable

REASONS: Mapping[str, Text] = {
    "guest": t("Guest: no account in this AD"),
    "cloud-only": t("Cloud-only user: no account in this AD by any key"),
    "not-found": t("Synchronized, but no object in this domain has its keys"),
    "leftover-keys": t("Not synchronized any more, and its keys from AD lead to no object in this domain"),
    "other-domain": t("Account in {value}, which this run does not read", value=NOTHING),
    "other-forest": t("Account in {value}, which is not a domain of this forest", value=NOTHING),
    "other-domain-sid": t("Account in a domain that this run does not read: SID {value}", value=NOTHING),
    "group-in-other-domain": t("Group in {value}, which this run does not read", value=NOTHING),
    "group-in-other-forest": t("Group in {value}, which is not a domain of this forest", value=NOTHING),
    "group-in-other-domain-sid": t("Group in a domain that this run does not read: SID {value}", value=NOTHING),
    "keys-disagree": t("Its keys lead to different AD objects"),
    "key-ambiguous": t("Several AD objects have its key"),
    "key-unproved": t(
        "Not synchronized, and its immutable id alone leads to {value}: it may be somebody else's", value=NOTHING
    ),
    "shared-account": t(
        "Another cloud object leads to {value} too, and this one is not proved by immutable id and SID", value=NOTHING
    ),
    "not-an-account": t("Its keys lead to {value}, which is not an account", value=NOTHING),
    "domain-local": t(
        "Cannot be represented: domain local scope ({value}); AD takes none into a universal group", value=NOTHING
    ),
    "foreign-security-principal": t(
        "Cannot be represented: account of another forest ({value}); AD takes none into a universal group",
        value=NOTHING,
    ),
    "not-a-member-class": t("Cannot be represented: {value} is no account, group or contact", value=NOTHING),
    "group-not-in-ad": t("Group without an object in this AD"),
    "group-ambiguous": t("Several AD objects claim this group"),
    "group-claim-contested": t("{value} claims several cloud groups, so it proves none", value=NOTHING),
    "device": t("Devices are not written"),
    "service-principal": t("Service principals have no object in AD"),
    "contact": t("Contact without an object in this AD"),
    "unknown": t("Its type could not be read"),
}
"""Why a member is not written, by code. ``{value}`` is a DN, a domain or a SID."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A principal of the tenant, or one of its groups, and where its keys lead in AD. What is not there is empty.

    Attributes:
        member_id: Its id in the tenant.
        name: Display name; else its user principal name or its id.
        type: ``user``, ``group``, ``device`` …; ``unknown`` where it could not be read.
        guid: objectGUID of its AD object.
        dn: Distinguished name of that object.
        key: The key that led there: ``consistency-guid``, ``sid``, ``anchor`` …
        code: Why it is not written, one of ``REASONS``. With a GUID too: known in AD, and not written all the same.
        why: The same in words.
        leads_to: GUID of the AD object that its keys lead to without proving it.
    """

    member_id: str
    name: str
    type: str
    guid: str = ""
    dn: str = ""
    key: str = ""
    code: str = ""
    why: Text = NOTHING
    leads_to: str = ""


def resolve_principals(
    cloud: CloudSnapshot, directory: DirectorySnapshot, index: DirectoryIndex
) -> dict[str, Principal]:
    """Every principal and every group of the tenant, by id."""
    keys = AccountKeys(directory.objects, directory.controller)
    known: dict[str, tuple[str, str, Resolved]] = {}
    for person in cloud.principals.values():
        if person.type is not PrincipalType.GROUP:
            name = person.display_name or person.user_principal_name or person.id
            known[person.id] = (person.type.value, name, _account(keys.resolve(person), index))
    for group in cloud.groups:
        found = _group(group, index, keys, cloud.tenant.id)
        known[group.id] = (PrincipalType.GROUP.value, group.display_name, found)
    resolved = _unshared({key: found for key, (_, _, found) in known.items()})
    principals: dict[str, Principal] = {}
    for key, (kind, name, _) in known.items():
        found = _accepted(resolved[key], index)
        principals[key] = Principal(
            member_id=key,
            name=name,
            type=kind,
            guid=found.guid or "",
            dn=index.by_guid[found.guid].dn if found.guid else "",
            key=found.key or "",
            code=found.code or "",
            why=_reason(found, index),
            leads_to=_leads_to(found, index),
        )
    return principals


def memberships(cloud: CloudSnapshot, principals: Mapping[str, Principal]) -> dict[str, tuple[Principal, ...]]:
    """Direct members of every group whose members were read, by group id; both in the order of ids."""
    return {
        group_id: tuple(principals.get(member) or _unknown(member) for member in sorted(members))
        for group_id, members in sorted(cloud.members.items())
    }


def _unknown(member_id: str) -> Principal:
    return Principal(member_id, "", PrincipalType.UNKNOWN.value, code="unknown", why=REASONS["unknown"])


def _account(found: Resolved, index: DirectoryIndex) -> Resolved:
    """A user whose key leads to a group holds it by mistake."""
    if found.guid and index.by_guid[found.guid].object_class.casefold() == "group":
        return Resolved(code="not-an-account", value=found.guid)
    return found


def _group(group: CloudGroup, index: DirectoryIndex, keys: AccountKeys, tenant_id: str) -> Resolved:
    """The AD object of a cloud group: by its SID, which converted groups keep too, and by what claims it."""
    # A converted group keeps its SID, and its AD object stays ("Group source of authority", Microsoft Entra).
    by_sid = [guid for guid in index.guids_by_sid.get(group.on_premises_sid or "", []) if guid in index.groups_by_guid]
    claimants = index.groups_by_anchor.get(group.id, [])
    claimed = [c.guid for c in claimants if claimed_ids(c) == {group.id} or _ours(c, group.id, tenant_id)]
    hits = {*by_sid, *claimed}
    if len(hits) > 1:
        return Resolved(code="group-ambiguous")
    if hits:
        proof = PROVED if (by_sid and claimed) or any(_ours(c, group.id, tenant_id) for c in claimants) else 2
        return Resolved(hits.pop(), "sid" if by_sid else "anchor", proof=proof)
    if claimants:
        return Resolved(code="group-claim-contested", value=claimants[0].guid)
    came = group.on_premises_sync_enabled or group.on_premises_sid
    if came and (elsewhere := keys.elsewhere(group.on_premises_domain, None, group.on_premises_sid)):
        return replace(elsewhere, code=f"group-in-{elsewhere.code}")
    return Resolved(code="group-not-in-ad")


def _ours(claimant: DirectoryGroup, group_id: GroupId, tenant_id: str) -> bool:
    return writer_of(claimant, group_id, tenant_id) is Writer.OURS


def _unshared(found: dict[str, Resolved]) -> dict[str, Resolved]:
    """Two cloud objects never stand for one AD object: only one that is proved keeps it, else nobody."""
    by_guid: defaultdict[str, list[str]] = defaultdict(list)
    for key, resolved in found.items():
        if resolved.guid:
            by_guid[resolved.guid].append(key)
    result = dict(found)
    for guid, claims in by_guid.items():
        proved = [key for key in claims if found[key].proof >= PROVED]
        if len(claims) > 1:
            keeper = proved[0] if len(proved) == 1 else None
            result |= {key: Resolved(code="shared-account", value=guid) for key in claims if key != keeper}
    return result


def _accepted(found: Resolved, index: DirectoryIndex) -> Resolved:
    code = no_member(index.by_guid[found.guid], index) if found.guid else None
    return replace(found, code=code, value=found.guid or "") if code else found


def _leads_to(found: Resolved, index: DirectoryIndex) -> str:
    return found.value if found.guid is None and found.value in index.by_guid else ""


def _reason(found: Resolved, index: DirectoryIndex) -> Text:
    if found.code is None:
        return NOTHING
    named = index.by_guid.get(found.value)
    return with_values(REASONS[found.code], value=printable(named.dn if named else found.value, limit=300))


class GroupScope(Enum):
    """Scope of an AD group, from groupType ([MS-ADTS] 2.2.12)."""

    GLOBAL = "global"
    DOMAIN_LOCAL = "domain local"
    UNIVERSAL = "universal"
    UNKNOWN = "unknown"


_BUILT_IN, _GLOBAL, _DOMAIN_LOCAL, _UNIVERSAL = 0x1, 0x2, 0x4, 0x8
"""Flags of groupType ([MS-ADTS] 2.2.12)."""
_FOREIGN = "foreignsecurityprincipal"
_MEMBER_CLASSES = frozenset(
    {
        "user",
        "inetorgperson",
        "computer",
        "contact",
        "group",
        "msds-managedserviceaccount",
        "msds-groupmanagedserviceaccount",
        "msds-delegatedmanagedserviceaccount",
    }
)
"""Accounts, groups and contacts; what else has a mail address in AD (public folders, dynamic lists) is none of them."""


def scope_of(group_type: int) -> GroupScope:
    """The scope that a groupType says; built-in groups are domain local."""
    if group_type & (_BUILT_IN | _DOMAIN_LOCAL):
        return GroupScope.DOMAIN_LOCAL
    if group_type & _UNIVERSAL:
        return GroupScope.UNIVERSAL
    return GroupScope.GLOBAL if group_type & _GLOBAL else GroupScope.UNKNOWN


def no_member(item: DirectoryObject, index: DirectoryIndex) -> str | None:
    """Code of the reason why AD does not take an object as a member of a universal group, or None.

    Codes: ``domain-local``, ``foreign-security-principal``, ``not-a-member-class``.
    """
    kind = item.object_class.casefold()
    if kind == _FOREIGN:
        return "foreign-security-principal"
    if kind not in _MEMBER_CLASSES:
        return "not-a-member-class"
    group = index.groups_by_guid.get(item.guid)
    return "domain-local" if group and scope_of(group.group_type) is GroupScope.DOMAIN_LOCAL else None


def keeps_from_universal(group: DirectoryGroup, index: DirectoryIndex) -> str | None:
    """DN of what keeps AD from turning a group into a universal one, or None.

    A domain local group must not hold domain local groups, a global one must not be a member of global groups.
    """
    scope = scope_of(group.group_type)
    if scope is GroupScope.DOMAIN_LOCAL:
        others, hindering = group.members or (), GroupScope.DOMAIN_LOCAL
    elif scope is GroupScope.GLOBAL:
        others, hindering = group.member_of, GroupScope.GLOBAL
    else:
        return None
    for dn in others:
        other = index.groups_by_guid.get(index.guid_of_dn(dn) or NO_OBJECT)
        if other is not None and scope_of(other.group_type) is hindering:
            return other.dn
    return None
