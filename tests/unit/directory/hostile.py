"""A controller that accepts the bind and then says whatever a test gives it, at whatever pace."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.certificates import server_context, write_private
from rehearsal.directory import ber
from rehearsal.directory.ber import Reader
from tests.support.certificates import shared_certificates

Speech = Callable[[int], Iterator[bytes]]
"""Pieces of the answer to the request with this message id."""


def message(number: int, kind: int, body: bytes) -> bytes:
    """An LDAP message (RFC 4511, section 4.1.1) of less than 128 bytes, but for its id of up to four."""
    inside = ber.integer(number) + bytes([kind, len(body)]) + body
    assert len(inside) < 128
    return bytes([0x30, len(inside)]) + inside


def number_of(request: bytes) -> int:
    """The message id of a request. ldap3 counts through the whole process: it soon has more than one byte."""
    return Reader(request).reader().integer()


def done(number: int, kind: int, code: int = 0, said: bytes = b"") -> bytes:
    """A message with an LDAP result."""
    return message(number, kind, bytes([0x0A, 1, code, 4, 0, 4, len(said)]) + said)


def entry(number: int, name: bytes = b"CN=x") -> bytes:
    """An entry without attributes."""
    return message(number, 0x64, bytes([4, len(name)]) + name + b"\x30\x00")


@dataclass
class Hostile:
    """Where it listens, and how many requests it was sent after the bind."""

    port: int
    ca_file: Path
    requests: list[int] = field(default_factory=list)


@contextmanager
def hostile_controller(folder: Path, speech: Speech, *, bind: Speech | None = None) -> Iterator[Hostile]:
    """Run it until the block ends; ``bind`` replaces the answer to the bind."""
    certificates = shared_certificates()
    ca_file, server_file = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(certificates.ca_pem)
    write_private(server_file, certificates.server_pem)
    context = server_context(server_file)
    listener = socket.create_server(("127.0.0.1", 0))
    hostile = Hostile(int(listener.getsockname()[1]), ca_file)
    stopped = threading.Event()
    threads: list[threading.Thread] = []

    def serve_one(plain: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
            connection.settimeout(5)
            first = True
            while request := connection.recv(65_536):
                number = number_of(request)
                if not first:
                    hostile.requests.append(number)
                answer = (bind or (lambda n: iter([done(n, 0x61)]))) if first else speech
                first = False
                for piece in answer(number):
                    connection.sendall(piece)
                    if stopped.is_set():
                        return

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve_one, args=(plain,), daemon=True))
            threads[-1].start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield hostile
    finally:
        stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for one in (thread, *threads):
            one.join(6)
