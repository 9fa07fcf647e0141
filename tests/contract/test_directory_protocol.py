"""Between the octets and the directory: StartTLS, signing, extended operations and names, strangers' tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from rehearsal.certificates import write_private
from rehearsal.samba.ldap_tools import parse_ldif
from tests.contract.directory_client import Client, DirectoryUnderTest, Workshop
from tests.contract.strangers import needed

EXTENDED_DN, AS_TEXT = "1.2.840.113556.1.4.529", b"\x30\x03\x02\x01\x01"


def test_start_tls(directory_under_test: DirectoryUnderTest) -> None:
    """A simple bind in the clear is refused, with StartTLS it is not; the certificate is checked."""
    directory = directory_under_test
    connection = directory.connection(directory.administrator, directory.administrator_password, plain=True)
    _, refused, _, _ = connection.bind()
    assert refused["result"] == 8
    if directory.words_like_windows:
        assert refused["message"].startswith("00002028: LdapErr: DSID-")
    assert connection.start_tls()
    _, result, _, _ = connection.bind()
    assert result["result"] == 0
    _, result, _, _ = connection.search(directory.base_dn, "(objectClass=*)", "BASE", attributes=["1.1"])
    connection.unbind()
    assert result["result"] == 0


def test_an_extended_operation_that_is_unknown(client: Client) -> None:
    """protocolError, and the connection goes on."""
    _, result, _, _ = client.connection.extended("1.3.6.1.4.1.99999.2")
    assert result["result"] == 2
    assert client.search(client.directory.base_dn, "(objectClass=*)", scope="BASE").code == 0


def test_extended_names(client: Client, workshop: Workshop) -> None:
    """GUID and SID before the names of objects and of members."""
    people = workshop.users(1)
    group = workshop.group("Named", member=people)
    guid = uuid.UUID(bytes_le=client.read(group, "objectGUID")["objectGUID"][0])
    answer = client.search(group, "(objectClass=*)", "member", scope="BASE", controls=[(EXTENDED_DN, True, AS_TEXT)])
    assert answer.entries[0]["raw_dn"].startswith(f"<GUID={guid}>;<SID=S-1-5-21-".encode())
    assert answer.entries[0]["raw_dn"].endswith(f">;{group}".encode())
    (member,) = answer.entries[0]["raw_attributes"]["member"]
    assert member.startswith(b"<GUID=")
    assert member.endswith(f">;{people[0]}".encode())


@pytest.mark.windows_only("range-behind-the-end")
def test_a_range_behind_the_last_member(client: Client, workshop: Workshop) -> None:
    """operationsError; Samba shows nothing."""
    group = workshop.group("Small", member=workshop.users(1))
    client.refused(client.search(group, "(objectClass=*)", "member;range=1-*", scope="BASE"), 1, "00002121")


def _tool(directory: DirectoryUnderTest, folder: Path, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of OpenLDAP as administrator, StartTLS required (-ZZ)."""
    needed(shutil.which(tool) is not None, tool)
    write_private(folder / "password", directory.administrator_password.encode())
    address = f"ldap://127.0.0.1:{directory.plain_port}"
    account = ("-D", directory.administrator_dn, "-y", str(folder / "password"))
    return subprocess.run(
        [tool, "-x", "-ZZ", "-H", address, *account, *arguments],
        env={**os.environ, "LDAPTLS_CACERT": directory.ca_file or "", "LDAPTLS_REQCERT": "demand"},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def test_a_stranger_reads_pages(directory_under_test: DirectoryUnderTest, workshop: Workshop, tmp_path: Path) -> None:
    """ldapsearch with StartTLS and the paged control, critical."""
    workshop.users(7)
    asked = ("-LLL", "-o", "ldif-wrap=no", "-E", "!pr=3/noprompt", "-b", workshop.ou, "(objectClass=contact)", "cn")
    done = _tool(directory_under_test, tmp_path, "ldapsearch", *asked)
    assert done.returncode == 0, done.stderr
    assert {entry.text("cn") for entry in parse_ldif(done.stdout)} == {f"member {number}" for number in range(7)}


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        pytest.param("ldapwhoami", (), 0, marks=pytest.mark.windows_only("who-am-i")),
        ("ldapsearch", ("-b", "CN=nothing,{base}", "-s", "base"), 32),
        ("ldapcompare", ("{base}", "objectClass:domainDNS"), 6),
        ("ldapcompare", ("{base}", "objectClass:group"), 5),
    ],
)
def test_strangers_tools_end_with_the_result(
    directory_under_test: DirectoryUnderTest, tmp_path: Path, tool: str, arguments: tuple[str, ...], code: int
) -> None:
    """OpenLDAP's tools exit with LDAP's result code."""
    told = [argument.format(base=directory_under_test.base_dn) for argument in arguments]
    done = _tool(directory_under_test, tmp_path, tool, *told)
    assert done.returncode == code, done.stderr


@pytest.mark.windows_only("refused-controls")
def test_a_refused_control_ends_a_strangers_search(directory_under_test: DirectoryUnderTest, tmp_path: Path) -> None:
    """The refusal is an answer to the search, so ldapsearch knows that it is over."""
    asked = ("-E", "!1.3.6.1.4.1.99999.1", "-b", directory_under_test.base_dn, "-s", "base")
    done = _tool(directory_under_test, tmp_path, "ldapsearch", *asked)
    assert done.returncode == 12, done.stderr
