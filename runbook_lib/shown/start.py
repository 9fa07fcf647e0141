"""First and last cells: parameters, both connections, notebooks and records, the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from runbook_lib.errors import RunbookError
from runbook_lib.files import RECORD_VARIABLE
from runbook_lib.graph.snapshot import read_tenant
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.directory import DomainController
from runbook_lib.model.outcome import Outcome, ending_words
from runbook_lib.model.untrusted import typed
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.shown.html import View, banner_html, facts_html, table_html

NOTEBOOKS = (
    ("10-detect-exchange", "Whether each route is ready; which Exchange this AD has", "nothing"),
    ("20-inventory-groups", "Both sides joined, one row per group", "nothing"),
    ("30-enable-writeback", "Write the selected groups to AD", "creates and updates groups in the target OU"),
    (
        "40-disable-writeback",
        "Retire the groups that disable_ids and disable_names name",
        "moves groups to the retired OU",
    ),
    ("50-check-drift", "Compare AD with the cloud", "nothing"),
    ("60-undo-change", "Undo what a record did", "the objects of that record"),
)


def parameters_view(given: Mapping[str, object], folder: RecordFolder, *, interactive: bool, file: str = "") -> View:
    """What this run was told, in which file (where it read one itself), and where its record is."""
    table = pd.DataFrame([(name, _shown(value)) for name, value in sorted(given.items())], columns=["Name", "Value"])
    facts = facts_html(
        [
            ("Change", folder.change_id),
            ("Run", folder.run_id),
            ("Run mode", "interactive" if interactive else "scheduled"),
            *([("Parameters file", file)] if file else []),
        ],
        caption="This run",
    )
    return facts + table_html(table, caption="Parameters that were given", limit=100), f"run {folder.run_id}"


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
    html = facts_html(
        [
            ("Tenant", f"{tenant.display_name} ({tenant.id})"),
            ("Default domain", tenant.default_domain),
            ("Synchronization from AD", {True: "on", False: "off", None: "not set"}[tenant.on_premises_sync_enabled]),
            ("Domain controller", controller.dns_host_name or controller.host),
            ("Domain", controller.domain_dns_name),
            ("DSA", controller.ds_service_name),
            ("Target OU", parameters.target_ou or "(not set)"),
            ("Retired OU", parameters.retired_ou or "(not set)"),
        ],
        caption="Connections",
    )
    return html, f"{tenant.display_name} and {controller.domain_dns_name} answer"


def records_view(records: Path, parameters: Parameters) -> View:
    """Notebooks, the runs that there are, and the next step."""
    notebooks = pd.DataFrame(NOTEBOOKS, columns=["Notebook", "What it does", "What it changes"])
    runs = pd.DataFrame(_runs(records), columns=["Change", "Notebook", "Outcome", "Started", "Record"])
    runs = runs.sort_values("Started", ascending=False, ignore_index=True)
    step, why = _next_step(runs[runs["Change"] == parameters.change_id])
    html = (
        table_html(notebooks, caption="Notebooks")
        + table_html(runs, caption="Records, newest first", limit=20)
        + banner_html("neutral", f"Next: {step}", why)
    )
    return html, f"{len(runs)} records; next: {step}"


def _runs(records: Path) -> list[tuple[str, str, str, str, str]]:
    found = []
    for path in sorted(records.glob("*/*/record.json")):
        try:
            facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            found.append(
                (
                    str(facts["change_id"]),
                    str(facts["notebook"]["name"]),
                    _outcome_of(facts),
                    str(facts["started"]),
                    str(path.parent),
                )
            )
        except (OSError, ValueError, KeyError, TypeError):
            found.append((path.parent.parent.name, "(unreadable)", "unreadable", "", str(path.parent)))
    return found


_DRIFT = "drift found"


def _outcome_of(facts: Mapping[str, Any]) -> str:
    error = facts.get("error")
    if facts["outcome"] == Outcome.REFUSED.value and isinstance(error, dict) and error.get("code") == "drift":
        return _DRIFT
    return str(facts["outcome"] or "open")


def _next_step(runs: pd.DataFrame) -> tuple[str, str]:
    """What to run now, from what this change id has behind it."""
    good = set(runs.loc[runs["Outcome"].isin([Outcome.DONE.value, Outcome.NOTHING_TO_DO.value]), "Notebook"])
    latest = runs[runs["Notebook"] != "00-start-here"]
    if len(latest) and latest.iloc[0]["Outcome"] == Outcome.AWAITING_APPROVAL.value:
        return "gwb approve", f"The plan of {latest.iloc[0]['Record']} waits for an approval."
    if len(latest) and latest.iloc[0]["Outcome"] in (Outcome.PARTIAL.value, "open", Outcome.INTERRUPTED.value):
        return str(latest.iloc[0]["Notebook"]), "It stopped midway or is still open; the same change id resumes it."
    if len(latest) and latest.iloc[0]["Outcome"] == _DRIFT:
        return "30-enable-writeback", "AD differs from the cloud: it re-aligns the groups, plans first and asks."
    for name, why in (
        ("10-detect-exchange", "See first whether everything is in place; it writes nothing."),
        ("20-inventory-groups", "See both sides and choose groups; it writes nothing."),
        ("30-enable-writeback", "Plan the groups that select_ids and select_names name."),
    ):
        if name not in good:
            return name, why
    return "50-check-drift", "Groups are written: compare AD with the cloud, best on a schedule."


def end_view(
    verdict: Outcome, folder: RecordFolder, error: RunbookError | None, *, notebook: str, sealing: str
) -> View:
    """How the run ended, why where it did not end as asked, what to run next, and where its record is.

    Args:
        verdict: The outcome.
        folder: The record.
        error: What explains the outcome, or None.
        notebook: Name of the notebook without ending.
        sealing: How this record is sealed (``sealing_words``).
    """
    code = error.code if error else ""
    title = ending_words(verdict, code).title
    following = next_after(notebook, verdict, code, folder.path)
    hint = error.hint if error and code not in _NEXT_AFTER_CODE else ""
    why = [text for text in (error.message, hint) if text] if error else []
    lines = [*why, f"Next: {following}", f"The record is {folder.path}. {sealing}"]
    return banner_html("good" if verdict.good else "attention", title, "\n".join(lines)), f"{title}. Next: {following}"


def sealing_words(folder: RecordFolder, environment: Mapping[str, str]) -> str:
    """Who seals this record, and how: nobody does it for a notebook that ran without ``gwb run``."""
    if RECORD_VARIABLE in environment:
        return "gwb run seals it when the kernel has ended."
    notebook = Path(environment.get("JPY_SESSION_NAME", ""))
    shown = typed(notebook) if notebook.suffix == ".ipynb" and notebook.is_absolute() else "NOTEBOOK"
    return f"It is open until you save this notebook and run: gwb seal {typed(folder.path)} {shown}"


def next_after(notebook: str, verdict: Outcome, code: str, record: Path) -> str:
    """What to run after a notebook that reached its last cell."""
    if verdict is Outcome.AWAITING_APPROVAL:
        return f"gwb approve {typed(record)} for the changes that wait, then this notebook again."
    if code in _NEXT_AFTER_CODE:
        return _NEXT_AFTER_CODE[code]
    if not verdict.good:
        return "this notebook again, when what is said above is done."
    following = _NEXT.get(notebook, "00-start-here, which lists notebooks and records.")
    if verdict is Outcome.DONE and notebook in _REVERSIBLE:
        named = json.dumps(record.as_posix(), ensure_ascii=False)
        return f"{following} To undo this run: 60-undo-change with undo_record: {named}"
    return following


_NEXT = {
    "00-start-here": "10-detect-exchange, to see whether everything is in place; or the step named above.",
    "10-detect-exchange": "20-inventory-groups, to see both sides and choose groups.",
    "20-inventory-groups": "name groups in select_ids or select_names, say in group_type what they are for, then "
    "30-enable-writeback.",
    "30-enable-writeback": "50-check-drift, best on a schedule.",
    "40-disable-writeback": "20-inventory-groups, to see the state of the groups now.",
    "50-check-drift": "nothing to do; run it again on a schedule.",
    "60-undo-change": "20-inventory-groups, to see the state of the groups now.",
}
_NEXT_AFTER_CODE = {
    "drift": "30-enable-writeback, which re-aligns AD with the cloud; it plans first and asks. drift.csv has all.",
    "not-ready": "resolve what the findings name (the hand-offs have the commands), then this notebook again.",
    "readiness-unknown": "give this account what the findings name, then this notebook again.",
}
_REVERSIBLE = ("30-enable-writeback", "40-disable-writeback", "60-undo-change")
