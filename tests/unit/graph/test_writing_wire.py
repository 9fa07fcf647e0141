"""A write over real sockets: whether a first byte of it left decides whether it may be sent again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import NoAccess, ServiceFailed, WriteUnanswered
from runbook_lib.graph.retry import RetryPolicy
from runbook_lib.graph.sender import Sender
from runbook_lib.graph.session import CloudSession, HttpsSocket
from runbook_lib.graph.writing import GraphWrite, GraphWriter
from tests.unit.graph.certificates import ServerFiles, server_files
from tests.unit.graph.fake_cloud import Clock, FixedTokens
from tests.unit.graph.hostile_server import CLOSING, HEAD, Speech, drip, hostile_server
from tests.unit.graph.https_server import closed_port, https_server, proxy_with_sign_in, refusing_proxy

TRIES = 3
"""How often a host is tried that never answered."""


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def files(tmp_path: Path) -> ServerFiles:
    return server_files(tmp_path)


@contextmanager
def writer_to(port: int, files: ServerFiles, timeout: float = 5.0) -> Iterator[GraphWriter]:
    clock = Clock()
    with CloudSession(ca_file=files.ca, timeout=timeout) as session:
        sender = Sender(session, clock=clock, sleep=clock.sleep, policy=RetryPolicy(first_attempts=TRIES))
        yield GraphWriter(f"https://localhost:{port}", FixedTokens(), sender)


def write(port: int, files: ServerFiles, timeout: float = 5.0) -> None:
    with writer_to(port, files, timeout) as writer:
        writer.write(GraphWrite("POST", "/x", {"n": 1}))


HANGS_UP: Speech = lambda: iter(())  # noqa: E731
HALF: Speech = lambda: iter((HEAD + b"Content-Length: 100\r\n\r\n" + b'{"id": ',))  # noqa: E731
NO_HEAD: Speech = lambda: iter((b"HTTP/1.1 204 No Con",))  # noqa: E731


@pytest.mark.parametrize("speech", [HANGS_UP, HALF, NO_HEAD])
def test_a_connection_that_breaks_off_after_the_request(files: ServerFiles, speech: Speech) -> None:
    with hostile_server(files.server, speech) as (port, asked):
        with pytest.raises(WriteUnanswered) as caught:
            write(port, files)
        assert len(asked) == 1
    assert caught.value.code in ("cloud-connection-lost", "cloud-garbled")
    assert caught.value.__context__ is None


@pytest.mark.parametrize("speech", [HANGS_UP, HALF, NO_HEAD])
def test_the_same_by_way_of_a_proxy(files: ServerFiles, speech: Speech, monkeypatch: pytest.MonkeyPatch) -> None:
    """urllib3 words it like a proxy that was never reached; it was sent all the same."""
    with hostile_server(files.server, speech) as (port, asked), proxy_with_sign_in("svc:x") as (proxy, _):
        monkeypatch.setenv("HTTPS_PROXY", f"http://svc:x@127.0.0.1:{proxy}")
        with pytest.raises(WriteUnanswered):
            write(port, files)
        assert len(asked) == 1


def test_an_answer_that_does_not_come_in_time(files: ServerFiles) -> None:
    answer = drip(b"HTTP/1.1 204 No Content\r\n" + CLOSING + b"\r\n", 0.2)
    with hostile_server(files.server, answer) as (port, asked):
        with pytest.raises(WriteUnanswered) as caught:
            write(port, files, timeout=0.5)
        assert len(asked) == 1
    assert caught.value.code == "cloud-too-slow"


def test_no_connection_is_tried_again_and_nothing_was_written(files: ServerFiles) -> None:
    with pytest.raises(NoAccess) as caught:
        write(closed_port(), files)
    assert (caught.value.code, caught.value.values["attempts"]) == ("cloud-unreachable", TRIES)


def test_no_tls_is_tried_again_and_nothing_was_written(files: ServerFiles) -> None:
    with hostile_server(None, HANGS_UP) as (port, _), pytest.raises((NoAccess, ServiceFailed)) as caught:
        write(port, files, timeout=0.5)
    assert not isinstance(caught.value, WriteUnanswered)
    assert caught.value.values["attempts"] in range(TRIES, RetryPolicy().attempts + 1)


def test_a_proxy_that_lets_nothing_through_is_tried_again(files: ServerFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing_proxy() as (proxy, asked):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy}")
        with pytest.raises(NoAccess) as caught:
            write(closed_port(), files)
    assert (caught.value.code, len(asked)) == ("cloud-unreachable", TRIES)


def test_a_host_that_is_not_trusted_gets_nothing(files: ServerFiles, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with hostile_server(files.server, HANGS_UP) as (port, asked):
        with pytest.raises(NoAccess) as caught:
            write(port, server_files(other))
        assert asked == []
    assert caught.value.code == "cloud-certificate"


def test_after_ctrl_c_the_next_write_does_not_read_the_answer_of_the_last_one(
    files: ServerFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = HttpsSocket.recv_into
    interrupted: list[int] = []

    def recv_into(self: HttpsSocket, *arguments: Any, **named: Any) -> int:
        if not interrupted:
            interrupted.append(1)
            raise KeyboardInterrupt
        return receive(self, *arguments, **named)

    with https_server(files.server) as port, writer_to(port, files) as writer:
        assert writer.write(GraphWrite("POST", "/x", {"n": 0})).body == {"n": 0}  # the connection is open and kept
        monkeypatch.setattr(HttpsSocket, "recv_into", recv_into)
        with pytest.raises(KeyboardInterrupt):
            writer.write(GraphWrite("POST", "/x", {"n": 1}))
        assert writer.write(GraphWrite("POST", "/x", {"n": 2})).body == {"n": 2}
