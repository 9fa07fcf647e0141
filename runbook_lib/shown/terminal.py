"""A pre-flight as lines for a terminal. What was read is made printable here; whoever shows a line adds colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.text import first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Assessment
from runbook_lib.preflight.hand_off import DNS_CONSOLE
from runbook_lib.preflight.verdict import RouteVerdict, Verdict
from runbook_lib.shown.findings import detail_lines, heading_lines, shown_finding
from runbook_lib.shown.layout import columns, wrapped

_OF_VERDICT = {
    Verdict.NOT_READY: Severity.BLOCKING,
    Verdict.UNKNOWN: Severity.UNKNOWN,
    Verdict.WARNINGS: Severity.WARNING,
}


@dataclass(frozen=True, slots=True)
class TerminalLine:
    """One line. ``severity`` is what its text says in words as well; colour only repeats it."""

    text: str
    severity: Severity | None = None


def lines(
    assessment: Assessment, judged: Sequence[str], width: int = 100, least: Severity = Severity.INFO
) -> Iterator[TerminalLine]:
    """Verdicts, findings about the routes that were asked for, then, by name, what concerns the others alone.

    Args:
        assessment: The pre-flight.
        judged: Routes that decide the exit code.
        width: Columns of the terminal.
        least: Findings below this severity are counted, not shown.
    """
    at = assessment.evidence.at
    yield TerminalLine(t("Pre-flight, {at}", at=to_the_minute(at)))
    yield TerminalLine("")
    asked_first = sorted(assessment.verdicts, key=lambda one: one.route.value not in judged)
    yield from _verdicts(asked_first, judged, width)
    shown = [finding for finding in assessment.findings if finding.severity.rank >= least.rank]
    asked = [finding for finding in shown if assessment.is_asked(finding.id)]
    others = [finding for finding in shown if not assessment.is_asked(finding.id)]
    for finding in asked:
        yield TerminalLine("")
        yield from _finding(assessment, finding, width)
    offers = len(assessment.hand_offs)
    if offers:
        yield TerminalLine("")
        text = t("Hand-offs for others: {offers}. gwb check with --hand-offs prints them.", offers=offers)
        yield from map(TerminalLine, wrapped(text, width, later="  "))
    if others:
        routes = ", ".join(one.route.value for one in assessment.verdicts if one.route not in assessment.judged)
        yield TerminalLine("")
        yield TerminalLine(t("Routes that were not asked for ({routes}):", routes=routes))
        for finding in others:
            yield from _heading(assessment, finding, width)
        text = t("gwb check --route ROUTE shows what they mean and what to do.")
        yield from map(TerminalLine, wrapped(text, width, later="  "))
    if milder := len(assessment.findings) - len(shown):
        yield TerminalLine("")
        text = t("Findings that are milder than {severity}: {number}.", severity=least.value, number=milder)
        yield from map(TerminalLine, wrapped(text, width, later="  "))


def hand_off_lines(assessment: Assessment) -> Iterator[TerminalLine]:
    """What others have to do, to be copied: never broken."""
    for offer in assessment.hand_offs:
        # Both PowerShell and zone files get a comment that says what follows.
        sign = ";" if offer.where == DNS_CONSOLE else "#"
        yield TerminalLine(printable(f"{sign} {offer.title} ({offer.finding}), in: {offer.where}"))
        yield from (TerminalLine(printable(line)) for line in offer.text.splitlines())
        yield TerminalLine("")


def _verdicts(verdicts: Sequence[RouteVerdict], judged: Sequence[str], width: int) -> Iterator[TerminalLine]:
    rows = [
        (
            one.route.value + (" *" if one.route.value in judged else ""),
            one.verdict.title,
            first_of([printable(finding.id) for finding in one.because], 3),
            _OF_VERDICT.get(one.verdict) if one.route.value in judged else None,
        )
        for one in verdicts
    ]
    table = [(t("Route"), t("Verdict"), t("Because of"), None), *rows]
    first_width, second_width = (max(columns(cell) for cell in cells) for cells in list(zip(*table, strict=True))[:2])
    for route, verdict, because, severity in table:
        begin = f"{route:<{first_width}}  {verdict:<{second_width}}  "
        if columns(begin) > width // 2:
            # A narrow terminal: the reasons below, where each name stays whole.
            yield TerminalLine(begin.rstrip(), severity)
            yield from map(TerminalLine, wrapped(because, width, first="    ", later="    ") if because else ())
            continue
        first, *rest = wrapped(because, width, first=begin, later=" " * columns(begin))
        yield TerminalLine(first, severity)
        yield from map(TerminalLine, rest)
    yield TerminalLine(t("* decides the exit code"))


def _finding(assessment: Assessment, finding: Finding, width: int) -> Iterator[TerminalLine]:
    yield from _heading(assessment, finding, width)
    yield from map(TerminalLine, detail_lines(shown_finding(finding), width))


def _heading(assessment: Assessment, finding: Finding, width: int) -> Iterator[TerminalLine]:
    routes = ", ".join(f"{route.value}: {s.value}" for route, s in assessment.routes_of(finding.id).items())
    for text in heading_lines(shown_finding(finding), routes, width):
        yield TerminalLine(text, finding.severity)
