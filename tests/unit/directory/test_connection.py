"""Search, read, add, modify and move against the embedded directory."""

from __future__ import annotations

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import DirectoryUnavailable, EntryExists, ObjectMissing, RightsMissing, ValueConflict
from runbook_lib.directory.search import ANY_OBJECT, bytes_equal, equals, guid_bytes, present
from runbook_lib.errors import Refused, UsageError
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.dn import rdn, same_dn
from tests.support import hostile
from tests.unit.directory.embedded import BASE, RETIRED, TARGET, Embedded

_NOBODY = "00000000-0000-0000-0000-000000000001"


def test_the_pinned_controller_is_described(directory: Directory, embedded: Embedded) -> None:
    controller = directory.controller
    assert (controller.host, controller.port) == ("localhost", embedded.port)
    assert controller.default_naming_context == BASE
    assert controller.configuration_naming_context == f"CN=Configuration,{BASE}"
    assert controller.schema_naming_context == f"CN=Schema,CN=Configuration,{BASE}"
    assert controller.domain_dns_name == "contoso.com"
    assert controller.domain_sid == embedded.store.domain_sid
    assert len(controller.invocation_id) == len(controller.domain_guid) == 36
    assert controller.ds_service_name.startswith("CN=NTDS Settings,")
    assert controller.highest_committed_usn > 0
    assert controller.other_domains == ()


def test_paging_goes_to_the_end(directory: Directory, embedded: Embedded) -> None:
    for number in range(25):
        embedded.add_group(f"page {number}")
    pages = directory.pages
    found = [entry.text("cn") for entry in directory.search(TARGET, present("groupType"), ("cn",), page_size=10)]
    assert sorted(found, key=str) == sorted(f"page {number}" for number in range(25))
    assert directory.pages - pages == 3


def test_scopes(directory: Directory, embedded: Embedded) -> None:
    embedded.add_group("one")
    assert [e.dn for e in directory.search(TARGET, ANY_OBJECT, ("cn",), scope="base")] == [TARGET]
    assert [e.dn for e in directory.search(TARGET, ANY_OBJECT, ("cn",), scope="one")] == [f"CN=one,{TARGET}"]
    assert {e.dn for e in directory.search(TARGET, ANY_OBJECT, ("cn",))} == {TARGET, f"CN=one,{TARGET}"}


def test_a_search_below_nothing_is_an_error(directory: Directory) -> None:
    with pytest.raises(ObjectMissing):
        list(directory.search(f"OU=Nowhere,{BASE}", ANY_OBJECT, ("cn",)))


