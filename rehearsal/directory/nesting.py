"""Which group takes which member, and which scope a group can change to.

Sources: Microsoft Learn, "Active Directory security groups" (group scope); [MS-SAMR] 3.1.1.8.9; the texts of the system
error codes that AD answers with (8513 and 8516 to 8520, 8549). Distribution groups are held to the same rules here.
"""

from __future__ import annotations

from rehearsal.directory import failures
from rehearsal.directory.tree import Guid, Node, Tree

_GLOBAL, _DOMAIN_LOCAL, _UNIVERSAL = "global", "domain local", "universal"
_INVALID_TYPE = "00002141"
_GLOBAL_HAS_LOCAL, _GLOBAL_HAS_UNIVERSAL = "00002144", "00002145"
_UNIVERSAL_HAS_LOCAL, _GLOBAL_HAS_FOREIGN = "00002146", "00002147"
_LOCAL_HAS_FOREIGN_LOCAL, _UNIVERSAL_HAS_FPO = "00002148", "00002165"


def check_member(tree: Tree, holder: Node, member: Guid) -> None:
    """Refuse a member that the scope of its group does not take; ``holder`` may be a draft that is in no tree yet."""
    if number := _refusal(tree, holder, _scope(holder), tree.nodes[member]):
        raise failures.unwilling(number)


def check_scope(tree: Tree, draft: Node, before: Node | None) -> None:
    """Refuse a groupType whose scope the group's present scope, members or groups do not allow."""
    old, new = _scope(before) if before is not None else None, _scope(draft)
    if new is None or old is None or new == old:
        return
    if {old, new} == {_GLOBAL, _DOMAIN_LOCAL}:
        raise failures.unwilling(_INVALID_TYPE)
    for member in draft.links.get("member", ()):
        if number := _refusal(tree, draft, new, tree.nodes[member]):
            raise failures.unwilling(number)
    for holder in tree.sources("member", draft.guid):
        if number := _refusal(tree, tree.nodes[holder], _scope(tree.nodes[holder]), draft):
            raise failures.unwilling(number)


def _refusal(tree: Tree, holder: Node, scope: str | None, member: Node) -> str | None:
    """The error number of a member that a group of this scope does not take."""
    inside = _scope(member) if "group" in member.classes else None
    foreign = "foreignSecurityPrincipal" in member.classes
    elsewhere = foreign or _domain(tree, holder) != _domain(tree, member)
    if scope == _UNIVERSAL:
        return _UNIVERSAL_HAS_FPO if foreign else _UNIVERSAL_HAS_LOCAL if inside == _DOMAIN_LOCAL else None
    if scope == _GLOBAL:
        inner = {_DOMAIN_LOCAL: _GLOBAL_HAS_LOCAL, _UNIVERSAL: _GLOBAL_HAS_UNIVERSAL}.get(inside or "")
        return inner or (_GLOBAL_HAS_FOREIGN if elsewhere else None)
    if scope == _DOMAIN_LOCAL and inside == _DOMAIN_LOCAL and elsewhere:
        return _LOCAL_HAS_FOREIGN_LOCAL
    return None


def _scope(node: Node) -> str | None:
    value = int(node.text("groupType") or "0")
    if value & 0x5:  # domain local, and what came with the domain
        return _DOMAIN_LOCAL
    return _UNIVERSAL if value & 0x8 else _GLOBAL if value & 0x2 else None


def _domain(tree: Tree, node: Node) -> Guid:
    return tree.head(node.guid if node.guid in tree.nodes else node.parent or node.guid)
