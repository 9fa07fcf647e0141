"""Connect Sync as the tenant shows it: every state of every check."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from runbook_lib.graph.tenant.parts import DeletionPrevention, NewGroupDefault, Synchronization, WrittenByDefault
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.preflight.assess import assess
from runbook_lib.preflight.checks import connect, connect_features
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.verdict import Verdict
from runbook_lib.rules.obstacles import connect_v2_on
from tests.unit.preflight.builders import AT, evidence, features, findings, tenant

APP_ONLY = Unreadable("part", "app-only", t("Available with delegated permission only"))
ATTESTED = {"attest_connect_v1_off_by": "Robin", "attest_connect_v1_off_until": "2026-11-22"}
CHECKS = (*connect.CHECKS, *connect_features.CHECKS)
B, U, W, I = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING, Severity.INFO  # noqa: E741


def told(check: str, given: Evidence) -> list[tuple[str, Severity]]:
    return [(finding.id, finding.severity) for finding in findings(check, given)]


def with_parameters(given: Evidence, **parameters: str) -> Evidence:
    return replace(given, parameters=given.parameters.model_copy(update=parameters))


def synchronized(enabled: bool | None, age: timedelta | None) -> Evidence:
    last = None if age is None else AT - age
    return evidence(tenant=tenant(synchronization=Synchronization(enabled, last)))


@pytest.mark.parametrize(
    ("enabled", "words"), [(True, ""), (False, "it was on once"), (None, "was never synchronized")]
)
def test_synchronization_on_and_off(enabled: bool | None, words: str) -> None:
    found = findings("synchronization-on", synchronized(enabled, timedelta()))
    assert [(one.id, one.severity) for one in found] == ([("synchronization-off", B)] if words else [])
    assert all(words in one.seen for one in found)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(minutes=30), []),
        (connect.CONNECT_LATE, []),
        (connect.CONNECT_LATE + timedelta(seconds=1), [("synchronization-late", W)]),
        (connect.STALE, [("synchronization-late", W)]),
        (connect.STALE + timedelta(seconds=1), [("synchronization-stale", B)]),
        (-connect.AHEAD, []),
        (-connect.AHEAD - timedelta(seconds=1), [("synchronization-future", U)]),
        (None, [("synchronization-never", U)]),
    ],
)
def test_the_age_of_the_last_synchronization(age: timedelta | None, expected: list[tuple[str, Severity]]) -> None:
    given = synchronized(True, age)
    assert told("synchronization-age", given) == expected
    assert told("synchronization-age", synchronized(False, age)) == [], "that it is off says more"
    if expected and expected[0][0] == "synchronization-stale":
        found = assess(given, CHECKS)
        assert found.routes_of("synchronization-stale") == {
            Route.DIRECT: W,
            Route.CLOUD_SYNC: W,
            Route.CONNECT_SYNC: B,
        }


@pytest.mark.parametrize(
    ("given", "attested", "other_writer", "route"),
    [
        (features(v1=Switch.ON), False, [("connect-v1-on", B)], [("connect-v1-writes-all", I)]),
        (features(v1=Switch.ON), True, [("connect-v1-on", B)], [("connect-v1-writes-all", I)]),
        (features(v1=Switch.OFF), False, [], [("connect-v1-off", B)]),
        (features(v1=Switch.UNKNOWN), False, [("connect-v1-unknown", U)], [("connect-v1-not-readable", U)]),
        (APP_ONLY, False, [("connect-v1-unknown", U)], [("connect-v1-not-readable", U)]),
        (APP_ONLY, True, [("connect-v1-attested", I)], [("connect-v1-off", B)]),
    ],
)
def test_version_1_read_or_attested(given: Any, attested: bool, other_writer: Any, route: Any) -> None:
    """An attestation never outweighs a reading, and what is not readable is never called off."""
    state = evidence(tenant=tenant(features=given))
    if attested:
        state = with_parameters(state, **ATTESTED)
    assert told("connect-v1-other", state) == other_writer
    assert told("connect-v1", state) == route
    if given is APP_ONLY and not attested:
        for check in ("connect-v1-other", "connect-v1"):
            (one,) = findings(check, state)
            assert "is not readable: Available with delegated" in one.seen
            assert " off" not in one.seen


def test_an_attestation_ends() -> None:
    ended = {**ATTESTED, "attest_connect_v1_off_until": "2026-11-21"}
    state = with_parameters(evidence(tenant=tenant(features=APP_ONLY)), **ended)
    assert told("connect-v1-other", state) == [("connect-v1-unknown", U)]


def test_version_2() -> None:
    on = evidence(tenant=tenant(features=features(v2=Switch.ON)))
    assert findings("connect-v2", on) == [connect_v2_on()], "one finding for the pre-flight and the plan"
    (one,) = findings("connect-v2", on)
    assert all(date in one.why for date in ("30 June 2024", "12 December 2023"))
    assert "Never switch V2 off by a PATCH" in one.to_do
    for state in (Switch.OFF, Switch.UNKNOWN):
        assert told("connect-v2", evidence(tenant=tenant(features=features(v2=state)))) == []
    assert told("connect-v2", evidence(tenant=tenant(features=APP_ONLY))) == []
    unknown = evidence(tenant=tenant(features=features(v2=Switch.UNKNOWN)))
    assert told("connect-v2-readable", unknown) == [("connect-v2-unknown", U)]
    assert told("connect-v2-readable", on) == []
    routes = assess(on, CHECKS).routes_of("connect-v2-on")
    assert routes == {Route.DIRECT: B, Route.CLOUD_SYNC: W, Route.CONNECT_SYNC: W}


@pytest.mark.parametrize(
    ("kind", "threshold", "expected"),
    [
        ("enabledForCount", 500, ("deletion-prevention-on", I)),
        ("EnabledForCount", 1, ("deletion-prevention-on", I)),
        ("enabledForCount", 501, ("deletion-prevention-high", W)),
        ("enabledForCount", None, ("deletion-prevention-high", W)),
        ("enabledForPercentage", 90, ("deletion-prevention-on", I)),
        ("disabled", 500, ("deletion-prevention-off", W)),
        ("unknownFutureValue", 500, ("deletion-prevention-unknown", U)),
        (None, None, ("deletion-prevention-unknown", U)),
    ],
)
def test_deletion_prevention(kind: str | None, threshold: int | None, expected: tuple[str, Severity]) -> None:
    prevention = None if kind is None else DeletionPrevention(kind, threshold)
    given = evidence(tenant=tenant(features=features(prevention=prevention)))
    assert told("deletion-prevention", given) == [expected]
    (one,) = findings("deletion-prevention", given)
    assert (one.values["type"], one.values["threshold"]) == (kind, threshold)
    assert "nobody says" in one.why


STATES = {
    WrittenByDefault.NO_SETTING: ("has no Group.Unified setting", W),
    WrittenByDefault.NO_VALUE: ("does not say", W),
    WrittenByDefault.YES: ("new groups are written back", W),
    WrittenByDefault.NO: ("new groups are not written back", I),
    WrittenByDefault.OTHER: ("'maybe', and what that does is unknown", U),
}


@pytest.mark.parametrize("state", list(WrittenByDefault))
@pytest.mark.parametrize("v2", [*Switch, None])
def test_the_default_for_new_groups(state: WrittenByDefault, v2: Switch | None) -> None:
    words, under_v2 = STATES[state]
    default = NewGroupDefault(state, "maybe")
    read = APP_ONLY if v2 is None else features(v2=v2)
    (one,) = findings("new-group-default", evidence(tenant=tenant(new_groups=default, features=read)))
    assert one.id == f"new-group-default:{state.value}"
    assert words in one.seen
    assert one.severity is (under_v2 if v2 is Switch.ON else I)
    effect = {Switch.OFF: "no effect", Switch.ON: "every new Microsoft 365 group gets"}
    assert effect.get(v2 or Switch.UNKNOWN, "not readable") in one.seen


def test_a_tenant_that_is_well_and_one_that_only_an_app_reads() -> None:
    well = assess(evidence(tenant=tenant(features=features(v1=Switch.ON))), CHECKS)
    assert (well.verdict(Route.CONNECT_SYNC), well.verdict(Route.DIRECT)) == (Verdict.WARNINGS, Verdict.NOT_READY)
    assert [f.id for f in well.findings if f.severity is W] == ["connect-server-unread"]
    (offer,) = well.hand_offs
    assert "AzureADConnect.exe" in offer.text
    app = assess(evidence(tenant=tenant(features=APP_ONLY)), CHECKS)
    assert (app.verdict(Route.CONNECT_SYNC), app.verdict(Route.DIRECT)) == (Verdict.UNKNOWN, Verdict.UNKNOWN)
    assert app.verdict(Route.CLOUD_SYNC) is Verdict.WARNINGS
    assert "part-unreadable:tenant.features" in {finding.id for finding in app.findings}
    attested = assess(with_parameters(app.evidence, **ATTESTED), CHECKS)
    assert (attested.verdict(Route.CONNECT_SYNC), attested.verdict(Route.DIRECT)) == (
        Verdict.NOT_READY,
        Verdict.WARNINGS,
    )
