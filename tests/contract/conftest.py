"""Fixtures of the directory's contract: the embedded directory, or the one that GWB_CONTRACT_SAMBA describes."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import threading
import tomllib
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rehearsal.certificates import server_context, write_private
from rehearsal.directory import DirectoryServer, DirectoryStore
from rehearsal.directory.service import QueryPolicy, Service
from tests.contract.directory_client import Client, DirectoryUnderTest, Workshop
from tests.support.certificates import shared_certificates

OTHER_DIRECTORY = "GWB_CONTRACT_SAMBA"
"""Names a JSON file with the fields of DirectoryUnderTest; fields it has besides are not looked at."""
DIFFERENCES = Path(__file__).with_name("differences.toml")
EMBEDDED = "embedded"
_FIELDS = (
    "host",
    "port",
    "ca_file",
    "base_dn",
    "administrator_dn",
    "administrator",
    "administrator_password",
    "staff_ou",
)


def differences() -> dict[str, dict[str, str]]:
    """Where Samba answers differently, by id."""
    return {name: entry for name, entry in _listed().items() if name != EMBEDDED}


def differences_of_the_embedded() -> dict[str, dict[str, str]]:
    """Where the embedded directory is known to differ from Windows, by id."""
    entries: dict[str, dict[str, str]] = _listed()[EMBEDDED]
    return entries


def _listed() -> dict[str, Any]:
    return tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of what Samba cannot do."""
    config.addinivalue_line("markers", "windows_only(id): has to fail on Samba; the id is one of differences.toml")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of what only Windows does names an entry of differences.toml."""
    known = differences()
    for item in items:
        marker = item.get_closest_marker("windows_only")
        if marker is None:
            continue
        if marker.args[:1] == () or marker.args[0] not in known:
            raise pytest.UsageError(f"{item.nodeid}: windows_only names no entry of {DIFFERENCES.name}")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """On another directory, what only Windows does has to fail: a difference that is none does not stay listed."""
    marker = pyfuncitem.get_closest_marker("windows_only")
    if marker is None or not os.environ.get(OTHER_DIRECTORY):
        return (yield)
    try:
        yield
    except Exception:  # noqa: BLE001 - in which way it fails is not said
        return True
    pytest.fail(f"the same on this directory: take '{marker.args[0]}' out of {DIFFERENCES.name}")


@pytest.fixture(scope="session")
def directory_under_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectoryUnderTest]:
    """The directory that every test of the contract talks to."""
    described = os.environ.get(OTHER_DIRECTORY)
    if described:
        values = json.loads(Path(described).read_text(encoding="utf-8"))
        yield DirectoryUnderTest(**{name: values[name] for name in _FIELDS}, words_like_windows=False)
        return
    yield from embedded_directory(tmp_path_factory.mktemp("directory"))


def embedded_directory(folder: Path, *, exchange: bool = True) -> Generator[DirectoryUnderTest, None, None]:
    """An embedded directory of its own, as a generator that stops it at its end; with Exchange's schema or without."""
    certificates = shared_certificates()
    (folder / "ca.pem").write_bytes(certificates.ca_pem)
    write_private(folder / "server.pem", certificates.server_pem)
    store = DirectoryStore("contoso.com", "CONTOSO", clock=lambda: datetime.now(UTC))
    if exchange:
        store.extend_schema_for_exchange()
    staff = f"OU=Staff,{store.base_dn}"
    store.add(staff, {"objectClass": ["organizationalUnit"]})
    administrator = f"CN=Administrator,CN=Users,{store.base_dn}"
    password = secrets.token_urlsafe(16)
    store.set_password(administrator, password)
    service = Service(store, policy=QueryPolicy(require_signing=True))
    context = server_context(folder / "server.pem")
    server, plain = DirectoryServer(service, context), DirectoryServer(service, start_tls=context)
    with running(server), running(plain):
        yield DirectoryUnderTest(
            host="localhost",
            port=server.port,
            plain_port=plain.port,
            ca_file=str(folder / "ca.pem"),
            base_dn=store.base_dn,
            administrator_dn=administrator,
            administrator="administrator@contoso.com",
            administrator_password=password,
            staff_ou=staff,
        )


class running:  # noqa: N801 - read as a verb: with running(server)
    """Runs a server in a thread with an event loop of its own."""

    def __init__(self, server: DirectoryServer) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def client(directory_under_test: DirectoryUnderTest) -> Iterator[Client]:
    """Bound as administrator."""
    opened = Client(directory_under_test)
    yield opened
    opened.close()


@pytest.fixture
def workshop(client: Client) -> Iterator[Workshop]:
    """An OU of the test's own."""
    made = Workshop(client)
    yield made
    made.remove()
