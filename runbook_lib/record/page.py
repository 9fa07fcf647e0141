"""``record.html``: one file that a change board, an auditor or a colleague opens offline, years later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from runbook_lib.files import described
from runbook_lib.model.moment import moment_in, to_the_second
from runbook_lib.model.outcome import Outcome, ending_of_facts
from runbook_lib.model.text import NOTHING, Text, t, verbatim
from runbook_lib.model.untrusted import printable, typed
from runbook_lib.record.cells import CellState, CellTruth
from runbook_lib.record.checksums import checking_steps
from runbook_lib.record.executed import ERROR_MARKER_TAG, OWN, Cleaned, plain_text
from runbook_lib.record.sanitize import safe_html
from runbook_lib.shown.findings import ShownFinding, by_severity, finding_html, finding_in_record, without_those_shown
from runbook_lib.shown.html import rows_html, text_html, yes_or_no
from runbook_lib.shown.plan import MEMBER_NUMBERS, plan_in_short_html
from runbook_lib.signing.keys import ShownKey

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The one environment; templates are read from this package."""
    made = Environment(
        loader=PackageLoader("runbook_lib.record", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["moment"] = moment_text
    made.filters["size"] = size
    made.globals["policy"] = CONTENT_SECURITY_POLICY
    return made


def _finalize(value: object) -> object:
    """Every value that a template writes passes here before it is escaped."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return t("not known")
    if isinstance(value, bool):
        return yes_or_no(value)
    return printable(value) if isinstance(value, str) else printable(str(value))


def moment_text(value: object) -> Text:
    """A time of record.json for people; what is none as it is."""
    return t("not known") if value is None else verbatim(to_the_second(str(value)))


def size(count: int) -> str:
    """Bytes for people."""
    if count < 10_000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} kB" if count < 10_000_000 else f"{count / 1_000_000:.1f} MB"


TEXT_LIMIT = 200_000
"""Characters of one plain-text output that the page shows; the notebook beside it holds everything."""

OUTCOME_TONES = {
    Outcome.DONE: "good",
    Outcome.NOTHING_TO_DO: "good",
    Outcome.AWAITING_APPROVAL: "waiting",
    Outcome.AWAITING_HANDOFF: "waiting",
    Outcome.REFUSED: "waiting",
}


@dataclass(frozen=True, slots=True)
class _Output:
    kind: str
    body: Markup


@dataclass(frozen=True, slots=True)
class _Cell:
    """One cell as the template shows it: ``markdown`` for text, the rest for code."""

    markdown: Markup | None
    source: Markup
    tone: str
    state: str
    outputs: tuple[_Output, ...]


def record_html(
    facts: Mapping[str, Any],
    cleaned: Cleaned | None,
    *,
    files: Sequence[Mapping[str, Any]],
    sealed_at: str,
    place: str,
    previous: bool = False,
    signed_by: ShownKey | None = None,
) -> str:
    """The page.

    Args:
        facts: What record.json holds.
        cleaned: The executed notebook, or None if there is none.
        files: ``{"path", "bytes", "sha256"}`` of every other file of the record.
        sealed_at: ISO 8601.
        place: The record's folder as people write it, ``records/<change id>/<run id>``.
        previous: Whether a run of the same change was sealed before.
        signed_by: The key that signs the manifest; None: nothing does.
    """
    outcome = Outcome(facts["outcome"])
    findings = [finding_in_record(item) for item in facts["findings"] if isinstance(item, Mapping)]
    return (
        environment()
        .get_template("record.html.j2")
        .render(
            facts=facts,
            outcome=outcome,
            tone=OUTCOME_TONES.get(outcome, "bad"),
            ending=ending_of_facts(outcome, facts.get("error")),
            seconds=_seconds(facts.get("started"), facts.get("ended")),
            findings=[finding_html(finding) for finding in by_severity(findings)],
            plan=_plan(facts["plan"], facts.get("approval")) if isinstance(facts.get("plan"), Mapping) else Markup(),
            members=_members(facts["plan"]) if isinstance(facts.get("plan"), Mapping) else Markup(),
            cells=_cells(cleaned, outcome, findings) if cleaned else (),
            has_notebook=cleaned is not None,
            files=[{**entry, "description": described(str(entry["path"]))} for entry in files],
            sealed_at=sealed_at,
            place=typed(place),
            checking=checking_steps(previous=previous, signed_by=signed_by),
            key_id=signed_by.key_id if signed_by else "",
            tree=_tree,
        )
    )


def _seconds(started: object, ended: object) -> float | None:
    begin, end = moment_in(started), moment_in(ended)
    if begin is None or end is None:
        return None
    seconds = (end - begin).total_seconds()
    # A clock that was set back in between measures nothing.
    return seconds if seconds >= 0 else None


def _plan(plan: Mapping[str, Any], approval: object) -> Markup:
    """The plan in short, what else record.json says of it, and the approval."""
    shown = ("operation", "route", "digest", "phrase", "groups", "members", "counts")
    more: list[tuple[Text, object]] = [
        (verbatim(str(key).replace("_", " ")), _tree(value)) for key, value in plan.items() if key not in shown
    ]
    return plan_in_short_html(plan, [*more, (t("Approval"), _tree(approval) if approval else t("none"))])


def _members(plan: Mapping[str, Any]) -> Markup:
    """How many members each planned group has on both sides, and who is left out; empty where none are planned."""
    keys = ("in_cloud", "already", "added", "removed", "left_out")
    rows = [
        (
            text_html(str(item.get("group"))),
            *(_number(item.get(key)) for key in keys),
            Markup("<br>").join(text_html(str(line)) for line in item.get("who") or (t("nobody"),)),
        )
        for item in plan.get("members") or ()
        if isinstance(item, Mapping)
    ]
    headings = (*MEMBER_NUMBERS, t("Who is left out, and why"))
    return rows_html(headings, rows, caption=t("Members of each group"), limit=len(rows)) if rows else Markup()


def _number(value: object) -> int | str | None:
    return value if isinstance(value, int) else None if value is None else str(value)


def _cells(cleaned: Cleaned, outcome: Outcome, findings: Sequence[ShownFinding]) -> tuple[_Cell, ...]:
    return tuple(
        _code(cell, truth, outcome, findings) if truth else _Cell(_text_cell(cell), Markup(), "", "", ())
        for cell, truth in zip(cleaned.notebook["cells"], cleaned.truths, strict=True)
        # The header of the page tells the error already, in words.
        if ERROR_MARKER_TAG not in cell["metadata"].get("tags", []) and cell["source"].strip()
    )


def _text_cell(cell: Mapping[str, Any]) -> Markup:
    if cell["cell_type"] == "raw":
        return Markup("<pre>{}</pre>").format(_preformatted(cell["source"]))
    return markdown_html(cell["source"])


def markdown_html(source: str) -> Markup:
    """Markdown as sanitised HTML."""
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return Markup(safe_html(str(MarkdownWithMath(renderer=renderer).render(source))))  # noqa: S704 - sanitised


def _code(cell: Mapping[str, Any], truth: CellTruth, outcome: Outcome, findings: Sequence[ShownFinding]) -> _Cell:
    tone = {CellState.FAILED: "bad", CellState.BROKE_OFF: "bad", CellState.RAN: "good", CellState.UNTIMED: "good"}
    # What a cell that did not run would say is said in its summary already.
    outputs = [] if truth.state is CellState.NOT_RUN else [_output(output, findings) for output in cell["outputs"]]
    dropped = cell["metadata"].get(OWN, {}).get("dropped", [])
    if dropped:
        note = t("Not kept in the record, because it needs a live front end: {types}", types=", ".join(dropped))
        outputs.append(_Output("note", escape(printable(note))))
    return _Cell(
        None, _preformatted(cell["source"]), tone.get(truth.state, "waiting"), truth.text(outcome), tuple(outputs)
    )


def _output(output: Mapping[str, Any], findings: Sequence[ShownFinding]) -> _Output:
    kind = output["output_type"]
    if kind == "stream":
        return _Output("text", _preformatted(output["text"]))
    if kind == "error":
        text = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
        return _Output("error", _preformatted(text))
    data = output["data"]
    if "text/html" in data:
        shown = without_those_shown(data["text/html"], findings)
        return _Output("html", Markup(safe_html(shown)))  # noqa: S704 - sanitised
    if "image/png" in data:
        alternative = data.get("text/plain", "figure")
        picture = Markup('<img src="data:image/png;base64,{}" alt="{}">')
        return _Output("html", picture.format(data["image/png"], printable(alternative, limit=200)))
    return _Output("text", _preformatted(data.get("text/plain", "")))


def _preformatted(text: str) -> Markup:
    """Escaped text with its line breaks and tabs, without terminal colours, cut at ``TEXT_LIMIT``."""
    whole = plain_text(text).replace("\r\n", "\n").rstrip("\n")
    shown = "\n".join("\t".join(map(printable, line.split("\t"))) for line in whole[:TEXT_LIMIT].split("\n"))
    cut = NOTHING
    if len(whole) > TEXT_LIMIT:
        cut = t("\n… cut: {number} characters in all, see the notebook", number=len(whole))
    return escape(shown + cut)


def _tree(value: object, depth: int = 0) -> Markup:
    """Any JSON value as nested definition lists."""
    if isinstance(value, Mapping) and value and depth < 6:
        items = Markup().join(
            Markup("<dt>{}</dt><dd>{}</dd>").format(printable(str(key).replace("_", " ")), _tree(item, depth + 1))
            for key, item in value.items()
        )
        return Markup("<dl class=tree>{}</dl>").format(items)
    if isinstance(value, (list, tuple)) and value and depth < 6:
        return Markup("<ul class=tree>{}</ul>").format(
            Markup().join(Markup("<li>{}</li>").format(_tree(item, depth + 1)) for item in value)
        )
    return Markup("<bdi>{}</bdi>").format(_leaf(value))


def _leaf(value: object) -> Text:
    if value is None or value == "":
        return verbatim("–")
    if isinstance(value, bool):
        return yes_or_no(value)
    if isinstance(value, (Mapping, list, tuple)):
        return t("none") if not value else verbatim("…")
    return verbatim(printable(str(value)))
