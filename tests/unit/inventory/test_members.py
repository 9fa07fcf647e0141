"""Which AD object stands for a member: other domains, keys held by mistake, and what AD takes as a member at all."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.members import GroupScope, keeps_from_universal, scope_of
from runbook_lib.model.change import GroupMembers
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import CloudGroup, CloudKind, CloudPrincipal
from runbook_lib.model.directory import DirectoryGroup, DirectoryObject
from runbook_lib.model.ids import anchor_of
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.direct.planning import DirectPlanned
from tests.support import builders as b

TEAM = b.cloud_group("Team")
EMEA = "DC=emea,DC=contoso,DC=com"
EMIL_DN = f"CN=Emil,OU=Staff,{EMEA}"
EMIL = replace(
    b.synced("Emil"),
    on_premises_sid="S-1-5-21-9-9-9-1104",
    on_premises_dn=EMIL_DN,
    on_premises_domain="emea.contoso.com",
)
ANA_SID = f"{b.DOMAIN_SID}-1234"
ANA = b.ad_user("Ana", sid=ANA_SID)
DOMAIN_LOCAL, GLOBAL, UNIVERSAL = "-2147483644", "-2147483646", "-2147483640"


def joined(
    members: Sequence[CloudPrincipal | CloudGroup],
    users: Sequence[DirectoryObject] = (),
    groups: Sequence[DirectoryGroup] = (),
    *,
    others: Sequence[CloudPrincipal] = (),
    nested: Sequence[CloudGroup] = (),
) -> Inventory:
    cloud = b.cloud_side([TEAM, *nested], {"Team": members}, others)
    return b.inventory_of(cloud, b.directory_side(users, groups, other_domains=(EMEA,)))


def codes(inventory: Inventory) -> dict[str, str | None]:
    return {member.name: member.code or None for member in inventory.members[TEAM.id]}


def reasons(inventory: Inventory) -> list[str]:
    return [member.why for members in inventory.members.values() for member in members if member.code]


def planned(inventory: Inventory, name: str = "Team") -> DirectPlanned:
    return plan_enable(inventory, b.policy(name))


def team(plan: DirectPlanned) -> GroupMembers:
    return next(group for group in plan.plan.members if group.group_id == TEAM.id)


# Other domains (case 09)


@pytest.mark.parametrize(
    ("person", "code", "said"),
    [
        (EMIL, "other-domain", "Account in emea.contoso.com, which this run does not read"),
        (replace(EMIL, on_premises_domain="EMEA.Contoso.COM."), "other-domain", "emea.contoso.com"),
        (replace(EMIL, on_premises_domain=None), "other-domain", "emea.contoso.com"),
        (replace(EMIL, on_premises_domain=None, on_premises_dn=None), "other-domain-sid", "S-1-5-21-9-9-9-1104"),
        (replace(EMIL, on_premises_domain="partner.example"), "other-forest", "partner.example, which is not a domain"),
        (replace(EMIL, on_premises_sync_enabled=None), "other-domain", "emea.contoso.com"),
        (replace(EMIL, on_premises_domain="contoso.com"), "not-found", "no object in this domain"),
        (b.person("Left", immutable_id=b.immutable_id("nobody")), "leftover-keys", "Not synchronized any more"),
        (b.person("New"), "cloud-only", "by any key"),
    ],
)
def test_where_the_account_stands_is_said_and_cloud_only_means_no_key_at_all(
    person: CloudPrincipal, code: str, said: str
) -> None:
    inventory = joined([person])
    assert codes(inventory) == {person.display_name: code}
    assert said in reasons(inventory)[0]
    assert [(m.name, m.code) for m in team(planned(inventory)).left_out] == [(person.display_name, code)]


def test_a_group_of_another_domain_is_said_as_that() -> None:
    nested = b.cloud_group("Nested", on_premises_sync_enabled=True, on_premises_sid="S-1-5-21-9-9-9-1200")
    assert codes(joined([nested], nested=[nested])) == {"Nested": "group-in-other-domain-sid"}
    named = replace(nested, on_premises_domain="emea.contoso.com")
    inventory = joined([named], nested=[named])
    assert "Group in emea.contoso.com, which this run does not read" in reasons(inventory)


def test_a_member_of_another_domain_that_stands_in_ad_is_known_by_its_dn() -> None:
    spelled = EMIL_DN.replace("CN=Emil,OU=", "cn=EMIL, ou=")
    inventory = joined([EMIL], [], [b.written(TEAM, [spelled])])
    plan = planned(inventory)
    assert (team(plan).already, team(plan).left_out, plan.plan.changes) == (1, (), ())
    assert not [f for f in plan.findings if f.id.startswith("members-unaccounted")]


def test_a_member_of_another_domain_who_is_not_in_the_cloud_group_is_never_removed() -> None:
    plan = planned(joined([], [], [b.written(TEAM, [EMIL_DN])], others=[EMIL]))
    assert plan.plan.changes == ()
    assert [f.values["dns"] for f in plan.findings if f.id.startswith("members-unaccounted")] == [[EMIL_DN]]


def test_two_accounts_with_one_dn_of_another_domain_prove_nothing() -> None:
    twin = replace(EMIL, id=b.guid("user twin"), display_name="Twin")
    plan = planned(joined([EMIL, twin], [], [b.written(TEAM, [EMIL_DN])]))
    assert team(plan).already == 0
    assert {m.name for m in team(plan).left_out} == {"Emil", "Twin"}


# Keys that an object holds by mistake


def immutable(guid: str) -> str:
    return base64.b64encode(uuid.UUID(guid).bytes_le).decode()


def test_a_leftover_immutable_id_leads_nobody_to_somebody_elses_account() -> None:
    by_guid = b.person("Eve", immutable_id=immutable(ANA.guid))
    by_anchor = b.person("Eva", immutable_id=b.immutable_id("x"))
    bo = b.ad_user("Bo", consistency_guid=b.guid("ad x"))
    inventory = joined([by_guid, by_anchor], [ANA, bo])
    assert codes(inventory) == {"Eve": "key-unproved", "Eva": "key-unproved"}
    assert ANA.dn in next(why for why in reasons(inventory) if "Ana" in why)
    assert planned(inventory).plan.changes[0].payload.members_added == ()


def test_ad_keeps_a_member_whose_cloud_user_is_not_proved() -> None:
    eve = b.person("Eve", immutable_id=immutable(ANA.guid))
    plan = planned(joined([], [ANA], [b.written(TEAM, [ANA.dn])], others=[eve]))
    assert plan.plan.changes == ()


@pytest.mark.parametrize("sync", [None, False])
def test_a_sid_that_agrees_proves_an_account_that_is_not_synchronized(sync: bool | None) -> None:
    converted = b.person(
        "Ana", immutable_id=immutable(ANA.guid), on_premises_sid=ANA_SID, on_premises_sync_enabled=sync
    )
    assert codes(joined([converted], [ANA])) == {"Ana": None}


def test_two_cloud_users_of_one_account_are_a_finding_and_neither_is_written() -> None:
    one, two = b.synced("Ana"), replace(b.synced("Ana"), id=b.guid("user other"), display_name="Other")
    plan = planned(joined([one, two], [ANA]))
    assert {m.name: m.code for m in team(plan).left_out} == {"Ana": "shared-account", "Other": "shared-account"}
    (found,) = [f for f in plan.findings if f.id == f"members-share-account:{ANA.guid}"]
    assert all(text in found.seen for text in ("Ana", "Other", one.id, two.id, ANA.dn))


def test_the_one_that_sid_and_immutable_id_prove_is_written_and_the_other_is_not() -> None:
    proved = replace(b.synced("Ana"), on_premises_sid=ANA_SID)
    wrong = replace(b.synced("Ana"), id=b.guid("user other"), display_name="Wrong")
    plan = planned(joined([proved, wrong], [ANA]))
    assert {m.name: m.code for m in team(plan).left_out} == {"Wrong": "shared-account"}
    assert [ref.guid for ref in plan.plan.changes[0].payload.members_added] == [ANA.guid]
    assert [f.id for f in plan.findings if f.id.startswith("members-share")] == [f"members-share-account:{ANA.guid}"]


def test_the_other_one_need_not_be_a_member_of_any_planned_group() -> None:
    one, two = b.synced("Ana"), replace(b.synced("Ana"), id=b.guid("user other"), display_name="Other")
    plan = planned(joined([one], [ANA], others=[two]))
    assert [m.code for m in team(plan).left_out] == ["shared-account"]
    assert any("Other" in f.seen for f in plan.findings if f.id.startswith("members-share"))


def test_a_key_that_leads_to_a_group_is_held_by_mistake() -> None:
    group = b.ad_group("Finance")
    eve = replace(b.synced("Eve"), immutable_id=immutable(group.guid))
    inventory = joined([eve], [], [group])
    assert codes(inventory) == {"Eve": "not-an-account"}


def test_a_group_whose_sid_is_an_accounts_stands_for_no_account() -> None:
    one = b.cloud_group("One", on_premises_sid=ANA_SID)
    inventory = joined([one], [ANA], nested=[one])
    assert codes(inventory) == {"One": "group-not-in-ad"}


def test_why_the_other_of_two_is_left_out_is_true_whoever_is_proved() -> None:
    proved = replace(b.synced("Ana"), on_premises_sid=ANA_SID)
    wrong = replace(b.synced("Ana"), id=b.guid("user other"), display_name="Wrong")
    (left,) = team(planned(joined([proved, wrong], [ANA]))).left_out
    assert "this one is not proved" in left.why


def test_one_key_of_several_objects_is_said_as_that() -> None:
    twins = [b.ad_user(name, consistency_guid=b.guid("ad Eve")) for name in ("A1", "A2")]
    assert codes(joined([b.synced("Eve")], twins)) == {"Eve": "key-ambiguous"}


KEYS = st.sampled_from([None, "Ana", "Bo"])


@given(st.lists(st.tuples(KEYS, KEYS, st.sampled_from([True, None])), max_size=4))
def test_no_ad_object_ever_stands_for_two_cloud_objects(
    told: list[tuple[str | None, str | None, bool | None]],
) -> None:
    users = {name: b.ad_user(name, sid=f"{b.DOMAIN_SID}-{2000 + i}") for i, name in enumerate(("Ana", "Bo"))}
    people = [
        b.person(
            f"P{number}",
            immutable_id=immutable(users[anchor].guid) if anchor else None,
            on_premises_sid=users[sid].sid if sid else None,
            on_premises_sync_enabled=sync,
        )
        for number, (anchor, sid, sync) in enumerate(told)
    ]
    known = {member.member_id: member for member in joined(people, list(users.values())).members[TEAM.id]}
    guids = [member.guid for member in known.values() if member.guid]
    assert len(guids) == len(set(guids))
    for person, (anchor, sid, sync) in zip(people, told, strict=True):
        found = known[person.id]
        if found.guid:
            name = anchor or sid
            assert name
            assert found.guid == users[name].guid
            assert sid or sync
        else:
            assert found.why


# Groups


def test_an_object_that_claims_two_groups_stands_for_neither() -> None:
    one, two = b.cloud_group("One"), b.cloud_group("Two")
    both = b.ad_group(
        "Both", {"adminDescription": (anchor_of(one.id),), "msDS-ExternalDirectoryObjectId": (anchor_of(two.id),)}, []
    )
    inventory = joined([one, two], [], [both], nested=[one, two])
    assert codes(inventory) == {"One": "group-claim-contested", "Two": "group-claim-contested"}


def test_a_leftover_of_cloud_sync_on_an_object_of_ours_takes_nothing_from_it() -> None:
    one, two = b.cloud_group("One"), b.cloud_group("Two")
    ours = b.written(one, attributes={"msDS-ExternalDirectoryObjectId": (anchor_of(two.id),)})
    inventory = joined([one, two], [], [ours], nested=[one, two])
    assert codes(inventory) == {"One": None, "Two": "group-claim-contested"}


def test_two_spellings_of_one_anchor_are_two_claims_of_one_group() -> None:
    one = b.cloud_group("One")
    claims = [anchor_of(one.id), anchor_of(one.id).upper().replace("GROUP_", "Group_")]
    objects = [b.ad_group(f"G{i}", {"adminDescription": (claim,)}, []) for i, claim in enumerate(claims)]
    assert codes(joined([one], [], objects, nested=[one])) == {"One": "group-ambiguous"}


def test_two_cloud_groups_with_one_sid_are_written_as_neither() -> None:
    original = b.ad_group("Original", {"groupType": (UNIVERSAL,)}, sid=ANA_SID)
    one, two = (b.cloud_group(name, on_premises_sid=ANA_SID) for name in ("One", "Two"))
    plan = planned(joined([one, two], [], [original], nested=[one, two]))
    assert {m.name: m.code for m in team(plan).left_out} == {"One": "shared-account", "Two": "shared-account"}


def test_a_sid_of_an_old_domain_is_no_hindrance_where_the_anchor_leads_to_the_new_account() -> None:
    migrated = replace(b.synced("Ana"), on_premises_sid="S-1-5-21-7-7-7-1001")
    assert codes(joined([migrated], [ANA])) == {"Ana": None}


# What AD takes as a member of a universal group (case 01)


@pytest.mark.parametrize(
    ("group_type", "code"),
    [
        (DOMAIN_LOCAL, "domain-local"),
        ("4", "domain-local"),
        ("-2147483643", "domain-local"),  # built-in
        (GLOBAL, None),
        (UNIVERSAL, None),
        ("8", None),
        ("2", None),
    ],
)
def test_a_domain_local_group_cannot_be_represented_and_the_rest_is_written(group_type: str, code: str | None) -> None:
    nested = b.cloud_group("FS", CloudKind.SECURITY, on_premises_sync_enabled=True, on_premises_sid=ANA_SID)
    fs = b.ad_group("FS-Legal-RW", {"groupType": (group_type,)}, sid=ANA_SID)
    inventory = joined([b.synced("Bo"), nested], [b.ad_user("Bo")], [fs], nested=[nested])
    plan = planned(inventory)
    assert codes(inventory) == {"Bo": None, "FS": code}
    (create,) = plan.plan.changes
    assert {ref.dn for ref in create.payload.members_added} == {b.user_dn("Bo"), *([] if code else [fs.dn])}
    if code:
        (left,) = team(plan).left_out
        assert "Cannot be represented: domain local scope" in left.why
        assert fs.dn in left.why


@pytest.mark.parametrize(
    ("object_class", "code"),
    [
        ("user", None),
        ("inetOrgPerson", None),
        ("contact", None),
        ("computer", None),
        ("msDS-GroupManagedServiceAccount", None),
        ("foreignSecurityPrincipal", "foreign-security-principal"),
        ("organizationalUnit", "not-a-member-class"),
        ("publicFolder", "not-a-member-class"),
        ("msExchDynamicDistributionList", "not-a-member-class"),
    ],
)
def test_classes_that_ad_does_not_take_as_members(object_class: str, code: str | None) -> None:
    assert codes(joined([b.synced("Ana")], [replace(ANA, object_class=object_class)])) == {"Ana": code}


def test_what_stands_in_ad_all_the_same_counts_as_there_and_is_not_touched() -> None:
    folder = replace(ANA, object_class="publicFolder")
    plan = planned(joined([b.synced("Ana")], [folder], [b.written(TEAM, [ANA.dn])]))
    assert (team(plan).already, plan.plan.changes) == (1, ())


def test_a_group_is_never_its_own_member() -> None:
    inventory = joined([TEAM], [], [b.written(TEAM, attributes={"displayName": ("Old",)})])
    plan = planned(inventory)
    assert [c.kind for c in plan.plan.changes] == [ChangeKind.UPDATE]
    assert [m.code for m in team(plan).left_out] == ["itself"]


@pytest.mark.parametrize(
    ("value", "scope"),
    [
        (-2147483646, GroupScope.GLOBAL),
        (4, GroupScope.DOMAIN_LOCAL),
        (-2147483643, GroupScope.DOMAIN_LOCAL),
        (8, GroupScope.UNIVERSAL),
        (0, GroupScope.UNKNOWN),
    ],
)
def test_scopes(value: int, scope: GroupScope) -> None:
    assert scope_of(value) is scope


@pytest.mark.parametrize("own", [DOMAIN_LOCAL, GLOBAL, UNIVERSAL])
@pytest.mark.parametrize("other", [DOMAIN_LOCAL, GLOBAL, UNIVERSAL])
def test_which_groups_become_universal(own: str, other: str) -> None:
    """Domain local: unless it holds a domain local one. Global: unless it is in a global one."""
    neighbour = b.ad_group("Neighbour", {"groupType": (other,)})
    holder = b.ad_group("X", {"groupType": (own,)}, [neighbour.dn])
    inside = b.ad_group("Y", {"groupType": (own,)}, [], member_of=(neighbour.dn,))
    index = joined([], [], [neighbour, holder, inside]).index
    assert (keeps_from_universal(holder, index) is not None) is (own == other == DOMAIN_LOCAL)
    assert (keeps_from_universal(inside, index) is not None) is (own == other == GLOBAL)
