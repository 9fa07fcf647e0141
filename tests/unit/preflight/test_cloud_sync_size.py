"""Cloud Sync's scopes against Microsoft's limits, groups that arrive empty, names that nobody chose."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.graph import tenant as entra
from runbook_lib.graph.tenant import JobState, ScopeClause
from runbook_lib.model.finding import Severity
from runbook_lib.preflight.checks import cloud_sync_size
from runbook_lib.preflight.derived import CloudSyncGroups, read_cloud_sync_groups
from runbook_lib.preflight.evidence import Evidence
from tests.unit.directory.embedded import BASE, WRITER, Embedded
from tests.unit.graph.fake_cloud import Reply, client_with
from tests.unit.graph.fake_tenant import FakeTenant, identifier
from tests.unit.preflight.builders import WRITES_GROUPS, evidence, findings, group_id, job, tenant

U, W, I = Severity.UNKNOWN, Severity.WARNING, Severity.INFO  # noqa: E741
ONE = job().id
UNREAD = entra.Unreadable("no", "forbidden")


def given(found: CloudSyncGroups | None = None, *jobs: entra.CloudSyncJob, **of_job: Any) -> Evidence:
    reading = tenant(cloud_sync=entra.CloudSync(jobs or (job(**of_job),)))
    return evidence(tenant=reading, cloud_sync_groups=found or CloudSyncGroups())


def told(check: str, state: Evidence) -> list[tuple[str, Severity]]:
    return [(finding.id, finding.severity) for finding in findings(check, state)]


def some(number: int) -> tuple[str, ...]:
    return tuple(f"{n:08d}" for n in range(number))


FILTER = (
    entra.ObjectScope("Group", "group", True, (*WRITES_GROUPS, (ScopeClause("x", "EQUALS", ("1",)),)), into_ad=True),
)
SIZES: list[tuple[dict[str, Any], dict[str, int], list[tuple[str, Severity]]]] = [
    ({"assigned": some(999)}, {}, []),
    ({"assigned": some(1000)}, {}, [("beyond-portal", I)]),
    ({"assigned": some(10_000)}, {}, [("beyond-portal", I)]),
    ({"assigned": some(10_001)}, {}, [("too-large", W)]),
    ({"assigned": some(6)}, dict.fromkeys(some(5), 50_000), []),
    ({"assigned": some(6)}, {**dict.fromkeys(some(5), 50_000), "00000005": 1}, [("too-large", W)]),
    ({"assigned": some(1)}, {"00000000": 50_001}, [("group-too-large", W)]),
    ({"scope": FILTER, "counts": {"Group to group": 20_000, "User to user": 9}}, {}, []),
    ({"scope": FILTER, "counts": {"Group to group": 20_001}}, {}, [("too-large", W)]),
    ({}, {}, [("unbounded", I)]),
    ({"assigned": UNREAD}, {}, []),
]


@pytest.mark.parametrize(("of_job", "members", "expected"), SIZES, ids=[str(n) for n in range(len(SIZES))])
def test_sizes_against_the_limits(
    of_job: dict[str, Any], members: dict[str, int], expected: list[tuple[str, Severity]]
) -> None:
    state = given(CloudSyncGroups(members), **of_job)
    assert told("cloud-sync-size", state) == [(f"cloud-sync-{name}:{ONE}", severity) for name, severity in expected]
    for one in findings("cloud-sync-size", state):
        assert "10,000 groups and 250,000" in one.expected
        assert "provisioning options" in one.source


def test_what_was_not_counted_is_named() -> None:
    assert ("cloud-sync-members-not-counted", I) in told("cloud-sync-size", given(CloudSyncGroups(uncounted=7)))


@pytest.mark.parametrize(
    ("synchronized", "state", "expected"),
    [
        ({"a": True, "b": False}, JobState.ACTIVE, [("cloud-sync-groups-empty", W)]),
        ({"a": None}, JobState.IN_PROGRESS, [("cloud-sync-groups-empty-unknown", U)]),
        ({"a": False}, JobState.ACTIVE, []),
        ({}, JobState.ACTIVE, []),
        ({"a": True}, JobState.PAUSED, []),
    ],
)
def test_groups_that_arrive_empty(
    synchronized: dict[str, bool | None], state: JobState, expected: list[tuple[str, Severity]]
) -> None:
    read = CloudSyncGroups(empty={one: f"CN={one}" for one in synchronized}, synchronized=synchronized)
    assert told("cloud-sync-empty", given(read, state=state)) == expected
    for one in findings("cloud-sync-empty", given(read, state=state)):
        assert "CN=a" in one.seen
        assert "CN=b" not in one.seen


def test_names_that_active_directory_makes_up_and_marks() -> None:
    def mapped(*names: str, enabled: bool = True) -> list[tuple[str, Severity]]:
        scope = entra.ObjectScope("Group", "group", enabled, (), into_ad=True, mapped=dict.fromkeys(names, "x"))
        return told("cloud-sync-mapping", given(scope=(scope,)))

    random, marks = (f"cloud-sync-random-account-names:{ONE}", I), (f"cloud-sync-marks-groups:{ONE}", I)
    assert mapped("cn", "member") == [random]
    assert mapped("cn", "samaccountname") == []
    assert mapped("samaccountname", "msds-objectsoa") == [marks]
    assert mapped("cn", enabled=False) == []
    assert mapped() == [], "a mapping that shows nothing tells nothing"
    assert told("cloud-sync-mapping", given(scope=UNREAD)) == []
    assert {check.id for check in cloud_sync_size.CHECKS} >= {"cloud-sync-mapping"}


def test_both_sides_are_read_for_what_cloud_sync_writes(embedded: Embedded) -> None:
    """Counted in the cloud; empty in AD and not in the cloud is looked at, empty on both sides is not."""
    full, bare, hollow = identifier(1), identifier(2), identifier(3)
    for name, one, members in (("Full", full, [WRITER]), ("Bare", bare, []), ("Hollow", hollow, [])):
        values: dict[str, str | list[str]] = {"msDS-ExternalDirectoryObjectId": f"Group_{one}"}
        embedded.add_group(name, f"OU=Staff,{BASE}", **(values | ({"member": members} if members else {})))
    sizes = {full: 3, bare: 2, hollow: 0}
    answers = {f"/groups/{one}/members": Reply(body={"@odata.count": n, "value": []}) for one, n in sizes.items()}
    synced = {"value": [{"id": identifier(9), "userPrincipalName": "a@x", "onPremisesSyncEnabled": True}]}
    answers[f"/groups/{bare}/members/microsoft.graph.user"] = Reply(body=synced)
    client = client_with(FakeTenant(answers=answers))[0]
    with embedded.open() as directory:
        jobs = (job(assigned=(full, bare, hollow)),)
        read = read_cloud_sync_groups(jobs, lambda: client, lambda: directory, lambda *_: None)
        nothing = read_cloud_sync_groups((), pytest.fail, pytest.fail, lambda *_: None)
    assert read.members == sizes
    assert (read.empty, read.synchronized) == ({bare: f"CN=Bare,OU=Staff,{BASE}"}, {bare: True})
    assert nothing == CloudSyncGroups()


def test_a_tenant_with_more_groups_than_are_counted_says_so(
    monkeypatch: pytest.MonkeyPatch, embedded: Embedded
) -> None:
    monkeypatch.setattr("runbook_lib.preflight.derived.MOST_COUNTED", 1)
    ids = (group_id("a"), group_id("b"))
    answers = {f"/groups/{one}/members": Reply(body={"@odata.count": 1, "value": []}) for one in ids}
    client = client_with(FakeTenant(answers=answers))[0]
    with embedded.open() as directory:
        read = read_cloud_sync_groups((job(assigned=ids),), lambda: client, lambda: directory, lambda *_: None)
    assert (len(read.members), read.uncounted) == (1, 1)
