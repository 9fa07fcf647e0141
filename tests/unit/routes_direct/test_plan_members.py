"""What a plan says of each group's members: how many, and who is left out, by name with the reason."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import GroupMembers
from runbook_lib.model.cloud import CloudPrincipal, PrincipalType
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b

TEAM = b.cloud_group("Team")
SYNCED = [b.synced(f"S{number}") for number in range(4)]
OTHERS = [
    b.person("Cloud"),
    b.person("Guest", user_type="Guest"),
    b.synced("Gone"),
    b.person("Laptop", type=PrincipalType.DEVICE),
    b.person("App", type=PrincipalType.SERVICE_PRINCIPAL),
    b.person("", id=b.guid("nameless")),
]


def inventory_of(members: list[CloudPrincipal], present: list[CloudPrincipal] | None = None) -> Inventory:
    """``present``: AD members now; None: the group is not written yet."""
    written = [] if present is None else [b.written(TEAM, [b.user_dn(person.display_name) for person in present])]
    cloud = b.cloud_side([TEAM], {"Team": members}, [*SYNCED, *OTHERS])
    return b.inventory_of(cloud, b.directory_side([b.ad_user(p.display_name) for p in SYNCED], written))


def members_of(inventory: Inventory) -> GroupMembers:
    policy = b.policy("Team", limits=replace(b.WIDE, member_removals_percent=100))
    (found,) = plan_enable(inventory, policy).plan.members
    return found


people = st.lists(st.sampled_from([*SYNCED, *OTHERS]), unique=True)


@given(people, st.none() | st.lists(st.sampled_from(SYNCED), unique=True))
def test_every_member_of_the_cloud_group_is_counted_once(
    members: list[CloudPrincipal], present: list[CloudPrincipal] | None
) -> None:
    inventory = inventory_of(members, present)
    found = members_of(inventory)
    assert found.in_cloud == len(members) == found.already + found.added + len(found.left_out)
    assert {m.member_id for m in found.left_out} == {m.id for m in members if m in OTHERS}
    assert all(m.name and m.code and m.why for m in found.left_out)
    assert found.removed == len([p for p in present or () if p not in members])


def test_who_is_left_out_is_named_with_type_and_reason() -> None:
    found = members_of(inventory_of([SYNCED[0], SYNCED[1], *OTHERS[:3]], [SYNCED[1], SYNCED[2]]))
    assert (found.in_cloud, found.already, found.added, found.removed) == (5, 1, 1, 1)
    assert [(m.name, m.type, m.code) for m in found.left_out] == [
        ("Cloud", "user", "cloud-only"),
        ("Gone", "user", "not-found"),
        ("Guest", "user", "guest"),
    ]


def test_a_group_that_is_in_step_says_who_is_left_out_too() -> None:
    inventory = inventory_of([SYNCED[0], OTHERS[0]], [SYNCED[0]])
    plan = plan_enable(inventory, b.policy("Team")).plan
    assert (plan.changes, plan.in_step) == ((), 1)
    assert [m.name for m in plan.members[0].left_out] == ["Cloud"]


def test_a_member_that_this_plan_creates_is_added_and_not_left_out() -> None:
    nested = b.cloud_group("Nested")
    cloud = b.cloud_side([TEAM, nested], {"Team": [nested]})
    inventory = b.inventory_of(replace(cloud, members={TEAM.id: (nested.id,), nested.id: ()}), b.directory_side())
    both = plan_enable(inventory, b.policy("Team", "Nested")).plan.members
    alone = plan_enable(inventory, b.policy("Team")).plan.members
    assert [(m.added, len(m.left_out)) for m in both if m.group_id == TEAM.id] == [(1, 0)]
    assert [(m.added, m.left_out[0].code) for m in alone] == [(0, "group-not-in-ad")]


def test_it_is_in_plan_json_and_back_and_outside_the_digest() -> None:
    plan = plan_enable(inventory_of([SYNCED[0], *OTHERS]), b.policy("Team")).plan
    assert plan_from_json(plan_to_json(plan), ROUTES) == plan
    assert replace(plan, members=()).digest == plan.digest
    old = {key: value for key, value in plan_to_json(plan).items() if key != "members"}
    assert plan_from_json(old, ROUTES).members == ()
