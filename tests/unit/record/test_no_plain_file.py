"""A pipe or a link in the place of a file of a record is an answer, and nobody waits for it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from types import FrameType

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.record.contradictions import contradictions
from runbook_lib.record.run_record import RunRecord, writes_begun
from runbook_lib.record.seal import seal
from runbook_lib.record.verify import verify
from runbook_lib.record.written import written_by

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes among files")
FILES = ("MANIFEST.json", "record.json", "journal.jsonl", "plan.json")


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    def late(_: int, __: FrameType | None) -> None:
        raise TimeoutError("it waits for a pipe")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("link", [False, True])
def test_it_is_an_answer(
    make_run: Callable[..., RunRecord], clock: Callable[[], datetime], name: str, link: bool
) -> None:
    folder = make_run().folder
    seal(folder, None, clock=clock)
    path = folder.path / name
    kept = folder.change_folder / "kept"
    if path.exists():
        path.rename(kept)
    if link:
        kept.touch()
        path.symlink_to(kept)
    else:
        os.mkfifo(path)
    found = verify(folder)
    assert found.sealed
    assert not found.ok
    if name == "journal.jsonl":
        written = written_by(folder.path)
        assert written is not None
        assert written.unreadable == 1
        assert writes_begun(folder)
    contradictions(folder.path, {"outcome": "done", "changes": {"planned": 1, "done": 1}})
    if name == "record.json":
        with pytest.raises(UsageError, match=r"ordinary file|a link"):
            RunRecord.load(folder)
