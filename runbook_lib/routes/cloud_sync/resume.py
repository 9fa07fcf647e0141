"""A change of the route cloud-sync that stopped midway: the same configuration, with today's names. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from runbook_lib.change.closing import HOW_TO_CLOSE
from runbook_lib.change.step import Effect
from runbook_lib.cloud_sync.configuration import expressions_of
from runbook_lib.errors import Refused
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.text import Text, counted, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.actions import Assign, Realign, ReplaceSchema, Unassign
from runbook_lib.routes.cloud_sync.applications.actions import CreateConfiguration, MapNewJob, RemoveConfiguration
from runbook_lib.routes.cloud_sync.authority.actions import SetGroupScope
from runbook_lib.routes.cloud_sync.authority.facts import ad_object, cloud_groups
from runbook_lib.routes.cloud_sync.authority.plan_roll_back import AUTHORITY_KINDS
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.moving.actions import OWNER_KINDS, WriteOwner
from runbook_lib.routes.cloud_sync.moving.plan_move import handed_over
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange, CloudSyncPlan
from runbook_lib.routes.cloud_sync.planning import PlannedCloudSync, Sides, differing_parts, require_within
from runbook_lib.routes.cloud_sync.scope.drift import compared_groups
from runbook_lib.routes.cloud_sync.scope.on_demand import surplus_of
from runbook_lib.rules.policy import Policy


def require_same_target(plan: CloudSyncPlan, sides: Sides) -> None:
    """Refuse a plan of another tenant, domain or configuration than the parameters lead to, by id.

    Raises:
        Refused: ``resume-elsewhere``.
    """
    if differing := differing_parts(sides.target, plan.target):
        raise Refused(
            t(
                "The change that stopped midway belongs to another {differing} than the parameters name.",
                differing=joined(differing, t(" and ")),
            ),
            code="resume-elsewhere",
            hint=t("Use the parameters file that it was begun with. {how_to_close}", how_to_close=HOW_TO_CLOSE),
            values={"differing": differing},
        )


def require_rest_allowed(
    plan: CloudSyncPlan, finished: Collection[str], sides: Sides, limits: ResumeLimits, new: Collection[str]
) -> None:
    """Refuse what a first run would refuse of what is left: more than the limits, an AD object of another group.

    Args:
        plan: What of the plan was approved.
        finished: Digests of the changes that have nothing left to be sent.
        sides: Both sides as they are now.
        limits: What the parameters allow now; an undo has none.
        new: Ids of the groups that have no AD object yet.

    Raises:
        Refused: ``limit-creates``, ``limit-retirements``, ``limit-conversions``, ``role-of-another``,
            ``object-of-another-group``.
    """
    left = [change for change in plan.changes if change.digest not in finished]
    if plan.operation is not Operation.UNDO:
        for name, (seen, what) in _reach_of(left, new).items():
            hint = t("Raise max_{name} if that many are meant. {how}", name=name, how=HOW_TO_CLOSE)
            require_within(limits.as_json(), name, seen, what, hint)
    _require_its_role(left, sides.documents.role_id)
    groups = cloud_groups(sides.inventory)
    for change in left:
        if not isinstance(change.payload.action, SetGroupScope):
            continue
        group = groups.get(change.group_id)
        own = ad_object(sides.inventory, group) if group else None
        if own is None or own.guid != change.payload.action.guid:
            raise Refused(
                t(
                    "The AD object whose scope the change that stopped midway changes is not that of {name!r}.",
                    name=printable(change.display_name, limit=80),
                ),
                code="object-of-another-group",
                hint=HOW_TO_CLOSE,
                values={"group_id": change.group_id, "guid": change.payload.action.guid},
            )


@dataclass(frozen=True, slots=True)
class ResumeLimits:
    """The limits of the parameters that hold for a plan of this route.

    Attributes:
        creates: Groups that Cloud Sync may make.
        retirements: Groups that may leave the scope.
        conversions: Groups whose source of authority may change.
    """

    creates: int
    retirements: int
    conversions: int

    def as_json(self) -> dict[str, int]:
        """By parameter name without ``max_``."""
        return {"creates": self.creates, "retirements": self.retirements, "conversions": self.conversions}


def _require_its_role(left: Sequence[CloudSyncChange], role_id: str) -> None:
    """Refuse to give or take another app role than the one with which this configuration selects groups."""
    for change in left:
        action = change.payload.action
        if isinstance(action, (Assign, Unassign, WriteOwner)) and role_id and action.role_id != role_id:
            raise Refused(
                t(
                    "The change that stopped midway is about another app role of {name!r} than the one that selects "
                    "groups here.",
                    name=printable(change.display_name, limit=80),
                ),
                code="role-of-another",
                hint=HOW_TO_CLOSE,
                values={"group_id": change.group_id, "role": action.role_id},
            )


def _reach_of(left: Sequence[CloudSyncChange], new: Collection[str]) -> dict[str, tuple[int, Text]]:
    """By limit: how many groups what is left of a change concerns, and the beginning of the sentence that says so."""
    made = {c.group_id for c in left if c.kind is ChangeKind.ANCHOR or (c.kind in _MAKES_OBJECTS and c.group_id in new)}
    retired = sum(c.kind is ChangeKind.UNASSIGN for c in left) + _ended_with_it(left)
    converted = sum(c.kind in (ChangeKind.CONVERT, ChangeKind.ROLL_BACK) for c in left)
    return {
        "creates": (
            len(made),
            t(
                "What is left of the change that stopped midway makes AD objects of {groups}",
                groups=counted(len(made), "group"),
            ),
        ),
        "retirements": (
            retired,
            t(
                "What is left of the change that stopped midway takes {groups} out of scope",
                groups=counted(retired, "group"),
            ),
        ),
        "conversions": (
            converted,
            t(
                "What is left of the change that stopped midway changes the source of authority of {groups}",
                groups=counted(converted, "group"),
            ),
        ),
    }


_MAKES_OBJECTS = (ChangeKind.ASSIGN, ChangeKind.PROVISION)
"""Kinds by which Cloud Sync makes the AD object of a group that has none."""


def _ended_with_it(left: Sequence[CloudSyncChange]) -> int:
    """Groups that leave the scope because their configuration is removed."""
    return sum(len(a.assignments) for c in left if isinstance(a := c.payload.action, RemoveConfiguration))


def require_own_way(plan: CloudSyncPlan, *, of_authority: bool, told: str) -> None:
    """Refuse to finish a change as one of another kind.

    What is asked before and watched afterwards is not the same, so the run would be called done without having been
    looked at.

    Args:
        plan: Of the change that stopped midway.
        of_authority: Whether this run changes the source of authority of groups.
        told: ``cloud_sync_enable`` or ``cloud_sync_disable`` of this run; empty for an undo.

    Raises:
        Refused: ``change-open``.
    """
    kinds = {change.kind for change in plan.changes}
    otherwise = (kinds - AUTHORITY_KINDS - {ChangeKind.MAP}) if of_authority else (kinds & AUTHORITY_KINDS)
    if otherwise or (told and not of_authority and told != _way_of(plan)):
        raise Refused(
            t("The change that stopped midway was begun with another cloud_sync_enable or cloud_sync_disable."),
            code="change-open",
            hint=t("Use the parameters file that it was begun with. {how_to_close}", how_to_close=HOW_TO_CLOSE),
        )


def _way_of(plan: CloudSyncPlan) -> str:
    """``cloud_sync_enable`` or ``cloud_sync_disable`` as it was when a plan was made that changes no authority."""
    kinds = {change.kind for change in plan.changes}
    if kinds & set(OWNER_KINDS):
        return "move"
    if plan.operation is Operation.ENABLE:
        return "differing" if any(isinstance(c.payload.action, Realign) for c in plan.changes) else "scope"
    if kinds & {ChangeKind.REMOVE_JOB, ChangeKind.REMOVE_CONFIGURATION}:
        return "remove"
    return "pause" if kinds == {ChangeKind.PAUSE} else "scope"


def policy_of_rest(policy: Policy, plan: CloudSyncPlan, left: Sequence[CloudSyncChange]) -> Policy:
    """The policy of today, with the groups in the selection of which something is left to be sent.

    Args:
        policy: What the parameters say.
        plan: What of the plan was approved.
        left: Its changes that have something left to be sent; where none is about a group, those of the whole plan
            are selected.
    """
    ids = {change.group_id for change in left if change.group_id}
    ids = ids or {change.group_id for change in plan.changes if change.group_id} | {g.group_id for g in plan.members}
    selected = tuple(sorted(ids))
    if plan.operation is Operation.ENABLE:
        return replace(policy, select_ids=selected, select_names=())
    return replace(policy, disable_ids=selected, disable_names=())


_AS_WANTED = frozenset({"not-assigned"})
"""Rules that refuse a group because it is already as what is left wants it."""


def require_not_refused(refusals: Sequence[Refusal], left: Sequence[CloudSyncChange], known: Sequence[Refusal]) -> None:
    """Refuse to go on with a group that a first run would leave alone now.

    Args:
        refusals: What a plan of today refuses.
        left: The changes that have something left to be sent.
        known: What the plan itself refused: that was no reason not to carry out the rest.

    Raises:
        Refused: The rule of the first of them.
    """
    concerned = {change.group_id for change in left}
    before = {(one.group_id, one.rule) for one in known}
    for one in refusals:
        if one.group_id in concerned and one.rule not in _AS_WANTED and (one.group_id, one.rule) not in before:
            raise Refused(
                t("{name!r} is refused now: {why}", name=printable(one.display_name, limit=80), why=one.why),
                code=one.rule,
                hint=t("{to_do} {how_to_close}", to_do=one.to_do, how_to_close=HOW_TO_CLOSE),
                values={"group_id": one.group_id, "rule": one.rule},
            )


def made_at(plan: CloudSyncPlan, effects: Mapping[str, Sequence[Effect]]) -> str:
    """Service principal of the configuration of a plan: of its target, or the one that it made; empty: none yet.

    Args:
        plan: The plan.
        effects: Change digest to what was really done.
    """
    for change in plan.changes:
        if isinstance(change.payload.action, CreateConfiguration):
            return next((effect.object_id for effect in effects.get(change.digest, ())), "")
    return plan.target.service_principal


def renamed(plan: CloudSyncPlan, sides: Sides) -> CloudSyncPlan:
    """The same plan with today's names of everything that it knows by id: names are no part of its digest."""
    names = {row.group_id: row.display_name for row in sides.inventory.rows}
    changes = tuple(
        replace(change, display_name=names.get(change.group_id, change.display_name)) for change in plan.changes
    )
    # What the plan makes has no id in it, whatever of it is made by now.
    ids = {"service_principal": plan.target.service_principal, "job_id": plan.target.job_id}
    return replace(plan, target=replace(sides.target, **ids), changes=changes)


