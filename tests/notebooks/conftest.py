"""Notebooks run against the small Contoso where nothing is about its size: every run reads the whole company twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.process import RunningRehearsal, start_rehearsal
from tests.notebooks.journey import SMALL


@pytest.fixture(scope="session")
def shared_rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRehearsal]:
    """One small rehearsal for the session, in the place of the large one of the whole suite."""
    with start_rehearsal(tmp_path_factory.mktemp("rehearsals") / "small", SMALL) as running:
        yield running
