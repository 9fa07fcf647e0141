"""Whether attribute values show the state before a change, after it, or neither. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from runbook_lib.model.anchor import MARK_ATTRIBUTE
from runbook_lib.model.change import AttributeDelta


class Stand(Enum):
    """Live state of what a write would change."""

    BEFORE = "before"
    AFTER = "after"
    OTHER = "other"


def stand_of(values_of: Callable[[str], Iterable[str]], deltas: Iterable[AttributeDelta]) -> Stand:
    """Compare live values with deltas.

    ``extensionName`` may hold other programs' values, so only the delta's own count there. In every other attribute a
    value that the plan did not see is somebody else's edit: neither before nor after.
    """
    before = after = True
    for delta in deltas:
        values, removed, added = set(values_of(delta.name)), set(delta.removed), set(delta.added)
        if delta.name.casefold() == MARK_ATTRIBUTE.casefold():
            before &= removed <= values and not added & values
            after &= added <= values and not removed & values
        else:
            before &= values == removed
            after &= values == added
    return Stand.AFTER if after else Stand.BEFORE if before else Stand.OTHER
