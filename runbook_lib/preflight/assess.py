"""Run the checks: evidence in, findings and verdicts out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import ASKED, Finding, Severity
from runbook_lib.model.moment import iso_exact
from runbook_lib.model.reading import Part
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text
from runbook_lib.parameters.check_change import with_acknowledgements
from runbook_lib.preflight.evidence import Cause, Evidence, causes
from runbook_lib.preflight.hand_off import IN_SHELL, HandOffText, hand_offs
from runbook_lib.preflight.parts import EXCHANGE_DETECTION, EXCHANGE_FACTS
from runbook_lib.preflight.tenant_facts import tenant_facts
from runbook_lib.preflight.verdict import RouteVerdict, Verdict, verdict_on

JUDGED_ROUTES = (Route.DIRECT, Route.CLOUD_SYNC, Route.CONNECT_SYNC)
"""The routes that a verdict is given for."""


@dataclass(frozen=True, slots=True)
class NothingToCheck:
    """What a check yields that had nothing to look at: it is neither fine nor wrong. ``why`` is one sentence."""

    why: Text


Answers = Iterator[Finding | NothingToCheck]
"""What a check yields."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question.

    Attributes:
        id: Stable name with hyphens; findings usually begin with it.
        title: What is fine when the check looked and found nothing, in a few words: "The servers' release is
            supported".
        needs: The parts without which the question cannot be answered.
        routes: For each route that it matters to, how much it can matter there. A finding counts on a route with its
            own severity or with this one, whichever is less; so does a part that could not be read.
        run: From evidence, whose needed parts are all readable, to findings. Pure: no network, no clock. Where what it
            is about was not seen, it yields the finding that says so, or ``NothingToCheck`` where there is nothing.
        instead: Whether another source answers where a part of ``needs`` has no value: the check runs all the same
            then, and takes such a part by ``Evidence.get``.
    """

    id: str
    title: Text
    needs: tuple[Part[Any, Any], ...]
    routes: Mapping[Route, Severity]
    run: Callable[[Evidence], Answers]
    instead: Callable[[Evidence], bool] | None = None

    def severity_on(self, route: Route, severity: Severity) -> Severity | None:
        """How much a finding of ``severity`` matters on ``route``; None where the check does not matter to it."""
        limit = self.routes.get(route)
        return None if limit is None else min(severity, limit, key=lambda item: item.rank)


def on(
    *, direct: Severity | None = None, cloud_sync: Severity | None = None, connect_sync: Severity | None = None
) -> dict[Route, Severity]:
    """``Check.routes`` in one line; a route that is left out is one that the check does not matter to."""
    given = ((Route.DIRECT, direct), (Route.CLOUD_SYNC, cloud_sync), (Route.CONNECT_SYNC, connect_sync))
    return {route: severity for route, severity in given if severity is not None}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found.

    Attributes:
        because: Why it was not run: the reasons for which parts that it needs could not be read.
        nothing: Why it had nothing to look at; empty where it looked.
    """

    check: Check
    findings: tuple[Finding, ...]
    because: tuple[Cause, ...] = ()
    nothing: Text = NOTHING

    @property
    def state(self) -> str:
        """``fine`` where it looked and found nothing, ``nothing-to-check``, or the most severe finding in one word."""
        if not self.findings:
            return "nothing-to-check" if self.nothing else "fine"
        return max((finding.severity for finding in self.findings), key=lambda severity: severity.rank).value


def by_route(results: Sequence[CheckResult], routes: Sequence[Route]) -> dict[str, dict[Route, Finding]]:
    """How much each finding matters on each of ``routes``: its id to route to the finding with its severity there.

    A finding that several checks yield has its gravest severity. It has no entry for a route that it does not matter
    to, and none at all where it matters to none of them.
    """
    found: dict[str, dict[Route, Finding]] = {}
    for result in results:
        for finding in result.findings:
            for route in routes:
                severity = result.check.severity_on(route, finding.severity)
                if severity is None:
                    continue
                on_routes = found.setdefault(finding.id, {})
                if route not in on_routes or on_routes[route].severity.rank < severity.rank:
                    on_routes[route] = replace(finding, severity=severity)
    return found


