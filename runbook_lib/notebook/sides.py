"""Read both sides, prove it, join them, keep the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_lib.directory.sign_in.connect import needed
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.graph.snapshot import probe_groups, read_cloud
from runbook_lib.inventory import Inventory, build_inventory, group_ids_to_probe
from runbook_lib.notebook.face import ProgressLine
from runbook_lib.parameters.validate import require
from runbook_lib.rules.policy import naming_of
from runbook_lib.rules.writers import connect_v1_of

if TYPE_CHECKING:
    from runbook_lib.notebook.run import Run

_NEEDED = ("tenant_id", "client_id", "target_ou")


def read_sides(run: Run, *, keep: bool) -> Inventory:
    """Read Active Directory and Entra ID and join them.

    Args:
        run: The run; its connections are opened.
        keep: Whether the tables and the provenance become part of the record (the reading that is planned from).

    Raises:
        RunbookError: A parameter is missing, or one side cannot be read.
    """
    parameters = run.parameters
    require(parameters, *_NEEDED, *needed(parameters))
    line = ProgressLine("Active Directory")
    directory = read_directory(
        run.directory, parameters.target_ou, parameters.retired_ou, clock=run.clock, progress=line
    )
    line.say(
        f"{len(directory.groups):,} groups and {len(directory.objects):,} objects in {directory.reading.seconds:.1f} s"
    )
    line = ProgressLine("Entra ID")
    cloud = read_cloud(run.graph, parameters.tenant_id, clock=run.clock, progress=line)
    line.say(f"{len(cloud.groups):,} groups and {len(cloud.principals):,} principals in {cloud.reading.seconds:.1f} s")
    presence = probe_groups(run.graph, group_ids_to_probe(cloud, directory))
    inventory = build_inventory(
        cloud,
        directory,
        presence,
        naming=naming_of(parameters),
        connect_v1=connect_v1_of(parameters, cloud.writers, run.clock().date()),
    )
    if keep:
        _keep(run, inventory)
    return inventory


def _keep(run: Run, inventory: Inventory) -> None:
    folder = run.record.folder
    folder.write_csv("groups.csv", inventory.groups)
    folder.write_csv("members.csv", inventory.members)
    folder.write_csv("ad-groups.csv", inventory.ad_groups)
    folder.write_workbook(
        "inventory.xlsx",
        {"groups": inventory.groups, "members": inventory.members, "AD groups": inventory.ad_groups},
    )
    cloud, directory = inventory.cloud.reading, inventory.directory.reading
    run.record.set(snapshots={"cloud": cloud.as_json(), "directory": directory.as_json()})
    for gap in (*cloud.gaps, *directory.gaps):
        run.record.note_gap(gap)
