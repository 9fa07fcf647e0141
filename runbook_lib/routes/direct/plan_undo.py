"""Plan of 60-undo-change: the inverse of what a record really did, checked against what is there now. Pure.

Undoing a create retires the object, or deletes it where that is told; undoing a deletion brings the object back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.change.step import LiveState
from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.members import no_member
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.directory import UNIVERSAL_SECURITY, AttributeDelta, Container, DirectoryGroup
from runbook_lib.model.dn import normalize_dn, parent_of
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, joined, t
from runbook_lib.routes.direct.live import compare
from runbook_lib.routes.direct.payload import DIRECT_TYPES, DirectChange, ExistingMember, Member, Move
from runbook_lib.routes.direct.plan_disable import deletion, refuse_deletion, retirement
from runbook_lib.routes.direct.plan_undelete import Scene, WayBack, refuse_undeletion, undeletion
from runbook_lib.routes.direct.planning import DirectPlanned, existing, finished_plan, rule_context
from runbook_lib.routes.direct.preconditions import (
    require_plannable,
    require_writers_known,
)
from runbook_lib.routes.direct.target import DirectTarget, plan_target
from runbook_lib.routes.direct.writes import ChangeEffect, effect_of
from runbook_lib.rules.group import RuleContext, refuse_not_ours, refuse_putting_back
from runbook_lib.rules.policy import Policy

_INVERSE = {
    ChangeKind.CREATE: ChangeKind.RETIRE,
    ChangeKind.UPDATE: ChangeKind.UPDATE,
    ChangeKind.ADD_MEMBERS: ChangeKind.REMOVE_MEMBERS,
    ChangeKind.REMOVE_MEMBERS: ChangeKind.ADD_MEMBERS,
    ChangeKind.RETIRE: ChangeKind.RESTORE,
    ChangeKind.RESTORE: ChangeKind.RETIRE,
}
"""Of a deletion: ``plan_undelete``. Of an undelete: as of a create."""


def plan_undo(inventory: Inventory, policy: Policy, done: DoneChange) -> DirectPlanned:
    """Plan the way back.

    Raises:
        Refused: Another tenant, domain or OU (``undo-elsewhere``), a precondition, or a limit.
    """
    require_plannable(inventory, policy, retires=True)
    plan = DIRECT_TYPES.plan(done.plan)
    _require_same_place(inventory, plan.target)
    effects = [(change, effect_of(done.effects.get(change.digest, ()))) for change in reversed(plan.changes)]
    scene = _scene(inventory, rule_context(inventory, policy), [change for change, did in effects if did.deleted])
    ways = [_way_back(change, effect, scene) for change, effect in effects if not effect.empty]
    changes = [change for way in ways for change in way.changes]
    refusals = [way.refusal for way in ways if way.refusal]
    findings = (*_other_controller(inventory, done), *(finding for way in ways for finding in way.findings))
    put_back = {c.group_id for c in changes if c.kind in (ChangeKind.RESTORE, ChangeKind.UNDELETE)}
    require_writers_known([row for row in inventory.rows if row.group_id in put_back], policy)
    in_step = sum(not way.changes and not way.refusal for way in ways)
    return DirectPlanned(finished_plan(Operation.UNDO, inventory, policy, changes, refusals, in_step), findings)


def _way_back(change: DirectChange, effect: ChangeEffect, scene: Scene) -> WayBack:
    if effect.deleted:
        return undeletion(change, scene)
    row = scene.rows.get(change.group_id)
    if row is None or row.ad is None or row.ad.guid != effect.object_guid:
        return WayBack(refusal=_refusal(change, "gone", t("The object it was done to is not there any more.")))
    if refused := refuse_not_ours(row, scene.context):
        return WayBack(refusal=refused)
    back = _inverse(change, effect, row, row.ad, scene.context)
    if back is None:
        return WayBack()
    if isinstance(back, Refusal):
        return WayBack(refusal=back)
    refused = refuse_way_back(back, row, scene.context)
    return WayBack(refusal=refused) if refused else WayBack((back,))


def _scene(inventory: Inventory, context: RuleContext, deleted: Sequence[DirectChange]) -> Scene:
    ours: dict[str, GroupRow] = {
        row.ad.guid: row for row in inventory.rows if row.ad and refuse_not_ours(row, context) is None
    }
    scene = Scene(context, {row.group_id: row for row in inventory.rows}, ours, {})
    back = {
        change.payload.object_guid: change.group_id for change in deleted if refuse_undeletion(change, scene) is None
    }
    return replace(scene, together=back)


def _require_same_place(inventory: Inventory, then: DirectTarget) -> None:
    now = plan_target(inventory)
    pairs = {
        t("tenant"): (now.tenant_id, then.tenant_id),
        t("domain"): (now.domain_guid, then.domain_guid),
        t("target OU"): (now.target_ou_guid, then.target_ou_guid),
    }
    if then.retired_ou_guid:
        pairs[t("retired OU")] = (now.retired_ou_guid, then.retired_ou_guid)
    differing = [name for name, (here, there) in pairs.items() if here != there]
    if differing:
        raise Refused(
            t(
                "The record was made for another {differing} than the parameters name.",
                differing=joined(differing, t(" and ")),
            ),
            code="undo-elsewhere",
            hint=t("Use the parameters file that the record was made with."),
            values={"differing": differing},
        )


def _other_controller(inventory: Inventory, done: DoneChange) -> tuple[Finding, ...]:
    """Undo reads where the change was written: elsewhere a write may not have arrived and looks taken back."""
    here = inventory.directory.controller
    then = done.place.get("invocation_id", "")
    if not then or then == here.invocation_id:
        return ()
    there = done.place.get("ds_service_name") or t("the one with invocation id {id}", id=then)
    return (
        Finding(
            id="undo-other-dc",
            severity=Severity.BLOCKING,
            seen=t(
                "The change was written to another domain controller ({there}) than {ds_service_name}.",
                there=there,
                ds_service_name=here.ds_service_name,
            ),
            expected=t("Undo reads and writes where the change was written."),
            why=t("A controller that has not received the writes yet looks as if somebody had taken them back."),
            to_do=t(
                "Name that controller in dc_host; if it is gone, make sure that replication is "
                "complete and acknowledge this finding."
            ),
            values={"then": then, "now": here.invocation_id},
            acknowledgeable=True,
        ),
    )


def _inverse(
    change: DirectChange,
    effect: ChangeEffect,
    row: GroupRow,
    ad: DirectoryGroup,
    context: RuleContext,
) -> DirectChange | Refusal | None:
    inventory, policy = context.inventory, context.policy
    if (effect.created or effect.undeleted) and policy.delete:
        return refuse_deletion(row, ad, context) or _deletion(row, ad, effect, inventory)
    if effect.created or effect.undeleted:
        retire = retirement(row, ad, inventory, policy)
        why = t(
            "It was {made} by the change that is undone; objects are retired, not deleted, unless told.",
            made=_made(effect),
        )
        return replace(retire, reason="undo", why=why) if retire else None
    deltas = tuple(delta.inverse() for delta in effect.attributes)
    state = compare(lambda name: ad.attributes.get(name, ()), deltas)
    if deltas and state is LiveState.OTHER:
        names = ", ".join(delta.name for delta in deltas)
        return _refusal(
            change,
            "changed-since",
            t("Its {names} changed since; taking the old value back would lose that.", names=names),
        )
    move = _move_back(effect, ad, inventory)
    if isinstance(move, str):
        return _refusal(change, "changed-since", t("It stands at {move} now.", move=move))
    empty = existing(_INVERSE[change.kind], row, ad, "undo", t("Undoes: {kind}.", kind=change.kind.title))
    payload = replace(
        empty.payload,
        attributes=_sorted(deltas) if state is LiveState.BEFORE else (),
        members_added=_members(effect.members_removed, ad, inventory, present=False),
        members_removed=_members(effect.members_added, ad, inventory, present=True),
        move=move,
    )
    return None if payload == empty.payload else replace(empty, payload=payload)


def _deletion(row: GroupRow, ad: DirectoryGroup, effect: ChangeEffect, inventory: Inventory) -> DirectChange | Refusal:
    """Delete what the undone change made, unless somebody else put members into it (rule 11)."""
    wanted = {member.guid for member in inventory.members.get(row.group_id, ()) if member.guid}
    strangers = [
        dn for dn in ad.members or () if inventory.index.guid_of_dn(dn) not in wanted | set(effect.members_added)
    ]
    if strangers:
        why = t(
            "{strangers_count} of its {members} members came neither from the record "
            "nor from the cloud group, {strangers} first: deleting would remove somebody else's "
            "members.",
            strangers_count=len(strangers),
            members=len(ad.members or ()),
            strangers=strangers[0],
        )
        to_do = t("Have them removed first, or retire the group: disable_by: retire.")
        return Refusal(row.group_id, row.display_name, "delete-foreign-members", why, to_do)
    why = t("It was {made} by the change that is undone (disable_by: delete).", made=_made(effect))
    return replace(deletion(row, ad, inventory), reason="undo", why=why)


def _made(effect: ChangeEffect) -> Text:
    return t("created") if effect.created else t("undeleted")


def refuse_way_back(way_back: DirectChange, row: GroupRow, context: RuleContext) -> Refusal | None:
    """What a plan of enable would refuse, an undo does not put back either."""
    types = [delta.added for delta in way_back.payload.attributes if delta.name == "groupType"]
    security = types[0] == (str(UNIVERSAL_SECURITY),) if types else row.ad is not None and row.ad.is_security
    gains = bool(way_back.payload.members_added or types) or way_back.kind is ChangeKind.RESTORE
    restored = way_back.kind is ChangeKind.RESTORE
    return refuse_putting_back(row, context, restored=restored, security=security and gains)


def _move_back(effect: ChangeEffect, ad: DirectoryGroup, inventory: Inventory) -> Move | str | None:
    """The move back, None where it is back or never moved, or the DN where it stands instead."""
    if effect.moved is None:
        return None
    by_guid: dict[str, Container] = {c.guid: c for c in (inventory.directory.target, inventory.directory.retired)}
    came_from, went_to = by_guid[effect.moved[0]], by_guid[effect.moved[1]]
    parent = normalize_dn(parent_of(ad.dn))
    if parent == normalize_dn(came_from.dn):
        return None
    if parent != normalize_dn(went_to.dn):
        return ad.dn
    return Move(went_to.guid, came_from.guid, went_to.dn, came_from.dn)


def _members(guids: tuple[str, ...], ad: DirectoryGroup, inventory: Inventory, *, present: bool) -> tuple[Member, ...]:
    """References to those of ``guids`` that still exist and are (or are not) members now."""
    live = {inventory.index.guid_of_dn(dn) for dn in ad.members or ()}
    index = inventory.index
    known = (guid for guid in sorted(set(guids)) if guid in index.by_guid)
    # What AD would refuse now is not put back: its scope or class may have changed since.
    fit = (guid for guid in known if present or no_member(index.by_guid[guid], index) is None)
    return tuple(
        ExistingMember(index.by_guid[guid].guid, index.by_guid[guid].dn) for guid in fit if (guid in live) is present
    )


def _sorted(deltas: tuple[AttributeDelta, ...]) -> tuple[AttributeDelta, ...]:
    return tuple(sorted(deltas, key=lambda delta: delta.name))


def _refusal(change: DirectChange, rule: str, why: Text) -> Refusal:
    to_do = t("Decide by hand; the record's plan, journal and backup hold the values.")
    return Refusal(change.group_id, change.display_name, rule, why, to_do)
