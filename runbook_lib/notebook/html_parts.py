"""The smallest parts of our HTML: escaped text and inline styles.

JupyterLab strips ``<style>``, ``<script>`` and inline ``<svg>`` from a notebook that it does not trust, but keeps
``style`` attributes; so everything here is inline, and every box sets its text and background colour itself, because
a dark theme brings its own. Text colours reach a contrast of 4.5 to 1 on their background (WCAG 2.2, 1.4.3).
"""

from __future__ import annotations

import html
import re

from runbook_lib.model.untrusted import printable

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


def number_text(value: float) -> str:
    """A number for people: whole numbers without a point, others with at most three decimals."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    return f"{value:.3f}".rstrip("0")
