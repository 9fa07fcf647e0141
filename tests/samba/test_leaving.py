"""Leaving v1 against a real domain controller: what hangs on a group, that it is gone, and that it comes back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from runbook_lib.connect.uses import UseKind
from runbook_lib.directory.connection import Directory
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import same_dn
from runbook_lib.model.ids import as_object_guid
from runbook_lib.routes.connect_sync.deleted_groups import DeletedGroups
from runbook_lib.routes.connect_sync.read_uses import read_uses
from runbook_lib.routes.connect_sync.watch_gone import StandingGroups
from tests.samba.lab import SambaLab

ANCHOR = f"Group_{uuid.uuid5(uuid.NAMESPACE_OID, 'leaving')}"


@pytest.fixture
def administrator(samba: SambaLab, open_lab: Callable[..., Directory]) -> Iterator[Directory]:
    told = {"bind_user": samba.administrator, "bind_password_file": samba.administrator_password_file}
    with open_lab(**told) as opened:
        yield opened


@pytest.fixture
def written(administrator: Directory, samba: SambaLab) -> Iterator[DirectoryGroup]:
    """A group as v1 writes it, that another one has as a member; both removed afterwards."""
    dn, holder = f"CN={ANCHOR},{samba.target_ou}", f"CN=Leaving Holder,{samba.groups_ou}"
    values = {"objectClass": ["group"], "groupType": ["8"], "sAMAccountName": ["$LEAVING-1"]}
    guid = administrator.add(dn, {**values, "adminDescription": [ANCHOR], "displayName": ["Leaving"]})
    administrator.add(holder, {**values, "sAMAccountName": ["Leaving Holder"], "member": [dn]})
    entry = administrator.read(guid, ["objectSid"])
    assert entry is not None
    yield DirectoryGroup(as_object_guid(guid), dn, entry.sid, {"sAMAccountName": ("$LEAVING-1",)})
    for name in (dn, holder):
        if (found := administrator.read_dn(name, ["objectGUID"])) is not None:
            administrator.delete(found.guid)


def test_what_hangs_on_a_group_is_found(written: DirectoryGroup, administrator: Directory, samba: SambaLab) -> None:
    found = read_uses(administrator, [written], samba.target_ou, [samba.groups_ou], "")
    assert [(use.kind, use.holder) for use in found.all] == [(UseKind.NESTED, f"CN=Leaving Holder,{samba.groups_ou}")]
    assert any("below the OUs in access_ous" in one for one in found.looked_at)
    assert not any("may not read them" in one for one in found.not_looked_at)


def test_it_is_gone_and_comes_back_as_the_same_object(
    written: DirectoryGroup, administrator: Directory, samba: SambaLab
) -> None:
    ou = administrator.read_dn(samba.target_ou, ["objectGUID"])
    assert ou is not None
    groups, standing = DeletedGroups(administrator, ou.guid), StandingGroups(administrator, samba.target_ou)
    assert written.guid in standing.look(True)
    administrator.delete(written.guid)
    assert written.guid not in standing.look(True)
    assert written.guid not in standing.look(False)
    deleted = groups.deleted(written.guid)
    assert deleted is not None
    assert deleted.sid == written.sid
    assert groups.written_again(ANCHOR) is None
    place = groups.place(f"CN={ANCHOR}")
    assert place is not None
    assert same_dn(place[0], written.dn)
    assert place[1] is False
    groups.bring_back(deleted, place[0], ANCHOR)
    back = administrator.read(written.guid, ["objectSid", "adminDescription", "groupType"])
    assert back is not None
    assert (back.sid, back.text("adminDescription"), back.text("groupType")) == (written.sid, ANCHOR, "8")
    assert groups.standing(written.guid) == back.dn
    assert groups.written_again(ANCHOR) == back.dn
    assert written.guid in standing.look(True)
