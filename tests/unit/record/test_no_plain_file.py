"""A pipe or a link in the place of a file of a record is an answer, and nobody waits for it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import FrameType

import pytest

from runbook_lib.change.closing import close_by_hand
from runbook_lib.errors import Refused, UsageError
from runbook_lib.record.contradictions import record_contradictions
from runbook_lib.record.index import build_index
from runbook_lib.record.manifest import verified_record
from runbook_lib.record.run_end import writes_begun, written_by
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.strict_file import Unfit, read_plain

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
    found = verified_record(folder)
    assert found.sealed
    assert not found.ok
    if name == "journal.jsonl":
        written = written_by(folder.path)
        assert written is not None
        assert written.unreadable == 1
        assert writes_begun(folder)
    record_contradictions(folder.path, {"outcome": "done", "changes": {"planned": 1, "done": 1}})
    if name == "record.json":
        with pytest.raises(UsageError, match=r"ordinary file|a link"):
            RunRecord.load(folder)


@pytest.mark.parametrize("name", [*FILES[1:], "more", "record.html"])
@pytest.mark.parametrize("link", [False, True, None])
def test_such_a_record_is_not_sealed_and_the_list_does_not_wait(
    make_run: Callable[..., RunRecord], clock: Callable[[], datetime], name: str, link: bool | None
) -> None:
    if link is None and name == "more":
        return  # a folder of somebody's own is kept as its files
    folder = make_run().folder
    path = folder.path / name
    path.unlink(missing_ok=True)
    if link:
        path.symlink_to(folder.change_folder.parent)
    elif link is None:
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(Refused, match=name) as caught:
        seal(folder, None, clock=clock)
    assert (caught.value.code, folder.sealed) == ("record-not-plain", False)
    build_index(folder.change_folder.parent)
    if name == "journal.jsonl":
        with pytest.raises(Refused) as closing:
            close_by_hand(folder.change_folder, [folder.run_id], by="Kim", reason="x", clock=clock)
        assert closing.value.code == "closing-journal"
    path.rmdir() if path.is_dir() and not link else path.unlink()


def test_looking_at_what_is_no_file_keeps_nothing_open(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = os.open(tmp_path, os.O_RDONLY)
    os.close(before)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(Unfit, match="no ordinary file"):
            read_plain(path, largest=1)
    after = os.open(tmp_path, os.O_RDONLY)
    os.close(after)
    assert after == before
