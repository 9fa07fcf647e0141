"""Clients that nobody here wrote: OpenLDAP's tools, python-ldap, and ldap3 as such tools use it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import ldap3
import pytest

from rehearsal.certificates import write_private
from rehearsal.samba.ldap_tools import LdapTools
from rehearsal.samba.schema import rows, schema_ldif
from runbook_lib.directory.sign_in.bind import VerifiedTls, client_context
from tests.contract.conftest import embedded_directory
from tests.contract.directory_client import DirectoryUnderTest, Workshop
from tests.contract.strangers import needed
from tools.lane_list import SYSTEM_PYTHON, has_python_ldap

STRANGER = Path(__file__).with_name("stranger.py")


@pytest.fixture
def tools(directory_under_test: DirectoryUnderTest, tmp_path: Path) -> LdapTools:
    """ldapsearch and ldapmodify as administrator."""
    needed(bool(shutil.which("ldapsearch") and shutil.which("ldapmodify")), "ldap-utils")
    directory = directory_under_test
    write_private(tmp_path / "password", directory.administrator_password.encode())
    ca_file = Path(directory.ca_file or "")
    return LdapTools(directory.port, ca_file, directory.administrator, tmp_path / "password")


def test_ldapmodify_and_ldapsearch(tools: LdapTools, workshop: Workshop) -> None:
    """A group's life in LDIF: added, changed, renamed, deleted; read by name, by page, by everything."""
    dn = workshop.dn("LDIF")
    tools.modify(
        f"dn: {dn}\nchangetype: add\nobjectClass: group\nsAMAccountName: {workshop.name('ldif')}\ngroupType: 8\n\n"
        f"dn: {dn}\nchangetype: modify\nreplace: description\ndescription:: w5xicnVuZw==\n-\nadd: info\ninfo: x\n\n"
        f"dn: {dn}\nchangetype: modrdn\nnewrdn: CN=LDIF 2\ndeleteoldrdn: 1\n"
    )
    (found,) = tools.search(workshop.ou, "(description=\u00dcbrung)", "*")
    assert (found.text("cn"), found.text("info"), found.text("sAMAccountType")) == ("LDIF 2", "x", "268435457")
    assert tools.search(workshop.ou, "(objectClass=group)", "1.1", scope="one")[0].attributes == {}
    tools.modify(f"dn: {found.dn}\nchangetype: delete\n")
    assert tools.search(workshop.ou, "(objectClass=group)") == ()


@pytest.mark.parametrize(
    ("ldif", "code"),
    [
        ("changetype: modify\nadd: noSuchAttribute\nnoSuchAttribute: 1\n", 16),
        ("changetype: modify\nreplace: objectSid\nobjectSid:: AQ==\n", 53),
        ("changetype: modify\nadd: member\nmember: CN=nobody,DC=contoso,DC=com\n", 32),
    ],
)
def test_ldapmodify_is_refused_in_ldap_words(tools: LdapTools, workshop: Workshop, ldif: str, code: int) -> None:
    """The tool's exit code is LDAP's result code."""
    group = workshop.group("Refused")
    with pytest.raises(RuntimeError, match=f"ended with {code}:"):
        tools.modify(f"dn: {group}\n{ldif}")


def test_the_schema_is_extended_as_a_lab_script_does_it(
    tools: LdapTools, workshop: Workshop, directory_under_test: DirectoryUnderTest
) -> None:
    """An attribute and a class are added, taken up with schemaUpdateNow, and used."""
    schema, number = directory_under_test.schema_dn, workshop.number
    oid = f"2.25.99887766.{os.getpid()}.{number}"
    attribute, kind = f"gwbTest{os.getpid()}n{number}", f"gwbClass{os.getpid()}n{number}"
    refresh = "dn:\nchangetype: modify\nadd: schemaUpdateNow\nschemaUpdateNow: 1\n"
    tools.modify(
        f"dn: CN={attribute},{schema}\nchangetype: add\nobjectClass: attributeSchema\nlDAPDisplayName: {attribute}\n"
        f"attributeID: {oid}.1\nattributeSyntax: 2.5.5.12\noMSyntax: 64\nisSingleValued: TRUE\nrangeUpper: 5\n\n"
        f"{refresh}\n"
        f"dn: CN={kind},{schema}\nchangetype: add\nobjectClass: classSchema\nlDAPDisplayName: {kind}\n"
        f"governsID: {oid}.2\nsubClassOf: top\nobjectClassCategory: 1\nrDNAttID: cn\n"
        f"possSuperiors: organizationalUnit\nmayContain: {attribute}\n\n"
        f"dn: CN=Group,{schema}\nchangetype: modify\nadd: mayContain\nmayContain: {attribute}\n\n"
        f"{refresh}"
    )
    client, group = workshop.client, workshop.group("Extended")
    client.must(client.modify(group, {attribute: [("MODIFY_REPLACE", ["short"])]}))
    client.refused(client.modify(group, {attribute: [("MODIFY_REPLACE", ["longer"])]}), {19, 21})
    client.must(client.add(workshop.dn("Thing"), f"top {kind}", {attribute: "x"}))
    assert client.search(workshop.ou, f"({attribute}=x)").names == [workshop.dn("Thing")]
    assert client.search(workshop.ou, f"(objectClass={kind})").names == [workshop.dn("Thing")]
    assert client.add(f"CN=below,{workshop.dn('Thing')}", kind).code in {64, 65}


