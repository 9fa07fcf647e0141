"""Both sides joined: cloud groups, their AD objects, their members, states and reasons."""

from runbook_lib.inventory.build import Inventory, build_inventory, group_ids_to_probe
from runbook_lib.inventory.index import index_directory
from runbook_lib.inventory.naming import Naming
from runbook_lib.inventory.states import GroupRow, GroupState, Writer
from runbook_lib.model.target import Route

__all__ = [
    "GroupRow",
    "GroupState",
    "Inventory",
    "Naming",
    "Route",
    "Writer",
    "build_inventory",
    "group_ids_to_probe",
    "index_directory",
]
