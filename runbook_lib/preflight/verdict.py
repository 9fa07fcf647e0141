"""From findings to a verdict for each route."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from runbook_lib.errors import NoAccess, Refused, RunbookError
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, t


class Verdict(Enum):
    """Whether a route can be taken."""

    READY = "ready"
    WARNINGS = "ready-with-warnings"
    UNKNOWN = "unknown"
    NOT_READY = "not-ready"

    @property
    def title(self) -> str:
        """In words, for people."""
        return _TITLES[self]

    @property
    def exit_code(self) -> int:
        """0 ready, 5 not ready, 8 cannot tell: the numbers that runs use for done, refused and no access."""
        return _OUTCOMES[self].exit_code


_TITLES = {
    Verdict.READY: "Ready",
    Verdict.WARNINGS: t("Ready with warnings"),
    Verdict.UNKNOWN: "Unknown",
    Verdict.NOT_READY: t("Not ready"),
}
_OUTCOMES = {
    Verdict.READY: Outcome.DONE,
    Verdict.WARNINGS: Outcome.DONE,
    Verdict.UNKNOWN: Outcome.NO_ACCESS,
    Verdict.NOT_READY: Outcome.REFUSED,
}
_OF_SEVERITY = {
    Severity.INFO: Verdict.READY,
    Severity.WARNING: Verdict.WARNINGS,
    Severity.UNKNOWN: Verdict.UNKNOWN,
    Severity.BLOCKING: Verdict.NOT_READY,
}


@dataclass(frozen=True, slots=True)
class RouteVerdict:
    """The verdict on one route, and the findings that it follows from (with their severity on this route)."""

    route: Route
    verdict: Verdict
    because: tuple[Finding, ...] = ()

    def as_finding(self, *, asked: bool = True) -> Finding:
        """The verdict as a finding, so that a record shows it among them; information where nobody asked for it."""
        ids = [finding.id for finding in self.because]
        why = NOTHING
        if ids:
            some = ", ".join(ids[:5])
            why = (
                t(", because of {some} and others", some=some) if len(ids) > 5 else t(", because of {some}", some=some)
            )
        return Finding(
            id=f"verdict:{self.route.value}",
            severity=next(severity for severity, verdict in _OF_SEVERITY.items() if verdict is self.verdict)
            if asked
            else Severity.INFO,
            seen=t(
                "The route {route}{aside}: {verdict_title}{why}.",
                route=self.route.value,
                aside=NOTHING if asked else t(", which was not asked for"),
                verdict_title=self.verdict.title.lower(),
                why=why,
            ),
            values={"route": self.route.value, "verdict": self.verdict.value, "because": ids},
        )


def verdict_on(route: Route, findings: Iterable[Finding]) -> RouteVerdict:
    """The gravest finding decides; findings of information leave a route ready.

    Args:
        route: The route.
        findings: Those that matter to it, with their severity on it.
    """
    ordered = sorted(findings, key=lambda finding: -finding.severity.rank)
    gravest = ordered[0].severity if ordered else Severity.INFO
    because = tuple(f for f in ordered if f.severity is gravest) if gravest is not Severity.INFO else ()
    return RouteVerdict(route, _OF_SEVERITY[gravest], because)


def exit_code_of(verdicts: Iterable[RouteVerdict]) -> int:
    """The exit code of several routes: something that is not ready counts before something that is unknown."""
    order = list(Verdict)
    return max((one.verdict for one in verdicts), key=order.index, default=Verdict.READY).exit_code


def refusal_of(verdicts: Iterable[RouteVerdict]) -> RunbookError | None:
    """Why the routes cannot be taken, or None where they can: ``not-ready`` or ``readiness-unknown``."""
    judged = list(verdicts)
    for verdict, kind, code, judgement in (
        (Verdict.NOT_READY, Refused, "not-ready", t("is not ready")),
        (Verdict.UNKNOWN, NoAccess, "readiness-unknown", t("cannot be judged")),
    ):
        hit = [one for one in judged if one.verdict is verdict]
        if hit:
            routes = ", ".join(one.route.value for one in hit)
            ids = list(dict.fromkeys(finding.id for one in hit for finding in one.because))
            return kind(
                t("The route {routes} {judgement}: {ids}.", routes=routes, judgement=judgement, ids=", ".join(ids)),
                code=code,
                hint=t("Read the findings; each says what to do. Those that are known can be acknowledged."),
                values={"routes": [one.route.value for one in hit], "findings": ids},
            )
    return None
