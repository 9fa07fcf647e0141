"""What was read before anything is judged: every part with its value, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar, cast

from runbook_lib.model.part import Part, Unreadable
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters

_T = TypeVar("_T")


@dataclass(frozen=True)
class Evidence:
    """Everything that the checks look at, by the ``Part`` objects of ``preflight.parts``.

    ``evidence[EXCHANGE]`` is the value of a part that has one, of the type that its reader gives.

    Attributes:
        at: When reading began, UTC. Checks take "today" from here.
        parameters: What the operator asked for.
        parts: Every part there is, in the order in which it is shown.
        read: Part to its value, or why there is none; a part that is missing was not read. Parts that are inside
            another one are taken from that.
    """

    at: datetime
    parameters: Parameters
    parts: tuple[Part[Any, Any], ...]
    read: Mapping[Part[Any, Any], object] = field(default_factory=dict)
    _taken: dict[Part[Any, Any], object] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __getitem__(self, part: Part[Any, _T]) -> _T:
        """The value of a part that a check has named in its ``needs``.

        Raises:
            LookupError: It has none: the check does not name it, which is a defect.
        """
        value = self._value(part)
        if isinstance(value, Unreadable):
            raise LookupError(f"a check looks at {part.key} without naming it in its needs: {value.sentence}")
        return value

    def get(self, part: Part[Any, _T]) -> _T | None:
        """The value of a part that a check can do without; None where it has none."""
        value = self._value(part)
        return None if isinstance(value, Unreadable) else value

    def unreadable(self, part: Part[Any, Any]) -> Unreadable | None:
        """Why a part has no value; None where it has one.

        Where a whole reading failed, that is why its parts have none: then ``part`` of the answer names the whole.
        """
        value = self._value(part)
        return value if isinstance(value, Unreadable) else None

    @property
    def all_unreadable(self) -> tuple[Unreadable, ...]:
        """Everything that has no value, in the order of ``parts``; of a reading that failed as a whole, the whole."""
        found = (self.unreadable(part) for part in self.parts)
        return tuple(dict.fromkeys(reason for reason in found if reason is not None))

    def with_part(self, part: Part[Any, _T], value: _T | Unreadable) -> Evidence:
        """The same evidence with one more part, or with another value of it."""
        return replace(self, read={**self.read, part: value})

    def _value(self, part: Part[Any, _T]) -> _T | Unreadable:
        if part.inside is None:
            value = self.read.get(part, Unreadable(part.key, "not-read", t("It was not read.")))
        elif (whole := self.unreadable(part.inside)) is not None:
            return whole
        else:
            if part not in self._taken:
                self._taken[part] = part.read(self)
            value = self._taken[part]
        return replace(value, part=part.key) if isinstance(value, Unreadable) else cast(_T, value)
