"""Security descriptors over LDAP: read, written, inherited, and enforced for an account without any rights."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator

import ldap3
import pytest

from runbook_lib.directory.rights.constants import AccessMask, GuidKind, WellKnownSid, guid_of
from runbook_lib.directory.rights.descriptor import (
    Ace,
    AceFlag,
    AceType,
    Acl,
    SecurityDescriptor,
    parse_security_descriptor,
)
from runbook_lib.directory.search import sid_text
from tests.contract.directory_client import Answer, Client, Workshop

ADD, DELETE, REPLACE = ldap3.MODIFY_ADD, ldap3.MODIFY_DELETE, ldap3.MODIFY_REPLACE
SHOW_DELETED = ("1.2.840.113556.1.4.417", True, None)
TREE_DELETE = ("1.2.840.113556.1.4.805", True, None)
GROUP = guid_of(GuidKind.CLASS, "group")
REANIMATE = guid_of(GuidKind.EXTENDED_RIGHT, "Reanimate-Tombstones")
CONTAINER = AceFlag.CONTAINER_INHERIT
BELOW = AceFlag.CONTAINER_INHERIT | AceFlag.INHERIT_ONLY


def sd_flags(parts: int) -> tuple[str, bool, bytes]:
    """The SD flags control; 1 owner, 2 group, 4 DACL, 8 SACL."""
    return ("1.2.840.113556.1.4.801", True, b"\x30\x03\x02\x01" + bytes([parts]))


def descriptor(client: Client, dn: str, parts: int = 7) -> SecurityDescriptor:
    """An object's descriptor."""
    (value,) = client.read(dn, "nTSecurityDescriptor", controls=[sd_flags(parts)])["nTSecurityDescriptor"]
    return parse_security_descriptor(value)


def write_dacl(client: Client, dn: str, *more: Ace, without: str = "") -> Answer:
    """Put entries at the head of an object's list, as a client does that knows nothing of inheritance."""
    old = descriptor(client, dn, 4)
    kept = tuple(ace for ace in old.entries if ace.sid != without or ace.inherited)
    wanted = SecurityDescriptor(dacl=Acl((*more, *kept)), control=old.control)
    return client.modify(dn, {"nTSecurityDescriptor": [(REPLACE, [wanted.to_bytes()])]}, [sd_flags(4)])


def allow(sid: str, mask: int, flags: AceFlag | None = None, kind: str | None = None, below: str | None = None) -> Ace:
    """An entry that allows."""
    typed = AceType.ALLOWED if kind is None and below is None else AceType.ALLOWED_OBJECT
    return Ace(typed, sid, AccessMask(mask), flags or AceFlag(0), kind, below)


@pytest.fixture
def person(client: Client, workshop: Workshop) -> Iterator[tuple[Client, str]]:
    """A new account that may do what every account may, bound; and its SID."""
    dn, name, password = workshop.dn("Ordinary"), workshop.name("ordinary"), f"{secrets.token_urlsafe(16)}aA1!"
    principal = f"{name}@contoso.com"
    client.must(client.add(dn, "user", {"sAMAccountName": name, "userPrincipalName": principal}))
    quoted = f'"{password}"'.encode("utf-16-le")
    client.must(client.modify(dn, {"unicodePwd": [(REPLACE, [quoted])]}))
    client.must(client.modify(dn, {"userAccountControl": [(REPLACE, ["512"])]}))
    bound = Client(client.directory, principal, password)
    yield bound, sid_text(client.read(dn, "objectSid")["objectSid"][0])
    bound.close()


def test_parts_are_read_as_asked_for(client: Client, workshop: Workshop) -> None:
    """The control chooses them; with it the attribute is among all, without it only where it is named."""
    group = workshop.group("Parts")
    owner, dacl = descriptor(client, group, 1), descriptor(client, group, 4)
    assert owner.owner is not None
    assert (owner.dacl, dacl.owner) == (None, None)
    assert any(ace.sid == WellKnownSid.AUTHENTICATED_USERS for ace in dacl.entries)
    assert "nTSecurityDescriptor" not in client.read(group)
    assert "nTSecurityDescriptor" in client.read(group, "*", controls=[sd_flags(7)])


def test_only_administrators_read_the_whole(client: Client, workshop: Workshop, person: tuple[Client, str]) -> None:
    """Without the control all parts are meant, the system list too, and that takes a privilege."""
    group = workshop.group("Whole")
    ordinary, _ = person
    assert client.read(group, "nTSecurityDescriptor")["nTSecurityDescriptor"]
    assert "nTSecurityDescriptor" not in ordinary.read(group, "nTSecurityDescriptor")
    assert descriptor(ordinary, group, 7).dacl is not None


