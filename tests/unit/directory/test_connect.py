"""Opening the connection: every way to fail has its own words, and the password stays out of all of them."""

from __future__ import annotations

import gc
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from rehearsal.certificates import make_certificates, utc_now
from runbook_lib.directory.sign_in.bind import client_context
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.errors import NoAccess, RunbookError, UsageError, WriteUnanswered
from runbook_lib.model.directory import AttributeDelta
from tests.unit.directory.embedded import ADMINISTRATOR, PASSWORD, WRITER, Embedded, clock


@contextmanager
def _listener(answer: bytes | None) -> Iterator[int]:
    """A server that speaks no TLS: it sends ``answer``, or nothing at all, to whoever connects."""
    stop = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                if answer is not None:
                    connection.sendall(answer)
                stop.wait(10)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            stop.set()
            thread.join(10)


def _refusal(embedded: Embedded, *, password: str = PASSWORD, **changed: object) -> RunbookError:
    with pytest.raises(RunbookError) as caught:
        embedded.open(password=password, **changed)
    assert PASSWORD not in str(caught.value)
    assert "\n" not in caught.value.message
    return caught.value


def test_a_bind_by_upn_or_dn_and_no_password_left_behind(embedded: Embedded) -> None:
    for user in ("svc-gwb@contoso.com", WRITER, ADMINISTRATOR):
        with embedded.open(bind_user=user) as directory:
            held = vars(directory._line._connection)
            assert PASSWORD not in repr({name: repr(value) for name, value in held.items()})
            assert PASSWORD.encode() not in repr(held).encode()
            assert held["password"] is None
            assert directory.opened == clock()


def test_the_password_comes_from_a_file_before_the_environment(embedded: Embedded, tmp_path: Path) -> None:
    file = tmp_path / "bind-password.txt"
    file.write_text(PASSWORD + "\n", encoding="utf-8")
    file.chmod(0o600)
    parameters = embedded.parameters(bind_password_file=str(file))
    open_directory(parameters, environment={"GWB_BIND_PASSWORD": "wrong"}, clock=clock).close()


def test_no_password_anywhere(embedded: Embedded) -> None:
    with pytest.raises(NoAccess) as caught:
        open_directory(embedded.parameters(), environment={}, clock=clock)
    assert caught.value.code == "secret-missing"


def test_passwords_are_sent_as_they_are(embedded: Embedded) -> None:
    """SASLprep would turn the ligature into two letters and refuse the soft hyphen's neighbour."""
    odd = "ﬁ\u00adª ²"
    embedded.store.set_password(WRITER, odd)
    embedded.open(password=odd).close()


def test_marks_and_line_ends_around_a_password_are_not_sent(embedded: Embedded, tmp_path: Path) -> None:
    embedded.open(password=f"\ufeff{PASSWORD}\r\n").close()
    file = tmp_path / "password"
    for data in (b"\xef\xbb\xbf" + PASSWORD.encode() + b"\r\n", PASSWORD.encode("utf-16")):
        file.write_bytes(data)
        file.chmod(0o600)
        embedded.open(password="wrong", bind_password_file=str(file)).close()


def test_what_cannot_be_a_password_is_never_sent(embedded: Embedded, tmp_path: Path) -> None:
    """Each refused bind counts towards a lock-out."""
    connections = embedded.server.service.traffic.connections
    for password in (f"{PASSWORD}\x00", f"\u200b{PASSWORD}", f"{PASSWORD}\u00a0", f"{PASSWORD}\nx"):
        assert _refusal(embedded, password=password).code == "secret-malformed"
        file = tmp_path / "password"
        file.write_text(password, encoding="utf-8")
        file.chmod(0o600)
        assert _refusal(embedded, bind_password_file=str(file)).code == "secret-malformed"
    assert embedded.server.service.traffic.connections == connections


def test_what_nobody_sees_in_a_refused_password_is_told(embedded: Embedded) -> None:
    assert "begins or ends with a space" in _refusal(embedded, password=f"{PASSWORD} ").hint
    assert "U+200B ZERO WIDTH SPACE" in _refusal(embedded, password="pass\u200bword").hint
    assert "U+00A0 NO-BREAK SPACE" in _refusal(embedded, password="pass\u00a0word").hint
    assert "was sent" not in _refusal(embedded, password="wrong pass").hint


