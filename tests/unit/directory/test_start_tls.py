"""StartTLS: verified as LDAPS is, and nothing but the request for it ever goes in the clear."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.certificates import make_certificates, utc_now
from runbook_lib.directory.sign_in import bind
from runbook_lib.directory.sign_in.bind import VerifiedTls, addresses
from runbook_lib.errors import NoAccess, RunbookError
from runbook_lib.parameters.model import Parameters
from tests.unit.directory.embedded import ADMINISTRATOR, PASSWORD, WRITER, Embedded
from tests.unit.directory.front import START_TLS, Front, start_tls_front


@pytest.fixture
def front(embedded: Embedded) -> Iterator[Front]:
    with start_tls_front(embedded.port) as running:
        yield running


def _refusal(embedded: Embedded, front: Front, *, password: str = PASSWORD, **changed: object) -> RunbookError:
    with pytest.raises(RunbookError) as caught:
        embedded.open(
            password=password, **{"dc_port": front.port, "dc_security": "starttls", "dc_timeout": 2, **changed}
        )
    clear = b"".join(front.clear)
    assert PASSWORD.encode() not in clear
    assert b"svc-gwb" not in clear
    return caught.value


def test_a_connection_by_start_tls(embedded: Embedded, front: Front) -> None:
    for user in ("svc-gwb@contoso.com", WRITER, ADMINISTRATOR):
        with embedded.open(dc_port=front.port, dc_security="starttls", bind_user=user) as directory:
            assert directory.controller.domain_dns_name == "contoso.com"
            assert directory.controller.port == front.port
    assert len(front.clear) == 3
    # One extended request of one part: nothing was sent along with it.
    assert all(START_TLS in sent and len(sent) == sent[1] + 2 for sent in front.clear)


@pytest.mark.parametrize("result", [1, 2, 51, 52, 53])
def test_a_server_that_refuses(embedded: Embedded, front: Front, result: int) -> None:
    front.result = result
    error = _refusal(embedded, front)
    assert (type(error), error.code) == (NoAccess, "start-tls-refused")
    assert f"LDAP result {result}" in error.message
    assert len(front.clear) == 1


def test_a_server_that_hangs_up(embedded: Embedded, front: Front) -> None:
    front.result = None
    assert _refusal(embedded, front).code == "directory-unavailable"


def test_a_server_that_says_yes_and_goes_on_in_the_clear(embedded: Embedded, front: Front) -> None:
    front.keeps_its_word = False
    assert _refusal(embedded, front).code == "dc-tls"
    # What came after the answer is the beginning of TLS: a handshake record.
    assert front.clear[1][0] == 0x16


def test_an_unknown_ca_and_another_host_name(
    embedded: Embedded, front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(make_certificates(utc_now()).ca_pem)
    assert _refusal(embedded, front, dc_ca_file=str(other)).code == "dc-certificate"
    real: Callable[..., Any] = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **n: real("127.0.0.1" if host == "dc9.contoso.com" else host, *a, **n)
    )
    error = _refusal(embedded, front, dc_host="dc9.contoso.com")
    assert error.code == "dc-certificate"
    assert "dc9.contoso.com" in error.message


def test_reasons_of_a_refused_bind_are_told_apart(embedded: Embedded, front: Front) -> None:
    assert _refusal(embedded, front, password="wrong").values["reason"] == "wrong-password"
    embedded.store.modify(WRITER, {"userAccountControl": "514"})
    assert _refusal(embedded, front).values["reason"] == "account-disabled"


def test_each_kind_of_port_asked_in_the_others_way(embedded: Embedded, front: Front) -> None:
    error = _refusal(embedded, front, dc_port=embedded.port)
    assert (error.code in ("dc-unreachable", "directory-unavailable"), front.clear) == (True, [])
    front.keeps_its_word = False
    error = _refusal(embedded, front, dc_security="ldaps")
    assert (error.code, 'set it to "starttls"' in error.hint) == ("dc-tls", True)


def test_without_tls_there_is_no_bind(embedded: Embedded, front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should ldap3 or our own code ever leave the socket as it is, nothing goes over it."""
    front.keeps_its_word = False
    monkeypatch.setattr(VerifiedTls, "wrap_socket", lambda *_a, **_n: None)
    for security in ("starttls", "ldaps"):
        with pytest.raises(RuntimeError):
            embedded.open(dc_port=front.port, dc_security=security)
    assert PASSWORD.encode() not in b"".join(front.clear)


@pytest.mark.parametrize(("told", "port"), [({}, 636), ({"dc_security": "starttls"}, 389), ({"dc_port": 7}, 7)])
def test_the_port_follows_the_kind_of_tls(told: dict[str, object], port: int) -> None:
    named = Parameters.model_validate({"dc_host": "dc1", "dc_host_fallback": "dc2", **told})
    assert [(a.host, a.port) for a in addresses(named)] == [("dc1", port), ("dc2", port)]
    assert str(bind.ControllerAddress("::1", 636, "ldaps")) == "[::1]:636"