def test_entries_are_inherited(client: Client, workshop: Workshop, person: tuple[Client, str]) -> None:
    """To objects that are there and to new ones, for the class they name; again taken away with the entry."""
    _, sid = person
    early = workshop.group("Early")
    client.must(write_dacl(client, workshop.ou, allow(sid, AccessMask.WRITE_PROPERTY, BELOW, below=GROUP)))
    late = workshop.group("Late")
    for dn in (early, late):
        (ace,) = [ace for ace in descriptor(client, dn).entries if ace.sid == sid]
        assert (ace.inherited, ace.applies_here, ace.mask) == (True, True, AccessMask.WRITE_PROPERTY)
    assert not [
        ace for ace in descriptor(client, workshop.dn("Ordinary")).entries if ace.sid == sid and ace.applies_here
    ]
    client.must(write_dacl(client, workshop.ou, without=sid))
    assert not [ace for ace in descriptor(client, early).entries if ace.sid == sid]


def test_an_account_without_rights_changes_nothing(workshop: Workshop, person: tuple[Client, str]) -> None:
    """Neither objects nor their places."""
    ordinary, _ = person
    group = workshop.group("Untouched")
    for answer in (
        ordinary.add(workshop.dn("New"), "group"),
        ordinary.modify(group, {"description": [(REPLACE, ["x"])]}),
        ordinary.move(group, "CN=Other"),
        ordinary.delete(group),
        write_dacl(ordinary, group, allow(WellKnownSid.EVERYONE, AccessMask.DELETE)),
    ):
        ordinary.refused(answer, 50)


def test_a_right_on_one_attribute(client: Client, workshop: Workshop, person: tuple[Client, str]) -> None:
    """By the attribute's GUID or its property set's; others stay refused."""
    ordinary, sid = person
    group = workshop.group("Attributes")
    member = guid_of(GuidKind.ATTRIBUTE, "member")
    personal = guid_of(GuidKind.PROPERTY_SET, "Personal-Information")
    write = AccessMask.WRITE_PROPERTY
    client.must(write_dacl(client, group, allow(sid, write, kind=member), allow(sid, write, kind=personal)))
    ordinary.must(ordinary.modify(group, {"member": [(ADD, [workshop.dn("Ordinary")])]}))
    ordinary.must(ordinary.modify(group, {"info": [(REPLACE, ["text"])]}))
    ordinary.refused(ordinary.modify(group, {"displayName": [(REPLACE, ["x"])]}), 50)
    ordinary.refused(ordinary.modify(group, {"info": [(REPLACE, ["y"])], "mail": [(REPLACE, ["x"])]}), 50)
    assert client.read(group, "info") == {"info": [b"text"]}


def test_the_rights_that_the_runbook_asks_for(client: Client, workshop: Workshop, person: tuple[Client, str]) -> None:
    """Create and delete groups on two OUs, full control below: enough for a group's whole life there, and no more."""
    ordinary, sid = person
    inner, other = f"OU=retired,{workshop.ou}", f"OU=other,{workshop.ou}"
    for ou in (inner, other):
        client.must(client.add(ou, "organizationalUnit"))
    children = AccessMask.CREATE_CHILD | AccessMask.DELETE_CHILD
    for ou in (workshop.ou, inner):
        full = allow(sid, AccessMask.FULL_CONTROL, BELOW, below=GROUP)
        client.must(write_dacl(client, ou, allow(sid, children, kind=GROUP), full))
    values = {"sAMAccountName": workshop.name("life"), "groupType": "8", "member": [workshop.dn("Ordinary")]}
    ordinary.must(ordinary.add(workshop.dn("Life"), "group", values))
    ordinary.must(ordinary.modify(workshop.dn("Life"), {"displayName": [(REPLACE, ["Life"])]}))
    ordinary.must(ordinary.move(workshop.dn("Life"), "CN=Life 2"))
    ordinary.must(ordinary.move(workshop.dn("Life 2"), "CN=Life 2", inner))
    ordinary.refused(ordinary.add(workshop.dn("Account"), "user"), 50)
    ordinary.refused(ordinary.add(f"CN=Life,{other}", "group"), 50)
    ordinary.must(ordinary.delete(f"CN=Life 2,{inner}"))


def test_moves_take_rights_at_both_ends(client: Client, workshop: Workshop, person: tuple[Client, str]) -> None:
    """Without creation at the destination a group stays where it is."""
    ordinary, sid = person
    group = workshop.group("Mover")
    inner = f"OU=inner,{workshop.ou}"
    client.must(client.add(inner, "organizationalUnit"))
    client.must(write_dacl(client, group, allow(sid, AccessMask.FULL_CONTROL)))
    ordinary.refused(ordinary.move(group, "CN=Mover", inner), 50)
    client.must(write_dacl(client, inner, allow(sid, AccessMask.CREATE_CHILD, kind=GROUP)))
    ordinary.must(ordinary.move(group, "CN=Mover", inner))