def test_the_lab_s_own_schema_script(tmp_path: Path) -> None:
    """What the lab sends to Samba is taken here too: classes, attributes, and groups that carry them."""
    needed(bool(shutil.which("ldapsearch") and shutil.which("ldapmodify")), "ldap-utils")
    directories = embedded_directory(tmp_path, exchange=False)
    with contextlib.closing(directories):
        directory = next(directories)
        write_private(tmp_path / "password", directory.administrator_password.encode())
        tools = LdapTools(directory.port, tmp_path / "ca.pem", directory.administrator, tmp_path / "password")
        name = "msExchHideFromAddressLists"
        group = f"CN=Hidden,{directory.staff_ou}"
        add = f"dn: {group}\nchangetype: add\nobjectClass: group\nsAMAccountName: hidden\n{name}: TRUE\n"
        with pytest.raises(RuntimeError, match="ended with 16:"):
            tools.modify(add)
        tools.modify(schema_ldif(directory.schema_dn, windows=()))
        tools.modify(add)
        assert tools.search(directory.staff_ou, f"({name}=TRUE)", name)[0].texts(name) == ("TRUE",)
        for row in (*rows("exchange-attributes.csv"), *rows("exchange-classes.csv")):
            (entry,) = tools.search(f"CN={row['cn']},{directory.schema_dn}", "(cn=*)", "lDAPDisplayName")
            assert entry.text("lDAPDisplayName") == row["lDAPDisplayName"]


@pytest.fixture
def python_ldap(directory_under_test: DirectoryUnderTest) -> Callable[..., dict[str, object]]:
    """``python_ldap(ou=..., name=...)`` runs stranger.py with Debian's python-ldap and returns what it prints."""
    needed(has_python_ldap(), "python3-ldap")
    directory = directory_under_test

    def run(**values: str) -> dict[str, object]:
        told = {
            "url": f"ldaps://127.0.0.1:{directory.port}",
            "ca_file": directory.ca_file,
            "user": directory.administrator,
            "password": directory.administrator_password,
            **values,
        }
        done = subprocess.run(
            [SYSTEM_PYTHON, "-I", str(STRANGER)],
            input=json.dumps(told),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict)
        return answer

    return run


def test_python_ldap(python_ldap: Callable[..., dict[str, object]], workshop: Workshop) -> None:
    """Pages, ranges of results, changes, exceptions by result code, deleted objects, descriptors, the schema."""
    workshop.users(7)
    answer = python_ldap(ou=workshop.ou, base=workshop.client.directory.base_dn, name=workshop.name("stranger"))
    assert answer["pages"] == [3, 3, 1]
    assert answer["members"] == 7
    assert answer["refused"] == ["NO_SUCH_OBJECT", "ALREADY_EXISTS", "NO_SUCH_ATTRIBUTE", "NOT_ALLOWED_ON_NONLEAF"]
    assert answer["descriptor"] == "01"
    assert answer["deleted"] == 1
    assert answer["group_attributes"] is True


def test_ldap3_with_the_schema_at_hand(directory_under_test: DirectoryUnderTest, workshop: Workshop) -> None:
    """It refuses by itself whatever the schema it read does not name, as ldapdomaindump and bloodhound let it."""
    directory = directory_under_test
    tls = VerifiedTls(client_context(directory.ca_file)) if directory.ca_file else None
    server = ldap3.Server(directory.host, directory.port, use_ssl=tls is not None, tls=tls, get_info=ldap3.SCHEMA)
    user, password = directory.administrator, directory.administrator_password
    connection = ldap3.Connection(server, user, password, auto_bind=True, check_names=True, auto_referrals=False)
    with contextlib.ExitStack() as afterwards:
        afterwards.callback(connection.unbind)
        for condition, names in (
            ("(objectClass=trustedDomain)", ["trustDirection", "trustType", "trustAttributes", "flatName"]),
            ("(objectClass=groupPolicyContainer)", ["displayName", "gPCFileSysPath"]),
            ("(objectClass=dnsNode)", ["dnsRecord"]),
            ("(&(objectClass=msDS-GroupManagedServiceAccount)(!(objectClass=computer)))", ["msDS-GroupMSAMembership"]),
            ("(objectClass=msDS-PasswordSettings)", ["msDS-PasswordSettingsPrecedence"]),
            ("(anr=nobody)", ["tokenGroups", "canonicalName"]),
        ):
            connection.search(workshop.ou, condition, attributes=names)
            assert (connection.result["result"], connection.entries) == (0, [])
