"""What is read: each part with title and reader, why it has no value, and what proves that nothing is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from runbook_lib.errors import RunbookError
from runbook_lib.model.moment import iso_exact
from runbook_lib.model.text import NOTHING, Text, clause, t

_S = TypeVar("_S")
_T = TypeVar("_T")
_U = TypeVar("_U")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part that could not be read. Nothing is concluded from it: neither that something is there nor that it is not.

    Attributes:
        part: Key of the part, within what was read: ``exchange``, ``licences``, ``domain:DC=sales,DC=contoso,DC=com``.
        code: Stable lower-case identifier with hyphens: that of the error, or what its reader documents.
        text: Why, for people: a clause without a full stop, or whole sentences with theirs.
        values: The facts inside the text, JSON-compatible.
        hint: What to do about it, as the error says; may be empty.
    """

    part: str
    code: str
    text: Text
    values: Mapping[str, object] = field(default_factory=dict, hash=False)
    hint: Text = NOTHING

    @classmethod
    def because(cls, part: str, error: RunbookError) -> Unreadable:
        """What an error says, as the reason why a part has no value."""
        return cls(part, error.code, error.message, dict(error.values), error.hint)

    @property
    def sentence(self) -> Text:
        """The text with its full stop."""
        return self.text if self.text.endswith(".") else t("{text}.", text=self.text)

    @property
    def clause(self) -> Text:
        """The text without its full stop."""
        return clause(self.text)


class Readings(Protocol):
    """What was read, by part."""

    def __getitem__(self, part: Part[Any, _T], /) -> _T:
        """The value of a part that has one."""
        ...


@dataclass(frozen=True, eq=False)
class Part(Generic[_S, _T]):
    """One thing that is read, of the type ``_T``. A part is itself alone; it is no other part's equal.

    Attributes:
        key: Stable name: ``exchange``; of a part that is inside another one, ``tenant.licences``.
        title: What it is called in sentences and tables; empty for what is worked out and was not read.
        read: Reads it from what ``_S`` gives; it raises an error of the family, or returns an ``Unreadable``, where it
            cannot. Of a part inside another one it gets the readings.
        needs: Parts that the reader looks at, so they are read before this one. It looks at no other.
        inside: The part that this one is taken from; without a value of that one it has none.
    """

    key: str
    title: Text
    read: Callable[[_S], _T | Unreadable]
    needs: tuple[Part[Any, Any], ...] = ()
    inside: Part[Any, Any] | None = None

    def part(self, name: str, title: Text, take: Callable[[_T], _U | Unreadable]) -> Part[Readings, _U]:
        """A part of this one that may be unreadable alone. Its key is ``<this key>.<name>``.

        Args:
            name: Name below this part.
            title: What it is called.
            take: From the value of this part to that one's, or why there is none.
        """
        return Part(f"{self.key}.{name}", title, lambda readings: take(readings[self]), (self,), self)

    def worked_out(self, name: str, work_out: Callable[[_T], _U]) -> Part[Readings, _U]:
        """What follows from this part: worked out when first asked for, once for each reading.

        Args:
            name: Name below this part.
            work_out: Pure.
        """
        return self.part(name, NOTHING, work_out)


def in_reading_order(parts: Iterable[Part[Any, Any]]) -> tuple[Part[Any, Any], ...]:
    """The parts in the order given, except that whatever a part needs comes before it.

    Raises:
        ValueError: Two parts have one key, a part needs one that is not among ``parts``, or parts need each other in a
            circle. The message names them.
    """
    given = tuple(parts)
    keys = [part.key for part in given]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"several parts have the key {', '.join(twice)}")
    found: dict[Part[Any, Any], None] = {}

    def add(part: Part[Any, Any], above: tuple[Part[Any, Any], ...]) -> None:
        if part in above:
            circle = [*above[above.index(part) :], part]
            raise ValueError(f"parts need each other in a circle: {' -> '.join(one.key for one in circle)}")
        if part in found:
            return
        if part not in given:
            raise ValueError(f"{above[-1].key} needs {part.key}, which is not among the parts that are read")
        for needed in part.needs:
            add(needed, (*above, part))
        found[part] = None

    for part in given:
        add(part, ())
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Reading:
    """Provenance of a snapshot.

    Attributes:
        source: DC or Graph host and tenant, for people.
        at: When reading began, UTC.
        complete: Whether everything that was asked for arrived. An incomplete reading can be shown, never planned from.
        proof: One sentence per reason to believe it, with numbers ("45 groups on 1 page, last page without nextLink").
        gaps: One sentence per thing that could not be read.
        seconds: How long it took.
        requests: Round trips.
    """

    source: str
    at: datetime
    complete: bool
    proof: tuple[Text, ...] = ()
    gaps: tuple[Text, ...] = ()
    seconds: float = 0.0
    requests: int = 0

    def as_json(self) -> dict[str, object]:
        """JSON form for record.json."""
        return {
            "source": self.source,
            "at": iso_exact(self.at),
            "complete": self.complete,
            "proof": list(self.proof),
            "gaps": list(self.gaps),
            # A clock that was set back while reading must not make a record that its own schema refuses.
            "seconds": max(round(self.seconds, 3), 0.0),
            "requests": self.requests,
        }
