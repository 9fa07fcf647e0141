"""The result of 10-detect-exchange: verdicts, then findings by severity, then evidence."""

from __future__ import annotations

import pandas as pd

from runbook_lib.directory.rights.table import OperationRight
from runbook_lib.exchange.facts import ExchangeDetection
from runbook_lib.model.cloud import Switch
from runbook_lib.model.target import Route
from runbook_lib.preflight.assess import Assessment, CheckResult
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off.templates import dsacls_lines
from runbook_lib.preflight.parts import DNS, EXCHANGE_DETECTION, MAIL_FLOW, RIGHTS, RIGHTS_TABLE, TENANT
from runbook_lib.preflight.tenant_facts import tenant_facts
from runbook_lib.preflight.verdict import RouteVerdict, Verdict
from runbook_lib.shown.html import Kind, banner_html, code_html, findings_html, table_html

_KINDS: dict[Verdict, Kind] = {
    Verdict.READY: "good",
    Verdict.WARNINGS: "attention",
    Verdict.UNKNOWN: "attention",
    Verdict.NOT_READY: "bad",
}
_ROUTES = {
    Route.DIRECT: "Direct (this runbook writes over LDAP)",
    Route.CLOUD_SYNC: "Cloud Sync",
    Route.CONNECT_SYNC: "Connect Sync (v1)",
}


def verdicts_view(assessment: Assessment) -> tuple[str, str]:
    """One banner per route, with what decides; those that were not asked for come last and alarm nobody."""
    shown: list[tuple[Kind, str, str]] = []
    for one in assessment.verdicts:
        asked = one.route in assessment.judged
        title = _title(one) + ("" if asked else " (not asked for)")
        shown.append((_KINDS[one.verdict] if asked else "neutral", title, _because(one)))
    return "".join(banner_html(*row) for row in shown), ". ".join(title for _, title, _ in shown) + "."


def _title(one: RouteVerdict) -> str:
    return f"{_ROUTES[one.route]}: {one.verdict.title.lower()}"


def _because(one: RouteVerdict) -> str:
    shown = [f"{finding.seen} ({finding.id})" for finding in one.because[:5]]
    rest = len(one.because) - len(shown)
    return "\n".join([*shown, *([f"… and {rest} more"] if rest > 0 else [])])


def findings_view(assessment: Assessment) -> tuple[str, str]:
    """Every finding, the most severe first, and which routes it matters to; routes that nobody asked for last."""
    findings = assessment.findings
    asked = [finding for finding in findings if assessment.is_asked(finding.id)]
    others = [finding for finding in findings if not assessment.is_asked(finding.id)]
    html = findings_html(asked)
    if others:
        html += findings_html(others, caption="Findings about routes that were not asked for")
    table = pd.DataFrame(
        [
            (
                finding.id,
                finding.severity.value,
                ", ".join(f"{r.value}: {s.value}" for r, s in assessment.routes_of(finding.id).items()),
            )
            for finding in findings
        ],
        columns=["Finding", "Severity", "Routes"],
    )
    return (
        html + table_html(table, caption="What each finding means for each route", limit=200),
        f"{len(findings)} findings.",
    )


def hand_offs_view(assessment: Assessment) -> tuple[str, str]:
    """Text to copy for whoever looks after Exchange and DNS."""
    offers = assessment.hand_offs
    if not offers:
        return banner_html("good", "Nothing to hand off"), "Nothing to hand off."
    html = "".join(code_html(one.text, f"{one.title} · {one.where} · {one.finding}") for one in offers)
    return html, f"{len(offers)} hand-offs."


def evidence_view(assessment: Assessment) -> tuple[str, str]:
    """What was read: the parts, every check, Exchange's numbers and servers."""
    evidence = assessment.evidence
    parts = [
        (part.title, "read" if (unread := evidence.unreadable(part)) is None else f"not read: {unread.sentence}")
        for part in evidence.parts
    ]
    checks = [
        (r.check.title, _state(r), ", ".join(route.value for route in r.check.routes)) for r in assessment.results
    ]
    html = [
        table_html(pd.DataFrame(parts, columns=["Part", "State"]), caption="What was read"),
        table_html(pd.DataFrame(checks, columns=["Check", "State", "Routes"]), caption="Every check", limit=200),
    ]
    text = f"{len(checks)} checks."
    if detection := evidence.get(EXCHANGE_DETECTION):
        html.append(_exchange_html(detection))
        text = f"{detection.title}. {' '.join(detection.words)} {text}"
    html += tenant_tables(evidence)
    html += mail_tables(evidence)
    html += rights_tables(evidence)
    return "".join(html), text


