"""``gwb demo``: the whole journey on a rehearsal of its own."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from rehearsal.cloud_sync_journey import CLOUD_SYNC_STEPS, CloudSyncJourney
from rehearsal.connect_journey import CONNECT_SYNC_STEPS, ConnectJourney
from rehearsal.contoso.names import DEMO_GROUPS
from rehearsal.contoso.people import STAFF
from rehearsal.journey import STEPS, Journey
from rehearsal.options import LEAST_STAFF, StartOptions
from rehearsal.process import RunningRehearsal, start_rehearsal
from rehearsal.scene import Objects, Roles, print_command
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, t, verbatim
from runbook_lib.parameters.paths import project_root
from runbook_lib.runner import console

ROLES = Roles(
    selected=DEMO_GROUPS,
    edited="Marketing",
    retired=("Project Falcon", "Ingeniería"),
    joined="Sales Team",
    newcomer="Jamal Costa",
    new_group="IT Operations",
)
_STEPS = {Route.DIRECT: STEPS, Route.CLOUD_SYNC: CLOUD_SYNC_STEPS, Route.CONNECT_SYNC: CONNECT_SYNC_STEPS}
"""Routes with a journey, and the runs of each."""


@click.command()
@click.option(
    "--records", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Folder for the records."
)
@click.option(
    "--staff",
    type=click.IntRange(LEAST_STAFF, STAFF),
    default=STAFF,
    show_default=True,
    help="Ordinary people of Contoso: with fewer the demo is faster.",
)
@click.option(
    "--route",
    type=click.Choice([route.value for route in _STEPS]),
    default=Route.DIRECT.value,
    show_default=True,
    help="Who writes to AD: the runbook (direct); Microsoft Entra Cloud Sync, which it configures and watches; or "
    "Connect Sync, for which it hands steps to people and watches.",
)
@click.option("--keep", is_flag=True, help="Leave the rehearsal running and say how to reach it.")
@click.option("--quiet", is_flag=True, help="No progress, only commands and results.")
def demo(records: Path | None, staff: int, route: str, keep: bool, quiet: bool) -> int:
    """Practise the whole journey: detect, inventory, enable, drift, disable, undo, schedule.

    With --route cloud-sync: detect, inventory, enable with one group first, watch, disable, undo.
    With --route connect-sync: detect, inventory, hand the wizard to a person, watch, disable, bring back.

    Everything happens on this machine: a rehearsal of Microsoft Graph, sign-in and Active Directory starts on free
    ports and ends with the demo.
    """
    root = project_root()
    now = datetime.now(UTC)
    name = f"demo-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder = root / ".rehearsal" / name
    place = (records or root / "records").absolute()
    taken = Route(route)
    steps = _STEPS[taken]
    time = t("a minute") if taken is Route.CONNECT_SYNC else t("half a minute")
    console.print_line(t("{steps} steps; together they take about {time} on two idle cores.", steps=steps, time=time))
    console.print_line(t("Starting the rehearsal {name} …", name=name))
    try:
        options = StartOptions(
            staff=staff, cloud_sync_runs=taken is Route.CLOUD_SYNC, recycle_bin=taken is Route.CONNECT_SYNC
        )
        with start_rehearsal(folder, options, records=place) as running:
            journey = _journey(running, place, taken, quiet=quiet)
            journey.go()
            journey.table()
            if keep:
                running.leave_running()
                _tell_kept(running, journey.parameters_file)
    finally:
        if not keep or not (folder / "state.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _journey(
    running: RunningRehearsal, records: Path, route: Route, *, quiet: bool
) -> Journey | CloudSyncJourney | ConnectJourney:
    change_id, folder = running.folder.name.upper(), running.folder
    match route:
        case Route.CLOUD_SYNC:
            return CloudSyncJourney(running, folder.cloud_sync_parameters, records, change_id, quiet=quiet)
        case Route.CONNECT_SYNC:
            return ConnectJourney(running, folder.connect_sync_parameters, records, change_id, quiet=quiet)
    return Journey(RehearsalScene(running), records, change_id, quiet=quiet)


@dataclass(frozen=True, slots=True)
class RehearsalScene:
    """The journey's scene: Contoso in a running rehearsal."""

    running: RunningRehearsal
    roles: Roles = ROLES

    @property
    def parameters_file(self) -> Path:
        """The rehearsal's own."""
        return self.running.parameters_file

    def objects(self) -> Objects:
        """What the embedded directory holds."""
        return self.running.control.directory()

    def edit_by_hand(self, group: str, remove_member: str, description: str) -> None:
        """Over LDAPS, by the command that it prints."""
        from rehearsal.administrator import GroupEdit, edit_group

        options = ("--remove-member", remove_member, "--description", description)
        print_command("rehearsal", "edit-group", group, "--name", self.running.folder.name, *options)
        edit = GroupEdit(remove_members=(remove_member,), description=description)
        for sentence in edit_group(self.running, group, edit):
            console.print_line(verbatim(sentence))

    def join(self, group: str, member: str) -> None:
        """In the rehearsal's tenant."""
        self.running.control.edit_cloud("add-member", group=group, member=member)


def _tell_kept(running: RunningRehearsal, parameters_file: Path) -> None:
    name = running.folder.name
    console.print_line(NOTHING)
    console.print_line(
        t(
            "The rehearsal {name} goes on: {graph_url} and LDAPS port {ldap_port}.",
            name=name,
            graph_url=running.state["graph_url"],
            ldap_port=running.state["ldap_port"],
        )
    )
    console.print_line(t("Its parameters file: {shown_path}", shown_path=console.shown_path(parameters_file)))
    console.print_line(t("Stop it with: gwb rehearsal stop --name {name}", name=name))
