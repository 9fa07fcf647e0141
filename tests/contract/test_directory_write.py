"""Adding and modifying: what is filled in, what is refused and how."""

from __future__ import annotations

import uuid
from typing import Any

import ldap3
import pytest

from tests.contract.directory_client import Client, Workshop

ADD, DELETE, REPLACE = ldap3.MODIFY_ADD, ldap3.MODIFY_DELETE, ldap3.MODIFY_REPLACE
PERMISSIVE = [("1.2.840.113556.1.4.1413", True, None)]


def test_a_new_group_gets_what_the_directory_sets(client: Client, workshop: Workshop) -> None:
    """Identifiers, times, sequence numbers, category, account type; a made-up account name."""
    dn = workshop.dn("Fresh")
    client.must(
        client.add(dn, "group", {"displayName": "Fresh", "extensionName": "gwb:x", "adminDescription": "Group_x"})
    )
    found = client.read(dn)
    assert found["objectClass"] == [b"top", b"group"]
    assert found["cn"] == found["name"] == [b"Fresh"]
    assert len(found["objectGUID"][0]) == 16
    assert len(found["objectSid"][0]) == 28
    assert found["groupType"] == [b"-2147483646"]
    assert found["sAMAccountType"] == [b"268435456"]
    assert found["sAMAccountName"][0].startswith(b"$")
    assert found["objectCategory"] == [f"CN=Group,{client.directory.schema_dn}".encode()]
    assert found["instanceType"] == [b"4"]
    assert found["whenCreated"][0].endswith(b".0Z")
    assert 0 < int(found["uSNCreated"][0]) <= int(found["uSNChanged"][0])


def test_a_modify_counts(client: Client, workshop: Workshop) -> None:
    """uSNChanged goes up, so does the server's highest number; uSNCreated stays."""
    dn = workshop.group("Counted")
    before = client.read(dn, "uSNChanged", "uSNCreated")
    client.must(client.modify(dn, {"description": [(REPLACE, ["new"])]}))
    after = client.read(dn, "uSNChanged", "uSNCreated")
    assert int(after["uSNChanged"][0]) > int(before["uSNChanged"][0])
    assert after["uSNCreated"] == before["uSNCreated"]
    assert int(client.read("", "highestCommittedUSN")["highestCommittedUSN"][0]) >= int(after["uSNChanged"][0])


def test_old_out_new_in(client: Client, workshop: Workshop) -> None:
    """The before-image in the same modify: right it works, wrong it fails and nothing of the modify happens."""
    dn = workshop.group("Guarded", displayName="old", info="kept")
    client.must(client.modify(dn, {"displayName": [(DELETE, ["old"]), (ADD, ["new"])]}))
    racing = client.modify(dn, {"info": [(REPLACE, ["lost"])], "displayName": [(DELETE, ["old"]), (ADD, ["newer"])]})
    client.refused(racing, 16)
    assert client.read(dn, "displayName", "info") == {"displayName": [b"new"], "info": [b"kept"]}


def test_values_that_are_there_or_not(client: Client, workshop: Workshop) -> None:
    """Result 20 for a value that is there, 16 for one that is not, whatever its case."""
    dn = workshop.group("Values", extensionName=["one", "two"])
    client.refused(client.modify(dn, {"extensionName": [(ADD, ["one"])]}), 20, "00002083")
    client.refused(client.modify(dn, {"extensionName": [(DELETE, ["three"])]}), 16, "00002085")
    client.refused(client.modify(dn, {"info": [(DELETE, [])]}), 16, "00002085")
    client.must(client.modify(dn, {"extensionName": [(DELETE, ["TWO"]), (ADD, ["three"])]}))
    assert sorted(client.read(dn, "extensionName")["extensionName"]) == [b"one", b"three"]
    client.must(client.modify(dn, {"extensionName": [(REPLACE, [])]}))
    assert client.read(dn, "extensionName") == {}


