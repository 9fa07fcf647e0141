"""What happened to groups, in order, so that a delta query can tell what is new since its token."""

from __future__ import annotations

import uuid
from collections.abc import Iterator


class ChangeLog:
    """Positions and what changed there.

    ``epoch`` names the log: a token of another one meets a service that was reset. ``generation`` counts how often
    everything issued so far was let expire.
    """

    def __init__(self) -> None:
        self.epoch = uuid.uuid4().hex[:12]
        self.generation = 0
        self._entries: list[tuple[str, str]] = []

    @property
    def position(self) -> int:
        """Where the log stands now."""
        return len(self._entries)

    def group(self, group_id: str) -> None:
        """A group was made, changed, deleted or restored."""
        self._entries.append((group_id, ""))

    def member(self, group_id: str, member_id: str) -> None:
        """A member came or went."""
        self._entries.append((group_id, member_id))

    def begin_again(self) -> None:
        """Forget everything, as the service does when it resets: every token issued so far becomes useless."""
        self.epoch = uuid.uuid4().hex[:12]
        self._entries.clear()

    def expire(self) -> None:
        """Let every token issued so far expire at once."""
        self.generation += 1

    def since(self, position: int) -> dict[str, list[str]]:
        """Groups touched after a position, in order, with the members that came or went."""
        touched: dict[str, dict[str, None]] = {}
        for group_id, member_id in self._after(position):
            members = touched.setdefault(group_id, {})
            if member_id:
                members[member_id] = None
        return {group_id: list(members) for group_id, members in touched.items()}

    def _after(self, position: int) -> Iterator[tuple[str, str]]:
        return iter(self._entries[position:])
