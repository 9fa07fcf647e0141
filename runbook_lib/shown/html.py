"""The pieces of what a cell or a page shows: tables, facts, bars, banners, code and steps, as HTML.

Every function takes text and gives ``Markup``: what was not escaped is a plain ``str``, and mypy finds it where it is
put among HTML. What people read (captions, headings, titles) is a ``Text``.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup

from runbook_lib.model.text import NOTHING, Text, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.record.tables import cell_value

INK = "#1f2328"
QUIET = "#57606a"
PAPER = "#ffffff"
SHADE = "#f6f8fa"
LINE = "#d0d7de"
BAR = "#0969da"

BOX = f"color:{INK};background-color:{PAPER}"
TABLE = f"{BOX};border-collapse:collapse;font-size:13px;line-height:1.45;margin:4px 0 12px 0"
CAPTION = f"{BOX};caption-side:top;text-align:left;font-weight:600;padding:4px 10px;overflow-wrap:anywhere"
HEAD = f"color:{INK};background-color:{SHADE};text-align:left;padding:5px 10px;border-bottom:2px solid {LINE}"
CELL = f"text-align:left;vertical-align:top;padding:4px 10px;border-bottom:1px solid {LINE};overflow-wrap:anywhere"
NUMBER = f"text-align:right;vertical-align:top;padding:4px 10px;border-bottom:1px solid {LINE}"
SCROLL = "overflow-x:auto;max-width:100%"
WIDE_CELL = f"{CELL};min-width:4.5em"
"""In a table of many columns: it scrolls to the side before a word in each line is all that is left of a cell."""

# Where JupyterLab's typesetter (MathJax's FindTeX) would begin or end a formula, drop a backslash or set a reference.
_MATH = re.compile(r"\$|\\(?=[$()\[\]\\]|(?:begin|eqref|ref)\s*\{)")

TITLE_LIMIT = 1000
"""Characters of a cut value that its tooltip still holds."""
CELL_LIMIT = 160
"""Characters of a table cell that are shown."""
_WIDE = 4
"""Columns from which on a table scrolls to the side in a narrow window; one with fewer wraps its words instead."""

CellValue: TypeAlias = str | int | float | None
"""What a table cell holds: text that is escaped and cut, ``Markup`` that is shown as it is, a number; None is empty."""
ToneName = Literal["good", "attention", "bad", "neutral"]


class View(NamedTuple):
    """What a cell shows."""

    html: Markup
    text: Text
    """The same in a sentence, for terminals."""


class Tone(NamedTuple):
    """How one kind of banner or finding looks."""

    word: Text
    """Before the title where the title alone does not say it."""
    ink: str
    ground: str
    edge: str


TONES: Mapping[ToneName, Tone] = {
    "good": Tone(NOTHING, "#0b4f1f", "#e6f6ea", "#1a7f37"),
    "attention": Tone(t("Attention: "), "#5c3b00", "#fff6dd", "#bf8700"),
    "bad": Tone(t("Problem: "), "#82071e", "#ffebe9", "#cf222e"),
    "neutral": Tone(NOTHING, "#0a3069", "#eaf3ff", "#0969da"),
}


def text_html(text: str) -> Markup:
    """Escaped text on one line; control and bidirectional characters are shown as ``\\u....``.

    Text beyond ASCII is isolated, so a right-to-left name cannot reorder its neighbours. JupyterLab typesets formulas
    in HTML too, with which a name could hide or draw what it likes; it finds them inside one element only, so what
    begins and ends them stands in elements of its own.
    """
    shown = _MATH.sub(r"<bdi>\g<0></bdi>", html.escape(printable(text)))
    return Markup(shown if shown.isascii() else f'<bdi dir="auto">{shown}</bdi>')  # noqa: S704 - escaped


def cut_html(text: str, limit: int) -> Markup:
    """``text_html`` of at most ``limit`` characters; a cut value ends with an ellipsis and has the rest as tooltip."""
    if len(text) <= limit:
        return text_html(text)
    whole = printable(text, limit=TITLE_LIMIT)
    return Markup('<span title="{}">{}…</span>').format(whole, text_html(text[: limit - 1]))


def lines_html(text: str) -> Markup:
    """Escaped text that keeps its line breaks and tabs, for preformatted blocks."""
    lines = text.replace("\r\n", "\n").split("\n")
    shown = "\n".join("\t".join(html.escape(printable(part)) for part in line.split("\t")) for line in lines)
    return Markup(shown)  # noqa: S704 - escaped


def broken_html(text: str) -> Markup:
    """Escaped text whose line breaks become ``<br>``."""
    return Markup("<br>").join(text_html(line) for line in text.splitlines())


def sentence_html(text: Text) -> Markup:
    """A sentence some of whose values are HTML already; its words and its other values are escaped."""
    values = {name: v if isinstance(v, Markup) else text_html(str(v)) for name, v in text.values.items()}
    return text_html(text.template).format_map(values)


def number_text(value: float) -> str:
    """A number for people: whole numbers without a point, others with at most three decimals."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    return f"{value:.3f}".rstrip("0")


