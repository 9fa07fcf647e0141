"""Notification and deletion threshold of Cloud Sync, and groups that came from AD: read, and judged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook_lib.cloud_sync.configuration import Notification
from runbook_lib.graph.groups import cloud_sync_starts_from, groups_from_ad, security_groups
from runbook_lib.graph.tenant.configuration import ConfigurationAddress
from runbook_lib.graph.tenant.jobs import CloudSync, ObjectScope
from runbook_lib.graph.tenant.parts import GrantedPermissions, Synchronization
from runbook_lib.model.cloud import Authority
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t
from runbook_lib.preflight.derived import read_notifications
from runbook_lib.preflight.parts import GROUPS_FROM_AD, SECURITY_GROUPS
from runbook_lib.preflight.reach import Reach, Source
from runbook_lib.preflight.tenant_facts import tenant_facts
from tests.support import builders as b
from tests.unit.graph.fake_cloud import Reply, client_with, graph_error
from tests.unit.graph.fake_tenant import FakeTenant, group, identifier
from tests.unit.preflight.builders import AT, evidence, findings, job, tenant

W, U, I = Severity.WARNING, Severity.UNKNOWN, Severity.INFO  # noqa: E741
ONE = job()
MISSING, UNREAD = f"cloud-sync-notification-missing:{ONE.id}", f"cloud-sync-notification-unread:{ONE.id}"
SECRETS = ConfigurationAddress(ONE.service_principal, ONE.id).secrets
MAY = GrantedPermissions(False, ("Synchronization.ReadWrite.All",), "")


@pytest.mark.parametrize(
    ("one", "expected", "words"),
    [
        (Notification(True, "ops@contoso.com", 500), [], ""),
        (Notification(True, "ops@contoso.com", None), [(MISSING, W)], "Missing: no deletion threshold is set"),
        (Notification(False, "ops@contoso.com", 500), [(MISSING, W)], "Missing: nobody is told of trouble"),
        (Notification(True, " ", 500), [(MISSING, W)], "deletion threshold 500"),
        (None, [(MISSING, W)], "nobody is told of trouble and no deletion threshold is set"),
        (Unreadable("notification", "forbidden", t("HTTP 403")), [(UNREAD, U)], "are not known: HTTP 403"),
    ],
)
def test_who_is_told_and_where_a_run_stops(one: Any, expected: list[tuple[str, Severity]], words: str) -> None:
    found = findings("cloud-sync-notification", evidence(tenant=tenant(), cloud_sync_notifications={ONE.id: one}))
    assert [(finding.id, finding.severity) for finding in found] == expected
    assert all(words in finding.seen for finding in found)


def secret(**held: object) -> Reply:
    return Reply(body={"value": [{"key": "SyncNotificationSettings", "value": json.dumps(held)}]})


SET = secret(Enabled=True, Recipients="ops@contoso.com", DeleteThresholdEnabled=True, DeleteThresholdValue=50)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (SET, Notification(True, "ops@contoso.com", 50)),
        (Reply(body={"value": []}), None),
        (graph_error(403, "Authorization_RequestDenied"), "forbidden"),
        (Reply(body={"value": [{"key": "SyncNotificationSettings", "value": "no JSON"}]}), "secret-damaged"),
    ],
)
def test_settings_are_read_or_it_is_said_why_not(answer: Reply, expected: object) -> None:
    client = client_with(FakeTenant(answers={SECRETS: answer}))[0]
    one = read_notifications((ONE,), MAY, lambda: client)[ONE.id]
    assert (one.code if isinstance(one, Unreadable) else one) == expected


def test_what_the_token_does_not_carry_is_not_asked_for() -> None:
    reads = GrantedPermissions(False, ("Synchronization.Read.All",), "")
    one = read_notifications((ONE,), reads, pytest.fail)[ONE.id]
    assert isinstance(one, Unreadable)
    assert "Synchronization.ReadWrite.All" in one.clause


def test_the_facts_name_mapping_notification_and_threshold() -> None:
    mapped = {"cn": "[displayName]", "parentdistinguishedname": '"OU=A,DC=x"'}
    scope = ObjectScope("Group", "group", True, (), "OU=A,DC=x", into_ad=True, mapped=mapped)
    state = evidence(
        tenant=tenant(cloud_sync=CloudSync((job(scope=(scope,)),))),
        cloud_sync_notifications={ONE.id: Notification(True, "ops@contoso.com", 50)},
    )
    told = " | ".join(str(row.value) for row in tenant_facts(state) or ())
    for words in ("into OU=A,DC=x", "cn = [displayName]", "sAMAccountName not mapped"):
        assert words in told
    assert "notifies ops@contoso.com, deletion threshold 50" in told


def test_groups_from_ad_are_read_with_their_source_of_authority() -> None:
    sid = "S-1-5-21-1-2-3-1101"
    rows = [
        group(1, securityEnabled=True, onPremisesSecurityIdentifier=sid),
        group(2, securityEnabled=True, onPremisesSecurityIdentifier=sid),
        group(3, securityEnabled=True, onPremisesSecurityIdentifier=sid, onPremisesSyncEnabled=True),
        group(4, securityEnabled=True),
    ]
    answers = {
        f"/groups/{identifier(number)}/onPremisesSyncBehavior": Reply(body={"value": {"isCloudManaged": managed}})
        for number, managed in ((1, True), (2, False))
    }
    client = client_with(FakeTenant(collections={"/groups": rows}, answers=answers))[0]
    found = {one.id: one.authority for one in groups_from_ad(client, security_groups(client))}
    assert found == {identifier(1): Authority.CONVERTED, identifier(2): Authority.PENDING}


@pytest.mark.parametrize(
    ("synchronized", "assigned", "lists"),
    [(True, (), 1), (True, ("x",), 1), (None, (), 1), (None, ("x",), 0)],
)
def test_the_security_groups_of_the_tenant_are_listed_once_for_whoever_asks(
    synchronized: bool | None, assigned: tuple[str, ...], lists: int
) -> None:
    plain: dict[str, Any] = {"securityEnabled": True, "mailEnabled": False, "groupTypes": []}
    sid = "S-1-5-21-1-2-3-1101"
    rows = [group(1, **plain), group(2, **plain, onPremisesSecurityIdentifier=sid)]
    behavior = Reply(body={"value": {"isCloudManaged": True}})
    answers = {f"/groups/{identifier(2)}/onPremisesSyncBehavior": behavior}
    client, adapter, _ = client_with(FakeTenant(collections={"/groups": rows}, answers=answers))
    reach = Reach(directory=pytest.fail, graph=lambda: client)
    cloud_sync = CloudSync((job(assigned=assigned),))
    state = evidence(tenant=tenant(synchronization=Synchronization(synchronized, None), cloud_sync=cloud_sync))
    for part in (SECURITY_GROUPS, GROUPS_FROM_AD):
        state = state.with_part(part, part.read(Source(part, reach, state, lambda: AT, lambda _: None)))
    assert [one.id for one in state[GROUPS_FROM_AD]] == ([identifier(2)] if synchronized else [])
    listed = state[SECURITY_GROUPS]
    assert cloud_sync_starts_from(listed) == (tuple(map(identifier, (1, 2))) if lists else ())
    assert sum("/groups?" in str(one.url) for one in adapter.sent) == lists


@pytest.mark.parametrize(
    ("managed", "expected"),
    [
        (True, ("groups-converted", I)),
        (False, ("groups-roll-back-pending", W)),
        (None, ("groups-authority-unknown", U)),
    ],
)
def test_each_state_of_a_group_from_ad_is_told_by_name(managed: bool | None, expected: tuple[str, Severity]) -> None:
    one = b.cloud_group("Sales", on_premises_sid="S-1-5-21-1-2-3-1101", cloud_managed=managed)
    (finding,) = findings("groups-authority", evidence(groups_from_ad=(one,)))
    assert (finding.id, finding.severity) == expected
    assert "Sales" in finding.seen
    assert findings("groups-authority", evidence(groups_from_ad=())) == []