@pytest.mark.parametrize(
    ("change", "code", "prefix"),
    [
        ({"displayName": [(ADD, ["second"])]}, {19, 20}, ""),
        ({"info": [(REPLACE, ["x" * 1025])]}, {19, 21}, "00002082"),
        ({"groupType": [(REPLACE, ["twelve"])]}, {21, 53}, "00000057"),
        ({"noSuchAttribute": [(REPLACE, ["x"])]}, {16}, "00000057"),
        ({"userPrincipalName": [(REPLACE, ["x@contoso.com"])]}, {65}, "0000207D"),
        ({"objectGUID": [(REPLACE, [b"0" * 16])]}, {19, 53}, ""),
        ({"objectSid": [(REPLACE, [b"\x01\x01\0\0\0\0\0\x05\x12\0\0\0"])]}, {19, 53}, ""),
        ({"whenCreated": [(REPLACE, ["20200101000000.0Z"])]}, {19, 53}, ""),
        ({"uSNChanged": [(REPLACE, ["1"])]}, {19, 53}, ""),
        ({"memberOf": [(ADD, ["CN=Domain Admins,CN=Users,DC=contoso,DC=com"])]}, {19, 53}, ""),
        ({"cn": [(REPLACE, ["Other"])]}, {67}, "00002016"),
        ({"member": [(ADD, ["CN=nobody,DC=contoso,DC=com"])]}, {32}, "00000525"),
        ({"sAMAccountName": [(DELETE, [])]}, {16, 53, 65}, ""),
        ({"groupType": [(REPLACE, ["3"])]}, {53}, ""),
    ],
)  # fmt: skip
def test_refused_modifications(
    client: Client, workshop: Workshop, change: dict[str, Any], code: set[int], prefix: str
) -> None:
    """What a group cannot be given, with the code and the number that AD sends; nothing is changed by it."""
    dn = workshop.group("Refused", displayName="first")
    before = client.read(dn)
    client.refused(client.modify(dn, change), code, prefix)
    assert client.read(dn) == before


def test_text_is_measured_as_windows_does(client: Client, workshop: Workshop) -> None:
    """256 characters fit displayName, one more does not."""
    dn = workshop.group("Measured")
    client.must(client.modify(dn, {"displayName": [(REPLACE, ["ä" * 256])]}))
    client.refused(client.modify(dn, {"displayName": [(REPLACE, ["ä" * 257])]}), {19, 21}, "00002082")


@pytest.mark.windows_only("long-names")
def test_long_names(client: Client, workshop: Workshop) -> None:
    """64 characters are all that a cn holds; Samba takes more."""
    client.must(client.add(workshop.dn("n" * 64), "group"))
    client.refused(client.add(workshop.dn("n" * 65), "group"), 19, "00002082")


@pytest.mark.windows_only("utf-16-lengths")
def test_emoji_count_twice(client: Client, workshop: Workshop) -> None:
    """Windows counts UTF-16 units: 128 emoji fill the 256 places of displayName."""
    dn = workshop.group("Measured twice")
    client.must(client.modify(dn, {"displayName": [(REPLACE, ["🎉" * 128])]}))
    client.refused(client.modify(dn, {"displayName": [(REPLACE, ["🎉" * 129])]}), 19, "00002082")


def test_refused_additions(client: Client, workshop: Workshop) -> None:
    """A taken name, a taken account name, no parent, a foreign attribute, an unknown one, no class."""
    workshop.group("Taken")
    client.refused(client.add(workshop.dn("taken"), "group"), 68, "00002071")
    second = client.add(workshop.dn("Another"), "group", {"sAMAccountName": workshop.name("Taken").upper()})
    client.refused(second, 68, "00000524")
    missing = client.add(f"CN=x,OU=missing,{workshop.ou}", "group")
    client.refused(missing, 32, "0000208D")
    client.refused(client.add(workshop.dn("Foreign"), "group", {"userAccountControl": "512"}), 65, "0000207D")
    client.refused(client.add(workshop.dn("Unknown"), "group", {"noSuchAttribute": "x"}), 16, "00000057")
    client.refused(client.add(f"OU=x,{workshop.dn('Taken')}", "organizationalUnit"), 64, "00002099")
    nobody = {"member": ["CN=nobody,DC=contoso,DC=com"]}
    client.refused(client.add(workshop.dn("Lost"), "group", nobody), 32, "00000525")
    assert client.search(workshop.ou, "(objectClass=group)").names == [workshop.dn("Taken")]


def test_members(client: Client, workshop: Workshop) -> None:
    """A member twice is 68, a member that is none is 53; back links follow; names in every form."""
    first, second, third = workshop.users(3)
    group = workshop.group("Members", member=[first])
    client.refused(client.modify(group, {"member": [(ADD, [second, first])]}), 68, "00000562")
    assert client.read(group, "member") == {"member": [first.encode()]}
    client.refused(client.modify(group, {"member": [(DELETE, [second])]}), 53, "00000561")
    guid = uuid.UUID(bytes_le=client.read(second, "objectGUID")["objectGUID"][0])
    client.must(client.modify(group, {"member": [(ADD, [f"<GUID={guid}>", third])]}))
    assert client.read(second, "memberOf") == {"memberOf": [group.encode()]}
    client.must(client.modify(group, {"member": [(DELETE, [first]), (DELETE, [third])]}))
    assert client.read(group, "member") == {"member": [second.encode()]}
    assert client.read(first, "memberOf") == {}


