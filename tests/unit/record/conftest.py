"""A run's folder with facts in it, and a clock that never surprises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: opens pages in a real Chromium")


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """One second later at every call, beginning a minute after the run began."""

    def ticks() -> Iterator[datetime]:
        at = START + timedelta(minutes=1)
        while True:
            at += timedelta(seconds=1)
            yield at

    source = ticks()
    return lambda: next(source)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., RunRecord]:
    """Open a record below ``tmp_path / "records"``."""

    def make(run_id: str = "run-1", change_id: str = "CHG0012345", **parameters: str) -> RunRecord:
        folder = RecordFolder.create(tmp_path / "records", change_id, run_id)
        return RunRecord.begin(
            folder,
            notebook_name="30-enable-writeback.ipynb",
            notebook_sha256="ab" * 32,
            mode="record",
            started=START,
            parameters={"change_id": change_id, "select_names": ["Finance*"], **parameters},
            versions={"python": "3.11.2"},
        )

    return make
