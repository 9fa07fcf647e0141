"""Waiting for what Connect writes, against a real domain controller: changes and deletions by change number."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from runbook_lib.directory.below import GroupsBelow
from runbook_lib.directory.connection import Directory
from tests.samba.lab import SambaLab

IDS = [str(uuid.uuid5(uuid.NAMESPACE_OID, f"below {number}")) for number in range(4)]


def add(directory: Directory, samba: SambaLab, number: int) -> str:
    name = f"Below {number}"
    values = {
        "objectClass": ["group"],
        "sAMAccountName": [name],
        "groupType": ["8"],
        "displayName": [name],
        "adminDescription": [f"Group_{IDS[number]}"],
    }
    return directory.add(f"CN={name},{samba.target_ou}", values)


@pytest.fixture
def three(directory: Directory, samba: SambaLab) -> Iterator[list[str]]:
    """GUIDs of three groups in the target OU, removed afterwards."""
    yield [add(directory, samba, number) for number in range(3)]
    for entry in samba.tools.search(samba.target_ou, "(displayName=Below *)", "cn"):
        samba.tools.modify(f"dn: {entry.dn}\nchangetype: delete\n")


@pytest.mark.parametrize("lists_deleted", [True, False])
def test_changes_and_deletions_are_seen(
    three: list[str], samba: SambaLab, open_lab: Callable[..., Directory], lists_deleted: bool
) -> None:
    def remove(number: int) -> None:
        samba.tools.modify(f"dn: CN=Below {number},{samba.target_ou}\nchangetype: delete\n")

    told = {"bind_user": samba.administrator, "bind_password_file": samba.administrator_password_file}
    with open_lab(**(told if lists_deleted else {})) as reading, open_lab() as writing:
        groups = GroupsBelow(reading, samba.target_ou)
        mine = {owner: some for owner, some in groups.look().items() if owner in IDS}
        assert sorted(one.guid for (one,) in mine.values()) == sorted(three)
        add(writing, samba, 3)
        (person,) = samba.tools.search(samba.staff_ou, "(objectClass=user)", "cn")[:1]
        samba.tools.modify(f"dn: CN=Below 0,{samba.target_ou}\nchangetype: modify\nadd: member\nmember: {person.dn}\n")
        seen = groups.look(changed_only=True)
        assert set(IDS) <= set(seen)
        assert seen[IDS[0]][0].members == (person.dn,)
        remove(1)
        assert set(IDS) & set(groups.look(changed_only=True)) == {IDS[0], IDS[2], IDS[3]}
