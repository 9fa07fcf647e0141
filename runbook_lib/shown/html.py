"""What a cell displays: tables, facts, bars, banners, findings, code and steps, as HTML strings."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.record.tables import rows

INK = "#1f2328"
QUIET = "#57606a"
PAPER = "#ffffff"
SHADE = "#f6f8fa"
LINE = "#d0d7de"
BAR = "#0969da"

BOX = f"color:{INK};background-color:{PAPER}"
TABLE = f"{BOX};border-collapse:collapse;font-size:13px;line-height:1.45;margin:4px 0 12px 0"
CAPTION = f"{BOX};caption-side:top;text-align:left;font-weight:600;padding:4px 10px"
HEAD = f"color:{INK};background-color:{SHADE};text-align:left;padding:5px 10px;border-bottom:2px solid {LINE}"
CELL = f"text-align:left;vertical-align:top;padding:4px 10px;border-bottom:1px solid {LINE}"
NUMBER = f"text-align:right;vertical-align:top;padding:4px 10px;border-bottom:1px solid {LINE}"
SCROLL = "overflow-x:auto;max-width:100%"

# Where JupyterLab's typesetter (MathJax's FindTeX) would begin or end a formula, drop a backslash or set a reference.
_MATH = re.compile(r"\$|\\(?=[$()\[\]\\]|(?:begin|eqref|ref)\s*\{)")

TITLE_LIMIT = 1000
"""Characters of a cut value that its tooltip still holds."""


def text_html(text: str) -> str:
    """Escaped text on one line; control and bidirectional characters are shown as ``\\u....``.

    Text beyond ASCII is isolated, so a right-to-left name cannot reorder its neighbours. JupyterLab typesets formulas
    in HTML too, with which a name could hide or draw what it likes; it finds them inside one element only, so what
    begins and ends them stands in elements of its own.
    """
    shown = _MATH.sub(r"<bdi>\g<0></bdi>", html.escape(printable(text)))
    return shown if shown.isascii() else f'<bdi dir="auto">{shown}</bdi>'


def cut_html(text: str, limit: int) -> str:
    """``text_html`` of at most ``limit`` characters; a cut value ends with an ellipsis and has the rest as tooltip."""
    if len(text) <= limit:
        return text_html(text)
    whole = html.escape(printable(text, limit=TITLE_LIMIT))
    return f'<span title="{whole}">{text_html(text[: limit - 1])}…</span>'


def lines_html(text: str) -> str:
    """Escaped text that keeps its line breaks and tabs, for preformatted blocks."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(html.escape(printable(part)) for part in line.split("\t")) for line in lines)


def counted(number: int, noun: str) -> str:
    """``1 group``, ``2 groups``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def number_text(value: float) -> str:
    """A number for people: whole numbers without a point, others with at most three decimals."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    return f"{value:.3f}".rstrip("0")


View = tuple[str, str]
"""What a cell shows: HTML, and a plain text for terminals."""
Kind = Literal["good", "attention", "bad", "neutral"]

CELL_LIMIT = 160
"""Characters of a table cell that are shown."""

# Word before the title where the title alone does not say it, text colour, background, edge.
_KINDS: dict[Kind, tuple[str, str, str, str]] = {
    "good": ("", "#0b4f1f", "#e6f6ea", "#1a7f37"),
    "attention": ("Attention: ", "#5c3b00", "#fff6dd", "#bf8700"),
    "bad": ("Problem: ", "#82071e", "#ffebe9", "#cf222e"),
    "neutral": ("", "#0a3069", "#eaf3ff", "#0969da"),
}
_SEVERITY_KINDS: dict[Severity, tuple[Kind, str]] = {
    Severity.INFO: ("neutral", "Information"),
    Severity.WARNING: ("attention", "Warning"),
    Severity.UNKNOWN: ("attention", "Unknown"),
    Severity.BLOCKING: ("bad", "Blocking"),
}


