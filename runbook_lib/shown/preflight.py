"""The result of 10-detect-exchange: verdicts, then findings by severity, then evidence."""

from __future__ import annotations

from markupsafe import Markup

from runbook_lib.directory.rights.table import OperationRight
from runbook_lib.exchange.facts import ExchangeDetection
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, and_more, joined, t, verbatim
from runbook_lib.preflight.assess import Assessment, CheckResult
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off.templates import dsacls_lines
from runbook_lib.preflight.parts import (
    CONNECT_SERVER,
    DNS,
    EXCHANGE_DETECTION,
    MAIL_FLOW,
    RIGHTS,
    RIGHTS_TABLE,
    TENANT,
)
from runbook_lib.preflight.tenant_facts import tenant_facts
from runbook_lib.preflight.verdict import RouteVerdict, Verdict
from runbook_lib.shown.connect import connect_server_view
from runbook_lib.shown.findings import NOT_ASKED, findings_html
from runbook_lib.shown.html import ToneName, View, banner_html, code_html, folded_html, rows_html

_KINDS: dict[Verdict, ToneName] = {
    Verdict.READY: "good",
    Verdict.WARNINGS: "attention",
    Verdict.UNKNOWN: "attention",
    Verdict.NOT_READY: "bad",
}
_ROUTES = {
    Route.DIRECT: t("Direct (this runbook writes over LDAP)"),
    Route.CLOUD_SYNC: t("Cloud Sync"),
    Route.CONNECT_SYNC: t("Connect Sync (v1)"),
}
_MOST_REASONS = 5
"""Findings that are named as the reason of a verdict."""


def verdicts_view(assessment: Assessment) -> View:
    """One banner per route that was asked for, with what decides; the others are folded below, and alarm nobody."""
    asked, others = list[Markup](), list[Markup]()
    titles = []
    for one in sorted(assessment.verdicts, key=lambda one: one.route not in assessment.judged):
        title = t("{route}: {verdict}", route=_ROUTES[one.route], verdict=one.verdict.title.lower())
        if one.route in assessment.judged:
            asked.append(banner_html(_KINDS[one.verdict], title, _because(one)))
        else:
            title = t("{title} (not asked for)", title=title)
            others.append(banner_html("neutral", title, _because(one)))
        titles.append(title)
    html = Markup().join(asked)
    if others:
        html += folded_html(t("Routes that were not asked for: {number}", number=len(others)), Markup().join(others))
    return View(html, t("{verdicts}.", verdicts=joined(titles, ". ")))


def _because(one: RouteVerdict) -> Text:
    lines = [t("{seen} ({id})", seen=finding.seen, id=finding.id) for finding in one.because[:_MOST_REASONS]]
    rest = len(one.because) - len(lines)
    return joined([*lines, *([and_more(rest)] if rest > 0 else [])], "\n")


def findings_view(assessment: Assessment) -> View:
    """What is wrong or unknown, the most severe first; folded: what is only told, and routes that nobody asked for."""
    findings = assessment.findings
    asked = [finding for finding in findings if assessment.is_asked(finding.id)]
    others = [finding for finding in findings if not assessment.is_asked(finding.id)]
    told = [finding for finding in asked if finding.severity is Severity.INFO]
    html = findings_html([finding for finding in asked if finding.severity is not Severity.INFO])
    for folded, what in (
        (told, t("For information")),
        (others, NOT_ASKED),
    ):
        if folded:
            summary = t("{what}: {number}", what=what, number=len(folded))
            html += folded_html(summary, findings_html(folded, caption=what))
    table = rows_html(
        (t("Finding"), t("Severity"), t("Routes")),
        [
            (
                finding.id,
                finding.severity.value,
                ", ".join(f"{route.value}: {s.value}" for route, s in assessment.routes_of(finding.id).items()),
            )
            for finding in findings
        ],
        caption=t("What each finding means for each route"),
        limit=200,
    )
    html += folded_html(t("What each finding means for each route"), table)
    return View(html, t("{number} findings.", number=len(findings)))


def hand_offs_view(assessment: Assessment) -> View:
    """Text to copy for whoever looks after Exchange and DNS."""
    offers = assessment.hand_offs
    if not offers:
        return View(banner_html("good", t("Nothing to hand off")), t("Nothing to hand off."))
    html = Markup().join(
        code_html(one.text, t("{title} · {where} · {finding}", title=one.title, where=one.where, finding=one.finding))
        for one in offers
    )
    return View(html, t("{number} hand-offs.", number=len(offers)))


def evidence_view(assessment: Assessment) -> View:
    """What was read: parts and checks, those with something to say first, the others folded; Exchange's servers."""
    evidence = assessment.evidence
    unread = [part for part in evidence.parts if evidence.unreadable(part) is not None]
    read = [part for part in evidence.parts if evidence.unreadable(part) is None]
    headings = (t("Part"), t("State"))
    html = Markup()
    if unread:
        rows = [(part.title, _part_state(evidence.unreadable(part))) for part in unread]
        html += rows_html(headings, rows, caption=t("What could not be read"))
    if read:
        table = rows_html(headings, [(part.title, _part_state(None)) for part in read], caption=t("What was read"))
        html += folded_html(t("Read: {number}", number=len(read)), table)
    html += _checks_html(assessment)
    text = t("{number} checks.", number=len(assessment.results))
    if detection := evidence.get(EXCHANGE_DETECTION):
        html += _exchange_html(detection)
        statements = joined(detection.statements)
        text = t("{detection}. {statements} {checks}", detection=detection.title, statements=statements, checks=text)
    if collected := evidence.get(CONNECT_SERVER):
        html += connect_server_view(collected).html
    return View(html + tenant_tables(evidence) + mail_tables(evidence) + rights_tables(evidence), text)


