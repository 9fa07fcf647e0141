"""The direct route as files are held to it: its steps, and how far a change may reach, whatever a file says. Pure.

The planners stay inside these bounds by themselves. A plan that comes from disk is held to them before anything of it
is shown or written, so that a plan made by hand cannot reach an attribute that no plan of this runbook ever writes.
"""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.change.route import RouteRules, RulesOf
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.directory import (
    FOLLOWED_ATTRIBUTES,
    MAIL_ATTRIBUTES,
    RESTORED_ATTRIBUTES,
    UNIVERSAL_DISTRIBUTION,
    UNIVERSAL_SECURITY,
    AttributeDelta,
)
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE, RETIRED_MARK, anchor_of, mark_of
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.direct.files import (
    ApprovedTargetFields,
    DirectPayloadFields,
    DirectTargetFields,
    EffectFields,
    IntentFields,
)
from runbook_lib.routes.direct.payload import DIRECT_TYPES, STANDING_KINDS, DirectChange, DirectPlan
from runbook_lib.routes.direct.writes import writes_of

_FOLLOWED = frozenset(FOLLOWED_ATTRIBUTES)
_RETIRED = _FOLLOWED | {MARK_ATTRIBUTE, *MAIL_ATTRIBUTES}
"""A retirement clears mail attributes; its undo, a restoration, writes them back."""
_TYPES = {str(UNIVERSAL_DISTRIBUTION), str(UNIVERSAL_SECURITY)}


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a kind of change may hold.

    Attributes:
        attributes: Names of AD attributes, spelled as the planners spell them.
        enter: Whether members may enter.
        leave: Whether members may leave.
        move: Whether the object may move.
        existing: Whether it changes an object that stands in AD already, or stood there.
        deletion: Whether it says what a deletion takes away.
    """

    attributes: frozenset[str]
    enter: bool = False
    leave: bool = False
    move: bool = False
    existing: bool = True
    deletion: bool = False


_REACH = {
    ChangeKind.CREATE: _Reach(
        _FOLLOWED | {"sAMAccountName", ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE}, enter=True, existing=False
    ),
    ChangeKind.UPDATE: _Reach(_FOLLOWED),
    ChangeKind.ADD_MEMBERS: _Reach(frozenset(), enter=True),
    ChangeKind.REMOVE_MEMBERS: _Reach(frozenset(), leave=True),
    ChangeKind.RETIRE: _Reach(_RETIRED, leave=True, move=True),
    ChangeKind.RESTORE: _Reach(_RETIRED, enter=True, move=True),
    ChangeKind.DELETE: _Reach(frozenset(RESTORED_ATTRIBUTES), leave=True, deletion=True),
    ChangeKind.UNDELETE: _Reach(frozenset(RESTORED_ATTRIBUTES), enter=True, deletion=True),
}
_OPERATIONS = {
    Operation.ENABLE: {
        ChangeKind.CREATE,
        ChangeKind.UPDATE,
        ChangeKind.ADD_MEMBERS,
        ChangeKind.REMOVE_MEMBERS,
        ChangeKind.RESTORE,
    },
    Operation.DISABLE: {ChangeKind.RETIRE, ChangeKind.DELETE},
    Operation.UNDO: set(ChangeKind) - {ChangeKind.CREATE},
}


def beyond_kind(change: DirectChange, operation: Operation) -> Text:
    """What a change does that its kind never does, as the end of a sentence; empty where there is nothing."""
    reach, payload = _REACH[change.kind], change.payload
    if change.kind not in _OPERATIONS[operation]:
        return t("does not belong into a plan to {value}", value=operation.value)
    names = [delta.name for delta in payload.attributes]
    if foreign := [name for name in names if name not in reach.attributes]:
        return t("never writes {foreign}", foreign=foreign[0])
    if len(set(names)) != len(names):
        return t("names an attribute twice")
    if payload.members_added and not reach.enter:
        return t("never adds members")
    if payload.members_removed and not reach.leave:
        return t("never removes members")
    if payload.move and not reach.move:
        return t("never moves an object")
    if bool(payload.object_guid) is not reach.existing:
        return t("has to name its object") if reach.existing else t("never names an object")
    if payload.deletion and not reach.deletion:
        return t("takes nothing away with an object")
    return _values_beyond(change, operation)


def _values_beyond(change: DirectChange, operation: Operation) -> Text:
    entering = {delta.name: delta.added for delta in change.payload.attributes if delta.added}
    leaving = {delta.name: delta.removed for delta in change.payload.attributes if delta.removed}
    if change.kind is ChangeKind.DELETE:
        return t("only takes values away") if entering else NOTHING
    if change.kind in (ChangeKind.CREATE, ChangeKind.UNDELETE):
        return t("only writes new values") if leaving else NOTHING
    # An undo puts back what somebody had made of the group before it was changed.
    if operation is not Operation.UNDO and set(entering.get("groupType", ())) - _TYPES:
        return t("never makes a group anything but universal")
    if MARK_ATTRIBUTE in entering or MARK_ATTRIBUTE in leaving:
        return _mark_beyond(change.kind, entering.get(MARK_ATTRIBUTE, ()), leaving.get(MARK_ATTRIBUTE, ()))
    return NOTHING


def _mark_beyond(kind: ChangeKind, entering: tuple[str, ...], leaving: tuple[str, ...]) -> Text:
    """The mark of a retirement comes and goes with it; the one that says whose the object is never leaves."""
    wanted = ((RETIRED_MARK,), ()) if kind is ChangeKind.RETIRE else ((), (RETIRED_MARK,))
    return NOTHING if (entering, leaving) == wanted else t("never changes the marks that say whose the object is")


def beyond_target(plan: DirectPlan) -> Text:
    """What a plan does outside its own two OUs or to a group that would not be ours; empty where there is nothing.

    What its changes are is judged by ``beyond_kind``.
    """
    target = plan.target
    ous = {ou for ou in (target.target_ou_guid, target.retired_ou_guid) if ou}
    seen: set[str] = set()
    for change in plan.changes:
        if change.digest in seen:
            return t("it holds a change twice")
        seen.add(change.digest)
        if change.payload.move and not {change.payload.move.from_guid, change.payload.move.to_guid} <= ous:
            return t("it moves an object into or out of another OU than the two of its target")
        if change.payload.parent_guid and change.payload.parent_guid not in ous:
            return t("it writes into another OU than the two of its target")
        if change.kind is ChangeKind.CREATE and (problem := _not_ours(change, target.tenant_id, target.target_ou_guid)):
            return problem
    return NOTHING


def _not_ours(create: DirectChange, tenant_id: str, target_ou_guid: str) -> Text:
    deltas = set(create.payload.attributes)
    marks = {
        AttributeDelta(ANCHOR_ATTRIBUTE, added=(anchor_of(create.group_id),)),
        AttributeDelta(MARK_ATTRIBUTE, added=(mark_of(tenant_id, create.group_id),)),
    }
    if create.payload.parent_guid != target_ou_guid:
        return t("it creates a group elsewhere than in the target OU")
    return NOTHING if marks <= deltas else t("it creates a group without the anchor and mark of its cloud group")


DIRECT_RULES: RouteRules = RulesOf(
    route=Route.DIRECT,
    types=DIRECT_TYPES,
    target_fields=DirectTargetFields,
    approved_target_fields=ApprovedTargetFields,
    payload_fields=DirectPayloadFields,
    intent_fields=IntentFields,
    effect_fields=EffectFields,
    # The domain controller by name, its NTDS Settings object and the id of its database.
    place=("dc_host", "ds_service_name", "invocation_id"),
    same_place="invocation_id",
    standing_kinds=STANDING_KINDS,
    planned_steps=writes_of,
    beyond_change=beyond_kind,
    beyond_plan=beyond_target,
)
"""The route as files are held to it."""
