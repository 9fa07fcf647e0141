"""What can still come right by itself, and how a watch ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from runbook_lib.cloud_sync.predicted import PredictedGroup, differences
from runbook_lib.graph.tenant.jobs import JobError, JobState, JobStatus, Quarantine
from runbook_lib.graph.tenant.provisioning_log import LogEntry
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.outcome import Outcome
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.planning import objects_of_groups
from runbook_lib.routes.cloud_sync.scope.plan_enable import plan_enable
from runbook_lib.routes.cloud_sync.watching.arrivals import Arrival, end_of_watch, progress_text, watch_arrivals
from runbook_lib.routes.cloud_sync.watching.loop import Watched, ran_between, ran_since
from tests.support import builders as b
from tests.unit.graph.fake_cloud import START, Clock
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


STATUS = JobStatus(JobState.ACTIVE, ran=START)
AD_REFUSED = "HybridSynchronizationActiveDirectoryInternalServerError"


def ended(present: DirectoryGroup | None, status: JobStatus = STATUS, *, cancelled: bool = False) -> Watched[Arrival]:
    return Watched([arrival(predicted(), present)], STATUS, status, timedelta(minutes=5), 3, cancelled)


def row(status: str = "failure", code: str = "", message: str = "") -> dict[str, LogEntry]:
    return {SALES.id: LogEntry(START, SALES.id, "Sales", "", "create", status, code, message)}


@pytest.mark.parametrize(
    ("present", "state", "outcome", "code"),
    [
        (None, JobState.ACTIVE, Outcome.AWAITING_HANDOFF, "not-arrived-yet"),
        (None, JobState.QUARANTINE, Outcome.AWAITING_HANDOFF, "job-stopped"),
        (written("Another"), JobState.ACTIVE, Outcome.VERIFICATION_FAILED, "not-as-predicted"),
    ],
)
def test_how_a_watch_ends(present: DirectoryGroup | None, state: JobState, outcome: Outcome, code: str) -> None:
    error = end_of_watch(ended(present, JobStatus(state)), {}, ran=True)
    assert error is not None
    assert (error.outcome, error.code) == (outcome, code)
    assert end_of_watch(ended(written(NAME)), {}, ran=True) is None


def test_what_is_otherwise_is_no_failure_before_the_job_has_run_since_the_change() -> None:
    error = end_of_watch(ended(written("Another")), {}, ran=False)
    assert error is not None
    assert (error.outcome, error.code) == (Outcome.AWAITING_HANDOFF, "not-arrived-yet")
    assert error.message.startswith("The job has not run since the change.")
    # A second object, or another one in the place of the first, no run of the job puts right.
    group = predicted(written(NAME))
    another = replace(written(NAME), guid=ObjectGuid(b.guid("another")))
    seen = Arrival(group, another, differences(group, another, frozenset(), {}))
    wrong = end_of_watch(Watched([seen], STATUS, STATUS, timedelta(minutes=5), 3), {}, ran=False)
    assert wrong is not None
    assert wrong.code == "not-as-predicted"


def test_what_is_otherwise_is_waited_for_until_the_job_has_run() -> None:
    clock = Clock()
    ran = JobStatus(JobState.ACTIVE, ran=START + timedelta(minutes=20))
    statuses = iter([STATUS, STATUS, STATUS, ran, ran])
    found = watch_arrivals(
        lambda _: [arrival(predicted(), written("Another"))],
        lambda: next(statuses),
        ran=ran_between,
        wait=timedelta(hours=1),
        clock=clock,
        sleep=clock.sleep,
        progress=lambda *_: None,
    )
    assert found.job_ran
    assert found.looks == 5


def test_a_nested_group_that_left_the_scope_is_neither_missing_nor_too_much_in_its_parent() -> None:
    nested = security("Nested")
    inside = b.ad_group(
        "Nested", {"msDS-ExternalDirectoryObjectId": (f"Group_{nested.id}",), "groupType": ("-2147483640",)}
    )
    parent = replace(written(NAME), members=(inside.dn,))
    graph = Graph(assigned={SALES.id: "a-1"})
    read = inventory([SALES, nested], {"Sales": [nested]}, [parent, inside])
    made = plan_enable(sides_of(read, graph), b.policy("Sales"), DesiredSettings({}))
    (group,) = made.prediction.groups
    assert [one.answer.code for one in group.members] == ["group-not-in-scope"]
    expected = objects_of_groups(read.directory)
    assert expected[nested.id] == inside.guid
    assert differences(group, parent, frozenset({inside.guid}), expected) == ()
    assert differences(group, parent, frozenset(), expected) == ()
    stranger = differences(group, parent, frozenset({inside.guid, "g-stranger"}), expected)
    assert [one.code for one in stranger] == ["members-unexpected"]


@pytest.mark.parametrize(
    ("ran", "at", "counts"),
    [
        (None, None, False),
        (START, None, True),
        (START, START, False),
        (START + timedelta(minutes=1), START, False),
        (START + timedelta(minutes=3), START, True),
    ],
)
def test_whether_the_job_ran_since_allows_for_two_clocks(
    ran: datetime | None, at: datetime | None, counts: bool
) -> None:
    assert ran_since(JobStatus(JobState.ACTIVE, ran=ran), at) is counts


def test_the_end_of_a_watch_says_what_each_group_still_misses() -> None:
    error = end_of_watch(ended(None), {}, ran=True)
    assert error is not None
    assert error.values["missing"] == {SALES.id: ["No AD object has its anchor yet."]}
    interrupted = end_of_watch(ended(None, cancelled=True), {}, ran=True)
    assert interrupted is not None
    assert interrupted.message.startswith("Watching was interrupted. Not as predicted after 5 min: 1 of 1 group")


@pytest.mark.parametrize(
    ("status", "log", "said", "to_do"),
    [
        (
            JobStatus(JobState.QUARANTINE, Quarantine("TooManyDeletes", None, None, "", "")),
            {},
            "as many objects as the deletion threshold",
            "ForceDeletes",
        ),
        (
            JobStatus(JobState.ACTIVE, error=JobError(AD_REFUSED, "00000523: SysErr: DSID-0, problem 22")),
            {},
            "The last run of the job ended with an error: HybridSynchronizationActiveDirectoryInternalServerError",
            "cloud_sync_account_name_expression",
        ),
        (
            STATUS,
            row(code=AD_REFUSED, message="00002098: SecErr"),
            "The provisioning log says of 'Sales'",
            "Set-AADCloudSyncPermissions",
        ),
        (STATUS, row("skipped", "NotEffectivelyEntitled"), "not in the scope", "30-enable-writeback"),
        (STATUS, row("success"), "No AD object has its anchor yet.", "Cloud Sync runs every 20 minutes"),
    ],
    ids=["quarantine", "error of the job", "failure in the log", "skipped in the log", "nothing is known"],
)
def test_what_cloud_sync_itself_says_is_told_with_what_to_do(
    status: JobStatus, log: dict[str, LogEntry], said: str, to_do: str
) -> None:
    error = end_of_watch(ended(None, status), log, ran=True)
    assert error is not None
    assert said in error.message
    assert to_do in error.hint


class Looks:
    """AD as a watch asks for it: what was asked of each look, and the time of each."""

    def __init__(self, there_after: int, clock: Clock) -> None:
        self.there_after = there_after
        self.clock = clock
        self.changed_only: list[bool] = []

    def __call__(self, changed_only: bool) -> list[Arrival]:
        self.changed_only.append(changed_only)
        there = len(self.changed_only) >= self.there_after
        return [arrival(predicted(), written(NAME) if there else None)]


def watched(
    looks: Looks, states: list[JobState], *, minutes: float = 1, sleep: Callable[[float], None] | None = None
) -> tuple[Watched[Arrival], list[str]]:
    told: list[str] = []
    found = watch_arrivals(
        looks,
        lambda: JobStatus(states[min(len(looks.changed_only), len(states)) - 1]),
        ran=ran_between,
        wait=timedelta(minutes=minutes),
        clock=looks.clock,
        sleep=sleep or looks.clock.sleep,
        progress=lambda what, _done, _total: told.append(what),
    )
    return found, told


@pytest.mark.parametrize(
    ("states", "there_after", "looks"),
    [
        ([JobState.ACTIVE], 1, [False]),
        ([JobState.ACTIVE], 3, [False, True, True, False]),
        ([JobState.ACTIVE, JobState.PAUSED], 9, [False, True, False]),
        ([JobState.ACTIVE], 99, [False, True, True, True, True, False]),
    ],
    ids=["it is there", "it arrives", "the job stops", "the time is over"],
)
def test_a_watch_asks_for_what_changed_and_decides_on_a_whole_look(
    states: list[JobState], there_after: int, looks: list[bool]
) -> None:
    ad = Looks(there_after, Clock())
    found, told = watched(ad, states)
    assert ad.changed_only == looks
    assert len(told) == found.looks == len(looks)
    assert found.status.state is states[min(len(looks), len(states)) - 1]
    assert bool(found.seen[0].differences) is (there_after > len(looks))


def test_every_five_minutes_a_look_reads_the_groups_whole() -> None:
    ad = Looks(999, Clock())
    watched(ad, [JobState.ACTIVE], minutes=11)
    whole = [number for number, changed_only in enumerate(ad.changed_only) if not changed_only]
    assert whole[:3] == [0, 20, 40]


def test_an_interruption_ends_the_waiting_and_looks_once_more() -> None:
    ad = Looks(2, Clock())

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    found, _ = watched(ad, [JobState.ACTIVE], minutes=60, sleep=interrupted)
    assert found.cancelled
    assert ad.changed_only == [False, False]
    assert not found.seen[0].differences


def test_progress_says_how_long_and_what_the_job_did() -> None:
    left = timedelta(minutes=12, seconds=59)
    assert progress_text(JobStatus(JobState.ACTIVE), left) == "as predicted, 12 min left"
    assert "the job last ran at 2026-11-20 12:00 UTC" in progress_text(STATUS, left)
    failed = JobStatus(JobState.ACTIVE, error=JobError("TimeOut", ""), ran=START)
    assert "took too long to answer" in progress_text(failed, left)
