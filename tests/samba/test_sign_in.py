"""StartTLS and Kerberos against a real Active Directory: what works, and what every failure is called."""

from __future__ import annotations

import importlib
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import equals
from runbook_lib.errors import NoAccess, RunbookError, UsageError
from runbook_lib.model.directory import AttributeDelta
from tests.samba.content import WRITER
from tests.samba.lab import DOMAIN, TREE, SambaLab

OpenLab = Callable[..., Directory]
REALM = DOMAIN.upper()


@pytest.fixture
def by_kerberos(samba: SambaLab, open_lab: OpenLab) -> OpenLab:
    """Open the lab by Kerberos; the writer's keytab unless told otherwise."""

    def opened(**told: Any) -> Directory:
        given = {"bind_method": "kerberos", "bind_user": "", "bind_password_file": ""}
        return open_lab(**{**given, "kerberos_keytab": samba.writer_keytab, **told})

    return opened


def refusal(open_it: OpenLab, **told: Any) -> RunbookError:
    with pytest.raises(RunbookError) as caught:
        open_it(**told)
    return caught.value


def is_writer(directory: Directory, samba: SambaLab) -> bool:
    """Whether the controller counts this connection as the writing account, by its token."""
    (account,) = samba.tools.search(samba.base_dn, f"(sAMAccountName={WRITER})", "objectSid")
    root = directory.read_dn("", ("tokenGroups",))
    return root is not None and account.attributes["objectSid"][0] in root.attributes["tokengroups"]


def test_start_tls(open_lab: OpenLab, samba: SambaLab) -> None:
    with open_lab(dc_security="starttls", dc_port=0) as directory:
        assert directory.controller.port == 389
        assert len(list(directory.search(samba.staff_ou, equals("objectClass", "user"), ["cn"]))) == 5


def test_start_tls_with_an_unknown_ca(open_lab: OpenLab) -> None:
    assert refusal(open_lab, dc_security="starttls", dc_port=0, dc_ca_file="").code == "dc-certificate"


def test_start_tls_with_a_wrong_password(open_lab: OpenLab, samba: SambaLab) -> None:
    wrong = samba.administrator_password_file
    error = refusal(open_lab, dc_security="starttls", dc_port=0, bind_password_file=wrong)
    assert (error.code, error.values["reason"]) == ("bind-refused", "wrong-password")


@pytest.mark.parametrize("security", ["ldaps", "starttls"])
@pytest.mark.parametrize("user", ["", f"{WRITER}@{REALM}", f"{WRITER}@{DOMAIN}"])
def test_a_keytab(by_kerberos: OpenLab, samba: SambaLab, security: str, user: str) -> None:
    with by_kerberos(dc_security=security, dc_port=0, bind_user=user) as directory:
        assert is_writer(directory, samba)


def test_what_kerberos_signed_in_can_write(by_kerberos: OpenLab, samba: SambaLab) -> None:
    with by_kerberos() as directory:
        values = {"objectClass": ["group"], "sAMAccountName": ["krb-test"], "groupType": ["8"]}
        guid = directory.add(f"CN=krb-test,{samba.target_ou}", values)
        try:
            directory.modify(guid, [AttributeDelta("description", (), ("by Kerberos",))])
            entry = directory.read(guid, ["description"])
            assert entry is not None
            assert entry.text("description") == "by Kerberos"
        finally:
            samba.tools.modify(f"dn: CN=krb-test,{samba.target_ou}\nchangetype: delete\n")


