"""How a finding looks: the same in a cell, in record.html and on a terminal."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from runbook_lib.model.finding import ASKED, Finding, Severity
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.shown.html import (
    BOX,
    INK,
    LINE,
    PAPER,
    QUIET,
    TONES,
    ToneName,
    banner_html,
    heading_html,
    text_html,
)
from runbook_lib.shown.layout import wrapped

WORDS: Mapping[Severity, Text] = {
    Severity.BLOCKING: t("Blocking"),
    Severity.UNKNOWN: t("Unknown"),
    Severity.WARNING: t("Warning"),
    Severity.INFO: t("Information"),
}
NOT_ASKED = t("Findings about routes that were not asked for")
"""What stands above those of a pre-flight."""
_KINDS: Mapping[Severity, ToneName] = {
    Severity.BLOCKING: "bad",
    Severity.UNKNOWN: "attention",
    Severity.WARNING: "attention",
    Severity.INFO: "neutral",
}
_LABELS = (
    ("expected", t("Expected")),
    ("why", t("Why it matters")),
    ("to_do", t("What to do")),
    ("source", t("Source")),
)
"""Fields of a finding with what stands before them, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """What is shown of a finding.

    Attributes:
        details: What was expected, why it matters, what to do and its source, each with the words before it; what
            is empty is left out.
        asked: Whether it is about what the run was asked for; a pre-flight also looks at other routes.
    """

    id: str
    severity: Severity
    seen: str
    details: tuple[tuple[Text, str], ...]
    asked: bool = True


def shown_finding(finding: Finding) -> ShownFinding:
    """A finding of a check."""
    return finding_in_record(finding.as_json())


def finding_in_record(item: Mapping[str, object]) -> ShownFinding:
    """A finding as record.json holds it; whatever else stands there is shown as text."""
    try:
        severity = Severity(item.get("severity"))
    except ValueError:
        severity = Severity.INFO
    said = ((label, str(item.get(key) or "")) for key, label in _LABELS)
    return ShownFinding(
        str(item.get("id") or ""),
        severity,
        str(item.get("seen") or ""),
        tuple(pair for pair in said if pair[1]),
        asked=is_asked_in_record(item),
    )


def is_asked_in_record(item: Mapping[str, object]) -> bool:
    """Whether a finding of record.json is about what the run was asked for."""
    values = item.get("values")
    return not (isinstance(values, Mapping) and values.get(ASKED) is False)


def finding_html(finding: ShownFinding) -> Markup:
    """One finding with its severity in a word, what was seen, what was expected, why it matters and what to do."""
    tone = TONES[_KINDS[finding.severity]]
    line = Markup("<div><strong>{}:</strong> {}</div>")
    return Markup(
        '<div style="{};border:1px solid {};border-left:6px solid {};margin:6px 0;font-size:13px;'
        'line-height:1.5;overflow-wrap:anywhere">'
        '<div style="color:{};background-color:{};padding:6px 12px"><strong>{}:</strong> {}</div>'
        '<div style="color:{};background-color:{};padding:6px 12px">{}<div style="color:{}">{} {}</div></div></div>'
    ).format(
        BOX,
        LINE,
        tone.edge,
        tone.ink,
        tone.ground,
        WORDS[finding.severity],
        text_html(finding.seen),
        INK,
        PAPER,
        Markup().join(line.format(label, text_html(said)) for label, said in finding.details),
        QUIET,
        t("Identifier:"),
        text_html(finding.id),
    )


def by_severity(findings: Iterable[ShownFinding]) -> list[ShownFinding]:
    """The gravest first, else in their order."""
    return sorted(findings, key=lambda finding: -finding.severity.rank)


def findings_html(findings: Sequence[Finding], *, caption: Text | None = None) -> Markup:
    """Every finding under a caption that counts them, the gravest first."""
    named = t("Findings") if caption is None else caption
    if not findings:
        return banner_html("good", t("{caption}: none", caption=named))
    heading = heading_html(t("{caption} ({number})", caption=named, number=len(findings)))
    return heading + Markup().join(map(finding_html, by_severity(map(shown_finding, findings))))


_BLOCK = re.compile(
    re.escape(f'<div style="{BOX};border:1px solid {LINE};border-left:6px solid ') + ".*?</div></div></div>", re.DOTALL
)
"""What ``finding_html`` writes, in a text of a cell."""


def without_those_shown(html: str, findings: Collection[ShownFinding]) -> str:
    """The HTML of a cell in which each of these findings is named instead of shown once more, whole.

    Args:
        html: What a cell displayed; not yet sanitised.
        findings: Those that stand elsewhere on the page.
    """
    known = {str(finding_html(finding)): finding for finding in findings}
    line = Markup("<div><strong>{}:</strong> {} {}</div>")

    def named(match: re.Match[str]) -> str:
        finding = known.get(match[0])
        if finding is None:
            return match[0]
        return str(line.format(WORDS[finding.severity], text_html(finding.id), t("(above, under Findings)")))

    return _BLOCK.sub(named, html)


def heading_lines(finding: ShownFinding, routes: str, width: int) -> Iterator[str]:
    """Severity, identifier and the routes that it matters to, as lines of a terminal.

    Args:
        finding: What was read is made printable here.
        routes: In words; may be empty.
        width: Columns.
    """
    heading = printable(finding.id) + (f"  ({routes})" if routes else "")
    yield from wrapped(heading, width, first=f"{WORDS[finding.severity].upper()}  ", later="    ")


def detail_lines(finding: ShownFinding, width: int) -> Iterator[str]:
    """What was seen and everything that follows from it, as lines of a terminal below ``heading_lines``."""
    for label, said in ((t("Seen"), finding.seen), *finding.details):
        yield from wrapped(f"{label}: {printable(said)}", width, first="  ", later="    ")
