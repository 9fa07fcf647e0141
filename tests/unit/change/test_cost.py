"""What a plan costs: a range that holds what it takes, and what a run says of it afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.change.cost import NO_EFFORT, Effort, Measured, cost_finding, cost_of_plan, took_finding
from runbook_lib.model.reading import Reading
from runbook_lib.model.text import t
from runbook_lib.model.traffic import AnswerTimes, Traffic

AT = datetime(2026, 11, 30, tzinfo=UTC)


def reading(seconds: float, requests: int) -> Reading:
    return Reading("somewhere", AT, complete=True, seconds=seconds, requests=requests)


MEASURED = Measured(reading(4, 63), reading(1.5, 23), 40.0, (0.04, 0.1), (0.002, 0.05), own_seconds=2.0)


def test_writes_are_added_to_the_second_reading() -> None:
    cost = cost_of_plan(Effort(directory_operations=663), MEASURED, groups=300)
    assert cost.directory_operations == (686, 686)
    assert cost.graph_requests == (16, 63)
    assert cost.graph_units == (300, 2520)
    assert cost.seconds == (3.5 + 16 * 0.04 + 663 * 0.002, 3.5 + 4 + 663 * 0.05)


def test_a_reading_by_what_changed_says_little_of_a_large_plan() -> None:
    again = Measured(reading(0.5, 6), reading(1.5, 23), 2.0)
    assert cost_of_plan(NO_EFFORT, again, groups=10_000).graph_requests == (6, 511)


def test_a_domain_that_is_read_by_what_changed_may_cost_nothing_again() -> None:
    measured = replace(MEASURED, directory_by_changes=True)
    cost = cost_of_plan(Effort(directory_operations=663), measured, groups=300)
    assert cost.directory_operations == (663, 686)
    assert cost.seconds[0] == 2.0 + 16 * 0.04 + 663 * 0.002


def test_a_limit_of_the_service_is_waited_for_in_any_case() -> None:
    quick = cost_of_plan(Effort(graph_requests=10, limit_seconds=600), MEASURED, groups=10)
    assert quick.seconds[0] > 600
    slow = cost_of_plan(Effort(graph_requests=10_000, limit_seconds=6), MEASURED, groups=10)
    assert slow.seconds[0] > 10_000 * 0.04


def test_what_is_handed_to_people_costs_the_reading_alone() -> None:
    cost = cost_of_plan(NO_EFFORT, MEASURED, groups=0)
    assert cost.graph_requests == (1, 63)
    assert cost.directory_operations == (23, 23)


@given(
    groups=st.integers(0, 5_000),
    effort=st.builds(Effort, st.integers(0, 9_999), st.integers(0, 9_999), st.integers(0, 9_999), st.floats(0, 999)),
    cloud=st.builds(reading, st.floats(0, 999), st.integers(0, 9_999)),
    directory=st.builds(reading, st.floats(0, 999), st.integers(0, 9_999)),
    units=st.floats(0, 60),
    answers=st.none() | st.tuples(st.floats(0, 1), st.floats(1, 9)),
)
def test_the_least_is_never_more_than_the_most(
    groups: int,
    effort: Effort,
    cloud: Reading,
    directory: Reading,
    units: float,
    answers: tuple[float, float] | None,
) -> None:
    cost = cost_of_plan(effort, Measured(cloud, directory, units, answers, answers), groups)
    for least, most in (cost.graph_requests, cost.graph_units, cost.directory_operations, cost.seconds):
        assert 0 <= least <= most


def test_it_is_said_before_and_after() -> None:
    cost = cost_of_plan(Effort(directory_operations=663, then=t("Then more happens.")), MEASURED, groups=300)
    before = cost_finding(cost)
    assert before.seen == (
        "Carrying it out takes 16 to 63 requests of Microsoft Graph with 300 to 2,520 units of its throttling, "
        "686 operations of LDAP, 5.5 s to 41 s."
    )
    assert before.why.endswith("Then more happens.")
    after = took_finding(cost, Traffic(20, 310, 680), 5.0)
    assert "it took 20 requests of Microsoft Graph with 310 units" in after.seen
    assert "680 operations of LDAP, 5.0 s" in after.seen
    assert "16 to 63 requests" in after.expected
    assert not took_finding(None, Traffic(), -1.0).expected, "a clock that was set back is no negative time"


def test_half_of_the_answers_took_between_these_times() -> None:
    times = AnswerTimes()
    times.note(1.0)
    assert times.middle_half() is None
    for seconds in (2.0, 3.0, 4.0, 100.0):
        times.note(seconds)
    assert times.middle_half() == (2.0, 4.0)