@pytest.mark.parametrize("count", [1500, 1501, 4000])
def test_members_are_read_through_all_ranges(directory: Directory, embedded: Embedded, count: int) -> None:
    users = []
    for number in range(count):
        users.append(f"CN=u{number},OU=Staff,{BASE}")
        embedded.store.add(users[-1], {"objectClass": "user", "sAMAccountName": f"u{number}"})
    guid = embedded.add_group("large", member=users)
    requests = directory.requests
    assert directory.members(guid) == tuple(sorted(users))
    assert directory.requests - requests == -(-count // 1500)
    entry = next(directory.search(TARGET, equals("cn", "large"), ("member", "cn")))
    assert sorted(entry.texts("member")) == sorted(users)
    assert not any(";range=" in name for name in entry.attributes)


def test_members_of_an_empty_group_and_of_none(directory: Directory, embedded: Embedded) -> None:
    assert directory.members(embedded.add_group("empty")) == ()
    with pytest.raises(ObjectMissing):
        directory.members(_NOBODY)


def test_reading_what_is_not_there(directory: Directory) -> None:
    assert directory.read(_NOBODY, ("cn",)) is None
    assert directory.read_dn(f"CN=nobody,{BASE}", ("cn",)) is None


@hostile.each("dn", "filter", "direction", "invisible", "twin", "formula", whole_unicode=True)
def test_hostile_names_are_created_found_changed_and_moved(directory: Directory, text: str) -> None:
    name = text
    values = {"objectClass": ["group"], "sAMAccountName": ["grp-x"], "groupType": ["8"], "displayName": [name]}
    guid = directory.add(f"{rdn('CN', name)},{TARGET}", values)
    assert [e.guid for e in directory.search(BASE, equals("cn", name), ("objectGUID",))] == [guid]
    assert [e.guid for e in directory.search(BASE, bytes_equal("objectGUID", guid_bytes(guid)), ("objectGUID",))] == [
        guid
    ]
    directory.modify(guid, [AttributeDelta("displayName", (name,), (name + name,))])
    directory.move(guid, rdn("CN", name), RETIRED)
    entry = directory.read(guid, ("cn", "displayName", "objectSid"))
    assert entry is not None
    assert (entry.text("cn"), entry.text("displayName")) == (name, name + name)
    assert same_dn(entry.dn, f"{rdn('CN', name)},{RETIRED}")
    assert (entry.sid or "").startswith(directory.controller.domain_sid + "-")


def test_a_modify_names_the_old_value_and_fails_when_it_is_not_there(directory: Directory, embedded: Embedded) -> None:
    guid = embedded.add_group("g", displayName="before", description="kept")
    with pytest.raises(ValueConflict):
        directory.modify(
            guid,
            [
                AttributeDelta("description", ("kept",), ("lost",)),
                AttributeDelta("displayName", ("other",), ("after",)),
            ],
        )
    entry = directory.read(guid, ("displayName", "description"))
    assert entry is not None
    assert (entry.text("displayName"), entry.text("description")) == ("before", "kept")


def test_members_enter_and_leave_one_by_one(directory: Directory, embedded: Embedded) -> None:
    guid = embedded.add_group("g")
    first, second = (embedded.store.tree.dn(embedded.store.node(f"<GUID={embedded.add_group(n)}>").guid) for n in "ab")
    directory.modify(guid, [AttributeDelta("member", (), (first, second))])
    with pytest.raises(ValueConflict):
        directory.modify(guid, [AttributeDelta("member", (), (first,))])
    directory.modify(guid, [AttributeDelta("member", (first,), ())])
    with pytest.raises(ValueConflict):
        directory.modify(guid, [AttributeDelta("member", (first,), ())])
    with pytest.raises(ObjectMissing) as caught:
        directory.modify(guid, [AttributeDelta("member", (), (f"CN=nobody,{BASE}",))])
    assert caught.value.code == "reference-missing"
    assert directory.members(guid) == (second,)


def test_an_empty_modify_is_no_request_and_never_clears_an_attribute(directory: Directory, embedded: Embedded) -> None:
    guid = embedded.add_group("g", description="kept")
    requests = directory.requests
    directory.modify(guid, [AttributeDelta("description")])
    assert directory.requests == requests
    entry = directory.read(guid, ("description",))
    assert entry is not None
    assert entry.text("description") == "kept"


def test_writing_outside_ones_rights(directory: Directory, embedded: Embedded) -> None:
    elsewhere = embedded.add_group("g", f"OU=Staff,{BASE}", description="x")
    with pytest.raises(RightsMissing) as caught:
        directory.modify(elsewhere, [AttributeDelta("description", ("x",), ("y",))])
    assert caught.value.code == "insufficient-rights"


def test_names_that_are_taken_and_places_that_are_not_there(directory: Directory, embedded: Embedded) -> None:
    guid = embedded.add_group("g")
    values = {"objectClass": ["group"], "sAMAccountName": ["new"], "groupType": ["8"]}
    with pytest.raises(EntryExists) as name_taken:
        directory.add(f"CN=g,{TARGET}", values)
    assert name_taken.value.code == "entry-exists"
    taken = directory.read(guid, ("sAMAccountName",))
    assert taken is not None
    with pytest.raises(EntryExists) as account_taken:
        directory.add(f"CN=new,{TARGET}", values | {"sAMAccountName": [taken.text("sAMAccountName") or ""]})
    assert account_taken.value.code == "account-name-exists"
    with pytest.raises(ObjectMissing) as no_parent:
        directory.add(f"CN=new,OU=Nowhere,{TARGET}", values)
    assert no_parent.value.code == "parent-missing"
    with pytest.raises(ObjectMissing):
        directory.move(guid, "CN=g", f"OU=Nowhere,{BASE}")
    with pytest.raises(ObjectMissing):
        directory.modify(_NOBODY, [AttributeDelta("description", (), ("x",))])


def test_an_attribute_that_the_schema_does_not_have(directory: Directory, embedded: Embedded) -> None:
    with pytest.raises(Refused) as caught:
        directory.modify(embedded.add_group("g"), [AttributeDelta("msExchNoSuchThing", (), ("x",))])
    assert caught.value.code == "attribute-unknown"


def test_half_a_character_never_reaches_the_wire(directory: Directory, embedded: Embedded) -> None:
    guid = embedded.add_group("g")
    requests = directory.requests
    with pytest.raises(UsageError):
        directory.modify(guid, [AttributeDelta("description", (), ("\ud800",))])
    assert directory.requests == requests


@pytest.mark.parametrize("guid", ["", "x>,DC=contoso", "CN=a,DC=contoso,DC=com"])
def test_only_a_guid_addresses_an_object(directory: Directory, guid: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        directory.read(guid, ("cn",))


def test_a_closed_connection_stays_closed(directory: Directory) -> None:
    directory.close()
    with pytest.raises(DirectoryUnavailable):
        directory.read_dn(BASE, ("objectGUID",))
    directory.close()
