"""The whole domain in one reading, against the embedded directory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.errors import UsageError
from runbook_lib.model.directory import GROUP_ATTRIBUTES, MAIL_ATTRIBUTES, DirectorySnapshot
from tests.unit.directory.embedded import ADMINISTRATOR, BASE, RETIRED, TARGET, WRITER, Embedded, clock

_ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
_STAFF = f"OU=Staff,{BASE}"


def _read(directory: Directory, target: str = TARGET, retired: str = RETIRED) -> DirectorySnapshot:
    return read_directory(directory, target, retired, clock=clock)


def test_objects_carry_every_key_that_a_cloud_principal_can_be_found_by(
    directory: Directory, embedded: Embedded
) -> None:
    guid = embedded.store.add(
        f"CN=Ada,{_STAFF}",
        {
            "objectClass": "user",
            "sAMAccountName": "ada",
            "userPrincipalName": "ada@contoso.com",
            "displayName": "Ada Lovelace",
            "mail": "ada@contoso.com",
            "proxyAddresses": ["SMTP:ada@contoso.com", "smtp:a@contoso.com"],
            "mS-DS-ConsistencyGuid": bytes(range(16)),
            "msDS-ExternalDirectoryObjectId": f"User_{_ID}",
        },
    )
    embedded.store.add(f"CN=Supplier,{_STAFF}", {"objectClass": "contact", "mail": "s@fabrikam.com"})
    objects = {o.dn: o for o in _read(directory).objects}
    ada = objects[f"CN=Ada,{_STAFF}"]
    assert (ada.guid, ada.object_class, ada.sam_account_name) == (guid, "user", "ada")
    assert ada.sid is not None
    assert ada.sid.startswith(embedded.store.domain_sid)
    assert (ada.user_principal_name, ada.display_name, ada.mail) == ("ada@contoso.com", "Ada Lovelace", ada.mail)
    assert set(ada.proxy_addresses) == {"SMTP:ada@contoso.com", "smtp:a@contoso.com"}
    assert ada.consistency_guid == "03020100-0504-0706-0809-0a0b0c0d0e0f"
    assert ada.external_id == f"User_{_ID}"
    assert objects[f"CN=Supplier,{_STAFF}"].object_class == "contact"
    assert objects[WRITER].object_class == "user"
    assert len({o.guid for o in objects.values()}) == len(_read(directory).objects)


def test_members_are_read_where_they_matter_and_nowhere_else(directory: Directory, embedded: Embedded) -> None:
    embedded.add_group("ours", TARGET, member=[WRITER])
    embedded.add_group("retired", RETIRED)
    embedded.add_group("anchored", _STAFF, adminDescription=f"Group_{_ID}", member=[WRITER])
    embedded.add_group("cloud-sync", _STAFF, **{"msDS-ExternalDirectoryObjectId": f"group_{_ID}"})
    embedded.add_group("plain", _STAFF, member=[WRITER])
    snapshot = _read(directory)
    members = {g.text("cn"): g.members for g in snapshot.groups}
    assert (members["ours"], members["retired"], members["anchored"]) == ((WRITER,), (), (WRITER,))
    assert members["cloud-sync"] == ()
    assert members["plain"] is None
    assert members["Domain Admins"] is None
    assert snapshot.reading.complete
    assert snapshot.reading.gaps == () or "deleted objects" in snapshot.reading.gaps[0]


def test_large_groups_arrive_whole(directory: Directory, embedded: Embedded) -> None:
    users = []
    for number in range(1600):
        users.append(f"CN=u{number},{_STAFF}")
        embedded.store.add(users[-1], {"objectClass": "user", "sAMAccountName": f"u{number}"})
    embedded.add_group("large", member=users)
    snapshot = _read(directory)
    large = next(g for g in snapshot.groups if g.text("cn") == "large")
    assert large.members == tuple(sorted(users))
    assert any("1,600 member values" in sentence for sentence in snapshot.reading.proof)
    assert any("on 2 pages" in sentence for sentence in snapshot.reading.proof)


def test_attributes_member_of_and_types(directory: Directory, embedded: Embedded) -> None:
    inner = embedded.add_group("inner", description="d", adminDescription=f"Group_{_ID}", extensionName=["a", "b"])
    embedded.add_group("outer", _STAFF, member=[f"CN=inner,{TARGET}"], groupType="-2147483640")
    snapshot = _read(directory)
    group = next(g for g in snapshot.groups if g.guid == inner)
    assert (group.text("description"), group.text("adminDescription")) == ("d", f"Group_{_ID}")
    assert set(group.attributes["extensionName"]) == {"a", "b"}
    assert (group.group_type, group.is_security) == (8, False)
    assert group.member_of == (f"CN=outer,{_STAFF}",)
    assert "member" not in group.attributes
    assert set(group.attributes) <= set(GROUP_ATTRIBUTES)
    outer = next(g for g in snapshot.groups if g.text("cn") == "outer")
    assert outer.is_security


def test_the_schema_says_what_a_group_may_carry(directory: Directory, embedded: Embedded) -> None:
    before = _read(directory).group_attributes
    assert {"adminDescription", "extensionName", "displayName", "mail", "proxyAddresses", "uSNChanged"} <= before
    assert not {"mailNickname", "msExchRecipientDisplayType", "targetAddress"} & before
    embedded.store.extend_schema_for_exchange()
    assert set(MAIL_ATTRIBUTES) <= _read(directory).group_attributes


@pytest.mark.parametrize(
    ("dn", "exists", "critical"),
    [
        (TARGET, True, False),
        ("ou=cloud groups, dc=CONTOSO,dc=com", True, False),
        (BASE, True, True),
        (f"CN=Users,{BASE}", True, True),
        (f"OU=Domain Controllers,{BASE}", True, True),
        (f"CN=Configuration,{BASE}", True, True),
        (f"OU=Nowhere,{BASE}", False, False),
        ("", False, False),
    ],
)
def test_containers(directory: Directory, dn: str, *, exists: bool, critical: bool) -> None:
    target = _read(directory, dn, "").target
    assert (target.exists, target.is_critical) == (exists, critical)
    assert bool(target.guid) == exists
    if "cloud groups" in dn.lower():
        assert target.dn == TARGET
        assert target.object_classes[-1] == "organizationalUnit"


@pytest.mark.parametrize("parameter", ["target_ou", "retired_ou"])
def test_a_malformed_ou_names_its_parameter(directory: Directory, parameter: str) -> None:
    names = {"target_ou": TARGET, "retired_ou": RETIRED} | {parameter: "Cloud Groups"}
    with pytest.raises(UsageError) as caught:
        _read(directory, names["target_ou"], names["retired_ou"])
    assert caught.value.values["parameter"] == parameter


def test_deleted_anchors_keep_their_place_with_the_recycle_bin(embedded: Embedded) -> None:
    embedded.store.recycle_bin = True
    embedded.add_group("gone, away".replace(",", "\\,"), adminDescription=f"Group_{_ID.upper()}")
    embedded.add_group("other", adminDescription="Group_hidden-from-sync")
    embedded.store.delete(f"CN=gone\\, away,{TARGET}")
    embedded.store.delete(f"CN=other,{TARGET}")
    with embedded.open(bind_user=ADMINISTRATOR) as directory:
        snapshot = _read(directory)
    assert snapshot.deleted_anchors == {_ID: f"CN=gone\\, away,{TARGET}"}
    assert snapshot.reading.gaps == ()
    assert all(g.text("cn") != "gone, away" for g in snapshot.groups)


def test_deleted_objects_that_may_not_be_listed_are_a_gap(directory: Directory, embedded: Embedded) -> None:
    snapshot = _read(directory)
    assert snapshot.reading.complete
    assert snapshot.deleted_anchors == {}
    assert snapshot.reading.gaps == (f"deleted objects: this account may not list CN=Deleted Objects,{BASE}",)


def read_while(directory: Directory, event: Callable[[], object]) -> DirectorySnapshot:
    """The directory, in which something happens between the reading of groups and that of their members."""

    def progress(what: str, done: int, total: int | None) -> None:
        if what == "groups" and total == done:
            event()

    return read_directory(directory, TARGET, RETIRED, clock=clock, progress=progress)


def _proof(snapshot: DirectorySnapshot) -> list[str]:
    return [line for line in snapshot.reading.proof if "looked up by GUID" in line]


def test_a_group_that_goes_while_it_is_read_is_looked_up_and_left_out(directory: Directory, embedded: Embedded) -> None:
    embedded.add_group("goes")
    embedded.add_group("stays")
    snapshot = read_while(directory, lambda: embedded.call(lambda: embedded.store.delete(f"CN=goes,{TARGET}")))
    assert snapshot.reading.complete
    assert "stays" in {group.text("cn") for group in snapshot.groups}
    assert "goes" not in {group.text("cn") for group in snapshot.groups}
    assert f"CN=goes,{TARGET}" not in {item.dn for item in snapshot.objects}
    (said,) = _proof(snapshot)
    assert said.startswith("1 group appeared, moved or went away while the directory was read: looked up by GUID, 1 of")


def test_a_group_that_appears_or_moves_while_it_is_read_is_read_where_it_is(
    directory: Directory, embedded: Embedded
) -> None:
    elsewhere = f"OU=Elsewhere,{BASE}"
    embedded.store.add(elsewhere, {"objectClass": "organizationalUnit"})
    wanders, leaves = embedded.add_group("wanders", ou=elsewhere), embedded.add_group("leaves")

    def event() -> None:
        embedded.call(lambda: embedded.add_group("comes"))
        with embedded.open(bind_user=ADMINISTRATOR) as another:
            another.move(wanders, "CN=wanders", TARGET)
            another.move(leaves, "CN=leaves", elsewhere)

    snapshot = read_while(directory, event)
    assert snapshot.reading.complete
    found = {group.text("cn"): group for group in snapshot.groups}
    assert {found[name].dn for name in ("comes", "wanders")} == {f"CN=comes,{TARGET}", f"CN=wanders,{TARGET}"}
    assert found["leaves"].dn == f"CN=leaves,{elsewhere}"
    assert found["comes"].members == found["wanders"].members == ()
    assert found["leaves"].members is None, "members matter for groups that have an anchor or stand below the two OUs"
    assert _proof(snapshot)[0].startswith("3 groups appeared, moved or went away")


def test_an_ou_that_vanishes_makes_the_reading_incomplete(directory: Directory, embedded: Embedded) -> None:
    def progress(what: str, done: int, total: int | None) -> None:
        if what == "groups" and total == done:
            embedded.call(lambda: embedded.store.delete(TARGET))

    snapshot = read_directory(directory, TARGET, RETIRED, clock=clock, progress=progress)
    assert not snapshot.reading.complete
    assert any("disappeared" in gap for gap in snapshot.reading.gaps)


def test_the_reading_tells_numbers_time_and_progress(directory: Directory, embedded: Embedded) -> None:
    embedded.add_group("g")
    moments = iter([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC)])
    seen: list[tuple[str, int, int | None]] = []
    requests = directory.requests
    snapshot = read_directory(
        directory, TARGET, RETIRED, clock=lambda: next(moments), progress=lambda *told: seen.append(told)
    )
    reading = snapshot.reading
    assert (reading.at.year, reading.seconds) == (2026, 3.0)
    assert reading.requests == directory.requests - requests
    assert f"{len(snapshot.groups)} groups on 1 page, the last without cookie" in reading.proof
    assert ("groups", len(snapshot.groups), len(snapshot.groups)) in seen
    assert any("nothing was written meanwhile" in sentence for sentence in reading.proof)
    assert reading.source == "dc1.contoso.com, domain contoso.com"


def test_two_readings_of_the_same_domain_are_equal(directory: Directory, embedded: Embedded) -> None:
    embedded.add_group("g", member=[WRITER])
    first, second = _read(directory), _read(directory)
    assert (first.objects, first.groups, first.target) == (second.objects, second.groups, second.target)
