"""First and last cells: parameters, both ends, notebooks and records, the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from runbook_lib.errors import RunbookError
from runbook_lib.graph.snapshot import read_tenant
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.directory import DomainController
from runbook_lib.model.outcome import Outcome
from runbook_lib.notebook.html import banner_html, facts_html, table_html
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder

View = tuple[str, str]

NOTEBOOKS = (
    ("10-detect-exchange", "Whether each route is ready; which Exchange this AD has", "nothing"),
    ("20-inventory-groups", "Both sides joined, one row per group", "nothing"),
    ("30-enable-writeback", "Write the selected groups to AD", "creates and updates groups in the target OU"),
    ("40-disable-writeback", "Retire the selected groups", "moves groups to the retired OU"),
    ("50-check-drift", "Compare AD with the cloud", "nothing"),
    ("60-undo-change", "Take back what a record did", "the objects of that record"),
)


def parameters_view(given: Mapping[str, object], folder: RecordFolder, *, interactive: bool) -> View:
    """What this run was told and where its record is."""
    table = pd.DataFrame([(name, _shown(value)) for name, value in sorted(given.items())], columns=["Name", "Value"])
    facts = facts_html(
        [("Change", folder.change_id), ("Run", folder.run_id), ("Mode", "interactive" if interactive else "record")],
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
    """Who answers at both ends."""
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
        caption="Both ends answer",
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
                    str(facts["outcome"] or "open"),
                    str(facts["started"]),
                    str(path.parent),
                )
            )
        except (OSError, ValueError, KeyError, TypeError):
            found.append((path.parent.parent.name, "(unreadable)", "unreadable", "", str(path.parent)))
    return found


def _next_step(runs: pd.DataFrame) -> tuple[str, str]:
    """What to run now, from what this change id has behind it."""
    good = set(runs.loc[runs["Outcome"].isin([Outcome.DONE.value, Outcome.NOTHING_TO_DO.value]), "Notebook"])
    latest = runs[runs["Notebook"] != "00-start-here"]
    if len(latest) and latest.iloc[0]["Outcome"] == Outcome.AWAITING_APPROVAL.value:
        return "gwb approve", f"The plan of {latest.iloc[0]['Record']} waits for an approval."
    if len(latest) and latest.iloc[0]["Outcome"] in (Outcome.PARTIAL.value, "open", Outcome.INTERRUPTED.value):
        return str(latest.iloc[0]["Notebook"]), "It broke off or is still open; the same change id resumes it."
    for name, why in (
        ("10-detect-exchange", "See first whether everything is in place; it writes nothing."),
        ("20-inventory-groups", "See both sides and choose groups; it writes nothing."),
        ("30-enable-writeback", "Plan the groups that select_ids and select_names name."),
    ):
        if name not in good:
            return name, why
    return "50-check-drift", "Groups are written: compare AD with the cloud, best on a schedule."


def end_view(verdict: Outcome, folder: RecordFolder, error: RunbookError | None = None) -> View:
    """How the run ended, why where it did not end as asked, and where its record is."""
    why = [text for text in (error.message, error.hint) if text] if error else []
    text = " ".join([*why, f"The record is {folder.path}. It is sealed after the kernel has ended."])
    return banner_html("good" if verdict.good else "attention", verdict.title, text), verdict.title
