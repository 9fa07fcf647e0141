"""What becomes of AD objects whose groups left the scope: watched, compared with before, and told as it was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from runbook_lib.graph.tenant.jobs import JobState, JobStatus
from runbook_lib.graph.tenant.provisioning_log import LogEntry
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.finding import Severity
from runbook_lib.model.ids import GroupId
from runbook_lib.model.outcome import Outcome
from runbook_lib.routes.cloud_sync.scope.on_demand_steps import provision_error
from runbook_lib.routes.cloud_sync.watching.leaving import LeftGroup, end_of_left, watch_left, what_became
from runbook_lib.routes.cloud_sync.watching.log_evidence import LOG_COLUMNS, log_table
from runbook_lib.routes.cloud_sync.watching.loop import Watched
from runbook_lib.shown.cloud_sync import left_view, log_view
from tests.support import builders as b
from tests.unit.graph.fake_cloud import START, Clock
from tests.unit.routes_cloud_sync.world import OU

BEFORE = replace(b.ad_group("Sales"), dn=f"CN=Sales,{OU}", members=("CN=a", "CN=b"))
MOVED = replace(BEFORE, dn=f"CN=Sales\\, old,CN=Users,{b.BASE}")
RAN = JobStatus(JobState.ACTIVE, ran=START)
RAN_AGAIN = JobStatus(JobState.ACTIVE, ran=START + timedelta(minutes=20))


def left(before: DirectoryGroup | None, now: DirectoryGroup | None) -> LeftGroup:
    return LeftGroup(GroupId(b.guid("Sales")), "Sales", before, now)


def ended(*seen: LeftGroup, status: JobStatus = RAN_AGAIN) -> Watched[LeftGroup]:
    return Watched(seen, RAN, status, timedelta(minutes=21), 9)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (BEFORE, BEFORE, ()),
        (BEFORE, None, ("Its AD object is gone.",)),
        (None, None, ()),
        (None, BEFORE, (f"An AD object came: CN=Sales,{OU}.",)),
        (BEFORE, MOVED, (f"Its AD object moved to CN=Users,{b.BASE}.", "Its AD object is named Sales, old now.")),
        (BEFORE, replace(BEFORE, members=("CN=b", "CN=c")), ("Members: 1 added, 1 removed.",)),
        (BEFORE, replace(BEFORE, members=()), ("Members: 0 added, 2 removed.",)),
    ],
)
def test_what_became_of_an_object(
    before: DirectoryGroup | None, now: DirectoryGroup | None, told: tuple[str, ...]
) -> None:
    assert left(before, now).changes == told
    assert left(before, now).unchanged is not bool(told)


def test_it_is_watched_until_the_job_has_run() -> None:
    clock, asked, told = Clock(), [], []
    statuses = iter([RAN, RAN, RAN_AGAIN, RAN_AGAIN])

    def look(changed_only: bool) -> list[LeftGroup]:
        asked.append(changed_only)
        return [left(BEFORE, BEFORE if len(asked) < 3 else None)]

    found = watch_left(
        look,
        lambda: next(statuses),
        wait=timedelta(hours=1),
        clock=clock,
        sleep=clock.sleep,
        progress=lambda words, done, total: told.append((words, done, total)),
    )
    assert asked == [False, True, True, False]
    assert found.job_ran
    assert [done for _, done, _ in told] == [1, 1, 0, 0]
    assert "59 min left" in told[1][0]


@pytest.mark.parametrize(
    ("watched", "severity", "said"),
    [
        (
            ended(left(BEFORE, BEFORE), left(BEFORE, None)),
            Severity.INFO,
            "1 with the AD object as before. Sales: Its AD object is gone. The job ran at 2026-11-20 12:20 UTC.",
        ),
        (ended(left(BEFORE, BEFORE), status=RAN), Severity.UNKNOWN, "In 21 min the job did not run"),
        (ended(status=JobStatus(JobState.PAUSED)), Severity.UNKNOWN, "The job does not run: it is paused."),
    ],
    ids=["it ran", "it did not", "it is paused"],
)
def test_the_finding_says_what_happened_and_whether_that_is_the_last_word(
    watched: Watched[LeftGroup], severity: Severity, said: str
) -> None:
    finding = what_became(watched, {})
    assert finding.severity is severity
    assert said in finding.seen


def test_a_change_is_not_done_before_the_job_has_run_since() -> None:
    assert end_of_left(ended(left(BEFORE, BEFORE))) is None
    assert end_of_left(ended(status=JobStatus(JobState.PAUSED))) is None
    waiting = end_of_left(ended(left(BEFORE, BEFORE), status=RAN))
    assert waiting is not None
    assert (waiting.outcome, waiting.code) == (Outcome.AWAITING_HANDOFF, "job-not-run-yet")
    assert waiting.message == "The job has not run since the change, after 21 min. It last ran at 2026-11-20 12:00 UTC."


def test_the_log_has_names_of_what_changed_and_what_a_code_means() -> None:
    refused = LogEntry(START, b.guid("Sales"), "Sales", "t", "update", "failure", "InsufficientRights", "x", ("cn",))
    done = LogEntry(START, b.guid("Other"), "<b>Other</b>", "u", "create", "success")
    table = log_table([refused, done])
    assert tuple(table.columns) == LOG_COLUMNS
    assert table.loc[0, "meaning"] == "The agent's account may not do this in AD."
    assert table.loc[1, "meaning"] == ""
    view = log_view([refused, done], cut=True)
    assert "2 rows about these groups, 1 with a failure. It is longer" in view.text
    assert "<b>" not in str(view.html)
    finding = what_became(ended(left(BEFORE, None)), {refused.group_id: refused})
    assert "'log': 'update failure InsufficientRights'" in str(finding.values["groups"])
    assert "update, failure: InsufficientRights: x. The agent" in left_view(
        [left(BEFORE, None)], finding, {refused.group_id: refused}
    ).html.replace("&#39;", "'")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"key": '{"result": "Failure", "details": {"errorCode": "X", "errorMessage": "no"}}'}, "X"),
        (
            {"key": '{"result": "Skipped", "details": {"errorCode": "NotEffectivelyEntitled"}}'},
            "NotEffectivelyEntitled",
        ),
        ({"key": '{"result": "Failure"}'}, ""),
        ({"key": '{"result": "Failure", "details": ["x"]}'}, ""),
        ({"key": '{"result": "Skipped", "details": {"errorCode": "RedundantExport"}}'}, None),
        ({"key": '{"result": "Success"}'}, None),
        ({"key": "[1]"}, None),
        ({"key": "no json"}, None),
        ({"key": "[" * 100_000}, None),
        ({}, None),
    ],
)
def test_what_an_answer_to_provisioning_on_demand_says(answer: dict[str, str], code: str | None) -> None:
    error = provision_error(answer)
    assert (error.code if error is not None else None) == code
