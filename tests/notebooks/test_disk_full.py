"""The disk is full at every kind of write of a run: the verdict is true, and the same command finishes the change.

Everything that a run writes durably is synchronized to the disk (``os.fsync``). A full disk is acted out there: at the
first synchronization of every file of the record, at every line of the journal, and at everything after it, as on a
disk that nobody tidies up meanwhile.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rehearsal.process import RunningRehearsal
from runbook_lib.change.journal import journals_of, open_chain
from runbook_lib.errors import RunbookError
from runbook_lib.model.outcome import Outcome
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.journey import other_objects, plan_and_approve, written_objects
from tests.support.plain import run_plain

NOTEBOOK = "30-enable-writeback"
JOURNAL_LINES = 6  # open, begin and done of the object, begin and done of its members, closed

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="names of open files are read from /proc")


class Disk:
    """Notes the name of what is synchronized, and is full from the call numbered ``full_from`` on (0: never)."""

    def __init__(self, full_from: int = 0) -> None:
        self.full_from = full_from
        self.names: list[str] = []

    def fsync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        # write_durably calls its half-written file .NAME.RANDOM.part; the journal is written under its own name.
        name = path.name.removesuffix(".part").lstrip(".").rpartition(".")[0]
        self.names.append("a folder" if path.is_dir() else name)
        if self.full_from and len(self.names) >= self.full_from:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def kinds(self) -> list[int]:
        """Numbers of the calls worth failing: the first of every name, and every line of the journal."""
        return [
            number
            for number, name in enumerate(self.names, start=1)
            if name == "journal" or name not in self.names[: number - 1]
        ]


@contextmanager
def disk(monkeypatch: pytest.MonkeyPatch, full_from: int = 0) -> Iterator[Disk]:
    with monkeypatch.context() as patched:
        acted = Disk(full_from)
        patched.setattr("os.fsync", acted.fsync)
        yield acted


def settings(folder: Path) -> dict[str, str]:
    return {"records_dir": str(folder), "change_id": "CHG-FULL", "select_names": json.dumps(["Sales Team"])}


def test_a_disk_that_is_full_at_any_write_costs_nothing(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, control = fresh_rehearsal, fresh_rehearsal.control
    before = control.directory()
    plan_and_approve(world, NOTEBOOK, settings(tmp_path / "planned"))
    shutil.copytree(tmp_path / "planned", tmp_path / "undisturbed")
    with disk(monkeypatch) as counting:
        run_plain(NOTEBOOK, world.parameters_file, settings(tmp_path / "undisturbed"))
    undisturbed = control.directory()
    assert counting.names.count("journal") == JOURNAL_LINES
    assert {"record.json", "plan.json", "groups.csv", "inventory.xlsx", "backup.ldif"} <= set(counting.names)

    outcomes = []
    for number in counting.kinds():
        control.reset()
        given = settings(tmp_path / str(number))
        shutil.copytree(tmp_path / "planned", tmp_path / str(number))
        outcomes.append(run_on_full_disk(world, given, number, monkeypatch))
        if outcomes[-1] in (Outcome.FAILED, Outcome.USAGE):
            assert control.writes()["count"] == 0, counting.names[number - 1]
            continue
        run_plain(NOTEBOOK, world.parameters_file, given)
        assert written_objects(control.directory()) == written_objects(undisturbed), number
        assert other_objects(control.directory()) == other_objects(before), number
        assert open_chain(journals_of(tmp_path / str(number) / "CHG-FULL", ROUTES)) == []
    # From the line after the first write on, and only from there, something was written.
    assert outcomes[-JOURNAL_LINES + 2 :] == [Outcome.PARTIAL] * (JOURNAL_LINES - 2)
    assert set(outcomes[: -JOURNAL_LINES + 2]) <= {Outcome.FAILED, Outcome.USAGE}


def run_on_full_disk(
    world: RunningRehearsal, given: dict[str, str], number: int, monkeypatch: pytest.MonkeyPatch
) -> Outcome:
    """How the run ended in the words of its error."""
    with disk(monkeypatch, number), pytest.raises(RunbookError, match="No space left") as caught:
        run_plain(NOTEBOOK, world.parameters_file, given)
    return caught.value.outcome
