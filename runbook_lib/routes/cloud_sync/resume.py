"""A change of the route cloud-sync that stopped midway: the same configuration, with today's names. Pure."""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.change.closing import HOW_TO_CLOSE
from runbook_lib.errors import Refused
from runbook_lib.model.text import t
from runbook_lib.routes.cloud_sync.payload import CloudSyncPlan
from runbook_lib.routes.cloud_sync.planning import Sides, differing_parts


def require_same_target(plan: CloudSyncPlan, sides: Sides) -> None:
    """Refuse a plan of another tenant, domain or configuration than the parameters lead to, by id.

    Raises:
        Refused: ``resume-elsewhere``.
    """
    if differing := differing_parts(sides.target, plan.target):
        raise Refused(
            t(
                "The change that stopped midway belongs to another {differing} than the parameters name.",
                differing=" and ".join(differing),
            ),
            code="resume-elsewhere",
            hint=t("Use the parameters file that it was begun with. {how_to_close}", how_to_close=HOW_TO_CLOSE),
            values={"differing": differing},
        )


def renamed(plan: CloudSyncPlan, sides: Sides) -> CloudSyncPlan:
    """The same plan with today's names of everything that it knows by id: names are no part of its digest."""
    names = {row.group_id: row.display_name for row in sides.inventory.rows}
    changes = tuple(
        replace(change, display_name=names.get(change.group_id, change.display_name)) for change in plan.changes
    )
    return replace(plan, target=sides.target, changes=changes)
