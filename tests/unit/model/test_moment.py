"""Points in time as text: one spelling for each precision, and never without a zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runbook_lib
from runbook_lib.model import moment
from runbook_lib.model.moment import (
    iso_exact,
    iso_milliseconds,
    iso_seconds,
    moment_in,
    to_the_minute,
    to_the_second,
    with_its_zone,
)

AT = datetime(2026, 11, 22, 5, 0, 7, 123456, tzinfo=timezone(timedelta(hours=-5)))
MOMENTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]))


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (iso_exact, "2026-11-22T10:00:07.123456Z"),
        (iso_milliseconds, "2026-11-22T10:00:07.123Z"),
        (iso_seconds, "2026-11-22T10:00:07Z"),
        (to_the_minute, "2026-11-22 10:00 UTC"),
        (with_its_zone, "2026-11-22 05:00:07 UTC-05:00"),
    ],
)
def test_each_precision_has_one_spelling(written: Callable[[datetime], str], text: str) -> None:
    assert written(AT) == text
    with pytest.raises(ValueError, match="zone"):
        written(datetime(2026, 1, 1))  # noqa: DTZ001


@given(MOMENTS.filter(lambda at: 1 < at.year < 9999))
def test_what_is_written_is_read_as_the_same_moment(at: datetime) -> None:
    assert moment_in(iso_exact(at)) == at
    read = moment_in(iso_milliseconds(at))
    assert read is not None
    assert timedelta() <= at - read < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-22T10:00:00.123Z", "2026-11-22 10:00:00 UTC"),
        ("2026-11-22T10:00:00", "2026-11-22 10:00:00"),
        ("yesterday", "yesterday"),
    ],
)
def test_a_written_time_for_people(text: str, shown: str) -> None:
    assert to_the_second(text) == shown


@pytest.mark.parametrize("value", [None, 7, "yesterday", "2026-11-22T10:00:00"])
def test_what_is_no_moment_is_none(value: object) -> None:
    assert moment_in(value) is None


def test_nobody_else_formats_a_time() -> None:
    """A second spelling of the same precision would begin with one of these."""
    home = Path(moment.__file__)
    for path in Path(runbook_lib.__file__).parent.rglob("*.py"):
        if path != home:
            found = re.findall(r"strftime|%Y-%m|\+00:00|timespec=", path.read_text(encoding="utf-8"))
            assert not found, path