def test_a_wrong_password_and_a_disabled_account(embedded: Embedded) -> None:
    error = _refusal(embedded, password="wrong")
    assert (error.code, error.values["reason"]) == ("bind-refused", "wrong-password")
    embedded.store.modify(WRITER, {"userAccountControl": "514"})
    assert _refusal(embedded).values["reason"] == "account-disabled"


def test_an_unknown_ca(embedded: Embedded, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(make_certificates(utc_now()).ca_pem)
    for ca_file in (str(other), ""):
        error = _refusal(embedded, dc_ca_file=ca_file)
        assert isinstance(error, NoAccess)
        assert error.code == "dc-certificate"
        assert "issuer" in error.message or "self-signed" in error.message or "verify" in error.message


def test_another_host_name_than_the_certificates(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = socket.getaddrinfo

    def lookup(host: str, *arguments: Any, **named: Any) -> Any:
        return real("127.0.0.1" if host == "dc9.contoso.com" else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    error = _refusal(embedded, dc_host="dc9.contoso.com")
    assert error.code == "dc-certificate"
    assert "dc9.contoso.com" in error.message


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_file_that_is_none(embedded: Embedded, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content, encoding="ascii")
    error = _refusal(embedded, dc_ca_file=str(file))
    assert isinstance(error, UsageError)
    assert error.code == "ca-file-unreadable"


@pytest.mark.skipif(os.name != "posix", reason="pipes with names")
def test_a_ca_file_that_is_a_pipe_or_a_device_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(UsageError, match="not a regular file") as caught:
            client_context(str(path))
        assert caught.value.code == "ca-file-unreadable"


def test_nobody_listens(embedded: Embedded) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        port = unused.getsockname()[1]
    error = _refusal(embedded, dc_host="127.0.0.1", dc_port=port)
    assert (type(error), error.code) == (NoAccess, "dc-unreachable")


def test_every_address_of_a_host_is_tried(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answers nobody; its socket is closed, or the warning of the leak fails this test."""
    real: Callable[..., Any] = socket.getaddrinfo

    def lookup(host: str, *arguments: Any, **named: Any) -> Any:
        found = real("127.0.0.1", *arguments, **named)
        return [(*found[0][:4], ("127.0.0.99", embedded.port)), *found] if host == "localhost" else found

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    embedded.open().close()
    gc.collect()


def test_a_name_that_nobody_knows(embedded: Embedded) -> None:
    assert _refusal(embedded, dc_host="no-such-host.invalid").code == "dc-unreachable"


def test_a_port_that_speaks_no_tls(embedded: Embedded) -> None:
    with _listener(b"220 mail.contoso.com ESMTP\r\n") as port:
        assert _refusal(embedded, dc_host="127.0.0.1", dc_port=port).code == "dc-tls"


def test_a_port_that_never_answers(embedded: Embedded) -> None:
    with _listener(None) as port:
        assert _refusal(embedded, dc_host="127.0.0.1", dc_port=port, dc_timeout=1).code == "dc-unreachable"


@pytest.mark.parametrize("name", ["dc_host", "bind_user"])
def test_parameters_that_are_missing(embedded: Embedded, name: str) -> None:
    error = _refusal(embedded, **{name: ""})
    assert (error.code, error.values["parameter"]) == ("parameter-missing", name)


def test_a_write_without_an_answer_is_unknown_and_its_connection_is_used_no_more(embedded: Embedded) -> None:
    guid = embedded.add_group("g")
    holds = embedded.server.holds
    holds.reset()
    holds.hold(1, "after")
    with embedded.open(dc_timeout=1) as directory:
        for _ in range(2):
            with pytest.raises(WriteUnanswered):
                directory.modify(guid, [AttributeDelta("description", (), ("x",))])
        # The late answer would come over the old connection; a read opens a new one.
        entry = directory.read(guid, ("description",))
        assert entry is not None
        assert (entry.text("description"), directory.renewed) == ("x", 1)
    holds.release()
