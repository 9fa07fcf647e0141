"""What Connect Sync and Cloud Sync's agents reported about themselves: builds, deletions, engines, machines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from runbook_lib.graph.tenant.jobs import CloudSync, CloudSyncJob, JobState
from runbook_lib.graph.tenant.parts import Agent, Agents, ConnectReport
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.preflight.assess import assess
from runbook_lib.preflight.checks import CHECKS, cloud_sync_domains, connect_server
from runbook_lib.preflight.derived import CloudSyncGroups
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.verdict import Verdict
from tests.unit.preflight.builders import agent, evidence, features, findings, job, report, tenant

B, U, W, I = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING, Severity.INFO  # noqa: E741
UNREAD = Unreadable("part", "app-only", t("Available with delegated permission only"))


def told(check: str, given: Evidence) -> list[tuple[str, Severity]]:
    return [(finding.id, finding.severity) for finding in findings(check, given)]


def reported(version: str | None, day: date | None = None, **given: Any) -> Evidence:
    found = evidence(tenant=tenant(connect=report(version, **given)))
    return found if day is None else replace(found, at=datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.5.79.0", []),
        ("2.6.92.0", []),
        ("3.0.0.0", []),
        ("2.10.0.0", []),
        ("2.5.78.9", [("connect-build-stopped", B)]),
        ("2.5.9.99", [("connect-build-stopped", B)]),
        ("1.6.16.0", [("connect-build-stopped", B)]),
        ("2.5.79", [("connect-build-unknown", U)]),
        ("newest", [("connect-build-unknown", U)]),
        (None, [("connect-build-unknown", U)]),
    ],
)
def test_the_lowest_build_that_still_synchronizes(version: str | None, expected: list[tuple[str, Severity]]) -> None:
    assert told("connect-build", reported(version)) == expected
    for one in findings("connect-build", reported(version)):
        assert "Security hardening" in one.source
        assert one.hand_offs


def test_before_the_day_a_low_build_is_a_warning() -> None:
    day = connect_server.STOPS
    assert told("connect-build", reported("2.5.3.0", date(2026, 9, 29))) == [("connect-build-stopping", W)]
    assert told("connect-build", reported("2.5.3.0", day)) == [("connect-build-stopped", B)]


def test_a_stopped_connect_blocks_its_own_route_alone() -> None:
    found = assess(reported("2.5.3.0"), connect_server.CHECKS)
    assert [found.verdict(route) for route in (Route.DIRECT, Route.CLOUD_SYNC, Route.CONNECT_SYNC)] == [
        Verdict.WARNINGS,
        Verdict.WARNINGS,
        Verdict.NOT_READY,
    ]
    (offer,) = found.hand_offs
    assert "AzureADConnect.exe" in str(offer.as_json())


def test_without_connect_there_is_no_build_to_ask_for() -> None:
    alone = tenant(connect=ConnectReport(), features=features(configured=False))
    assert told("connect-build", evidence(tenant=alone)) == []


@pytest.mark.parametrize(
    ("version", "day", "expected"),
    [
        ("2.5.79.0", date(2026, 10, 22), []),
        ("2.5.79.0", date(2026, 10, 23), ["connect-build-unsupported"]),
        ("2.6.79.0", date(2026, 10, 1), ["connect-build-unsupported"]),
        ("2.6.92.0", date(2028, 1, 1), []),
        ("2.6.5.0", date(2028, 1, 1), []),
        ("2.4.1.0", date(2028, 1, 1), []),
        (None, date(2028, 1, 1), []),
    ],
    ids=["last day", "ended", "recalled", "latest", "not in the table", "said already", "none"],
)
def test_support_of_a_build_as_a_third_party_tells(version: str | None, day: date, expected: list[str]) -> None:
    found = findings("connect-build-support", reported(version, day))
    assert [one.id for one in found] == expected
    assert all(one.severity is W and "third party" in one.source and "third party" in one.why for one in found)


def test_deletions_that_wait_are_a_finding() -> None:
    (one,) = findings("connect-pending-deletions", reported("2.6.92.0", pending_deletions=1200))
    assert (one.id, one.severity) == ("connect-pending-deletions", W)
    assert "1,200 deletions" in one.seen
    assert "of 600 objects" in one.seen
    for number in (0, None):
        assert findings("connect-pending-deletions", reported("2.6.92.0", pending_deletions=number)) == []


def from_ad(state: JobState = JobState.ACTIVE) -> CloudSyncJob:
    return job("from ad", id="AD2AADProvisioning.x.1", template="AD2AADProvisioning", state=state, domain="contoso.com")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"cloud_sync": CloudSync((job(),))}, []),
        ({}, ["connect-in-transition"]),
        ({"connect": UNREAD}, ["connect-in-transition"]),
        ({"connect": report(None)}, []),
        ({"features": features(configured=False), "connect": report(None)}, []),
        ({"cloud_sync": CloudSync((from_ad(JobState.PAUSED),))}, []),
        ({"cloud_sync": CloudSync((from_ad(JobState.QUARANTINE),))}, ["connect-in-transition"]),
    ],
    ids=["to AD alone", "both", "Connect not readable", "Cloud Sync alone", "not configured", "paused", "quarantine"],
)
def test_two_engines_from_ad_may_be_a_transition(given: dict[str, Any], expected: list[str]) -> None:
    whole = {"cloud_sync": CloudSync((from_ad(), job())), **given}
    found = findings("connect-transition", evidence(tenant=tenant(**whole)))
    assert [one.id for one in found] == expected
    assert all(one.severity is U and "StagingModeEnabled" in one.to_do and "contoso.com" in one.seen for one in found)


@pytest.mark.parametrize(
    ("v1", "words"), [(Switch.ON, "v1 is on"), (Switch.OFF, "v1 is off"), (Switch.UNKNOWN, "where")]
)
def test_a_transition_says_what_becomes_of_written_groups(v1: Switch, words: str) -> None:
    state = tenant(cloud_sync=CloudSync((from_ad(),)), features=features(v1))
    (one,) = findings("connect-transition", evidence(tenant=state))
    assert words in one.why


def with_agents(*agents: Agent, assigned: bool = True, jobs: tuple[CloudSyncJob, ...] = (job(),)) -> Evidence:
    domains = frozenset().union(*(one.domains for one in agents))
    read = Agents(agents, domains, assigned)
    return evidence(tenant=tenant(agents=read, cloud_sync=CloudSync(jobs)))


CASES: list[tuple[Evidence, list[tuple[str, Severity]]]] = [
    (with_agents(agent()), []),
    (with_agents(), [("cloud-sync-agent-none", B)]),
    (with_agents(agent("a", "inactive")), [("cloud-sync-agent-inactive:contoso.com", B)]),
    (with_agents(agent("a", "")), [("cloud-sync-agent-inactive:contoso.com", U)]),
    (with_agents(agent("a", "inactive"), agent("b")), [("cloud-sync-agent-inactive", W)]),
    (with_agents(agent("a", "active", "emea.contoso.com")), [("cloud-sync-agent-other-domain:contoso.com", B)]),
    (with_agents(agent(), assigned=False), [("cloud-sync-agent-unassigned:contoso.com", U)]),
    (with_agents(jobs=()), []),
    (with_agents(agent(), jobs=(job(domain="emea.x"),)), [("cloud-sync-agent-other-domain:emea.x", B)]),
    (with_agents(agent(), jobs=(job(configuration="Our groups"),)), []),
]


@pytest.mark.parametrize(("given", "expected"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_agents_that_are_missing_inactive_or_for_another_domain(
    given: Evidence, expected: list[tuple[str, Severity]]
) -> None:
    assert told("cloud-sync-agents-active", given) == expected


NO_JOB: dict[str, Any] = {"cloud_sync": CloudSync()}
ALONE: dict[str, Any] = {"connect": ConnectReport(), "features": features(configured=False)}
NOTHING = {
    **dict.fromkeys(
        (
            "cloud-sync-state",
            "cloud-sync-last-run",
            "cloud-sync-scope",
            "cloud-sync-other-jobs",
            "cloud-sync-several",
            "cloud-sync-agents",
            "cloud-sync-agents-active",
            "cloud-sync-size",
            "cloud-sync-empty",
            "cloud-sync-mapping",
        ),
        NO_JOB,
    ),
    **dict.fromkeys(("connect-build", "connect-build-support", "connect-pending-deletions"), ALONE),
}


@pytest.mark.parametrize("check_id", NOTHING)
def test_a_check_that_had_nothing_to_look_at_does_not_say_fine(check_id: str) -> None:
    checks = [check for check in CHECKS if check.id == check_id]
    given = evidence(tenant=tenant(**NOTHING[check_id]), cloud_sync_groups=CloudSyncGroups())
    (result,) = assess(given, checks).results
    assert result.findings == ()
    assert result.state == "nothing-to-check"
    (well,) = assess(evidence(tenant=tenant(), cloud_sync_groups=CloudSyncGroups()), checks).results
    assert well.nothing != result.nothing


def test_agents_that_cannot_be_read_are_unknown_not_absent() -> None:
    found = assess(evidence(tenant=tenant(agents=UNREAD)), cloud_sync_domains.AGENT_CHECKS)
    assert found.verdict(Route.CLOUD_SYNC) is Verdict.UNKNOWN
    assert found.verdict(Route.DIRECT) is Verdict.READY
