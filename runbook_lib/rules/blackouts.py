"""A blackout calendar: the events of an iCalendar file (RFC 5545) as times at which nothing is written. Pure.

Recurrences, exceptions and time zones, those that the calendar defines itself included, are those of icalendar and
recurring-ical-events. What cannot be understood is refused: an event that was overlooked would be written into.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from runbook_lib.model.change_window import Span, zone_named
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.rules.change_times import Blackout

LARGEST_CALENDAR = 16 * 1024 * 1024
"""Bytes of a calendar file."""
_FREE = ("TRANSPARENT",)
_CANCELLED = ("CANCELLED",)


class MalformedCalendar(ValueError):  # noqa: N818 - what it says becomes part of an error in words
    """A calendar that cannot be understood to its end.

    Attributes:
        why: What is wrong, as the end of a sentence.
    """

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


def blackouts_of(data: bytes, *, begins: datetime, until: datetime, zones: Iterable[ZoneInfo]) -> tuple[Blackout, ...]:
    """The events with a part between two times, in order, but for cancelled ones and those shown as free.

    A whole day, and a time without a zone, is meant in the calendar's own zone (``X-WR-TIMEZONE``), else in each of
    ``zones``: the event then lasts from its earliest beginning to its latest end.

    Raises:
        MalformedCalendar: No calendar, or a part of it cannot be understood.
    """
    # Loaded where there is a calendar: they take a quarter of a second, and most runs have none.
    import icalendar
    import recurring_ical_events

    try:
        calendar: Any = icalendar.Calendar.from_ical(data)
        own = calendar.get("X-WR-TIMEZONE")
        events = list(calendar.walk("VEVENT"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedCalendar(t("it is not one iCalendar object ({why})", why=_said(error))) from None
    for event in events:
        _require_understood(event)
    meant = [_zone(str(own))] if own else list(zones)
    try:
        query = recurring_ical_events.of(calendar, skip_bad_series=False)
        # Times without a zone are compared as if they were UTC there: a day more on both sides misses none.
        found = query.between(begins - timedelta(days=1), until + timedelta(days=1))
        blackouts = [
            Blackout(span, _title(event))
            for event in found
            if str(event.get("TRANSP") or "").upper() not in _FREE
            and str(event.get("STATUS") or "").upper() not in _CANCELLED
            for span in _span(event.start, event.end, meant)
        ]
    except MalformedCalendar:
        raise
    except Exception as error:  # noqa: BLE001 - these libraries raise what comes along; each means the same
        raise MalformedCalendar(t("its events cannot be worked out ({why})", why=_said(error))) from None
    near = (one for one in blackouts if one.span.until > begins and one.span.begins < until)
    return tuple(sorted(near, key=lambda one: (one.span.begins, one.span.until, one.name)))


def _title(event: Any) -> Text:
    return verbatim(printable(str(event.get("SUMMARY") or ""), limit=100)) or t("an event without a title")


def _require_understood(event: Any) -> None:
    """Refuse an event with a broken value, without a beginning, or in a time zone that nobody knows."""
    name = printable(str(event.get("SUMMARY") or event.get("UID") or ""), limit=100)
    broken = [str(part) for part, _ in event.errors]
    if broken:
        raise MalformedCalendar(t("the event {name} has a broken {part}", name=name, part=broken[0]))
    if event.get("DTSTART") is None:
        raise MalformedCalendar(t("the event {name} has no beginning (DTSTART)", name=name))
    for part in ("DTSTART", "DTEND"):
        value = event.get(part)
        zone = value.params.get("TZID") if value is not None else None
        if zone and isinstance(value.dt, datetime) and value.dt.tzinfo is None:
            raise MalformedCalendar(
                t(
                    "the event {name} is in the unknown time zone {zone}",
                    name=name,
                    zone=printable(str(zone)),
                )
            )


def _zone(name: str) -> ZoneInfo:
    zone = zone_named(name)
    if zone is None:
        raise MalformedCalendar(t("it is in the unknown time zone {zone}", zone=printable(name)))
    return zone


def _span(begins: date, until: date, zones: list[ZoneInfo]) -> Iterator[Span]:
    """The time of an event; nothing for one that has no length."""
    first = min(_instants(begins, zones), default=None)
    last = max(_instants(until, zones), default=None)
    if first is None or last is None:
        raise MalformedCalendar(
            t("it has whole days, or times without a zone, and neither X-WR-TIMEZONE nor change_windows says whose")
        )
    if first < last:
        yield Span(first, last)


def _instants(value: date, zones: list[ZoneInfo]) -> Iterator[datetime]:
    """What a date or time of an event can mean, UTC."""
    at = value if isinstance(value, datetime) else datetime.combine(value, time())
    if at.tzinfo is not None:
        yield at.astimezone(UTC)
        return
    meant: list[tzinfo] = [*zones]
    for zone in meant:
        for fold in (0, 1):
            yield at.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _said(error: Exception) -> str:
    return printable(str(error) or type(error).__name__, limit=120)
