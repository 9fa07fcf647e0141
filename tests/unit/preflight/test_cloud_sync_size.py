"""Cloud Sync's scopes against Microsoft's limits, groups that arrive empty, names that nobody chose."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.graph.groups import security_groups
from runbook_lib.graph.tenant.jobs import CloudSync, CloudSyncJob, JobState, ObjectScope, ScopeClause
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t
from runbook_lib.preflight.checks import cloud_sync_settings
from runbook_lib.preflight.derived import CloudSyncGroups, read_cloud_sync_groups
from runbook_lib.preflight.evidence import Evidence
from tests.unit.directory.embedded import BASE, WRITER, Embedded
from tests.unit.graph.fake_cloud import Reply, client_with
from tests.unit.graph.fake_tenant import FakeTenant, group, identifier
from tests.unit.preflight.builders import WRITES_GROUPS, evidence, findings, group_id, job, tenant

U, W, I = Severity.UNKNOWN, Severity.WARNING, Severity.INFO  # noqa: E741
ONE = job().id
UNREAD = Unreadable("part", "forbidden", t("no"))


def given(found: CloudSyncGroups | None = None, *jobs: CloudSyncJob, **of_job: Any) -> Evidence:
    reading = tenant(cloud_sync=CloudSync(jobs or (job(**of_job),)))
    return evidence(tenant=reading, cloud_sync_groups=found or CloudSyncGroups())


def told(check: str, state: Evidence) -> list[tuple[str, Severity]]:
    return [(finding.id, finding.severity) for finding in findings(check, state)]


def some(number: int) -> tuple[str, ...]:
    return tuple(f"{n:08d}" for n in range(number))


FILTER = (ObjectScope("Group", "group", True, (*WRITES_GROUPS, (ScopeClause("x", "EQUALS", ("1",)),)), into_ad=True),)
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
    ({"assigned": UNREAD}, {}, [("size-unknown", U)]),
]


@pytest.mark.parametrize(("of_job", "members", "expected"), SIZES, ids=[str(n) for n in range(len(SIZES))])
def test_sizes_against_the_limits(
    of_job: dict[str, Any], members: dict[str, int], expected: list[tuple[str, Severity]]
) -> None:
    state = given(CloudSyncGroups(members, tenant_users=1, tenant_groups=1), **of_job)
    assert told("cloud-sync-size", state) == [(f"cloud-sync-{name}:{ONE}", severity) for name, severity in expected]
    for one in findings("cloud-sync-size", state):
        assert "10,000 groups and 250,000" in one.expected
        assert "provisioning options" in one.source


@pytest.mark.parametrize(
    ("candidates", "each", "uncounted", "expected", "words"),
    [
        (20_000, 25, 0, [], ""),
        (20_001, 0, 0, ["size-unknown"], "Up to 20,001 security groups can be in scope, with 0 direct members"),
        (10_000, 51, 0, ["size-unknown"], "with 510,000 direct members; how many of them its filter takes"),
        (10_000, 51, 7, ["size-unknown"], "with at least 509,643 direct members"),
        (100, 2, 7, ["members-not-counted"], "of 7 of 100 groups that can be in scope were not counted"),
        (2, 50_001, 0, ["group-too-large"], "Can be in scope: 2 groups of more than 50,000 direct members"),
    ],
)
def test_what_a_filter_can_take_is_counted_and_never_called_fine_where_it_was_not(
    candidates: int, each: int, uncounted: int, expected: list[str], words: str
) -> None:
    ids = some(candidates)
    read = CloudSyncGroups(
        dict.fromkeys(ids[uncounted:], each),
        frozenset(ids[:uncounted]),
        candidates=ids,
        tenant_users=1,
        tenant_groups=1,
    )
    state = given(read, scope=FILTER)
    assert told("cloud-sync-size", state) == [(f"cloud-sync-{name}:{ONE}", U) for name in expected]
    assert all(words in one.seen for one in findings("cloud-sync-size", state))


def test_what_the_job_itself_reports_decides_before_what_could_be() -> None:
    read = CloudSyncGroups(candidates=some(30_000), tenant_users=1, tenant_groups=1)
    state = given(read, scope=FILTER, counts={"Group to group": 20_001})
    assert told("cloud-sync-size", state) == [(f"cloud-sync-too-large:{ONE}", W)]


def test_people_that_are_assigned_count_as_no_groups() -> None:
    ids = some(10_002)
    read = CloudSyncGroups(dict.fromkeys(ids[:999], 1), no_groups=frozenset(ids[999:]))
    assert findings("cloud-sync-size", given(read, assigned=ids)) == []
    fewer = CloudSyncGroups(dict.fromkeys(ids[:1000], 1), no_groups=frozenset(ids[1000:]))
    (one,) = findings("cloud-sync-size", given(fewer, assigned=ids))
    assert "1,000 groups are assigned" in one.seen


def test_selected_groups_that_were_not_counted_are_named() -> None:
    ids = some(5)
    read = CloudSyncGroups(dict.fromkeys(ids[:3], 10), frozenset(ids[3:]))
    (one,) = findings("cloud-sync-size", given(read, assigned=ids))
    assert (one.id, one.severity) == (f"cloud-sync-members-not-counted:{ONE}", U)
    assert "2 of 5 groups that are assigned were not counted; 30 are the least." in one.seen
    more = CloudSyncGroups(dict.fromkeys(ids[:3], 90_000), frozenset(ids[3:]))
    assert (
        "at least 270,000 direct members of 250,000" in findings("cloud-sync-size", given(more, assigned=ids))[0].seen
    )


@pytest.mark.parametrize(
    ("users", "groups", "expected", "words"),
    [
        (199_999, 39_999, [], ""),
        (200_000, 5, [("tenant-too-large", W)], "The tenant has 200,000 users."),
        (None, 40_000, [("tenant-too-large", W)], "The tenant has 40,000 groups."),
        (None, 5, [("tenant-size-unknown", U)], "The users of the tenant were not counted."),
        (None, None, [("tenant-size-unknown", U)], "The users and groups of the tenant were not counted."),
    ],
)
def test_the_tenant_itself_can_be_too_large_for_a_filter(
    users: int | None, groups: int | None, expected: list[tuple[str, Severity]], words: str
) -> None:
    read = CloudSyncGroups(candidates=(), tenant_users=users, tenant_groups=groups)
    state = given(read, scope=FILTER)
    assert told("cloud-sync-size", state) == [(f"cloud-sync-{name}:{ONE}", severity) for name, severity in expected]
    assert all(words in one.seen for one in findings("cloud-sync-size", state))
    assert told("cloud-sync-size", given(read, assigned=some(1))) == [], "no limit where groups are selected"


def test_empty_groups_that_were_not_looked_up_are_named() -> None:
    read = CloudSyncGroups(empty={"a": "CN=a"}, synchronized={"a": False}, not_looked_up=4)
    (one,) = findings("cloud-sync-empty", given(read, state=JobState.ACTIVE))
    assert (one.id, one.severity) == ("cloud-sync-groups-empty-not-all", U)
    assert one.seen.startswith("1 of 5 groups")


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
        scope = ObjectScope("Group", "group", enabled, (), into_ad=True, mapped=dict.fromkeys(names, "x"))
        return told("cloud-sync-mapping", given(scope=(scope,)))

    random, marks = (f"cloud-sync-random-account-names:{ONE}", I), (f"cloud-sync-marks-groups:{ONE}", I)
    assert mapped("cn", "member") == [random]
    assert mapped("cn", "samaccountname") == []
    assert mapped("samaccountname", "msds-objectsoa") == [marks]
    assert mapped("cn", enabled=False) == []
    assert mapped() == [], "a mapping that shows nothing tells nothing"
    assert told("cloud-sync-mapping", given(scope=UNREAD)) == []
    assert {check.id for check in cloud_sync_settings.CHECKS} >= {"cloud-sync-mapping"}


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
        read = read_cloud_sync_groups(jobs, lambda: client, lambda: directory, lambda *_: None, pytest.fail)
        nothing = read_cloud_sync_groups((), pytest.fail, pytest.fail, lambda *_: None, pytest.fail)
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
        jobs = (job(assigned=ids),)
        read = read_cloud_sync_groups(jobs, lambda: client, lambda: directory, lambda *_: None, pytest.fail)
    assert (len(read.members), read.uncounted) == (1, frozenset({max(ids)}))


def test_a_filtered_configuration_has_what_it_can_take_counted_and_an_uncounted_group_is_looked_up(
    monkeypatch: pytest.MonkeyPatch, embedded: Embedded
) -> None:
    monkeypatch.setattr("runbook_lib.preflight.derived.MOST_COUNTED", 1)
    monkeypatch.setattr("runbook_lib.preflight.derived.MOST_LOOKED_AT", 1)
    plain: dict[str, object] = {"groupTypes": [], "securityEnabled": True, "mailEnabled": False}
    rows = [group(number, **plain) for number in (1, 2, 3)]
    for number in (1, 2, 3):
        anchor = f"Group_{identifier(number)}"
        embedded.add_group(f"Bare {number}", f"OU=Staff,{BASE}", **{"msDS-ExternalDirectoryObjectId": anchor})
    answers = {f"/groups/{identifier(1)}/members": Reply(body={"@odata.count": 0, "value": []})}
    answers["/users"] = Reply(body={"@odata.count": 12, "value": []})
    answers[f"/groups/{identifier(2)}/members/microsoft.graph.user"] = Reply(body={"value": []})
    client = client_with(FakeTenant({"/groups": rows}, answers=answers))[0]
    with embedded.open() as directory:
        jobs, listed = (job(assigned=()),), security_groups(client)
        read = read_cloud_sync_groups(jobs, lambda: client, lambda: directory, lambda *_: None, lambda: listed)
    assert read.candidates == tuple(map(identifier, (1, 2, 3)))
    assert (read.members, read.uncounted) == ({identifier(1): 0}, frozenset({identifier(2), identifier(3)}))
    assert (read.tenant_users, read.tenant_groups) == (12, None)
    assert (list(read.empty), read.not_looked_up) == ([identifier(2)], 1), "what was not counted may have members"
