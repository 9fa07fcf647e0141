"""The embedded directory in a thread, over LDAPS, put back to its first state for every test."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rehearsal.certificates import server_context, write_private
from rehearsal.directory import DirectoryServer, DirectoryStore
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.parameters.model import Parameters
from tests.support.certificates import shared_certificates

PASSWORD = "rehearsal-Passw0rd-ä"
BASE = "DC=contoso,DC=com"
TARGET = f"OU=Cloud Groups,{BASE}"
RETIRED = f"OU=Retired Cloud Groups,{BASE}"
WRITER = f"CN=svc-gwb,OU=Staff,{BASE}"
ADMINISTRATOR = f"CN=Administrator,CN=Users,{BASE}"


def clock() -> datetime:
    """A clock that stands still."""
    return datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@dataclass
class Embedded:
    """One embedded directory: its store, its port, its CA file."""

    store: DirectoryStore
    port: int
    ca_file: Path
    loop: asyncio.AbstractEventLoop
    server: DirectoryServer
    slept: list[float] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def parameters(self, **changed: object) -> Parameters:
        """Parameters that reach it as the writing account."""
        values: dict[str, object] = {
            "dc_host": "localhost",
            "dc_port": self.port,
            "dc_ca_file": str(self.ca_file),
            "dc_timeout": 5,
            "bind_user": "svc-gwb@contoso.com",
        }
        return Parameters.model_validate(values | changed)

    def open(self, *, password: str = PASSWORD, **changed: object) -> Directory:
        """A connection, as the writing account unless told otherwise; its waits take no time and stand in ``slept``."""
        told = self.parameters(**changed)
        environment = {"GWB_BIND_PASSWORD": password}
        return open_directory(told, environment=environment, clock=clock, sleep=self.slept.append)

    def hang_up(self) -> None:
        """Cut every connection, as a restart of the controller does."""
        self.call(lambda: [task.cancel() for task in tuple(self.server._connections)])

    def add_group(self, name: str, ou: str = TARGET, **attributes: str | list[str]) -> str:
        """A universal distribution group; returns its GUID."""
        account = f"grp{next(self.numbers)}"
        values: dict[str, str | list[str | bytes] | bytes] = {
            "objectClass": "group",
            "sAMAccountName": account,
            "groupType": "8",
        }
        return self.store.add(f"CN={name},{ou}", values | attributes)  # type: ignore[operator]

    def call(self, action: Callable[[], object]) -> None:
        """Run something in the server's thread and wait for it."""
        done = threading.Event()

        def run() -> None:
            action()
            done.set()

        self.loop.call_soon_threadsafe(run)
        assert done.wait(5)


@contextmanager
def running(folder: Path) -> Iterator[Embedded]:
    """Start a directory with two OUs and the accounts of the tests; stop it afterwards."""
    certificates = shared_certificates()
    ca_file, server_file = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(certificates.ca_pem)
    write_private(server_file, certificates.server_pem)
    store = DirectoryStore(domain="contoso.com", netbios="CONTOSO", clock=clock)
    for ou in (f"OU=Staff,{BASE}", TARGET, RETIRED):
        store.add(ou, {"objectClass": "organizationalUnit"})
    store.add(
        WRITER,
        {"objectClass": "user", "sAMAccountName": "svc-gwb", "userPrincipalName": "svc-gwb@contoso.com"},
    )
    store.set_password(WRITER, PASSWORD)
    store.set_password(ADMINISTRATOR, PASSWORD)
    store.grant(WRITER, TARGET)
    store.grant(WRITER, RETIRED)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = DirectoryServer(store, ssl_context=server_context(server_file))
    try:
        port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        yield Embedded(store, port, ca_file, loop, server)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
