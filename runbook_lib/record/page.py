"""``record.html``: one file that a change board, an auditor or a colleague opens offline, years later."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from runbook_lib.files import described
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.model.untrusted import printable, typed
from runbook_lib.record.beside import Beside
from runbook_lib.record.checksums import checking_steps
from runbook_lib.record.executed import Cleaned
from runbook_lib.record.first_page import Local, first_page, time_text
from runbook_lib.record.plan_part import plan_parts_html, short_plan_html
from runbook_lib.shown.findings import NOT_ASKED, by_severity, finding_html, finding_in_record
from runbook_lib.shown.flows import plan_before_after, plan_flow
from runbook_lib.shown.html import cut_html, text_html, yes_or_no
from runbook_lib.shown.timeline import timeline_of
from runbook_lib.signing.keys import ShownKey

if TYPE_CHECKING:
    from runbook_lib.record.page_cells import ShownCell

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_CSS_TEXT = re.compile(r"[^A-Za-z0-9 .,:_/()-]")
"""What a text in the style sheet may not hold: the page's header in print is written there."""


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
    made.filters["moment"] = lambda value: time_text(value, datetime.astimezone)
    made.filters["size"] = size
    made.filters["named"] = lambda text: text_html(str(text))
    made.filters["cut"] = lambda text: cut_html(str(text), SENTENCE_LIMIT)
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


def size(count: int) -> str:
    """Bytes for people."""
    if count < 10_000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} kB" if count < 10_000_000 else f"{count / 1_000_000:.1f} MB"


SENTENCE_LIMIT = 220
"""Characters of a finding on page 1; it stands there whole below."""
GROUPS_ON_PAGE_1 = 8
"""Groups on page 1, so that risk and way back stand there too; the part on the plan has all."""
OUTCOME_TONES = {
    Outcome.DONE: "good",
    Outcome.NOTHING_TO_DO: "good",
    Outcome.AWAITING_APPROVAL: "waiting",
    Outcome.AWAITING_HANDOFF: "waiting",
    Outcome.AWAITING_WINDOW: "waiting",
    Outcome.REFUSED: "waiting",
}


def record_html(
    facts: Mapping[str, Any],
    cleaned: Cleaned | None,
    *,
    files: Sequence[Mapping[str, Any]],
    sealed_at: str | None,
    place: str,
    previous: bool = False,
    signed_by: ShownKey | None = None,
    stamped: bool = False,
    beside: Beside | None = None,
    local: Local = datetime.astimezone,
) -> str:
    """The page.

    Args:
        facts: What record.json holds.
        cleaned: The executed notebook, or None if there is none.
        files: ``{"path", "bytes", "sha256"}`` of every other file of the record.
        sealed_at: ISO 8601; None while the record is open.
        place: The record's folder as people write it, ``records/<change id>/<run id>``.
        previous: Whether a run of the same change was sealed before.
        signed_by: The key that signs the manifest; None: nothing does.
        stamped: Whether the signature gets a time stamp.
        beside: What lies beside record.json; None: nothing does.
        local: A time in the readers' zone; by default that of this machine.
    """
    beside = beside or Beside()
    page = first_page(facts, beside, place=place, local=local)
    findings = [finding_in_record(item) for item in facts["findings"] if isinstance(item, Mapping)]
    plan = facts.get("plan")
    cells: tuple[ShownCell, ...] = ()
    if cleaned is not None and page.outcome is not None:
        # nbconvert takes half a second to load, and the page of a run that is not sealed has no notebook.
        from runbook_lib.record.page_cells import shown_cells

        cells = shown_cells(cleaned, page.outcome, findings)
    return (
        environment()
        .get_template("record.html.j2")
        .render(
            facts=facts,
            page=page,
            tone=_tone(page.outcome),
            findings=[finding_html(finding) for finding in by_severity(findings) if finding.asked],
            others=[finding_html(finding) for finding in by_severity(findings) if not finding.asked],
            others_caption=NOT_ASKED,
            plan=_plan(plan) if isinstance(plan, Mapping) else Markup(),
            plan_parts=plan_parts_html(beside.plan) if beside.plan else Markup(),
            pictures=plan_flow(beside.plan) + plan_before_after(beside.plan) if beside.plan else Markup(),
            timeline=timeline_of(facts),
            cells=cells,
            has_notebook=cleaned is not None,
            hand_offs=_hand_offs(files) if page.outcome is Outcome.AWAITING_HANDOFF else (),
            files=[_file(entry) for entry in files],
            present={str(entry["path"]) for entry in files},
            moment=lambda value: time_text(value, local),
            sealed_at=sealed_at,
            place=typed(place),
            checking=checking_steps(previous=previous, signed_by=signed_by, stamped=stamped),
            key_id=signed_by.key_id if signed_by else "",
            in_print=_CSS_TEXT.sub(" ", f"{page.change_id}, {page.run_id}"),
            tree=_tree,
            most_groups=GROUPS_ON_PAGE_1,
            link=link,
        )
    )


def _tone(outcome: Outcome | None) -> str:
    return OUTCOME_TONES.get(outcome, "bad") if outcome else "neutral"


def _hand_offs(files: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The files that tell a person what to do, by name."""
    return [
        one
        for one in sorted(map(_file, files), key=lambda one: str(one["path"]))
        if one["path"].startswith("hand-off-")
    ]


def _file(entry: Mapping[str, Any]) -> dict[str, Any]:
    path = str(entry["path"])
    return {**entry, "description": described(path), "link": link(path)}


def link(path: str) -> str:
    """The address of a file below the page's own folder or beside it: never one of another place or scheme."""
    return "/".join(quote(part, safe="", errors="backslashreplace") for part in f"./{path}".split("/"))


def _plan(plan: Mapping[str, Any]) -> Markup:
    """The plan in short, and what else record.json says of it."""
    shown = ("operation", "route", "digest", "phrase", "groups", "members", "counts")
    more: list[tuple[Text, object]] = [
        (verbatim(str(key).replace("_", " ")), _tree(value)) for key, value in plan.items() if key not in shown
    ]
    return short_plan_html(plan, more)


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
