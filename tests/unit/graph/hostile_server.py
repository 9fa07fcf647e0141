"""An HTTPS server that sends whatever bytes a test gives it, at whatever pace."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Speech = Callable[[], Iterator[bytes]]
CLOSING = b"Connection: close\r\n"  # or the next request might still be sent over it
HEAD = b"HTTP/1.1 200 OK\r\n" + CLOSING + b"Content-Type: application/json\r\n"


def drip(data: bytes, pause: float) -> Speech:
    """One byte after the other."""

    def speak() -> Iterator[bytes]:
        for number in range(len(data)):
            yield data[number : number + 1]
            time.sleep(pause)

    return speak


def endless(begin: bytes, again: bytes) -> Speech:
    """The same bytes for ever, as fast as they are taken."""

    def speak() -> Iterator[bytes]:
        yield begin
        while True:
            yield again

    return speak


@contextmanager
def hostile_server(server_pem: Path | None, speech: Speech) -> Iterator[tuple[int, list[int]]]:
    """Answer every request with ``speech`` and hang up. Yields the port and how many requests came.

    Without ``server_pem`` it speaks plainly, as proxies do.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if server_pem is not None:
        context.load_cert_chain(server_pem)

    def received(plain: socket.socket) -> socket.socket:
        return plain if server_pem is None else context.wrap_socket(plain, server_side=True)

    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[int] = []
    stopped = threading.Event()
    threads: list[threading.Thread] = []

    def answer(plain: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError), received(plain) as connection:
            connection.settimeout(5)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(4096)
                if not piece:  # whoever asked has gone without saying what: to wait for it would never end
                    return
                head += piece
            asked.append(len(head))
            for piece in speech():
                connection.sendall(piece)
                if stopped.is_set():
                    break
        plain.close()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=answer, args=(connection,), daemon=True))
            threads[-1].start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], asked
    finally:
        stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for one in threads:
            one.join(60)
        assert not any(one.is_alive() for one in threads), "an answer goes on after its test"
