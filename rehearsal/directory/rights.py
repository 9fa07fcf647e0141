"""Who may do what: administrators all, an account what stands below containers granted to it; who is bound may read."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.directory.tree import Guid, Tree

SYSTEM: Guid = b"system"
"""Stands for the directory itself: no right is asked for."""
_ADMINISTRATOR, _DOMAIN_ADMINS = 500, 512


@dataclass(slots=True)
class Rights:
    """Pairs of an account and the container it may write below, or must not see."""

    write: frozenset[tuple[Guid, Guid]] = frozenset()
    hidden: frozenset[tuple[Guid, Guid]] = frozenset()

    def copy(self) -> Rights:
        """For a snapshot."""
        return Rights(self.write, self.hidden)

    def may_write(self, tree: Tree, account: Guid, container: Guid) -> bool:
        """Whether ``account`` may create, change and delete what stands directly or further below ``container``."""
        if account == SYSTEM or is_administrator(tree, account):
            return True
        return any((account, guid) in self.write for guid in tree.ancestors(container))

    def may_change(self, tree: Tree, account: Guid, guid: Guid) -> bool:
        """Whether ``account`` may change this object; a grant on a container does not cover the container itself."""
        parent = tree.nodes[guid].parent
        return self.may_write(tree, account, parent if parent is not None else guid) or account == SYSTEM

    def may_read(self, tree: Tree, account: Guid, guid: Guid) -> bool:
        """Whether the object exists for ``account``."""
        if not self.hidden:
            return True
        return not any((account, above) in self.hidden for above in tree.ancestors(guid))


def is_administrator(tree: Tree, account: Guid) -> bool:
    """Whether the account is the built-in administrator or in Domain Admins, nested or not."""
    seen: set[Guid] = set()
    waiting = [account]
    while waiting:
        guid = waiting.pop()
        if guid in seen or guid not in tree.nodes:
            continue
        seen.add(guid)
        sid = tree.nodes[guid].attributes.get("objectSid", (b"",))[0]
        if len(sid) == 28 and int.from_bytes(sid[-4:], "little") in {_ADMINISTRATOR, _DOMAIN_ADMINS}:
            return True
        waiting += tree.sources("member", guid)
    return False
