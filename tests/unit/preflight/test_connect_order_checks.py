"""The order before v1 is switched on or off, from either source: rights, filter, what waits, Recycle Bin, threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.connect.evidence import ConnectEvidence, read_connect_evidence
from runbook_lib.directory.rights.connector import ConnectorRights, connector_operations
from runbook_lib.directory.rights.evaluate import Account, Holder, Place, Situation
from runbook_lib.directory.rights.table import OperationRight, rights_table
from runbook_lib.directory.two_ous import ForestReading, PlaceReading
from runbook_lib.graph.tenant.parts import DeletionPrevention
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t
from runbook_lib.preflight.assess import NothingToCheck, assess
from runbook_lib.preflight.checks import CHECKS, connect_order
from runbook_lib.preflight.evidence import Evidence
from tests.support import builders as b
from tests.support.connect_evidence import CONTAINER, written
from tests.support.connect_evidence import evidence as told_by_collector
from tests.unit.directory.rights_world import TYPES, add_grant, build, situation
from tests.unit.preflight.builders import evidence, features, findings, report, tenant

B, U, W, I = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING, Severity.INFO  # noqa: E741
APP_ONLY = Unreadable("part", "app-only", t("Available with delegated permission only"))
SCHEDULER = told_by_collector()["scheduler"]
PENDING = [
    {"connector": "contoso.com", "counters": {"ExportAdds": 1, "ExportUpdates": 0, "ExportDeletes": 1200}},
    {"connector": "contoso.onmicrosoft.com - AAD", "counters": {"ExportAdds": 3}},
]


@pytest.fixture
def collected(tmp_path: Path) -> Callable[..., ConnectEvidence]:
    return lambda **changed: read_connect_evidence(written(tmp_path, told_by_collector(**changed)))


def told(check: str, given: Evidence) -> list[tuple[str, Severity]]:
    return [(finding.id, finding.severity) for finding in findings(check, given)]


# Rights of Connect's account


def rights(*granted: str, readable: bool = True) -> ConnectorRights:
    """Of an account that has what these operations need in the OU of the small domain."""
    store = build()
    for row in _rows(situation(store)):
        for missing in row.missing if row.operation.id in granted else ():
            assert missing.grant is not None
            add_grant(store, missing.grant)
    given = situation(store)
    if not readable:
        given = replace(given, places={Place.TARGET: Holder(CONTAINER)})
    return ConnectorRights(
        replace(given.account, name=r"CONTOSO\MSOL_x"), f"CN=MSOL_x,{b.BASE}", CONTAINER, _rows(given)
    )


def _rows(given: Situation) -> tuple[OperationRight, ...]:
    return rights_table(given, connector_operations(given.types))


EVERY = tuple(one.id for one in connector_operations(TYPES))


def test_an_account_with_all_rights_has_no_finding() -> None:
    assert told("connect-rights", evidence(connect_rights=rights(*EVERY))) == []


def test_missing_rights_block_with_the_lines_that_grant_them() -> None:
    (found,) = findings("connect-rights", evidence(connect_rights=rights(*EVERY[2:])))
    assert (found.id, found.severity) == ("connect-rights-missing", B)
    assert "Create a group in the OU" in found.seen
    assert "the lines of one of the hand-offs" in found.to_do
    cmdlet, exact = (offer.text() for offer in found.hand_offs)
    assert f"$account = 'CN=MSOL_x,{b.BASE}'" in cmdlet
    assert f"$ou = '{CONTAINER}'" in cmdlet
    assert "Set-ADSyncUnifiedGroupWritebackPermissions -ADConnectorAccountDN $account -ADObjectDN $ou" in cmdlet
    lines = found.values["dsacls"]
    assert isinstance(lines, list)
    assert any("CC;group" in line for line in lines)
    assert all(str(line) in exact for line in lines)
    assert "not documented" in found.why
    texts = [offer.text for offer in assess(evidence(connect_rights=rights()), connect_order.CHECKS[:1]).hand_offs]
    assert len(texts) == 2
    assert all(r"MSOL_x" in text for text in texts)


def test_rights_to_create_are_named_alone() -> None:
    without = [one for one in EVERY if one != "connect-create"]
    (found,) = findings("connect-rights", evidence(connect_rights=rights(*without)))
    assert found.values["operations"] == ["connect-create"]
    (other,) = findings(
        "connect-rights", evidence(connect_rights=rights(*(x for x in EVERY if x != "connect-members")))
    )
    assert "not documented" not in other.why


def test_a_list_that_was_not_read_is_unknown() -> None:
    assert told("connect-rights", evidence(connect_rights=rights(readable=False))) == [("connect-rights-unknown", U)]


def test_without_evidence_the_account_is_not_known() -> None:
    (check,) = [one for one in CHECKS if one.id == "connect-rights"]
    (answer,) = check.run(evidence(connect_rights=None))
    assert isinstance(answer, NothingToCheck)
    assert "connect_evidence" in answer.why


def test_another_account_decides_another_way() -> None:
    store = build()
    one = situation(store)
    other = replace(one, account=Account("x", "S-1-5-21-9-9-9-1", frozenset({"S-1-5-21-9-9-9-1"}), "S-1-5-21-9-9-9-1"))
    for row in _rows(one):
        for missing in row.missing:
            assert missing.grant is not None
            add_grant(store, missing.grant)
    places = situation(store).places
    assert {row.granted for row in _rows(replace(one, places=places))} == {Switch.ON}
    assert Switch.ON not in {row.granted for row in _rows(replace(other, places=places))}


# The OU that it is to be


@pytest.mark.parametrize(
    ("ou", "expected"),
    [
        (f"OU=Cloud,OU=Staff,{b.BASE}", []),
        (f"OU=Leavers,OU=Staff,{b.BASE}", [("connect-server-filter", B)]),
        (f"OU=Elsewhere,{b.BASE}", [("connect-server-filter", B)]),
        ("OU=X,DC=fabrikam,DC=com", [("connect-server-filter-unknown", U)]),
    ],
)
def test_before_v1_is_on_the_target_ou_has_to_be_in_the_filter(
    collected: Callable[..., ConnectEvidence], ou: str, expected: list[tuple[str, Severity]]
) -> None:
    connectors = told_by_collector()["connectors"]
    connectors[1]["writeback_container"] = None
    place = PlaceReading(target=b.ou(ou), retired=b.ou(b.RETIRED_OU), domain_root=b.BASE)
    given = evidence(connect_server=collected(connectors=connectors), place=place)
    assert told("connect-server-filter", given) == expected


# What waits, and a cycle


def test_what_waits_to_be_exported(collected: Callable[..., ConnectEvidence]) -> None:
    found = findings("connect-server-pending", evidence(connect_server=collected(pending=PENDING)))
    assert [(one.id, one.severity) for one in found] == [
        ("connect-server-pending:contoso.com", W),
        ("connect-server-pending:contoso.onmicrosoft.com - AAD", I),
    ]
    assert "contoso.com: additions 1, deletions 1,200" in found[0].seen
    assert found[0].why != found[1].why


def test_evidence_of_the_middle_of_a_cycle(collected: Callable[..., ConnectEvidence]) -> None:
    busy = collected(scheduler=SCHEDULER | {"in_progress": True})
    assert told("connect-server-cycle", evidence(connect_server=busy)) == [("connect-server-cycle", W)]
    assert told("connect-server-cycle", evidence(connect_server=collected())) == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (Switch.ON, []),
        (Switch.OFF, [("connect-recycle-bin-off", W)]),
        (Switch.UNKNOWN, [("connect-recycle-bin-unknown", U)]),
    ],
)
def test_the_recycle_bin_matters_whatever_the_direct_route_deletes(
    state: Switch, expected: list[tuple[str, Severity]]
) -> None:
    forest = ForestReading(7, 7, state, 180, "msDS-deletedObjectLifetime", Switch.ON)
    assert told("connect-recycle-bin", evidence(forest=forest)) == expected


# Either source


def by_app(**given: Any) -> Evidence:
    """A tenant that an app reads: nothing about Connect is told."""
    return evidence(tenant=tenant(features=APP_ONLY, connect=APP_ONLY, containers=APP_ONLY), **given)


EITHER = ("connect-build", "connect-build-support", "connect-pending-deletions", "connect-v2-readable")


def ids(given: Evidence) -> dict[str, list[str]]:
    checks = [check for check in CHECKS if check.id in {*EITHER, "deletion-prevention", "connect-v2"}]
    return {one.check.id: [found.id for found in one.findings] for one in assess(given, checks).results}


def test_where_graph_is_silent_the_server_answers(collected: Callable[..., ConnectEvidence]) -> None:
    assert ids(by_app(connect_server=collected())) == {
        **{key: [] for key in (*EITHER, "connect-v2")},
        "deletion-prevention": ["deletion-prevention-on"],
    }


def test_where_neither_speaks_each_source_that_is_missing_is_named() -> None:
    found = ids(by_app(connect_server=None))
    assert {tuple(found[check]) for check in (*EITHER, "deletion-prevention")} == {("part-unreadable:tenant.features",)}
    whole = assess(by_app(connect_server=None), CHECKS)
    assert "connect-server-unread" in {one.id for one in whole.findings}


def test_where_the_server_does_not_say_it_either_the_tenant_counts_as_unread(
    collected: Callable[..., ConnectEvidence],
) -> None:
    silent = collected(
        build=None,
        pending=None,
        settings=None,
        features=None,
        unread=[{"part": part, "why": "no"} for part in ("build", "pending", "settings", "features")],
    )
    found = ids(by_app(connect_server=silent))
    assert all(found[check] for check in (*EITHER, "deletion-prevention"))


def test_a_build_without_support_is_found_by_the_evidence_too(collected: Callable[..., ConnectEvidence]) -> None:
    given = by_app(connect_server=collected(build="2.5.79.0"))
    given = replace(given, at=given.at.replace(year=2027))
    assert ids(given)["connect-build-support"] == ["connect-build-unsupported"]


def test_v2_by_the_server(collected: Callable[..., ConnectEvidence]) -> None:
    on = by_app(connect_server=collected(features={"v1": True, "v2": True}))
    assert ids(on)["connect-v2"] == ["connect-v2-on"]


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({"ExportDeletionThreshold": "False"}, "off"),
        ({"ExportDeletionThreshold": "True", "ExportDeletionThresholdValue": "500"}, "on"),
        ({"ExportDeletionThreshold": "True", "ExportDeletionThresholdValue": "5000"}, "high"),
        ({"ExportDeletionThreshold": "True", "ExportDeletionThresholdValue": "many"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_threshold_by_the_server(
    collected: Callable[..., ConnectEvidence], settings: dict[str, str], state: str
) -> None:
    told_ = [{"name": f"Microsoft.OptionalFeature.{name}", "value": value} for name, value in settings.items()]
    assert ids(by_app(connect_server=collected(settings=told_)))["deletion-prevention"] == [
        f"deletion-prevention-{state}"
    ]


def test_thresholds_and_v2_that_contradict_each_other(collected: Callable[..., ConnectEvidence]) -> None:
    other = DeletionPrevention("enabledForCount", 100)
    both = tenant(features=features(Switch.ON, Switch.ON, prevention=other), connect=report())
    found = told("connect-server-tenant", evidence(connect_server=collected(), tenant=both))
    assert ("connect-server-contradicts:threshold", U) in found
    assert ("connect-server-contradicts:v2", U) in found
    percent = DeletionPrevention("enabledForPercentage", 10)
    same = tenant(features=features(Switch.ON, prevention=percent))
    assert told("connect-server-tenant", evidence(connect_server=collected(), tenant=same)) == []
