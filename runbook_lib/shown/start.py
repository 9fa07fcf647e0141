"""First and last cells: parameters, both connections, notebooks and records, the verdict."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from runbook_lib.errors import RunbookError
from runbook_lib.files import PAGE, RECORD_VARIABLE
from runbook_lib.graph.snapshot import read_tenant
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.directory import DomainController
from runbook_lib.model.outcome import Outcome, ending_of_outcome
from runbook_lib.model.text import NOTHING, Text, counted, joined, t, verbatim
from runbook_lib.model.untrusted import typed
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.shown.html import View, banner_html, facts_html, folded_html, link_html, rows_html, section_link_html

NOTEBOOKS = (
    ("10-detect-exchange", t("Whether each route is ready; which Exchange this AD has"), t("nothing")),
    ("20-inventory-groups", t("Both sides joined, one row per group"), t("nothing")),
    ("30-enable-writeback", t("Write the selected groups to AD"), t("creates and updates groups in the target OU")),
    (
        "40-disable-writeback",
        t("Retire the groups that disable_ids and disable_names name"),
        t("moves groups to the retired OU"),
    ),
    ("50-check-drift", t("Compare AD with the cloud"), t("nothing")),
    ("60-undo-change", t("Undo what a record did"), t("the objects of that record")),
)
"""Notebook, what it does, what it changes."""
_NAMES = ("00-start-here", *(name for name, _, _ in NOTEBOOKS))


def parameters_view(given: Mapping[str, object], folder: RecordFolder, *, interactive: bool, file: str = "") -> View:
    """What this run was told in one line; folded below it each parameter, and where the record is."""
    table = [(name, _shown(value)) for name, value in sorted(given.items())]
    facts = facts_html(
        [
            (t("Change"), folder.change_id),
            (t("Run"), folder.run_id),
            (t("Run mode"), t("interactive") if interactive else t("scheduled")),
            *([(t("Parameters file"), file)] if file else []),
        ],
        caption=t("This run"),
    )
    shown = facts + rows_html((t("Name"), t("Value")), table, caption=t("Parameters that were given"), limit=100)
    summary = t(
        "Change {change}: {number} from {file}. Run {run_id}.",
        change=folder.change_id,
        number=counted(len(given), "parameter"),
        file=file or t("the parameters cell"),
        run_id=folder.run_id,
    )
    return View(folded_html(summary, shown), t("run {run_id}", run_id=folder.run_id))


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def target_facts(parameters: Parameters, controller: DomainController) -> dict[str, object]:
    """What record.json says about where a run reads and writes."""
    return {
        "tenant": parameters.tenant_id,
        "domain": controller.domain_dns_name,
        "dc": controller.dns_host_name or controller.host,
        "ds_service_name": controller.ds_service_name,
        "invocation_id": controller.invocation_id,
        "ou": parameters.target_ou,
    }


def ends_view(graph: GraphClient, parameters: Parameters, controller: DomainController) -> View:
    """Who answers on both sides."""
    tenant = read_tenant(graph, parameters.tenant_id)
    switched = {True: t("on"), False: t("off"), None: t("not set")}
    html = facts_html(
        [
            (t("Tenant"), f"{tenant.display_name} ({tenant.id})"),
            (t("Default domain"), tenant.default_domain),
            (t("Synchronization from AD"), switched[tenant.on_premises_sync_enabled]),
            (t("Domain controller"), controller.dns_host_name or controller.host),
            (t("Domain"), controller.domain_dns_name),
            (t("DSA"), controller.ds_service_name),
            (t("Target OU"), parameters.target_ou or t("(not set)")),
            (t("Retired OU"), parameters.retired_ou or t("(not set)")),
        ],
        caption=t("Connections"),
    )
    domain = controller.domain_dns_name
    return View(html, t("{tenant} and {domain} answer", tenant=tenant.display_name, domain=domain))


class _RunSeen(NamedTuple):
    """A run of the records folder, in the order of the columns that show it."""

    change: str
    notebook: str
    outcome: str
    """A value of ``Outcome``, ``_OPEN``, ``_DRIFT`` or ``_UNREADABLE``."""
    started: str
    record: str


_OPEN = "open"
_DRIFT = "drift found"
_UNREADABLE = "unreadable"


def records_view(records: Path, parameters: Parameters, here: Path | None = None) -> View:
    """Notebooks, the runs that there are, and the next step; ``here``: the folder that links to records start from."""
    runs = sorted(_runs(records), key=lambda run: run.started, reverse=True)
    step, why = _next_step([run for run in runs if run.change == parameters.change_id])
    html = (
        rows_html(
            (t("Notebook"), t("What it does"), t("What it changes")),
            [(_notebook_link(name), what, changes) for name, what, changes in NOTEBOOKS],
            caption=t("Notebooks"),
        )
        + rows_html(
            (t("Change"), t("Notebook"), t("Outcome"), t("Started"), t("Record")),
            [(*run[:-1], _record_link(Path(run.record), here)) for run in runs],
            caption=t("Records, newest first"),
            limit=20,
        )
        + banner_html("neutral", t("Next: {step}", step=step), why)
        + (_opening(step) if step in _NAMES else Markup())
    )
    return View(html, t("{number} records; next: {step}", number=len(runs), step=step))


def _notebook_link(name: str) -> Markup:
    return link_html(verbatim(name), f"{name}.ipynb")


def _opening(name: str) -> Markup:
    """The link that opens a notebook, on a line of its own."""
    return _on_its_own(link_html(t("Open {notebook}", notebook=name), f"{name}.ipynb"))


def _on_its_own(link: Markup) -> Markup:
    return Markup('<p style="margin:2px 0 12px 0;font-size:14px">{}</p>').format(link)


def _record_link(record: Path, here: Path | None) -> Markup | str:
    """The link that opens a record's page, where there is one that can be reached from ``here``."""
    page = _page_from(record, here)
    return link_html(verbatim(str(record)), page) if page else str(record)


