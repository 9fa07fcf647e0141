"""The frame of the pre-flight: parts that fail alone, severities per route, verdicts, acknowledgements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from runbook_lib.errors import NoAccess
from runbook_lib.exchange.read import ExchangeReading
from runbook_lib.graph import tenant as entra
from runbook_lib.graph.tenant import TenantReading
from runbook_lib.inventory.states import Route
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.parameters.model import AcknowledgementParameter, Parameters
from runbook_lib.preflight import read
from runbook_lib.preflight.assess import ROUTES, Check, assess, on
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.evidence import TITLES, Evidence, Unreadable, known
from runbook_lib.preflight.read import Reach, Reader, read_evidence
from runbook_lib.preflight.verdict import RouteVerdict, Verdict, exit_code_of
from tests.unit.preflight.builders import tenant

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
NONE_GIVEN = Parameters.model_validate({})
READING = ExchangeReading(at=AT)
EVIDENCE = Evidence(at=AT, parameters=NONE_GIVEN, exchange=READING)


def part_names() -> tuple[str, ...]:
    """Names of all parts, in the order of the fields."""
    return tuple(field.name for field in fields(Evidence) if field.name not in ("at", "parameters"))


def finding(severity: Severity, id_: str = "found", *, acknowledgeable: bool = False) -> Finding:
    return Finding(id=id_, severity=severity, seen="Seen.", acknowledgeable=acknowledgeable)


def check(routes: dict[Route, Severity], *findings: Finding, needs: tuple[str, ...] = ("exchange",)) -> Check:
    def run(evidence: Evidence) -> Iterator[Finding]:
        yield from findings

    return Check("asked", "Asked", needs, routes, run)


VERDICTS = {
    Severity.INFO: Verdict.READY,
    Severity.WARNING: Verdict.WARNINGS,
    Severity.UNKNOWN: Verdict.UNKNOWN,
    Severity.BLOCKING: Verdict.NOT_READY,
}


@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("limit", list(Severity))
def test_a_finding_counts_with_its_severity_or_the_limit_of_the_route(severity: Severity, limit: Severity) -> None:
    found = assess(EVIDENCE, [check(on(direct=limit), finding(severity))])
    assert found.verdict(Route.DIRECT) is VERDICTS[min(severity, limit, key=lambda s: s.rank)]
    assert found.verdict(Route.CONNECT_SYNC) is Verdict.READY
    assert list(found.routes_of("found")) == [Route.DIRECT]


def test_severities_are_ordered() -> None:
    assert [s.value for s in sorted(Severity, key=lambda s: s.rank)] == ["info", "warning", "unknown", "blocking"]


def test_the_gravest_finding_decides_and_is_named() -> None:
    found = assess(
        EVIDENCE,
        [
            check(on(direct=Severity.BLOCKING), finding(Severity.WARNING, "small"), finding(Severity.BLOCKING, "big")),
            check(on(direct=Severity.BLOCKING), finding(Severity.UNKNOWN, "open")),
        ],
    )
    direct = next(one for one in found.verdicts if one.route is Route.DIRECT)
    assert (direct.verdict, [f.id for f in direct.because]) == (Verdict.NOT_READY, ["big"])
    assert [f.id for f in found.findings] == ["big", "open", "small"]
    assert found.findings[0].severity is Severity.BLOCKING


def test_a_part_that_cannot_be_read_makes_its_own_checks_unknown_and_nothing_else() -> None:
    def explode(evidence: Evidence) -> Iterator[Finding]:
        yield from (finding(Severity.BLOCKING) for _ in [known(evidence.exchange)])

    lost = replace(EVIDENCE, exchange=Unreadable("exchange", "No rights.", "insufficient-rights"))
    needy = Check("needy", "Needy", ("exchange",), on(connect_sync=Severity.BLOCKING, direct=Severity.WARNING), explode)
    found = assess(lost, [needy, check(on(cloud_sync=Severity.BLOCKING), needs=())])
    assert [found.verdict(r) for r in ROUTES] == [Verdict.WARNINGS, Verdict.READY, Verdict.UNKNOWN]
    assert [f.id for f in found.findings] == ["part-unreadable:exchange"]
    assert [result.state for result in found.results] == ["unknown", "fine"]
    assert json.loads(json.dumps(found.as_json()))["unreadable"][0]["code"] == "insufficient-rights"


def test_a_check_that_looks_at_a_part_it_does_not_name_is_a_defect() -> None:
    with pytest.raises(LookupError, match="exchange"):
        known(Unreadable("exchange", "", ""))
    with pytest.raises(LookupError, match="people alone"):
        known(entra.Unreadable("people alone", "app-only"))


def test_a_part_of_the_tenant_fails_alone_and_a_tenant_that_fails_is_one_finding() -> None:
    needs = ("tenant.licences", "tenant.features")
    asked = check(on(cloud_sync=Severity.BLOCKING), finding(Severity.INFO), needs=needs)
    part = tenant(features=entra.Unreadable("Graph shows it to people", "app-only"))
    found = assess(replace(EVIDENCE, tenant=part), [asked])
    assert [f.id for f in found.findings] == ["part-unreadable:tenant.features"]
    assert found.findings[0].seen == (
        "Synchronization features of the tenant could not be read: Graph shows it to people."
    )
    assert [u.part for u in found.evidence.all_unreadable if u.part.startswith("tenant")] == ["tenant.features"]
    lost = assess(replace(EVIDENCE, tenant=Unreadable("", "No sign-in.", "no-sign-in")), [asked])
    assert [f.id for f in lost.findings] == ["part-unreadable:tenant"]
    assert [u.part for u in lost.evidence.all_unreadable if u.part.startswith("tenant")] == ["tenant"]
    assert [f.id for f in assess(replace(EVIDENCE, tenant=tenant()), [asked]).findings] == ["found"]


@pytest.mark.parametrize(("until", "verdict"), [("2026-11-22", Verdict.READY), ("2026-11-21", Verdict.NOT_READY)])
def test_an_acknowledged_finding_is_information_until_its_day(until: str, verdict: Verdict) -> None:
    word = AcknowledgementParameter(finding="found", by="Robin", reason="Known", until=until)
    evidence = replace(EVIDENCE, parameters=NONE_GIVEN.model_copy(update={"acknowledge": [word]}))
    routes = on(direct=Severity.BLOCKING)
    assert (
        assess(evidence, [check(routes, finding(Severity.BLOCKING, acknowledgeable=True))]).verdicts[0].verdict
        is verdict
    )
    assert assess(evidence, [check(routes, finding(Severity.BLOCKING))]).verdicts[0].verdict is Verdict.NOT_READY


def test_an_unreadable_part_can_be_acknowledged() -> None:
    words = [
        AcknowledgementParameter(finding=f"part-unreadable:{part}", by="R", reason="Looked", until="2027-01-01")
        for part in part_names()
    ]
    evidence = Evidence(at=AT, parameters=NONE_GIVEN.model_copy(update={"acknowledge": words}))
    assert assess(evidence, CHECKS).verdict(Route.CONNECT_SYNC) is Verdict.READY


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ((Verdict.READY,), 0),
        ((Verdict.READY, Verdict.WARNINGS), 0),
        ((Verdict.UNKNOWN, Verdict.WARNINGS), 8),
        ((Verdict.UNKNOWN, Verdict.NOT_READY), 5),
    ],
)
def test_exit_codes(verdicts: tuple[Verdict, ...], code: int) -> None:
    assert exit_code_of(RouteVerdict(Route.DIRECT, verdict) for verdict in verdicts) == code
    assert all(verdict.title for verdict in Verdict)


def test_every_check_is_registered_properly() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert {name for check in CHECKS for name in check.needs} <= set(TITLES)
    assert all(check.title and check.needs and check.routes for check in CHECKS)
    assert all(set(check.routes) <= set(ROUTES) for check in CHECKS)


def test_every_part_has_a_title_and_a_reader() -> None:
    assert part_names() == tuple(name for name in TITLES if "." not in name)
    assert sorted(reader.part for reader in read.READERS) == sorted(part_names())
    assert all(Evidence(at=AT, parameters=NONE_GIVEN).unreadable(name) for name in TITLES)
    below = {name.partition(".")[2] for name in TITLES if name.startswith("tenant.")}
    assert below == {f.name for f in fields(TenantReading) if "Unreadable" in str(f.type)}


def _unreachable() -> object:
    raise NoAccess("No connection to dc1.", code="dc-unreachable")


def test_reading_catches_each_part_s_error(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def directory() -> object:
        calls.append("directory")
        return _unreachable()

    readers = (*read.READERS, Reader("exchange", lambda reach, _: reach.directory))
    monkeypatch.setattr(read, "READERS", readers)
    told: list[str] = []
    reach = Reach(directory=directory, graph=_unreachable)  # type: ignore[arg-type]
    evidence = read_evidence(NONE_GIVEN, reach, clock=lambda: AT, progress=told.append)
    assert evidence.exchange == Unreadable("exchange", "No connection to dc1.", "dc-unreachable")
    assert evidence.at == AT
    titles = [TITLES[name] for name in part_names()]
    assert told[: len(titles)] == titles
    assert calls == ["directory"], "a way that could not be opened is not tried again"
