"""The pre-flight's readers against a real Active Directory: real schema, an ordinary account, hidden containers."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.errors import NoAccess
from runbook_lib.exchange.detect import detect
from runbook_lib.exchange.recipients import EXCHANGE_GROUP_ATTRIBUTES, names_in_schema, read_address_holders
from runbook_lib.exchange.versions import load_versions
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.assess import assess
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import EXCHANGE, GROUP_SCHEMA, GROUPS, MAIL_FLOW, WRITTEN_GROUPS
from runbook_lib.preflight.reach import Reach
from runbook_lib.preflight.read import read_evidence
from runbook_lib.preflight.verdict import Verdict
from tests.samba.content import PEOPLE
from tests.samba.lab import TREE, SambaLab
from tests.unit.preflight.builders import EXCHANGE_AND_MAIL

LOOK_FOR = ("msExchAcceptedDomain", "msExchRoutingSMTPConnector", "routingList", "gatewayProxy", "mail", "noSuchName")


def evidence_of(directory: Directory) -> Evidence:
    def no_graph() -> NoReturn:
        raise NoAccess(t("No tenant here."), code="no-tenant")

    parameters = Parameters.model_validate({"groups_domain": "groups.contoso.com", "dns_servers": ["127.0.0.1:9"]})
    reach = Reach(directory=lambda: directory, graph=no_graph)
    return read_evidence(parameters, reach, clock=lambda: datetime.now(UTC))


def samba_tool(*arguments: str) -> str:
    done = subprocess.run(
        ["samba-tool", *arguments, f"-H{TREE}/private/sam.ldb"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-1000:]
    return done.stdout


@pytest.fixture
def blind(samba: SambaLab, open_lab: Callable[..., Directory], tmp_path: Path) -> Iterator[Callable[[str], Directory]]:
    """``blind(dn)``: a connection of a new ordinary account that may not list what stands below ``dn``."""
    name = f"blind{secrets.token_hex(3)}"
    password = f"Aa1-{secrets.token_urlsafe(18)}"
    samba_tool("user", "create", name, password)
    sid = next(
        line.split()[1]
        for line in samba_tool("user", "show", name, "--attributes=objectSid").splitlines()
        if line.startswith("objectSid")
    )
    file = tmp_path / "password.txt"
    file.write_text(f"{password}\n", encoding="utf-8")
    file.chmod(0o600)
    domain = samba.writer.partition("@")[2]
    opened: list[Directory] = []

    def connect(dn: str) -> Directory:
        if dn:
            samba_tool("dsacl", "set", f"--objectdn={dn}", f"--sddl=(D;CI;LCLORPRC;;;{sid})")
        opened.append(open_lab(bind_user=f"{name}@{domain}", bind_password_file=str(file)))
        return opened[-1]

    try:
        yield connect
    finally:
        for one in opened:
            one.close()
        samba_tool("user", "delete", name)


def test_names_are_found_in_the_real_schema(directory: Directory) -> None:
    found = names_in_schema(directory, LOOK_FOR)
    assert {"msExchRoutingSMTPConnector", "routingList", "gatewayProxy", "mail"} <= found
    assert "noSuchName" not in found


def test_an_ordinary_account_reads_every_part_of_the_directory(blind: Callable[[str], Directory]) -> None:
    found = evidence_of(blind(""))
    for part in (EXCHANGE, GROUP_SCHEMA, MAIL_FLOW, WRITTEN_GROUPS):
        assert found.unreadable(part) is None
    assert found[GROUP_SCHEMA] == {row.attribute for row in EXCHANGE_GROUP_ATTRIBUTES}
    assert detect(found[EXCHANGE], load_versions()).state == "organization-without-servers"
    assert found[MAIL_FLOW].organization
    assert found.unreadable(GROUPS) is not None
    judged = assess(found, EXCHANGE_AND_MAIL)
    assert judged.verdict(Route.CLOUD_SYNC) is Verdict.READY
    assert "mail-hybrid-missing" in {finding.id for finding in judged.findings}


def test_addresses_are_found_whatever_their_case(directory: Directory, samba: SambaLab) -> None:
    domain = samba.writer.partition("@")[2]
    wanted = [f"{account.upper()}@{domain}" for _, account in PEOPLE]
    found = read_address_holders(directory, [*wanted, f"nobody@{domain}"])
    assert sorted(address for holder in found for address in holder.addresses) == sorted(a.lower() for a in wanted)


@pytest.mark.parametrize("container", ["CN=Services", "CN=Microsoft Exchange,CN=Services"])
def test_what_the_configuration_hides_is_unknown_and_never_absent(
    samba: SambaLab, blind: Callable[[str], Directory], container: str
) -> None:
    found = evidence_of(blind(f"{container},{samba.configuration_nc}"))
    assert detect(found[EXCHANGE], load_versions()).state == "unreadable"
    judged = assess(found, EXCHANGE_AND_MAIL)
    assert judged.verdict(Route.CONNECT_SYNC) is Verdict.UNKNOWN
    assert "exchange-none" not in {finding.id for finding in judged.findings}
