"""What can still come right by itself, and how a watch ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from runbook_lib.cloud_sync.predicted import PredictedGroup, differences
from runbook_lib.graph.tenant.jobs import JobState
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.outcome import Outcome
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.plan_enable import plan_enable
from runbook_lib.routes.cloud_sync.watch import Arrival, end_of_watch, watch
from tests.support import builders as b
from tests.unit.graph.fake_cloud import Clock
from tests.unit.routes_cloud_sync.world import OU, Graph, inventory, security, sides_of

SALES = security("Sales")
NAME = f"Sales_{SALES.id[-12:]}"


def written(name: str, parent: str = OU) -> DirectoryGroup:
    values = {"msDS-ExternalDirectoryObjectId": (f"Group_{SALES.id}",), "groupType": ("-2147483640",)}
    return b.ad_group(name, values, parent=parent)


def predicted(*ad: DirectoryGroup) -> PredictedGroup:
    made = plan_enable(sides_of(inventory([SALES], {}, ad), Graph()), b.policy("Sales"), DesiredSettings({}))
    return made.prediction.groups[0]


def arrival(group: PredictedGroup, present: DirectoryGroup | None) -> Arrival:
    return Arrival(group, present, differences(group, present, frozenset(), {}))


def test_what_is_not_there_yet_is_waited_for_and_what_came_otherwise_is_not() -> None:
    group = predicted()
    assert arrival(group, None).waits
    assert not arrival(group, written(NAME)).differences
    assert not arrival(group, written("Another")).waits


def test_an_object_that_is_as_it_was_planned_from_is_still_to_be_changed() -> None:
    old = written("Old name", f"OU=Old,{b.BASE}")
    group = predicted(old)
    assert arrival(group, old).waits
    moved = replace(old, dn=f"CN=Third,OU=Third,{b.BASE}")
    assert not arrival(group, moved).waits


@pytest.mark.parametrize(
    ("present", "state", "outcome", "code"),
    [
        (None, JobState.ACTIVE, Outcome.AWAITING_HANDOFF, "not-arrived-yet"),
        (None, JobState.QUARANTINE, Outcome.AWAITING_HANDOFF, "job-stopped"),
        (written("Another"), JobState.ACTIVE, Outcome.VERIFICATION_FAILED, "not-as-predicted"),
    ],
)
def test_how_a_watch_ends(present: DirectoryGroup | None, state: JobState, outcome: Outcome, code: str) -> None:
    error = end_of_watch([arrival(predicted(), present)], state, timedelta(minutes=5))
    assert error is not None
    assert (error.outcome, error.code) == (outcome, code)
    assert end_of_watch([arrival(predicted(), written(NAME))], state, timedelta(0)) is None


@pytest.mark.parametrize(
    ("states", "there_after", "looks"),
    [
        ([JobState.ACTIVE], 3, 3),
        ([JobState.ACTIVE, JobState.PAUSED], 9, 2),
        ([JobState.ACTIVE], 99, 5),
    ],
    ids=["it arrives", "the job stops", "the time is over"],
)
def test_a_watch_looks_until_something_decides(states: list[JobState], there_after: int, looks: int) -> None:
    clock, seen, told = Clock(), [0], []

    def look() -> list[Arrival]:
        seen[0] += 1
        return [arrival(predicted(), written(NAME) if seen[0] >= there_after else None)]

    found, state = watch(
        look,
        lambda: states[min(seen[0], len(states)) - 1],
        wait=timedelta(minutes=1),
        clock=clock,
        sleep=clock.sleep,
        progress=lambda what, done, total: told.append((what, done, total)),
    )
    assert seen[0] == looks
    assert len(told) == looks
    assert state is states[min(looks, len(states)) - 1]
    assert bool(found[0].differences) is (there_after > looks)
