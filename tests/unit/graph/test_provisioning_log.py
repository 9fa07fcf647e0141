"""The provisioning log: one job, the time of one run, and no more of a person than proves something."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests

from runbook_lib.graph.tenant.provisioning_log import LOG_PAGES, LOG_PATH, ProvisioningLog, read_provisioning_log
from runbook_lib.model.reading import Unreadable
from tests.unit.graph.fake_cloud import GRAPH, START, Reply, client_with, graph_error, path_of, query_of
from tests.unit.graph.fake_tenant import identifier

JOB = "AAD2ADGroupProvisioning.1.o'neil"
DENIED = graph_error(403, "Authentication_MSGraphPermissionMissing")


def row(number: int, *, job: str = JOB, minutes: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "jobId": job,
        "activityDateTime": (START + timedelta(minutes=minutes)).isoformat(),
        "provisioningAction": "Create",
        "provisioningStatusInfo": {"status": "success", "errorInformation": None},
        "initiatedBy": {"displayName": "Somebody"},
        "modifiedProperties": [
            {"displayName": "member", "oldValue": None, "newValue": "a person"},
            {"displayName": "cn", "oldValue": None, "newValue": "Sales"},
        ],
        "provisioningSteps": [],
        "sourceIdentity": {"id": identifier(number).upper(), "displayName": "Sales", "identityType": "Group"},
        "targetIdentity": {"id": "target", "displayName": "", "identityType": "group"},
        **changed,
    }


class Log:
    """The log as Graph answers it; ``refuses`` are words of a filter that it does not take."""

    def __init__(self, *rows: dict[str, Any], refuses: tuple[str, ...] = (), answer: Reply | None = None) -> None:
        self.rows = rows
        self.refuses = refuses
        self.answer = answer
        self.filters: list[str] = []

    def __call__(self, request: requests.PreparedRequest) -> Reply:
        assert path_of(request) == LOG_PATH
        wanted = query_of(request)["$filter"]
        self.filters.append(wanted)
        if self.answer is not None:
            return self.answer
        if any(word in wanted for word in self.refuses):
            return graph_error(400, "BadRequest", "Invalid filter clause")
        return Reply(body={"value": list(self.rows)})


def read(log: Log) -> ProvisioningLog | Unreadable:
    return read_provisioning_log(client_with(log)[0], JOB, START)


def test_rows_of_one_job_since_then_are_asked_for_and_only_what_proves_is_taken() -> None:
    log = Log(row(2, minutes=5), row(1))
    found = read(log)
    assert isinstance(found, ProvisioningLog)
    assert log.filters == ["jobId eq 'AAD2ADGroupProvisioning.1.o''neil' and activityDateTime gt 2026-11-20T12:00:00Z"]
    assert [entry.group_id for entry in found.entries] == [identifier(1), identifier(2)], "oldest first, lower case"
    first = found.entries[0]
    assert (first.action, first.status, first.target) == ("create", "success", "target")
    assert first.changed == ("cn", "member"), "names, never values"
    assert "person" not in repr(found)
    assert "Somebody" not in repr(found)


@pytest.mark.parametrize("refuses", [("jobId",), ()], ids=["a tenant that refuses jobId", "one that takes it"])
def test_rows_of_other_jobs_times_and_objects_are_left_out(refuses: tuple[str, ...]) -> None:
    user = {"id": identifier(5), "displayName": "Ana", "identityType": "User"}
    log = Log(row(1), row(2, job="another"), row(3, minutes=-1), row(4, sourceIdentity=user), refuses=refuses)
    found = read(log)
    assert isinstance(found, ProvisioningLog)
    assert [entry.group_id for entry in found.entries] == [identifier(1)]
    assert len(log.filters) == (2 if refuses else 1)


def test_why_a_group_failed_or_was_skipped() -> None:
    failed = {"status": "failure", "errorInformation": {"errorCode": "InsufficientRights", "reason": "00002098"}}
    steps = [
        {"name": "EntryImport", "details": {}},
        {"name": "EntrySynchronizationSkip", "description": "Not in scope", "details": {"SkipReason": "NotEntitled"}},
    ]
    log = Log(
        row(1, provisioningStatusInfo=failed),
        row(2, provisioningStatusInfo={"status": "skipped"}, provisioningSteps=steps),
    )
    found = read(log)
    assert isinstance(found, ProvisioningLog)
    assert [(entry.status, entry.code, entry.message) for entry in found.entries] == [
        ("failure", "InsufficientRights", "00002098"),
        ("skipped", "NotEntitled", "Not in scope"),
    ]


@pytest.mark.parametrize(
    ("log", "code"),
    [
        (Log(answer=DENIED), "forbidden"),
        (Log(refuses=("jobId", "activityDateTime")), "rejected"),
        (Log(row(1, activityDateTime=None)), "failed"),
        (Log(row(1, provisioningSteps="x", provisioningStatusInfo={"status": "skipped"})), "failed"),
    ],
    ids=["permission", "filter", "no time", "no list"],
)
def test_what_cannot_be_read_says_why(log: Log, code: str) -> None:
    found = read(log)
    assert isinstance(found, Unreadable)
    assert found.code == code


def test_a_row_that_a_later_page_repeats_is_taken_once() -> None:
    pages = iter([[row(1), row(2)], [row(2), row(3)]])

    def growing(_: requests.PreparedRequest) -> Reply:
        rows = next(pages)
        more = {"@odata.nextLink": f"{GRAPH}/v1.0{LOG_PATH}?$skiptoken=2"} if rows[0]["id"] == "1" else {}
        return Reply(body={"value": rows, **more})

    found = read_provisioning_log(client_with(growing)[0], JOB, START)
    assert isinstance(found, ProvisioningLog)
    assert [entry.group_id for entry in found.entries] == [identifier(number) for number in (1, 2, 3)]


def test_a_log_without_end_is_cut() -> None:
    pages = iter(range(10_000))

    def endless(request: requests.PreparedRequest) -> Reply:
        number = next(pages)
        return Reply(body={"value": [row(number)], "@odata.nextLink": f"{GRAPH}/v1.0{LOG_PATH}?$skiptoken={number}"})

    found = read_provisioning_log(client_with(endless)[0], JOB, START)
    assert isinstance(found, ProvisioningLog)
    assert found.cut
    assert len(found.entries) == LOG_PAGES
