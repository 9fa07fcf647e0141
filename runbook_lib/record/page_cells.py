"""The executed notebook on the page of a record: its text, its outputs, and what each cell really did."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import NOTHING, t
from runbook_lib.model.untrusted import printable
from runbook_lib.record.cells import CellState, CellTruth
from runbook_lib.record.executed import ERROR_MARKER_TAG, OWN, Cleaned, plain_text
from runbook_lib.record.sanitize import safe_html
from runbook_lib.shown.findings import ShownFinding, without_those_shown

TEXT_LIMIT = 200_000
"""Characters of one plain-text output that the page shows; the notebook beside it holds everything."""


_EMPTY_HEADING = re.compile(r"<th(?: [^<>]*)?>\s*</th>")


@dataclass(frozen=True, slots=True)
class ShownOutput:
    """One output: how it looks, and what it is."""

    kind: str
    body: Markup


@dataclass(frozen=True, slots=True)
class ShownCell:
    """One cell as the template shows it: ``markdown`` for text, the rest for code."""

    markdown: Markup | None
    source: Markup
    tone: str
    state: str
    outputs: tuple[ShownOutput, ...]


def shown_cells(cleaned: Cleaned, outcome: Outcome, findings: Sequence[ShownFinding]) -> tuple[ShownCell, ...]:
    """The cells that are shown, in order.

    Args:
        cleaned: The executed notebook.
        outcome: How the run ended.
        findings: Those that stand elsewhere on the page.
    """
    return tuple(
        _code(cell, truth, outcome, findings) if truth else ShownCell(_text_cell(cell), Markup(), "", "", ())
        for cell, truth in zip(cleaned.notebook["cells"], cleaned.truths, strict=True)
        # The header of the page tells the error already, in words.
        if ERROR_MARKER_TAG not in cell["metadata"].get("tags", []) and cell["source"].strip()
    )


def _text_cell(cell: Mapping[str, Any]) -> Markup:
    if cell["cell_type"] == "raw":
        return Markup("<pre>{}</pre>").format(_preformatted(cell["source"]))
    return markdown_html(cell["source"])


class _Below(IPythonRenderer):
    """Headings of a notebook stand two levels below those of the page that it is part of."""

    def heading(self, text: str, level: int, **attributes: Any) -> str:
        """One heading."""
        return str(super().heading(text, min(level + 2, 6), **attributes))


def markdown_html(source: str) -> Markup:
    """Markdown as sanitised HTML, its headings below those of the page."""
    renderer = _Below(escape=False, exclude_anchor_links=True)
    # A table of Markdown has a heading row even where it says nothing; a screen reader would announce it as a heading.
    shown = _EMPTY_HEADING.sub("<td></td>", safe_html(str(MarkdownWithMath(renderer=renderer).render(source))))
    return Markup(shown)  # noqa: S704 - sanitised


def _code(cell: Mapping[str, Any], truth: CellTruth, outcome: Outcome, findings: Sequence[ShownFinding]) -> ShownCell:
    tone = {CellState.FAILED: "bad", CellState.BROKE_OFF: "bad", CellState.RAN: "good", CellState.UNTIMED: "good"}
    # What a cell that did not run would say is said in its summary already.
    outputs = [] if truth.state is CellState.NOT_RUN else [_output(output, findings) for output in cell["outputs"]]
    dropped = cell["metadata"].get(OWN, {}).get("dropped", [])
    if dropped:
        note = t("Not kept in the record, because it needs a live front end: {types}", types=", ".join(dropped))
        outputs.append(ShownOutput("note", escape(printable(note))))
    return ShownCell(
        None, _preformatted(cell["source"]), tone.get(truth.state, "waiting"), truth.text(outcome), tuple(outputs)
    )


def _output(output: Mapping[str, Any], findings: Sequence[ShownFinding]) -> ShownOutput:
    kind = output["output_type"]
    if kind == "stream":
        return ShownOutput("text", _preformatted(output["text"]))
    if kind == "error":
        text = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
        return ShownOutput("error", _preformatted(text))
    data = output["data"]
    if "text/html" in data:
        shown = without_those_shown(data["text/html"], findings)
        return ShownOutput("html", Markup(safe_html(shown)))  # noqa: S704 - sanitised
    if "image/png" in data:
        alternative = data.get("text/plain", "figure")
        picture = Markup('<img src="data:image/png;base64,{}" alt="{}">')
        return ShownOutput("html", picture.format(data["image/png"], printable(alternative, limit=200)))
    return ShownOutput("text", _preformatted(data.get("text/plain", "")))


def _preformatted(text: str) -> Markup:
    """Escaped text with its line breaks and tabs, without terminal colours, cut at ``TEXT_LIMIT``."""
    whole = plain_text(text).replace("\r\n", "\n").rstrip("\n")
    shown = "\n".join("\t".join(map(printable, line.split("\t"))) for line in whole[:TEXT_LIMIT].split("\n"))
    cut = NOTHING
    if len(whole) > TEXT_LIMIT:
        cut = t("\n… cut: {number} characters in all, see the notebook", number=len(whole))
    return escape(shown + cut)
