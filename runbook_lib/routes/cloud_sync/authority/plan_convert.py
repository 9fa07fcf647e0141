"""Plan of 30-enable-writeback with ``cloud_sync_enable: convert``: the cloud becomes the source of authority. Pure.

A conversion is a change of its own; groups come into scope by another one. Two plans lead there where OU and name are
kept: the first makes what holds the distinguished name and has it filled, the second is made when it is filled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from runbook_lib.cloud_sync.configuration import expressions_of, with_mappings
from runbook_lib.cloud_sync.group_dn import Placement, place_by
from runbook_lib.cloud_sync.scope import values_of
from runbook_lib.inventory.members import GroupScope, scope_of
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Authority, CloudGroup, CloudKind
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import NO_GROUP, as_group_id
from runbook_lib.model.text import t
from runbook_lib.routes.cloud_sync.actions import ReplaceSchema, schema_digest
from runbook_lib.routes.cloud_sync.authority.actions import (
    ExtensionPart,
    MakeExtension,
    MapGroupDn,
    SetCloudManaged,
    SetGroupScope,
    fills,
    universal,
)
from runbook_lib.routes.cloud_sync.authority.facts import (
    AuthorityFacts,
    AuthoritySettings,
    PlannedAuthority,
    ad_object,
    cloud_groups,
    nested_that_stay,
    nesting_levels,
    parents_that_stay,
    require_limit,
    with_nested,
)
from runbook_lib.routes.cloud_sync.authority.findings import (
    attributes_lost,
    catalogs_of_converted,
    client_findings,
    references_lost,
)
from runbook_lib.routes.cloud_sync.authority.place_findings import (
    connect_fills,
    moves,
    others_move,
    rights_and_steps,
    two_plans,
)
from runbook_lib.routes.cloud_sync.authority.rules import (
    against_conversion,
    gone_refusal,
    is_filled,
    one_refusal,
    scope_orders,
    scope_refusals,
    unfilled_refusal,
)
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange
from runbook_lib.routes.cloud_sync.planning import Sides, action, finished_plan, require_same_domain
from runbook_lib.routes.direct.preconditions import require_complete
from runbook_lib.routes.direct.selection import select
from runbook_lib.rules.policy import Policy

_PARTS: tuple[ExtensionPart, ...] = ("application", "service-principal", "property")
_TAKE_OUT = t("Take it out of the selection.")


def plan_convert(sides: Sides, facts: AuthorityFacts, wanted: AuthoritySettings, policy: Policy) -> PlannedAuthority:
    """Plan the conversion of the selected groups, and of what is nested in them.

    Raises:
        Refused: A reading is incomplete, the selection, the configuration's domain, or the limit. A rule that refuses
            single groups does not raise: they are listed in the plan's refusals.
    """
    inventory = sides.inventory
    require_complete(inventory)
    require_same_domain(sides)
    rows = select(inventory.rows, policy.select_ids, policy.select_names, by_name=_by_name, purpose="select")
    groups = cloud_groups(inventory)
    refused: dict[str, Refusal] = {row.group_id: gone_refusal(row) for row in rows if row.group_id not in groups}
    chosen: Sequence[str] = [row.group_id for row in rows if row.group_id in groups]
    if wanted.with_nested:
        chosen = with_nested(inventory, chosen, Authority.AD, policy.disable_ids)
    already = [one for one in chosen if groups[one].authority is Authority.CONVERTED]
    own, reasons = _judged([one for one in chosen if one not in already], groups, sides, wanted, facts)
    after = with_mappings(sides.documents.schema, facts.sources) if facts.sources else dict(sides.documents.schema)
    expressions = expressions_of(after)
    places = {one: place_by(expressions, own[one].dn, values_of(groups[one])) for one in own}
    unfilled = [one for one in own if wanted.keep_place and not is_filled(groups[one], own[one], facts)]
    first = _preparation(sides, facts) if unfilled else []
    findings = [*client_findings(facts)]
    if not first:
        for one in unfilled:
            reasons[one] = [unfilled_refusal(groups[one], facts)]
    refused |= {one: one_refusal(found) for one, found in reasons.items()}
    if first:
        plan = finished_plan(
            Operation.ENABLE, sides, first, list(refused.values()), wanted.limits(policy), len(already)
        )
        return PlannedAuthority(
            plan, (two_plans(len(own)), *findings), fills={one: group.dn for one, group in sorted(own.items())}
        )
    if unfilled and facts.inbound is None:
        findings.append(connect_fills({one: own[one] for one in unfilled}, facts))
    converted = {one: group for one, group in own.items() if one not in unfilled}
    require_limit(len(converted), wanted)
    changes = [
        *_make_universal(converted, sides, groups),
        *_mapping(sides, after, bool(converted)),
        *_convert(converted, sides, groups),
    ]
    together = {*converted, *already}
    findings += [
        *references_lost(nested_that_stay(inventory, together), parents_that_stay(inventory, set(converted))),
        *attributes_lost(groups, converted, facts.extension_attributes),
        *moves(groups, {one: places[one] for one in converted}, _renamed(expressions, converted, groups)),
        *others_move(_others(sides, expressions, set(converted)) if converted else {}),
        *catalogs_of_converted({one: groups[one] for one in converted}, facts.catalogs),
        *rights_and_steps(converted, sides.documents.assignments),
    ]
    plan = finished_plan(Operation.ENABLE, sides, changes, list(refused.values()), wanted.limits(policy), len(already))
    return PlannedAuthority(
        plan,
        tuple(findings),
        watched=dict.fromkeys(sorted(together), True),
        placements={one: places[one] for one in sorted(converted)},
    )


def _judged(
    chosen: Sequence[str],
    groups: Mapping[str, CloudGroup],
    sides: Sides,
    wanted: AuthoritySettings,
    facts: AuthorityFacts,
) -> tuple[dict[str, DirectoryGroup], dict[str, list[Refusal]]]:
    """AD objects of the groups that can be converted, and every reason of those that cannot: one run says them all."""
    objects: dict[str, DirectoryGroup] = {}
    reasons: dict[str, list[Refusal]] = {}
    for one in chosen:
        found, against = against_conversion(groups[one], sides)
        if found is not None:
            objects[one] = found
        if against:
            reasons[one] = against
    fit = {one: group for one, group in objects.items() if one not in reasons}
    unfit = {one: group for one, group in objects.items() if one in reasons}
    for some in (fit, unfit):
        for one, barred in scope_refusals(groups, some, sides, wanted, facts.unwritable).items():
            reasons.setdefault(one, []).append(barred)
    prepared = facts.own_property or facts.inbound is None or facts.extension.complete
    for one in objects.keys() & reasons.keys() if wanted.keep_place and prepared else ():
        if not is_filled(groups[one], objects[one], facts):
            reasons[one].append(unfilled_refusal(groups[one], facts))
    return {one: group for one, group in objects.items() if one not in reasons}, reasons


def _by_name(row: GroupRow) -> bool:
    group = row.cloud
    return group is not None and group.kind is CloudKind.SECURITY and group.authority is not Authority.CLOUD


def _preparation(sides: Sides, facts: AuthorityFacts) -> list[CloudSyncChange]:
    """What has to be there before distinguished names can be kept; empty where all of it is, or Connect's task."""
    if facts.own_property or facts.inbound is None:
        return []
    made = facts.extension
    there: dict[ExtensionPart, str] = {
        "application": made.application,
        "service-principal": made.service_principal,
        "property": made.property_id,
    }
    why = t("It holds the distinguished name of groups, so that they keep OU and name.")
    changes = [
        CloudSyncChange(
            ChangeKind.EXTENSION, NO_GROUP, "", action(sides, MakeExtension(part, made.uri)), "extension", why
        )
        for part in _PARTS
        if not there[part]
    ]
    if not (made.complete and fills(facts.inbound.schema, made.name)):
        job = facts.inbound.address
        maps = MapGroupDn(job.service_principal, job.job_id, made.uri, facts.inbound.schema, mapped=True)
        why = t("The job from AD fills it.")
        changes.append(CloudSyncChange(ChangeKind.MAP_GROUP_DN, NO_GROUP, "", action(sides, maps), "group-dn", why))
    return changes


