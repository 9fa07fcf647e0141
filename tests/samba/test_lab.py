"""The lab is what the other tests take it for, seen with OpenLDAP's tools."""

from __future__ import annotations

import dataclasses
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.samba.ldap_tools import LdapTools, parse_ldif
from rehearsal.samba.schema import EXCHANGE_SCHEMA_VERSION
from runbook_lib.parameters.load import load_parameters
from tests.samba.lab import SCHEMA_NC, SambaLab


def test_ldif_is_parsed() -> None:
    text = "dn:: Q049w6k=\ncn:: w6k=\nmember: CN=a\nmember: CN=b: c\n\n# a comment\nsearch: 2\n\ndn: CN=x\n"
    first, second = parse_ldif(text)
    assert (first.dn, first.text("CN"), first.texts("member")) == ("CN=é", "é", ("CN=a", "CN=b: c"))
    assert (second.dn, second.text("cn"), second.attributes) == ("CN=x", None, {})


def test_schema_carries_exchange(samba: SambaLab) -> None:
    (version,) = samba.tools.search(f"CN=ms-Exch-Schema-Version-Pt,{SCHEMA_NC}", "(objectClass=*)", scope="base")
    assert version.text("rangeUpper") == str(EXCHANGE_SCHEMA_VERSION)
    (group,) = samba.tools.search(f"CN=Group,{SCHEMA_NC}", "(objectClass=*)", "mayContain", scope="base")
    assert {"mailNickname", "msExchRecipientTypeDetails", "msDS-ExternalDirectoryObjectId"} <= set(
        group.texts("mayContain")
    )


def test_exchange_organization_exists(samba: SambaLab) -> None:
    below = f"CN=Microsoft Exchange,CN=Services,{samba.configuration_nc}"
    (found,) = samba.tools.search(below, "(objectClass=msExchOrganizationContainer)", "cn", "objectVersion")
    assert (found.text("cn"), found.text("objectVersion")) == ("Contoso", "16763")


def test_another_ca_is_not_trusted(samba: SambaLab) -> None:
    public = Path(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")
    tools = dataclasses.replace(samba.tools, ca_file=public)
    with pytest.raises(RuntimeError, match="Can't contact LDAP server"):
        tools.search(samba.base_dn, "(objectClass=domain)", scope="base")


def test_simple_bind_without_tls_is_refused(samba: SambaLab) -> None:
    asked = ["ldapsearch", "-x", "-H", "ldap://127.0.0.1", "-D", samba.administrator, "-b", samba.base_dn]
    done = subprocess.run(
        [*asked, "-y", samba.administrator_password_file], capture_output=True, text=True, check=False
    )
    assert "Strong(er) authentication required" in done.stderr


def group_ldif(name: str, parent: str) -> str:
    return f"dn: CN={name},{parent}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\ngroupType: 8\n"


def test_writing_account_may_write_groups_only_in_its_ous(samba: SambaLab) -> None:
    tools: LdapTools = samba.writer_tools
    for parent in (samba.target_ou, samba.retired_ou):
        tools.modify(group_ldif("rights-test", parent))
        tools.modify(f"dn: CN=rights-test,{parent}\nchangetype: delete\n")
    for parent in (samba.groups_ou, samba.staff_ou, f"CN=Users,{samba.base_dn}"):
        with pytest.raises(RuntimeError, match="Insufficient access"):
            tools.modify(group_ldif("rights-test", parent))
    with pytest.raises(RuntimeError, match="Insufficient access"):
        tools.modify(f"dn: CN=computer,{samba.target_ou}\nchangetype: add\nobjectClass: computer\n")


def test_parameters_file_is_accepted(samba: SambaLab, write_parameters: Callable[..., Path]) -> None:
    path = write_parameters(change_id="CHG0000001", select_names=['A "quoted" name'])
    loaded = load_parameters([path], {}, project_root=path.parent).parameters
    assert (loaded.dc_host, loaded.target_ou) == (samba.host, samba.target_ou)
    assert loaded.select_names == ['A "quoted" name']
