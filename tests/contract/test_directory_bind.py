"""Binding, and what may be read without it."""

from __future__ import annotations

import pytest

from tests.contract.directory_client import Client, DirectoryUnderTest

ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
PAGED = "1.2.840.113556.1.4.319"


def test_bind_names(directory_under_test: DirectoryUnderTest) -> None:
    """Simple bind takes a UPN, a DN or DOMAIN\\user."""
    netbios = directory_under_test.base_dn.split(",")[0].removeprefix("DC=").upper()
    local = directory_under_test.administrator.split("@")[0]
    for name in (directory_under_test.administrator, directory_under_test.administrator_dn, f"{netbios}\\{local}"):
        client = Client(directory_under_test, name)
        assert client.search(directory_under_test.base_dn, "(objectClass=*)", scope="BASE").code == 0
        client.close()


@pytest.mark.parametrize("user", [None, "nobody@contoso.com"])
def test_wrong_password(directory_under_test: DirectoryUnderTest, user: str | None) -> None:
    """Result 49, and AD's own words with the Windows error in them."""
    connection = directory_under_test.connection(user or directory_under_test.administrator, "not the password")
    _, result, _, _ = connection.bind()
    connection.unbind()
    assert result["result"] == 49
    assert result["message"].startswith("80090308: LdapErr: DSID-")
    assert "comment: AcceptSecurityContext error, data 52e, v" in result["message"]


def test_search_needs_a_bind(directory_under_test: DirectoryUnderTest) -> None:
    """Anonymous clients see the root DSE, nothing else."""
    connection = directory_under_test.connection()
    _, refused, entries, _ = connection.search(directory_under_test.base_dn, "(objectClass=*)", attributes=["1.1"])
    _, result, response, _ = connection.search("", "(objectClass=*)", "BASE", attributes=["defaultNamingContext"])
    connection.unbind()
    assert refused["result"] == 1
    assert refused["message"].startswith("000004DC" if directory_under_test.words_like_windows else "00002020")
    assert not entries
    assert result["result"] == 0
    assert response[0]["attributes"]["defaultNamingContext"] == [directory_under_test.base_dn]


def test_root_dse(client: Client) -> None:
    """Everything that the product reads to know its domain controller."""
    found = client.read("", "*", "supportedCapabilities", "supportedControl", "namingContexts", "highestCommittedUSN")
    text = {name: [value.decode() for value in values] for name, values in found.items()}
    base = client.directory.base_dn
    assert text["rootDomainNamingContext"] == [base]
    assert text["configurationNamingContext"] == [f"CN=Configuration,{base}"]
    assert text["schemaNamingContext"] == [f"CN=Schema,CN=Configuration,{base}"]
    assert set(text["namingContexts"]) >= {base, f"CN=Configuration,{base}", f"CN=Schema,CN=Configuration,{base}"}
    assert ACTIVE_DIRECTORY in text["supportedCapabilities"]
    assert PAGED in text["supportedControl"]
    assert "3" in text["supportedLDAPVersion"]
    assert text["isGlobalCatalogReady"] == ["TRUE"]
    assert text["isSynchronized"] == ["TRUE"]
    assert int(text["highestCommittedUSN"][0]) > 0
    assert int(text["domainFunctionality"][0]) >= 4
    assert text["currentTime"][0].endswith(".0Z")
    assert text["dsServiceName"][0].endswith(text["serverName"][0])
    assert text["dnsHostName"][0].lower().endswith(".contoso.com")


def test_domain_controller_objects(client: Client) -> None:
    """dsServiceName leads to the NTDS Settings with the invocation id, serverName to the server."""
    root = client.read("", "dsServiceName", "serverName", "dnsHostName")
    settings = client.read(root["dsServiceName"][0].decode(), "objectClass", "invocationId", "objectGUID")
    assert b"nTDSDSA" in settings["objectClass"]
    assert len(settings["invocationId"][0]) == 16
    server = client.read(root["serverName"][0].decode(), "dNSHostName", "objectClass")
    assert server["dNSHostName"][0].lower() == root["dnsHostName"][0].lower()
    assert b"server" in server["objectClass"]


def test_forest_objects(client: Client) -> None:
    """The domain, its cross reference, the protected groups with their well-known identifiers."""
    base = client.directory.base_dn
    domain = client.read(base, "objectClass", "objectSid", "objectGUID", "wellKnownObjects", "dc")
    assert b"domainDNS" in domain["objectClass"]
    assert len(domain["objectSid"][0]) == 24
    assert any(b"A9D1CA15768811D1ADED00C04FD8D5CD:CN=Users," in value for value in domain["wellKnownObjects"])
    references = client.search(f"CN=Partitions,{client.directory.configuration_dn}", f"(nCName={base})", "dnsRoot")
    assert len(references.entries) == 1
    admins = client.read(f"CN=Domain Admins,CN=Users,{base}", "objectSid", "adminCount", "isCriticalSystemObject")
    assert admins["objectSid"][0] == domain["objectSid"][0][:1] + b"\x05" + domain["objectSid"][0][2:] + b"\0\x02\0\0"
    assert admins["adminCount"] == [b"1"]
    assert admins["isCriticalSystemObject"] == [b"TRUE"]
    builtin = client.search(f"CN=Builtin,{base}", "(objectSid=S-1-5-32-544)", "cn")
    assert builtin.names == [f"CN=Administrators,CN=Builtin,{base}"]


@pytest.mark.windows_only("who-am-i")
def test_who_am_i(client: Client) -> None:
    """The extended operation of RFC 4532."""
    assert client.connection.extend.standard.who_am_i().lower() == "u:contoso\\administrator"
