"""A door in front of the embedded directory: StartTLS as told, connections cut when told, everything written down.

Behind the StartTLS answer the bytes go through to the embedded directory's LDAPS port as they are.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

START_TLS = b"1.3.6.1.4.1.1466.20037"
SUCCESS = 0


@dataclass
class Front:
    """What the door does.

    Attributes:
        port: Where it listens.
        result: LDAP result of the StartTLS request; None: the connection is closed instead.
        keeps_its_word: Whether TLS follows the answer.
        drips: Seconds before each byte of the answer.
        clear: Everything that was received before the answer, and after it where no TLS follows.
    """

    port: int
    result: int | None = SUCCESS
    keeps_its_word: bool = True
    drips: float = 0.0
    clear: list[bytes] = field(default_factory=list)


@contextmanager
def start_tls_front(behind: int) -> Iterator[Front]:
    """Run the door until the block ends."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        front = Front(int(server.getsockname()[1]))
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=_serve, args=(front, client, behind), daemon=True))
                threads[-1].start()

        door = threading.Thread(target=accept, daemon=True)
        door.start()
        try:
            yield front
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
            for thread in (door, *threads):
                thread.join(10)


def _serve(front: Front, client: socket.socket, behind: int) -> None:
    client.settimeout(10)
    with client, suppress(OSError):
        front.clear.append(client.recv(65_536))
        if front.result is None or not front.clear[-1]:
            return
        if START_TLS not in front.clear[-1]:
            client.sendall(b"\x30\x05\x02\x01\x01\x42\x00")  # whatever it is, no TLS
            return
        said = b"\x0a\x01" + bytes([front.result]) + b"\x04\x00\x04\x00"
        number = front.clear[-1][2 : 4 + front.clear[-1][3]]  # the message id as it came, an INTEGER
        answer = number + b"\x78" + bytes([len(said)]) + said
        answer = b"\x30" + bytes([len(answer)]) + answer
        for number_of in range(len(answer)) if front.drips else ():
            time.sleep(front.drips)
            client.sendall(answer[number_of : number_of + 1])
        client.sendall(b"" if front.drips else answer)
        if front.result == SUCCESS and front.keeps_its_word:
            with socket.create_connection(("127.0.0.1", behind)) as server:
                _through(client, server)
            return
        while data := client.recv(65_536):
            front.clear.append(data)
            client.sendall(b"\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00")


def _through(client: socket.socket, server: socket.socket) -> None:
    def back() -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=back, daemon=True)
    thread.start()
    with suppress(OSError):
        while data := client.recv(65_536):
            server.sendall(data)
    with suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)