def rows_html(
    headings: Sequence[Text], rows: Sequence[Sequence[CellValue]], *, caption: Text, limit: int = 50
) -> Markup:
    """A table of at most ``limit`` rows whose caption says how many there are.

    Args:
        headings: One for each column.
        rows: Values of each row, in the order of the headings; a column that holds numbers alone is right-aligned.
        caption: What the table shows.
        limit: Most rows to show.
    """
    numeric = [_numeric(row[column] for row in rows) for column in range(len(headings))]
    return _shown_rows(headings, rows[:limit], numeric, caption, total=len(rows), limit=limit)


def table_html(
    frame: pd.DataFrame, *, caption: Text, limit: int = 50, labels: Mapping[str, Text] | None = None
) -> Markup:
    """``rows_html`` of a data frame; its index is left out.

    Args:
        frame: Any table; missing values are empty cells, numbers right-aligned.
        caption: What the table shows.
        limit: Most rows to show.
        labels: Column name to heading; other columns keep their name.
    """
    headings = [(labels or {}).get(str(name), verbatim(str(name))) for name in frame.columns]
    numeric = [pd.api.types.is_numeric_dtype(d) and not pd.api.types.is_bool_dtype(d) for d in frame.dtypes]
    shown = frame.head(limit)
    columns = [map(cell_value, shown.iloc[:, place].tolist()) for place in range(shown.shape[1])]
    return _shown_rows(headings, list(zip(*columns, strict=True)), numeric, caption, total=len(frame), limit=limit)


def facts_html(pairs: Sequence[tuple[Text, object]], *, caption: Text) -> Markup:
    """Two columns, name and value: None is "not known", a text keeps its line breaks, Markup stays as it is."""
    row = Markup('<tr style="{}"><th scope="row" style="{};font-weight:600">{}</th><td style="{}">{}</td></tr>')
    body = Markup().join(row.format(BOX, CELL, text_html(name), CELL, _fact(value)) for name, value in pairs)
    return _table(caption, NOTHING, Markup("<tbody>{}</tbody>").format(body))


def bars_html(pairs: Sequence[tuple[str, int]], *, caption: Text) -> Markup:
    """One bar per number, longest for the largest, the number itself beside it."""
    largest = max((count for _, count in pairs), default=0)
    row = Markup(
        '<tr style="{}"><th scope="row" style="{};font-weight:400">{}</th>'
        '<td style="{}">{}</td><td style="{};width:50%">{}</td></tr>'
    )
    body = Markup().join(
        row.format(BOX, CELL, text_html(name), NUMBER, count, CELL, _bar(count, largest)) for name, count in pairs
    )
    return _table(caption, NOTHING, Markup("<tbody>{}</tbody>").format(body))


def banner_html(kind: ToneName, title: Text | Markup, text: Text = NOTHING) -> Markup:
    """One sentence that must be seen. A problem is also said as a word; else the title says what is so."""
    tone = TONES[kind]
    paragraph = Markup('<div style="margin-top:4px">{}</div>').format(broken_html(text)) if text else Markup()
    return Markup(
        '<div style="color:{};background-color:{};border-left:6px solid {};padding:10px 14px;'
        'margin:6px 0 12px 0;font-size:14px;line-height:1.5;overflow-wrap:anywhere"><strong>{}{}</strong>{}</div>'
    ).format(
        tone.ink,
        tone.ground,
        tone.edge,
        tone.word,
        title if isinstance(title, Markup) else text_html(title),
        paragraph,
    )


def folded_html(summary: Text, inner: Markup) -> Markup:
    """What is one click away, under a line that says what it is; it needs no script, and stays in records."""
    style = "font-size:14px;line-height:1.6;overflow-wrap:anywhere"
    return Markup('<details style="margin:4px 0 12px 0"><summary style="{}">{}</summary>{}</details>').format(
        style, text_html(summary), inner
    )


def link_html(text: Text, address: str) -> Markup:
    """A link to a file beside the notebook, which JupyterLab opens; a record keeps its words alone.

    Args:
        text: What is shown.
        address: Relative, with ``/``; it is encoded here.
    """
    return Markup('<a href="{}">{}</a>').format(quote(address), text_html(text))


def section_link_html(text: Text, address: str, heading: str) -> Markup:
    """A link to a heading of a notebook, in the colour of the words around it.

    Args:
        text: What is shown.
        address: Of the notebook, as for ``link_html``: with the heading alone JupyterLab's notebook would not scroll.
        heading: Words of the heading; JupyterLab puts a hyphen in the place of each space.
    """
    style, section = "color:inherit;text-decoration:underline", quote(heading.replace(" ", "-"))
    return Markup('<a style="{}" href="{}#{}">{}</a>').format(style, quote(address), section, text_html(text))


