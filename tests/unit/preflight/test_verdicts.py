"""Verdicts as a record and a notebook tell them."""

from __future__ import annotations

import json

import pytest

from runbook_lib.graph.tenant.jobs import CloudSync, JobState, ObjectScope, Quarantine, ScopeClause
from runbook_lib.graph.tenant.parts import (
    P1_PLAN,
    Domain,
    GrantedPermissions,
    Licence,
    Licences,
    NewGroupDefault,
    TenantReading,
    WrittenByDefault,
)
from runbook_lib.model.cloud import Tenant
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.target import Route
from runbook_lib.model.text import t, verbatim
from runbook_lib.preflight.assess import JUDGED_ROUTES, Assessment, Check, assess, on
from runbook_lib.preflight.parts import MAIL_FLOW, PARTS, TENANT
from runbook_lib.preflight.tenant_facts import TenantFact, tenant_facts
from runbook_lib.preflight.verdict import RouteVerdict, Verdict, refusal_of, verdict_on
from runbook_lib.shown.preflight import evidence_view, findings_view, hand_offs_view, verdicts_view
from runbook_lib.shown.terminal import lines
from tests.support import hostile
from tests.support.schemas import schema_of
from tests.unit.preflight.builders import dns, domains, evidence, flow, job, tenant
from tests.unit.record.markup import parsed

SEVERITIES = {
    Verdict.READY: Severity.INFO,
    Verdict.WARNINGS: Severity.WARNING,
    Verdict.UNKNOWN: Severity.UNKNOWN,
    Verdict.NOT_READY: Severity.BLOCKING,
}


def finding(severity: Severity, name: str = "f") -> Finding:
    return Finding(name, severity, t("{name} was seen.", name=name))


@pytest.mark.parametrize(("verdict", "severity"), SEVERITIES.items())
def test_a_verdict_is_a_finding_of_the_record(verdict: Verdict, severity: Severity) -> None:
    one = verdict_on(Route.DIRECT, [finding(severity, f"f{n}") for n in range(7)])
    assert one.verdict is verdict
    told = one.as_finding()
    assert (told.id, told.severity) == ("verdict:direct", severity)
    assert verdict.title.lower() in told.seen
    assert ("and others" in told.seen) is (verdict is not Verdict.READY)
    allowed = schema_of("record")["$defs"]["finding"]["properties"]["severity"]["enum"]
    assert json.loads(json.dumps(told.as_json()))["severity"] in allowed


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ([Verdict.READY, Verdict.WARNINGS], None),
        ([Verdict.UNKNOWN, Verdict.READY], Outcome.NO_ACCESS),
        ([Verdict.UNKNOWN, Verdict.NOT_READY], Outcome.REFUSED),
        ([], None),
    ],
)
def test_how_a_notebook_ends(verdicts: list[Verdict], outcome: Outcome | None) -> None:
    judged = [
        RouteVerdict(route, verdict, (finding(SEVERITIES[verdict], route.value),))
        for route, verdict in zip(JUDGED_ROUTES, verdicts, strict=False)
    ]
    error = refusal_of(judged)
    assert (error.outcome if error else None) is outcome
    if error is not None:
        assert [r.route.value for r in judged if r.verdict.exit_code == error.outcome.exit_code] == error.values[
            "routes"
        ]


def odd_tenant(text: str) -> TenantReading:
    """A tenant that holds the text wherever the tenant's own people can write."""
    quarantine = Quarantine(text, None, None, text)
    clause = ScopeClause(text, text, (text,))
    odd = job(
        id=text,
        configuration=text,
        state=JobState.QUARANTINE,
        quarantine=quarantine,
        scope=(ObjectScope(text, "group", True, ((clause,),), text),),
    )
    return tenant(
        tenant=Tenant("t", display_name=text),
        features=Unreadable("part", "failed", verbatim(text)),
        licences=Licences((Licence(text, text, 1, 1, frozenset({P1_PLAN})),)),
        new_groups=NewGroupDefault(WrittenByDefault.OTHER, text),
        domains=(Domain(text, True, True, True, text, (text,)),),
        cloud_sync=CloudSync((odd,)),
        permissions=GrantedPermissions(True, (text,), text),
        source=text,
    )


def shown(text: str) -> Assessment:
    finding = Finding(
        text,
        Severity.BLOCKING,
        verbatim(text),
        verbatim(text),
        verbatim(text),
        verbatim(text),
        text,
        acknowledgeable=True,
    )
    given = evidence(mail_flow=flow(), dns=dns(), mail_domains=domains(text), tenant=odd_tenant(text))
    check = Check("c", verbatim(text), (MAIL_FLOW,), on(connect_sync=Severity.BLOCKING), lambda _: iter([finding]))
    return assess(given, [check])


@hostile.each(empty=False)
def test_what_was_read_never_becomes_markup(text: str) -> None:
    for view in (verdicts_view, findings_view, evidence_view, hand_offs_view):
        read, dull = parsed(view(shown(text))[0]), parsed(view(shown("d" * max(1, len(text))))[0])
        ignored = {"bdi", "br", "span"}
        assert [t for t in read.tags if t not in ignored] == [t for t in dull.tags if t not in ignored]
        assert {name for _, name, _ in read.attributes} <= {"style", "scope", "dir", "title", "colspan", "tabindex"}


