"""What happened to groups, or to users, in order, so that a delta query can tell what is new since its token."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Touched:
    """What happened to one object: the properties that changed, the members that came or went.

    ``whole`` is set where it was made, deleted or restored.
    """

    properties: set[str] = field(default_factory=set)
    members: dict[str, None] = field(default_factory=dict)
    whole: bool = False

    def concerns(self, selected: frozenset[str] | None) -> bool:
        """Whether a query that tracks these properties (``members`` among them) is told; None tracks everything."""
        if selected is None or self.whole or self.properties & selected:
            return True
        return bool(self.members) and "members" in selected


class ChangeLog:
    """Positions and what changed there.

    ``epoch`` names the log: a token of another one meets a service that was reset. ``generation`` counts how often
    everything issued so far was let expire. ``replays`` is how many positions before a token's are told once more.
    """

    def __init__(self) -> None:
        self.epoch = uuid.uuid4().hex[:12]
        self.generation = 0
        self.replays = 0
        self._entries: list[tuple[str, str, frozenset[str]]] = []

    @property
    def position(self) -> int:
        """Where the log stands now."""
        return len(self._entries)

    def touched(self, identifier: str, properties: Iterable[str] = ()) -> None:
        """Properties of an object changed; without any, it was made, deleted or restored."""
        self._entries.append((identifier, "", frozenset(properties)))

    def member(self, group_id: str, member_id: str) -> None:
        """A member came or went."""
        self._entries.append((group_id, member_id, frozenset()))

    def begin_again(self) -> None:
        """Forget everything, as the service does when it resets: every token issued so far becomes useless."""
        self.epoch = uuid.uuid4().hex[:12]
        self._entries.clear()

    def expire(self) -> None:
        """Let every token issued so far expire at once."""
        self.generation += 1

    def replay(self) -> None:
        """Tell everything that was told so far once more with every answer from here on, as the service may."""
        self.replays = self.position

    def since(self, position: int) -> dict[str, Touched]:
        """Objects touched after a position, in order."""
        found: dict[str, Touched] = {}
        for group_id, member_id, properties in self._entries[max(position - self.replays, 0) :]:
            touched = found.setdefault(group_id, Touched())
            if member_id:
                touched.members[member_id] = None
            touched.properties |= properties
            touched.whole |= not member_id and not properties
        return found
