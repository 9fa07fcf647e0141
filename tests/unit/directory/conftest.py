"""Fixtures: an embedded directory per module, back in its first state for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbook_lib.directory.connection import Directory
from tests.unit.directory.embedded import Embedded, running


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A running embedded directory."""
    with running(tmp_path_factory.mktemp("directory")) as embedded:
        yield embedded


@pytest.fixture
def embedded(started: Embedded) -> Iterator[Embedded]:
    """The embedded directory; whatever the test does to it is taken back."""
    before = started.store.snapshot()
    started.slept.clear()
    yield started
    started.store.restore(before)


@pytest.fixture
def directory(embedded: Embedded) -> Iterator[Directory]:
    """A connection as the writing account."""
    with embedded.open() as opened:
        yield opened
