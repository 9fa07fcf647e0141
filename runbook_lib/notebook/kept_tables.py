"""What a record keeps of both sides: every group in 20-inventory-groups, elsewhere only those that the run is about.

A change record goes to people whom the other groups of a tenant do not concern. What proves that all of both sides was
read stays: the proof of each reading, and rows and SHA-256 of the whole tables.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256

import pandas as pd

from runbook_lib.change.plan_as_read import LEFT_OUT_COLUMNS, LEFT_OUT_FILE, plan_in_short, rows_of
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.files import GROUPS_TABLE, WORKBOOK
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.narrowed import narrowed
from runbook_lib.inventory.tables import HEADINGS, LAST_CHANGE, ad_groups_table, groups_table, members_table
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.ids import as_group_id
from runbook_lib.model.text import t, verbatim
from runbook_lib.notebook.context import RunContext
from runbook_lib.record.mappings import mapping_in
from runbook_lib.record.plan_sheet import PLAN_HEADINGS, plan_table
from runbook_lib.record.tables import TitleSheet, csv_bytes, text_table
from runbook_lib.routes.direct.selection import named

_FILES = {"groups": GROUPS_TABLE, "members": "members.csv", "ad_groups": "ad-groups.csv"}
"""Table to the file that holds it."""


def keep_readings(context: RunContext, inventory: Inventory) -> None:
    """Note how both sides were read, and what could not be."""
    cloud, directory = inventory.cloud.reading, inventory.directory.reading
    context.record.set(snapshots={"cloud": cloud.as_json(), "directory": directory.as_json()})
    context.record.note_gaps(*cloud.gaps, *directory.gaps)


def keep_every_group(context: RunContext, inventory: Inventory) -> None:
    """Keep the tables of all groups of both sides."""
    _keep(context, inventory, inventory, None)


def keep_groups(context: RunContext, inventory: Inventory, groups: Collection[str], plan: Plan | None = None) -> None:
    """Keep the tables of these groups, and the plan as a sheet of the workbook."""
    _keep(context, inventory, narrowed(inventory, frozenset(groups)), plan)


def keep_plan(context: RunContext, plan: Plan) -> None:
    """Keep the plan, and who of the cloud members is left out."""
    record = context.record
    record.folder.write_json("plan.json", plan_to_json(plan))
    left_out = rows_of(plan)
    if left_out:
        record.folder.write_csv(LEFT_OUT_FILE, text_table(LEFT_OUT_COLUMNS, left_out))
    record.set(plan=plan_in_short(plan), changes={"planned": len(plan.changes), "done": 0})


def groups_of_change(context: RunContext, inventory: Inventory, plan: Plan, operation: Operation) -> frozenset[str]:
    """Ids of the groups that a change is about: those of its plan, and those that were named and are in step."""
    parameters = context.parameters
    found: set[str] = {change.group_id for change in plan.changes} | {group.group_id for group in plan.members}
    found |= {refusal.group_id for refusal in plan.refusals}
    found |= {as_group_id(group) for change in plan.changes for group in change.payload.groups}
    if operation is Operation.ENABLE:
        found |= named(inventory.rows, map(as_group_id, parameters.select_ids), parameters.select_names)
    elif operation is Operation.DISABLE:
        found |= named(inventory.rows, map(as_group_id, parameters.disable_ids), parameters.disable_names)
    return frozenset(found)


def written_groups(inventory: Inventory) -> frozenset[str]:
    """Ids of the groups that AD objects name: what a comparison of both sides is about."""
    return frozenset(inventory.index.groups_by_anchor)


def _tables(inventory: Inventory) -> dict[str, pd.DataFrame]:
    return {
        "groups": groups_table(inventory),
        "members": members_table(inventory),
        "ad_groups": ad_groups_table(inventory),
    }


def _keep(context: RunContext, whole: Inventory, kept: Inventory, plan: Plan | None) -> None:
    folder, noted = context.record.folder, {}
    tables = _tables(kept)
    everything = tables if kept is whole else _tables(whole)
    for name, file in _FILES.items():
        data = csv_bytes(everything[name], folder.csv_delimiter)
        noted[name] = {"rows": len(everything[name]), "kept": len(tables[name]), "sha256": sha256(data).hexdigest()}
        if kept is whole:
            folder.write_bytes(file, data)
        else:
            folder.write_csv(file, tables[name])
    sheets = {"Groups": tables["groups"], "Members": tables["members"], "AD groups": tables["ad_groups"]}
    if plan is not None:
        sheets = {"Plan": plan_table(plan), **sheets}
    title = _title_sheet(context, whole, kept, has_plan=plan is not None)
    folder.write_workbook(WORKBOOK, sheets, title=title, headings={**HEADINGS, **PLAN_HEADINGS})
    context.record.set(snapshots={**mapping_in(context.record.facts.get("snapshots")), "tables": noted})


def _title_sheet(context: RunContext, whole: Inventory, kept: Inventory, *, has_plan: bool) -> TitleSheet:
    """What the workbook says of itself, where it is mailed without the record."""
    folder, tenant = context.record.folder, whole.cloud.tenant
    cloud, directory = whole.cloud.reading, whole.directory.reading
    everything = cloud.complete and directory.complete
    some = kept is not whole
    return TitleSheet(
        t("About"),
        (
            (t("Inventory of groups"), t("Microsoft Entra ID and Active Directory, joined")),
            (t("Tenant"), t("{name} ({id})", name=tenant.display_name, id=tenant.id)),
            (t("OU of written groups"), verbatim(context.parameters.target_ou)),
            (t("Entra ID read at (UTC)"), cloud.at),
            (t("AD read at (UTC)"), directory.at),
            (t("Both readings complete"), t("yes") if everything else t("NO: shown, never planned from")),
            (t("Change"), folder.change_id),
            (t("Run"), folder.run_id),
            (t("Groups of both sides"), len(whole.rows)),
            *([(t("Groups that this run is about"), len(kept.rows))] if some else []),
            (HEADINGS["ad_changed"], LAST_CHANGE),
        ),
        {
            **({"Plan": t("One row per change, and per group that is left alone with the reason")} if has_plan else {}),
            "Groups": t("One row per group that the run is about, with its state, the route to AD and why")
            if some
            else t("One row per group of either side, with its state, the route to AD and why"),
            "Members": t("One row per direct member of a cloud group, with its AD object or why it has none"),
            "AD groups": t("One row per AD group that names one of these groups")
            if some
            else t("One row per AD group that was read"),
        },
    )
