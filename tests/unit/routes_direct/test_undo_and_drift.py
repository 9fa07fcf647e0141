"""The way back from what was really done, and the comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.errors import Refused
from runbook_lib.inventory.naming import spelled_out
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.directory import UNIVERSAL_SECURITY, AttributeDelta
from runbook_lib.model.finding import Severity
from runbook_lib.model.ids import RETIRED_MARK, ObjectGuid
from runbook_lib.routes.direct.drift import check_drift
from runbook_lib.routes.direct.payload import DirectChange, DirectPayload, ExistingMember, Move
from runbook_lib.routes.direct.plan_undo import plan_undo
from runbook_lib.routes.direct.target import plan_target
from runbook_lib.routes.direct.writes import ChangeEffect
from tests.support import builders as b

ANA, BO = b.synced("Ana"), b.synced("Bo")
ACCOUNTS = [b.ad_user("Ana"), b.ad_user("Bo")]
GROUP = b.cloud_group("Team")


def undo(ad: Any, kind: Any, effect: Any, **target: Any) -> Any:
    inventory = b.inventory_of(b.cloud_side([GROUP], {"Team": [ANA]}, people=[BO]), b.directory_side(ACCOUNTS, [ad]))
    change = DirectChange(kind, GROUP.id, "Team", DirectPayload(ad.dn, object_guid=ad.guid))
    place = replace(plan_target(inventory), **target)
    done = b.done_change(Plan(Operation.ENABLE, place, (change,)), {change.digest: effect})
    return plan_undo(inventory, b.policy(limits=replace(b.WIDE, member_removals_percent=100)), done).plan


def effect(ad: Any, **more: Any) -> Any:
    return ChangeEffect(object_guid=ad.guid, **more)


def test_a_created_group_is_retired_not_deleted() -> None:
    ad = b.written(GROUP)
    plan = undo(ad, ChangeKind.CREATE, effect(ad, created=True))
    (change,) = plan.changes
    assert change.kind is ChangeKind.RETIRE
    assert plan.operation is Operation.UNDO
    assert change.reason == "undo"


def test_attributes_go_back_and_only_while_they_are_as_the_change_left_them() -> None:
    delta = AttributeDelta("description", ("old",), ("new",))
    as_left = b.written(GROUP, attributes={"description": ("new",)})
    (change,) = undo(as_left, ChangeKind.UPDATE, effect(as_left, attributes=(delta,))).changes
    assert change.payload.attributes == (delta.inverse(),)
    back_already = b.written(GROUP, attributes={"description": ("old",)})
    plan = undo(back_already, ChangeKind.UPDATE, effect(back_already, attributes=(delta,)))
    assert (plan.changes, plan.in_step) == ((), 1)
    edited = b.written(GROUP, attributes={"description": ("somebody's",)})
    plan = undo(edited, ChangeKind.UPDATE, effect(edited, attributes=(delta,)))
    assert (plan.changes, [r.rule for r in plan.refusals]) == ((), ["changed-since"])


def test_members_that_entered_leave_and_only_those() -> None:
    ad = b.written(GROUP, [b.user_dn("Ana"), b.user_dn("Bo")])
    (change,) = undo(ad, ChangeKind.ADD_MEMBERS, effect(ad, members_added=(b.guid("ad Ana"),))).changes
    assert change.kind is ChangeKind.REMOVE_MEMBERS
    assert change.payload.members_removed == (ExistingMember(ObjectGuid(b.guid("ad Ana")), b.user_dn("Ana")),)
    assert change.payload.members_added == ()


def test_a_member_who_is_back_already_or_gone_for_good_is_left_out() -> None:
    ad = b.written(GROUP, [b.user_dn("Ana")])
    removed = (b.guid("ad Ana"), b.guid("ad Bo"), b.guid("nobody"))
    (change,) = undo(ad, ChangeKind.REMOVE_MEMBERS, effect(ad, members_removed=removed)).changes
    assert [m.guid for m in change.payload.members_added] == [b.guid("ad Bo")]


def test_a_retirement_comes_back_with_place_and_attributes() -> None:
    ad = b.written(GROUP, parent=b.RETIRED_OU, retired=True)
    retired = AttributeDelta("extensionName", added=(RETIRED_MARK,))
    moved = (b.guid(f"ou {b.TARGET_OU}"), b.guid(f"ou {b.RETIRED_OU}"))
    (change,) = undo(ad, ChangeKind.RETIRE, effect(ad, attributes=(retired,), moved=moved)).changes
    assert change.kind is ChangeKind.RESTORE
    assert change.payload.attributes == (retired.inverse(),)
    assert change.payload.move == Move(ObjectGuid(moved[1]), ObjectGuid(moved[0]), b.RETIRED_OU, b.TARGET_OU)


def test_objects_that_are_gone_moved_away_or_no_longer_ours_are_left_alone() -> None:
    ad = b.written(GROUP)
    gone = undo(ad, ChangeKind.CREATE, ChangeEffect(object_guid=b.guid("another"), created=True))
    assert [r.rule for r in gone.refusals] == ["gone"]
    away = b.written(GROUP, parent=f"OU=Elsewhere,{b.BASE}")
    assert [r.rule for r in undo(away, ChangeKind.CREATE, effect(away, created=True)).refusals] == ["moved-away"]
    theirs = b.written(GROUP, attributes={"extensionName": ()})
    assert [r.rule for r in undo(theirs, ChangeKind.CREATE, effect(theirs, created=True)).refusals] == ["not-ours"]


def test_a_change_that_did_nothing_needs_no_way_back() -> None:
    ad = b.written(GROUP)
    plan = undo(ad, ChangeKind.ADD_MEMBERS, effect(ad))
    assert (plan.changes, plan.refusals, plan.in_step) == ((), (), 0)


@pytest.mark.parametrize("field", ["tenant_id", "domain_guid", "target_ou_guid", "retired_ou_guid"])
def test_a_record_of_another_place_is_never_undone_here(field: str) -> None:
    ad = b.written(GROUP)
    with pytest.raises(Refused) as caught:
        undo(ad, ChangeKind.CREATE, effect(ad, created=True), **{field: b.guid("elsewhere")})
    assert caught.value.code == "undo-elsewhere"


def drift(ad: Any, members: Any = (ANA,), policy: Any = None) -> Any:
    group = replace(GROUP, description="About")
    cloud = b.cloud_side([group], {"Team": list(members)}, people=[ANA, BO])
    return check_drift(b.inventory_of(cloud, b.directory_side(ACCOUNTS, ad)), policy or b.policy())


def test_drift_names_attribute_and_members_and_nothing_else() -> None:
    ad = b.written(GROUP, [b.user_dn("Bo")], attributes={"description": ("By hand",)})
    found = drift([ad])
    assert found.table[["what", "expected", "seen"]].values.tolist() == [
        ["description", "About", "By hand"],
        ["member missing", b.user_dn("Ana"), "(not a member)"],
        ["member extra", "(not a member)", b.user_dn("Bo")],
    ]
    assert found.groups == 1


def test_drift_reads_as_sentences_with_both_values() -> None:
    ad = b.written(GROUP, [b.user_dn("Bo")], attributes={"description": ("By hand",)})
    found = drift([ad])
    sentences = (
        'description is "By hand" in AD and "About" in the cloud; '
        f"{b.user_dn('Ana')} is a member in the cloud and not in AD; "
        f"{b.user_dn('Bo')} is a member in AD and not in the cloud."
    )
    assert found.headline == "3 differences in Team."
    assert found.text == f"3 differences in Team: {sentences}"
    (finding,) = found.findings
    assert (finding.id, finding.severity) == (f"drift:{GROUP.id}", Severity.WARNING)
    assert finding.seen == f"3 differences in Team: {sentences}"
    assert finding.values["differences"][0] == {"what": "description", "cloud": "About", "ad": "By hand"}


@pytest.mark.parametrize("twin", ["About\u00a0", "About\u200b", "\uff21bout"])
def test_two_values_that_look_the_same_are_spelled_out(twin: str) -> None:
    ad = b.written(GROUP, [b.user_dn("Ana")], attributes={"description": (twin,)})
    assert f'description is "{spelled_out(twin)}" in AD and "About" in the cloud.' in drift([ad]).text
    assert spelled_out(twin).isascii()


def test_an_empty_value_is_called_empty() -> None:
    ad = b.written(GROUP, [b.user_dn("Ana")])
    assert drift([ad]).headline == "1 difference in Team."
    assert 'description is (empty) in AD and "About" in the cloud.' in drift([ad]).text


def test_long_drift_is_counted_and_drift_csv_has_all() -> None:
    people = [b.synced(f"P{number}") for number in range(9)]
    accounts = [b.ad_user(f"P{number}") for number in range(9)]
    groups = [b.cloud_group(f"G{number}") for number in range(7)]
    cloud = b.cloud_side(groups, {group.display_name: people for group in groups}, people=people)
    found = check_drift(b.inventory_of(cloud, b.directory_side(accounts, [b.written(g) for g in groups])), b.policy())
    assert len(found.table) == 63
    assert found.headline.startswith("63 differences in 7 of 7 written groups: ")
    assert found.headline.endswith("(9) and 2 more.")
    assert found.text.partition(" and 2 more: ")[2].startswith("G")
    assert found.text.endswith(" and 58 more in drift.csv.")
    assert {finding.values["count"] for finding in found.findings} == {9}
    assert all(finding.seen.endswith("and 4 more in drift.csv.") for finding in found.findings)


def test_no_drift_in_step_and_none_for_retired_or_foreign_objects() -> None:
    in_step = b.written(GROUP, [b.user_dn("Ana")], attributes={"description": ("About",)})
    assert len(drift([in_step]).table) == 0
    retired = b.written(GROUP, parent=b.RETIRED_OU, retired=True)
    assert drift([retired]).groups == 0
    theirs = b.written(GROUP, attributes={"extensionName": ()})
    assert drift([theirs]).groups == 0


def test_drift_reports_unlimited_removals_moves_and_unknown_members() -> None:
    many = b.written(GROUP, [b.user_dn("Bo")], attributes={"description": ("About",)})
    assert len(drift([many], members=(), policy=b.policy(limits=replace(b.WIDE, member_removals=0))).table) == 1
    away = b.written(GROUP, [b.user_dn("Ana")], parent=f"OU=Else,{b.BASE}", attributes={"description": ("About",)})
    assert drift([away]).table["what"].tolist() == ["moved-away"]
    odd = b.written(GROUP, [b.user_dn("Ana"), f"CN=Odd,{b.BASE}"], attributes={"description": ("About",)})
    found = drift([odd])
    assert (len(found.table), [f.id for f in found.findings]) == (0, [f"members-unaccounted:{GROUP.id}"])


SECURITY = {"description": ("About",), "groupType": (str(UNIVERSAL_SECURITY),)}


@pytest.mark.parametrize(("said", "seen"), [(None, []), (True, []), (False, ["groupType"])])
def test_a_group_whose_type_nobody_asked_for_is_compared_with_the_type_it_has(said: Any, seen: list[str]) -> None:
    ad = b.written(GROUP, [b.user_dn("Ana")], attributes=SECURITY)
    assert drift([ad], policy=b.policy(security=said)).table["what"].tolist() == seen


def test_a_security_group_is_held_against_the_rules_for_one_also_where_nobody_asked() -> None:
    ad = b.written(GROUP, [b.user_dn("Ana")], attributes=SECURITY)
    public = replace(GROUP, description="About", visibility="Public")
    cloud = b.cloud_side([public], {"Team": [ANA]}, people=[ANA, BO])
    found = check_drift(b.inventory_of(cloud, b.directory_side(ACCOUNTS, [ad])), b.policy(security=None))
    assert found.table["what"].tolist() == ["security-public"]


def test_a_group_that_is_going_to_be_disabled_is_compared_until_then() -> None:
    ad = b.written(GROUP, [b.user_dn("Ana")], attributes={"description": ("By hand",)})
    assert drift([ad], policy=b.policy(disable_names=("Team",))).table["what"].tolist() == ["description"]


@pytest.mark.parametrize(("database", "asked"), [("", False), ("the same", False), (b.guid("another DC"), True)])
def test_undo_on_another_domain_controller_has_to_be_acknowledged(database: str, asked: bool) -> None:
    ad = b.written(GROUP)
    inventory = b.inventory_of(b.cloud_side([GROUP], {"Team": [ANA]}), b.directory_side(ACCOUNTS, [ad]))
    here = inventory.directory.controller.invocation_id
    change = DirectChange(ChangeKind.CREATE, GROUP.id, "Team", DirectPayload(ad.dn, object_guid=ad.guid))
    done = b.done_change(
        Plan(Operation.ENABLE, plan_target(inventory), (change,)),
        {change.digest: effect(ad, created=True)},
        invocation_id=here if database == "the same" else database,
        ds_service_name="CN=NTDS Settings,CN=DC02",
    )
    found = {finding.id: finding for finding in plan_undo(inventory, b.policy(), done).findings}
    assert ("undo-other-dc" in found) is asked
    if asked:
        assert found["undo-other-dc"].severity is Severity.BLOCKING
        assert found["undo-other-dc"].acknowledgeable
        assert "DC02" in found["undo-other-dc"].seen