def _page_from(record: Path, here: Path | None) -> str:
    """Where a record's page is as seen from ``here``; empty where there is none, or no way to it."""
    page = record / PAGE
    if here is None or not page.is_file() or page.drive != here.drive:
        return ""
    return Path(os.path.relpath(page, here)).as_posix()


def _runs(records: Path) -> Iterator[_RunSeen]:
    for path in sorted(records.glob("*/*/record.json")):
        try:
            facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            yield _RunSeen(
                str(facts["change_id"]),
                str(facts["notebook"]["name"]),
                _outcome_of(facts),
                str(facts["started"]),
                str(path.parent),
            )
        except (OSError, ValueError, KeyError, TypeError):
            yield _RunSeen(path.parent.parent.name, "", _UNREADABLE, "", str(path.parent))


def _outcome_of(facts: Mapping[str, Any]) -> str:
    error = facts.get("error")
    if facts["outcome"] == Outcome.REFUSED.value and isinstance(error, dict) and error.get("code") == "drift":
        return _DRIFT
    return str(facts["outcome"] or _OPEN)


def _next_step(runs: Sequence[_RunSeen]) -> tuple[str, Text]:
    """What to run now, from what this change id has behind it, the newest run first."""
    good = {run.notebook for run in runs if run.outcome in (Outcome.DONE.value, Outcome.NOTHING_TO_DO.value)}
    latest = next((run for run in runs if run.notebook != "00-start-here"), None)
    if latest is not None and latest.outcome == Outcome.AWAITING_APPROVAL.value:
        return "gwb approve", t("The plan of {record} waits for an approval.", record=latest.record)
    if latest is not None and latest.outcome in (Outcome.PARTIAL.value, _OPEN, Outcome.INTERRUPTED.value):
        return latest.notebook, t("It stopped midway or is still open; the same change id resumes it.")
    if latest is not None and latest.outcome == _DRIFT:
        return "30-enable-writeback", t("AD differs from the cloud: it re-aligns the groups, plans first and asks.")
    for name, why in (
        ("10-detect-exchange", t("See first whether everything is in place; it writes nothing.")),
        ("20-inventory-groups", t("See both sides and choose groups; it writes nothing.")),
        ("30-enable-writeback", t("Plan the groups that select_ids and select_names name.")),
    ):
        if name not in good:
            return name, why
    return "50-check-drift", t("Groups are written: compare AD with the cloud, best on a schedule.")


def stopped_view(
    outcome: Outcome, said: RunbookError | None, step: Text, *, notebook: str = "", heading: str = ""
) -> View:
    """For the top of a notebook: where the run stopped, and why.

    Args:
        outcome: How it stopped.
        said: What explains it, or None.
        step: The step that it stopped at; empty where it was none of the run.
        notebook: Name of the notebook without ending, in which the title is a link to ``heading``.
        heading: Above the cell of that step; empty: the title is no link.
    """
    where = t("the run stopped at: {step}", step=step) if step else t("a cell ended with an error")
    title = t("{ending}: {where}", ending=ending_of_outcome(outcome, said.code if said else "").title, where=where)
    text = joined((said.message, said.hint), "\n") if said else NOTHING
    below = t("The cells below it have not run.")
    shown = section_link_html(title, f"{notebook}.ipynb", heading) if heading else title
    return View(banner_html("attention", shown, joined((text, below), "\n")), title)


