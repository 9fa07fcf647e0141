"""Searching: scopes, filters, projections, pages, ranges, controls."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.contract.directory_client import Client, DirectoryUnderTest, Workshop

SHOW_DELETED = ("1.2.840.113556.1.4.417", True, None)
DOMAIN_SCOPE = ("1.2.840.113556.1.4.1339", True, None)


@pytest.fixture(scope="module")
def shop(directory_under_test: DirectoryUnderTest) -> Iterator[Workshop]:
    """An OU with a few groups that the tests of this module only read."""
    client = Client(directory_under_test)
    made = Workshop(client)
    people = made.users(3)
    made.group("Alpha", displayName="Ä first", description="one", groupType="-2147483640", member=people[:2])
    made.group("Beta", info="two words here", adminDescription="Group_beta", member=[made.dn("Alpha")])
    made.group("Gamma\\, (x)", displayName="third (x) *", sAMAccountName=made.name("gamma"))
    yield made
    made.remove()
    client.close()


def _names(shop: Workshop, condition: str, **more: str) -> list[str]:
    answer = shop.client.search(shop.ou, condition, "name", **more)
    assert answer.code == 0, answer.message
    return sorted(str(entry["attributes"]["name"]).strip("[]'") for entry in answer.entries)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("(objectClass=group)", ["Alpha", "Beta", "Gamma, (x)"]),
        ("(objectcategory=GROUP)", ["Alpha", "Beta", "Gamma, (x)"]),
        ("(&(objectClass=group)(displayName=ä FIRST))", ["Alpha"]),
        ("(&(objectClass=group)(!(description=*)))", ["Beta", "Gamma, (x)"]),
        ("(|(description=one)(adminDescription=group_BETA))", ["Alpha", "Beta"]),
        ("(displayName=third \\28x\\29 \\2a)", ["Gamma, (x)"]),
        ("(displayName=*\\2a)", ["Gamma, (x)"]),
        ("(info=two*here)", ["Beta"]),
        ("(info=*words*)", ["Beta"]),
        ("(info=*here*words*)", []),
        ("(adminDescription=Group_*)", ["Beta"]),
        ("(groupType:1.2.840.113556.1.4.803:=2147483648)", ["Alpha"]),
        ("(groupType:1.2.840.113556.1.4.804:=2147483656)", ["Alpha", "Beta", "Gamma, (x)"]),
        ("(&(groupType>=0)(groupType<=8))", ["Beta", "Gamma, (x)"]),
        ("(noSuchAttribute=1)", []),
        ("(cn=alpha)", ["Alpha"]),
    ],
)
def test_filters(shop: Workshop, condition: str, expected: list[str]) -> None:
    """Every kind of filter; text compares without case, undefined stays undefined under a negation."""
    assert _names(shop, condition) == expected


def test_link_filters(shop: Workshop) -> None:
    """member, memberOf, and both by way of nested groups."""
    chain = "1.2.840.113556.1.4.1941"
    person = shop.dn("member 0")
    assert _names(shop, f"(member={person})") == ["Alpha"]
    assert _names(shop, f"(member={person.upper().replace(',', ', ')})") == ["Alpha"]
    assert _names(shop, f"(memberOf={shop.dn('Alpha')})") == ["member 0", "member 1"]
    assert _names(shop, f"(member:{chain}:={person})") == ["Alpha", "Beta"]
    assert _names(shop, f"(memberOf:{chain}:={shop.dn('Beta')})") == ["Alpha", "member 0", "member 1"]
    assert _names(shop, "(member=CN=nobody,DC=contoso,DC=com)") == []


def test_scopes(shop: Workshop) -> None:
    """Base, one level, subtree."""
    assert _names(shop, "(objectClass=*)", scope="BASE") == [shop.ou.split(",")[0].removeprefix("OU=")]
    assert "Alpha" in _names(shop, "(objectClass=*)", scope="LEVEL")
    staff = shop.client.directory.staff_ou
    assert not shop.client.search(staff, "(name=Alpha)", scope="LEVEL").entries
    assert shop.dn("Alpha") in shop.client.search(staff, "(name=Alpha)").names


def test_names_are_escaped_as_in_rfc_4514(shop: Workshop) -> None:
    """A comma in a name comes back escaped, and the escaped name finds the object."""
    found = shop.client.search(shop.ou, "(cn=Gamma, \\28x\\29)", "cn")
    assert found.names == [f"CN=Gamma\\, (x),{shop.ou}"]
    assert shop.client.read(found.names[0], "cn")["cn"] == [b"Gamma, (x)"]


def test_identifier_bases(shop: Workshop) -> None:
    """<GUID=…> and <SID=…> name an object, and filters find it by the octets of both."""
    dn = shop.dn("Alpha")
    found = shop.client.read(dn, "objectGUID", "objectSid")
    guid, sid = found["objectGUID"][0], found["objectSid"][0]
    for base in (f"<GUID={uuid.UUID(bytes_le=guid)}>", f"<GUID={guid.hex()}>", f"<SID={sid.hex()}>"):
        assert shop.client.search(base, "(objectClass=*)", scope="BASE").names == [dn]

    def escaped(value: bytes) -> str:
        return "".join(f"\\{octet:02x}" for octet in value)

    assert shop.client.search(shop.ou, f"(objectGUID={escaped(guid)})").names == [dn]
    assert shop.client.search(shop.ou, f"(objectSid={escaped(sid)})").names == [dn]


def test_projection(shop: Workshop) -> None:
    """No attributes, all of them, named ones, computed ones, types without values."""
    client, dn = shop.client, shop.dn("Alpha")
    assert client.search(dn, "(objectClass=*)", scope="BASE").entries[0]["raw_attributes"] == {}
    everything = client.read(dn)
    assert {"objectGUID", "objectSid", "whenCreated", "uSNChanged", "member", "memberOf", "name"} <= set(everything)
    assert everything["distinguishedName"] == [dn.encode()]
    assert everything["objectClass"] == [b"top", b"group"]
    assert "canonicalName" not in everything
    assert [name.lower() for name in client.read(dn, "CN", "noSuchAttribute")] == ["cn"]
    assert b"extensionName" in client.read(dn, "allowedAttributes")["allowedAttributes"]
    assert b"description" in client.read(dn, "allowedAttributesEffective")["allowedAttributesEffective"]


def test_missing_objects(client: Client) -> None:
    """noSuchObject with the nearest object that exists; malformed and foreign names."""
    base = client.directory.base_dn
    missing = client.search(f"CN=x,OU=y,CN=Users,{base}", "(objectClass=*)")
    client.refused(missing, 32, "0000208D: NameErr:")
    assert missing.result["dn"].lower() in {f"CN=Users,{base}".lower(), ""}
    assert client.search("CN=x,,", "(objectClass=*)").code == 34
    assert client.search("DC=fabrikam,DC=com", "(objectClass=*)").code in {10, 32}


def test_other_naming_contexts_are_referred_to(client: Client) -> None:
    """A subtree of the domain does not hold the configuration; it says where that is, unless told to keep quiet."""
    base = client.directory.base_dn
    found = client.search(base, "(objectClass=crossRefContainer)")
    assert not found.entries
    assert any(uri.endswith(f"/CN=Configuration,{base}") for uri in found.references)
    assert not client.search(base, "(objectClass=crossRefContainer)", controls=[DOMAIN_SCOPE]).references


def test_pages(client: Client) -> None:
    """Pages of any size hold every object once."""
    schema = client.directory.schema_dn
    whole = [
        entry["dn"]
        for entry in client.connection.extend.standard.paged_search(
            schema, "(objectClass=attributeSchema)", attributes=["1.1"], paged_size=170, paged_criticality=True
        )
        if entry["type"] == "searchResEntry"
    ]
    assert len(whole) > 500
    assert len(set(whole)) == len(whole)


def test_a_cookie_that_nobody_was_given(client: Client) -> None:
    """Refused, whatever the code."""
    assert client.search(client.directory.base_dn, "(cn=x)", paged_size=10, paged_cookie=b"invented").code != 0


@pytest.mark.windows_only("size-limit")
def test_size_limit_of_the_client(client: Client) -> None:
    """sizeLimitExceeded with as many objects as were asked for."""
    answer = client.search(client.directory.schema_dn, "(objectClass=attributeSchema)", size_limit=7)
    assert (answer.code, len(answer.entries)) == (4, 7)


def test_unknown_critical_control(client: Client) -> None:
    """Refused if critical, passed over if not."""
    base = client.directory.base_dn
    refused = client.search(base, "(objectClass=*)", scope="BASE", controls=[("1.3.6.1.4.1.99999.1", True, None)])
    assert refused.code == 12
    assert (
        client.search(base, "(objectClass=*)", scope="BASE", controls=[("1.3.6.1.4.1.99999.1", False, None)]).code == 0
    )


def test_generic_schema(directory_under_test: DirectoryUnderTest, client: Client) -> None:
    """ldap3 reads the whole schema where the root DSE says it is, whatever the number of its parts."""
    entry = client.read("", "subschemaSubentry")["subschemaSubentry"][0].decode()
    connection = directory_under_test.connection(
        directory_under_test.administrator, directory_under_test.administrator_password
    )
    connection.bind()
    answer = connection.search(entry, "(objectClass=subSchema)", "BASE", attributes=["attributeTypes", "objectClasses"])
    connection.unbind()
    shown = answer[2][0]["raw_attributes"]
    assert any(b"NAME 'extensionName'" in value for value in shown["attributeTypes"])
    assert any(b"NAME 'group'" in value and b"STRUCTURAL" in value for value in shown["objectClasses"])


def test_schema_objects(client: Client) -> None:
    """What a group may carry can be looked up: top, group and their auxiliary classes."""
    schema = client.directory.schema_dn
    top = client.read(f"CN=Top,{schema}", "systemMayContain", "lDAPDisplayName")
    assert {b"extensionName", b"adminDescription", b"description"} <= set(top["systemMayContain"])
    group = client.read(f"CN=Group,{schema}", "systemAuxiliaryClass", "auxiliaryClass", "systemMayContain")
    assert b"member" in group["systemMayContain"]
    assert {b"mailRecipient", b"securityPrincipal"} <= {
        *group["systemAuxiliaryClass"],
        *group.get("auxiliaryClass", []),
    }
    member = client.search(
        schema, "(lDAPDisplayName=member)", "attributeID", "linkID", "isSingleValued", "schemaIDGUID"
    )
    values = member.entries[0]["raw_attributes"]
    assert values["attributeID"] == [b"2.5.4.31"]
    assert values["linkID"] == [b"2"]
    assert values["isSingleValued"] == [b"FALSE"]
    assert str(uuid.UUID(bytes_le=values["schemaIDGUID"][0])) == "bf9679c0-0de6-11d0-a285-00aa003049e2"
    version = client.read(f"CN=ms-Exch-Schema-Version-Pt,{schema}", "rangeUpper")
    assert int(version["rangeUpper"][0]) > 0


@pytest.mark.windows_only("page-limit")
def test_limit_without_pages(client: Client, workshop: Workshop) -> None:
    """The first 1,000 and sizeLimitExceeded."""
    workshop.users(1001)
    answer = client.search(workshop.ou, "(objectClass=contact)")
    assert (answer.code, len(answer.entries)) == (4, 1000)


@pytest.mark.windows_only("ranges")
def test_ranges(client: Client, workshop: Workshop) -> None:
    """1,500 values at most; the rest by ranges, the last of which ends with a star."""
    people = workshop.users(1601)
    group = workshop.group("Large", member=people)
    first = client.read(group, "member")
    assert len(first.pop("member;range=0-1499")) == 1500
    assert not first.get("member")
    second = client.read(group, "member;range=1500-*")
    assert list(second) == ["member;range=1500-*"]
    assert len(second["member;range=1500-*"]) == 101
    assert list(client.read(group, "member;range=10-19")) == ["member;range=10-19"]
    assert len(client.read(group, "member;range=0-*")["member;range=0-1499"]) == 1500


@pytest.mark.windows_only("filters")
def test_filters_only_windows_answers_so(shop: Workshop) -> None:
    """Undefined stays undefined under a negation; approximately is the same as equal."""
    assert _names(shop, "(&(objectClass=group)(!(noSuchAttribute=1)))") == []
    assert _names(shop, "(name~=ALPHA)") == ["Alpha"]


@pytest.mark.windows_only("constructed-filters")
@pytest.mark.parametrize(
    "condition", ["(canonicalName=*)", "(&(cn=*)(!(primaryGroupToken=513)))", "(tokenGroups=S-1-1-0)"]
)
def test_constructed_attributes_are_not_searched_for(shop: Workshop, condition: str) -> None:
    """What the directory computes for an answer is no part of a filter."""
    shop.client.refused(shop.client.search(shop.ou, condition), 18)


@pytest.mark.windows_only("types-only")
def test_types_without_values(shop: Workshop) -> None:
    """typesOnly; Samba sends values all the same."""
    answer = shop.client.search(shop.dn("Alpha"), "(objectClass=*)", "cn", "info", scope="BASE", types_only=True)
    assert [list(entry["raw_attributes"]) for entry in answer.entries] == [["cn"]]
    assert not answer.entries[0]["raw_attributes"]["cn"]


@pytest.mark.windows_only("accents")
def test_accents_make_no_difference(shop: Workshop) -> None:
    """Windows compares without accents; Samba does not."""
    assert _names(shop, "(displayName=a first)") == ["Alpha"]


# Constructed attributes, ambiguous names and classes, as clients that nobody here wrote ask for them


@pytest.fixture(scope="module")
def nested(directory_under_test: DirectoryUnderTest) -> Iterator[Workshop]:
    """A person in Inner, which is in Outer (universal); a domain local group holds Outer."""
    client = Client(directory_under_test)
    made = Workshop(client)
    person = made.dn("Robin")
    client.must(client.add(person, "user", {"sAMAccountName": made.name("robin")}))
    inner = made.group("Inner", groupType="-2147483646", member=[person])
    outer = made.group("Outer", groupType="-2147483640", member=[inner])
    made.group("Local", groupType="-2147483644", member=[outer])
    made.group("Letters", groupType="8", member=[person])
    yield made
    made.remove()
    client.close()


def _sids(shop: Workshop, *groups: str) -> set[bytes]:
    return {shop.client.read(shop.dn(name), "objectSid")["objectSid"][0] for name in groups}


def test_the_groups_of_a_token(nested: Workshop) -> None:
    """Security groups only, nested and primary ones too; by scope, and of one object at a time."""
    client, person = nested.client, nested.dn("Robin")
    all_of_them = client.read(person, "tokenGroups", "tokenGroupsGlobalAndUniversal")
    assert _sids(nested, "Inner", "Outer", "Local") <= set(all_of_them["tokenGroups"])
    assert not _sids(nested, "Letters") & set(all_of_them["tokenGroups"])
    users = f"CN=Domain Users,CN=Users,{client.directory.base_dn}"
    wide = set(all_of_them["tokenGroupsGlobalAndUniversal"])
    assert _sids(nested, "Inner", "Outer") | {client.read(users, "objectSid")["objectSid"][0]} <= wide
    assert not _sids(nested, "Local") & wide
    assert "tokenGroups" not in client.read(person)
    client.refused(client.search(nested.ou, "(objectClass=user)", "tokenGroups"), 1)


@pytest.mark.windows_only("transitive-members")
def test_members_however_far(nested: Workshop) -> None:
    """msds-memberTransitive and its other direction, of one object at a time."""
    client, person = nested.client, nested.dn("Robin")
    below = client.read(nested.dn("Local"), "msds-memberTransitive")["msds-memberTransitive"]
    assert {name.decode() for name in below} == {nested.dn("Outer"), nested.dn("Inner"), person}
    above = client.read(person, "msds-memberOfTransitive")["msds-memberOfTransitive"]
    wanted = {nested.dn(name) for name in ("Inner", "Outer", "Local", "Letters")}
    assert wanted <= {name.decode() for name in above}
    found = client.search(nested.ou, "(objectClass=group)", "msds-memberTransitive")
    assert [entry["raw_attributes"] for entry in found.entries] == [{}] * 4


def test_what_is_computed_of_an_account(nested: Workshop) -> None:
    """Names, times, flags and parents that are stored nowhere."""
    client, person = nested.client, nested.dn("Robin")
    shown = client.read(
        person,
        *("canonicalName", "createTimeStamp", "modifyTimeStamp", "structuralObjectClass", "sDRightsEffective"),
        *("msDS-User-Account-Control-Computed", "allowedAttributes", "allowedChildClasses", "subSchemaSubEntry"),
        *("allowedAttributesEffective", "allowedChildClassesEffective", "objectClass"),
    )
    computed = {"createTimeStamp", "modifyTimeStamp", "sDRightsEffective", "allowedAttributes", "subSchemaSubEntry"}
    assert computed <= set(shown)
    assert shown["structuralObjectClass"][-1] == b"user"
    assert int(shown["msDS-User-Account-Control-Computed"][0]) & 0x10 == 0
    assert shown["objectClass"] == [b"top", b"person", b"organizationalPerson", b"user"]
    assert client.read(nested.dn("Inner"), "primaryGroupToken")["primaryGroupToken"][0].isdigit()
    below = client.read(nested.ou, "allowedChildClasses")["allowedChildClasses"]
    assert {b"user", b"group", b"computer", b"contact", b"organizationalUnit"} <= set(below)


@pytest.mark.windows_only("more-constructed")
def test_what_windows_alone_computes(nested: Workshop) -> None:
    """A principal's name, the number below, the parent: newer than what Samba computes."""
    client, person = nested.client, nested.dn("Robin")
    shown = client.read(person, "msDS-PrincipalName", "msDS-parentdistname", "msDS-UserPasswordExpiryTimeComputed")
    assert shown["msDS-PrincipalName"][0].startswith(b"CONTOSO\\")
    assert shown["msDS-parentdistname"] == [nested.ou.encode()]
    assert client.read(nested.ou, "msDS-Approx-Immed-Subordinates")["msDS-Approx-Immed-Subordinates"] == [b"5"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("(anr=alp)", ["Alpha"]),
        ("(ANR=third \\28x)", ["Gamma, (x)"]),
        ("(anr==Alpha)", ["Alpha"]),
        ("(anr==Alph)", []),
        ("(&(objectClass=group)(anr=b))", ["Beta"]),
        ("(anr=nobody at all)", []),
        ("(&(objectClass=group)(!(anr=alpha)))", ["Beta", "Gamma, (x)"]),
    ],
)
def test_ambiguous_names_are_resolved(shop: Workshop, condition: str, expected: list[str]) -> None:
    """anr asks for the beginning of any name; with ``=`` for the whole of it."""
    assert _names(shop, condition) == expected


