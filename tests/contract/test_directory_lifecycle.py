"""Renaming, moving, deleting, reviving."""

from __future__ import annotations

import uuid

import ldap3
import pytest

from tests.contract.directory_client import Client, Workshop

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


@pytest.mark.windows_only
def test_renaming_by_guid(client: Client, workshop: Workshop) -> None:
    """modifyDN takes the identifier as well; Samba finds nothing then."""
    client.must(client.move(guid_base(client, workshop.group("Nameless")), "CN=Named"))
    assert client.search(workshop.ou, "(cn=Named)").names == [workshop.dn("Named")]


def test_refused_moves(client: Client, workshop: Workshop) -> None:
    """A taken name, a missing parent, a place below itself, another RDN attribute."""
    group = workshop.group("Here")
    workshop.group("There")
    client.refused(client.move(group, "CN=there"), 68, "00002071")
    assert client.move(group, "CN=Here", f"OU=missing,{workshop.ou}").code in {1, 32, 80}
    inner = f"OU=inner,{workshop.ou}"
    client.must(client.add(inner, "organizationalUnit"))
    assert client.move(workshop.ou, workshop.ou.split(",")[0], inner).code != 0
    assert client.move(group, "OU=Here").code in {34, 53, 64}
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


@pytest.mark.windows_only
def test_compare(client: Client, workshop: Workshop) -> None:
    """The compare operation."""
    dn = workshop.group("Compared", description="one")
    assert client.connection.compare(dn, "description", "ONE")[1]["result"] == 6
    assert client.connection.compare(dn, "description", "two")[1]["result"] == 5
