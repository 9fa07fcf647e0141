"""An inventory and a plan as flows from the cloud to AD, and a plan's groups before and after, as pictures. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from markupsafe import Markup

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.states import GroupRow, GroupState
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, counted, first_of, joined, t, verbatim
from runbook_lib.record.planned_groups import GroupSaid, groups_said
from runbook_lib.shown.pictures import Amount, BeforeAfter, Stream, before_after_html, flow_html

_WRITERS: Mapping[Route, Text] = {
    Route.DIRECT: t("by this runbook"),
    Route.CLOUD_SYNC: t("by Cloud Sync"),
    Route.CONNECT_SYNC: t("by Connect Sync"),
    Route.NONE: t("no route to AD"),
}
_KINDS: Mapping[str, Text] = {
    "microsoft-365": t("Microsoft 365"),
    "security": t("security"),
    "mail-enabled-security": t("mail-enabled security"),
    "distribution-list": t("distribution lists"),
    "unknown": t("without a cloud group"),
}
_STATES: Mapping[GroupState, Text] = {
    GroupState.NOT_WRITTEN: t("not in AD yet"),
    GroupState.WRITTEN: t("in AD, written by this runbook"),
    GroupState.RETIRED: t("in AD, retired by this runbook"),
    GroupState.WRITTEN_BY_CONNECT: t("in AD, written by Connect Sync"),
    GroupState.WRITTEN_BY_CLOUD_SYNC: t("in AD, written by Cloud Sync"),
    GroupState.WRITTEN_BY_OTHER: t("in AD, written by somebody else"),
    GroupState.MOVING: t("in AD, between two routes"),
    GroupState.ON_PREMISES: t("in AD already: they come from there"),
    GroupState.CONVERTED: t("in AD, where they came from; the cloud is their source now"),
    GroupState.ROLLED_BACK: t("in AD, which is their source again"),
    GroupState.ORIGINAL_IN_AD: t("in AD already; which side is their source is not known"),
    GroupState.COLLISION: t("not in AD: a name or an address is taken there"),
    GroupState.DUPLICATE: t("in AD several times"),
    GroupState.SOFT_DELETED: t("in AD; deleted in the cloud, where they can be restored"),
    GroupState.ORPHAN: t("in AD; gone from the cloud"),
    GroupState.UNKNOWN: t("not known"),
    GroupState.NOT_ELIGIBLE: t("not in AD"),
}
_NOT_IN_AD = frozenset({GroupState.NOT_WRITTEN, GroupState.COLLISION, GroupState.UNKNOWN, GroupState.NOT_ELIGIBLE})
_FROM_AD = frozenset({GroupState.ON_PREMISES})
_MOST_REASONS = 2
"""Reasons, or rules, that a way names: those of most groups."""
_NOT_THERE = frozenset({ChangeKind.CREATE, ChangeKind.UNDELETE, ChangeKind.BRING_BACK})
"""Kinds of change before which there is no object of the group in AD."""


def inventory_flow(inventory: Inventory) -> Markup:
    """Every group of both sides on its way to AD; empty without any."""
    ways: dict[tuple[Route, bool], list[GroupRow]] = {}
    for row in inventory.rows:
        ways.setdefault((row.route, row.state in _FROM_AD), []).append(row)
    order = list(Route)
    streams = [
        _stream_of(route, rows, from_ad=from_ad)
        for (route, from_ad), rows in sorted(ways.items(), key=lambda one: (order.index(one[0][0]), one[0][1]))
    ]
    if not streams:
        return Markup()
    return flow_html(streams, caption=t("From the cloud to AD: {groups}", groups=_groups(len(inventory.rows))))


def _stream_of(route: Route, rows: Sequence[GroupRow], *, from_ad: bool) -> Stream:
    states = Counter(row.state for row in rows).most_common()
    way, more = verbatim(route.value), _WRITERS[route]
    if from_ad:
        way, more = t("none needed"), t("AD is the source")
    elif route is Route.NONE:
        reasons = Counter(row.reason for row in rows if row.reason).most_common()
        way, more = _WRITERS[route], joined((reason for reason, _ in reasons[:_MOST_REASONS]))
    return Stream(
        groups=len(rows),
        source=(
            Amount(_groups(len(rows)), len(rows)),
            *(
                Amount(t("{number:,} {what}", number=number, what=_KINDS.get(kind, verbatim(kind))), number)
                for kind, number in Counter(row.kind for row in rows).most_common()
            ),
        ),
        way=way,
        more=more,
        arrived=_in_ad(states),
        flows=route is not Route.NONE,
    )


def _in_ad(states: Sequence[tuple[GroupState, int]]) -> tuple[Amount, ...]:
    said = [Amount(t("{number:,} {what}", number=number, what=_STATES[state]), number) for state, number in states]
    if len(said) == 1:
        return (said[0],)
    there = sum(number for state, number in states if state not in _NOT_IN_AD)
    return (Amount(t("{number:,} in AD", number=there)), *said)


def plan_flow(plan: Plan) -> Markup:
    """The groups that a plan is about on their way to AD: what changes, what is in step, what is left alone."""
    streams = list(_streams(plan))
    if not streams:
        return Markup()
    return flow_html(streams, caption=t("What this plan does, from the cloud to {domain}", domain=plan.target.title))


def _streams(plan: Plan) -> Iterator[Stream]:
    way, more = verbatim(plan.route.value), _WRITERS[plan.route]
    if plan.changes:
        groups = _groups(plan.groups) if plan.groups else t("all groups")
        members = sum(group.in_cloud for group in plan.members)
        left_out = sum(len(group.left_out) for group in plan.members)
        source = [Amount(groups), *([Amount(counted(members, "member"))] if members else [])]
        if left_out:
            source.append(Amount(t("{members} left out", members=counted(left_out, "member"))))
        yield Stream(
            groups=plan.groups or 1,
            source=tuple(source),
            way=way,
            more=more,
            arrived=(
                Amount(counted(len(plan.changes), "change")),
                *(
                    Amount(t("{number:,} {what}", number=number, what=verbatim(kind)), number)
                    for kind, number in plan.counts.items()
                    if number
                ),
            ),
        )
    if plan.in_step:
        groups = _groups(plan.in_step)
        yield Stream(plan.in_step, (Amount(groups),), way, more, (Amount(t("as they should be already")),))
    if plan.refusals:
        rules = Counter(one.rule for one in plan.refusals).most_common()
        number = len(plan.refusals)
        yield Stream(
            groups=number,
            source=(Amount(_groups(number)),),
            way=t("left alone"),
            more=first_of([rule for rule, _ in rules], _MOST_REASONS),
            arrived=(Amount(t("as they are")),),
            flows=False,
        )


def plan_before_after(plan: Plan) -> Markup:
    """Each group that a plan changes, before and after; empty where it changes none by itself."""
    kinds: dict[str, set[ChangeKind]] = {}
    for change in plan.changes:
        kinds.setdefault(change.title, set()).add(change.kind)
    said = [one for one in groups_said({}, plan) if one.name and one.what]
    if not said:
        return Markup()
    pairs = [_pair(one, kinds.get(one.name, set())) for one in said]
    return before_after_html(pairs, caption=t("Each group in AD, before and after"))


def _pair(one: GroupSaid, kinds: Iterable[ChangeKind]) -> BeforeAfter:
    place = verbatim(one.object_name)
    if _NOT_THERE & set(kinds):
        before, after = t("not in AD"), joined((one.what, place), ": ")
    else:
        before, after = place or t("in AD as it is"), one.what
    return BeforeAfter(
        name=one.name,
        before=before,
        after=after,
        stay=one.already,
        enter=one.added or 0,
        leave=one.removed or 0,
        left_out=one.left_out or 0,
    )


def _groups(number: int) -> Text:
    return counted(number, "group")
