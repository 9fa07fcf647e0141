"""Contoso's tenant with as few people as its groups need: the tests here read it whole, hundreds of times."""

from __future__ import annotations

import pytest

from rehearsal.cloud.store import CloudStore
from rehearsal.contoso.crowd import crowd_of
from rehearsal.options import LEAST_STAFF
from tests.unit.rehearsal_cloud.asking import Clock
from tests.unit.rehearsal_cloud.conftest import asking, clock, contoso

__all__ = ["asking", "clock"]


@pytest.fixture(scope="session")
def _contoso() -> tuple[CloudStore, Clock]:
    return contoso(crowd_of(None, administrators=0, ordinary=LEAST_STAFF))
