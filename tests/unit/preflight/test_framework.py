"""The frame of the pre-flight: parts that fail alone, severities per route, verdicts, acknowledgements."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runbook_lib
from runbook_lib.directory.connection import Directory
from runbook_lib.errors import NoAccess
from runbook_lib.exchange.facts import Facts
from runbook_lib.exchange.read import ExchangeReading
from runbook_lib.graph.tenant.parts import TenantReading
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.reading import Part, Unreadable
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.parameters.model import AcknowledgementParameter, Parameters
from runbook_lib.preflight import parts
from runbook_lib.preflight.assess import JUDGED_ROUTES, Check, assess, on
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import EXCHANGE, FEATURES, LICENCES, PARTS, TENANT
from runbook_lib.preflight.reach import Reach, Source
from runbook_lib.preflight.read import read_evidence
from runbook_lib.preflight.verdict import RouteVerdict, Verdict, exit_code_of
from runbook_lib.shown.preflight import evidence_view, findings_view
from tests.unit.preflight.builders import tenant

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
NONE_GIVEN = Parameters.model_validate({})
READING = ExchangeReading(at=AT)
EVIDENCE = Evidence(AT, NONE_GIVEN, PARTS, {EXCHANGE: READING})


def finding(severity: Severity, id_: str = "found", *, acknowledgeable: bool = False) -> Finding:
    return Finding(id=id_, severity=severity, seen=t("Seen."), acknowledgeable=acknowledgeable)


def check(routes: dict[Route, Severity], *findings: Finding, needs: tuple[Part[Any, Any], ...] = (EXCHANGE,)) -> Check:
    def run(evidence: Evidence) -> Iterator[Finding]:
        yield from findings

    return Check("asked", t("Asked"), needs, routes, run)


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


ANY_FINDING = st.builds(finding, st.sampled_from(Severity), st.sampled_from("abc"))
ANY_CHECK = st.tuples(
    st.dictionaries(st.sampled_from(JUDGED_ROUTES), st.sampled_from(Severity), min_size=1),
    st.lists(ANY_FINDING, max_size=3),
)


@given(st.lists(ANY_CHECK, max_size=5), st.sets(st.sampled_from(JUDGED_ROUTES), min_size=1))
def test_list_verdicts_and_routes_tell_the_same_severities(
    given: list[tuple[dict[Route, Severity], list[Finding]]], judged: set[Route]
) -> None:
    found = assess(
        EVIDENCE, [check(routes, *findings) for routes, findings in given], judged=[route.value for route in judged]
    )
    expected: dict[tuple[str, Route], Severity] = {}
    for routes, findings in given:
        for one, (route, limit) in itertools.product(findings, routes.items()):
            severity = min(one.severity, limit, key=lambda s: s.rank)
            expected[one.id, route] = max(severity, expected.get((one.id, route), severity), key=lambda s: s.rank)
    assert {(f.id, r): s for f in found.findings for r, s in found.routes_of(f.id).items()} == expected
    for verdict in found.verdicts:
        on_route = [s for (_, route), s in expected.items() if route is verdict.route]
        worst = max(on_route, key=lambda s: s.rank, default=Severity.INFO)
        assert verdict.verdict is VERDICTS[worst]
        assert {f.id for f in verdict.because} == {
            id_ for (id_, route), s in expected.items() if route is verdict.route and s is worst is not Severity.INFO
        }
    for one in found.findings:
        counted = judged if found.is_asked(one.id) and judged & set(found.routes_of(one.id)) else set(JUDGED_ROUTES)
        here = [s for (id_, route), s in expected.items() if id_ == one.id and route in counted]
        assert one.severity is max(here, key=lambda s: s.rank)


def test_many_findings_are_looked_at_a_few_times_each(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    severity_on = Check.severity_on

    def counted(of: Check, route: Route, severity: Severity) -> Severity | None:
        nonlocal calls
        calls += 1
        return severity_on(of, route, severity)

    monkeypatch.setattr(Check, "severity_on", counted)
    many = [finding(Severity.WARNING, f"found:{number}") for number in range(300)]
    found = assess(EVIDENCE, [check(on(direct=Severity.BLOCKING), *many)])
    assert found.as_json()["findings"]
    findings_view(found)
    assert calls <= 15 * len(many)


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
        yield from (finding(Severity.BLOCKING) for _ in [evidence[EXCHANGE]])

    lost = EVIDENCE.with_part(EXCHANGE, Unreadable("exchange", "insufficient-rights", t("No rights.")))
    needy = Check(
        "needy", t("Needy"), (EXCHANGE,), on(connect_sync=Severity.BLOCKING, direct=Severity.WARNING), explode
    )
    found = assess(lost, [needy, check(on(cloud_sync=Severity.BLOCKING), needs=())])
    assert [found.verdict(r) for r in JUDGED_ROUTES] == [Verdict.WARNINGS, Verdict.READY, Verdict.UNKNOWN]
    assert [f.id for f in found.findings] == ["part-unreadable:exchange"]
    assert [result.state for result in found.results] == ["unknown", "fine"]
    assert json.loads(json.dumps(found.as_json()))["unreadable"][0]["code"] == "insufficient-rights"


def test_a_check_that_looks_at_a_part_it_does_not_name_is_a_defect() -> None:
    with pytest.raises(LookupError, match="exchange"):
        Evidence(AT, NONE_GIVEN, PARTS)[EXCHANGE]
    with pytest.raises(LookupError, match="people alone"):
        EVIDENCE.with_part(TENANT, tenant(licences=Unreadable("licences", "app-only", t("people alone"))))[LICENCES]


def test_a_part_of_the_tenant_fails_alone_and_a_tenant_that_fails_is_one_finding() -> None:
    needs = (LICENCES, FEATURES)
    asked = check(on(cloud_sync=Severity.BLOCKING), finding(Severity.INFO), needs=needs)
    read = tenant(features=Unreadable("features", "app-only", t("Graph shows it to people")))
    found = assess(EVIDENCE.with_part(TENANT, read), [asked])
    assert [f.id for f in found.findings] == ["part-unreadable:tenant.features"]
    assert found.findings[0].seen == (
        "Synchronization features of the tenant could not be read: Graph shows it to people."
    )
    assert [u.part for u in found.evidence.all_unreadable if u.part.startswith("tenant")] == ["tenant.features"]
    lost = assess(EVIDENCE.with_part(TENANT, Unreadable("", "no-sign-in", t("No sign-in."))), [asked])
    assert [f.id for f in lost.findings] == ["part-unreadable:tenant"]
    assert [u.part for u in lost.evidence.all_unreadable if u.part.startswith("tenant")] == ["tenant"]
    assert [f.id for f in assess(EVIDENCE.with_part(TENANT, tenant()), [asked]).findings] == ["found"]


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
        AcknowledgementParameter(finding=f"part-unreadable:{part.key}", by="R", reason="Looked", until="2027-01-01")
        for part in PARTS
    ]
    evidence = Evidence(AT, NONE_GIVEN.model_copy(update={"acknowledge": words}), PARTS)
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
    assert {part for check in CHECKS for part in check.needs} <= set(PARTS)
    assert all(check.title and check.needs and check.routes for check in CHECKS)
    assert all(set(check.routes) <= set(JUDGED_ROUTES) for check in CHECKS)


def test_every_part_that_is_written_is_read() -> None:
    written = [part for part in vars(parts).values() if isinstance(part, Part)]
    assert set(PARTS) == {part for part in written if part.title}
    assert {part.key for part in written if not part.title} == {
        "exchange.facts",
        "exchange.facts.detection",
        "rights.table",
    }, "what is worked out needs no title"
    assert list(PARTS) == [part for part in written if part.title], "each stands below what it needs"
    assert all(Evidence(AT, NONE_GIVEN, PARTS).unreadable(part) for part in PARTS)
    inside = {part.key for part in PARTS if part.inside is TENANT}
    assert inside == {f"tenant.{f.name}" for f in fields(TenantReading) if "Unreadable" in str(f.type)}


def test_what_is_worked_out_is_worked_out_once() -> None:
    calls: list[ExchangeReading] = []

    def count(reading: ExchangeReading) -> int:
        calls.append(reading)
        return len(calls)

    twice = EXCHANGE.worked_out("twice", count)
    assert [EVIDENCE[twice], EVIDENCE.get(twice), EVIDENCE.unreadable(twice)] == [1, 1, None]
    assert calls == [READING]
    later = EVIDENCE.with_part(EXCHANGE, replace(READING, schema_range_upper=1))
    assert later[twice] == 2, "other evidence is worked out anew"
    lost = EVIDENCE.with_part(EXCHANGE, Unreadable("exchange", "a", t("b")))
    assert lost.unreadable(twice) == lost.unreadable(EXCHANGE), "nothing follows from what was not read"


def test_a_detection_and_a_table_of_rights_are_worked_out_once_for_checks_page_and_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[object] = []
    make = Facts.__init__

    def counted(facts: Facts, *given: Any) -> None:
        made.append(facts)
        make(facts, *given)

    monkeypatch.setattr(Facts, "__init__", counted)
    found = assess(Evidence(AT, NONE_GIVEN, PARTS, {EXCHANGE: READING}), CHECKS)
    found.as_json()
    evidence_view(found)
    assert found.hand_offs == found.hand_offs
    assert len(made) == 1
    library = Path(runbook_lib.__file__).parent
    upper = [path for name in ("preflight", "shown") for path in (library / name).rglob("*.py")]
    users = {path.name for path in upper if re.search(r"\b(rights_table|detect)\(", path.read_text(encoding="utf-8"))}
    assert users == set(), "they ask the evidence"


def _unreachable() -> object:
    raise NoAccess(t("No connection to dc1."), code="dc-unreachable")


def test_reading_catches_each_part_s_error() -> None:
    calls: list[str] = []

    def directory() -> object:
        calls.append("directory")
        return _unreachable()

    told: list[str] = []
    reach = Reach(directory=directory, graph=_unreachable)  # type: ignore[arg-type]
    again: Part[Source, Directory] = Part("again", t("Once more"), lambda source: source.directory())
    evidence = read_evidence(NONE_GIVEN, reach, clock=lambda: AT, progress=told.append, parts=(*PARTS, again))
    assert evidence.unreadable(EXCHANGE) == Unreadable("exchange", "dc-unreachable", t("No connection to dc1."))
    assert evidence.unreadable(again) == Unreadable("again", "dc-unreachable", t("No connection to dc1."))
    assert evidence.at == AT
    assert told == [part.title for part in (*PARTS, again) if part.inside is None]
    assert calls == ["directory"], "a way that could not be opened is not tried again"


def test_a_reader_may_look_at_what_it_names_and_at_nothing_else() -> None:
    reach = Reach(directory=_unreachable, graph=_unreachable)  # type: ignore[arg-type]
    looks: list[Callable[[Source], object]] = [lambda source: source[EXCHANGE], lambda source: source.get(EXCHANGE)]
    for look in looks:
        curious = Part("curious", t("Curious"), look)
        with pytest.raises(LookupError, match="reader of curious looks at exchange"):
            read_evidence(NONE_GIVEN, reach, clock=lambda: AT, parts=(EXCHANGE, curious))
        honest = Part("honest", t("Honest"), look, (EXCHANGE,))
        found = read_evidence(NONE_GIVEN, reach, clock=lambda: AT, parts=(EXCHANGE, honest))
        expected = look(Source(honest, reach, EVIDENCE, lambda: AT, told_nobody))
        assert expected == READING
        reason = found.unreadable(honest)
        assert reason is None or (reason.code, reason.text) == ("dc-unreachable", "No connection to dc1.")


def told_nobody(_: str) -> None:
    """Tells nobody."""