@pytest.mark.windows_only("group-scope")
def test_a_member_that_the_scope_does_not_take_refuses_the_whole_modify(client: Client, workshop: Workshop) -> None:
    """Domain local in universal and in global, universal in global; nothing of the modify takes effect."""
    (first,) = workshop.users(1)
    local = workshop.group("Local", groupType="-2147483644")
    universal = workshop.group("Universal", groupType="-2147483640")
    wide = workshop.group("Global", groupType="-2147483646")
    for holder, member, number in (
        (universal, local, "00002146"),
        (wide, local, "00002144"),
        (wide, universal, "00002145"),
    ):
        client.refused(client.modify(holder, {"member": [(ADD, [first, member])]}), 53, number)
        assert client.read(holder, "member") == {}
    client.must(client.modify(universal, {"member": [(ADD, [first, wide])]}))
    client.must(client.modify(local, {"member": [(ADD, [first, wide, universal])]}))


@pytest.mark.windows_only("permissive-modify")
def test_permissive_modify(client: Client, workshop: Workshop) -> None:
    """The control forgives values that are there, or not, already."""
    first, second = workshop.users(2)
    group = workshop.group("Forgiven", member=[first])
    client.must(client.modify(group, {"member": [(ADD, [first, second])]}, PERMISSIVE))
    assert len(client.read(group, "member")["member"]) == 2
    client.must(client.modify(group, {"member": [(DELETE, [first])], "info": [(DELETE, [])]}, PERMISSIVE))
    usn = client.read(group, "uSNChanged")
    client.must(client.modify(group, {"member": [(DELETE, [first])]}, PERMISSIVE))
    assert client.read(group, "member") == {"member": [second.encode()]}
    assert client.read(group, "uSNChanged") == usn


def test_group_types(client: Client, workshop: Workshop) -> None:
    """Universal groups become security groups and back with the same SID; global never local at once."""
    dn = workshop.group("Typed", groupType="8")
    sid = client.read(dn, "objectSid")
    assert client.read(dn, "sAMAccountType") == {"sAMAccountType": [b"268435457"]}
    client.must(client.modify(dn, {"groupType": [(DELETE, ["8"]), (ADD, ["-2147483640"])]}))
    assert client.read(dn, "sAMAccountType") == {"sAMAccountType": [b"268435456"]}
    client.must(client.modify(dn, {"groupType": [(REPLACE, ["8"])]}))
    client.must(client.modify(dn, {"groupType": [(REPLACE, ["2"])]}))
    client.refused(client.modify(dn, {"groupType": [(REPLACE, ["4"])]}), 53, "00002141")
    assert client.read(dn, "objectSid") == sid


def test_description_of_accounts_is_one(client: Client, workshop: Workshop) -> None:
    """Multi-valued by schema, but not on groups and users."""
    dn = workshop.group("Described", description="one")
    assert client.modify(dn, {"description": [(ADD, ["two"])]}).code in {19, 20}
    assert client.read(dn, "description") == {"description": [b"one"]}


def test_exchange_attributes(client: Client, workshop: Workshop) -> None:
    """A group of an extended forest takes mailNickname and its kin."""
    dn = workshop.group("Mail")
    client.must(client.modify(dn, {"mailNickname": [(REPLACE, ["mail"])], "proxyAddresses": [(ADD, ["SMTP:a@b.c"])]}))
    assert client.read(dn, "mailNickname") == {"mailNickname": [b"mail"]}


def test_hostile_text_survives(client: Client, workshop: Workshop) -> None:
    """Quotes, markup, formulas, right-to-left, emoji: in, out, the same, in names and values."""
    texts = ['a,b+"c"\\<d>;e=', "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "שלום עולם", "🎉 party", "# first"]
    for text in texts:
        dn = f"CN={ldap3.utils.dn.escape_rdn(text)},{workshop.ou}"
        client.must(client.add(dn, "group", {"displayName": text}))
        condition = f"(displayName={ldap3.utils.conv.escape_filter_chars(text)})"
        found = client.search(workshop.ou, condition, "displayName", "cn")
        assert len(found.entries) == 1
        assert found.entries[0]["raw_attributes"]["cn"] == [text.encode()]
        assert client.read(found.names[0], "displayName")["displayName"] == [text.encode()]