def test_the_views_say_what_a_reader_looks_for() -> None:
    assessment = shown("odd")
    verdicts, text = verdicts_view(assessment)
    assert verdicts.index("Direct") < verdicts.index("Connect Sync")
    assert "not ready" in text
    assert "odd" in findings_view(assessment)[0]
    html, _ = evidence_view(assessment)
    for expected in ("Accepted domains", "Send connectors", "groups.contoso.com", "not read: It was not read."):
        assert expected in html
    assert "What the cloud does not offer" not in html, "the global service offers everything of the table"
    china = assess(evidence(tenant=tenant(cloud="china")), [])
    assert "What the cloud does not offer: China" in evidence_view(china)[0]
    assert "Nothing to hand off" in hand_offs_view(assessment)[0]


def test_what_was_not_asked_for_is_folded_below_what_was() -> None:
    given = evidence(mail_flow=flow(), dns=dns(), mail_domains=domains("odd"), tenant=odd_tenant("odd"))
    info = Finding("told", Severity.INFO, verbatim("told"))
    wrong = Finding("wrong", Severity.BLOCKING, verbatim("wrong"), to_do=verbatim("mend it"))
    checks = [
        Check("a", verbatim("a"), (MAIL_FLOW,), on(connect_sync=Severity.INFO), lambda _: iter([info])),
        Check("b", verbatim("b"), (MAIL_FLOW,), on(connect_sync=Severity.BLOCKING), lambda _: iter([wrong])),
    ]
    assessment = assess(given, checks, judged=["connect-sync"])
    verdicts, _ = verdicts_view(assessment)
    first, _, folded = verdicts.partition("<details")
    assert "Connect Sync (v1): not ready" in first
    assert "not asked for" not in first
    assert "Direct" in folded
    assert "Cloud Sync: " in folded
    seen, _, folded = findings_view(assessment)[0].partition("<details")
    assert ("mend it" in seen, "told" in seen) == (True, False)
    assert "told" in folded
    other = assess(given, checks, judged=["direct"])
    text = [line.text for line in lines(other, ["direct"])]
    assert next(line for line in text if line.startswith(("direct", "connect-sync"))).startswith("direct *")
    assert any("wrong" in line for line in text)
    assert not any("mend it" in line for line in text), "one line for each finding of routes that nobody asked for"
    assert any("gwb check --route" in line for line in text)


def test_what_is_well_is_folded_below_what_is_not() -> None:
    wrong = Finding("wrong", Severity.WARNING, verbatim("wrong"))
    given = evidence(mail_flow=flow(), dns=dns(), mail_domains=domains("odd"), tenant=odd_tenant("odd"))
    checks = [
        Check("a", verbatim("a is well"), (MAIL_FLOW,), on(direct=Severity.INFO), lambda _: iter([])),
        Check("b", verbatim("b is not"), (MAIL_FLOW,), on(direct=Severity.WARNING), lambda _: iter([wrong])),
    ]
    html, _ = evidence_view(assess(given, checks))
    assert html.index("b is not") < html.index("Checks that found nothing: 1") < html.index("a is well")
    assert html.index("not read: It was not read.") < html.index("Read: ")


def facts_of(reading: TenantReading) -> tuple[TenantFact, ...]:
    found = tenant_facts(evidence(tenant=reading))
    assert found is not None
    return found


def test_the_facts_of_a_tenant() -> None:
    facts = {(str(row.subject), str(row.fact)): row.value for row in facts_of(tenant())}
    assert facts["Synchronization of the tenant", "On"] == "yes"
    assert facts["Synchronization of the tenant", "Last synchronization"] == "2026-11-22 11:50 UTC"
    assert facts["Synchronization features of the tenant", "Group writeback v1 (unifiedGroupWritebackEnabled)"] == "off"
    assert facts["Synchronization features of the tenant", "Its threshold"] == "500"
    assert facts["Containers that Connect Sync reported (beta)", "Container of Microsoft 365 groups"] == "no value"
    assert facts["Licences of the tenant", "P1 in force"] == "yes"
    assert facts["Licences of the tenant", "EMS"] == "Enabled: 50 enabled, 3 used"
    assert "has no Group.Unified setting" in facts["Default for new groups", "NewUnifiedGroupWritebackDefault"]
    assert facts["Domains of the tenant", "groups.contoso.com"] == "verified, Managed, Email"
    one = facts["Cloud Sync configurations", job().id]
    assert one.startswith("contoso.com; writes groups to AD; active; last success 2026-11-22 11:40 UTC; Group where")
    assert "securityEnabled IS TRUE and mailEnabled IS FALSE; assigned: 0" in one
    assert facts["Permissions of the access token", "Signed in as"] == "an app"


def test_what_could_not_be_read_of_a_tenant_is_told_as_that() -> None:
    unread = Unreadable("part", "app-only", t("Graph shows it to people"))
    names = [part.key.removeprefix("tenant.") for part in PARTS if part.inside is TENANT]
    rows = facts_of(tenant(**dict.fromkeys(names, unread)))
    assert [row.value for row in rows if row.fact == "Not readable"] == [unread.text] * 10
    odd = job(scope=unread, assigned=unread, last_success=None)
    (row,) = [row for row in facts_of(tenant(cloud_sync=CloudSync((odd,)))) if row.fact == odd.id]
    assert "last success no value; scope not readable: Graph shows it to people; assigned: not readable:" in row.value