def table_html(frame: pd.DataFrame, *, caption: str, limit: int = 50, labels: Mapping[str, str] | None = None) -> str:
    """A table of at most ``limit`` rows whose caption says how many there are; the index is left out.

    Args:
        frame: Any table; missing values are empty cells, numbers right-aligned.
        caption: What the table shows.
        limit: Most rows to show.
        labels: Column name to heading; other columns keep their name.
    """
    total = len(frame)
    table = rows(frame.head(limit))
    names = [str(name) for name in next(table)]
    headings = [(labels or {}).get(name, name) for name in names]
    numeric = [pd.api.types.is_numeric_dtype(d) and not pd.api.types.is_bool_dtype(d) for d in frame.dtypes]
    head = "".join(
        f'<th scope="col" style="{HEAD}{";text-align:right" if right else ""}">{text_html(heading)}</th>'
        for heading, right in zip(headings, numeric, strict=True)
    )
    body = "".join(_row(row, numeric) for row in table)
    if not total:
        body = f'<tr style="{BOX}"><td style="{CELL};color:{QUIET}" colspan="{max(1, len(names))}">No rows.</td></tr>'
    noun = "row" if total == 1 else "rows"
    count = f"{total} {noun}" if total <= limit else f"showing {limit} of {total} rows"
    return _table(caption, count, f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>")


def facts_html(pairs: Sequence[tuple[str, object]], *, caption: str) -> str:
    """Two columns, name and value; None is shown as "not known", line breaks in a value are kept."""
    body = "".join(
        f'<tr style="{BOX}"><th scope="row" style="{CELL};font-weight:600">{text_html(name)}</th>'
        f'<td style="{CELL};overflow-wrap:anywhere">{_fact(value)}</td></tr>'
        for name, value in pairs
    )
    return _table(caption, "", f"<tbody>{body}</tbody>")


def bars_html(pairs: Sequence[tuple[str, int]], *, caption: str) -> str:
    """One bar per number, longest for the largest, the number itself beside it."""
    largest = max((count for _, count in pairs), default=0)
    body = "".join(
        f'<tr style="{BOX}"><th scope="row" style="{CELL};font-weight:400">{text_html(name)}</th>'
        f'<td style="{NUMBER}">{count}</td><td style="{CELL};width:240px">{_bar(count, largest)}</td></tr>'
        for name, count in pairs
    )
    return _table(caption, "", f"<tbody>{body}</tbody>")


def banner_html(kind: Kind, title: str, text: str = "") -> str:
    """One sentence that must be seen. A problem is also said as a word; else the title says what is so."""
    word, ink, ground, edge = _KINDS[kind]
    paragraph = f'<div style="margin-top:4px">{_broken(text)}</div>' if text else ""
    return (
        f'<div style="color:{ink};background-color:{ground};border-left:6px solid {edge};padding:10px 14px;'
        f'margin:6px 0 12px 0;font-size:14px;line-height:1.5"><strong>{word}{text_html(title)}</strong>'
        f"{paragraph}</div>"
    )


def findings_html(findings: Sequence[Finding], *, caption: str = "Findings") -> str:
    """Every finding with severity in words, what was seen, what was expected, why it matters and what to do."""
    if not findings:
        return banner_html("good", f"{caption}: none")
    ordered = sorted(findings, key=lambda f: -f.severity.rank)
    return f'<div style="{BOX};font-weight:600;padding:4px 0">{text_html(caption)} ({len(ordered)})</div>' + "".join(
        _finding(finding) for finding in ordered
    )


def code_html(text: str, caption: str) -> str:
    """Commands or file contents, as they are, to be copied."""
    return (
        f'<div style="{BOX};font-weight:600;padding:4px 0">{text_html(caption)}</div>'
        f'<pre style="color:{INK};background-color:{SHADE};border:1px solid {LINE};padding:10px 12px;'
        f'margin:0 0 12px 0;overflow-x:auto;font-size:13px;line-height:1.45">{lines_html(text)}</pre>'
    )


def steps_html(steps: Sequence[tuple[str, str]], *, caption: str = "Steps") -> str:
    """A numbered list of (title, detail); the detail may be empty."""
    items = "".join(
        f'<li style="margin:3px 0"><strong>{text_html(title)}</strong>'
        + (f'<span style="color:{QUIET}"> · {_broken(detail)}</span>' if detail else "")
        + "</li>"
        for title, detail in steps
    )
    return (
        f'<div style="{BOX};font-size:14px;line-height:1.5;padding:4px 0"><span style="font-weight:600">'
        f'{text_html(caption)}</span><ol style="margin:4px 0 12px 0;padding-left:28px">{items}</ol></div>'
    )


def _table(caption: str, count: str, inner: str) -> str:
    quiet = f'<span style="font-weight:400;color:{QUIET}"> · {count}</span>' if count else ""
    return (
        f'<div style="{SCROLL}"><table style="{TABLE}"><caption style="{CAPTION}">{text_html(caption)}{quiet}</caption>'
        f"{inner}</table></div>"
    )


def _row(values: Sequence[str | int | float | None], numeric: Sequence[bool]) -> Text:
    # The row itself needs colours: JupyterLab stripes rows in the theme's.
    cells = "".join(
        f'<td style="{NUMBER if right else CELL}">{_value(value)}</td>'
        for value, right in zip(values, numeric, strict=True)
    )
    return t('<tr style="{box}">{cells}</tr>', box=BOX, cells=cells)


def _value(value: str | float | None) -> str:
    if value is None:
        return ""
    return cut_html(value, CELL_LIMIT) if isinstance(value, str) else number_text(value)


def _fact(value: object) -> str:
    if value is None:
        return f'<span style="color:{QUIET}">not known</span>'
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _broken(str(value))


def _broken(text: str) -> str:
    """Escaped text whose line breaks become ``<br>``."""
    return "<br>".join(text_html(line) for line in text.splitlines())


def _bar(count: int, largest: int) -> str:
    percent = 0 if largest <= 0 or count <= 0 else max(1, round(100 * count / largest))
    # A table cell of text height with a coloured block; the number stands beside it for those who cannot see it.
    return (
        f'<div style="background-color:{SHADE};width:240px;height:14px">'
        f'<div style="background-color:{BAR};width:{percent}%;height:14px"></div></div>'
    )


def _finding(finding: Finding) -> str:
    kind, word = _SEVERITY_KINDS[finding.severity]
    _, ink, ground, edge = _KINDS[kind]
    lines = (
        ("Expected", finding.expected),
        ("Why it matters", finding.why),
        ("What to do", finding.to_do),
        ("Source", finding.source),
    )
    details = "".join(f"<div><strong>{label}:</strong> {_broken(text)}</div>" for label, text in lines if text)
    return (
        f'<div style="{BOX};border:1px solid {LINE};border-left:6px solid {edge};margin:6px 0;font-size:13px;'
        f'line-height:1.5"><div style="color:{ink};background-color:{ground};padding:6px 12px">'
        f"<strong>{word}:</strong> {_broken(finding.seen)}</div>"
        f'<div style="color:{INK};background-color:{PAPER};padding:6px 12px">{details}'
        f'<div style="color:{QUIET}">Identifier: {text_html(finding.id)}</div></div></div>'
    )
