"""A DNS server that drips or floods: a question has one time for all of it, whatever comes."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.exception
import dns.message
import pytest

from runbook_lib.dns import Resolver, State

Tcp = Callable[[socket.socket], None]


@contextmanager
def hostile(udp: Callable[[bytes], Iterator[bytes]], tcp: Tcp) -> Iterator[int]:
    """Answers each datagram with ``udp``'s and each connection with ``tcp``. Yields the port."""
    stream = socket.create_server(("127.0.0.1", 0))
    port = int(stream.getsockname()[1])
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", port))
    datagrams.settimeout(0.1)
    stopped = threading.Event()

    def answer_datagrams() -> None:
        while not stopped.is_set():
            try:
                question, who = datagrams.recvfrom(4096)
            except TimeoutError:
                continue
            for reply in udp(question):
                if stopped.is_set():
                    return
                datagrams.sendto(reply, who)

    def answer_streams() -> None:
        while True:
            try:
                connection, _ = stream.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                connection.recv(4096)
                tcp(connection)

    threads = [threading.Thread(target=target, daemon=True) for target in (answer_datagrams, answer_streams)]
    for thread in threads:
        thread.start()
    try:
        yield port
    finally:
        stopped.set()
        stream.shutdown(socket.SHUT_RDWR)
        stream.close()
        for thread in threads:
            thread.join(10)
        datagrams.close()


def cut(question: bytes) -> Iterator[bytes]:
    """An answer that sends its reader to TCP."""
    reply = dns.message.make_response(dns.message.from_wire(question))
    reply.flags |= dns.flags.TC
    yield reply.to_wire()


def drip(connection: socket.socket) -> None:
    for byte in b"\xff\xff" + b"\x00" * 200:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def garbage(_: bytes) -> Iterator[bytes]:
    while True:
        yield b"\x00" * 40
        time.sleep(0.001)


@pytest.mark.parametrize("udp", [cut, garbage])
def test_a_question_ends_in_its_time(udp: Callable[[bytes], Iterator[bytes]]) -> None:
    with hostile(udp, drip) as port:
        begun = time.monotonic()
        found = Resolver([("127.0.0.1", port)], timeout=0.5).ask("groups.contoso.com", "MX")
        assert time.monotonic() - begun < 5
    assert found.state is State.FAILED


def test_what_a_server_says_is_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver([("127.0.0.1", 53)], timeout=0.1)
    text = "password=canary eyJhbGciOiJub25lIn0.eyJzdWIiOiJjIn0.c2ln \x1b[2J\nsecond\u202e" + "x" * 999

    def fail(*_: object, **__: object) -> object:
        raise dns.exception.DNSException(text)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(resolver._resolver, "resolve", fail)
    why = resolver.ask("groups.contoso.com", "MX").why
    assert why.startswith("DNSException: [redacted")
    assert not {"\x1b", "\n", "\u202e"} & set(why)
    assert "canary" not in why
    assert "eyJ" not in why
    assert len(why) <= 300
