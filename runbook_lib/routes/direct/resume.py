"""Limits and rules of a first run, checked again on a plan that was loaded to be finished. Pure.

What is half written already looks neither like before nor like after, so only what is still to be written is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from runbook_lib.change.closing import HOW_TO_CLOSE
from runbook_lib.change.resume import BrokenOff
from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change import Plan, Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.dn import rdn_of
from runbook_lib.model.ids import GroupId, ObjectGuid
from runbook_lib.model.text import joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.direct.payload import (
    DIRECT_TYPES,
    DirectChange,
    DirectPlan,
    HoldingGroup,
    Member,
    NewGroupMember,
    UndeletedMember,
)
from runbook_lib.routes.direct.plan_disable import refuse_deletion, refuse_undecided
from runbook_lib.routes.direct.plan_undo import refuse_way_back
from runbook_lib.routes.direct.planning import rule_context
from runbook_lib.routes.direct.preconditions import (
    require_plannable,
    require_writers_known,
)
from runbook_lib.routes.direct.target import plan_target
from runbook_lib.rules.group import RuleContext, first_refusal, refuse_not_ours
from runbook_lib.rules.policy import Policy, check_limits

_SAME = {
    "tenant_id": "tenant",
    "domain_guid": "domain",
    "target_ou_guid": t("target OU"),
    "retired_ou_guid": t("retired OU"),
}
"""What has to stay the same until a change is finished, by id, and what people call it."""


def require_same_target(plan: Plan, inventory: Inventory, present_name: Callable[[str], str | None]) -> None:
    """Refuse a plan of another tenant, domain or OU than the parameters name, by id.

    Args:
        plan: The plan of the change that stopped midway.
        inventory: Both sides as the parameters name them.
        present_name: GUID to the distinguished name that an object has now; None: there is none.

    Raises:
        Refused: ``ou-renamed``: a parameter names an OU that does not exist, and the plan's has another name now;
            ``resume-elsewhere``: it is another one.
    """
    now, then = plan_target(inventory).as_json(), plan.target.as_json()
    differing = [name for name in _SAME if now[name] != then[name]]
    for name in ("target_ou", "retired_ou"):
        guid = str(then[f"{name}_guid"])
        if f"{name}_guid" in differing and now[name] and not now[f"{name}_guid"] and (present := present_name(guid)):
            raise Refused(
                t(
                    "The {ou} of the change that stopped midway is {present} now; {parameter} names {named}, which "
                    "does not exist.",
                    ou=_SAME[f"{name}_guid"],
                    present=present,
                    parameter=name,
                    named=now[name],
                ),
                code="ou-renamed",
                hint=t(
                    "Put its present name into {parameter}, then run again with the same change id: it resumes.",
                    parameter=name,
                ),
                values={"parameter": name, "guid": guid, "present": present},
            )
    if differing:
        parts = [_SAME[name] for name in differing]
        raise Refused(
            t(
                "The change that stopped midway belongs to another {differing} than the parameters name.",
                differing=joined(parts, t(" and ")),
            ),
            code="resume-elsewhere",
            hint=t("Use the parameters file that it was begun with. {how_to_close}", how_to_close=HOW_TO_CLOSE),
            values={"differing": parts},
        )


def with_names_of_today(plan: Plan, inventory: Inventory) -> DirectPlan:
    """The plan with the DNs and display names that its ids have now; ``require_same_target`` held."""
    directory = inventory.directory
    place = {c.guid: c.dn for c in (directory.target, directory.retired) if c.guid}
    names = {row.group_id: (row.display_name, row.ad.dn if row.ad else "") for row in inventory.rows}
    dn_of = {item.guid: item.dn for item in directory.objects}
    return rebound(DIRECT_TYPES.plan(plan), place, directory.controller.domain_dns_name, names, dn_of)


def rebound(
    plan: DirectPlan,
    place: Mapping[ObjectGuid, str],
    domain: str,
    names: Mapping[GroupId, tuple[str, str]],
    dn_of: Mapping[ObjectGuid, str],
) -> DirectPlan:
    """The same plan with today's names of everything that it knows by id: names are not part of its digest.

    Args:
        plan: As it was read from disk.
        place: GUID to DN of the target OU and the retired OU, today.
        domain: DNS name of the domain, today.
        names: Cloud group id to display name and DN of its AD object (empty: none), today.
        dn_of: GUID to DN of what stands in AD, today. What is gone keeps the name that the file gives it.
    """
    target = replace(
        plan.target,
        domain_dns_name=domain,
        target_ou=place[plan.target.target_ou_guid],
        retired_ou=place.get(plan.target.retired_ou_guid, ""),
    )
    made = {
        c.group_id: f"{c.payload.rdn},{place[c.payload.parent_guid]}"
        for c in plan.changes
        if c.payload.rdn and c.payload.parent_guid in place
    }

    def member(ref: Member) -> Member:
        if isinstance(ref, NewGroupMember):
            return ref  # It has no name as a member yet.
        dn = made.get(ref.group_id, ref.dn) if isinstance(ref, UndeletedMember) else ref.dn
        return replace(ref, dn=dn_of.get(ref.guid) or dn)

    def holder(group: HoldingGroup) -> HoldingGroup:
        return replace(group, dn=dn_of.get(group.guid) or group.dn)

    def named(change: DirectChange) -> DirectChange:
        payload = change.payload
        display_name, dn = names.get(change.group_id, (change.display_name, payload.dn))
        move, deletion = payload.move, payload.deletion
        if payload.rdn and payload.parent_guid:
            dn = made[change.group_id]
        elif move and dn:
            # Where it stood when it was planned: what is half done may have moved it already.
            dn = f"{rdn_of(dn)},{place[move.from_guid]}"
        today = replace(
            payload,
            dn=dn or payload.dn,
            members_added=tuple(map(member, payload.members_added)),
            members_removed=tuple(map(member, payload.members_removed)),
            move=replace(move, from_dn=place[move.from_guid], to_dn=place[move.to_guid]) if move else None,
            deletion=replace(deletion, member_of=tuple(map(holder, deletion.member_of))) if deletion else None,
        )
        return replace(change, display_name=display_name, payload=today)

    return replace(plan, target=target, changes=tuple(named(change) for change in plan.changes))


def require_rules(broken: BrokenOff, inventory: Inventory, policy: Policy) -> None:
    """Refuse what a first run would refuse: readings, OUs, limits, and groups by their rules.

    Raises:
        Refused: A precondition, a limit, or the rule that refuses a group, each with the way out.
    """
    require_plannable(inventory, policy, retires=False)
    check_limits(broken.changes, _members_before(broken, inventory), policy.limits)
    context = rule_context(inventory, policy)
    rows = {row.group_id: row for row in inventory.rows}
    left = [change for change in DIRECT_TYPES.changes(broken.changes) if change.digest not in broken.finished]
    if broken.plan.operation is Operation.ENABLE:
        require_writers_known([rows[c.group_id] for c in left if c.group_id in rows], policy)
    for change in left:
        if refused := _refusal(change, broken.plan.operation, rows.get(change.group_id), context):
            raise Refused(
                t(
                    "{display_name!r} is refused now: {why}",
                    display_name=printable(refused.display_name, limit=80),
                    why=refused.why,
                ),
                code=refused.rule,
                hint=t("{to_do} {how_to_close}", to_do=refused.to_do, how_to_close=HOW_TO_CLOSE),
                values={"group_id": refused.group_id, "rule": refused.rule},
            )


def _refusal(change: DirectChange, operation: Operation, row: GroupRow | None, context: RuleContext) -> Refusal | None:
    if operation is Operation.ENABLE:
        if row is None or row.cloud is None:
            why = t("There is no such group in the cloud any more.")
            return Refusal(change.group_id, change.display_name, "cloud-group-gone", why, t("Restore it in the cloud."))
        return first_refusal(row, context)
    if row is None or row.ad is None:
        # Deleted already, or still among the deleted objects: the write itself looks.
        return None
    if refused := refuse_not_ours(row, context):
        return refused
    if operation is Operation.DISABLE:
        deleting = change.kind is ChangeKind.DELETE
        return refuse_undecided(row) or (refuse_deletion(row, row.ad, context) if deleting else None)
    return refuse_way_back(change, row, context)


def _members_before(broken: BrokenOff, inventory: Inventory) -> Mapping[str, int]:
    """GUID to the number of members before this change touched the group: what shares were planned from."""
    found: dict[str, int] = {}
    changes = DIRECT_TYPES.changes(broken.plan.changes)
    index = inventory.index
    for group in inventory.directory.groups:
        if group.members is None:
            continue
        live = {index.guid_of_dn(dn) or dn for dn in group.members}
        for change in (c for c in changes if c.payload.object_guid == group.guid):
            live |= {ref.guid for ref in change.payload.members_removed}
            live -= {ref.guid for ref in change.payload.members_added if ref.guid}
        found[group.guid] = len(live)
    return found