@dataclass(frozen=True)
class Assessment:
    """The answer to "is everything in place?".

    Attributes:
        evidence: What was read.
        results: What each check found.
        verdicts: One for each route, those that were asked for first.
        beside: Findings about the reading itself, which matter to no route.
        judged: The routes that were asked for.
    """

    evidence: Evidence
    results: tuple[CheckResult, ...]
    verdicts: tuple[RouteVerdict, ...]
    beside: tuple[Finding, ...] = ()
    judged: tuple[Route, ...] = JUDGED_ROUTES

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding once: those about the routes that were asked for, then the others; the most severe first.

        The severity is the highest on the routes that were asked for; of the others, the highest on any route.
        """
        mine = self._highest(self.judged)
        asked = [
            mine.get(finding.id, finding) if self.is_asked(finding.id) else finding for finding in self._worst.values()
        ]
        return tuple(sorted(asked, key=lambda finding: (not self.is_asked(finding.id), -finding.severity.rank)))

    def _highest(self, routes: Sequence[Route]) -> dict[str, Finding]:
        """Finding id to the finding with the highest severity that it has on one of the routes."""
        found = {finding.id: finding for finding in self.beside}
        for id_, on_routes in by_route(self.results, routes).items():
            worst = max(on_routes.values(), key=lambda finding: finding.severity.rank)
            if id_ not in found or found[id_].severity.rank < worst.severity.rank:
                found[id_] = worst
        return found

    @cached_property
    def _worst(self) -> dict[str, Finding]:
        return self._highest(JUDGED_ROUTES)

    @cached_property
    def _by_route(self) -> dict[str, dict[Route, Finding]]:
        return by_route(self.results, JUDGED_ROUTES)

    def is_asked(self, finding_id: str) -> bool:
        """Whether a finding is about a route that was asked for: it counts there, or counts nowhere for more."""
        routes = self.routes_of(finding_id)
        if not routes:
            return True
        here = max((s.rank for route, s in routes.items() if route in self.judged), default=-1)
        return here > Severity.INFO.rank or here == max(severity.rank for severity in routes.values())

    @cached_property
    def recorded(self) -> tuple[Finding, ...]:
        """``findings`` for a record: ``values`` of one about routes that nobody asked for say so (``ASKED``)."""
        return tuple(
            finding if self.is_asked(finding.id) else replace(finding, values={**finding.values, ASKED: False})
            for finding in self.findings
        )

    def routes_of(self, finding_id: str) -> Mapping[Route, Severity]:
        """Route to severity of a finding, for the routes that it matters to."""
        return {route: finding.severity for route, finding in self._by_route.get(finding_id, {}).items()}

    def verdict(self, route: Route) -> Verdict:
        """The verdict on a route."""
        return next(one.verdict for one in self.verdicts if one.route is route)

    @cached_property
    def hand_offs(self) -> tuple[HandOffText, ...]:
        """What others have to do about the findings that matter to a route, as text to copy."""
        worst = [self._worst[finding.id] for finding in self.findings]
        offers = hand_offs(finding for finding in worst if finding.severity is not Severity.INFO)
        read = self.evidence.get(EXCHANGE_FACTS)
        without_shell = read is not None and read.tools.shell is Switch.OFF
        # Exchange 2000 and 2003 have no shell that such lines could be pasted into.
        return tuple(offer for offer in offers if not (without_shell and offer.where in IN_SHELL))

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Why parts could not be read, each reason once."""
        return causes(self.evidence)

    def as_json(self) -> dict[str, object]:
        """JSON form, for ``gwb check --json``."""
        detection, facts = self.evidence.get(EXCHANGE_DETECTION), tenant_facts(self.evidence)
        return {
            "at": iso_exact(self.evidence.at),
            "verdicts": {
                one.route.value: {"verdict": one.verdict.value, "because": [f.id for f in one.because]}
                for one in self.verdicts
            },
            "findings": [
                {
                    **f.as_json(),
                    "routes": {r.value: s.value for r, s in self.routes_of(f.id).items()},
                    "asked": self.is_asked(f.id),
                }
                for f in self.findings
            ],
            "exchange": None if detection is None else detection.as_json(),
            "tenant": None if facts is None else [row._asdict() for row in facts],
            "hand_offs": [offer.as_json() for offer in self.hand_offs],
            "checks": [
                {
                    "id": result.check.id,
                    "title": result.check.title,
                    "state": result.state,
                    "not_checked_because_of": [cause.id for cause in result.because],
                    "nothing_to_check": result.nothing,
                }
                for result in self.results
            ],
            "unreadable": [
                {"part": part.part, "why": part.sentence, "code": part.code, "finding": cause.id}
                for cause in self.causes
                for part in cause.parts
            ],
        }


def assess(
    evidence: Evidence,
    checks: Sequence[Check],
    *,
    beside: Sequence[Finding] = (),
    judged: Sequence[str] | None = None,
) -> Assessment:
    """Run every check whose parts are readable; the others are unknown, each because of its own parts only.

    Args:
        evidence: What was read.
        checks: The questions.
        beside: Findings about the reading itself, such as a sign-in that could not be kept.
        judged: Names of the routes that were asked for; the parameter ``check_routes`` where left out.
    """
    asked = tuple(Route(name) for name in (evidence.parameters.check_routes if judged is None else judged))
    reasons = {part.part: cause for cause in causes(evidence) for part in cause.parts}
    results = tuple(_result(check, evidence, reasons) for check in checks)
    verdicts = tuple(
        verdict_on(route, [finding for found in by_route(results, (route,)).values() for finding in found.values()])
        for route in sorted(JUDGED_ROUTES, key=lambda route: route not in asked)
    )
    return Assessment(evidence, results, verdicts, tuple(beside), asked)


def _result(check: Check, evidence: Evidence, reasons: Mapping[str, Cause]) -> CheckResult:
    missing = (reason for part in check.needs if (reason := evidence.unreadable(part)) is not None)
    because = tuple(dict.fromkeys(reasons[reason.part] for reason in missing))
    nothing = NOTHING
    if because and check.instead is not None and check.instead(evidence):
        because = ()
    if because:
        found = [cause.as_finding() for cause in because]
    else:
        answers = list(check.run(evidence))
        found = [one for one in answers if isinstance(one, Finding)]
        nothing = next((one.why for one in answers if isinstance(one, NothingToCheck)), NOTHING)
    findings = with_acknowledgements(found, evidence.parameters, evidence.at.date())
    return CheckResult(check, findings, because, nothing)
