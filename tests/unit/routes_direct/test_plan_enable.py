"""Plans of enable: what they change and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.errors import Refused
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import CloudKind, OtherWriters, Switch
from runbook_lib.model.directory import UNIVERSAL_SECURITY, AttributeDelta
from runbook_lib.model.ids import RETIRED_MARK, GroupId, anchor_of, mark_of
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.rules.obstacles import connect_v1_of
from runbook_lib.rules.policy import Limits
from tests.support import builders as b

ANA, BO, CY = b.synced("Ana"), b.synced("Bo"), b.synced("Cy")
ACCOUNTS = [b.ad_user(name) for name in ("Ana", "Bo", "Cy")]


def enable(cloud: Any, directory: Any, policy: Any = None, **kw: Any) -> Any:
    return plan_enable(b.inventory_of(cloud, directory, **kw), policy or b.policy("Team"))


def kinds(plan: Any) -> Any:
    return [change.kind for change in plan.changes]


def test_a_new_group_is_created_with_anchor_and_mark_in_one_change() -> None:
    group = b.cloud_group("Team", description=" About us ")
    planned = enable(b.cloud_side([group], {"Team": [ANA, b.person("Cloud only")]}), b.directory_side(ACCOUNTS))
    (change,) = planned.plan.changes
    assert change.kind is ChangeKind.CREATE
    values = {delta.name: delta.added for delta in change.payload.attributes}
    assert values == {
        "adminDescription": (anchor_of(group.id),),
        "description": ("About us",),
        "displayName": ("Team",),
        "extensionName": (mark_of(b.TENANT, group.id),),
        "groupType": ("8",),
        "sAMAccountName": (f"Group_{group.id[-12:]}",),
    }
    assert "msDS-ExternalDirectoryObjectId" not in values
    assert [m.guid for m in change.payload.members_added] == [b.guid("ad Ana")]
    assert change.payload.dn == f"CN=Team_{group.id[-12:]},{b.TARGET_OU}"
    assert planned.plan.phrase == "ENABLE 1 GROUP IN contoso.com"


def test_what_is_in_step_needs_no_change() -> None:
    group = b.cloud_group("Team")
    planned = enable(
        b.cloud_side([group], {"Team": [ANA]}), b.directory_side(ACCOUNTS, [b.written(group, [b.user_dn("Ana")])])
    )
    assert planned.plan.changes == ()
    assert planned.plan.in_step == 1


def test_differences_become_update_add_and_remove() -> None:
    group = b.cloud_group("Team", description="new")
    ad = b.written(group, [b.user_dn("Bo"), b.user_dn("Cy")], attributes={"description": ("old",)})
    cloud = b.cloud_side([group], {"Team": [ANA, CY]}, people=[BO])
    planned = enable(cloud, b.directory_side(ACCOUNTS, [ad]))
    assert kinds(planned.plan) == [ChangeKind.UPDATE, ChangeKind.ADD_MEMBERS, ChangeKind.REMOVE_MEMBERS]
    update, add, remove = planned.plan.changes
    assert update.payload.attributes == (AttributeDelta("description", ("old",), ("new",)),)
    assert [m.dn for m in add.payload.members_added] == [b.user_dn("Ana")]
    assert [m.dn for m in remove.payload.members_removed] == [b.user_dn("Bo")]
    assert all(change.payload.object_guid == ad.guid for change in planned.plan.changes)


def test_a_rename_follows_in_display_name_and_leaves_the_rdn() -> None:
    group = b.cloud_group("Team")
    ad = b.written(replace(group, display_name="Old name"))
    (change,) = enable(b.cloud_side([group], {"Team": []}), b.directory_side(groups=[ad])).plan.changes
    assert change.payload.attributes == (AttributeDelta("displayName", ("Old name",), ("Team",)),)
    assert change.payload.move is None
    assert change.payload.dn.startswith("CN=Old name_")


def test_an_ad_member_that_maps_to_nothing_is_a_finding_and_stays() -> None:
    group = b.cloud_group("Team")
    ad = b.written(group, [b.user_dn("Stranger"), f"CN=Elsewhere,DC=fabrikam,DC=com"])  # noqa: F541
    directory = b.directory_side([b.ad_user("Stranger")], [ad])
    planned = enable(b.cloud_side([group], {"Team": []}), directory)
    assert planned.plan.changes == ()
    (finding,) = [f for f in planned.findings if f.id.startswith("members-unaccounted")]
    assert finding.values["dns"] == sorted(ad.members or ())


def test_nested_groups_of_one_plan_refer_to_each_other_before_they_exist() -> None:
    parent = b.cloud_group("Team", CloudKind.SECURITY)
    child = b.cloud_group("Child", CloudKind.SECURITY)
    cloud = b.cloud_side([parent, child], {"Team": [child], "Child": [ANA]})
    both = enable(cloud, b.directory_side(ACCOUNTS), b.policy("Team", "Child")).plan
    by_name = {change.display_name: change for change in both.changes}
    assert [m.key for m in by_name["Team"].payload.members_added] == [f"group:{child.id}"]
    alone = enable(cloud, b.directory_side(ACCOUNTS), b.policy("Team")).plan
    assert alone.changes[0].payload.members_added == ()


def test_a_retired_group_that_is_selected_again_is_restored_not_created() -> None:
    group = b.cloud_group("Team")
    ad = b.written(group, parent=b.RETIRED_OU, retired=True)
    (change,) = enable(b.cloud_side([group], {"Team": [ANA]}), b.directory_side(ACCOUNTS, [ad])).plan.changes
    assert change.kind is ChangeKind.RESTORE
    assert change.payload.move is not None
    assert (change.payload.move.from_dn, change.payload.move.to_dn) == (b.RETIRED_OU, b.TARGET_OU)
    assert change.payload.attributes == (AttributeDelta("extensionName", removed=(RETIRED_MARK,)),)
    assert len(change.payload.members_added) == 1


REFUSED_GROUPS = [
    ("distribution-list", b.cloud_group("Team", CloudKind.DISTRIBUTION_LIST), "not-eligible", {}),
    ("mail-enabled", b.cloud_group("Team", CloudKind.MAIL_ENABLED_SECURITY), "not-eligible", {}),
    ("on-premises", b.cloud_group("Team", CloudKind.SECURITY, on_premises_sync_enabled=True), "on-premises", {}),
    (
        "role-assignable",
        b.cloud_group("Team", role_assignable=True),
        "role-assignable",
        {"allow_role_assignable": True},
    ),
    (
        "hidden",
        b.cloud_group("Team", visibility="HiddenMembership"),
        "hidden-membership",
        {"allow_hidden_membership": True},
    ),
]


@pytest.mark.parametrize(("group", "rule", "allowance"), [case[1:] for case in REFUSED_GROUPS])
def test_groups_that_rules_refuse(group: Any, rule: Any, allowance: Any) -> None:
    cloud = b.cloud_side([group], {"Team": []})
    everything = frozenset({kind.value for kind in CloudKind})
    refused = enable(cloud, b.directory_side(), b.policy("Team", select_kinds=everything)).plan
    assert [r.rule for r in refused.refusals] == [rule]
    assert refused.changes == ()
    assert all(r.why and r.to_do for r in refused.refusals)
    if allowance:
        allowed = enable(cloud, b.directory_side(), b.policy("Team", select_kinds=everything, **allowance)).plan
        assert kinds(allowed) == [ChangeKind.CREATE]


@pytest.mark.parametrize(
    ("group", "rule", "allowance"),
    [
        (b.cloud_group("Team", visibility="Public"), "security-public", None),
        (b.cloud_group("Team", dynamic=True), "security-dynamic", {"allow_dynamic_security": True}),
    ],
)
def test_security_groups_are_refused_without_deciding_owners(group: Any, rule: Any, allowance: Any) -> None:
    cloud = b.cloud_side([group], {"Team": []})
    assert [r.rule for r in enable(cloud, b.directory_side(), b.policy("Team", security=True)).plan.refusals] == [rule]
    assert kinds(enable(cloud, b.directory_side(), b.policy("Team")).plan) == [ChangeKind.CREATE]
    if allowance:
        plan = enable(cloud, b.directory_side(), b.policy("Team", security=True, **allowance)).plan
        assert kinds(plan) == [ChangeKind.CREATE]


def test_a_security_group_never_leads_to_a_protected_group() -> None:
    group = b.cloud_group("Team")
    admins = b.ad_group("Domain Admins", {"adminCount": ("1",)}, parent=f"CN=Users,{b.BASE}")
    between = b.ad_group("Between", member_of=(admins.dn,))
    ours = b.written(group, member_of=(between.dn,))
    cloud, directory = b.cloud_side([group], {"Team": [ANA]}), b.directory_side(ACCOUNTS, [ours, between, admins])
    assert [r.rule for r in enable(cloud, directory, b.policy("Team", security=True)).plan.refusals] == [
        "leads-to-protected"
    ]
    # A distribution group grants nothing.
    assert kinds(enable(cloud, directory).plan) == [ChangeKind.ADD_MEMBERS]
    builtin = b.ad_group("Backup Operators", sid="S-1-5-32-551")
    ours = b.written(group, member_of=(builtin.dn,), attributes={"groupType": (str(UNIVERSAL_SECURITY),)})
    plan = enable(cloud, b.directory_side(ACCOUNTS, [ours, builtin]), b.policy("Team", security=True)).plan
    assert [r.rule for r in plan.refusals] == ["leads-to-protected"]


def test_objects_of_other_writers_are_shown_and_never_changed() -> None:
    group = b.cloud_group("Team")
    theirs = b.written(group, [b.user_dn("Bo")], attributes={"extensionName": ()})
    plan = enable(b.cloud_side([group], {"Team": [ANA]}), b.directory_side(ACCOUNTS, [theirs])).plan
    assert plan.changes == ()
    assert [r.rule for r in plan.refusals] == ["written-by-connect-sync"]


def test_an_object_that_was_moved_away_is_left_alone() -> None:
    group = b.cloud_group("Team", description="new")
    ad = b.written(group, parent=f"OU=Elsewhere,{b.BASE}")
    plan = enable(b.cloud_side([group], {"Team": []}), b.directory_side(groups=[ad])).plan
    assert (plan.changes, [r.rule for r in plan.refusals]) == ((), ["moved-away"])


def test_connect_v1_on_refuses_every_microsoft_365_group() -> None:
    cloud = b.cloud_side([b.cloud_group("Team")], {"Team": []})
    plan = enable(cloud, b.directory_side(), b.policy("Team", connect_v1=Switch.ON)).plan
    assert [r.rule for r in plan.refusals] == ["connect-v1-on"]


def test_connect_v1_unknown_stops_the_run_unless_only_security_groups_are_selected() -> None:
    unknown = b.policy("Team", connect_v1=Switch.UNKNOWN)
    with pytest.raises(Refused, match="nobody attests") as caught:
        enable(b.cloud_side([b.cloud_group("Team")], {"Team": []}), b.directory_side(), unknown)
    assert caught.value.code == "other-writer-unknown"
    security = b.cloud_side([b.cloud_group("Team", CloudKind.SECURITY)], {"Team": []})
    assert kinds(enable(security, b.directory_side(), unknown).plan) == [ChangeKind.CREATE]


def test_an_attestation_counts_until_its_day_and_never_outweighs_a_reading() -> None:
    from runbook_lib.parameters.model import Parameters

    attested = Parameters.model_construct(attest_connect_v1_off_by="Kim", attest_connect_v1_off_until="2026-11-22")
    assert connect_v1_of(attested, OtherWriters(), b.TODAY) is Switch.OFF
    assert connect_v1_of(attested, OtherWriters(), b.TODAY.replace(day=23)) is Switch.UNKNOWN
    assert connect_v1_of(attested, OtherWriters(connect_v1=Switch.ON), b.TODAY) is Switch.ON
    assert connect_v1_of(Parameters.model_construct(), OtherWriters(), b.TODAY) is Switch.UNKNOWN


def test_members_that_could_not_be_read_refuse_the_group() -> None:
    group = b.cloud_group("Team")
    ad = b.written(group, [b.user_dn("Ana")])
    plan = enable(b.cloud_side([group], unread=["Team"], people=[ANA]), b.directory_side(ACCOUNTS, [ad])).plan
    assert (plan.changes, [r.rule for r in plan.refusals]) == ((), ["members-unreadable"])


@pytest.mark.parametrize(
    ("cloud", "directory", "code"),
    [
        ({"complete": False}, {}, "incomplete-read"),
        ({}, {"complete": False}, "incomplete-read"),
        ({}, {"target": b.ou(b.BASE)}, "ou-domain-root"),
        ({}, {"target": b.ou(f"OU=No,{b.BASE}", exists=False)}, "ou-missing"),
        ({}, {"target": b.ou(f"CN=Users,{b.BASE}", object_classes=("top", "container"))}, "ou-not-an-ou"),
        ({}, {"target": b.ou(f"OU=Domain Controllers,{b.BASE}", is_critical=True)}, "ou-special"),
        ({}, {"target": b.ou(b.TARGET_OU), "retired": b.ou(b.TARGET_OU.lower())}, "ous-overlap"),
        ({}, {"retired": b.ou(f"OU=In,{b.TARGET_OU}")}, "ous-overlap"),
        ({}, {"attributes": ("cn", "adminDescription")}, "schema-lacks-mark"),
    ],
)
def test_preconditions_stop_the_run(cloud: Any, directory: Any, code: Any) -> None:
    with pytest.raises(Refused) as caught:
        enable(b.cloud_side([b.cloud_group("Team")], {"Team": []}, **cloud), b.directory_side(**directory))
    assert caught.value.code == code
    assert caught.value.hint


def test_an_empty_tenant_is_never_planned_from() -> None:
    with pytest.raises(Refused) as caught:
        enable(b.cloud_side(), b.directory_side())
    assert caught.value.code == "empty-source"


def test_protected_ous_hold_neither_targets_nor_changes() -> None:
    group = b.cloud_group("Team", description="new")
    cloud = b.cloud_side([group], {"Team": []})
    with pytest.raises(Refused) as caught:
        enable(cloud, b.directory_side(), b.policy("Team", protected_ous=(b.BASE,)))
    assert caught.value.code == "ou-protected"


@pytest.mark.parametrize(
    ("selection", "code"),
    [
        ({}, "empty-selection"),
        ({"select_ids": (b.guid("nobody"),)}, "unknown-group"),
        ({"select_names": ("Team", "Tema*")}, "selection-matches-nothing"),
    ],
)
def test_selections_that_are_wrong_stop_the_run(selection: Any, code: Any) -> None:
    with pytest.raises(Refused) as caught:
        enable(b.cloud_side([b.cloud_group("Team")], {"Team": []}), b.directory_side(), b.policy(**selection))
    assert caught.value.code == code


def test_selection_by_name_knows_wildcards_normal_forms_and_kinds() -> None:
    groups = [b.cloud_group("Équipe A"), b.cloud_group("[x] équipe"), b.cloud_group("Equipe", CloudKind.SECURITY)]
    cloud = b.cloud_side(groups, {g.display_name: [] for g in groups})

    def picked(*names: str, **more: object) -> set[str]:
        return {c.display_name for c in enable(cloud, b.directory_side(), b.policy(*names, **more)).plan.changes}

    assert picked("e\u0301QUIPE*") == {"Équipe A"}
    assert picked("[x]*") == {"[x] équipe"}
    assert picked("*quipe*", select_kinds=frozenset({"microsoft-365"})) == {"Équipe A", "[x] équipe"}


LIMITS = {
    "creates": ("limit-creates", Limits(0, 9, 9, 9, 9, 100)),
    "member_removals": ("limit-member-removals", Limits(9, 9, 9, 1, 9, 100)),
    "per_group": ("limit-member-removals-per-group", Limits(9, 9, 9, 9, 1, 100)),
    "percent": ("limit-member-removals-percent", Limits(9, 9, 9, 9, 9, 60)),
}


@pytest.mark.parametrize(("code", "limits"), LIMITS.values(), ids=LIMITS)
def test_limits_name_the_number_and_the_way_out(code: str, limits: Limits) -> None:
    group, fresh = b.cloud_group("Team"), b.cloud_group("Team 2")
    ad = b.written(group, [b.user_dn(name) for name in ("Ana", "Bo", "Cy")])
    cloud = b.cloud_side([group, fresh], {"Team": [ANA], "Team 2": []}, people=[BO, CY])
    directory = b.directory_side(ACCOUNTS, [ad])
    with pytest.raises(Refused) as caught:
        enable(cloud, directory, b.policy("Team*", limits=limits))
    assert caught.value.code == code
    assert "max_" in caught.value.hint
    # Two of three members leave, one group is new: limits of exactly that let it pass.
    exact = Limits(1, 9, 9, 2, 2, 67)
    assert len(enable(cloud, directory, b.policy("Team*", limits=exact)).plan.changes) == 2


def test_a_group_is_never_emptied_by_percentage_zero_but_one_leaver_is_ordinary() -> None:
    group = b.cloud_group("Team")
    two = b.written(group, [b.user_dn("Ana"), b.user_dn("Bo")])
    one = b.written(group, [b.user_dn("Bo")])
    leaves = b.cloud_side([group], {"Team": [ANA]}, people=[BO])
    assert kinds(enable(leaves, b.directory_side(ACCOUNTS, [two])).plan) == [ChangeKind.REMOVE_MEMBERS]
    emptied = b.cloud_side([group], {"Team": []}, people=[BO])
    with pytest.raises(Refused, match="1 of 1 members"):
        enable(emptied, b.directory_side(ACCOUNTS, [one]))


def test_groups_that_would_take_the_same_name_are_all_refused() -> None:
    first = b.cloud_group("Team")
    twin = replace(first, id=GroupId("0" * 24 + first.id[24:]))
    cloud = replace(b.cloud_side([first, twin]), members={first.id: (), twin.id: ()})
    plan = enable(cloud, b.directory_side()).plan
    assert {r.group_id: r.rule for r in plan.refusals} == {first.id: "same-name", twin.id: "same-name"}
    assert plan.changes == ()


def test_blocking_findings_say_what_cannot_be_proved() -> None:
    theirs = b.written(b.cloud_group("Other"), attributes={"extensionName": ()})
    cloud = b.cloud_side([b.cloud_group("Team")], {"Team": []}, writers=OtherWriters(Switch.OFF, Switch.ON))
    planned = enable(cloud, b.directory_side(groups=[theirs], other_domains=("DC=child,DC=contoso,DC=com",)))
    assert {f.id for f in planned.findings} == {
        "target-ou-sync-scope",
        "other-writer-in-target-ou",
        "forest-not-searched",
        "connect-v2-on",
    }