def finished_view(outcome: Outcome, error: RunbookError | None) -> View:
    """For the top of a notebook: how the run ended."""
    ending = ending_of_outcome(outcome, error.code if error else "").title
    title = t("{ending}: the last cell says what comes next.", ending=ending)
    return View(banner_html("good" if outcome.good else "attention", title), title)


def end_view(
    verdict: Outcome,
    folder: RecordFolder,
    error: RunbookError | None,
    *,
    notebook: str,
    sealing: Text,
    here: Path | None = None,
) -> View:
    """How the run ended, why where it did not end as asked, what to run next, and where its record is.

    Args:
        verdict: The outcome.
        folder: The record.
        error: What explains the outcome, or None.
        notebook: Name of the notebook without ending.
        sealing: How this record is sealed (``sealing_words``).
        here: The folder that links start from; None: there are none to the record.
    """
    code = error.code if error else ""
    title = ending_of_outcome(verdict, code).title
    following = next_after(notebook, verdict, code, folder.path)
    hint = error.hint if error and code not in _NEXT_AFTER_CODE else NOTHING
    lines = [
        *([error.message, hint] if error else []),
        t("Next: {following}", following=following),
        t("The record is {record}. {sealing}", record=folder.path, sealing=sealing),
    ]
    html = banner_html("good" if verdict.good else "attention", verbatim(title), joined(lines, "\n"))
    # The folder of a record is called after its notebook: that is not what comes next.
    said = following.replace(folder.run_id, "")
    named = min((name for name in _NAMES if name in said), key=said.index, default="")
    html += _opening(named) if named else Markup()
    page = _page_from(folder.path, here)
    html += _on_its_own(link_html(t("Open the record of this run"), page)) if page else Markup()
    return View(html, t("{title}. Next: {following}", title=title, following=following))


def sealing_text(folder: RecordFolder, environment: Mapping[str, str], *, by_itself: bool) -> Text:
    """Who seals this record, and how: nobody does it for a notebook that plain papermill ran.

    Args:
        folder: The record.
        environment: Environment variables.
        by_itself: Whether the run sees to it.
    """
    if by_itself:
        return t("It is sealed now, when this cell has ended.")
    if RECORD_VARIABLE in environment:
        return t("gwb run seals it when the kernel has ended.")
    notebook = Path(environment.get("JPY_SESSION_NAME", ""))
    named = typed(notebook) if notebook.suffix == ".ipynb" and notebook.is_absolute() else "NOTEBOOK"
    return t(
        "It is open until you save this notebook and run: gwb seal {record} {notebook}",
        record=typed(folder.path),
        notebook=named,
    )


def next_after(notebook: str, verdict: Outcome, code: str, record: Path) -> Text:
    """What to run after a notebook that reached its last cell."""
    if verdict is Outcome.AWAITING_APPROVAL:
        return t("gwb approve {record} for the changes that wait, then this notebook again.", record=typed(record))
    if code in _NEXT_AFTER_CODE:
        return _NEXT_AFTER_CODE[code]
    if not verdict.good:
        return t("this notebook again, when what is said above is done.")
    following = _NEXT.get(notebook, t("00-start-here, which lists notebooks and records."))
    if verdict is Outcome.DONE and notebook in _REVERSIBLE:
        named = json.dumps(record.as_posix(), ensure_ascii=False)
        return t(
            "{following} To undo this run: 60-undo-change with undo_record: {record}",
            following=following,
            record=named,
        )
    return following


_NEXT = {
    "00-start-here": t("10-detect-exchange, to see whether everything is in place; or the step named above."),
    "10-detect-exchange": t("20-inventory-groups, to see both sides and choose groups."),
    "20-inventory-groups": t(
        "name groups in select_ids or select_names, say in group_type what they are for, then 30-enable-writeback."
    ),
    "30-enable-writeback": t("50-check-drift, best on a schedule."),
    "40-disable-writeback": t("20-inventory-groups, to see the state of the groups now."),
    "50-check-drift": t("nothing to do; run it again on a schedule."),
    "60-undo-change": t("20-inventory-groups, to see the state of the groups now."),
}
_NEXT_AFTER_CODE = {
    "drift": t("30-enable-writeback, which re-aligns AD with the cloud; it plans first and asks. drift.csv has all."),
    "not-ready": t("resolve what the findings name (the hand-offs have the commands), then this notebook again."),
    "readiness-unknown": t("give this account what the findings name, then this notebook again."),
}
_REVERSIBLE = ("30-enable-writeback", "40-disable-writeback", "60-undo-change")
