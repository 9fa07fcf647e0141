"""A domain read again by what changed is what a whole reading shows, or a whole reading takes its place."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rehearsal.directory import DirectoryStore
from runbook_lib.directory.again import DomainReader
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.model.directory import DirectorySnapshot
from tests.unit.directory.embedded import BASE, RETIRED, TARGET, WRITER, Embedded, clock

_ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
STAFF = f"OU=Staff,{BASE}"
LAB = f"OU=Lab,{STAFF}"


def plain(snapshot: DirectorySnapshot) -> dict[str, object]:
    """All that a snapshot says of the domain, in an order of its own."""
    return {
        "objects": {one.guid: one for one in snapshot.objects},
        "groups": {
            one.guid: replace(
                one,
                member_of=tuple(sorted(one.member_of)),
                attributes={name: tuple(sorted(values)) for name, values in one.attributes.items()},
            )
            for one in snapshot.groups
        },
        "ous": (snapshot.target, snapshot.retired),
        "carried": snapshot.group_attributes,
        "deleted": snapshot.deleted,
        "enforcement": snapshot.enforcement,
    }


def by_changes(snapshot: DirectorySnapshot) -> bool:
    return any("with uSNChanged above" in sentence for sentence in snapshot.reading.proof)


def told(snapshot: DirectorySnapshot) -> str:
    return " ".join(snapshot.reading.proof)


@pytest.fixture
def administrator(embedded: Embedded) -> Iterator[Directory]:
    """A connection that may list deleted objects, and a domain in which there is one."""
    store = embedded.store
    store.add(LAB, {"objectClass": "organizationalUnit"})
    for number in range(8):
        store.add(
            f"CN=p{number},{LAB if number % 2 else STAFF}",
            {"objectClass": "user", "sAMAccountName": f"p{number}", "displayName": f"Person {number}"},
        )
    people = [f"CN=p{number},{LAB if number % 2 else STAFF}" for number in range(8)]
    for number in range(6):
        where = (TARGET, RETIRED, STAFF)[number % 3]
        named = {"adminDescription": f"Group_{_ID[:-1]}{number}"} if number % 2 else {}
        embedded.add_group(f"g{number}", where, member=people[: number + 1], managedBy=people[number], **named)
    store.add(f"CN=gone,{STAFF}", {"objectClass": "contact", "mail": "gone@contoso.com"})
    store.delete(f"CN=gone,{STAFF}")
    with embedded.open(bind_user="administrator@contoso.com") as opened:
        yield opened


def read(reader: DomainReader, directory: Directory) -> DirectorySnapshot:
    return reader.read(directory, TARGET, RETIRED)


def whole(directory: Directory) -> DirectorySnapshot:
    return read_directory(directory, TARGET, RETIRED, clock=clock)


def test_nothing_changed_takes_few_requests(administrator: Directory) -> None:
    reader = DomainReader(clock, keep=True)
    first, second = (read(reader, administrator) for _ in range(2))
    assert (by_changes(first), by_changes(second)) == (False, True)
    assert plain(first) == plain(second)


KINDS = (
    *("rename a person", "move a person", "describe", "mail", "add", "remove", "nest", "delete a person"),
    *("rename a group", "move a group", "anchor", "delete a group", "undelete", "create", "manager"),
)


def edit(directory: Directory, store: DirectoryStore, chance: random.Random, kind: str) -> None:
    """Change something of this kind in the domain."""
    now = whole(directory)
    groups = sorted((one for one in now.groups if one.dn.endswith((TARGET, RETIRED, STAFF))), key=lambda one: one.dn)
    people = sorted((one for one in now.objects if one.dn.endswith(STAFF) and one.dn != WRITER), key=lambda one: one.dn)
    people = [one for one in people if one.object_class == "user"]
    if not groups or not people:
        return
    group, person = chance.choice(groups), chance.choice(people)
    name, place = f"n{chance.randrange(10**9)}", chance.choice((STAFF, LAB, TARGET, RETIRED))
    if kind == "rename a person":
        directory.move(person.guid, f"CN={name}", person.dn.partition(",")[2])
    elif kind == "move a person":
        directory.move(person.guid, f"CN={name}", place)
    elif kind == "describe":
        store.modify(chance.choice([group.dn, person.dn]), {"displayName": name})
    elif kind == "mail":
        store.modify(person.dn, {"mail": chance.choice([[], [f"{name}@contoso.com"]])})
    elif kind == "add":
        held = members_of(directory, group.guid)
        if person.dn not in held:
            store.modify(group.dn, {"member": [*held, person.dn]})
    elif kind == "remove":
        if held := members_of(directory, group.guid):
            store.modify(group.dn, {"member": held[1:]})
    elif kind == "nest":
        other = chance.choice(groups)
        held = members_of(directory, group.guid)
        if other.dn not in held and other.guid != group.guid:
            store.modify(group.dn, {"member": [*held, other.dn]})
    elif kind == "delete a person":
        store.delete(person.dn)
    elif kind == "rename a group":
        directory.move(group.guid, f"CN={name}", group.dn.partition(",")[2])
    elif kind == "move a group":
        directory.move(group.guid, f"CN={name}", place)
    elif kind == "anchor":
        number = f"{chance.randrange(16**12):012x}"
        store.modify(group.dn, {"adminDescription": chance.choice([[], [f"Group_{_ID[:-12]}{number}"]])})
    elif kind == "delete a group":
        store.delete(group.dn)
    elif kind == "undelete":
        if now.deleted.objects:
            gone = chance.choice(sorted(now.deleted.objects, key=lambda one: one.guid))
            directory.undelete(gone.dn, f"CN={name},{place}", {})
    elif kind == "create":
        store.add(f"CN={name},{place}", {"objectClass": "user", "sAMAccountName": name})
        store.add(
            f"CN=g{name},{place}",
            {
                "objectClass": "group",
                "sAMAccountName": f"g{name}",
                "groupType": "8",
                "member": [f"CN={name},{place}", group.dn],
            },
        )
    elif kind == "manager":
        store.modify(group.dn, {"managedBy": chance.choice([[], [person.dn]])})


def switch_on(store: DirectoryStore) -> None:
    """The Recycle Bin; what was deleted before is recycled then and not seen any more."""
    store.recycle_bin = True
    store.add(f"CN=gone too,{STAFF}", {"objectClass": "contact"})
    store.delete(f"CN=gone too,{STAFF}")


def members_of(directory: Directory, guid: str) -> list[str]:
    return list(directory.members(guid))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    rounds=st.lists(st.lists(st.sampled_from(KINDS), max_size=8), min_size=1, max_size=3),
    bin_on=st.booleans(),
)
def test_whatever_changed_a_reading_by_changes_is_what_a_whole_one_is(
    administrator: Directory, embedded: Embedded, seed: int, rounds: list[list[str]], *, bin_on: bool
) -> None:
    before, chance = embedded.store.snapshot(), random.Random(str(seed))  # noqa: S311 - nothing is kept secret by it
    if bin_on:
        switch_on(embedded.store)
    try:
        reader = DomainReader(clock, keep=True)
        read(reader, administrator)
        for kinds in rounds:
            for kind in kinds:
                edit(administrator, embedded.store, chance, kind)
            snapshot = read(reader, administrator)
            assert by_changes(snapshot), told(snapshot)
            assert plain(snapshot) == plain(whole(administrator)), kinds
    finally:
        embedded.store.restore(before)


@pytest.mark.parametrize(
    ("kind", "bin_on"),
    [*((kind, False) for kind in KINDS), *((kind, True) for kind in KINDS if "delete" in kind)],
)
def test_each_kind_of_change_is_seen(administrator: Directory, embedded: Embedded, kind: str, *, bin_on: bool) -> None:
    if bin_on:
        switch_on(embedded.store)
    chance = random.Random(kind)  # noqa: S311 - nothing is kept secret by it
    edit(administrator, embedded.store, chance, "delete a group")  # something to undelete
    reader = DomainReader(clock, keep=True)
    before = read(reader, administrator)
    for _ in range(20):
        if plain(whole(administrator)) != plain(before):
            break
        edit(administrator, embedded.store, chance, kind)
    snapshot = read(reader, administrator)
    assert plain(snapshot) != plain(before)
    assert by_changes(snapshot), told(snapshot)
    assert plain(snapshot) == plain(whole(administrator))


def falls_back(reader: DomainReader, directory: Directory, why: str) -> None:
    """The next reading is a whole one and says why; the one after it goes on from that."""
    snapshot = read(reader, directory)
    assert f"Read as a whole: {why}" in told(snapshot)
    assert not by_changes(snapshot)
    assert plain(snapshot) == plain(whole(directory))


@pytest.mark.parametrize("what", ["renamed", "moved", "described"])
def test_a_container_above_what_was_read_that_changed_reads_everything(
    administrator: Directory, embedded: Embedded, what: str
) -> None:
    reader = DomainReader(clock, keep=True)
    read(reader, administrator)
    found = administrator.read_dn(LAB, ("objectGUID",))
    assert found is not None
    if what == "described":
        embedded.store.modify(LAB, {"description": "another"})
    else:
        administrator.move(found.guid, "OU=Laboratory", STAFF if what == "renamed" else BASE)
    falls_back(reader, administrator, "OU=Lab,OU=Staff,DC=contoso,DC=com, above what was read, changed")
    assert by_changes(read(reader, administrator))


def test_a_target_ou_that_changed_reads_everything(administrator: Directory) -> None:
    reader = DomainReader(clock, keep=True)
    read(reader, administrator)
    found = administrator.read_dn(TARGET, ("objectGUID",))
    assert found is not None
    administrator.move(found.guid, "OU=Elsewhere", BASE)
    falls_back(reader, administrator, "one of the two OUs, or the schema, changed")
    snapshot = reader.read(administrator, STAFF, RETIRED)
    assert "Read as a whole: another account, other groups of it, other rights or other OUs than then" in told(snapshot)


def test_rights_on_the_domain_that_changed_read_everything(administrator: Directory, embedded: Embedded) -> None:
    reader = DomainReader(clock, keep=True)
    read(reader, administrator)
    embedded.store.grant_reanimation(WRITER)
    falls_back(reader, administrator, "another account, other groups of it, other rights")


def test_another_account_reads_everything(administrator: Directory, directory: Directory) -> None:
    reader = DomainReader(clock, keep=True)
    read(reader, administrator)
    falls_back(reader, directory, "another account")


def test_an_account_that_may_not_list_deleted_objects_reads_everything(
    administrator: Directory, directory: Directory
) -> None:
    assert administrator.controller.identity == directory.controller.identity
    reader = DomainReader(clock, keep=True)
    read(reader, directory)
    falls_back(reader, directory, "this account is not seen to list deleted objects")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"invocation_id": "another"}, "another domain controller, or one that was restored"),
        ({"ds_service_name": "CN=NTDS Settings,CN=DC2"}, "another domain controller"),
        ({"other_domains": ("DC=emea,DC=contoso,DC=com",)}, "the forest has other domains"),
    ],
)
def test_another_controller_or_domain_reads_everything(
    administrator: Directory, changed: dict[str, object], why: str
) -> None:
    reader = DomainReader(clock, keep=True)
    read(reader, administrator)
    administrator.controller = replace(administrator.controller, **changed)  # type: ignore[arg-type]
    falls_back(reader, administrator, why)


def test_a_number_that_went_back_reads_everything(administrator: Directory, embedded: Embedded) -> None:
    reader = DomainReader(clock, keep=True)
    before = embedded.store.snapshot()
    embedded.store.modify(f"CN=p1,{LAB}", {"displayName": "after the backup"})
    read(reader, administrator)
    embedded.store.restore(before)
    falls_back(reader, administrator, "highestCommittedUSN went back from")


def test_where_much_changed_everything_is_read(
    administrator: Directory, embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_lib.directory.again._FEW", 2)
    reader = DomainReader(clock, keep=True)
    many = len(read(reader, administrator).objects) // 10 + 1
    for number in range(many):
        embedded.store.add(f"CN=new{number},{STAFF}", {"objectClass": "contact"})
    falls_back(reader, administrator, f"{many} objects changed since")


def test_everything_is_read_every_so_often(administrator: Directory) -> None:
    times = [datetime(2026, 12, 1, tzinfo=UTC)]
    reader = DomainReader(lambda: times[0], keep=True)
    ways = [by_changes(read(reader, administrator)) for _ in range(13)]
    assert ways == [False, *[True] * 10, False, True]
    times[0] += timedelta(hours=24, seconds=1)
    falls_back(reader, administrator, "everything is read every so often")
    times[0] -= timedelta(hours=1)
    falls_back(reader, administrator, "everything is read every so often")


def test_kept_nowhere_every_reading_is_whole(administrator: Directory) -> None:
    reader = DomainReader(clock, keep=False)
    assert not any(by_changes(read(reader, administrator)) for _ in range(2))


def test_a_connection_that_is_lost_at_any_request_is_healed(administrator: Directory, embedded: Embedded) -> None:
    reader = DomainReader(clock, keep=True)
    read(reader, administrator)
    embedded.store.modify(f"CN=p1,{LAB}", {"displayName": "changed"})
    embedded.store.delete(f"CN=p2,{STAFF}")
    kept, truth = reader._kept, plain(whole(administrator))
    line, send = administrator._line, administrator._line.request
    before = administrator.requests
    read(reader, administrator)
    for place in range(administrator.requests - before):
        reader._kept, left = kept, [place]

        def request(*arguments: Any, left: list[int] = left, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == -1:
                embedded.hang_up()
            return send(*arguments, **named)

        line.request = request  # type: ignore[method-assign,assignment]
        try:
            assert plain(read(reader, administrator)) == truth, place
        finally:
            line.request = send  # type: ignore[method-assign]
