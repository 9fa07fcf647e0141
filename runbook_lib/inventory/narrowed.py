"""An inventory reduced to some groups: what a record keeps of a tenant whose other groups are none of its business."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from runbook_lib.inventory.build import Inventory


def narrowed(inventory: Inventory, groups: Collection[str]) -> Inventory:
    """The same inventory with the rows, the members and the AD objects of these groups alone.

    Args:
        inventory: Both sides joined.
        groups: Ids of cloud groups; one that it does not hold is nothing.
    """
    rows = tuple(row for row in inventory.rows if row.group_id in groups)
    guids = {row.ad.guid for row in rows if row.ad is not None}
    guids |= {ad.guid for row in rows for ad in inventory.index.groups_by_anchor.get(row.group_id, ())}
    objects = tuple(group for group in inventory.directory.groups if group.guid in guids)
    return replace(
        inventory,
        rows=rows,
        members={key: members for key, members in inventory.members.items() if key in groups},
        directory=replace(inventory.directory, groups=objects),
    )
