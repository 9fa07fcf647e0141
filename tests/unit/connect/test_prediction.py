"""What v1 makes of Microsoft 365 groups: all of them, named, with values, members and what they meet in AD."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.connect.predicted import NamingMode, Standing
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.connect.settings import WizardChoice, writeback_settings
from runbook_lib.connect.written import common_names
from runbook_lib.model.cloud import CloudKind, CloudPrincipal, PrincipalType, Switch
from runbook_lib.model.directory import GROUP_ATTRIBUTES
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, anchor_of, as_group_id, mark_of
from runbook_lib.model.predicted import Known
from tests.support import builders as b
from tests.support.connect_evidence import CONTAINER
from tests.unit.connect.world import (
    AHEAD,
    PLAIN,
    STAFF,
    both_sides,
    by_connect,
    codes,
    collected,
    only,
    predicted,
    rule,
)

TEAM = b.cloud_group(
    "Team North",
    description="All of the north",
    mail="north@contoso.com",
    mail_nickname="north",
    proxy_addresses=("SMTP:north@contoso.com", "smtp:old@contoso.com"),
)


def test_all_microsoft_365_groups_and_nothing_else() -> None:
    kinds = {kind: b.cloud_group(kind.value, kind) for kind in CloudKind}
    synchronized = b.cloud_group("from AD", CloudKind.SECURITY, on_premises_sync_enabled=True)
    found = predicted([*kinds.values(), synchronized])
    assert [one.group_id for one in found.groups] == [kinds[CloudKind.MICROSOFT_365].id]
    assert {found.outside[group.id].code for group in (*kinds.values(), synchronized) if group.id in found.outside} == {
        "security",
        "mail-enabled-security",
        "distribution-list",
        "synchronized",
    }
    assert len(found.groups) + len(found.outside) == 5


def test_a_group_as_it_will_be() -> None:
    group = only(predicted([TEAM]))
    last = TEAM.id[-12:]
    assert group.names[NamingMode.ID].value == f"Group_{TEAM.id}"
    assert group.dn.value == f"CN=Team North_{last},{CONTAINER}"
    assert group.dn_in(NamingMode.ID).value == f"CN=Group_{TEAM.id},{CONTAINER}"
    assert (group.standing, group.guid, group.scope.known) == (Standing.NEW, "", Known.YES)
    assert {name: one.value for name, one in group.attributes.items() if one.known} == {
        "adminDescription": f"Group_{TEAM.id}",
        "groupType": "8",
        "displayName": "Team North",
        "description": "All of the north",
        "mail": "north@contoso.com",
        "mailNickname": "north",
        "proxyAddresses": "SMTP:north@contoso.com",
    }
    unconfirmed = {name for name, one in group.attributes.items() if not one.known}
    assert {"legacyExchangeDN", "msExchRecipientTypeDetails"} <= unconfirmed
    assert not group.account_name.known
    assert group.troubles == ()


def test_without_exchange_no_attribute_of_mail() -> None:
    found = predicted([TEAM], allowed=PLAIN)
    assert (found.exchange, "not extended by Exchange" in found.exchange_why) == (Known.NO, True)
    values = only(found).attributes
    assert all(values[name].known and not values[name].value for name in ("mail", "proxyAddresses", "mailNickname"))
    assert all(one.known for one in values.values())


def test_no_value_for_what_the_schema_lacks() -> None:
    allowed = [name for name in GROUP_ATTRIBUTES if name != "mailNickname"]
    values = only(predicted([TEAM], allowed=allowed)).attributes
    assert (values["mailNickname"].known, values["mailNickname"].value) == (True, "")
    assert values["mail"].value == "north@contoso.com"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("  padded  ", "padded_{id}"),
        ("x" * 60, "x" * 51 + "_{id}"),
        ("x" * 50 + "\U0001f600", None),
        ("x" * 49 + "\U0001f600y", "x" * 49 + "\U0001f600_{id}"),
        ("two\nlines", None),
        ("a, b + c", "a, b + c_{id}"),
        ("", "_{id}"),
    ],
)
def test_names_by_display_name(name: str, expected: str | None) -> None:
    group = b.cloud_group("any", display_name=name)
    cn = common_names(group)[NamingMode.DISPLAY_NAME]
    assert cn.known is (expected is not None)
    if expected is not None:
        assert cn.value == expected.format(id=group.id[-12:])


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_every_name_fits_or_says_why_not(name: str) -> None:
    group = b.cloud_group("any", display_name=name)
    found = only(predicted([group]))
    for mode in NamingMode:
        dn = found.dn_in(mode)
        assert dn.known is not bool(dn.why)
        if dn.known:
            assert len(found.names[mode].value.encode("utf-16-le")) // 2 <= 64
            assert dn.value.endswith(f",{CONTAINER}")
    assert "cn-too-long" not in codes(found)


def test_a_description_is_cut() -> None:
    group = only(predicted([replace(TEAM, description="d" * 500)]))
    assert group.attributes["description"].value == "d" * 448
    half = only(predicted([replace(TEAM, description="d" * 447 + "\U0001f600")]))
    assert not half.attributes["description"].known


def test_what_was_no_character_is_not_predicted() -> None:
    group = only(predicted([replace(TEAM, display_name="Te�m", replaced=("displayName",))]))
    assert not group.attributes["displayName"].known
    assert not group.names[NamingMode.DISPLAY_NAME].known
    assert group.names[NamingMode.ID].known


def test_members_with_their_reasons() -> None:
    ann, guest = b.synced("Ann"), b.person("Guest", user_type="Guest")
    cloud_only, leaver = b.person("Cloud"), b.person("Leaver", immutable_id=b.immutable_id("nobody"))
    elsewhere = replace(b.synced("Emea"), immutable_id=None, on_premises_domain="emea.contoso.com")
    foreign = replace(b.synced("Fabrikam"), immutable_id=None, on_premises_domain="fabrikam.com")
    lost = b.synced("Lost")
    taken_over = replace(b.synced("Over"), on_premises_sync_enabled=None, on_premises_sid=b.ad_user("Over").sid)
    device = CloudPrincipal(b.guid("device"), PrincipalType.DEVICE, "Laptop")
    contact = CloudPrincipal(b.guid("contact"), PrincipalType.CONTACT, "Contact")
    unread = CloudPrincipal(b.guid("unread"), PrincipalType.UNKNOWN)
    nested = b.cloud_group("nested")
    found = predicted(
        [TEAM, nested],
        {
            "Team North": [
                ann, guest, cloud_only, leaver, elsewhere, foreign, lost, taken_over, device, contact, unread, nested
            ]
        },
        users=[b.ad_user("Ann"), b.ad_user("Over")],
        other_domains=("DC=emea,DC=contoso,DC=com",),
    )  # fmt: skip
    group = next(one for one in found.groups if one.group_id == TEAM.id)
    answers = {one.name: (one.answer.known, one.answer.code) for one in group.members}
    assert answers == {
        "Ann": (Known.YES, ""),
        "Guest": (Known.NO, "guest"),
        "Cloud": (Known.NO, "cloud-only"),
        "Leaver": (Known.NO, "not-synchronized"),
        "Emea": (Known.YES, "other-domain"),
        "Fabrikam": (Known.NO, "other-forest"),
        "Lost": (Known.UNKNOWN, "no-account-seen"),
        "Over": (Known.UNKNOWN, "cloud-managed-account"),
        "Laptop": (Known.NO, "no-user"),
        "Contact": (Known.UNKNOWN, "contact"),
        unread.id: (Known.UNKNOWN, "unknown"),
        "nested": (Known.UNKNOWN, "group"),
    }
    assert all(bool(one.answer.why) is bool(one.answer.code) for one in group.members)
    assert sum(found.left_out().values()) == group.count(Known.NO) + group.count(Known.UNKNOWN) == 10
    assert found.members(Known.YES) == 2


def test_a_group_that_arrives_empty() -> None:
    assert codes(only(predicted([TEAM], {"Team North": [b.person("Cloud")]}))) == ["arrives-empty"]
    assert codes(only(predicted([TEAM], {"Team North": []}))) == []
    assert codes(only(predicted([TEAM], unread=["Team North"]))) == ["members-unread"]


def test_more_members_than_the_rule_lets_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbook_lib.connect.prediction.MOST_MEMBERS", 1)
    monkeypatch.setattr("runbook_lib.connect.prediction.MOST_WITHOUT_LIMIT", 2)
    people = [b.synced(name) for name in "abc"]
    users = [b.ad_user(name) for name in "abc"]
    two = predicted([TEAM], {"Team North": people[:2]}, users=users)
    assert (only(two).scope.code, codes(only(two))) == ("too-large", ["too-large"])
    assert only(two).count(Known.UNKNOWN) == 2
    read = collected(tmp_path)  # v1 is on, and the rules that were read have no limit
    without = writeback_settings(read, v1=Switch.ON)
    assert only(predicted([TEAM], {"Team North": people[:2]}, users=users, settings=without)).scope.known is Known.YES
    assert only(predicted([TEAM], {"Team North": people}, users=users, settings=without)).scope.code == "too-large"


def test_v2_leaves_type_and_scope_open() -> None:
    group = only(predicted([TEAM], settings=replace(AHEAD, v2=Switch.ON)))
    assert (group.scope.known, group.scope.code) == (Known.UNKNOWN, "v2")
    assert not group.attributes["groupType"].known


def test_what_v1_joins_and_what_it_meets(tmp_path: Path) -> None:
    here = by_connect(TEAM)
    there = only(predicted([TEAM], ad=[here]))
    assert (there.standing, there.guid, there.troubles) == (Standing.THERE, here.guid, ())
    moved = only(predicted([TEAM], ad=[by_connect(TEAM, parent=STAFF)]))
    assert (moved.standing, moved.troubles) == (Standing.UNCLEAR, ())
    several = only(predicted([TEAM], ad=[here, by_connect(TEAM, mode=NamingMode.ID)]))
    assert (several.standing, codes(several)[0]) == (Standing.UNCLEAR, "several-objects")
    ours_there = only(predicted([TEAM], ad=[b.written(TEAM, parent=CONTAINER)]))
    assert (ours_there.standing, codes(ours_there)) == (Standing.ADOPTED, ["adopted"])
    theirs = {EXTERNAL_ID_ATTRIBUTE: (anchor_of(TEAM.id),)}
    assert only(predicted([TEAM], ad=[by_connect(TEAM, attributes=theirs)])).standing is Standing.UNCLEAR
    marked = {"extensionName": (mark_of(b.guid("another tenant"), TEAM.id),)}
    assert only(predicted([TEAM], ad=[by_connect(TEAM, attributes=marked)])).standing is Standing.UNCLEAR


def test_ours_is_taken_over_or_doubled_by_the_ou_filter(tmp_path: Path) -> None:
    ours = b.written(TEAM, parent=STAFF)
    choice = WizardChoice(CONTAINER, NamingMode.ID)
    read = collected(tmp_path, features={"v1": False, "v2": False})
    seen = only(predicted([TEAM], ad=[ours], settings=writeback_settings(read, choice=choice)))
    assert (seen.standing, seen.guid) == (Standing.ADOPTED, ours.guid)
    outside = b.written(TEAM, parent=f"OU=Elsewhere,{b.BASE}")
    doubled = only(predicted([TEAM], ad=[outside], settings=writeback_settings(read, choice=choice)))
    assert (doubled.standing, doubled.guid, doubled.present_guid) == (Standing.DOUBLED, "", outside.guid)
    unread = only(predicted([TEAM], ad=[outside]))
    assert (unread.standing, "OU filter" in unread.standing_why) == (Standing.UNCLEAR, True)


def test_collisions_in_either_mode_while_none_is_chosen() -> None:
    taken = b.ad_group(f"Group_{TEAM.id}", parent=CONTAINER)
    assert codes(only(predicted([TEAM], ad=[taken]))) == []
    by_id = replace(AHEAD, naming=NamingMode.ID)
    assert codes(only(predicted([TEAM], ad=[taken], settings=by_id))) == ["cn-taken"]
    assert codes(only(predicted([TEAM], ad=[taken], settings=replace(AHEAD, naming=None)))) == ["cn-taken"]


def test_two_groups_of_one_name() -> None:
    twins = [replace(TEAM, id=as_group_id(digit * 8 + TEAM.id[8:])) for digit in "01"]
    found = predicted(twins)
    assert ["cn-twice" in codes(group) for group in found.groups] == [True, True]
    by_id = predicted(twins, settings=replace(AHEAD, naming=NamingMode.ID))
    assert not any("cn-twice" in codes(group) for group in by_id.groups)


def test_an_address_that_somebody_else_holds() -> None:
    contact = b.ad_user("Contact", mail="North@contoso.com")
    assert codes(only(predicted([TEAM], users=[contact]))) == ["address-taken"]
    assert codes(only(predicted([TEAM], users=[contact], allowed=PLAIN))) == []
    own = by_connect(TEAM, attributes={"mail": ("north@contoso.com",)})
    assert codes(only(predicted([TEAM], ad=[own]))) == []


def test_objects_of_v1_that_no_group_owns() -> None:
    gone, deleted = b.cloud_group("gone"), b.cloud_group("deleted")
    ad = [by_connect(TEAM), by_connect(gone), by_connect(deleted), b.written(b.cloud_group("ours"))]
    found = predicted([TEAM], ad=ad, deleted=[deleted])
    assert sorted(one.group_id for one in found.leftovers) == sorted([gone.id, deleted.id])
    assert all("not documented" in one.why for one in found.leftovers)


def test_a_rule_that_chooses_leaves_every_group_open(tmp_path: Path) -> None:
    own = rule("In from AAD - chosen", standard=False, destination="cloudNoFlow")
    read = collected(tmp_path, rules=[rule("Out to AD - Group SOAInAAD"), own])
    group = only(predicted([TEAM], settings=writeback_settings(read, v1=Switch.ON)))
    assert (group.scope.known, group.scope.code) == (Known.UNKNOWN, "chosen")


def test_what_makes_a_prediction_less_certain() -> None:
    inventory = both_sides([TEAM], complete=False)
    found = predict_writeback(inventory, replace(AHEAD, own=("Mine",)))
    assert len(found.cautions) == 2
    assert predicted([TEAM]).cautions == ()
