"""Waiting for v1: what ends it, what is kept of it, and the one thing that is said of what keeps the groups away."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.connect.arrived import ArrivalState, ConnectArrival, connect_arrivals
from runbook_lib.connect.evidence import read_connect_evidence
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.errors import AwaitingHandoff, VerificationFailed
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.routes.connect_sync.watch import ArrivalsSeen, ServerNow, end_of_arrivals, watch_connect
from runbook_lib.routes.predicted_members import accounts_of
from tests.support import builders as b
from tests.support.connect_evidence import evidence, written
from tests.unit.routes_connect_sync.test_plan_enable import GROUPS, anchored, sides_of

SINCE = datetime(2026, 11, 30, 7, 0, tzinfo=UTC)
"""An hour before the evidence of the tests was collected, and before the export in it."""
PREDICTION = predict_writeback(sides_of().inventory, sides_of().settings)
READ = sides_of().inventory


@dataclass
class Time:
    """A clock that runs only while somebody sleeps."""

    now: datetime = SINCE
    slept: list[float] = field(default_factory=list)
    interrupt_at: int = 0

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == self.interrupt_at:
            raise KeyboardInterrupt
        self.now += timedelta(seconds=seconds)


def seen_of(present: Sequence[DirectoryGroup], *, exported: bool = False) -> tuple[ConnectArrival, ...]:
    """What a look makes of these AD objects."""
    by_group = {(one.text("adminDescription") or "").removeprefix("Group_"): (one,) for one in present}
    return connect_arrivals(PREDICTION, by_group, READ.index.guid_of_dn, accounts_of(READ), exported=exported)


def arrived(group_number: int) -> DirectoryGroup:
    """A group as it was predicted."""
    group = anchored(GROUPS[group_number])
    values = {**group.attributes}
    told = next(one for one in PREDICTION.groups if one.group_id == GROUPS[group_number].id)
    values |= {name: (value.value,) for name, value in told.attributes.items() if value.known and value.value}
    members = (b.user_dn("P1"),) if group_number == 0 else ()
    return replace(group, attributes=values, members=members)


EVERYTHING = [arrived(number) for number in range(3)]


def watched(looks: Sequence[Sequence[DirectoryGroup]], minutes: int = 60, time: Time | None = None) -> ArrivalsSeen:
    """A watch whose looks find these objects, one after the other; the last of them from then on."""
    time = time or Time()
    left = list(looks)

    def look(changed_only: bool) -> Sequence[ConnectArrival]:
        del changed_only
        return seen_of(left.pop(0) if len(left) > 1 else left[0])

    return watch_connect(
        look,
        wait=timedelta(minutes=minutes),
        clock=time.clock,
        sleep=time.sleep,
        progress=lambda *_: None,
    )


def server_of(tmp_path: Path, **changed: Any) -> ServerNow:
    """The server by evidence that was collected since the hand-over."""
    read = read_connect_evidence(written(tmp_path, evidence(**changed)))
    return ServerNow(read.v1, evidence=read)


def run_of(result: str, **counters: int) -> dict[str, Any]:
    """An export since the hand-over."""
    (run,) = evidence()["runs"]
    step = {"number": 1, "result": result, "counters": counters}
    return {**run, "result": result, "steps": [step]}


def test_it_ends_when_everything_is_there_and_says_nothing_then() -> None:
    time = Time()
    found = watched([[], EVERYTHING[:1], EVERYTHING], time=time)
    assert [one.state for one in found.seen] == [ArrivalState.AS_PREDICTED] * 3
    assert len(time.slept) == 2
    assert end_of_arrivals(found, ServerNow(), SINCE) is None


def test_it_ends_with_its_time_and_says_what_is_missing() -> None:
    found = watched([[], EVERYTHING[:1]], minutes=1)
    assert found.waited == timedelta(minutes=1)
    error = end_of_arrivals(found, ServerNow(), SINCE)
    assert isinstance(error, AwaitingHandoff)
    assert (error.code, len(error.values["groups"])) == ("not-arrived-yet", 2)  # type: ignore[arg-type]
    assert "1 of 3 groups are in AD as predicted after 1 minute of waiting" in error.message


def test_an_interruption_ends_the_waiting_and_nothing_else() -> None:
    found = watched([[], [], EVERYTHING[:1]], time=Time(interrupt_at=2))
    assert found.cancelled
    assert len(found.of(ArrivalState.AS_PREDICTED)) == 1, "AD was looked at once more"
    error = end_of_arrivals(found, ServerNow(), SINCE)
    assert error is not None
    assert error.message.startswith("Watching was interrupted.")


def test_a_look_is_whole_now_and_then_and_before_it_counts() -> None:
    asked: list[bool] = []

    def look(changed_only: bool) -> Sequence[ConnectArrival]:
        asked.append(changed_only)
        return seen_of([])

    time = Time()
    watch_connect(
        look,
        wait=timedelta(minutes=11),
        clock=time.clock,
        sleep=time.sleep,
        progress=lambda *_: None,
    )
    assert not asked[0]
    assert not asked[-1]
    assert asked.count(False) == 4
    assert len(asked) == 46


@pytest.mark.parametrize(
    ("server", "code", "said"),
    [
        ({"features": {"v1": False, "v2": False}}, "wizard-not-finished", "v1 is still off"),
        ({"scheduler": {**evidence()["scheduler"], "staging": True}}, "server-staging", "is in staging mode"),
        ({"scheduler": {**evidence()["scheduler"], "suspended": True}}, "no-cycles", "No cycle runs on CONNECT01"),
        ({"scheduler": {**evidence()["scheduler"], "cycle_enabled": False}}, "no-cycles", "No cycle runs"),
        (
            {"runs": [run_of("stopped-deletion-threshold-exceeded")]},
            "export-stopped",
            "The deletion threshold stopped the export",
        ),
        (
            {
                "runs": [run_of("completed-export-errors", ExportFailure=1)],
                "export_errors": [
                    {"connector": "contoso.com", "dn": "CN=One", "kind": "permission-issue", "code": "8344"}
                ],
            },
            "export-without-rights",
            "AD refused 1 object of the export: CN=One.",
        ),
        ({"runs": [run_of("completed-export-errors", ExportFailure=2)]}, "export-refused", "AD refused 2 objects"),
        ({"runs": [run_of("stopped-connectivity")]}, "export-stopped", "ADSync calls it stopped-connectivity"),
        ({"runs": [run_of("no-start-credentials")]}, "export-stopped", "ADSync calls it no-start-credentials"),
        ({"runs": []}, "not-arrived-yet", "Nothing proves yet that a cycle has exported"),
        ({}, "not-arrived-yet", "A cycle has run, and it has not brought everything."),
    ],
)
def test_what_keeps_the_groups_away_has_one_clear_message(
    tmp_path: Path, server: dict[str, Any], code: str, said: str
) -> None:
    error = end_of_arrivals(watched([[]], minutes=0), server_of(tmp_path, **server), SINCE)
    assert isinstance(error, AwaitingHandoff)
    assert (error.code, error.outcome.exit_code) == (code, 10)
    assert said in error.message
    assert "Run this notebook again with the same change id" in error.hint


def test_evidence_from_before_the_hand_over_proves_nothing(tmp_path: Path) -> None:
    read = read_connect_evidence(written(tmp_path))
    error = end_of_arrivals(watched([[]], minutes=0), ServerNow(older=read), read.at + timedelta(minutes=1))
    assert error is not None
    assert error.code == "no-proof-of-export"
    assert "2026-11-30 08:00 UTC, before the hand-over" in error.message


def test_an_export_from_before_the_hand_over_is_no_proof(tmp_path: Path) -> None:
    server = server_of(tmp_path)
    assert server.exported(SINCE)
    assert not server.exported(datetime(2026, 11, 30, 7, 55, tzinfo=UTC))
    assert server.exported(None)


def test_what_is_otherwise_is_a_failure_only_when_nothing_can_come_any_more() -> None:
    wrong = replace(EVERYTHING[1], dn=EVERYTHING[1].dn.replace("CN=Two_", "CN=Zwei_"))
    waiting = end_of_arrivals(watched([[EVERYTHING[0], wrong]], minutes=0), ServerNow(), SINCE)
    assert isinstance(waiting, AwaitingHandoff), "one of them is still missing"
    assert waiting.values["wrong"] == 1
    error = end_of_arrivals(watched([[EVERYTHING[0], wrong, EVERYTHING[2]]], minutes=0), ServerNow(), SINCE)
    assert isinstance(error, VerificationFailed)
    assert (error.code, error.outcome.exit_code) == ("not-as-predicted", 7)
    assert "It is named Zwei_" in error.message


def test_a_group_that_nobody_predicted_is_seen() -> None:
    stranger = anchored(b.cloud_group("Stranger"))
    found = watched([[*EVERYTHING, stranger]], minutes=0)
    error = end_of_arrivals(found, ServerNow(), SINCE)
    assert [one.display_name for one in found.of(ArrivalState.UNEXPECTED)] == ["Stranger"]
    assert isinstance(error, VerificationFailed)
    assert "1 group arrived otherwise" in error.message


@given(st.lists(st.sets(st.integers(0, 2)), min_size=1, max_size=6), st.integers(0, 2))
def test_whatever_is_seen_every_group_is_told_of_once(looks: list[set[int]], minutes: int) -> None:
    found = watched([[EVERYTHING[number] for number in sorted(some)] for some in looks], minutes=minutes)
    assert sorted(one.group_id for one in found.seen) == sorted(group.id for group in GROUPS)
    error = end_of_arrivals(found, ServerNow(), SINCE)
    assert (error is None) is all(one.state is ArrivalState.AS_PREDICTED for one in found.seen)


def test_four_hours_of_waiting_keep_no_more_than_the_last_look() -> None:
    sizes: list[int] = []

    def look(changed_only: bool) -> Sequence[ConnectArrival]:
        del changed_only
        if len(sizes) in (0, 50, 900):
            gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
        return seen_of(EVERYTHING[:1])

    time = Time()
    tracemalloc.start()
    try:
        found = watch_connect(
            look,
            wait=timedelta(hours=4),
            clock=time.clock,
            sleep=time.sleep,
            progress=lambda *_: None,
        )
    finally:
        tracemalloc.stop()
    assert found.looks == len(sizes) > 900
    assert sizes[900] - sizes[50] < 200_000, "what was seen earlier is not kept"
