"""Groups with an anchor below one container: a whole look, then what changed, what was deleted, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from runbook_lib.directory.below import GroupsBelow
from runbook_lib.directory.connection import Directory
from tests.unit.directory.embedded import ADMINISTRATOR, BASE, TARGET, WRITER, Embedded
from tests.unit.directory.test_anchored import IDS, Counted


class Waiting:
    """Groups of v1, and the looks at them by one account."""

    def __init__(self, embedded: Embedded, directory: Directory) -> None:
        self.embedded = embedded
        self.counted = Counted(directory)
        self.groups = GroupsBelow(cast("Directory", self.counted), TARGET)
        self.guids = [self.add(number) for number in range(3)]

    def add(self, number: int, ou: str = TARGET) -> str:
        return self.embedded.add_group(f"G{number}", ou, adminDescription=f"Group_{IDS[number]}", mail=f"g{number}@x.y")

    def look(self, *, changed_only: bool = True) -> dict[str, str]:
        """Cloud group id to the DN of its one object."""
        self.counted.asked.clear()
        return {owner: one.dn for owner, (one,) in self.groups.look(changed_only=changed_only).items()}


@pytest.fixture(params=["administrator", "writer"])
def waiting(embedded: Embedded, directory: Directory, request: pytest.FixtureRequest) -> Iterator[Waiting]:
    """By an account that may list deleted objects, and by one that may not."""
    if request.param == "writer":
        yield Waiting(embedded, directory)
        return
    with embedded.open(bind_user=ADMINISTRATOR) as admin:
        admin.delete(embedded.add_group("Old", f"OU=Staff,{BASE}"))
        yield Waiting(embedded, admin)


def test_a_whole_look_has_what_a_prediction_is_compared_with(waiting: Waiting) -> None:
    waiting.embedded.store.modify(f"CN=G1,{TARGET}", {"member": [WRITER]})
    waiting.add(7, f"OU=Staff,{BASE}")
    waiting.embedded.add_group("plain", TARGET, adminDescription="Group_of somebody's")
    found = waiting.groups.look()
    assert set(found) == set(IDS[:3])
    (one,) = found[IDS[1]]
    assert (one.text("mail"), one.members, one.guid) == ("g1@x.y", (WRITER,), waiting.guids[1])


def test_where_nothing_changed_one_question_is_asked(waiting: Waiting) -> None:
    first = waiting.look()
    assert waiting.look() == first
    assert waiting.counted.asked == ["read_dn"]


def test_new_and_changed_groups_are_seen(waiting: Waiting) -> None:
    waiting.look()
    waiting.add(4)
    waiting.embedded.store.modify(f"CN=G0,{TARGET}", {"displayName": ["Other"]})
    assert set(waiting.look()) == {*IDS[:3], IDS[4]}
    (changed,) = waiting.groups.look(changed_only=True)[IDS[0]]
    assert changed.text("displayName") == "Other"


def test_deleted_groups_are_seen(waiting: Waiting) -> None:
    waiting.look()
    with waiting.embedded.open(bind_user=ADMINISTRATOR) as admin:
        admin.delete(waiting.guids[1])
    assert set(waiting.look()) == {IDS[0], IDS[2]}
    with waiting.embedded.open(bind_user=ADMINISTRATOR) as admin:
        admin.delete(waiting.guids[0])
        admin.delete(waiting.guids[2])
    assert waiting.look() == {}


def test_a_group_that_is_moved_away_is_gone_in_a_whole_look(waiting: Waiting) -> None:
    waiting.look()
    with waiting.embedded.open(bind_user=ADMINISTRATOR) as admin:
        admin.move(waiting.guids[0], "CN=G0", f"OU=Staff,{BASE}")
    assert IDS[0] not in waiting.look(changed_only=False)


def test_a_container_that_is_not_there_holds_none(embedded: Embedded, directory: Directory) -> None:
    none = GroupsBelow(directory, f"OU=Nowhere,{BASE}")
    assert none.look() == {}
    embedded.add_group("G9", TARGET)
    assert none.look(changed_only=True) == {}