def test_two_words_are_a_first_and_a_last_name(shop: Workshop) -> None:
    """In either order."""
    client, dn = shop.client, shop.dn("member 0")
    client.must(
        client.modify(
            dn, {name: [("MODIFY_REPLACE", [value])] for name, value in (("givenName", "Robin"), ("sn", "Rye"))}
        )
    )
    for asked in ("Robin Rye", "Rye Robin", "Ro Ry"):
        assert client.search(shop.ou, f"(anr={asked})").names == [dn]
    assert client.search(shop.ou, "(anr=Robin Oat)").names == []


_KINDS = """
user computer contact organizationalUnit foreignSecurityPrincipal trustedDomain groupPolicyContainer dnsNode dnsZone
msDS-ManagedServiceAccount msDS-GroupManagedServiceAccount msDS-PasswordSettings pKIEnrollmentService siteLink subnet
pKICertificateTemplate certificationAuthority serviceConnectionPoint printQueue volume controlAccessRight
nTDSConnection secret rIDSet
"""


@pytest.mark.parametrize("kind", _KINDS.split())
def test_the_schema_has_the_classes_that_tools_ask_for(shop: Workshop, kind: str) -> None:
    """A class is found by its name in the schema, and its attributes are there too."""
    schema = shop.client.directory.schema_dn
    (found,) = shop.client.search(schema, f"(lDAPDisplayName={kind})", "systemMayContain", "mayContain").entries
    held = found["raw_attributes"]
    names = [name.decode() for column in held.values() for name in column] or ["cn"]
    condition = "".join(f"(lDAPDisplayName={name})" for name in names)
    assert len(shop.client.search(schema, f"(|{condition})").names) == len(set(names))


def test_change_numbers(shop: Workshop) -> None:
    """What waiting asks: marked groups that changed since a number."""
    beta = shop.client.search(shop.ou, "(name=Beta)", "uSNChanged").entries[0]["attributes"]["uSNChanged"]
    number = int(str(beta).strip("[]'"))
    assert _names(shop, f"(&(adminDescription=Group_*)(uSNChanged>={number}))") == ["Beta"]
    assert _names(shop, f"(&(adminDescription=Group_*)(uSNChanged>={number + 1}))") == []
