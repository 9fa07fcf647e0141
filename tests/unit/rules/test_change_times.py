"""When changes may be written: windows and a calendar of blackouts together, and what is said outside of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from runbook_lib.errors import AwaitingWindow
from runbook_lib.model.change_window import parse_window
from runbook_lib.rules.blackouts import MalformedCalendar, blackouts_of
from runbook_lib.rules.change_times import LOOKED_AHEAD, ChangeTimes

NOW = datetime(2026, 12, 1, tzinfo=UTC)
MADRID = ZoneInfo("Europe/Madrid")


def calendar(*events: str, head: str = "") -> bytes:
    """A calendar of events, each given as its lines after the identifier."""
    parts = [
        f"BEGIN:VEVENT\nUID:{number}\nDTSTAMP:20260101T000000Z\n{event}\nEND:VEVENT\n"
        for number, event in enumerate(events)
    ]
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n{head}{''.join(parts)}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def times(windows: list[str], data: bytes | None = None) -> ChangeTimes:
    parsed = tuple(parse_window(text) for text in windows)
    blackouts = (
        ()
        if data is None
        else blackouts_of(data, begins=NOW, until=NOW + LOOKED_AHEAD, zones=[window.zone for window in parsed])
    )
    return ChangeTimes(parsed, blackouts, NOW)


def found(data: bytes, *zones: ZoneInfo) -> list[tuple[str, str, str]]:
    """The blackouts of half a year, as UTC."""
    half = NOW + timedelta(days=180)
    return [
        (f"{one.span.begins:%m-%d %H:%M}", f"{one.span.until:%m-%d %H:%M}", one.name)
        for one in blackouts_of(data, begins=NOW, until=half, zones=zones)
    ]


def test_without_limits_everything_is_allowed_at_any_time() -> None:
    free = times([])
    assert not free.limited
    free.require_open(NOW + timedelta(days=10_000))


def test_outside_of_the_windows_the_next_one_is_named() -> None:
    limited = times(["Sat 22:00-04:00 Europe/Madrid", "Wed 01:00-02:00 UTC"])
    limited.require_open(datetime(2026, 12, 5, 21, 0, tzinfo=UTC))
    limited.require_open(datetime(2026, 12, 6, 2, 59, tzinfo=UTC))
    with pytest.raises(AwaitingWindow) as caught:
        limited.require_open(datetime(2026, 12, 6, 3, 0, tzinfo=UTC))
    assert (caught.value.code, caught.value.outcome.exit_code) == ("outside-change-window", 11)
    assert caught.value.values["next"] == "2026-12-09T01:00:00Z"
    assert "2026-12-09 01:00 UTC (2026-12-09 02:00:00 CET)" in caught.value.hint


def test_a_blackout_wins_over_a_window_and_moves_its_beginning_and_end() -> None:
    freeze = calendar("DTSTART:20261205T220000Z\nDTEND:20261206T010000Z\nSUMMARY:Year-end freeze")
    limited = times(["Sat 22:00-04:00 Europe/Madrid"], freeze)
    inside = datetime(2026, 12, 5, 23, 0, tzinfo=UTC)
    with pytest.raises(AwaitingWindow) as caught:
        limited.require_open(inside)
    assert caught.value.code == "blackout"
    assert "Year-end freeze" in caught.value.message
    assert caught.value.values["next"] == "2026-12-06T01:00:00Z"
    assert limited.open_until(datetime(2026, 12, 5, 21, 30, tzinfo=UTC)) == datetime(2026, 12, 5, 22, tzinfo=UTC)


def test_after_the_time_that_was_looked_at_nothing_is_allowed() -> None:
    limited = times(["daily 00:00-24:00 UTC"])
    limited.require_open(NOW + LOOKED_AHEAD - timedelta(seconds=1))
    with pytest.raises(AwaitingWindow):
        limited.require_open(NOW + LOOKED_AHEAD)


def test_a_time_is_open_where_the_spans_ahead_hold_it() -> None:
    freeze = calendar("DTSTART:20261205T220000Z\nDTEND:20261206T010000Z", "DTSTART:20261206T030000Z\nDURATION:PT0S")
    for limited in (times(["Sat 22:00-04:00 Europe/Madrid", "daily 02:30-03:30 UTC"], freeze), times([], freeze)):
        for hour in range(24):
            at = datetime(2026, 12, 5, 18, tzinfo=UTC) + timedelta(hours=hour)
            if limited.open_until(at) is not None:
                limited.require_open(at)
                continue
            with pytest.raises(AwaitingWindow):
                limited.require_open(at)


def test_a_calendar_that_leaves_no_time_says_so() -> None:
    always = calendar("DTSTART:20200101T000000Z\nDTEND:20400101T000000Z\nSUMMARY:x")
    with pytest.raises(AwaitingWindow) as caught:
        times([], always).require_open(NOW)
    assert "no time to write within 400 days" in caught.value.hint


def test_recurrences_exceptions_and_moved_events_count() -> None:
    data = calendar(
        "DTSTART;TZID=Europe/Madrid:20260131T080000\nDURATION:PT2H\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1\n"
        "EXDATE;TZID=Europe/Madrid:20270131T080000\nSUMMARY:Month end"
    )
    assert found(data) == [
        ("12-31 07:00", "12-31 09:00", "Month end"),
        ("02-28 07:00", "02-28 09:00", "Month end"),
        ("03-31 06:00", "03-31 08:00", "Month end"),
        ("04-30 06:00", "04-30 08:00", "Month end"),
    ]


def test_cancelled_events_free_ones_and_those_without_a_length_do_not_count() -> None:
    one = "DTSTART:20261205T220000Z\nDTEND:20261206T010000Z\nSUMMARY:x"
    data = calendar(f"{one}\nSTATUS:CANCELLED", f"{one}\nTRANSP:TRANSPARENT", "DTSTART:20261205T220000Z\nSUMMARY:x")
    assert found(data) == []


def test_a_whole_day_is_one_of_the_calendar_or_of_every_window() -> None:
    day = "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261225\nSUMMARY:Eve"
    own = calendar(day, head="X-WR-TIMEZONE:America/New_York\n")
    assert found(own, MADRID) == [("12-24 05:00", "12-25 05:00", "Eve")]
    tokyo = ZoneInfo("Asia/Tokyo")
    assert found(calendar(day), MADRID, tokyo) == [("12-23 15:00", "12-24 23:00", "Eve")]


def test_an_event_that_began_before_is_there() -> None:
    data = calendar("DTSTART:20261130T230000Z\nDTEND:20261201T030000Z\nSUMMARY:x")
    assert found(data) == [("11-30 23:00", "12-01 03:00", "x")]


EVENT = "DTSTART:20261205T220000Z\nDTEND:20261206T010000Z\nSUMMARY:x"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not one iCalendar object"),
        (b"\xff\xfe\x00", "not one iCalendar object"),
        (calendar(EVENT) * 2, "not one iCalendar object"),
        (calendar("DTSTART:yesterday\nSUMMARY:x"), "has a broken DTSTART"),
        (calendar("SUMMARY:x"), "no beginning"),
        (calendar(f"{EVENT}\nRRULE:FREQ=SOMETIMES"), "RRULE"),
        (calendar("DTSTART;TZID=Nowhere/Land:20261205T220000\nSUMMARY:x"), "unknown time zone Nowhere/Land"),
        (calendar(EVENT, head="X-WR-TIMEZONE:Nowhere/Land\n"), "unknown time zone Nowhere/Land"),
        (calendar("DTSTART;VALUE=DATE:20261224\nSUMMARY:x"), "neither X-WR-TIMEZONE nor change_windows"),
    ],
)
def test_what_is_not_understood_is_refused_never_overlooked(data: bytes, why: str) -> None:
    with pytest.raises(MalformedCalendar) as caught:
        blackouts_of(data, begins=NOW, until=NOW + LOOKED_AHEAD, zones=())
    assert why in caught.value.why