def test_protection_from_accidental_deletion(client: Client, workshop: Workshop) -> None:
    """Everybody is denied DELETE on the object and DELETE CHILD on its parent; administrators too."""
    inner = f"OU=guarded,{workshop.ou}"
    client.must(client.add(inner, "organizationalUnit"))
    group = f"CN=Guarded,{inner}"
    client.must(client.add(group, "group", {"sAMAccountName": workshop.name("guarded")}))
    everyone = WellKnownSid.EVERYONE
    deleting = AccessMask.DELETE | AccessMask.DELETE_TREE
    client.must(write_dacl(client, group, Ace(AceType.DENIED, everyone, deleting)))
    client.must(write_dacl(client, inner, Ace(AceType.DENIED, everyone, AccessMask.DELETE_CHILD)))
    client.refused(client.delete(group), 50)
    client.refused(client.move(group, "CN=Guarded", workshop.ou), 50)
    client.must(write_dacl(client, group, without=everyone))
    client.must(client.delete(group))


def test_trees_are_deleted_with_the_control_only(client: Client, workshop: Workshop) -> None:
    """An OU with something in it stays without it."""
    inner = f"OU=tree,{workshop.ou}"
    client.must(client.add(inner, "organizationalUnit"))
    client.must(client.add(f"CN=Leaf,{inner}", "contact"))
    client.refused(client.delete(inner), 66)
    client.must(client.delete(inner, [TREE_DELETE]))
    assert client.search(workshop.ou, "(cn=Leaf)").names == []


def test_what_may_not_be_listed_is_not_there(client: Client, workshop: Workshop, person: tuple[Client, str]) -> None:
    """Neither in searches nor by name."""
    ordinary, sid = person
    inner = f"OU=closed,{workshop.ou}"
    client.must(client.add(inner, "organizationalUnit"))
    client.must(client.add(f"CN=Inside,{inner}", "contact"))
    assert ordinary.search(workshop.ou, "(cn=Inside)").names == [f"CN=Inside,{inner}"]
    client.must(write_dacl(client, inner, Ace(AceType.DENIED, sid, AccessMask.LIST_CONTENTS)))
    assert ordinary.search(workshop.ou, "(cn=Inside)").names == []
    assert ordinary.search(f"CN=Inside,{inner}", "(objectClass=*)", scope="BASE").code == 32


def test_attributes_that_may_not_be_read_do_not_exist(
    client: Client, workshop: Workshop, person: tuple[Client, str]
) -> None:
    """Neither among the values nor for a filter."""
    ordinary, sid = person
    group = workshop.group("Discreet", info="secret", description="open")
    info = guid_of(GuidKind.ATTRIBUTE, "info")
    assert ordinary.read(group, "info", "description") == {"info": [b"secret"], "description": [b"open"]}
    denied = Ace(AceType.DENIED_OBJECT, sid, AccessMask.READ_PROPERTY, object_type=info)
    client.must(write_dacl(client, group, denied))
    assert ordinary.read(group, "info", "description") == {"description": [b"open"]}
    assert ordinary.search(workshop.ou, "(info=secret)").names == []
    assert ordinary.search(workshop.ou, "(description=open)").names == [group]


def test_a_back_link_that_may_not_be_read_does_not_exist(
    client: Client, workshop: Workshop, person: tuple[Client, str]
) -> None:
    """memberOf is hidden from values, from a filter and from a chain."""
    ordinary, sid = person
    member = workshop.group("Discreet")
    holder = workshop.group("Holder", member=[member])
    conditions = [f"(memberOf={holder})", f"(memberOf:1.2.840.113556.1.4.1941:={holder})", "(memberOf=*)"]
    assert [ordinary.search(workshop.ou, condition).names for condition in conditions] == [[member]] * 3
    denied = Ace(
        AceType.DENIED_OBJECT,
        sid,
        AccessMask.READ_PROPERTY,
        object_type=guid_of(GuidKind.ATTRIBUTE, "memberOf"),
    )
    client.must(write_dacl(client, member, denied))
    assert ordinary.read(member, "memberOf") == {}
    assert [ordinary.search(workshop.ou, condition).names for condition in conditions] == [[]] * 3


def test_deleted_objects_are_not_for_everybody(client: Client, workshop: Workshop, person: tuple[Client, str]) -> None:
    """An account without the right to list them finds none, and brings none back."""
    ordinary, _ = person
    group = workshop.group("Gone")
    base = f"<GUID={uuid.UUID(bytes_le=client.read(group, 'objectGUID')['objectGUID'][0])}>"
    client.must(client.delete(group))
    assert client.search(base, "(objectClass=*)", scope="BASE", controls=[SHOW_DELETED]).code == 0
    found = ordinary.search(base, "(objectClass=*)", scope="BASE", controls=[SHOW_DELETED])
    assert (found.code, found.names) != (0, [group])
    assert not found.names
    back: dict[str, list[tuple[str, list[str]]]] = {
        "isDeleted": [(DELETE, [])],
        "distinguishedName": [(REPLACE, [group])],
    }
    assert ordinary.modify(base, back, [SHOW_DELETED]).code in {1, 32, 50}


def test_malformed_descriptors_are_refused(client: Client, workshop: Workshop) -> None:
    """Nonsense changes nothing."""
    group = workshop.group("Solid")
    before = descriptor(client, group)
    answer = client.modify(group, {"nTSecurityDescriptor": [(REPLACE, [b"nonsense"])]}, [sd_flags(4)])
    assert answer.code
    assert descriptor(client, group) == before
