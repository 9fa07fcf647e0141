"""Change windows: times of the week at which something may happen, in the time of one zone, right at its clock changes.

``Sat 22:00-04:00 Europe/Madrid`` begins each Saturday at 22:00 and ends on Sunday at 04:00, as clocks in Madrid show
it. Where they are set back, an hour occurs twice, and where they are set forward one does not occur: a window begins at
the later and ends at the earlier of both readings, so that it is never longer than either. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runbook_lib.model.text import Text, t

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WINDOW = re.compile(
    r"(?P<days>[A-Za-z]+(?:[-,][A-Za-z]+)*) (?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d) (?P<zone>[A-Za-z][A-Za-z0-9_+/-]*)"
)
_MINUTES_OF_A_DAY = 24 * 60


class MalformedWindow(ValueError):  # noqa: N818 - what it says becomes part of an error in words
    """A text that is no change window.

    Attributes:
        why: What is wrong, continuing "<parameter> …".
    """

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Span:
    """A time with its ends, UTC; ``until`` is no longer part of it."""

    begins: datetime
    until: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.begins <= at < self.until


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """One window.

    Attributes:
        text: As it was written.
        days: Days on which it begins, 0 is Monday.
        begin: Minutes after midnight.
        end: Minutes after midnight; not later than ``begin``: of the day after.
        zone: Whose clocks are meant.
    """

    text: str
    days: frozenset[int]
    begin: int
    end: int
    zone: ZoneInfo

    def __contains__(self, at: datetime) -> bool:
        return any(at in span for span in self.spans(at, at + timedelta.resolution))

    def on(self, day: date) -> Span | None:
        """The window that begins on this day of its zone; None where there is none, or clocks jump over all of it."""
        if day.weekday() not in self.days:
            return None
        last = day if self.end > self.begin else day + timedelta(days=1)
        begins = max(_instants(day, self.begin, self.zone))
        until = min(_instants(last, self.end, self.zone))
        return Span(begins, until) if begins < until else None

    def spans(self, begins: datetime, until: datetime) -> Iterator[Span]:
        """Every window that has a part between two times, in order."""
        day = begins.astimezone(self.zone).date() - timedelta(days=1)
        last = until.astimezone(self.zone).date()
        while day <= last:
            span = self.on(day)
            if span is not None and span.until > begins and span.begins < until:
                yield span
            day += timedelta(days=1)


def parse_window(text: str) -> ChangeWindow:
    """A window as ``DAYS HH:MM-HH:MM ZONE``: days are ``Sat``, ``Mon-Fri``, ``Sat,Sun`` or ``daily``, the zone IANA's.

    Raises:
        MalformedWindow: Anything else.
    """
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise MalformedWindow(t("is not a change window"))
    begin, end = _minutes(found["begin"]), _minutes(found["end"])
    if begin == _MINUTES_OF_A_DAY:
        raise MalformedWindow(t("begins at 24:00: write 00:00 and the day after"))
    if begin == end:
        raise MalformedWindow(t("begins and ends at the same time; a whole day is 00:00-24:00"))
    zone = zone_named(found["zone"])
    if zone is None:
        raise MalformedWindow(
            t("names the time zone {zone}, which is not in the time zone database", zone=found["zone"])
        )
    return ChangeWindow(text, _days(found["days"]), begin, end, zone)


def zone_named(name: str) -> ZoneInfo | None:
    """The time zone that the IANA database has under a name; None where it has none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None  # OSError: a folder of the database ("Europe")


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same times in order, each once: what overlaps or follows at once is one."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: one.begins):
        if found and span.begins <= found[-1].until:
            found[-1] = Span(found[-1].begins, max(found[-1].until, span.until))
        else:
            found.append(span)
    return tuple(found)


def without(spans: Sequence[Span], taken: Iterable[Span]) -> tuple[Span, ...]:
    """What is left of ``spans`` (in order, none overlapping) when all of ``taken`` is taken out of them."""
    left = list(spans)
    for gone in taken:
        parts: list[Span] = []
        for span in left:
            if gone.until <= span.begins or gone.begins >= span.until:
                parts.append(span)
                continue
            if span.begins < gone.begins:
                parts.append(Span(span.begins, gone.begins))
            if gone.until < span.until:
                parts.append(Span(gone.until, span.until))
        left = parts
    return tuple(left)


def _instants(day: date, minutes: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Both readings of a time on the clocks of a zone, UTC; almost always the same."""
    shown = datetime.combine(day + timedelta(days=minutes // _MINUTES_OF_A_DAY), time(), tzinfo=zone)
    shown = shown.replace(hour=minutes % _MINUTES_OF_A_DAY // 60, minute=minutes % 60)
    return shown.replace(fold=0).astimezone(UTC), shown.replace(fold=1).astimezone(UTC)


def _minutes(text: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    if minutes > 59 or hours * 60 + minutes > _MINUTES_OF_A_DAY:
        raise MalformedWindow(t("names the time {time}, which is no time of day", time=text))
    return hours * 60 + minutes


def _days(text: str) -> frozenset[int]:
    if text.casefold() == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        begin, end = _day(first), _day(last if dash else first)
        # Fri-Mon goes over Sunday.
        found |= {(begin + number) % 7 for number in range((end - begin) % 7 + 1)}
    return frozenset(found)


def _day(text: str) -> int:
    names = [name.casefold() for name in DAYS]
    if text.casefold() not in names:
        raise MalformedWindow(t("names the day {day}; days are Mon, Tue, Wed, Thu, Fri, Sat, Sun and daily", day=text))
    return names.index(text.casefold())
