"""What a check saw, what it expected, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from runbook_lib.model.text import NOTHING, Text

ASKED = "asked"
"""False in ``values`` of a finding in a record: it is about routes that the run was not asked for."""


class Severity(Enum):
    """How much a finding matters, the least first."""

    INFO = "info"
    WARNING = "warning"
    UNKNOWN = "unknown"
    """A question that could not be answered: what it asks for may be fine, or stand in the way."""
    BLOCKING = "blocking"
    """Nothing is written until the finding is gone or acknowledged in the parameters."""

    @property
    def rank(self) -> int:
        """Its number in the order of gravity: 0 for the least."""
        return list(Severity).index(self)


class HandOff(Protocol):
    """Something that somebody else has to do about a finding, ready to copy. Its types stand where findings arise."""

    @property
    def title(self) -> Text:
        """What it does, in a few words."""
        ...

    @property
    def where(self) -> Text:
        """Where it is done."""
        ...

    def text(self) -> str:
        """The lines to copy, each with its end; empty where there is nothing to do."""
        ...

    def as_json(self) -> dict[str, object]:
        """Its kind and its values, JSON-compatible."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement of a check.

    Attributes:
        id: Stable identifier, ``<what>`` or ``<what>:<object>``; acknowledgements name it.
        severity: How much it matters.
        seen: What was read, in words with the values.
        expected: What would have been fine.
        why: Why it matters.
        to_do: What to do now.
        source: The public document the expectation comes from, or empty.
        values: The facts, JSON-compatible, for translation and machines.
        acknowledgeable: Whether naming it in the parameters lets the run go on.
        hand_offs: What somebody else has to do about it, each as text to copy.
    """

    id: str
    severity: Severity
    seen: Text
    expected: Text = NOTHING
    why: Text = NOTHING
    to_do: Text = NOTHING
    source: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    acknowledgeable: bool = False
    hand_offs: tuple[HandOff, ...] = ()

    def as_json(self) -> dict[str, object]:
        """JSON form for record.json. Kinds and values of hand-offs stand in ``values`` as ``hand_off``, a list where
        there are several."""
        ways = [one.as_json() for one in self.hand_offs]
        handed = {"hand_off": ways[0] if len(ways) == 1 else ways} if ways else {}
        return {
            "id": self.id,
            "severity": self.severity.value,
            "seen": self.seen,
            "expected": self.expected,
            "why": self.why,
            "to_do": self.to_do,
            "source": self.source,
            "values": {**self.values, **handed},
        }
