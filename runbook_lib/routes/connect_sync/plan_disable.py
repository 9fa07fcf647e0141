"""Plan of 40-disable-writeback on the route connect-sync: v1 is switched off, and everything that it wrote goes. Pure.

All or none: which groups go nobody chooses, so the plan names every one of them, and the limit ``max_deletions`` counts
them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.connect.removed import Removal, next_cycle_deletes
from runbook_lib.connect.settings import WritebackSettings
from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import as_object_guid
from runbook_lib.model.predicted import Known
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, counted, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.connect_sync.actions import ConnectAction, RunCycle
from runbook_lib.routes.connect_sync.acts import in_act_order
from runbook_lib.routes.connect_sync.leaving_actions import GoingGroup, SetNewGroupDefault, SwitchOff
from runbook_lib.routes.connect_sync.leaving_findings import leaving_findings
from runbook_lib.routes.connect_sync.payload import ConnectSyncPlan
from runbook_lib.routes.connect_sync.planning import about_ou
from runbook_lib.routes.connect_sync.steps import same_place
from runbook_lib.routes.connect_sync.target import connect_target_of
from runbook_lib.rules.policy import Limits


@dataclass(frozen=True, slots=True)
class LeavingPlan:
    """A plan that takes v1 away, what was found while making it, and what goes.

    Attributes:
        removals: Every AD group that goes, or may go.
    """

    plan: ConnectSyncPlan
    findings: tuple[Finding, ...]
    removals: tuple[Removal, ...]


def plan_disable(
    inventory: Inventory,
    settings: WritebackSettings,
    limits: Limits,
    default: SetNewGroupDefault | None = None,
    operation: Operation = Operation.DISABLE,
) -> LeavingPlan:
    """Plan to switch v1 off; nothing where it is off and nothing of it is left.

    Args:
        inventory: Both sides, read completely.
        settings: What decides about v1.
        limits: Numbers that the plan may not exceed.
        default: What becomes of the default for new groups; None: it stays.
        operation: Also the way back of an enabling.

    Raises:
        Refused: More groups go than ``max_deletions`` allows (``limit-deletions``).
    """
    target = connect_target_of(inventory.cloud.tenant.id, inventory.directory)
    removals = next_cycle_deletes(inventory, settings)
    actions: list[tuple[ChangeKind, ConnectAction, str, Text]] = []
    if settings.v1 is not Switch.OFF or any(one.certain is Known.YES for one in removals):
        require_deletions([one.display_name for one in removals], limits)
        why = t("v1 writes all Microsoft 365 groups or none.")
        actions += [
            (ChangeKind.SWITCH_OFF, SwitchOff(tuple(map(_going, removals))), "leave-v1", why),
            (ChangeKind.RUN_CYCLE, RunCycle(), "leave-v1", t("The deletions happen in the cycle.")),
        ]
    else:
        removals = ()
    if default is not None:
        actions.append((ChangeKind.NEW_GROUP_DEFAULT, default, "asked-for", NOTHING))
    changes = in_act_order(about_ou(target, kind, action, reason, why) for kind, action, reason, why in actions)
    plan = ConnectSyncPlan(operation, target, changes, limits.as_json(), route=Route.CONNECT_SYNC)
    found = tuple(leaving_findings(removals, settings, inventory.directory.deleted)) if removals or changes else ()
    return LeavingPlan(plan, found, removals)


def _going(one: Removal) -> GoingGroup:
    present = one.present
    return GoingGroup(
        one.group_id,
        one.display_name,
        as_object_guid(present.guid),
        present.sid or "",
        present.dn,
        certain=one.certain is Known.YES,
    )


def require_deletions(names: Sequence[str], limits: Limits) -> None:
    """Refuse to have more groups deleted than ``max_deletions`` says.

    Args:
        names: Display names of the groups that go.
        limits: From the parameters.

    Raises:
        Refused: ``limit-deletions``.
    """
    if len(names) <= limits.deletions:
        return
    raise Refused(
        t(
            "The next cycle would delete {groups} ({names}), and max_deletions allows {limit}.",
            groups=counted(len(names), "AD group"),
            names=first_of([repr(printable(name, limit=80)) for name in names], 3),
            limit=limits.deletions,
        ),
        code="limit-deletions",
        hint=t(
            "v1 writes all groups or none, so none of them can be left out: raise max_deletions to {number} if all of "
            "them are to go.",
            number=len(names),
        ),
        values={"limit": "deletions", "allowed": limits.deletions, "planned": len(names)},
    )


def require_own_ou(settings: WritebackSettings, ou: str) -> None:
    """Refuse an OU that is not v1's, where the server or the tenant names v1's.

    Args:
        settings: What decides about v1.
        ou: DN that ``target_ou`` names.

    Raises:
        Refused: ``connect-other-ou``.
    """
    container = settings.container
    if settings.v1 is not Switch.ON or not container.known or same_place(container.value, ou):
        return
    raise Refused(
        t(
            "Group writeback v1 is on and writes to {there}; target_ou names {here}.",
            there=printable(container.value),
            here=printable(ou),
        ),
        code="connect-other-ou",
        hint=t("Name the OU of written groups in target_ou: it is looked for there what goes and what comes back."),
        values={"container": container.value, "target_ou": ou},
    )