def heading_html(caption: Text) -> Markup:
    """What stands above something that has no caption of its own."""
    return Markup('<div style="{};font-weight:600;padding:4px 0;overflow-wrap:anywhere">{}</div>').format(
        BOX, text_html(caption)
    )


def code_html(text: str, caption: Text) -> Markup:
    """Commands or file contents, as they are, to be copied."""
    block = Markup(
        '<pre style="color:{};background-color:{};border:1px solid {};padding:10px 12px;'
        'margin:0 0 12px 0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px;line-height:1.45">{}</pre>'
    )
    return heading_html(caption) + block.format(INK, SHADE, LINE, lines_html(text))


def line_html(text: str) -> Markup:
    """One line among what a cell shows: progress, or how a sign-in ended."""
    return Markup('<p style="margin:2px 0;overflow-wrap:anywhere">{}</p>').format(text_html(text))


def _numeric(values: Iterable[CellValue]) -> bool:
    """Whether a column holds numbers, and nothing but numbers and empty cells."""
    kinds = {type(value) for value in values if value is not None}
    return bool(kinds) and kinds <= {int, float}


def _shown_rows(
    headings: Sequence[Text],
    rows: Sequence[Sequence[CellValue]],
    numeric: Sequence[bool],
    caption: Text,
    *,
    total: int,
    limit: int,
) -> Markup:
    head = Markup().join(
        Markup('<th scope="col" style="{}{}">{}</th>').format(
            HEAD, ";text-align:right" if right else "", text_html(heading)
        )
        for heading, right in zip(headings, numeric, strict=True)
    )
    wide = len(headings) >= _WIDE
    body = Markup().join(_row(row, numeric, WIDE_CELL if wide else CELL) for row in rows)
    if not total:
        empty = Markup('<tr style="{}"><td style="{};color:{}" colspan="{}">{}</td></tr>')
        body = empty.format(BOX, CELL, QUIET, max(1, len(headings)), t("No rows."))
    if total > limit:
        count = t("showing {limit} of {total} rows", limit=limit, total=total)
    else:
        count = t("1 row") if total == 1 else t("{total} rows", total=total)
    inner = Markup("<thead><tr>{}</tr></thead><tbody>{}</tbody>").format(head, body)
    return _table(caption, count, inner, scrolls=wide)


def _table(caption: Text, count: Text, inner: Markup, *, scrolls: bool = False) -> Markup:
    quiet = Markup('<span style="font-weight:400;color:{}"> · {}</span>').format(QUIET, count) if count else Markup()
    # A keyboard scrolls what has the focus (axe-core: scrollable-region-focusable).
    focus = Markup(' tabindex="0"') if scrolls else Markup()
    return Markup('<div style="{}"{}><table style="{}"><caption style="{}">{}{}</caption>{}</table></div>').format(
        SCROLL, focus, TABLE, CAPTION, text_html(caption), quiet, inner
    )


def _row(values: Sequence[CellValue], numeric: Sequence[bool], cell: str) -> Markup:
    # Thousands of cells: joined as they are, because each value is escaped and each style is ours.
    cells = "".join(
        f'<td style="{NUMBER if right else cell}">{_value(value)}</td>'
        for value, right in zip(values, numeric, strict=True)
    )
    # The row itself needs colours: JupyterLab stripes rows in the theme's.
    return Markup(f'<tr style="{BOX}">{cells}</tr>')  # noqa: S704 - escaped by _value


def _value(value: CellValue) -> Markup:
    """A table's cell, escaped."""
    if value is None or isinstance(value, Markup):
        return value or Markup()
    return cut_html(value, CELL_LIMIT) if isinstance(value, str) else text_html(number_text(value))


def _fact(value: object) -> Markup:
    if isinstance(value, Markup):
        return value
    if value is None:
        return Markup('<span style="color:{}">{}</span>').format(QUIET, t("not known"))
    if isinstance(value, bool):
        return text_html(yes_or_no(value))
    return broken_html(str(value))


def yes_or_no(value: bool) -> Text:
    """A truth value in a word."""
    return t("yes") if value else t("no")


def _bar(count: int, largest: int) -> Markup:
    percent = 0 if largest <= 0 or count <= 0 else max(1, round(100 * count / largest))
    # A table cell of text height with a coloured block; the number stands beside it for those who cannot see it.
    return Markup(
        '<div style="background-color:{};height:14px">'
        '<div style="background-color:{};width:{}%;height:14px"></div></div>'
    ).format(SHADE, BAR, percent)
