"""Progress tells rate and remaining time as soon as they mean something, and no sooner."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.model.text import t
from runbook_lib.shown.pace import Pace

MEMBERS, USERS = t("members"), t("users")


def test_rate_and_remaining_time_come_after_two_seconds() -> None:
    pace = Pace()
    assert pace.text(MEMBERS, 0, 5000, 100.0) == "members: 0 of 5,000"
    assert pace.text(MEMBERS, 100, 5000, 101.0) == "members: 100 of 5,000"
    assert pace.text(MEMBERS, 400, 5000, 104.0) == "members: 400 of 5,000, 100 a second, about 46 s left"
    assert pace.text(MEMBERS, 5000, 5000, 150.0) == "members: 5,000 of 5,000"


def test_without_a_total_the_rate_is_told_alone() -> None:
    pace = Pace()
    pace.text(MEMBERS, 0, None, 0.0)
    assert pace.text(MEMBERS, 9000, None, 3.0) == "members: 9,000 so far, 3,000 a second"


def test_what_comes_next_has_a_pace_of_its_own() -> None:
    pace = Pace()
    pace.text(MEMBERS, 0, 10, 0.0)
    pace.text(MEMBERS, 10, 10, 50.0)
    assert pace.text(USERS, 10, 100, 50.0) == "users: 10 of 100"
    assert pace.text(USERS, 40, 100, 60.0) == "users: 40 of 100, 3 a second, about 20 s left"
    assert pace.text(USERS, 0, 100, 61.0) == "users: 0 of 100", "it began again"


def test_what_is_slow_is_told_by_the_minute() -> None:
    pace = Pace()
    pace.text(MEMBERS, 0, 10, 0.0)
    assert pace.text(MEMBERS, 2, 10, 60.0) == "members: 2 of 10, 2 a minute, about 4 min 00 s left"


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1000)), max_size=20))
def test_whatever_is_told_in_whatever_order_is_a_line(steps: list[tuple[int, float]]) -> None:
    pace = Pace()
    for done, now in steps:
        assert str(pace.text(MEMBERS, done, 50, now)).startswith(f"members: {done} of 50")
