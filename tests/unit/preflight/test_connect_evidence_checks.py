"""What the Connect server says about itself: believed where it is of this tenant and of today, compared with Graph."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from runbook_lib.connect.evidence import ConnectEvidence, read_connect_evidence
from runbook_lib.errors import NoAccess, Refused, RunbookError
from runbook_lib.graph.tenant.parts import WritebackContainers
from runbook_lib.model.cloud import Switch, Tenant
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.assess import NothingToCheck, assess
from runbook_lib.preflight.checks import CHECKS, connect_evidence, connect_writeback
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import CONNECT_SERVER
from runbook_lib.preflight.reach import Reach, Source
from runbook_lib.preflight.verdict import Verdict
from tests.support.connect_evidence import CONTAINER, written
from tests.support.connect_evidence import evidence as told_by_collector
from tests.unit.preflight.builders import TENANT_ID, evidence, features, findings, report, tenant

B, U, W = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING
STANDARD = told_by_collector()["rules"][0]
RULES = [{**STANDARD, "name": name} for name in connect_writeback.WRITEBACK_RULES]
SCHEDULER = told_by_collector()["scheduler"]
RUN = told_by_collector()["runs"][0]


@pytest.fixture
def collected(tmp_path: Path) -> Callable[..., ConnectEvidence]:
    return lambda **changed: read_connect_evidence(written(tmp_path, told_by_collector(rules=RULES) | changed))


def told(check: str, given: Evidence) -> list[tuple[str, Severity]]:
    return [(finding.id, finding.severity) for finding in findings(check, given)]


OWN = (*connect_evidence.CHECKS, *connect_writeback.CHECKS)


def test_a_server_that_is_well_has_no_finding(collected: Callable[..., ConnectEvidence]) -> None:
    given = evidence(connect_server=collected(), tenant=tenant(features=features(Switch.ON)))
    assert [(check.id, told(check.id, given)) for check in OWN if told(check.id, given)] == []


def test_without_evidence_there_is_nothing_to_check_and_nothing_is_fine() -> None:
    given = evidence(connect_server=None, tenant=tenant())
    for check in OWN:
        assert [type(one) for one in check.run(given)] == [NothingToCheck]


@pytest.mark.parametrize(
    ("check", "changed", "expected"),
    [
        ("connect-server-mode", {"scheduler": SCHEDULER | {"staging": True}}, [("connect-server-staging", B)]),
        ("connect-server-mode", {"scheduler": SCHEDULER | {"suspended": True}}, [("connect-server-schedule", B)]),
        ("connect-server-mode", {"scheduler": SCHEDULER | {"cycle_enabled": False}}, [("connect-server-schedule", B)]),
        ("connect-server-build", {"build": "2.5.78.0"}, [("connect-server-build", B)]),
        ("connect-server-build", {"build": "newest"}, [("connect-server-build", U)]),
        ("connect-server-rules", {"rules": RULES[1:]}, [("connect-server-rules-missing", W)]),
        (
            "connect-server-rules",
            {"rules": [RULES[0] | {"disabled": True}, *RULES[1:]]},
            [("connect-server-rules-disabled", W)],
        ),
        (
            "connect-server-rules",
            {"rules": [*RULES, STANDARD | {"name": "Some groups only", "standard": False}]},
            [("connect-server-rules-own", W)],
        ),
        ("connect-server-export", {"runs": []}, [("connect-server-export-none", W)]),
        (
            "connect-server-export",
            {"runs": [RUN | {"result": "no-start-connection"}]},
            [("connect-server-export-failed", W)],
        ),
        (
            "connect-server-export",
            {"runs": [RUN | {"result": "stopped-deletion-threshold-exceeded"}]},
            [("connect-server-export-threshold", B)],
        ),
    ],
)
def test_what_is_wrong_on_the_server_is_named(
    collected: Callable[..., ConnectEvidence],
    check: str,
    changed: dict[str, Any],
    expected: list[tuple[str, Severity]],
) -> None:
    assert told(check, evidence(connect_server=collected(**changed), tenant=tenant())) == expected


def test_missing_rights_on_the_ou_are_told_from_the_errors_of_the_export(
    collected: Callable[..., ConnectEvidence],
) -> None:
    error = {"connector": "contoso.com", "dn": f"CN=Group_1,{CONTAINER}", "kind": "permission-issue", "code": "8344"}
    run = RUN | {"result": "completed-export-errors"}
    (found,) = findings(
        "connect-server-export",
        evidence(connect_server=collected(runs=[run], export_errors=[error, error]), tenant=tenant()),
    )
    assert "2 written groups met error 8344" in found.to_do
    assert "MSOL_0123456789ab" in found.to_do


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ("OU=Elsewhere,DC=contoso,DC=com", [("connect-server-filter", B)]),
        ("OU=Elsewhere,DC=fabrikam,DC=com", [("connect-server-filter-unknown", U)]),
        (CONTAINER, []),
    ],
)
def test_a_container_outside_the_filter_is_found(
    collected: Callable[..., ConnectEvidence], container: str, expected: list[tuple[str, Severity]]
) -> None:
    connectors = told_by_collector()["connectors"]
    connectors[1]["writeback_container"] = container
    given = evidence(connect_server=collected(connectors=connectors), tenant=tenant())
    assert told("connect-server-filter", given) == expected


def test_where_server_and_tenant_contradict_each_other_neither_is_believed(
    collected: Callable[..., ConnectEvidence],
) -> None:
    given = evidence(
        connect_server=collected(settings=[{"name": "Microsoft.OptionalFeature.GroupWriteBack", "value": "False"}]),
        tenant=tenant(
            features=features(Switch.OFF),
            containers=WritebackContainers("OU=Old,DC=contoso,DC=com", None),
            connect=report("2.6.1.0"),
        ),
    )
    assert told("connect-server-tenant", given) == [
        ("connect-server-contradicts:v1", U),
        ("connect-server-contradicts:wizard", U),
        ("connect-server-contradicts:container", U),
    ]
    assert told("connect-server-build", given) == [("connect-server-contradicts:build", U)]


def test_what_the_collector_did_not_read_is_unknown(collected: Callable[..., ConnectEvidence]) -> None:
    read = collected(runs=None, unread=[{"part": "runs", "why": "Access is denied."}], script_sha256=None)
    given = evidence(connect_server=read, tenant=tenant())
    assert told("connect-server-evidence", given) == [
        ("connect-evidence-unread:runs", U),
        ("connect-evidence-collector", W),
    ]
    assert told("connect-server-export", given) == []


def test_with_evidence_the_server_counts_as_looked_at(collected: Callable[..., ConnectEvidence]) -> None:
    without = evidence(connect_server=None, tenant=tenant())
    assert [one.id for one in findings("connect-server", without)] == ["connect-server-unread"]
    assert findings("connect-server", evidence(connect_server=collected(), tenant=tenant())) == []


COLLECTED = datetime.fromisoformat(told_by_collector()["collected"])


def used(path: Path | str, *, later: timedelta = timedelta(hours=1), **of_tenant: Any) -> ConnectEvidence | None:
    """What the reader of the part gives an hour after it was collected."""

    def closed() -> NoReturn:
        raise NoAccess(t("closed"), code="closed")

    domains = of_tenant.pop("domains", ("contoso.com", "Contoso.onmicrosoft.com"))
    parameters = Parameters.model_validate({"connect_evidence": str(path)})
    given = evidence(parameters, tenant=tenant(tenant=Tenant(TENANT_ID, verified_domains=domains)))
    reach = Reach(directory=closed, graph=closed)
    found = CONNECT_SERVER.read(Source(CONNECT_SERVER, reach, given, lambda: COLLECTED + later, lambda _: None))
    assert not isinstance(found, Unreadable)
    return found


def test_no_file_is_no_evidence() -> None:
    assert used("") is None


def test_evidence_of_this_tenant_and_of_today_is_used(tmp_path: Path) -> None:
    found = used(written(tmp_path))
    assert found is not None
    assert found.evidence.server == "CONNECT01"


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ({"later": timedelta(hours=24, seconds=1)}, "connect-evidence-old", "2026-11-30 08:00 UTC"),
        ({"later": timedelta(minutes=-11)}, "connect-evidence-old", "24 hours"),
        ({"domains": ("fabrikam.onmicrosoft.com",)}, "connect-evidence-other-tenant", "contoso.onmicrosoft.com"),
    ],
)
def test_old_evidence_and_that_of_another_tenant_is_refused(
    tmp_path: Path, given: dict[str, Any], code: str, told: str
) -> None:
    with pytest.raises(Refused) as caught:
        used(written(tmp_path), **given)
    assert caught.value.code == code
    assert told in caught.value.message


def test_evidence_whose_connectors_were_not_read_is_of_no_known_tenant(tmp_path: Path) -> None:
    hidden = told_by_collector(connectors=None, unread=[{"part": "connectors", "why": "Access is denied."}])
    with pytest.raises(Refused) as caught:
        used(written(tmp_path, hidden))
    assert "no domain" in caught.value.message


def test_a_clock_that_is_a_little_ahead_does_no_harm(tmp_path: Path) -> None:
    assert used(written(tmp_path), later=timedelta(minutes=-9)) is not None


@pytest.mark.parametrize(
    ("graph", "server", "other_writer", "route"),
    [
        (Switch.UNKNOWN, True, "connect-v1-on", "connect-v1-writes-all"),
        (Switch.UNKNOWN, False, None, "connect-v1-off"),
        (Switch.UNKNOWN, None, "connect-v1-unknown", "connect-v1-not-readable"),
        (Switch.OFF, True, None, "connect-v1-off"),
        (Switch.ON, False, "connect-v1-on", "connect-v1-writes-all"),
    ],
)
def test_what_graph_does_not_say_of_v1_the_server_does(
    collected: Callable[..., ConnectEvidence], graph: Switch, server: bool | None, other_writer: str | None, route: str
) -> None:
    server_says = collected(features={"v1": server, "v2": False})
    given = evidence(connect_server=server_says, tenant=tenant(features=features(graph)))
    assert [one for one, _ in told("connect-v1-other", given)] == ([other_writer] if other_writer else [])
    assert [one for one, _ in told("connect-v1", given)] == [route]
    by_person = {"attest_connect_v1_off_by": "A. Person", "attest_connect_v1_off_until": "2999-01-01"}
    attested = evidence(
        Parameters.model_validate(by_person),
        connect_server=server_says,
        tenant=tenant(features=features(graph)),
    )
    if server is not None:
        assert told("connect-v1-other", attested) == told("connect-v1-other", given), "a word outweighs no reading"


@pytest.mark.parametrize("name", ["edited", "old", "other-tenant", "missing", "damaged"])
def test_evidence_that_does_not_count_is_one_finding_with_what_to_do(tmp_path: Path, name: str) -> None:
    """And the checks of the server are unknown because of it, on the route that depends on them."""
    path = written(tmp_path)
    given: dict[str, Any] = {"old": {"later": timedelta(days=3)}, "other-tenant": {"domains": ("fabrikam.com",)}}
    if name == "edited":
        path.write_bytes(path.read_bytes().replace(b"CONNECT01", b"CONNECT02"))
    if name == "damaged":
        path.write_bytes(path.read_bytes()[:-99])
    if name == "missing":
        path.unlink()
    with pytest.raises(RunbookError) as caught:
        used(path, **given.get(name, {}))
    assert caught.value.code == f"connect-evidence-{name}"
    unread = Unreadable.because("connect_server", caught.value)
    parameters = Parameters.model_validate({"connect_evidence": str(path)})
    found = assess(evidence(parameters, connect_server=unread, tenant=tenant(features=features(Switch.ON))), CHECKS)
    mine = [one for one in found.findings if "evidence" in one.seen.lower() or one.id.startswith("connect-server")]
    assert [one.id for one in mine] == ["part-unreadable:connect_server"]
    assert str(caught.value.message).removesuffix(".") in mine[0].seen
    assert "collector" in mine[0].to_do or "file" in mine[0].to_do
    assert found.verdict(Route.CONNECT_SYNC) is Verdict.UNKNOWN
    states = {result.check.id: result.state for result in found.results}
    assert {states[check.id] for check in OWN} == {"unknown"}


def test_evidence_from_a_staging_server_is_named_once(collected: Callable[..., ConnectEvidence]) -> None:
    staged = collected(scheduler=SCHEDULER | {"staging": True})
    found = assess(evidence(connect_server=staged, tenant=tenant(features=features(Switch.ON))), CHECKS)
    mine = [one.id for one in found.findings if one.id.startswith("connect-server") or "staging" in one.seen]
    assert mine == ["connect-server-staging"]
    assert found.verdict(Route.CONNECT_SYNC) is Verdict.NOT_READY


def test_a_setting_that_moves_the_cursor_is_shown_as_it_is(collected: Callable[..., ConnectEvidence]) -> None:
    setting = {"name": "Microsoft.OptionalFeature.GroupWriteBack", "value": "\x1b[2Jgone" + "x" * 1000}
    given = evidence(connect_server=collected(settings=[setting]), tenant=tenant(features=features(Switch.ON)))
    (found,) = [one for check in OWN for one in findings(check.id, given) if one.id.endswith(":wizard")]
    assert "\\u001b[2Jgone" in found.seen
    assert len(found.seen) < 300
