"""Joining both sides: members, states, routes, collisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from runbook_lib.inventory.build import group_ids_to_probe
from runbook_lib.inventory.index import index_directory
from runbook_lib.inventory.naming import Naming, cut_units, written_description
from runbook_lib.inventory.states import GroupState, Writer
from runbook_lib.inventory.tables import OWNERS_UNKNOWN, ad_groups_table, groups_table, members_table
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import Authority, CloudKind, Owner, Presence, PrincipalType, Switch
from runbook_lib.model.finding import Severity
from runbook_lib.model.ids import GroupId, anchor_of, as_object_guid, mark_of
from runbook_lib.model.target import Route
from runbook_lib.routes.direct.plan_enable import plan_enable
from tests.support import builders as b


def row(inventory: Any, name: Any) -> Any:
    return next(r for r in inventory.rows if r.display_name == name)


def test_a_member_is_found_by_every_key_and_the_best_key_wins() -> None:
    by_guid = b.synced("Ana")
    by_anchor = replace(b.synced("Bo"), immutable_id=b.immutable_id("something else"))
    by_sid = b.person("Cy", on_premises_sid="S-1-5-21-1-2-3-77")
    by_dn = replace(b.synced("Di"), immutable_id=None, on_premises_dn="cn=DI, ou=Staff,DC=contoso,DC=com")
    provisioned = b.person("Ed")
    group = b.cloud_group("Team")
    inventory = b.inventory_of(
        b.cloud_side([group], {"Team": [by_guid, by_anchor, by_sid, by_dn, provisioned]}),
        b.directory_side(
            [
                b.ad_user("Ana"),
                b.ad_user("Bo", consistency_guid=b.guid("ad something else")),
                b.ad_user("Cy", sid="S-1-5-21-1-2-3-77"),
                b.ad_user("Di"),
                b.ad_user("Ed", external_id=f"User_{provisioned.id}"),
            ]
        ),
    )
    keys = dict(zip(members_table(inventory)["member_name"], members_table(inventory)["match_key"], strict=True))
    assert keys == {"Ana": "object-guid", "Bo": "consistency-guid", "Cy": "sid", "Di": "dn", "Ed": "cloud-sync-anchor"}


def test_a_stale_dn_that_now_belongs_to_somebody_else_is_never_a_match() -> None:
    moved = replace(b.synced("Old"), on_premises_sid="S-1-5-21-1-2-3-99", on_premises_dn=b.user_dn("New"))
    inventory = b.inventory_of(
        b.cloud_side([b.cloud_group("Team")], {"Team": [moved]}), b.directory_side([b.ad_user("New")])
    )
    assert members_table(inventory)["ad_guid"].tolist() == [None]
    assert members_table(inventory)["reason_code"].tolist() == ["not-found"]


def test_a_dn_that_is_none_is_no_key_and_no_error() -> None:
    odd = b.person("Odd", on_premises_dn="not a DN")
    inventory = b.inventory_of(b.cloud_side([b.cloud_group("T")], {"T": [odd]}), b.directory_side([b.ad_user("Odd")]))
    assert members_table(inventory)["ad_guid"].tolist() == [None]


def test_keys_that_lead_to_two_objects_prove_nothing() -> None:
    torn = replace(b.synced("Ana"), on_premises_sid="S-1-5-21-1-2-3-5")
    users = [b.ad_user("Ana"), b.ad_user("Bo", sid="S-1-5-21-1-2-3-5")]
    inventory = b.inventory_of(b.cloud_side([b.cloud_group("T")], {"T": [torn]}), b.directory_side(users))
    assert members_table(inventory)["reason_code"].tolist() == ["keys-disagree"]


def test_a_key_that_two_objects_share_matches_none() -> None:
    twice = b.person("Ana", on_premises_sid="S-1-5-21-1-2-3-5")
    users = [b.ad_user("A1", sid="S-1-5-21-1-2-3-5"), b.ad_user("A2", sid="S-1-5-21-1-2-3-5")]
    inventory = b.inventory_of(b.cloud_side([b.cloud_group("T")], {"T": [twice]}), b.directory_side(users))
    assert members_table(inventory)["ad_guid"].tolist() == [None]


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (b.person("Cloud"), "cloud-only"),
        (b.person("Guest", user_type="Guest"), "guest"),
        (b.synced("Gone"), "not-found"),
        (b.person("Laptop", type=PrincipalType.DEVICE), "device"),
        (b.person("App", type=PrincipalType.SERVICE_PRINCIPAL), "service-principal"),
    ],
)
def test_members_without_an_object_say_why(member: Any, reason: Any) -> None:
    inventory = b.inventory_of(b.cloud_side([b.cloud_group("T")], {"T": [member]}), b.directory_side())
    assert members_table(inventory)["reason_code"].tolist() == [reason]
    assert inventory.rows[0].representable == 0
    assert inventory.rows[0].cloud_members == 1


def test_writers_are_told_apart_and_only_anchor_with_mark_is_ours() -> None:
    names = ["ours", "connect", "sync", "foreign", "lost anchor"]
    groups = {name: b.cloud_group(name) for name in names}
    foreign_mark = mark_of(b.guid("another tenant"), groups["foreign"].id)
    ad = [
        b.written(groups["ours"]),
        b.written(groups["connect"], attributes={"extensionName": ()}),
        b.written(
            groups["sync"],
            attributes={"extensionName": (), "msDS-ExternalDirectoryObjectId": (anchor_of(groups["sync"].id),)},
        ),
        b.written(groups["foreign"], attributes={"extensionName": (foreign_mark,)}),
        b.written(groups["lost anchor"], attributes={"adminDescription": ()}),
    ]
    inventory = b.inventory_of(b.cloud_side(list(groups.values())), b.directory_side(groups=ad))
    assert {name: row(inventory, name).writer for name in names} == {
        "ours": Writer.OURS,
        "connect": Writer.CONNECT,
        "sync": Writer.CLOUD_SYNC,
        "foreign": Writer.OTHER,
        "lost anchor": Writer.OTHER,
    }
    assert row(inventory, "connect").route is Route.CONNECT_SYNC
    assert row(inventory, "sync").state is GroupState.WRITTEN_BY_CLOUD_SYNC


def test_states_of_groups_without_an_object() -> None:
    listed = b.cloud_group("dl", CloudKind.DISTRIBUTION_LIST)
    on_premises = b.cloud_group("synced", CloudKind.SECURITY, on_premises_sync_enabled=True)
    converted = b.cloud_group(
        "converted", CloudKind.SECURITY, on_premises_sid="S-1-5-21-1-2-3-4711", cloud_managed=True
    )
    original = b.ad_group("Original", sid="S-1-5-21-1-2-3-4711")
    fresh = b.cloud_group("fresh")
    deleted = b.cloud_group("deleted", deleted="2026-11-01T00:00:00Z")
    inventory = b.inventory_of(
        b.cloud_side([listed, on_premises, converted, fresh], deleted=[deleted]), b.directory_side(groups=[original])
    )
    assert {r.display_name: r.state for r in inventory.rows} == {
        "dl": GroupState.NOT_ELIGIBLE,
        "synced": GroupState.ON_PREMISES,
        "converted": GroupState.CONVERTED,
        "fresh": GroupState.NOT_WRITTEN,
        "deleted": GroupState.SOFT_DELETED,
    }


ORIGINAL_SID = f"{b.DOMAIN_SID}-4711"


@pytest.mark.parametrize(
    ("sync", "managed", "sid", "authority", "with_original", "without"),
    [
        (True, None, ORIGINAL_SID, Authority.AD, GroupState.ON_PREMISES, GroupState.ON_PREMISES),
        (None, True, ORIGINAL_SID, Authority.CONVERTED, GroupState.CONVERTED, GroupState.NOT_WRITTEN),
        (None, False, ORIGINAL_SID, Authority.PENDING, GroupState.ROLLED_BACK, GroupState.ROLLED_BACK),
        (False, False, ORIGINAL_SID, Authority.PENDING, GroupState.ROLLED_BACK, GroupState.ROLLED_BACK),
        (None, None, ORIGINAL_SID, Authority.UNKNOWN, GroupState.ORIGINAL_IN_AD, GroupState.NOT_WRITTEN),
        (None, False, None, Authority.CLOUD, GroupState.NOT_WRITTEN, GroupState.NOT_WRITTEN),
        (None, True, None, Authority.CLOUD, GroupState.NOT_WRITTEN, GroupState.NOT_WRITTEN),
    ],
)
def test_is_cloud_managed_tells_converted_from_given_back_and_unread_is_neither(
    sync: Any, managed: Any, sid: Any, authority: Authority, with_original: GroupState, without: GroupState
) -> None:
    group = b.cloud_group(
        "Legal", CloudKind.SECURITY, on_premises_sync_enabled=sync, cloud_managed=managed, on_premises_sid=sid
    )
    assert group.authority is authority
    original = b.ad_group("Original", sid=ORIGINAL_SID)
    there = row(b.inventory_of(b.cloud_side([group]), b.directory_side(groups=[original])), "Legal")
    assert there.state is with_original
    assert there.route is Route.NONE or with_original is GroupState.NOT_WRITTEN
    gone = row(b.inventory_of(b.cloud_side([group]), b.directory_side()), "Legal")
    assert gone.state is without


def test_a_group_that_is_given_back_to_ad_is_that_even_where_this_runbook_wrote_it() -> None:
    group = b.cloud_group("Legal", on_premises_sid=ORIGINAL_SID, cloud_managed=False)
    seen = row(b.inventory_of(b.cloud_side([group]), b.directory_side(groups=[b.written(group)])), "Legal")
    assert (seen.state, seen.writer) == (GroupState.ROLLED_BACK, Writer.OURS)


@pytest.mark.parametrize("managed", [True, None])
def test_a_nested_group_with_converted_authority_is_found_by_its_sid(managed: bool | None) -> None:
    nested = b.cloud_group("Nested", CloudKind.SECURITY, on_premises_sid=ORIGINAL_SID, cloud_managed=managed)
    team = b.cloud_group("Team")
    original = b.ad_group("Original", {"groupType": ("-2147483640",)}, sid=ORIGINAL_SID)
    inventory = b.inventory_of(b.cloud_side([team, nested], {"Team": [nested]}), b.directory_side(groups=[original]))
    assert members_table(inventory)[["ad_guid", "match_key"]].to_numpy().tolist() == [[original.guid, "sid"]]


@pytest.mark.parametrize(
    "stranger",
    [
        lambda g: b.ad_group("x", {"sAMAccountName": (Naming().sam_account_name(g.id).upper(),)}),
        lambda g: b.ad_group(Naming().common_name(g.id, g.display_name), parent=b.TARGET_OU),
        lambda g: b.ad_group(Naming().common_name(g.id, g.display_name), parent=b.RETIRED_OU),
    ],
)
def test_a_taken_name_is_a_collision(stranger: Any) -> None:
    group = b.cloud_group("Team", mail="team@contoso.com")
    inventory = b.inventory_of(b.cloud_side([group]), b.directory_side(groups=[stranger(group)]))
    assert row(inventory, "Team").state is GroupState.COLLISION
    assert row(inventory, "Team").route is Route.NONE


def holder(**more: Any) -> Any:
    return b.ad_user("Holder", **{"object_class": "contact", "sid": None, **more})


@pytest.mark.parametrize(
    ("stranger", "found"),
    [
        (holder(mail="TEAM@contoso.com"), ["team@contoso.com"]),
        (holder(proxy_addresses=("SMTP:other@contoso.com", "smtp:Team@contoso.com")), ["team@contoso.com"]),
        (holder(proxy_addresses=("smtp:second@contoso.com",), object_class="publicFolder"), ["second@contoso.com"]),
        (holder(mail="team@contoso.com", object_class="user"), ["team@contoso.com"]),
        (holder(mail="somebody@contoso.com"), []),
        (holder(proxy_addresses=("x500:team@contoso.com",)), []),
    ],
)
def test_an_address_that_somebody_holds_is_a_finding_and_stops_nothing(stranger: Any, found: list[str]) -> None:
    group = b.cloud_group("Team", mail="team@contoso.com", proxy_addresses=("smtp:second@contoso.com",))
    inventory = b.inventory_of(b.cloud_side([group], {"Team": []}), b.directory_side([stranger]))
    assert row(inventory, "Team").state is GroupState.NOT_WRITTEN
    plan = plan_enable(inventory, b.policy("Team"))
    assert [change.kind for change in plan.plan.changes] == [ChangeKind.CREATE]
    taken = [f for f in plan.findings if f.id == "mail-address-taken"]
    objects = [{"dn": stranger.dn, "addresses": found}] if found else None
    assert [f.values["objects"] for f in taken] == ([objects] if objects else [])
    assert all(f.acknowledgeable and f.severity is Severity.WARNING for f in taken)


def test_a_groups_own_object_holds_its_address_by_right() -> None:
    group = b.cloud_group("Team", mail="team@contoso.com")
    ours = b.written(group, attributes={"mail": ("team@contoso.com",)})
    inventory = b.inventory_of(b.cloud_side([group], {"Team": []}), b.directory_side(groups=[ours]))
    assert not [f for f in plan_enable(inventory, b.policy("Team")).findings if f.id == "mail-address-taken"]


@pytest.mark.parametrize(
    ("presence", "state"),
    [
        (Presence.GONE, GroupState.ORPHAN),
        (Presence.SOFT_DELETED, GroupState.SOFT_DELETED),
        (Presence.UNKNOWN, GroupState.UNKNOWN),
    ],
)
def test_an_anchor_without_a_listed_group_is_an_orphan_only_when_that_is_proved(
    presence: Presence, state: GroupState
) -> None:
    group = b.cloud_group("Left behind")
    directory = b.directory_side(groups=[b.written(group)])
    cloud = b.cloud_side([b.cloud_group("Other")])
    assert group_ids_to_probe(cloud, index_directory(directory)) == [group.id]
    inventory = b.inventory_of(cloud, directory, {group.id: presence})
    assert row(inventory, "Left behind").state is state
    assert row(b.inventory_of(cloud, directory), "Left behind").state is GroupState.UNKNOWN


def test_two_objects_for_one_group_are_a_state_of_their_own() -> None:
    group = b.cloud_group("Team")
    second = b.written(group, parent=b.RETIRED_OU)
    second = replace(second, guid=as_object_guid(b.guid("second")))
    inventory = b.inventory_of(b.cloud_side([group]), b.directory_side(groups=[b.written(group), second]))
    assert row(inventory, "Team").state is GroupState.DUPLICATE
    assert row(inventory, "Team").ad is None


def test_connect_v1_on_gives_microsoft_365_groups_its_route() -> None:
    inventory = b.inventory_of(b.cloud_side([b.cloud_group("Team")]), b.directory_side(), connect_v1=Switch.ON)
    assert inventory.rows[0].route is Route.CONNECT_SYNC


def test_names_are_cut_in_utf_16_units_and_stay_within_the_limit_of_cn() -> None:
    name = Naming().common_name(GroupId(b.guid("g")), "🎉" * 60)
    assert name.endswith("_" + b.guid("g").replace("-", "")[-12:])
    assert len(name.encode("utf-16-le")) // 2 <= 64
    assert cut_units("🎉", 1) == ""
    assert Naming().common_name(GroupId(b.guid("g")), "two\nlines").startswith("two lines_")
    assert Naming("id").common_name(GroupId(b.guid("g")), "x") == f"Group_{b.guid('g')}"


def test_descriptions_are_trimmed_cut_and_absent_when_empty() -> None:
    assert written_description("  ") is None
    assert written_description(None) is None
    assert written_description(" " + "x" * 500) == "x" * 448


def test_tables_have_the_documented_columns() -> None:
    inventory = b.inventory_of(
        b.cloud_side([b.cloud_group("T")], {"T": [b.synced("Ana")]}), b.directory_side([b.ad_user("Ana")])
    )
    assert groups_table(inventory)["members"].dtype == "Int64"
    assert list(members_table(inventory).columns)[:3] == ["group_id", "group_name", "member_id"]
    empty = b.inventory_of(b.cloud_side(), b.directory_side())
    assert len(groups_table(empty)) == 0
    assert len(members_table(empty)) == 0


def test_owners_are_a_column_where_they_were_read_and_unknown_is_not_none() -> None:
    groups = [b.cloud_group(name) for name in ("Read", "None", "Unread")]
    found = b.inventory_of(b.cloud_side(groups, {group.display_name: [] for group in groups}), b.directory_side())
    assert "owners" not in groups_table(found).columns
    ana, bo = Owner("Ana", "ana@contoso.com"), Owner("Bo")
    known = replace(found, owners={groups[0].id: (ana, bo), groups[1].id: ()})
    table = groups_table(known).set_index("display_name")["owners"]
    assert table.to_dict() == {"Read": "Ana <ana@contoso.com>; Bo", "None": "", "Unread": OWNERS_UNKNOWN}


def test_an_index_with_other_members_is_that_of_the_changed_snapshot() -> None:
    anchored = {"msDS-ExternalDirectoryObjectId": (f"Group_{b.guid('Sales')}",)}
    groups = [b.ad_group("Sales", anchored), b.ad_group("Ops", {}), b.ad_group("Sales again", anchored)]
    before = b.directory_side([b.ad_user("Ana")], groups)
    changed = replace(groups[0], members=(b.user_dn("Ana"),))
    after = replace(before, groups=tuple(changed if one.guid == changed.guid else one for one in before.groups))
    assert index_directory(before).with_groups([changed]) == index_directory(after)


def test_times_of_a_group_are_times_and_what_is_none_is_missing() -> None:
    named = [b.cloud_group("Old", created="2018-05-14T08:00:00Z"), b.cloud_group("Odd", created="yesterday")]
    old = {"adminDescription": (anchor_of(named[0].id),), "whenCreated": ("20200101000000.0Z",), "whenChanged": ("x",)}
    inventory = b.inventory_of(b.cloud_side(named), b.directory_side(groups=[b.ad_group("Old", old)]))
    table = groups_table(inventory).set_index("display_name")
    times = ["created", "ad_created", "ad_changed"]
    assert list(table.loc["Old", times]) == [
        datetime(2018, 5, 14, 8, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC), None
    ]  # fmt: skip
    assert list(table.loc["Odd", times]) == [None] * 3
    assert list(ad_groups_table(inventory)["ad_created"]) == [datetime(2020, 1, 1, tzinfo=UTC)]
