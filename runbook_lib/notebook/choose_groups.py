"""Groups are chosen by ticking them in JupyterLab: a table of every cloud group, whose ticks are the selection file."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.errors import RunbookError
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.cloud import CloudKind, Owner
from runbook_lib.model.ids import GroupId
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.front_end import ProgressLine, show_widget
from runbook_lib.notebook.owners_button import offer_owners
from runbook_lib.notebook.selection_file import write_selection
from runbook_lib.notebook.ticking.page import Column, TickRow
from runbook_lib.notebook.ticking.table import TickTable
from runbook_lib.parameters.model import Parameters
from runbook_lib.routes.direct.selection import named

_COLUMNS = (
    Column(t("Group")),
    Column(t("Kind"), filtered=True),
    Column(t("State"), filtered=True),
    Column(t("Route"), filtered=True),
    Column(t("Membership"), filtered=True),
    Column(t("Owners")),
    Column(t("Mail")),
    Column(t("Members")),
    Column(t("In AD")),
    Column(t("Why")),
)
_MOST_NAMES = 10
"""Names of chosen groups that the line below the table lists."""


def offer_groups(context: RunContext, inventory: Inventory) -> TickTable | None:
    """Show the table to a person in front of JupyterLab; for everybody else say which groups are chosen.

    It takes ticks after the run is finished too: *Run All* is done before anybody has read the table.
    """
    line = ProgressLine(t("Chosen groups"))
    rows = [row for row in inventory.rows if row.cloud is not None]
    names = {str(row.group_id): row.display_name for row in rows}
    chosen = chosen_now(rows, context.parameters)
    line.show(_said(chosen, names, None))
    if not context.interactive:
        return None
    folder = context.record.folder

    def changed(ticked: frozenset[str]) -> None:
        try:
            groups = [(group_id, name) for group_id, name in names.items() if group_id in ticked]
            path = write_selection(folder.change_folder, groups, run_id=folder.run_id, at=iso_seconds(context.clock()))
        except RunbookError as error:
            line.show(t("Not kept: {why}", why=joined((error.message, error.hint))))
            return
        line.show(_said(ticked, names, path.name))

    table = TickTable(
        t("Tick the groups that 30-enable-writeback writes"),
        _COLUMNS,
        _rows(rows, inventory.owners),
        ticked=chosen,
        changed=changed,
    )
    show_widget(table.widget)
    if inventory.owners is None:
        offer_owners(context, inventory, lambda owners: table.show_rows(_rows(rows, owners)))
    return table


def _rows(rows: list[GroupRow], owners: Mapping[GroupId, tuple[Owner, ...]] | None) -> list[TickRow]:
    """Every group by name."""
    known = owners or {}
    by_name = sorted(rows, key=lambda one: one.display_name.casefold())
    return [TickRow(str(row.group_id), _cells(row, known.get(row.group_id))) for row in by_name]


def chosen_now(rows: list[GroupRow], parameters: Parameters) -> frozenset[str]:
    """Ids of the groups that the parameters select already, by id or by name."""
    ids = set(parameters.select_ids)
    by_cloud_sync = parameters.route == Route.CLOUD_SYNC.value
    kinds = {CloudKind.SECURITY.value} if by_cloud_sync else set(parameters.select_kinds)
    picked = named(rows, [row.group_id for row in rows if row.group_id in ids], parameters.select_names)
    return frozenset(
        str(row.group_id) for row in rows if row.group_id in picked and (row.group_id in ids or row.kind in kinds)
    )


def _cells(row: GroupRow, owners: tuple[Owner, ...] | None) -> tuple[str | int | None, ...]:
    cloud = row.cloud
    named = None if owners is None else ", ".join(owner.name for owner in owners) or t("none")
    dynamic = t("dynamic") if cloud is not None and cloud.dynamic else t("assigned")
    mail = cloud.mail if cloud is not None else None
    return (
        row.display_name,
        row.kind,
        row.state.value,
        row.route.value,
        dynamic,
        named,
        mail or None,
        row.cloud_members,
        row.representable,
        row.reason,
    )


def _said(ticked: frozenset[str], names: dict[str, str], file: str | None) -> Text:
    if not ticked:
        return t("none. Tick some in the table, or name them in the parameter select_ids or select_names.")
    shown = first_of([printable(name, limit=80) for key, name in names.items() if key in ticked], _MOST_NAMES)
    if file is None:
        return t("{groups}, as the parameters select them: {names}.", groups=counted(len(ticked), "group"), names=shown)
    return t(
        "{groups}, kept in {file}: {names}. 30-enable-writeback takes them in JupyterLab.",
        groups=counted(len(ticked), "group"),
        file=file,
        names=shown,
    )
