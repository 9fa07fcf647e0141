"""Cloud Sync's configurations: every state, every kind of scope, every way to meet this runbook."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runbook_lib.graph.tenant.jobs import CloudSync, CloudSyncJob, JobState, ObjectScope, Quarantine, ScopeClause
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.assess import assess
from runbook_lib.preflight.checks import cloud_sync, cloud_sync_domains
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.verdict import Verdict
from tests.unit.preflight.builders import (
    AT,
    WRITES_GROUPS,
    evidence,
    findings,
    group,
    group_id,
    groups,
    job,
    tenant,
)

CHECKS = (*cloud_sync.CHECKS, *cloud_sync_domains.AGENT_CHECKS, *cloud_sync_domains.OVERLAP_CHECKS)
B, U, W, I = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING, Severity.INFO  # noqa: E741
UNREAD = Unreadable("part", "forbidden", t("A permission or a role is missing: /x answers HTTP 403"))
ONE, TWO = job("one").id, job("two").id
TARGET, RETIRED = "OU=Cloud Groups,DC=contoso,DC=com", "OU=Retired,DC=contoso,DC=com"


def given(*jobs: CloudSyncJob, groups: Any = None, **parameters: object) -> Evidence:
    parts = {} if groups is None else {"groups": groups}
    whole = Parameters.model_validate({"target_ou": TARGET, "retired_ou": RETIRED, **parameters})
    return evidence(whole, tenant=tenant(cloud_sync=CloudSync(jobs)), **parts)


def told(check: str, state: Evidence) -> list[tuple[str, Severity]]:
    return [(finding.id, finding.severity) for finding in findings(check, state)]


def filtered(*clauses: ScopeClause, enabled: bool = True, container: str = "") -> tuple[ObjectScope, ...]:
    return (ObjectScope("Group", "group", enabled, (*WRITES_GROUPS, clauses), container, into_ad=True),)


def test_present_or_absent() -> None:
    other = job("users", id="AD2AADProvisioning.x.users", template="AD2AADProvisioning")
    assert told("cloud-sync", given(job())) == []
    assert told("cloud-sync", given()) == [("cloud-sync-absent", B)]
    assert told("cloud-sync", given(other)) == [("cloud-sync-absent", B)]
    (made,) = findings("cloud-sync", given(cloud_sync_create=True))
    assert (made.severity, "30-enable-writeback makes one" in made.to_do) == (Severity.INFO, True)
    # A newer kind of configuration shows what it writes in its schema; without that nothing is certain.
    newer = {"id": "Something.x.new", "template": "Something"}
    assert told("cloud-sync", given(job("new", **newer))) == []
    assert told("cloud-sync", given(job("new", scope=UNREAD, **newer))) == [("cloud-sync-absent", U)]


def test_what_could_not_be_looked_at_is_not_absence() -> None:
    def read(unread: int) -> Evidence:
        return evidence(tenant=tenant(cloud_sync=CloudSync((), 40, unread)))

    assert told("cloud-sync", read(0)) == [("cloud-sync-absent", B)]
    assert told("cloud-sync", read(1)) == [("cloud-sync-absent", U)]
    (one,) = findings("cloud-sync", read(1))
    assert "other service principals (40); 1 could not be looked at." in one.seen


def test_the_writeback_of_exchange_attributes_is_recognized_and_left_alone() -> None:
    name = "AAD2ADExchangeHybridWriteback"
    other = job("exchange", id=f"{name}.x.1", template=name, state=JobState.PAUSED)
    (one,) = findings("cloud-sync-other-jobs", given(other, job()))
    assert (one.id, one.severity) == (f"cloud-sync-exchange-writeback:{other.id}", I)
    assert told("cloud-sync-state", given(other, job())) == [], "its state is not a matter of groups"
    assert told("cloud-sync", given(other)) == [("cloud-sync-absent", B)]
    assert findings("cloud-sync-several", given(other, job())) == []


def test_one_configuration_for_each_domain_is_as_it_should_be() -> None:
    one, two, three = job("one", domain="contoso.com"), job("two", domain="emea.x"), job("three", domain="apac.x")
    assert told("cloud-sync-several", given(one, two)) == [("cloud-sync-several", I)]
    assert told("cloud-sync-several", given(one, job("two"))) == [("cloud-sync-several", W)], "a domain is not named"
    assert told("cloud-sync-several", given(one, two, three)) == [("cloud-sync-several", W)], "more need a licence"
    (found,) = findings("cloud-sync-several", given(one, job("again", domain="contoso.com")))
    assert (found.severity, found.values["twice"]) == (W, ["contoso.com"])
    assert "More than one is for contoso.com." in found.seen


STATES = {
    JobState.ACTIVE: [],
    JobState.IN_PROGRESS: [],
    JobState.PAUSED: [(f"cloud-sync-stopped:{ONE}", B)],
    JobState.DISABLED: [(f"cloud-sync-stopped:{ONE}", B)],
    JobState.NOT_RUN: [(f"cloud-sync-stopped:{ONE}", B)],
    JobState.NOT_CONFIGURED: [(f"cloud-sync-stopped:{ONE}", B)],
    JobState.QUARANTINE: [(f"cloud-sync-quarantine:{ONE}", B)],
    JobState.UNKNOWN: [(f"cloud-sync-unknown:{ONE}", U)],
}


@pytest.mark.parametrize("state", list(JobState))
def test_every_state_of_a_job(state: JobState) -> None:
    assert told("cloud-sync-state", given(job(state=state))) == STATES[state]
    beside = told("cloud-sync-state", given(job(state=state), job("two")))
    stopped = [(f"cloud-sync-stopped:{ONE}", W)] if "stopped" in str(STATES[state]) else STATES[state]
    assert beside == stopped, "another one runs"


def test_a_quarantine_says_since_when_and_why() -> None:
    why = Quarantine("EncounteredQuarantineException", AT - timedelta(hours=3), None, "Too many\ndeletes.")
    (one,) = findings("cloud-sync-state", given(job(state=JobState.QUARANTINE, quarantine=why)))
    assert "since 2026-11-22 09:00 UTC: EncounteredQuarantineException. The service could not connect" in one.seen
    assert one.seen.endswith("Too many\\u000adeletes.")
    assert "Look at the error beside it" in one.to_do
    assert one.values["reason"] == "EncounteredQuarantineException"
    bare = Quarantine("", None, None, "")
    (one,) = findings("cloud-sync-state", given(job(state=JobState.QUARANTINE, quarantine=bare)))
    assert one.seen.endswith("is in quarantine.")


@pytest.mark.parametrize(
    ("age", "severity"),
    [
        (timedelta(minutes=20), None),
        (cloud_sync.CLOUD_SYNC_LATE, None),
        (cloud_sync.CLOUD_SYNC_LATE + timedelta(minutes=1), W),
        (None, U),
    ],
)
def test_the_age_of_the_last_run(age: timedelta | None, severity: Severity | None) -> None:
    last = None if age is None else AT - age
    expected = [] if severity is None else [(f"cloud-sync-late:{ONE}", severity)]
    assert told("cloud-sync-last-run", given(job(last_success=last))) == expected
    assert told("cloud-sync-last-run", given(job(last_success=last, state=JobState.PAUSED))) == [], "said already"


def test_a_writeback_state_in_the_scope_is_live() -> None:
    flag = ScopeClause("writebackConfiguration_isEnabled", "IS TRUE", ())
    name = ScopeClause("extension_x_WritebackEnabled", "EQUALS", ("yes",))
    place = ScopeClause("extension_x_site", "EQUALS", ("Berlin",))
    for clause in (flag, name):
        (one,) = findings("cloud-sync-scope", given(job(scope=filtered(clause, place))))
        assert (one.id, one.severity) == (f"cloud-sync-scope-by-writeback:{ONE}", W)
        assert "as live" in one.to_do
        assert one.values["filter"] == [clause.attribute]
    (one,) = findings("cloud-sync-scope", given(job(scope=filtered(place))))
    assert (one.id, one.severity) == (f"cloud-sync-scope-filter:{ONE}", I)
    assert "extension_x_site EQUALS Berlin" in one.seen
    assert told("cloud-sync-scope", given(job())) == [], "the fixed filter is no news"
    assert told("cloud-sync-scope", given(job(scope=filtered(flag, enabled=False)))) == []
    assert told("cloud-sync-scope", given(job(scope=UNREAD))) == [(f"cloud-sync-scope-unreadable:{ONE}", U)]


@pytest.mark.parametrize(("count", "words"), [(1, None), (2, ""), (3, "ID Governance"), (21, "a tenant can have 20")])
def test_several_configurations(count: int, words: str | None) -> None:
    jobs = [job(str(n), assigned=(group_id("a"), group_id(f"own {n}"))) for n in range(count)]
    found = findings("cloud-sync-several", given(*jobs))
    assert [(one.id, one.severity) for one in found] == ([] if words is None else [("cloud-sync-several", W)])
    for one in found:
        assert one.values["shared"] == [group_id("a")]
        assert (words or "ends") in one.expected + "ends"
    unread = given(job("one", assigned=UNREAD), job("two", assigned=(group_id("a"),)))
    (one,) = findings("cloud-sync-several", unread)
    assert one.values["shared"] == []


def test_selected_groups_that_are_assigned() -> None:
    ours, other = group_id("Sales"), group_id("Berlin")
    assigned = job(assigned=(ours, group_id("third")))
    found = findings("cloud-sync-groups", given(assigned, select_ids=[ours.upper(), other]))
    assert [(one.id, one.severity, one.values["groups"]) for one in found] == [
        (f"cloud-sync-same-group:{ONE}", B, [ours])
    ]
    assert told("cloud-sync-groups", given(assigned, select_ids=[other])) == []
    assert told("cloud-sync-groups", given(assigned)) == []
    assert told("cloud-sync-groups", given(job(assigned=UNREAD), select_ids=[ours])) == []
    # Cloud Sync's fixed filter keeps Microsoft 365 groups out, also when somebody has assigned one.
    assert told("cloud-sync-groups", given(assigned, groups=groups(group("Sales")), select_ids=[ours])) == []


def test_selected_kinds() -> None:
    names = {"select_names": ["*"], "select_kinds": ["security"]}
    assert told("cloud-sync-kinds", given(job(), **names)) == [(f"cloud-sync-same-kind:{ONE}", U)]
    assert told("cloud-sync-kinds", given(**names)) == []
    assert told("cloud-sync-kinds", given(job(), select_names=["*"])) == []
    assert told("cloud-sync-kinds", given(job(), select_kinds=["security"])) == []


@pytest.mark.parametrize(
    ("container", "hit"),
    [
        (TARGET, ["target_ou"]),
        (TARGET.lower().replace(",", ", "), ["target_ou"]),
        (f"OU=Below,{RETIRED}", ["retired_ou"]),
        ("DC=contoso,DC=com", ["target_ou", "retired_ou"]),
        ("OU=Elsewhere,DC=contoso,DC=com", None),
        ('IIF([x]="a", "OU=A", "OU=B")', None),
        ("", None),
    ],
)
def test_the_container_it_writes_into(container: str, hit: list[str] | None) -> None:
    found = findings("cloud-sync-target", given(job(scope=filtered(container=container))))
    assert [one.values["parameters"] for one in found] == ([] if hit is None else [hit])
    assert all((one.id, one.severity) == (f"cloud-sync-same-ou:{ONE}", B) for one in found)
    unused = given(job(scope=filtered(container=container, enabled=False)))
    assert told("cloud-sync-target", unused) == told("cloud-sync-target", given(job(scope=UNREAD))) == []


def test_verdicts() -> None:
    well = assess(given(job()), CHECKS)
    assert [f.id for f in well.findings] == ["cloud-sync-agent-unread"]
    assert (well.verdict(Route.CLOUD_SYNC), well.verdict(Route.DIRECT)) == (Verdict.WARNINGS, Verdict.READY)
    assert "AADConnectProvisioningAgent.exe" in well.hand_offs[0].text
    none = assess(given(), CHECKS)
    assert (none.verdict(Route.CLOUD_SYNC), none.verdict(Route.DIRECT)) == (Verdict.NOT_READY, Verdict.READY)
    unread = assess(evidence(tenant=tenant(cloud_sync=UNREAD)), CHECKS)
    assert (unread.verdict(Route.CLOUD_SYNC), unread.verdict(Route.DIRECT)) == (Verdict.UNKNOWN, Verdict.UNKNOWN)
    assert [f.id for f in unread.findings] == ["part-unreadable:tenant.cloud_sync"]