def _state(result: CheckResult) -> str:
    """State of a check in words; what was not checked says because of what."""
    if result.because:
        return f"not checked because of {', '.join(cause.id for cause in result.because)}"
    return f"nothing to check: {result.nothing}" if result.state == "nothing-to-check" else result.state


def tenant_tables(evidence: Evidence) -> list[str]:
    """What the tenant says about itself, and what its cloud does not offer, as far as that was read."""
    tenant = evidence.get(TENANT)
    if tenant is None:
        return []
    facts = pd.DataFrame(tenant_facts(evidence), columns=["Part", "Fact", "Value"])
    tables = [table_html(facts, caption=f"The tenant, asked: {tenant.source}", limit=200)]
    if tenant.cloud.lacks:
        rows = [(feature.title, feature.offer.value, feature.source) for feature in tenant.cloud.lacks]
        frame = pd.DataFrame(rows, columns=["Feature", "Offered", "Source"])
        tables.append(table_html(frame, caption=f"What the cloud does not offer: {tenant.cloud.title}"))
    return tables


def mail_tables(evidence: Evidence) -> list[str]:
    """Accepted domains, send connectors and DNS records, as far as they were read."""
    tables: list[str] = []
    if (flow := evidence.get(MAIL_FLOW)) and flow.organization:
        domains = [(one.domain, one.type.value, one.name) for one in flow.accepted_domains]
        spaces = [(c.name, ", ".join([*map(str, c.spaces), *c.unread])) for c in flow.send_connectors]
        tables.append(
            table_html(pd.DataFrame(domains, columns=["Domain", "Type", "Name"]), caption="Accepted domains", limit=100)
        )
        tables.append(
            table_html(pd.DataFrame(spaces, columns=["Send connector", "Address spaces"]), caption="Send connectors")
        )
    if dns := evidence.get(DNS):
        rows = [(a.name, a.kind, a.state.value, ", ".join(a.values) or a.why) for a in dns.answers.values()]
        frame = pd.DataFrame(rows, columns=["Name", "Record", "State", "Values"])
        tables.append(table_html(frame, caption=f"DNS, asked: {dns.source}"))
    return tables


def rights_tables(evidence: Evidence) -> list[str]:
    """Every operation in AD: allowed or not, by which entry or for want of what; as far as that was read."""
    situation = evidence.get(RIGHTS)
    if situation is None:
        return []
    account = situation.account
    rows = [
        (row.operation.title, _GRANTED[row.granted], row.because, "\n".join(_lines(row, account.name)))
        for row in evidence[RIGHTS_TABLE]
    ]
    frame = pd.DataFrame(rows, columns=["Operation", "Allowed", "Because", "dsacls"])
    return [table_html(frame, caption=f"Rights of {account.name} ({account.sid})", limit=200)]


_GRANTED = {Switch.ON: "yes", Switch.OFF: "no", Switch.UNKNOWN: "unknown"}


def _lines(row: OperationRight, account: str) -> tuple[str, ...]:
    return dsacls_lines((missing.grant for missing in row.missing if missing.grant), account)


def _exchange_html(detection: ExchangeDetection) -> str:
    parts = [banner_html("neutral", detection.title, " ".join(detection.words))]
    components = pd.DataFrame(
        [(row.component, row.seen, row.meaning) for row in detection.components],
        columns=["Component", "Number seen", "Meaning"],
    )
    parts.append(table_html(components, caption="Exchange in this directory"))
    if detection.servers:
        servers = pd.DataFrame(
            [(s.name, s.product, s.build, s.roles, s.site) for s in detection.servers],
            columns=["Server", "Product", "Build", "Roles", "Site"],
        )
        parts.append(table_html(servers, caption="Exchange servers"))
    return "".join(parts)
