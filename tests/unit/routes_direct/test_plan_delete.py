"""Plans that delete, and plans that bring back: golden cases of pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.change.approvals.part import self_sufficient
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.errors import Refused
from runbook_lib.model.change import Plan, Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Presence, Switch
from runbook_lib.model.directory import DeletedObjects
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.routes.direct.payload import (
    Deletion,
    DirectChange,
    DirectPayload,
    ExistingMember,
    HoldingGroup,
    UndeletedMember,
)
from runbook_lib.routes.direct.plan_disable import plan_disable
from runbook_lib.routes.direct.plan_undo import plan_undo
from runbook_lib.routes.direct.planning import DirectPlanned
from runbook_lib.routes.direct.writes import ChangeEffect
from runbook_lib.routes.registry import ROUTES
from runbook_lib.shown.plan import plan_view
from tests.support import builders as b
from tests.support.builders import rewritten

ANA, BO = b.synced("Ana"), b.synced("Bo")
ACCOUNTS = [b.ad_user("Ana"), b.ad_user("Bo")]
GROUP, OTHER = b.cloud_group("Team"), b.cloud_group("Holder")
FOREIGN = b.ad_group("Foreign")
HOLDER = b.written(OTHER)
MAIL = {"mail": ("team@contoso.com",), "groupType": ("-2147483640",), "isCriticalSystemObject": ("FALSE",)}
TEAM = b.written(GROUP, [b.user_dn("Ana"), b.user_dn("Bo")], attributes=MAIL, member_of=(FOREIGN.dn, HOLDER.dn))
BIN_OFF = DeletedObjects(Switch.OFF, 60, "default", Switch.ON)


def disable(*groups: Any, policy: Any = None, presence: Any = None, cloud: Any = None, **side: Any) -> DirectPlanned:
    directory = b.directory_side(ACCOUNTS, groups or [TEAM, FOREIGN, HOLDER], **side)
    cloud = cloud or b.cloud_side([GROUP, OTHER], {"Team": [ANA]}, people=[BO])
    return plan_disable(b.inventory_of(cloud, directory, presence), policy or b.disable_policy("Team", delete=True))


def deletion() -> DirectChange:
    (change,) = disable().plan.changes
    return change


def test_retiring_is_the_default() -> None:
    (change,) = disable(policy=b.disable_policy("Team")).plan.changes
    assert change.kind is ChangeKind.RETIRE


def test_a_deletion_names_everything_that_leaves() -> None:
    planned = disable()
    (change,) = planned.plan.changes
    assert (change.kind, change.payload.dn, change.payload.object_guid) == (ChangeKind.DELETE, TEAM.dn, TEAM.guid)
    assert change.payload.parent_guid == b.guid(f"ou {b.TARGET_OU}")
    assert {delta.name: delta.removed for delta in change.payload.attributes} == {
        name: values for name, values in TEAM.attributes.items() if name not in ("cn", "isCriticalSystemObject")
    }
    assert not any(delta.added for delta in change.payload.attributes)
    assert {ref.guid for ref in change.payload.members_removed} == {b.guid("ad Ana"), b.guid("ad Bo")}
    assert change.payload.deletion == Deletion(
        sid=TEAM.sid or "",
        security=True,
        member_of=tuple(sorted((HoldingGroup(g.guid, g.dn) for g in (FOREIGN, HOLDER)), key=lambda ref: ref.guid)),
        recycle_bin="on",
        lifetime_days=180,
        lifetime_source="msDS-deletedObjectLifetime",
        may_list="on",
        may_reanimate="unknown",
    )
    assert planned.plan.phrase == "DELETE 1 GROUP IN contoso.com"
    assert plan_from_json(plan_to_json(planned.plan), ROUTES) == planned.plan


def test_a_retired_group_and_an_orphan_can_be_deleted_too() -> None:
    retired = b.written(GROUP, parent=b.RETIRED_OU, retired=True)
    (change,) = disable(retired).plan.changes
    assert (change.kind, change.payload.parent_guid) == (ChangeKind.DELETE, b.guid(f"ou {b.RETIRED_OU}"))
    gone = disable(TEAM, presence={GROUP.id: Presence.GONE}, cloud=b.cloud_side([OTHER])).plan
    assert [c.kind for c in gone.changes] == [ChangeKind.DELETE]


def test_what_the_approver_reads_is_part_of_the_digest() -> None:
    digest = deletion().digest
    off = rewritten(deletion(), deletion=replace(deletion().payload.deletion, recycle_bin="off"))  # type: ignore[type-var]
    fewer = rewritten(deletion(), members_removed=deletion().payload.members_removed[:1])
    days = rewritten(deletion(), deletion=replace(deletion().payload.deletion, days_left=7, may_list="off"))  # type: ignore[type-var]
    assert digest not in {off.digest, fewer.digest}
    assert days.digest == digest


def test_members_that_nobody_can_account_for_are_told_before_they_leave() -> None:
    cloud = b.cloud_side([GROUP, OTHER], {"Team": [ANA]})
    (finding,) = disable(cloud=cloud).findings
    assert finding.id == f"members-unaccounted:{GROUP.id}"


def test_the_limit_of_deletions_is_one_of_its_own() -> None:
    policy = b.disable_policy("Team", "Holder", delete=True, limits=replace(b.WIDE, deletions=1, retirements=0))
    with pytest.raises(Refused) as caught:
        disable(policy=policy)
    assert caught.value.code == "limit-deletions"
    assert len(disable(policy=replace(policy, disable_names=("Team",))).plan.changes) == 1


@pytest.mark.parametrize(
    ("deleted", "words"),
    [
        (b.BIN_ON, ("on", "180 (msDS-deletedObjectLifetime)", "by the directory itself (Recycle Bin)")),
        (BIN_OFF, ("off", "60 (default, no attribute is set)", "60-undo-change writes the values and members")),
        (replace(BIN_OFF, recycle_bin=Switch.UNKNOWN, listable=Switch.OFF), ("unknown", "not by themselves", ">no<")),
    ],
)
def test_the_plan_shows_what_can_come_back(deleted: DeletedObjects, words: tuple[str, ...]) -> None:
    planned = disable(deleted=deleted)
    html, _ = plan_view(planned.plan, planned.findings)
    assert TEAM.sid is not None
    for text in (*words, TEAM.sid, "security", FOREIGN.dn, HOLDER.dn, "grant nothing until the same SID is back"):
        assert text in html, text


def undo(
    *groups: Any,
    change: DirectChange | None = None,
    deleted: Any = None,
    effect: Any = None,
    cloud: Any = None,
    **more: Any,
) -> DirectPlanned:
    change = change or deletion()
    here = replace(b.BIN_ON, objects=(b.deleted_object(TEAM),)) if deleted is None else deleted
    directory = b.directory_side(ACCOUNTS, groups or [FOREIGN, HOLDER], deleted=here)
    inventory = b.inventory_of(cloud or b.cloud_side([GROUP, OTHER], {"Team": [ANA]}, people=[BO]), directory)
    effect = effect or ChangeEffect(object_guid=change.payload.object_guid, deleted=True)
    done = b.done_change(Plan(Operation.DISABLE, disable().plan.target, (change,)), {change.digest: effect})
    return plan_undo(inventory, b.policy(**more), done)


def test_the_same_object_comes_back_with_everything_the_plan_held() -> None:
    planned = undo()
    back, holder = planned.plan.changes
    assert (back.kind, back.payload.object_guid, back.payload.dn) == (ChangeKind.UNDELETE, TEAM.guid, TEAM.dn)
    assert back.payload.attributes == tuple(delta.inverse() for delta in deletion().payload.attributes)
    assert back.payload.members_added == deletion().payload.members_removed
    assert back.payload.members_removed == ()
    assert back.payload.deletion is not None
    assert back.payload.deletion.days_left == 177
    assert (holder.kind, holder.payload.object_guid) == (ChangeKind.ADD_MEMBERS, HOLDER.guid)
    assert holder.payload.members_added == (UndeletedMember(TEAM.guid, TEAM.dn, GROUP.id),)
    assert self_sufficient([holder]) == ()
    assert self_sufficient([back, holder]) == (back, holder)
    (finding,) = planned.findings
    assert finding.id == f"memberships-by-hand:{GROUP.id}"
    assert finding.values["dns"] == [FOREIGN.dn]
    html, _ = plan_view(planned.plan, planned.findings)
    assert "about 177 left of 180" in html
    assert planned.plan.phrase == "UNDO 2 GROUPS IN contoso.com"


def test_groups_that_were_deleted_together_come_back_as_members_of_each_other_if_both_can() -> None:
    child = b.written(b.cloud_group("Child"))
    parent = b.written(GROUP, [child.dn, b.user_dn("Ana")])
    cloud = b.cloud_side([GROUP, b.cloud_group("Child")])
    doomed = b.inventory_of(cloud, b.directory_side(ACCOUNTS, [parent, child]))
    plan = plan_disable(doomed, b.disable_policy("Team", "Child", delete=True)).plan
    effects = {c.digest: ChangeEffect(object_guid=c.payload.object_guid, deleted=True) for c in plan.changes}

    def back(*objects: Any) -> DirectPlanned:
        directory = b.directory_side(ACCOUNTS, deleted=replace(b.BIN_ON, objects=objects))
        return plan_undo(b.inventory_of(cloud, directory), b.policy(), b.done_change(plan, effects))

    both = back(b.deleted_object(parent), b.deleted_object(child)).plan
    first = next(c for c in both.changes if c.group_id == GROUP.id)
    assert {ref.group_id for ref in first.payload.members_added} == {"", b.cloud_group("Child").id}
    assert self_sufficient([first]) == ()
    assert plan_from_json(plan_to_json(both), ROUTES) == both
    alone = back(b.deleted_object(parent)).plan
    assert [r.rule for r in alone.refusals] == ["undelete-gone"]
    (only,) = alone.changes
    assert [ref.guid for ref in only.payload.members_added] == [b.guid("ad Ana")]


def test_a_member_that_is_gone_is_left_out_and_counted() -> None:
    stranger = ExistingMember(ObjectGuid(b.guid("ad Cy")), b.user_dn("Cy"))
    change = rewritten(deletion(), members_removed=(*deletion().payload.members_removed, stranger))
    back = undo(change=change).plan.changes[0]
    assert stranger not in back.payload.members_added
    assert "1 former member, no longer there" in back.why


def test_a_manager_who_is_gone_is_left_out() -> None:
    managed = b.written(GROUP, [], attributes={"managedBy": (b.user_dn("Cy"),)})
    (change,) = disable(managed).plan.changes
    back = undo(change=change, deleted=replace(b.BIN_ON, objects=(b.deleted_object(managed),))).plan.changes[0]
    assert "managedBy" not in {delta.name for delta in back.payload.attributes}


def rules(planned: DirectPlanned) -> list[str]:
    assert not planned.plan.changes
    return [refusal.rule for refusal in planned.plan.refusals]


def test_what_cannot_come_back_is_refused_in_words_and_never_made_anew() -> None:
    nothing = replace(b.BIN_ON, objects=())
    (refusal,) = undo(deleted=nothing).plan.refusals
    assert refusal.rule == "undelete-gone"
    assert "180 days" in refusal.why
    assert "30-enable-writeback" in refusal.to_do
    assert rules(undo(deleted=replace(nothing, listable=Switch.OFF))) == ["undelete-hidden"]
    other = replace(b.BIN_ON, objects=(b.deleted_object(TEAM, sid="S-1-5-21-9"),))
    assert rules(undo(deleted=other)) == ["undelete-other-object"]
    gone = b.deleted_object(TEAM)
    for forged in (replace(gone, group_id=b.guid("another")), replace(gone, last_dn=f"CN=Payroll,OU=Admins,{b.BASE}")):
        foreign = replace(b.BIN_ON, objects=(forged,))
        assert rules(undo(deleted=foreign)) == ["undelete-other-object"]
    kept = replace(b.BIN_ON, objects=(b.deleted_object(TEAM, group_id=GROUP.id, last_dn="CN=x"),))
    assert undo(deleted=kept).plan.changes, "its anchor says whose it was, wherever it stood"


def test_nothing_in_the_way_is_overwritten() -> None:
    again = b.ad_group("Again", {"adminDescription": TEAM.attributes["adminDescription"]}, [])
    assert rules(undo(again)) == ["undelete-written-again"]
    same_name = replace(b.ad_group("x"), dn=TEAM.dn)
    assert rules(undo(same_name)) == ["undelete-name-taken"]
    same_account = b.ad_group("y", {"sAMAccountName": TEAM.attributes["sAMAccountName"]})
    inventory_with_account = undo(same_account)
    assert rules(inventory_with_account) == ["undelete-name-taken"]
    bare = b.written(GROUP, attributes={"extensionName": (), "adminDescription": ()})
    assert rules(undo(bare)) == ["undelete-changed-since"]
    moved = b.written(GROUP, parent=b.RETIRED_OU)
    assert rules(undo(moved)) == ["undelete-changed-since"]


def test_an_object_that_is_back_gets_only_what_it_lacks() -> None:
    half = replace(TEAM, members=TEAM.members[:1] if TEAM.members else ())
    back, _ = undo(half, HOLDER).plan.changes
    assert len(back.payload.members_added) == 1
    whole = replace(HOLDER, members=(TEAM.dn,))
    plan = undo(TEAM, whole, FOREIGN).plan
    assert (plan.changes, plan.in_step) == ((), 1)


def test_undoing_a_create_deletes_only_when_told_and_only_our_own_members() -> None:
    made = DirectChange(ChangeKind.CREATE, GROUP.id, "Team", DirectPayload(TEAM.dn))
    entered = ChangeEffect(object_guid=TEAM.guid, created=True, members_added=(b.guid("ad Bo"),))
    assert [c.kind for c in undo(TEAM, change=made, effect=entered).plan.changes] == [ChangeKind.RETIRE]
    (change,) = undo(TEAM, change=made, effect=entered, delete=True).plan.changes
    assert (change.kind, change.reason) == (ChangeKind.DELETE, "undo")
    (refusal,) = undo(TEAM, change=made, effect=replace(entered, members_added=()), delete=True).plan.refusals
    assert refusal.rule == "delete-foreign-members"
    assert refusal.why.startswith("1 of its 2 members")


def test_undoing_an_undelete_retires_or_deletes_when_told() -> None:
    back = replace(deletion(), kind=ChangeKind.UNDELETE)
    effect = ChangeEffect(object_guid=TEAM.guid, undeleted=True, members_added=(b.guid("ad Bo"),))
    assert [c.kind for c in undo(TEAM, change=back, effect=effect).plan.changes] == [ChangeKind.RETIRE]
    assert [c.kind for c in undo(TEAM, change=back, effect=effect, delete=True).plan.changes] == [ChangeKind.DELETE]


def test_a_mixed_plan_says_both_in_its_phrase() -> None:
    plan = disable().plan
    retire = replace(plan.changes[0], kind=ChangeKind.RETIRE, group_id=OTHER.id)
    assert replace(plan, changes=(*plan.changes, retire)).phrase == "DISABLE 1 GROUP AND DELETE 1 GROUP IN contoso.com"


def refusals(planned: DirectPlanned) -> dict[str, Refusal]:
    return {refusal.rule: refusal for refusal in planned.plan.refusals}


def test_soft_deleted_and_unknown_groups_are_held() -> None:
    soft = disable(
        TEAM,
        cloud=b.cloud_side([OTHER], deleted=[GROUP]),
        policy=b.disable_policy(disable_ids=(GROUP.id,), delete=True),
    )
    assert set(refusals(soft)) == {"soft-deleted"}
    unknown = disable(TEAM, cloud=b.cloud_side([OTHER]), presence={GROUP.id: Presence.UNKNOWN})
    assert set(refusals(unknown)) == {"unknown"}
