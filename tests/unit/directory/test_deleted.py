"""Delete, undelete, the Recycle Bin's state and lifetimes, with the Recycle Bin on and off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import (
    may_list_deleted,
    read_deleted,
    read_lifetime,
    read_one_deleted,
    read_recycle_bin,
)
from runbook_lib.directory.errors import EntryExists, ObjectMissing, RightsMissing
from runbook_lib.errors import Refused
from runbook_lib.model.cloud import Switch
from runbook_lib.model.dn import same_dn
from runbook_lib.model.ids import GroupId, anchor_of
from tests.unit.directory.embedded import ADMINISTRATOR, BASE, RETIRED, TARGET, WRITER, Embedded

_ID = "0d3a8d7f-0000-4000-8000-0123456789ab"
_SERVICE = f"CN=Directory Service,CN=Windows NT,CN=Services,CN=Configuration,{BASE}"
_VALUES = {"adminDescription": [anchor_of(GroupId(_ID))], "extensionName": ["gwb:mark", "other"]}


@pytest.fixture
def admin(embedded: Embedded) -> Iterator[Directory]:
    with embedded.open(bind_user=ADMINISTRATOR) as opened:
        yield opened


@pytest.mark.parametrize("recycle_bin", [True, False])
def test_a_deleted_group_comes_back_as_the_same_object(embedded: Embedded, admin: Directory, recycle_bin: bool) -> None:
    embedded.store.recycle_bin = recycle_bin
    guid = embedded.add_group("here\\, there", member=[WRITER], description="About", **_VALUES)  # type: ignore[arg-type]
    sid = (admin.read(guid, ["objectSid"]) or pytest.fail("unread")).sid
    admin.delete(guid)
    assert admin.read(guid, ["objectGUID"]) is None
    found = read_one_deleted(admin, guid)
    assert found is not None
    assert (found.sid, same_dn(found.last_dn, f"CN=here\\, there,{TARGET}")) == (sid, True)
    assert found.group_id == (_ID if recycle_bin else "")
    assert found.changed is not None
    admin.undelete(found.dn, f"CN=here\\, there,{TARGET}", _VALUES)
    back = admin.read(guid, ["*"])
    assert back is not None
    assert (back.sid, back.dn) == (sid, f"CN=here\\, there,{TARGET}")
    assert {name: sorted(back.texts(name)) for name in _VALUES} == {k: sorted(v) for k, v in _VALUES.items()}
    assert back.texts("member") == ((WRITER,) if recycle_bin else ())
    assert back.text("description") == ("About" if recycle_bin else None)
    assert read_one_deleted(admin, guid) is None


def test_what_cannot_be_deleted_or_brought_back(embedded: Embedded, directory: Directory, admin: Directory) -> None:
    guid = embedded.add_group("parent")
    elsewhere = embedded.add_group("elsewhere", f"OU=Staff,{BASE}")
    with pytest.raises(RightsMissing) as caught:
        directory.delete(elsewhere)
    assert "accidental deletion" in caught.value.message
    with pytest.raises(ObjectMissing):
        admin.delete("00000000-0000-0000-0000-000000000001")
    admin.delete(guid)
    gone = read_one_deleted(admin, guid)
    assert gone is not None
    embedded.add_group("parent")
    with pytest.raises(EntryExists):
        admin.undelete(gone.dn, f"CN=parent,{TARGET}", {})
    with pytest.raises((ObjectMissing, Refused)):
        admin.undelete(gone.dn, f"CN=parent,OU=Nowhere,{BASE}", {})


def test_the_state_of_the_recycle_bin(embedded: Embedded, directory: Directory) -> None:
    assert read_recycle_bin(directory) is Switch.OFF
    embedded.store.recycle_bin = True
    assert read_recycle_bin(directory) is Switch.ON


@pytest.mark.parametrize(
    ("recycle_bin", "values", "expected"),
    [
        (Switch.OFF, {"tombstoneLifetime": "180"}, (180, "tombstoneLifetime")),
        (Switch.OFF, {"msDS-deletedObjectLifetime": "7", "tombstoneLifetime": "90"}, (90, "tombstoneLifetime")),
        (
            Switch.ON,
            {"msDS-deletedObjectLifetime": "200", "tombstoneLifetime": "90"},
            (200, "msDS-deletedObjectLifetime"),
        ),
        (Switch.ON, {"tombstoneLifetime": "90"}, (90, "tombstoneLifetime")),
        (
            Switch.UNKNOWN,
            {"msDS-deletedObjectLifetime": "7", "tombstoneLifetime": "90"},
            (7, "msDS-deletedObjectLifetime"),
        ),
        (Switch.ON, {}, (60, "default")),
    ],
)
def test_lifetimes(
    embedded: Embedded,
    directory: Directory,
    recycle_bin: Switch,
    values: Mapping[str, str],
    expected: tuple[int, str],
) -> None:
    empty: dict[str, list[str]] = {"msDS-deletedObjectLifetime": [], "tombstoneLifetime": []}
    embedded.store.modify(_SERVICE, {**empty, **values})
    assert read_lifetime(directory, recycle_bin) == expected


def test_only_groups_of_the_two_ous_and_anchored_ones_are_listed(embedded: Embedded, admin: Directory) -> None:
    embedded.store.recycle_bin = True
    ours = [embedded.add_group("a"), embedded.add_group("b", RETIRED)]
    anchored = embedded.add_group("c", f"OU=Staff,{BASE}", adminDescription=anchor_of(GroupId(_ID)))
    other = embedded.add_group("d", f"OU=Staff,{BASE}")
    for guid in (*ours, anchored, other):
        admin.delete(guid)
    found, gap = read_deleted(admin, [TARGET, RETIRED])
    assert gap == ""
    assert {item.guid for item in found.objects} == {*ours, anchored}
    assert (found.recycle_bin, found.listable) == (Switch.ON, Switch.ON)


def test_that_objects_may_be_listed_is_proved_by_one_that_is_seen(embedded: Embedded, admin: Directory) -> None:
    assert may_list_deleted(admin) is Switch.UNKNOWN
    assert read_deleted(admin, [TARGET])[0].listable is Switch.UNKNOWN
    admin.delete(embedded.add_group("a", f"OU=Staff,{BASE}"))
    assert may_list_deleted(admin) is Switch.ON


def test_an_account_that_may_not_list_says_so(embedded: Embedded, directory: Directory) -> None:
    guid = embedded.add_group("a")
    directory.delete(guid)
    assert may_list_deleted(directory) is Switch.OFF
    found, gap = read_deleted(directory, [TARGET])
    assert (found.listable, found.objects) == (Switch.OFF, ())
    assert "may not list" in gap
    assert read_one_deleted(directory, guid) is None


def test_a_whole_object_brings_its_links_and_identifiers(embedded: Embedded, directory: Directory) -> None:
    guid = embedded.add_group("whole", member=[WRITER])
    whole = directory.read_whole(guid)
    assert whole is not None
    assert whole.guid == guid
    assert whole.texts("member") == (WRITER,)
    assert whole.sid
    assert directory.read_whole("00000000-0000-0000-0000-000000000001") is None
