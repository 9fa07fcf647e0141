"""Change windows: what is one, and when it is open, over midnight and where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.model.change_window import DAYS, MalformedWindow, Span, merged, parse_window, without

START = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = ("UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")


def opened(text: str, begins: str, until: str) -> list[tuple[str, str]]:
    """Every window between two times, as UTC without seconds."""
    first, last = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (begins, until))
    return [
        (f"{span.begins:%m-%d %H:%M}", f"{span.until:%m-%d %H:%M}") for span in parse_window(text).spans(first, last)
    ]


@pytest.mark.parametrize(
    ("text", "begins", "until", "expected"),
    [
        (
            "Sat 22:00-04:00 UTC",
            "2026-11-02",
            "2026-11-15",
            [("11-07 22:00", "11-08 04:00"), ("11-14 22:00", "11-15 04:00")],
        ),
        ("Sat 22:00-04:00 Europe/Madrid", "2026-11-02", "2026-11-09", [("11-07 21:00", "11-08 03:00")]),
        (
            "Sat,Mon 00:00-24:00 UTC",
            "2026-11-02",
            "2026-11-08",
            [("11-02 00:00", "11-03 00:00"), ("11-07 00:00", "11-08 00:00")],
        ),
        # Fri-Mon goes over Sunday; the window that began the evening before is found from inside of it.
        (
            "Sun-Mon 23:00-01:00 UTC",
            "2026-11-02",
            "2026-11-03",
            [("11-01 23:00", "11-02 01:00"), ("11-02 23:00", "11-03 01:00")],
        ),
        # Madrid, 25 October 2026: 02:00 to 03:00 occurs twice: begun at the later one, ended at the earlier one.
        ("Sat 22:00-04:00 Europe/Madrid", "2026-10-24", "2026-10-26", [("10-24 20:00", "10-25 03:00")]),
        ("Sun 02:30-05:00 Europe/Madrid", "2026-10-24", "2026-10-26", [("10-25 01:30", "10-25 04:00")]),
        ("Sun 01:00-02:30 Europe/Madrid", "2026-10-24", "2026-10-26", [("10-24 23:00", "10-25 00:30")]),
        # Madrid, 29 March 2026: 02:00 to 03:00 does not occur.
        ("Sat 22:00-04:00 Europe/Madrid", "2026-03-28", "2026-03-30", [("03-28 21:00", "03-29 02:00")]),
        ("Sun 02:15-02:45 Europe/Madrid", "2026-03-28", "2026-03-30", []),
        ("Sun 01:00-03:00 Europe/Madrid", "2026-03-28", "2026-03-30", [("03-29 00:00", "03-29 01:00")]),
    ],
)
def test_windows_are_open_when_clocks_of_their_zone_say_so(
    text: str, begins: str, until: str, expected: list[tuple[str, str]]
) -> None:
    assert opened(text, begins, until) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a change window"),
        ("Sat 22:00-04:00", "is not a change window"),
        ("Sat 9:00-17:00 UTC", "is not a change window"),
        ("Sat  22:00-04:00 UTC", "is not a change window"),
        ("Saturday 22:00-04:00 UTC", "the day Saturday"),
        ("Mon-Fry 22:00-04:00 UTC", "the day Fry"),
        ("Sat 25:00-26:00 UTC", "25:00, which is no time"),
        ("Sat 22:60-23:00 UTC", "22:60, which is no time"),
        ("Sat 24:00-04:00 UTC", "begins at 24:00"),
        ("Sat 22:00-22:00 UTC", "begins and ends at the same time"),
        ("Sat 22:00-04:00 Europe/Atlantis", "the time zone Europe/Atlantis"),
        ("Sat 22:00-04:00 Europe", "the time zone Europe"),
        ("Sat 22:00-04:00 Europe/../../etc/passwd", "is not a change window"),
    ],
)
def test_what_is_no_window_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(MalformedWindow) as caught:
        parse_window(text)
    assert why in caught.value.why


minutes = st.integers(0, 24 * 60 - 1)


@given(st.sampled_from(DAYS), minutes, minutes, st.sampled_from(ZONES), st.integers(0, 400 * 24 * 12))
def test_a_time_is_in_a_window_only_if_the_zones_clocks_show_it(
    day: str, begin: int, end: int, zone: str, step: int
) -> None:
    if begin == end:
        return
    text = f"{day} {begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02} {zone}"
    at = START + timedelta(minutes=5 * step)
    inside = any(at in span for span in parse_window(text).spans(at, at + timedelta(seconds=1)))
    local = at.astimezone(ZoneInfo(zone))
    shown = local.hour * 60 + local.minute
    today, yesterday = DAYS[local.weekday()] == day, DAYS[(local.weekday() - 1) % 7] == day
    allowed = (
        today and begin <= shown < end if begin < end else (today and shown >= begin) or (yesterday and shown < end)
    )
    if inside:
        assert allowed, (text, local)
    elif allowed:
        # Narrower only where clocks are changed within a day.
        around = {(at + timedelta(hours=hours)).astimezone(ZoneInfo(zone)).utcoffset() for hours in range(-26, 27)}
        assert len(around) > 1, (text, local)


spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20)).map(
        lambda pair: Span(START + timedelta(minutes=pair[0]), START + timedelta(minutes=sum(pair)))
    ),
    max_size=6,
)


@given(spans, spans)
def test_what_is_left_is_what_is_in_one_and_not_in_the_other(some: list[Span], taken: list[Span]) -> None:
    left = without(merged(some), taken)
    assert list(left) == sorted(left, key=lambda span: span.begins)
    for minute in range(90):
        at = START + timedelta(minutes=minute)
        expected = any(at in span for span in some) and not any(at in span for span in taken)
        assert any(at in span for span in left) is expected
        assert sum(at in span for span in merged(some)) == any(at in span for span in some)
