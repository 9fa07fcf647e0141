"""A small domain, built once; every test works on its own copy of the state."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from rehearsal.directory import DirectoryStore
from rehearsal.directory.state import StoreSnapshot

BASE = "DC=contoso,DC=com"
STAFF = f"OU=Staff,{BASE}"
GROUPS = f"OU=Groups,{BASE}"
NOW = datetime(2026, 11, 22, 5, 30, 15, tzinfo=UTC)
WRITER = f"CN=writer,{STAFF}"


def _numbered() -> Iterator[uuid.UUID]:
    number = 1
    while True:
        yield uuid.UUID(int=number << 64 | number)
        number += 1


@pytest.fixture(scope="session")
def built() -> tuple[DirectoryStore, StoreSnapshot]:
    """Staff with three people and a writing account, an empty OU for groups it may write in."""
    numbers = _numbered()
    store = DirectoryStore("contoso.com", "CONTOSO", clock=lambda: NOW, guid_source=lambda: next(numbers))
    for ou in (STAFF, GROUPS):
        store.add(ou, {"objectClass": ["organizationalUnit"]})
    for name in ("ann", "bob", "cleo", "writer"):
        store.add(f"CN={name},{STAFF}", {"objectClass": ["user"], "sAMAccountName": name})
    store.set_password(WRITER, "correct horse")
    store.set_password(f"CN=Administrator,CN=Users,{BASE}", "battery staple")
    store.grant(WRITER, GROUPS)
    return store, store.snapshot()


@pytest.fixture
def store(built: tuple[DirectoryStore, StoreSnapshot]) -> DirectoryStore:
    """The domain as it was built."""
    made, snapshot = built
    made.restore(snapshot)
    return made