def _make_universal(
    converted: Mapping[str, DirectoryGroup], sides: Sides, groups: Mapping[str, CloudGroup]
) -> list[CloudSyncChange]:
    narrow = {one: own for one, own in converted.items() if scope_of(own.group_type) is not GroupScope.UNIVERSAL}
    orders = scope_orders(list(narrow.values()), sides.inventory)
    why = t("Cloud Sync writes universal groups alone.")
    return [
        CloudSyncChange(
            ChangeKind.MAKE_UNIVERSAL,
            as_group_id(one),
            groups[one].display_name,
            action(
                sides,
                SetGroupScope(own.guid, own.dn, own.group_type, universal(own.group_type), orders[own.guid]),
                one,
            ),
            "not-universal",
            why,
        )
        for one, own in narrow.items()
    ]


def _mapping(sides: Sides, after: Mapping[str, object], some: bool) -> list[CloudSyncChange]:
    before = sides.documents.schema
    if not some or schema_digest(after) == schema_digest(before):
        return []
    why = t("Converted groups keep OU and name; every other group is mapped as before.")
    return [
        CloudSyncChange(ChangeKind.MAP, NO_GROUP, "", action(sides, ReplaceSchema(before, after)), "keep-place", why)
    ]


def _convert(
    converted: Mapping[str, DirectoryGroup], sides: Sides, groups: Mapping[str, CloudGroup]
) -> list[CloudSyncChange]:
    level = nesting_levels(converted.keys(), sides.inventory.cloud.members)
    why = t("Selected, or nested in a selected group, and synchronized from AD.")
    return [
        CloudSyncChange(
            ChangeKind.CONVERT,
            as_group_id(one),
            groups[one].display_name,
            action(sides, SetCloudManaged(managed=True, synchronized=True, level=level[one]), one),
            "selected",
            why,
        )
        for one in converted
    ]


def _renamed(
    expressions: Mapping[str, str], converted: Mapping[str, DirectoryGroup], groups: Mapping[str, CloudGroup]
) -> dict[str, tuple[str, str]]:
    """Groups whose sAMAccountName the mapping changes: what it is and what it becomes (empty: not known)."""
    if "samaccountname" not in expressions:
        return {}
    found = {}
    for one, own in converted.items():
        now = own.text("sAMAccountName") or ""
        then = place_by(
            {"parentdistinguishedname": '"x"', "cn": expressions["samaccountname"]}, own.dn, values_of(groups[one])
        ).cn
        if then != now:
            found[one] = now, then
    return found


def _others(sides: Sides, expressions: Mapping[str, str], converted: Collection[str]) -> dict[str, Placement]:
    """Groups in scope that nobody selected and that the new mapping moves or renames."""
    before = expressions_of(sides.documents.schema)
    groups, found = cloud_groups(sides.inventory), {}
    for one in sides.documents.assignments:
        group = groups.get(one)
        own = ad_object(sides.inventory, group) if group else None
        if group is None or own is None or one in converted:
            continue
        values = values_of(group)
        then, now = place_by(expressions, own.dn, values), place_by(before, own.dn, values)
        if (then.container, then.cn, then.why) != (now.container, now.cn, now.why) and not then.same:
            found[one] = then
    return found
