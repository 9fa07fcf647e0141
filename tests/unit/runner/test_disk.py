"""Records on a full disk and on a share that vanishes, for real: exit code and words stay true."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.runner.run import RunResult
from tests.unit.runner.conftest import OPENING, Project

Facts = Callable[[RunResult], dict[str, Any]]

FILL = """
filler = record.folder.change_folder / "filler"
with filler.open("wb", buffering=0) as stream:
    try:
        while True:
            stream.write(bytes(512))
    except OSError:
        pass
print("the disk is full now" + 4000 * ".")
record.set(changes={"planned": 1, "done": 0})
"""
VANISH = """
folder = record.folder.change_folder
folder.rename(folder.parent.parent / "elsewhere")
record.set(changes={"planned": 1, "done": 0})
"""


@pytest.fixture
def small_disk(project: Project) -> Iterator[Path]:
    """A file system of 600 KiB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs Linux and root")
    folder = project.root / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    ("begun", "outcome", "words"),
    [("", Outcome.FAILED, ""), ("begin_write()\n", Outcome.PARTIAL, "it resumes")],
)
def test_a_full_disk_ends_the_run_with_a_true_verdict(
    project: Project, small_disk: Path, begun: str, outcome: Outcome, words: str
) -> None:
    result = project.run(
        project.notebook(OPENING + begun + FILL, "raise SystemError"), {"records_dir": str(small_disk)}
    )
    assert (result.outcome, result.exit_code) == (outcome, outcome.exit_code)
    assert "No space left" in result.message
    assert "is not sealed" in result.message
    assert words in result.hint
    assert not result.sealed

    assert result.record is not None
    (result.record.parent / "filler").unlink()
    work_file = result.record.parent / f".executing-{result.record.name}.ipynb"
    sealed = subprocess.run(
        project.command("seal", str(result.record), str(work_file)),
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert sealed.returncode == 0, sealed.stderr
    assert verified_record(RecordFolder.open(result.record)).ok


def test_a_share_that_vanishes_is_told_in_words_and_never_as_nothing_written(project: Project) -> None:
    result = project.run(project.notebook(OPENING + VANISH, "raise SystemError"))
    assert result.outcome is Outcome.PARTIAL
    assert "No such file or directory" in result.message
    assert "it resumes" in result.hint
    assert not result.sealed


HANG = """
import os, time
def hanging(_):
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:  # a system call on a dead share cannot be interrupted either
            pass
os.fsync = hanging
record.set(changes={"planned": 1, "done": 0})
"""


def test_a_share_that_hangs_is_ended_by_the_time_limit(project: Project) -> None:
    # Long enough for a busy machine to reach the cell; a hanging share costs no processor time.
    limit = timedelta(seconds=12)
    result = project.run(project.notebook("begin_write()\n" + HANG, "raise SystemError"), time_limit=limit, grace=0.5)
    assert result.outcome is Outcome.PARTIAL
    assert "time limit" in result.message
    assert result.sealed


def test_a_slow_share_only_takes_longer(project: Project, facts: Facts) -> None:
    slow = "import os, time\nfsync = os.fsync\nos.fsync = lambda fd: (time.sleep(0.2), fsync(fd))[1]\n"
    result = project.run(project.notebook(slow + "finish(Outcome.DONE, 1)"))
    assert (result.outcome, result.changes_done, result.sealed) == (Outcome.DONE, 1, True)
    assert facts(result)["outcome"] == "done"
