"""Waiting and giving up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed
from runbook_lib.graph.retry import Attempts, FailedAttempt, RetryPolicy, retry_after
from runbook_lib.model.text import verbatim

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def waits(
    troubles: list[FailedAttempt], policy: RetryPolicy, *, jitter: float = 1.0, reached: bool = True
) -> tuple[list[float], RunbookError | None]:
    slept: list[float] = []
    attempts = Attempts(policy, sleep=slept.append, random=lambda: jitter, reached=reached)
    for trouble in troubles:
        try:
            attempts.wait(trouble)
        except RunbookError as error:
            return slept, error
    return slept, None


def test_the_time_of_slow_answers_counts_too() -> None:
    """A service that takes an hour for each failure is not waited for until the attempts are used up."""
    now = iter((0.0, 400.0, 850.0, 950.0))
    attempts = Attempts(RetryPolicy(), sleep=lambda _: None, random=lambda: 1.0, monotonic=lambda: next(now))
    assert [attempts.delay(FailedAttempt("x", verbatim("down"))) for _ in range(2)] == [1.0, 2.0]
    with pytest.raises(ServiceFailed, match="after 950 were waited"):
        attempts.delay(FailedAttempt("x", verbatim("down")))


def test_an_answer_that_does_not_end_is_asked_for_twice() -> None:
    assert waits([FailedAttempt("x", verbatim("slow"), slow=True)] * 5, RetryPolicy())[0] == [1.0]
    assert waits([FailedAttempt("x", verbatim("slow"), slow=True)] * 5, RetryPolicy(attempts=1))[0] == []


def test_a_damaged_answer_is_asked_for_three_times() -> None:
    damaged, down = FailedAttempt("x", verbatim("damaged"), damaged=True), FailedAttempt("x", verbatim("down"))
    slept, error = waits([damaged] * 5, RetryPolicy())
    assert (slept, error is not None and "3 attempts" in error.message) == ([1.0, 2.0], True)
    assert waits([damaged] * 5, RetryPolicy(attempts=1))[0] == []
    assert len(waits([damaged, damaged, *[down] * 5], RetryPolicy())[0]) == 7, "another trouble keeps its own tries"
    assert len(waits([down, down, damaged, damaged, down], RetryPolicy())[0]) == 5, "it is not charged for the others"


def test_back_off_doubles_up_to_its_cap() -> None:
    slept, error = waits([FailedAttempt("x", verbatim("down"))] * 7, RetryPolicy(longest_back_off=20.0))
    assert slept == [1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]
    assert error is None


def test_jitter_never_halves_more_than_once() -> None:
    assert waits([FailedAttempt("x", verbatim("down"))] * 3, RetryPolicy(), jitter=0.0)[0] == [0.5, 1.0, 2.0]


def test_retry_after_is_obeyed_exactly() -> None:
    assert waits([FailedAttempt("x", verbatim("slow down"), retry_after=17.0)] * 2, RetryPolicy())[0] == [17.0, 17.0]


def test_retry_after_zero_does_not_burn_the_attempts_in_an_instant() -> None:
    assert waits([FailedAttempt("x", verbatim("slow down"), retry_after=0.0)] * 2, RetryPolicy())[0] == [1.0, 2.0]


def test_a_fraction_of_a_second_is_obeyed_too() -> None:
    assert waits([FailedAttempt("x", verbatim("slow down"), retry_after=0.75)], RetryPolicy(), jitter=0.0)[0] == [0.75]


def test_a_longer_wait_than_allowed_says_how_long_was_asked() -> None:
    slept, error = waits([FailedAttempt("cloud-throttled", verbatim("slow down"), retry_after=3600.0)], RetryPolicy())
    assert slept == []
    assert isinstance(error, ServiceFailed)
    assert error.code == "cloud-throttled"
    assert "3600 seconds" in error.message
    assert error.values["retry_after_seconds"] == 3600.0


def test_the_sum_of_waits_is_capped() -> None:
    slept, error = waits(
        [FailedAttempt("x", verbatim("slow down"), retry_after=200.0)] * 9, RetryPolicy(longest_total=500.0)
    )
    assert slept == [200.0, 200.0]
    assert isinstance(error, ServiceFailed)
    assert "400 were waited" in error.message


def test_an_address_that_never_answered_is_told_soon_and_as_no_access() -> None:
    trouble = FailedAttempt("cloud-unreachable", verbatim("nobody there"), unreachable=True)
    slept, error = waits([trouble] * 9, RetryPolicy(), reached=False)
    assert len(slept) == RetryPolicy().first_attempts - 1
    assert isinstance(error, NoAccess)
    assert len(waits([trouble] * 9, RetryPolicy(), reached=True)[0]) == RetryPolicy().attempts - 1


TROUBLES = st.builds(
    FailedAttempt,
    code=st.just("x"),
    what=st.just("down"),
    retry_after=st.none() | st.floats(0, 10_000),
    unreachable=st.booleans(),
)


@given(
    troubles=st.lists(TROUBLES, max_size=30),
    jitter=st.floats(0, 1, exclude_max=True),
    attempts=st.integers(1, 10),
    longest_wait=st.floats(1, 500),
    longest_total=st.floats(1, 2000),
)
def test_every_schedule_keeps_its_limits(
    troubles: list[FailedAttempt], jitter: float, attempts: int, longest_wait: float, longest_total: float
) -> None:
    policy = RetryPolicy(attempts=attempts, longest_wait=longest_wait, longest_total=longest_total)
    slept, error = waits(troubles, policy, jitter=jitter)
    assert len(slept) <= attempts - 1
    assert all(0 < seconds <= longest_wait for seconds in slept)
    assert sum(slept) <= longest_total * (1 + 1e-9)
    for seconds, trouble in zip(slept, troubles, strict=False):
        assert seconds >= (trouble.retry_after or 0)  # never sooner than asked
    assert error is not None or len(slept) == len(troubles)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("999999999999", 999999999999.0),
        (format_datetime(NOW + timedelta(seconds=42), usegmt=True), 42.0),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0.0),
        ("Fri, 20 Nov 2026 12:00:30 -0000", 30.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("1e9", None),
        (None, None),
    ],
)
def test_retry_after_header(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, now=NOW) == seconds


@given(st.text())
def test_no_retry_after_header_breaks_anything(header: str) -> None:
    seconds = retry_after(header, now=NOW)
    assert seconds is None or seconds >= 0
