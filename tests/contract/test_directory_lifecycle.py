"""Renaming, moving, deleting, reviving."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import ldap3
import pytest

from tests.contract.conftest import embedded_directory
from tests.contract.directory_client import Client, DirectoryUnderTest, Workshop
from tests.contract.strangers import needed

SHOW_DELETED = [("1.2.840.113556.1.4.417", True, None)]
ADD, DELETE, REPLACE = ldap3.MODIFY_ADD, ldap3.MODIFY_DELETE, ldap3.MODIFY_REPLACE


def guid_base(client: Client, dn: str) -> str:
    """``<GUID=…>`` of an object."""
    return f"<GUID={uuid.UUID(bytes_le=client.read(dn, 'objectGUID')['objectGUID'][0])}>"


def test_links_follow_moves(client: Client, workshop: Workshop) -> None:
    """A member that is renamed and moved stays a member, under its new name; so does a group in memberOf."""
    (person,) = workshop.users(1)
    group = workshop.group("Team", member=[person])
    inner = f"OU=inner,{workshop.ou}"
    client.must(client.add(inner, "organizationalUnit"))
    client.must(client.move(person, "CN=Moved", inner))
    assert client.read(group, "member") == {"member": [f"CN=Moved,{inner}".encode()]}
    client.must(client.move(group, "CN=Team 2"))
    found = client.read(f"CN=Moved,{inner}", "memberOf", "cn", "name")
    assert found == {"memberOf": [workshop.dn("Team 2").encode()], "cn": [b"Moved"], "name": [b"Moved"]}
    client.must(client.move(inner, "OU=outer"))
    assert client.read(workshop.dn("Team 2"), "member") == {"member": [f"CN=Moved,OU=outer,{workshop.ou}".encode()]}


def test_writing_by_guid(client: Client, workshop: Workshop) -> None:
    """The identifier names the object in modify and delete, wherever it is by now."""
    base = guid_base(client, workshop.group("Somewhere"))
    client.must(client.move(workshop.dn("Somewhere"), "CN=Elsewhere"))
    client.must(client.modify(base, {"info": [(REPLACE, ["found"])]}))
    assert client.read(workshop.dn("Elsewhere"), "info") == {"info": [b"found"]}
    client.must(client.delete(base))
    assert client.search(workshop.ou, "(cn=Elsewhere)").names == []


@pytest.mark.windows_only("renaming-by-guid")
def test_renaming_by_guid(client: Client, workshop: Workshop) -> None:
    """modifyDN takes the identifier as well; Samba finds nothing then."""
    client.must(client.move(guid_base(client, workshop.group("Nameless")), "CN=Named"))
    assert client.search(workshop.ou, "(cn=Named)").names == [workshop.dn("Named")]


def test_refused_moves(client: Client, workshop: Workshop) -> None:
    """A taken name, a missing parent, a place below itself, another RDN attribute, another naming context."""
    group = workshop.group("Here")
    workshop.group("There")
    client.refused(client.move(group, "CN=there"), 68, "00002071")
    assert client.move(group, "CN=Here", f"OU=missing,{workshop.ou}").code in {1, 32, 80}
    inner = f"OU=inner,{workshop.ou}"
    client.must(client.add(inner, "organizationalUnit"))
    assert client.move(workshop.ou, workshop.ou.split(",")[0], inner).code != 0
    assert client.move(group, "OU=Here").code in {34, 53, 64}
    client.refused(client.move(group, "CN=Here", client.directory.configuration_dn), {64, 71}, "00002039")
    client.must(client.move(group, "CN=HERE"))
    assert client.search(workshop.ou, "(cn=here)").names == [workshop.dn("HERE")]


def test_deleting(client: Client, workshop: Workshop) -> None:
    """Links to it go; the tombstone keeps identifiers, last parent and a name that cannot clash; parents stay."""
    (person,) = workshop.users(1)
    group = workshop.group("Doomed", member=[person])
    holder = workshop.group("Holder", member=[group])
    identity = client.read(group, "objectGUID", "objectSid")
    base = guid_base(client, group)
    assert client.delete(workshop.ou).code == 66
    client.must(client.delete(group))
    assert client.read(person, "memberOf") == {}
    assert client.read(holder, "member") == {}
    assert client.search(base, "(objectClass=*)", scope="BASE").code == 32
    assert client.search(client.directory.base_dn, "(&(isDeleted=TRUE)(cn=Doomed*))").names == []
    tombstone = client.read(base, controls=SHOW_DELETED)
    assert tombstone["isDeleted"] == [b"TRUE"]
    assert tombstone["lastKnownParent"] == [workshop.ou.encode()]
    assert tombstone["objectGUID"] == identity["objectGUID"]
    assert tombstone["objectSid"] == identity["objectSid"]
    assert tombstone["distinguishedName"][0].startswith(b"CN=Doomed\\0ADEL:")
    assert tombstone["distinguishedName"][0].endswith(f",CN=Deleted Objects,{client.directory.base_dn}".encode())
    listed = client.search(
        f"CN=Deleted Objects,{client.directory.base_dn}",
        f"(&(isDeleted=TRUE)(lastKnownParent={workshop.ou}))",
        controls=SHOW_DELETED,
    )
    assert tombstone["distinguishedName"][0].decode() in listed.names
    workshop.group("Doomed", sAMAccountName=workshop.name("Doomed again"))


def test_undeleting(client: Client, workshop: Workshop) -> None:
    """Without the Recycle Bin: the same object, attributes of the same modify, no links."""
    (person,) = workshop.users(1)
    group = workshop.group("Revived", member=[person], adminDescription="Group_r", description="gone")
    identity = client.read(group, "objectGUID", "objectSid", "sAMAccountName", "objectCategory")
    base = guid_base(client, group)
    client.must(client.delete(group))
    tombstone = client.read(base, controls=SHOW_DELETED)
    assert "adminDescription" not in tombstone
    changes: dict[str, list[tuple[str, list[str]]]] = {
        "isDeleted": [(DELETE, [])],
        "distinguishedName": [(REPLACE, [group])],
        "adminDescription": [(REPLACE, ["Group_r"])],
    }
    client.must(client.modify(tombstone["distinguishedName"][0].decode(), changes, SHOW_DELETED))
    found = client.read(group)
    assert {name: found[name] for name in identity} == identity
    assert found["adminDescription"] == [b"Group_r"]
    assert found["cn"] == found["name"] == [b"Revived"]
    assert not {"isDeleted", "member", "description"} & set(found)


def test_critical_objects_stay(client: Client) -> None:
    """Built-in groups and containers are neither deleted nor renamed."""
    base = client.directory.base_dn
    assert client.delete(f"CN=Domain Admins,CN=Users,{base}").code in {53, 80}
    assert client.delete(f"CN=Users,{base}").code in {53, 66}
    assert client.move(f"CN=Users,{base}", "CN=People").code == 53


def test_compare(client: Client, workshop: Workshop) -> None:
    """The compare operation."""
    dn = workshop.group("Compared", description="one")
    assert client.connection.compare(dn, "description", "ONE")[1]["result"] == 6
    assert client.connection.compare(dn, "description", "two")[1]["result"] == 5


@pytest.mark.windows_only("recycle-bin")
def test_the_recycle_bin(tmp_path: Path, directory_under_test: DirectoryUnderTest) -> None:
    """Switched on by a command to the root DSE: attributes stay, links come back; deleted twice, nothing does."""
    with contextlib.ExitStack() as stack:
        directory = directory_under_test
        if directory.words_like_windows:
            # It cannot be switched off again, so it is another one's.
            directory = next(stack.enter_context(contextlib.closing(embedded_directory(tmp_path))))
        client = stack.enter_context(contextlib.closing(Client(directory)))
        workshop = Workshop(client)
        (person,) = workshop.users(1)
        group = workshop.group("Kept", member=[person], adminDescription="Group_k")
        holder = workshop.group("Holder", member=[group])
        base = guid_base(client, group)
        feature = "766ddcd8-acd0-445e-f3b9-a7f9b6744f2a"
        partitions = f"CN=Partitions,{client.directory.configuration_dn}"
        switched = root_modify(tmp_path, client, f"enableOptionalFeature: {partitions}:{feature}")
        assert switched == 0
        assert root_modify(tmp_path, client, f"enableOptionalFeature: {partitions}:{feature}") == 20
        assert root_modify(tmp_path, client, "noSuchCommand: 1") == 53
        client.must(client.delete(group))
        gone = client.read(base, controls=SHOW_DELETED)
        assert gone["adminDescription"] == [b"Group_k"]
        assert "member" not in gone
        assert client.read(holder, "member") == {}
        back: dict[str, list[tuple[str, list[str]]]] = {
            "isDeleted": [(DELETE, [])],
            "distinguishedName": [(REPLACE, [group])],
        }
        client.must(client.modify(base, back, SHOW_DELETED))
        assert client.read(group, "member") == {"member": [person.encode()]}
        assert client.read(holder, "member") == {"member": [group.encode()]}
        client.must(client.delete(group))
        client.must(client.delete(base, SHOW_DELETED))
        assert client.search(base, "(objectClass=*)", scope="BASE", controls=SHOW_DELETED).code == 32
        recycled = client.read(base, controls=[("1.2.840.113556.1.4.2064", True, None)])
        assert recycled["isRecycled"] == [b"TRUE"]
        assert "adminDescription" not in recycled


def root_modify(folder: Path, client: Client, line: str) -> int:
    """The result code of a command to the root DSE; ldap3 refuses to write to an empty DN, OpenLDAP does not."""
    needed(shutil.which("ldapmodify") is not None, "ldapmodify")
    (folder / "password").write_text(client.directory.administrator_password, encoding="utf-8")
    address = f"ldaps://127.0.0.1:{client.directory.port}"
    command = ["ldapmodify", "-x", "-H", address, "-D", client.directory.administrator, "-y", str(folder / "password")]
    done = subprocess.run(
        command,
        env={**os.environ, "LDAPTLS_CACERT": client.directory.ca_file or ""},
        input=f"dn:\nchangetype: modify\nadd: {line.partition(':')[0]}\n{line}\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode
