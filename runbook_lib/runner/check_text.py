"""An assessment as lines for a terminal. Nothing is escaped here: whoever prints a line does that."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.readiness.assess import Assessment
from runbook_lib.readiness.evidence import TITLES
from runbook_lib.readiness.hand_off import DNS
from runbook_lib.readiness.verdict import RouteVerdict
from runbook_lib.text import printable

_WIDTH = 100
_WORDS = {
    Severity.BLOCKING: "BLOCKING",
    Severity.UNKNOWN: "UNKNOWN",
    Severity.WARNING: "WARNING",
    Severity.INFO: "INFORMATION",
}


def lines(assessment: Assessment, judged: Sequence[str]) -> Iterator[str]:
    """Verdicts first, then findings by severity, then what could not be read."""
    at = assessment.evidence.at
    yield f"Pre-flight, {at:%Y-%m-%d %H:%M} UTC"
    yield ""
    yield from _verdicts(assessment.verdicts, judged)
    for finding in assessment.findings:
        yield ""
        yield from _finding(assessment, finding)
    offers = len(assessment.hand_offs)
    if offers:
        yield ""
        yield f"Hand-offs for others: {offers}. gwb check with --hand-offs prints them."
    unreadable = assessment.evidence.all_unreadable
    if unreadable:
        yield ""
        yield "Not read:"
        yield from (f"  {TITLES[part.part]}" for part in unreadable)


def hand_off_lines(assessment: Assessment) -> Iterator[str]:
    """What others have to do, to be copied."""
    for offer in assessment.hand_offs:
        # Both PowerShell and zone files get a comment that says what follows.
        sign = ";" if offer.where == DNS else "#"
        yield f"{sign} {offer.title} ({offer.finding}), in: {offer.where}"
        yield from offer.text.splitlines()
        yield ""


def _verdicts(verdicts: Sequence[RouteVerdict], judged: Sequence[str]) -> Iterator[str]:
    rows = [
        (
            one.route.value + (" *" if one.route.value in judged else ""),
            one.verdict.title,
            ", ".join(finding.id for finding in one.because[:3])
            + (f" and {len(one.because) - 3} more" if len(one.because) > 3 else ""),
        )
        for one in verdicts
    ]
    headings = ("Route", "Verdict", "Because of")
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in (0, 1)]
    for row in (headings, *rows):
        yield f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip()
    yield "* decides the exit code"


def _finding(assessment: Assessment, finding: Finding) -> Iterator[str]:
    routes = ", ".join(f"{route.value}: {s.value}" for route, s in assessment.routes_of(finding.id).items())
    yield f"{_WORDS[finding.severity]}  {finding.id}" + (f"  ({routes})" if routes else "")
    for label, text in (
        ("Seen", finding.seen),
        ("Expected", finding.expected),
        ("Why", finding.why),
        ("What to do", finding.to_do),
        ("Source", finding.source),
    ):
        if text:
            yield from textwrap.wrap(
                f"{label}: {printable(text)}",
                _WIDTH,
                initial_indent="  ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
