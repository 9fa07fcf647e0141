"""Fixtures of the whole suite."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

import runbook_lib.record  # noqa: F401  # before any test module imports nbformat: see record/__init__.py
from rehearsal.process import RunningRehearsal, start_rehearsal
from tests.support import warm

# Speed is measured in benchmarks/, never by a test: a busy machine is no defect.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
warm.install()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Ten thousand tests are found without looking for garbage in between, and are none afterwards."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture
def cold() -> Iterator[None]:
    """Commands that the test starts are processes from the first byte on, not forked from a warm one."""
    with warm.cold():
        yield


@pytest.fixture(scope="session")
def shared_rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRehearsal]:
    """One rehearsal for the whole session, in whatever state the last test left it; see ``fresh_rehearsal``."""
    with start_rehearsal(tmp_path_factory.mktemp("rehearsals") / "shared") as running:
        yield running


@pytest.fixture
def fresh_rehearsal(shared_rehearsal: RunningRehearsal) -> RunningRehearsal:
    """The shared rehearsal with both sides back at the seed, no faults, no holds, every permission."""
    shared_rehearsal.control.reset()
    return shared_rehearsal
