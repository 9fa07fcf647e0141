"""AD objects by their anchor: a whole look finds everything, a later one asks for what changed and for nothing else."""

from __future__ import annotations

import uuid
from typing import Any, cast

import pytest

from runbook_lib.directory.anchored import AnchoredGroups
from runbook_lib.directory.connection import Directory
from runbook_lib.model.directory import DirectoryGroup
from tests.unit.directory.embedded import ADMINISTRATOR, BASE, TARGET, WRITER, Embedded

IDS = [str(uuid.UUID(int=number)) for number in range(250)]


class Counted:
    """A connection that lists what it is asked."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._directory, name)
        if name in ("search", "read", "read_dn", "members"):
            self.asked.append(name)
        return found


class Watching:
    """An object of AD for each of some groups, and the looks at them."""

    def __init__(self, embedded: Embedded, directory: Directory, count: int) -> None:
        self.embedded = embedded
        self.counted = Counted(directory)
        self.groups = AnchoredGroups(cast("Directory", self.counted))
        self.ids = IDS[:count]
        self.guids = [self.add(number) for number in range(count)]

    def add(self, number: int, ou: str = TARGET) -> str:
        anchor = {"msDS-ExternalDirectoryObjectId": f"Group_{IDS[number]}"}
        return self.embedded.add_group(f"G{number}", ou, **anchor)

    def look(self, *, changed_only: bool = True) -> tuple[dict[str, DirectoryGroup], list[str]]:
        """What is there, one object a group, and what it was asked for."""
        self.counted.asked.clear()
        found = self.groups.look(self.ids, [TARGET], changed_only=changed_only)
        assert all(len(some) == 1 for some in found.values())
        return {owner: some[0] for owner, some in found.items()}, list(self.counted.asked)


@pytest.fixture
def three(embedded: Embedded, directory: Directory) -> Watching:
    return Watching(embedded, directory, 3)


def test_a_look_at_a_domain_in_which_nothing_changed_is_one_question(three: Watching) -> None:
    first, _ = three.look()
    again, asked = three.look()
    assert again == first
    assert {one.guid for one in first.values()} == set(three.guids)
    assert asked == ["read_dn"], "the highest update sequence number, whatever the number of groups"


def test_what_changed_is_one_more_search_whatever_the_number_of_groups(
    embedded: Embedded, directory: Directory
) -> None:
    many = Watching(embedded, directory, 250)
    _, whole = many.look()
    assert whole.count("search") == 4, "the schema, and a hundred groups in each filter"
    embedded.store.modify(f"CN=G7,{TARGET}", {"member": [WRITER]})
    seen, asked = many.look()
    assert asked == ["read_dn", "search"]
    assert seen[IDS[7]].members == (WRITER,)
    assert len(seen) == 250


def test_a_new_object_and_one_that_moves_are_seen(three: Watching, embedded: Embedded) -> None:
    three.ids = IDS[:4]
    three.look()
    made = three.add(3)
    with embedded.open(bind_user=ADMINISTRATOR) as admin:
        admin.move(three.guids[0], "CN=Renamed", f"OU=Staff,{BASE}")
    seen, _ = three.look()
    assert seen[IDS[3]].guid == made
    assert seen[IDS[0]].dn == f"CN=Renamed,OU=Staff,{BASE}"


def test_other_groups_that_change_are_not_taken(three: Watching) -> None:
    three.look()
    three.add(9)
    seen, _ = three.look()
    assert set(seen) == set(three.ids)


def test_only_a_whole_look_finds_that_an_object_is_gone(three: Watching, embedded: Embedded) -> None:
    three.look()
    with embedded.open(bind_user=ADMINISTRATOR) as admin:
        admin.delete(three.guids[1])
    assert set(three.look()[0]) == set(three.ids)
    assert set(three.look(changed_only=False)[0]) == {IDS[0], IDS[2]}
    assert three.groups.by_guid(three.guids[1]) is None


def test_other_groups_than_last_time_are_looked_at_whole(three: Watching) -> None:
    three.ids = IDS[:1]
    three.look()
    three.ids = IDS[:3]
    seen, _ = three.look()
    assert set(seen) == set(IDS[:3])


def test_large_groups_come_whole(three: Watching, embedded: Embedded) -> None:
    people = [
        embedded.store.add(f"CN=P{number},OU=Staff,{BASE}", {"objectClass": "user", "sAMAccountName": f"p{number}"})
        for number in range(1600)
    ]
    embedded.store.modify(f"CN=G2,{TARGET}", {"member": [f"CN=P{n},OU=Staff,{BASE}" for n in range(1600)]})
    seen, _ = three.look()
    assert len(seen[IDS[2]].members or ()) == len(people)
