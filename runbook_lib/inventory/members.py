"""Cloud members and their AD objects, and what AD lets be a member of a universal group.

Source of the rules: Microsoft Learn, "Active Directory security groups" (group scope); [MS-SAMR] 3.1.1.8.9 (member);
system error codes 8516 to 8520 and 8549 ("Foreign security principals cannot be members of universal groups").
Distribution groups are held to the same rules here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from enum import Enum

import pandas as pd

from runbook_lib.inventory.index import DirectoryIndex, claimed_ids, writer_of
from runbook_lib.inventory.keys import PROVED, AccountKeys, Resolved
from runbook_lib.inventory.states import Writer
from runbook_lib.model.cloud import CloudGroup, CloudSnapshot, PrincipalType
from runbook_lib.model.directory import DirectoryGroup, DirectoryObject, DirectorySnapshot
from runbook_lib.model.untrusted import printable

REASONS = {
    "guest": "Guest: no account in this AD",
    "cloud-only": "Cloud-only user: no account in this AD by any key",
    "not-found": "Synchronized, but no object in this domain has its keys",
    "leftover-keys": "Not synchronized any more, and its keys from AD lead to no object in this domain",
    "other-domain": "Account in {value}, which this run does not read",
    "other-forest": "Account in {value}, which is not a domain of this forest",
    "other-domain-sid": "Account in a domain that this run does not read: SID {value}",
    "group-in-other-domain": "Group in {value}, which this run does not read",
    "group-in-other-forest": "Group in {value}, which is not a domain of this forest",
    "group-in-other-domain-sid": "Group in a domain that this run does not read: SID {value}",
    "keys-disagree": "Its keys lead to different AD objects",
    "key-ambiguous": "Several AD objects have its key",
    "key-unproved": "Not synchronized, and its immutable id alone leads to {value}: it may be somebody else's",
    "shared-account": "Another cloud object leads to {value} too, and this one is not proved by immutable id and SID",
    "not-an-account": "Its keys lead to {value}, which is not an account",
    "domain-local": "Cannot be represented: domain local scope ({value}); AD takes none into a universal group",
    "foreign-security-principal": "Cannot be represented: account of another forest ({value}); AD takes none into a "
    "universal group",
    "not-a-member-class": "Cannot be represented: {value} is no account, group or contact",
    "group-not-in-ad": "Group without an object in this AD",
    "group-ambiguous": "Several AD objects claim this group",
    "group-claim-contested": "{value} claims several cloud groups, so it proves none",
    "device": "Devices are not written",
    "service-principal": "Service principals have no object in AD",
    "contact": "Contact without an object in this AD",
    "unknown": "Its type could not be read",
}
"""Why a member is not written, by code. ``{value}`` is a DN, a domain or a SID."""


def resolve_principals(cloud: CloudSnapshot, directory: DirectorySnapshot, index: DirectoryIndex) -> pd.DataFrame:
    """One row per principal and per group of the tenant.

    Returns:
        Columns, all ``object`` (text or None): ``member_id``, ``member_type``, ``member_name``, ``ad_guid``, ``ad_dn``,
        ``match_key``, ``reason_code``, ``reason``, ``leads_to``. A member that is written has ``ad_guid`` and no
        ``reason_code``; one with both is known in AD and is not written all the same. ``leads_to`` is the GUID of the
        AD object that its keys lead to without proving it.
    """
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
    rows = []
    for key, (kind, name, _) in known.items():
        found = _accepted(resolved[key], index)
        dn = index.by_guid[found.guid].dn if found.guid else None
        why = _reason(found, index)
        rows.append((key, kind, name, found.guid, dn, found.key, found.code, why, _leads_to(found, index)))
    columns = ["member_id", "member_type", "member_name", "ad_guid", "ad_dn", "match_key", "reason_code", "reason"]
    columns.append("leads_to")
    return pd.DataFrame(rows, columns=columns, dtype=object)


def memberships(cloud: CloudSnapshot, principals: pd.DataFrame) -> pd.DataFrame:
    """One row per direct membership: ``group_id`` and the columns of ``resolve_principals``, sorted by both ids."""
    pairs = pd.DataFrame(
        [(group_id, member) for group_id, members in cloud.members.items() for member in members],
        columns=["group_id", "member_id"],
        dtype=object,
    )
    joined = pairs.merge(principals, on="member_id", how="left")
    missing = joined["member_type"].isna()
    joined.loc[missing, ["member_type", "reason_code", "reason"]] = ["unknown", "unknown", REASONS["unknown"]]
    joined = joined.astype(object).where(joined.notna(), None)
    return joined.sort_values(["group_id", "member_id"], ignore_index=True)


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


def _ours(claimant: DirectoryGroup, group_id: str, tenant_id: str) -> bool:
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


def _leads_to(found: Resolved, index: DirectoryIndex) -> str | None:
    return found.value if found.guid is None and found.value in index.by_guid else None


def _reason(found: Resolved, index: DirectoryIndex) -> str | None:
    if found.code is None:
        return None
    named = index.by_guid.get(found.value)
    return REASONS[found.code].format(value=printable(named.dn if named else found.value, limit=300))


class Scope(Enum):
    """Scope of an AD group, from groupType ([MS-ADTS] 2.2.12)."""

    GLOBAL = "global"
    DOMAIN_LOCAL = "domain local"
    UNIVERSAL = "universal"
    UNKNOWN = "unknown"


_BUILT_IN, _GLOBAL, _DOMAIN_LOCAL, _UNIVERSAL = 0x1, 0x2, 0x4, 0x8
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


def scope_of(group_type: int) -> Scope:
    """The scope that a groupType says; built-in groups are domain local."""
    if group_type & (_BUILT_IN | _DOMAIN_LOCAL):
        return Scope.DOMAIN_LOCAL
    if group_type & _UNIVERSAL:
        return Scope.UNIVERSAL
    return Scope.GLOBAL if group_type & _GLOBAL else Scope.UNKNOWN


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
    return "domain-local" if group and scope_of(group.group_type) is Scope.DOMAIN_LOCAL else None


def keeps_from_universal(group: DirectoryGroup, index: DirectoryIndex) -> str | None:
    """DN of what keeps AD from turning a group into a universal one, or None.

    A domain local group must not hold domain local groups, a global one must not be a member of global groups.
    """
    scope = scope_of(group.group_type)
    if scope is Scope.DOMAIN_LOCAL:
        others, hindering = group.members or (), Scope.DOMAIN_LOCAL
    elif scope is Scope.GLOBAL:
        others, hindering = group.member_of, Scope.GLOBAL
    else:
        return None
    for dn in others:
        other = index.groups_by_guid.get(index.guid_of_dn(dn) or "")
        if other is not None and scope_of(other.group_type) is hindering:
            return other.dn
    return None
