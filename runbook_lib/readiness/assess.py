"""Run the checks: evidence in, findings and verdicts out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runbook_lib.exchange.detect import detect
from runbook_lib.exchange.versions import load_versions
from runbook_lib.inventory.states import Route
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.parameters.acknowledge import with_acknowledgements
from runbook_lib.readiness.check import ROUTES, Check
from runbook_lib.readiness.evidence import TITLES, Evidence, Unreadable
from runbook_lib.readiness.hand_off import HandOff, hand_offs
from runbook_lib.readiness.tenant_facts import tenant_facts
from runbook_lib.readiness.verdict import RouteVerdict, Verdict, verdict_on


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found; ``unreadable`` are the needed parts that could not be read, and then it was not run."""

    check: Check
    findings: tuple[Finding, ...]
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def state(self) -> str:
        """``fine``, ``unknown``, or the gravest severity in one word."""
        if not self.findings:
            return "fine"
        return max((finding.severity for finding in self.findings), key=lambda severity: severity.rank).value


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer to "is everything in place?".

    Attributes:
        evidence: What was read.
        results: What each check found.
        verdicts: One for each route.
        beside: Findings about the reading itself, which matter to no route.
    """

    evidence: Evidence
    results: tuple[CheckResult, ...]
    verdicts: tuple[RouteVerdict, ...]
    beside: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding once, the gravest first; severity is the highest that it has on any route."""
        found = {finding.id: finding for finding in self.beside}
        for result in self.results:
            for finding in result.findings:
                severities = [s for r in ROUTES if (s := result.check.severity_on(r, finding.severity)) is not None]
                severity = max(severities, key=lambda item: item.rank, default=Severity.INFO)
                before = found.get(finding.id)
                if before is None or before.severity.rank < severity.rank:
                    found[finding.id] = replace(finding, severity=severity)
        return tuple(sorted(found.values(), key=lambda finding: -finding.severity.rank))

    def routes_of(self, finding_id: str) -> Mapping[Route, Severity]:
        """Route to severity of a finding, for the routes that it matters to."""
        found: dict[Route, Severity] = {}
        for result in self.results:
            for finding in result.findings:
                if finding.id != finding_id:
                    continue
                for route in ROUTES:
                    severity = result.check.severity_on(route, finding.severity)
                    if severity is not None and severity.rank >= found.get(route, Severity.INFO).rank:
                        found[route] = severity
        return found

    def verdict(self, route: Route) -> Verdict:
        """The verdict on a route."""
        return next(one.verdict for one in self.verdicts if one.route is route)

    @property
    def hand_offs(self) -> tuple[HandOff, ...]:
        """What others have to do about the findings that matter to a route, as text to copy."""
        return hand_offs(f for f in self.findings if f.severity is not Severity.INFO)

    def as_json(self) -> dict[str, object]:
        """JSON form, for ``gwb check --json``."""
        exchange = self.evidence.exchange
        tenant = self.evidence.tenant
        found = None if isinstance(exchange, Unreadable) else detect(exchange, load_versions()).as_json()
        return {
            "at": self.evidence.at.isoformat().replace("+00:00", "Z"),
            "verdicts": {
                one.route.value: {"verdict": one.verdict.value, "because": [f.id for f in one.because]}
                for one in self.verdicts
            },
            "findings": [
                {**f.as_json(), "routes": {r.value: s.value for r, s in self.routes_of(f.id).items()}}
                for f in self.findings
            ],
            "exchange": found,
            "tenant": None if isinstance(tenant, Unreadable) else [row._asdict() for row in tenant_facts(tenant)],
            "hand_offs": [offer.as_json() for offer in self.hand_offs],
            "checks": [
                {"id": result.check.id, "title": result.check.title, "state": result.state} for result in self.results
            ],
            "unreadable": [
                {"part": part.part, "why": part.why, "code": part.code} for part in self.evidence.all_unreadable
            ],
        }


def assess(evidence: Evidence, checks: Sequence[Check], *, beside: Sequence[Finding] = ()) -> Assessment:
    """Run every check whose parts are readable; the others are unknown, each because of its own parts only.

    Args:
        evidence: What was read.
        checks: The questions.
        beside: Findings about the reading itself, such as a sign-in that could not be kept.
    """
    results = tuple(_result(check, evidence) for check in checks)
    verdicts = tuple(
        verdict_on(
            route,
            (replace(finding, severity=severity) for finding, severity in _on_route(results, route).values()),
        )
        for route in ROUTES
    )
    return Assessment(evidence, results, verdicts, tuple(beside))


def _on_route(results: Sequence[CheckResult], route: Route) -> dict[str, tuple[Finding, Severity]]:
    """Finding id to the finding and its gravest severity on the route."""
    found: dict[str, tuple[Finding, Severity]] = {}
    for result in results:
        for finding in result.findings:
            severity = result.check.severity_on(route, finding.severity)
            if severity is not None and (finding.id not in found or found[finding.id][1].rank < severity.rank):
                found[finding.id] = finding, severity
    return found


def _result(check: Check, evidence: Evidence) -> CheckResult:
    missing = (u for name in check.needs if (u := evidence.unreadable(name)) is not None)
    unreadable = tuple(dict.fromkeys(missing))
    found = tuple(_unknown(part) for part in unreadable) if unreadable else tuple(check.run(evidence))
    findings = with_acknowledgements(found, evidence.parameters, evidence.at.date())
    return CheckResult(check, findings, unreadable)


_CURES = {
    "app-only": "Sign in as a person (sign_in: device-code)",
    "forbidden": "Grant the permission that docs/permissions.md names for the call, or the role,",
}
"""What to do about codes that say it; the others say it in the sentence."""


def _unknown(part: Unreadable) -> Finding:
    return Finding(
        id=f"part-unreadable:{part.part}",
        severity=Severity.UNKNOWN,
        seen=f"{TITLES[part.part]} could not be read: {part.why}",
        expected="A reading of it.",
        why="What depends on it cannot be told; nothing else is affected.",
        to_do=f"{_CURES.get(part.code, 'Remove the cause')} and run again, or look by other means and acknowledge this "
        "finding.",
        values={"part": part.part, "code": part.code},
        acknowledgeable=True,
    )
