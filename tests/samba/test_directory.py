"""The product's directory floor against a real Active Directory, read back with tools that share no code with it."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator

import pytest

from rehearsal.samba.ldap_tools import LdifEntry
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import EntryExists, ObjectMissing, RightsMissing, ValueConflict
from runbook_lib.directory.search import equals
from runbook_lib.errors import NoAccess
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.ids import GroupId, anchor_of, mark_of
from tests.samba.lab import SambaLab

TENANT = "11111111-2222-3333-4444-555555555555"
GROUP_ID = "0a1b2c3d-0000-4000-8000-aabbccddeeff"
NAME = "Straße & Söhne_aabbccddeeff"

OpenLab = Callable[..., Directory]


def attributes(name: str = NAME, account: str = "Group_aabbccddeeff") -> dict[str, list[str]]:
    return {
        "objectClass": ["group"],
        "sAMAccountName": [account],
        "groupType": ["8"],
        "displayName": [name],
        "adminDescription": [anchor_of(GroupId(GROUP_ID))],
        "extensionName": [mark_of(TENANT, GroupId(GROUP_ID))],
    }


@pytest.fixture
def group(directory: Directory, samba: SambaLab) -> Iterator[str]:
    """GUID of a group that the product created; removed afterwards wherever it is then."""
    yield directory.add(f"CN={NAME},{samba.target_ou}", attributes())
    for entry in samba.tools.search(samba.base_dn, f"(adminDescription={anchor_of(GroupId(GROUP_ID))})", "cn"):
        samba.tools.modify(f"dn: {entry.dn}\nchangetype: delete\n")


def seen(samba: SambaLab, guid: str) -> LdifEntry:
    escaped = "".join(f"\\{byte:02x}" for byte in uuid.UUID(guid).bytes_le)
    (entry,) = samba.tools.search(samba.base_dn, f"(objectGUID={escaped})")
    return entry


def person(samba: SambaLab, account: str) -> str:
    (entry,) = samba.tools.search(samba.staff_ou, f"(sAMAccountName={account})", "cn")
    return entry.dn


def test_controller_is_described(directory: Directory, samba: SambaLab) -> None:
    controller = directory.controller
    assert controller.domain_dns_name == "contoso.com"
    assert controller.default_naming_context == samba.base_dn
    (settings,) = samba.tools.search(controller.ds_service_name, "(objectClass=*)", "invocationId", scope="base")
    assert uuid.UUID(bytes_le=settings.attributes["invocationId"][0]) == uuid.UUID(controller.invocation_id)
    assert controller.domain_sid.startswith("S-1-5-21-")


def test_create_and_read_back(group: str, samba: SambaLab) -> None:
    entry = seen(samba, group)
    assert entry.dn == f"CN={NAME},{samba.target_ou}"
    for name, values in attributes().items():
        assert set(values) <= set(entry.texts(name)), name


def test_second_create_and_taken_account_name_are_refused(group: str, directory: Directory, samba: SambaLab) -> None:
    with pytest.raises(EntryExists):
        directory.add(f"CN={NAME},{samba.target_ou}", attributes(account="Group_other"))
    with pytest.raises(EntryExists):
        directory.add(f"CN=other,{samba.target_ou}", attributes())


def test_members_are_added_and_removed_by_value(group: str, directory: Directory, samba: SambaLab) -> None:
    people = sorted(person(samba, account) for account in ("adelev", "zoen"))
    directory.modify(group, [AttributeDelta("member", added=tuple(people))])
    assert sorted(seen(samba, group).texts("member")) == people == list(directory.members(group))
    directory.modify(group, [AttributeDelta("member", removed=(people[0],))])
    assert seen(samba, group).texts("member") == (people[1],)


def test_member_that_does_not_exist_is_refused_whole(group: str, directory: Directory, samba: SambaLab) -> None:
    present = person(samba, "alexw")
    with pytest.raises(ObjectMissing):
        directory.modify(group, [AttributeDelta("member", added=(present, f"CN=Nobody,{samba.staff_ou}"))])
    assert seen(samba, group).texts("member") == ()


def test_racing_edit_makes_the_modify_fail(group: str, directory: Directory, samba: SambaLab) -> None:
    samba.tools.modify(
        f"dn:: {base64.b64encode(seen(samba, group).dn.encode()).decode()}\n"
        "changetype: modify\nreplace: displayName\ndisplayName: by hand\n"
    )
    with pytest.raises(ValueConflict):
        directory.modify(group, [AttributeDelta("displayName", removed=(NAME,), added=("ours",))])
    assert seen(samba, group).text("displayName") == "by hand"


def test_move_keeps_guid_and_sid(group: str, directory: Directory, samba: SambaLab) -> None:
    before = seen(samba, group)
    directory.move(group, f"CN={NAME}", samba.retired_ou)
    after = seen(samba, group)
    assert after.dn == f"CN={NAME},{samba.retired_ou}"
    assert after.attributes["objectSid"] == before.attributes["objectSid"]
    directory.move(group, f"CN={NAME}", samba.target_ou)
    assert seen(samba, group).dn == before.dn


def test_rights_end_at_the_ous(group: str, directory: Directory, samba: SambaLab) -> None:
    with pytest.raises(RightsMissing):
        directory.move(group, f"CN={NAME}", samba.groups_ou)
    with pytest.raises(RightsMissing):
        directory.add(f"CN=elsewhere,{samba.groups_ou}", attributes())
    assert seen(samba, group).dn == f"CN={NAME},{samba.target_ou}"


def test_pages_are_followed(directory: Directory, samba: SambaLab) -> None:
    asked = (samba.staff_ou, equals("objectClass", "user"), ["sAMAccountName"])
    whole = {entry.dn for entry in directory.search(*asked)}
    before = directory.pages
    assert {entry.dn for entry in directory.search(*asked, page_size=2)} == whole
    assert len(whole) == 5
    assert directory.pages - before == 3


def test_wrong_password(open_lab: OpenLab, samba: SambaLab) -> None:
    with pytest.raises(NoAccess) as caught:
        open_lab(bind_password_file=samba.administrator_password_file)
    assert caught.value.code == "bind-refused"
    assert samba.administrator_password not in str(caught.value)


def test_unknown_ca(open_lab: OpenLab) -> None:
    with pytest.raises(NoAccess) as caught:
        open_lab(dc_ca_file="")
    assert caught.value.code == "dc-certificate"


def test_nobody_listens(open_lab: OpenLab) -> None:
    with pytest.raises(NoAccess) as caught:
        open_lab(dc_port=1)
    assert caught.value.code == "dc-unreachable"