def watched_again(plan: CloudSyncPlan, sides: Sides, desired: DesiredSettings) -> PlannedCloudSync:
    """What AD will look like when a plan to enable is carried out to its end, to be watched as on its first run.

    Args:
        plan: The plan, with today's names.
        sides: Both sides and the configuration, as they are now: some of the plan's requests may have been sent.
        desired: What the parameters say of the service.
    """
    joining = {change.group_id for change in plan.changes if change.kind is ChangeKind.ASSIGN}
    schemas = [c.payload.action.after for c in plan.changes if isinstance(c.payload.action, ReplaceSchema)]
    expressions = expressions_of(schemas[-1] if schemas else sides.documents.schema)
    for change in plan.changes:
        if isinstance(change.payload.action, MapNewJob):
            expressions |= {name.casefold(): text for name, text in change.payload.action.desired.items()}
    assigned = sorted({*sides.documents.assignments, *joining})
    chosen = sorted(
        {change.group_id for change in plan.changes if change.group_id} | {g.group_id for g in plan.members}
    )
    moved = {change.group_id for change in plan.changes if change.kind in OWNER_KINDS}
    rows = [row for row in sides.inventory.rows if row.group_id in moved]
    prediction = handed_over(sides, desired, rows, assigned, expressions)
    mends = any(isinstance(change.payload.action, Realign) for change in plan.changes)
    stays = surplus_of(compared_groups(sides, prediction)) if mends else {}
    return PlannedCloudSync(plan, (), prediction, tuple(chosen), stays=stays)
