"""Contoso's tenant without AD beside it: filled once, back at its seed for every test."""

from __future__ import annotations

import pytest

from rehearsal.cloud.store import CloudStore
from rehearsal.contoso import names
from rehearsal.contoso.cloud import populate_cloud
from rehearsal.contoso.cloud_groups import every_group
from rehearsal.contoso.crowd import NOBODY, Crowd
from rehearsal.contoso.directory import DirectoryIdentity, DirectoryIndex
from tests.unit.rehearsal_cloud.asking import Asking, Clock

_SID = "S-1-5-21-1004336348-1177238915-682003330"


def contoso(crowd: Crowd = NOBODY) -> tuple[CloudStore, Clock]:
    """The tenant, and the clock by which it lives."""
    clock = Clock()
    store = CloudStore(clock=clock)
    originals = {
        group.key: DirectoryIdentity(names.object_guid(f"group {group.key}"), f"{_SID}-{number}", f"CN={group.key}")
        for number, group in enumerate(every_group(), start=5000)
    }
    populate_cloud(store, DirectoryIndex({}, originals), crowd)
    return store, clock


@pytest.fixture(scope="session")
def _contoso() -> tuple[CloudStore, Clock]:
    return contoso()


@pytest.fixture
def clock(_contoso: tuple[CloudStore, Clock]) -> Clock:
    """What the tenant takes for now."""
    return _contoso[1]


@pytest.fixture
def asking(_contoso: tuple[CloudStore, Clock]) -> Asking:
    """A client of the tenant, which is at its seed."""
    store, clock = _contoso
    clock.now = Clock().now
    store.reset()
    return Asking(store)
