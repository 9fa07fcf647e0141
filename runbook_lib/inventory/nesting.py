"""What AD lets be a member of a universal group, and which groups it lets become universal. Pure.

Source: Microsoft Learn, "Active Directory security groups" (group scope); [MS-SAMR] 3.1.1.8.9 (member); system error
codes 8516 to 8520 and 8549 ("Foreign security principals cannot be members of universal groups"). Distribution groups
are held to the same rules here.
"""

from __future__ import annotations

from enum import Enum

from runbook_lib.inventory.index import DirectoryIndex
from runbook_lib.model.directory import DirectoryGroup, DirectoryObject


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
