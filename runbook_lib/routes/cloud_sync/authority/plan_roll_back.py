"""Plans that give the source of authority back: 40 with ``cloud_sync_disable: roll-back``, 60 of either change. Pure.

Parents go first. While the cloud still decides about a parent, Cloud Sync takes a child that AD decides about out of
the parent's AD group ("How provisioning to Active Directory works": a converted parent holds no synchronized group),
and AD is what counts afterwards. The other way round the parent misses the child in the cloud alone, until the child
comes back too ("Configure Group Source of Authority", no dual write).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.inventory.members import scope_of
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Authority
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import as_group_id
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.authority.actions import (
    MakeExtension,
    MapGroupDn,
    RemoveExtension,
    SetCloudManaged,
    SetGroupScope,
    fills,
)
from runbook_lib.routes.cloud_sync.authority.facts import (
    AuthorityFacts,
    AuthoritySettings,
    PlannedAuthority,
    cloud_groups,
    lost_at_take_over,
    nesting_levels,
    require_limit,
    with_nested,
)
from runbook_lib.routes.cloud_sync.authority.findings import (
    catalogs_left,
    members_lost,
    not_taken_back,
    taken_over_later,
)
from runbook_lib.routes.cloud_sync.authority.rules import barred_from_return, bars_restoring, gone_refusal
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES, CloudSyncChange
from runbook_lib.routes.cloud_sync.plan_undo import did, require_same_place, way_back
from runbook_lib.routes.cloud_sync.planning import Sides, action, finished_plan, require_same_domain
from runbook_lib.routes.direct.preconditions import require_complete
from runbook_lib.routes.direct.selection import select
from runbook_lib.rules.policy import Policy

AUTHORITY_KINDS = frozenset(
    {
        ChangeKind.CONVERT,
        ChangeKind.ROLL_BACK,
        ChangeKind.MAKE_UNIVERSAL,
        ChangeKind.RESTORE_SCOPE,
        ChangeKind.EXTENSION,
        ChangeKind.REMOVE_EXTENSION,
        ChangeKind.MAP_GROUP_DN,
        ChangeKind.UNMAP_GROUP_DN,
    }
)
"""Kinds of change that plans of the source of authority have and no other plan has."""
_NAMED = frozenset({Authority.CONVERTED, Authority.PENDING, Authority.AD})
"""What a name picks: a group that AD has again is in step."""
_TAKE_OUT = t("Take it out of the selection.")


def plan_roll_back(sides: Sides, facts: AuthorityFacts, wanted: AuthoritySettings, policy: Policy) -> PlannedAuthority:
    """Plan that AD becomes the source of authority of the named groups again, and of what is nested in them.

    Raises:
        Refused: A reading is incomplete, the selection, the configuration's domain, or the limit.
    """
    inventory = sides.inventory
    require_complete(inventory)
    require_same_domain(sides)
    rows = select(inventory.rows, policy.disable_ids, policy.disable_names, by_name=_by_name, purpose="disable")
    groups = cloud_groups(inventory)
    refused: dict[str, Refusal] = {row.group_id: gone_refusal(row) for row in rows if row.group_id not in groups}
    chosen: Sequence[str] = [row.group_id for row in rows if row.group_id in groups]
    if wanted.with_nested:
        chosen = with_nested(inventory, chosen, Authority.CONVERTED)
    pending = [one for one in chosen if groups[one].authority is Authority.PENDING]
    given = [*pending, *(one for one in chosen if groups[one].authority is Authority.AD)]
    returning = []
    for one in chosen:
        if one in given:
            continue
        if (found := barred_from_return(groups[one], sides)) is None:
            returning.append(one)
        else:
            refused[one] = found
    require_limit(len(returning), wanted)
    changes = _roll_back(returning, sides, "named", t("Named, or nested in a named group, and converted."))
    findings = _findings(returning, pending, sides, facts)
    plan = finished_plan(Operation.DISABLE, sides, changes, list(refused.values()), wanted.limits(policy), len(given))
    return PlannedAuthority(plan, tuple(findings), watched=dict.fromkeys(sorted({*returning, *pending}), False))


def plan_undo_authority(
    sides: Sides, facts: AuthorityFacts, wanted: AuthoritySettings, policy: Policy, done: DoneChange
) -> PlannedAuthority:
    """Plan the way back of a conversion, of a roll-back, or of what prepared one.

    Raises:
        Refused: Another tenant, domain or configuration (``undo-elsewhere``), or an incomplete reading.
    """
    require_complete(sides.inventory)
    plan = CLOUD_SYNC_TYPES.plan(done.plan)
    require_same_place(sides.target, plan.target)
    changes: list[CloudSyncChange] = []
    refusals: list[Refusal] = []
    in_step = 0
    authority: list[CloudSyncChange] = []
    restored = _restored(plan.changes, done, sides)
    for change in reversed(plan.changes):
        effect = did(done.effects.get(change.digest, ()))
        if not effect:
            continue
        if isinstance(change.payload.action, SetCloudManaged):
            authority.append(change)
            continue
        back = _back(change, effect, sides, facts, restored)
        if back is None:
            in_step += 1
        elif isinstance(back, Refusal):
            refusals.append(back)
        else:
            changes.append(back)
    returning, converting, same, barred = _sorted_out(authority, sides)
    refusals += barred
    require_limit(len(returning) + len(converting), wanted)
    why = t("The record did it.")
    changes += _roll_back(returning, sides, "undo-convert", why)
    changes += _convert_again(converting, sides, why)
    findings = _findings(returning, [], sides, facts)
    if authority or any(change.kind is ChangeKind.EXTENSION for change in plan.changes):
        findings += not_taken_back(
            bool(returning), any(change.kind is ChangeKind.REMOVE_EXTENSION for change in changes)
        )
    made = finished_plan(Operation.UNDO, sides, changes, refusals, wanted.limits(policy), in_step + len(same))
    groups = cloud_groups(sides.inventory)
    watched = {
        **{one: groups[one].authority is Authority.CONVERTED for one in same},
        **dict.fromkeys(returning, False),
        **dict.fromkeys(converting, True),
    }
    return PlannedAuthority(made, tuple(findings), watched=dict(sorted(watched.items())))


def _by_name(row: GroupRow) -> bool:
    return row.cloud is not None and row.cloud.authority in _NAMED


def _findings(
    returning: Collection[str], pending: Collection[str], sides: Sides, facts: AuthorityFacts
) -> list[Finding]:
    """What is lost by it; groups that nothing has taken over yet still lose the same."""
    groups = cloud_groups(sides.inventory)
    both = [*returning, *pending]
    if not returning:
        return []
    return [
        taken_over_later(len(both), facts.inbound is None),
        *members_lost(lost_at_take_over(sides.inventory, both)),
        *catalogs_left({one: groups[one] for one in both}, facts.catalogs),
    ]


def _roll_back(returning: Sequence[str], sides: Sides, reason: str, why: Text) -> list[CloudSyncChange]:
    groups = cloud_groups(sides.inventory)
    level = nesting_levels(returning, sides.inventory.cloud.members)
    highest = max(level.values(), default=0)
    return [
        CloudSyncChange(
            ChangeKind.ROLL_BACK,
            as_group_id(one),
            groups[one].display_name,
            action(sides, SetCloudManaged(managed=False, synchronized=False, level=highest - level[one]), one),
            reason,
            why,
        )
        for one in returning
    ]


def _convert_again(converting: Sequence[str], sides: Sides, why: Text) -> list[CloudSyncChange]:
    groups = cloud_groups(sides.inventory)
    level = nesting_levels(converting, sides.inventory.cloud.members)
    return [
        CloudSyncChange(
            ChangeKind.CONVERT,
            as_group_id(one),
            groups[one].display_name,
            action(
                sides,
                SetCloudManaged(managed=True, synchronized=groups[one].authority is Authority.AD, level=level[one]),
                one,
            ),
            "undo-roll-back",
            why,
        )
        for one in converting
    ]


def _sorted_out(
    authority: Sequence[CloudSyncChange], sides: Sides
) -> tuple[list[str], list[str], list[str], list[Refusal]]:
    """Groups to give back, groups to convert again, groups that are as before already, and refusals."""
    groups = cloud_groups(sides.inventory)
    returning: list[str] = []
    converting: list[str] = []
    same: list[str] = []
    refusals = []
    for change in authority:
        group = groups.get(change.group_id)
        if group is None:
            why = t("There is no such group in the tenant any more.")
            refusals.append(Refusal(change.group_id, change.display_name, "not-in-cloud", why, _TAKE_OUT))
            continue
        managed = group.authority is Authority.CONVERTED
        if managed is (change.kind is ChangeKind.ROLL_BACK):
            same.append(group.id)
        elif (barred := barred_from_return(group, sides)) is not None:
            refusals.append(barred)
        elif managed:
            returning.append(group.id)
        else:
            converting.append(group.id)
    return returning, converting, same, refusals


def _restored(changes: Sequence[CloudSyncChange], done: DoneChange, sides: Sides) -> dict[str, int]:
    """objectGUID to former groupType, of the groups whose scope was changed and is still as it was changed."""
    found = {}
    for change in changes:
        act = change.payload.action
        if isinstance(act, SetGroupScope) and did(done.effects.get(change.digest, ())):
            own = sides.inventory.index.groups_by_guid.get(act.guid)
            if own is not None and own.group_type == act.after:
                found[act.guid] = act.before
    return found


def _back(
    change: CloudSyncChange,
    effect: Mapping[str, Any],
    sides: Sides,
    facts: AuthorityFacts,
    restored: Mapping[str, int],
) -> CloudSyncChange | Refusal | None:
    match change.payload.action:
        case SetGroupScope() as scope:
            return _scope_back(change, scope, sides, facts, restored)
        case MakeExtension(part, uri):
            made = str(effect.get("made") or "")
            there = {
                "application": facts.extension.application,
                "service-principal": facts.extension.service_principal,
                "property": facts.extension.property_id,
            }[part]
            if not there:
                return None
            if there != made:
                return _no(change, "made-anew", t("Somebody made the {part} anew.", part=part))
            return _taken(change, ChangeKind.REMOVE_EXTENSION, action(sides, RemoveExtension(part, uri, made)))
        case MapGroupDn() as maps:
            inbound, name = facts.inbound, facts.extension.name
            if inbound is None or not name or not fills(inbound.schema, name):
                return None
            if inbound.address.job_id != maps.job_id:
                return _no(change, "other-job", t("Another job synchronizes the domain now."))
            unmaps = MapGroupDn(maps.service_principal, maps.job_id, maps.uri, inbound.schema, mapped=False)
            return _taken(change, ChangeKind.UNMAP_GROUP_DN, action(sides, unmaps))
    return way_back(change, effect, sides)


def _scope_back(
    change: CloudSyncChange, scope: SetGroupScope, sides: Sides, facts: AuthorityFacts, restored: Mapping[str, int]
) -> CloudSyncChange | Refusal | None:
    own = sides.inventory.index.groups_by_guid.get(scope.guid)
    if own is None:
        return _no(change, "no-object", t("Its AD object is not there any more."))
    if own.group_type == scope.before:
        return None
    if own.group_type != scope.after:
        return _no(change, "scope-changed", t("Somebody changed its groupType since."))
    if own.guid in facts.unwritable:
        return _no(change, "no-right", t("This account may not write groupType of {dn}.", dn=printable(own.dn)))
    if barred := bars_restoring(own, scope_of(scope.before), sides.inventory, restored):
        return _no(change, "scope-stays", barred)
    back = SetGroupScope(own.guid, own.dn, scope.after, scope.before, -scope.order)
    return _taken(change, ChangeKind.RESTORE_SCOPE, action(sides, back, change.group_id))


def _taken(change: CloudSyncChange, kind: ChangeKind, payload: Any) -> CloudSyncChange:
    why = t("The record did it.")
    return CloudSyncChange(kind, change.group_id, change.display_name, payload, f"undo-{change.kind.value}", why)


def _no(change: CloudSyncChange, rule: str, why: Text) -> Refusal:
    to_do = t("Decide by hand, in AD or in the Entra admin center.")
    return Refusal(change.group_id, printable(change.title, limit=80), rule, why, to_do)
