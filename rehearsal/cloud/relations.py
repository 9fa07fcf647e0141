"""What groups and users are related to: members, owners, groups that hold them, directly and by way of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rehearsal.cloud.permissions import READ_HIDDEN, Caller
from rehearsal.cloud.resources import Record
from rehearsal.cloud.store import CloudStore


class Relations:
    """Relations of a store's objects."""

    def __init__(self, store: CloudStore) -> None:
        self._store = store

    def held(self, record: Record, relation: str, caller: Caller) -> Sequence[str]:
        """Ids of what a relation leads to."""
        identifier = str(record["id"])
        if relation == "owners":
            return self._store.owners(identifier)
        if relation == "members":
            return self.members(record, caller)
        if relation == "transitiveMembers":
            return _closure(identifier, lambda key: self.members(self._store.groups.get(key, {}), caller))
        if relation == "memberOf":
            return self._store.holders(identifier)
        return _closure(identifier, self._store.holders)

    def members(self, group: Record, caller: Caller) -> Sequence[str]:
        """Ids of direct members; a hidden membership looks empty without its permission."""
        return () if is_hidden(group, caller) else self._store.members(str(group.get("id", "")))


def is_hidden(group: Record, caller: Caller) -> bool:
    """Whether this caller may not see who is in the group."""
    return group.get("visibility") == "HiddenMembership" and not caller.has(READ_HIDDEN)


def _closure(start: str, step: Callable[[str], Iterable[str]]) -> list[str]:
    """Everything reachable, each once, nearest first."""
    reached: dict[str, None] = {}
    waiting = [start]
    for identifier in waiting:
        for other in step(identifier):
            if other not in reached and other != start:
                reached[other] = None
                waiting.append(other)
    return list(reached)
