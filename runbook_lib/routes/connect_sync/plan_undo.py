"""Plan of 60-undo-change on the route connect-sync: groups come back first, then v1 is switched on again. Pure.

The order is everything: an object that is there again with its anchor when v1 begins is joined and keeps its SID; where
v1 comes first it makes a new object, and the old one cannot come back beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.connect.predicted import NamingMode
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.connect.settings import WritebackSettings
from runbook_lib.errors import Refused
from runbook_lib.graph.tenant.group_settings import GroupSettings
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import CloudKind, Switch
from runbook_lib.model.directory import DeletedObject
from runbook_lib.model.dn import is_below, rdn_value
from runbook_lib.model.enforcement import Leave
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import anchor_of
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, counted, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.connect_sync.actions import BringsGroups, ComingGroup, RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.acts import in_act_order
from runbook_lib.routes.connect_sync.choosing_actions import ChooseInStaging, LeaveStaging
from runbook_lib.routes.connect_sync.group_writeback import SetGroupWriteback, about_group
from runbook_lib.routes.connect_sync.leaving_actions import BringBack, GoingGroup, SetNewGroupDefault, SwitchOff
from runbook_lib.routes.connect_sync.leaving_findings import rules_stay
from runbook_lib.routes.connect_sync.new_group_default import default_undone
from runbook_lib.routes.connect_sync.payload import (
    CONNECT_SYNC_TYPES,
    ConnectSyncChange,
    ConnectSyncPayload,
    ConnectSyncPlan,
)
from runbook_lib.routes.connect_sync.plan_disable import LeavingPlan, plan_disable
from runbook_lib.routes.connect_sync.planning import about_ou, require_same_ou
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget, connect_target_of
from runbook_lib.rules.policy import Limits

NO_STATES: Mapping[str, bool | None] = {}
_TOO_LATE = t("It is too late for the same object; rights by its SID do not come back.")


@dataclass(frozen=True, slots=True)
class _Back:
    """Way back of one group: a change, a refusal, or neither (it stands there)."""

    change: ConnectSyncChange | None = None
    refusal: Refusal | None = None
    days_left: int | None = None


def plan_undo(
    inventory: Inventory,
    settings: WritebackSettings,
    limits: Limits,
    done: DoneChange,
    now: GroupSettings | None,
    states: Mapping[str, bool | None] = NO_STATES,
) -> LeavingPlan:
    """Plan the way back of a change.

    Args:
        inventory: Both sides, read completely.
        settings: What decides about v1 now.
        limits: Numbers that the plan may not exceed.
        done: What the change did.
        now: The tenant's settings of groups, where the change set the default; else None.
        states: What is set of writeback under V2 of the groups of which the change set it, by id.

    Raises:
        Refused: Another tenant, domain or OU (``undo-elsewhere``), or a limit.
    """
    plan = CONNECT_SYNC_TYPES.plan(done.plan)
    target = connect_target_of(inventory.cloud.tenant.id, inventory.directory)
    hint = t("Use the parameters file that the record was made with.")
    require_same_ou(target, plan.target, code="undo-elsewhere", hint=hint)
    default, findings = _default(plan, done, now)
    single, refused = _of_groups(plan, done, states, target)
    off = next((one.payload.action for one in plan.changes if isinstance(one.payload.action, SwitchOff)), None)
    if off is not None:
        made = _way_back(off, inventory, settings, limits, target)
    elif any(isinstance(one.payload.action, BringsGroups) for one in plan.changes):
        made = plan_disable(inventory, settings, limits, operation=Operation.UNDO)
    else:
        made = LeavingPlan(_plan(target, (), limits), (), ())
    if default is not None:
        change = about_ou(target, ChangeKind.NEW_GROUP_DEFAULT, default, "undo", NOTHING)
        single = (*single, change)
    if single or refused:
        changes, refusals = in_act_order((*made.plan.changes, *single)), (*made.plan.refusals, *refused)
        made = replace(made, plan=replace(made.plan, changes=changes, refusals=refusals))
    return replace(made, findings=(*made.findings, *findings, *_stays(plan), *_rules_stay(plan, settings)))


def _way_back(
    off: SwitchOff, inventory: Inventory, settings: WritebackSettings, limits: Limits, target: ConnectSyncTarget
) -> LeavingPlan:
    deleted = {one.guid: one for one in inventory.directory.deleted.objects}
    living = frozenset(one.id for one in inventory.cloud.groups if one.kind is CloudKind.MICROSOFT_365)
    ways = [_back(one, deleted.get(one.guid), inventory, settings, living) for one in off.groups_going]
    changes = [way.change for way in ways if way.change]
    refusals = [way.refusal for way in ways if way.refusal]
    findings: list[Finding] = []
    if refusals:
        findings.append(_not_all(refusals, len(off.groups_going)))
    if days := [way.days_left for way in ways if way.days_left is not None]:
        findings.append(_days(min(days), len(changes)))
    if settings.v1 is not Switch.ON:
        on, cycle = _on_again(off, inventory, settings, target)
        _require_creates(on, {one.group_id for one in changes}, inventory, limits)
        changes += [on, cycle]
    in_step = len(ways) - len(refusals) - sum(way.change is not None for way in ways)
    plan = _plan(target, tuple(changes), limits, tuple(refusals), in_step)
    return LeavingPlan(plan, tuple(findings), ())


def _back(
    going: GoingGroup,
    found: DeletedObject | None,
    inventory: Inventory,
    settings: WritebackSettings,
    living: frozenset[str],
) -> _Back:
    if going.guid in inventory.index.groups_by_guid:
        return _Back()
    refused = _refused(going, found, inventory, settings, living)
    if refused is not None or found is None:
        return _Back(refusal=refused)
    deleted, at = inventory.directory.deleted, inventory.directory.reading.at
    days = None if found.changed is None else max(0, deleted.lifetime_days - (at - found.changed).days)
    action = BringBack(going.sid, anchor_of(going.group_id))
    payload = ConnectSyncPayload(going.guid, going.dn, going.group_id, action)
    why = t("It went with v1.")
    change = ConnectSyncChange(ChangeKind.BRING_BACK, going.group_id, going.display_name, payload, "undo", why)
    return _Back(change=change, days_left=days)


def _refused(
    going: GoingGroup,
    found: DeletedObject | None,
    inventory: Inventory,
    settings: WritebackSettings,
    living: frozenset[str],
) -> Refusal | None:
    index, directory = inventory.index, inventory.directory
    # Beside it another writer's object may have stood all the time: only one in v1's OU has taken its place.
    ou = directory.target.dn
    again = [one for one in index.groups_by_anchor.get(going.group_id, []) if is_below(one.dn, ou)]
    if again:
        why = t("{dn} was written for its cloud group meanwhile, with another SID.", dn=printable(again[0].dn))
        return _refusal(going, "undelete-written-again", why, _TOO_LATE)
    if settings.v1 is Switch.ON:
        why = t("v1 is on again: its next cycle makes a new object, and the old one would be a second one.")
        to_do = t("Where no cycle ran yet, switch v1 off again, and run this once more.")
        return _refusal(going, "undelete-v1-on", why, to_do)
    if going.group_id not in living:
        why = t("Its cloud group is none of the tenant's Microsoft 365 groups now: v1 would not join it.")
        return _refusal(going, "undelete-no-cloud-group", why, t("Restore the cloud group first, within 30 days."))
    if found is None:
        return _not_found(going, inventory)
    if found.sid != going.sid:
        why = t("The deleted object {dn} has another SID.", dn=printable(found.dn))
        return _refusal(going, "undelete-other-object", why, _TOO_LATE)
    if not found.was_of(going.group_id, ou):
        why = t("Nothing in AD says that the deleted object {dn} was written by v1.", dn=printable(found.dn))
        to_do = t("Find out where this record comes from; bring the object back by hand where it is the right one.")
        return _refusal(going, "undelete-other-object", why, to_do)
    if found.governed_by_cloud and directory.enforcement.leave is Leave.REFUSED:
        why = t("It carries msDS-ObjectSoa, and a policy of this domain lets this account not bring it back.")
        to_do = t("Have the account's SID put into msDS-Settings of the policy.")
        return _refusal(going, "object-enforced", why, to_do)
    return None


def _not_found(going: GoingGroup, inventory: Inventory) -> Refusal:
    deleted = inventory.directory.deleted
    if deleted.listable is not Switch.ON:
        why = t("This account may not list deleted objects, or sees none of them, so it cannot find it.")
        to_do = t(
            "Have the right to list CN=Deleted Objects and the right Reanimate-Tombstones on the domain's root "
            "delegated, or run this with an account that has them."
        )
        return _refusal(going, "undelete-hidden", why, to_do)
    why = t(
        "It is not among the deleted objects any more: recycled, or gone for good after {days} days ({source}).",
        days=deleted.lifetime_days,
        source=deleted.lifetime_source,
    )
    return _refusal(going, "undelete-gone", why, _TOO_LATE)


def _on_again(
    off: SwitchOff, inventory: Inventory, settings: WritebackSettings, target: ConnectSyncTarget
) -> tuple[ConnectSyncChange, ConnectSyncChange]:
    """v1 with the names that it had: another naming mode would rename every group that comes back."""
    # What may be somebody else's says nothing of the names that v1 gave, and one that was renamed by hand not for all.
    sure = [one for one in off.groups_going if one.certain] or off.groups_going
    by_id = 2 * sum(rdn_value(one.dn) == anchor_of(one.group_id) for one in sure) >= len(sure)
    mode = NamingMode.ID if by_id else NamingMode.DISPLAY_NAME
    # Rules that choose stay on the server when v1 goes: what they had chosen is what comes with it again.
    chosen = frozenset(one.group_id for one in off.groups_going) if settings.choosing else None
    coming = tuple(
        ComingGroup(group.group_id, group.display_name, group.names[mode].value)
        for group in predict_writeback(inventory, settings, chosen).groups
    )
    why = t("After the groups are back, so that v1 joins them.")
    return (
        about_ou(target, ChangeKind.SWITCH_ON, SwitchOn(not by_id, coming), "undo", why),
        about_ou(target, ChangeKind.RUN_CYCLE, RunCycle(), "undo", NOTHING),
    )


def _require_creates(on: ConnectSyncChange, back: set[str], inventory: Inventory, limits: Limits) -> None:
    there = {key for key, found in inventory.index.groups_by_anchor.items() if found}
    new = sorted(on.payload.groups - back - there)
    if len(new) > limits.creates:
        raise Refused(
            t(
                "v1 would make {groups} that are not there and do not come back, and max_creates allows {limit}.",
                groups=counted(len(new), "AD group"),
                limit=limits.creates,
            ),
            code="limit-creates",
            hint=t("Look at the groups that are refused; raise max_creates if that many new objects are meant."),
            values={"limit": "creates", "allowed": limits.creates, "planned": len(new)},
        )


def _not_all(refusals: Sequence[Refusal], number: int) -> Finding:
    names = first_of([printable(one.display_name, limit=80) for one in refusals], 5)
    return Finding(
        id="way-back-not-whole",
        severity=Severity.BLOCKING,
        seen=t(
            "{refused} of {groups} do not come back as the same objects: {names}.",
            refused=len(refusals),
            groups=counted(number, "AD group"),
            names=names,
        ),
        expected=t("Every group comes back before v1 is switched on again."),
        why=t(
            "v1 makes new objects with other SIDs for them: rights and memberships of the old ones do not come back."
        ),
        to_do=t("Look at the reasons; acknowledge this finding where new objects will do."),
        values={"refused": len(refusals), "groups": number},
        acknowledgeable=True,
    )


def _days(left: int, groups: int) -> Finding:
    return Finding(
        id="way-back-days",
        severity=Severity.INFO if left > 3 else Severity.WARNING,
        seen=t(
            "{groups} come back from the deleted objects; {days} days are left for the oldest.",
            groups=counted(groups, "AD group"),
            days=left,
        ),
        values={"days": left, "groups": groups},
    )


def _stays(plan: ConnectSyncPlan) -> tuple[Finding, ...]:
    if not any(one.kind is ChangeKind.GRANT_RIGHTS for one in plan.changes):
        return ()
    return (
        Finding(
            id="connector-rights-stay",
            severity=Severity.INFO,
            seen=t("The rights of the connector account on the OU stay: this plan does not take them."),
            to_do=t("Take them with dsacls where v1 is not to come back."),
        ),
    )


def _rules_stay(plan: ConnectSyncPlan, settings: WritebackSettings) -> tuple[Finding, ...]:
    chose = any(isinstance(one.payload.action, ChooseInStaging | LeaveStaging) for one in plan.changes)
    return (rules_stay(settings.choosing),) if chose and not settings.choosing else ()


def _default(
    plan: ConnectSyncPlan, done: DoneChange, now: GroupSettings | None
) -> tuple[SetNewGroupDefault | None, tuple[Finding, ...]]:
    for change in plan.changes:
        action = change.payload.action
        said = [effect.data for effect in done.effects.get(change.digest, ()) if effect.data]
        if isinstance(action, SetNewGroupDefault) and said and now is not None:
            back = default_undone(now, action, said[-1])
            return (None, (back,)) if isinstance(back, Finding) else (back, ())
    return None, ()


def _of_groups(
    plan: ConnectSyncPlan, done: DoneChange, states: Mapping[str, bool | None], target: ConnectSyncTarget
) -> tuple[tuple[ConnectSyncChange, ...], tuple[Refusal, ...]]:
    """Settings of single groups under V2: back to what they were, unless somebody changed them since."""
    changes: list[ConnectSyncChange] = []
    refusals: list[Refusal] = []
    for one in plan.changes:
        action = one.payload.action
        did = any(effect.data for effect in done.effects.get(one.digest, ()))
        if not isinstance(action, SetGroupWriteback) or not did or states.get(one.group_id) is action.before:
            continue
        if states.get(one.group_id) is action.after:
            back = SetGroupWriteback(action.after, action.before)
            changes.append(about_group(target, one.group_id, one.display_name, back))
            continue
        why = t("Somebody changed since whether it is written back under V2.")
        to_do = t("Decide by hand; the record's plan says what was set before.")
        refusals.append(Refusal(one.group_id, one.display_name, "writeback-changed-since", why, to_do))
    return tuple(changes), tuple(refusals)


def _plan(
    target: ConnectSyncTarget,
    changes: tuple[ConnectSyncChange, ...],
    limits: Limits,
    refusals: tuple[Refusal, ...] = (),
    in_step: int = 0,
) -> ConnectSyncPlan:
    ordered = tuple(sorted(refusals, key=lambda one: one.group_id))
    told = limits.as_json()
    return ConnectSyncPlan(Operation.UNDO, target, changes, told, ordered, in_step, route=Route.CONNECT_SYNC)


def _refusal(going: GoingGroup, rule: str, why: Text, to_do: Text) -> Refusal:
    return Refusal(going.group_id, going.display_name, rule, why, to_do)