def test_a_lost_connection_is_opened_again(by_kerberos: OpenLab) -> None:
    with by_kerberos() as directory:
        directory._line._connection.socket.close()
        assert directory.read_dn("", ("dsServiceName",)) is not None
        assert directory.renewed == 1


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ticket cache."""
    path = tmp_path / "tickets"
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{path}")
    return path


def kinit(samba: SambaLab, *more: str) -> None:
    subprocess.run(["kinit", "-k", "-t", samba.writer_keytab, *more, f"{WRITER}@{REALM}"], check=True)


def test_a_ticket_of_the_cache(by_kerberos: OpenLab, samba: SambaLab, cache: Path) -> None:
    kinit(samba)
    with by_kerberos(kerberos_keytab="") as directory:
        assert is_writer(directory, samba)
    error = refusal(by_kerberos, kerberos_keytab="", bind_user=f"administrator@{REALM}")
    assert error.values["reason"] == "no-ticket"


def test_a_keytab_of_the_environment(
    by_kerberos: OpenLab, samba: SambaLab, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", f"FILE:{samba.writer_keytab}")
    with by_kerberos(kerberos_keytab="") as directory:
        assert is_writer(directory, samba)


def test_no_ticket_and_an_expired_one(by_kerberos: OpenLab, samba: SambaLab, cache: Path) -> None:
    error = refusal(by_kerberos, kerberos_keytab="")
    assert (type(error), error.code, error.values["reason"]) == (NoAccess, "bind-refused", "no-ticket")
    assert "kinit" in error.hint
    kinit(samba, "-l", "1s")
    subprocess.run(["sleep", "2"], check=True)
    assert refusal(by_kerberos, kerberos_keytab="").values["reason"] == "ticket-expired"


def test_an_address_is_no_service(by_kerberos: OpenLab) -> None:
    error = refusal(by_kerberos, dc_host="127.0.0.1")
    assert error.values["reason"] == "service-unknown"
    assert "ldap@127.0.0.1" in error.message
    assert "full DNS name" in error.hint


def test_accounts_keytabs_and_realms_that_do_not_fit(by_kerberos: OpenLab, samba: SambaLab, tmp_path: Path) -> None:
    assert refusal(by_kerberos, bind_user=f"nobody@{REALM}").values["reason"] in ("keytab", "no-ticket")
    assert refusal(by_kerberos, bind_user=f"{WRITER}@NOWHERE.EXAMPLE").values["reason"] in (
        "keytab",
        "kdc-unreachable",
        "no-ticket",
    )
    rubbish = tmp_path / "rubbish.keytab"
    rubbish.write_bytes(b"no keytab")
    rubbish.chmod(0o600)
    assert refusal(by_kerberos, kerberos_keytab=str(rubbish)).code == "secret-malformed"
    rubbish.write_bytes(b"\x05\x02 begins as one and holds no key")
    assert refusal(by_kerberos, kerberos_keytab=str(rubbish)).code == "bind-refused"
    rubbish.chmod(0o644)
    open_file = refusal(by_kerberos, kerberos_keytab=str(rubbish))
    assert (type(open_file), open_file.code) == (UsageError, "secret-file-open")
    assert refusal(by_kerberos, kerberos_keytab=str(tmp_path / "none")).code == "secret-file-unreadable"


@pytest.fixture
def other(samba: SambaLab, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """DN and keytab of an account of its own."""
    database = f"-H{TREE}/private/sam.ldb"
    password = f"Aa1-{secrets.token_urlsafe(18)}"
    subprocess.run(["samba-tool", "user", "create", "krb-person", password, database], check=True)
    yield f"CN=krb-person,CN=Users,{samba.base_dn}", samba.keytab("krb-person", tmp_path / "person.keytab")
    subprocess.run(["samba-tool", "user", "delete", "krb-person", database], check=True)


def _set(samba: SambaLab, dn: str, **values: str) -> None:
    changes = "".join(f"replace: {name}\n{name}: {value}\n-\n" for name, value in values.items())
    samba.tools.modify(f"dn: {dn}\nchangetype: modify\n{changes}")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"userAccountControl": "514"}, "account-revoked"),
        ({"userAccountControl": "512", "pwdLastSet": "0"}, "password-expired"),
    ],
)
def test_a_disabled_account_and_a_password_that_must_change(
    by_kerberos: OpenLab, samba: SambaLab, other: tuple[str, Path], values: dict[str, str], reason: str
) -> None:
    dn, keytab = other
    _set(samba, dn, **values)
    assert refusal(by_kerberos, kerberos_keytab=str(keytab)).values["reason"] == reason


def test_without_the_extra(by_kerberos: OpenLab, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    error = refusal(by_kerberos)
    assert (type(error), error.code) == (UsageError, "kerberos-missing")
    assert 'pip install -e ".[kerberos]"' in error.hint