def _checks_html(assessment: Assessment) -> Markup:
    """Every check: first those that found something or could not be made; folded, those that found nothing."""
    headings = (t("Check"), t("State"), t("Routes"))
    fine = [one for one in assessment.results if not one.findings and not one.because]
    others = [one for one in assessment.results if one.findings or one.because]

    def rows(results: list[CheckResult]) -> list[tuple[Text, Text, str]]:
        return [(r.check.title, _state(r), ", ".join(route.value for route in r.check.routes)) for r in results]

    html = Markup()
    if others:
        html += rows_html(headings, rows(others), caption=t("Checks that found something, or were not made"), limit=200)
    if fine:
        table = rows_html(headings, rows(fine), caption=t("Checks that found nothing"), limit=200)
        html += folded_html(t("Checks that found nothing: {number}", number=len(fine)), table)
    return html


def _part_state(unread: Unreadable | None) -> Text:
    return t("read") if unread is None else t("not read: {why}", why=unread.sentence)


def _state(result: CheckResult) -> Text:
    """State of a check in words; what was not checked says because of what."""
    if result.because:
        return t("not checked because of {causes}", causes=", ".join(cause.id for cause in result.because))
    if result.state == "nothing-to-check":
        return t("nothing to check: {why}", why=result.nothing)
    return verbatim(result.state)


def tenant_tables(evidence: Evidence) -> Markup:
    """What the tenant says about itself, and what its cloud does not offer, as far as that was read."""
    tenant = evidence.get(TENANT)
    if tenant is None:
        return Markup()
    headings = (t("Part"), t("Fact"), t("Value"))
    caption = t("The tenant, asked: {source}", source=tenant.source)
    html = rows_html(headings, tenant_facts(evidence) or (), caption=caption, limit=200)
    if tenant.cloud.lacks:
        html += rows_html(
            (t("Feature"), t("Offered"), t("Source")),
            [(feature.title, feature.offer.value, feature.source) for feature in tenant.cloud.lacks],
            caption=t("What the cloud does not offer: {cloud}", cloud=tenant.cloud.title),
        )
    return html


def mail_tables(evidence: Evidence) -> Markup:
    """Accepted domains, send connectors and DNS records, as far as they were read."""
    html = Markup()
    if (flow := evidence.get(MAIL_FLOW)) and flow.organization:
        domains = [(one.domain, one.type.value, one.name) for one in flow.accepted_domains]
        spaces = [(c.name, ", ".join([*map(str, c.spaces), *c.unread])) for c in flow.send_connectors]
        html += rows_html((t("Domain"), t("Type"), t("Name")), domains, caption=t("Accepted domains"), limit=100)
        html += rows_html((t("Send connector"), t("Address spaces")), spaces, caption=t("Send connectors"))
    if dns := evidence.get(DNS):
        rows = [(a.name, a.kind, a.state.value, ", ".join(a.values) or a.why) for a in dns.answers.values()]
        headings = (t("Name"), t("Record"), t("State"), t("Values"))
        html += rows_html(headings, rows, caption=t("DNS, asked: {source}", source=dns.source))
    return html


def rights_tables(evidence: Evidence) -> Markup:
    """Every operation in AD: allowed or not, by which entry or for want of what; as far as that was read."""
    situation = evidence.get(RIGHTS)
    if situation is None:
        return Markup()
    account = situation.account
    rows = [
        (row.operation.title, _GRANTED[row.granted], row.because, "\n".join(_lines(row, account.name)))
        for row in evidence[RIGHTS_TABLE]
    ]
    headings = (t("Operation"), t("Allowed"), t("Because"), t("dsacls"))
    caption = t("Rights of {account} ({sid})", account=account.name, sid=account.sid)
    return rows_html(headings, rows, caption=caption, limit=200)


_GRANTED = {Switch.ON: t("yes"), Switch.OFF: t("no"), Switch.UNKNOWN: t("unknown")}


def _lines(row: OperationRight, account: str) -> tuple[str, ...]:
    return dsacls_lines((missing.grant for missing in row.missing if missing.grant), account)


def _exchange_html(detection: ExchangeDetection) -> Markup:
    html = banner_html("neutral", verbatim(detection.title), joined(detection.statements))
    html += rows_html(
        (t("Component"), t("Number seen"), t("Meaning")),
        [(row.component, row.seen, row.meaning) for row in detection.components],
        caption=t("Exchange in this directory"),
    )
    if detection.servers:
        html += rows_html(
            (t("Server"), t("Product"), t("Build"), t("Roles"), t("Site")),
            [(s.name, s.product, s.build, s.roles, s.site) for s in detection.servers],
            caption=t("Exchange servers"),
        )
    return html
