"""Plan of 30-enable-writeback with ``cloud_sync_enable: differing``: groups that differ, provisioned on demand. Pure.

Each call names a group and up to five of its missing members; members that no call names are not written, and none is
taken out. What a call does with a name or an OU that was changed in AD no page of Microsoft's says: AD is looked at
afterwards. Source: Microsoft Graph documentation, "synchronizationJob: provisionOnDemand".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.errors import Refused
from runbook_lib.inventory.naming import DisplayNames
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import GroupId
from runbook_lib.model.predicted import Known, PredictedMember
from runbook_lib.model.text import counted, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.actions import Realign
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange
from runbook_lib.routes.cloud_sync.planning import PlannedCloudSync, Sides, action, finished_plan, require_creates
from runbook_lib.routes.cloud_sync.scope.drift import Differing, compared_groups, present_prediction
from runbook_lib.routes.cloud_sync.scope.plan_enable import refused_by_trouble, require_answering
from runbook_lib.routes.predicted_members import accounts_of, in_ad, members_of
from runbook_lib.rules.policy import Policy

_CALL = 'Microsoft Graph documentation, "synchronizationJob: provisionOnDemand"'


def plan_differing(sides: Sides, policy: Policy, desired: DesiredSettings) -> PlannedCloudSync:
    """Plan the groups in scope that differ, or of these the selected ones where groups are selected.

    Raises:
        Refused: A reading is incomplete, the domain or state of the configuration, a selected group that is not in
            scope, or a limit.
    """
    prediction = present_prediction(sides, desired)
    require_answering(sides)
    groups = _selected(compared_groups(sides, prediction), policy)
    wanted = [one for one in groups if one.can_be_provisioned]
    refusals = {one.group.group_id: found for one in wanted if (found := refused_by_trouble(one.group))}
    wanted = [one for one in wanted if one.group.group_id not in refusals]
    new = sum(one.present is None for one in wanted)
    require_creates(policy.limits.as_json(), new)
    in_step = sum(not one.differs for one in groups)
    accounts = accounts_of(sides.inventory)
    plan = finished_plan(
        Operation.ENABLE,
        sides,
        [_realign(sides, one, accounts) for one in wanted],
        list(refusals.values()),
        policy.limits.as_json(),
        in_step,
        [members_of(one.group, in_ad(sides.inventory, one.group.guid), accounts) for one in wanted],
    )
    chosen = tuple(one.group.group_id for one in wanted)
    return PlannedCloudSync(plan, tuple(_surplus(groups)), prediction, chosen, stays=surplus_of(groups))


def surplus_of(groups: Sequence[Differing]) -> Mapping[str, frozenset[str]]:
    """Cloud group id to the GUIDs of members that stay in AD, whatever is provisioned."""
    return {one.group.group_id: frozenset(member.guid for member in one.surplus) for one in groups if one.surplus}


def _selected(groups: list[Differing], policy: Policy) -> list[Differing]:
    if not policy.select_ids and not policy.select_names:
        return groups
    everybody = DisplayNames(one.group.display_name for one in groups)
    known: set[str] = {one.group.group_id for one in groups}
    named, picked = set(policy.select_ids), set[str]()
    for pattern in policy.select_names:
        found = everybody.picked(pattern)
        if not found:
            raise _not_in_scope(pattern)
        picked |= found
    for group_id in policy.select_ids:
        if group_id not in known:
            raise _not_in_scope(group_id)
    return [one for one in groups if one.group.group_id in named or one.group.display_name in picked]


def _not_in_scope(selected: str) -> Refused:
    return Refused(
        t("The selection {selected!r} matches no group in scope.", selected=printable(selected, limit=80)),
        code="selection-matches-nothing",
        hint=t("Bring it into scope with cloud_sync_enable: scope, or select nothing: then all that differ are taken."),
        values={"pattern": selected},
    )


def _realign(sides: Sides, one: Differing, accounts: Mapping[str, str]) -> CloudSyncChange:
    rules = sides.documents.schema.get("synchronizationRules") or [{}]
    group = one.group
    missing = one.missing if one.present is not None else _new_members(one)
    # The documented call names users; what it does with a nested group no page says, and the job brings it.
    people = [member for member in missing if member.type != "group" and member.id in accounts]
    act = Realign(
        str(rules[0].get("id") or ""),
        tuple(member.id for member in people),
        group.dn.value if group.dn.known else "",
        group.account_name.value if group.account_name.known else "",
        names=tuple(member.name for member in people),
    )
    differences = first_of(list(dict.fromkeys(line[2] for line in one.lines)), 3)
    payload, why = action(sides, act, group.group_id), t("It differs in AD: {differences}.", differences=differences)
    return CloudSyncChange(ChangeKind.PROVISION, group.group_id, group.display_name, payload, "differs", why)


def _new_members(one: Differing) -> tuple[PredictedMember, ...]:
    return tuple(member for member in one.group.members if member.answer.known is Known.YES)


def _surplus(groups: Sequence[Differing]) -> list[Finding]:
    """Members that no provisioning on demand takes out, named before the gate."""
    found = [(one, member) for one in groups for member in one.surplus]
    if not found:
        return []
    named = first_of(
        [
            t(
                "{member} in {group}",
                member=printable(member.dn, limit=120),
                group=printable(one.group.display_name, limit=60),
            )
            for one, member in found
        ],
        5,
        "; ",
    )
    by_group: dict[GroupId, list[str]] = {}
    for one, member in found:
        by_group.setdefault(one.group.group_id, []).append(member.dn)
    return [
        Finding(
            id="cloud-sync-surplus-members",
            severity=Severity.WARNING,
            seen=t(
                "{count} in AD are too many, and stay: {named}.",
                count=counted(len(found), "member"),
                named=named,
            ),
            expected=t("Only members that Cloud Sync writes."),
            why=t("Provisioning on demand writes the members that it names and takes none out."),
            to_do=t("Take them out in AD by hand where they do not belong there; acknowledge this finding to go on."),
            source=_CALL,
            values={"groups": by_group},
            acknowledgeable=True,
        )
    ]
