"""Verdicts on runs whose notebook gave none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_lib.errors import BrokeOff, RunbookError, ServiceFailed
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t, verbatim
from runbook_lib.notebook.front_end import meaning_of
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_end import writes_begun
from runbook_lib.runner.kernel.execution import CellError, Execution, KernelEnd
from runbook_lib.runner.verdict import run_end_of

BEGUN = b'{"entry": "open"}\n{"entry": "begin", "wri'


def verdict(tmp_path: Path, end: KernelEnd, *, journal: bytes = b"", told: str = "", name: str = "X") -> Outcome:
    execution = Execution(tmp_path / "w", tmp_path, {}, tmp_path, time_limit=90, end=end, kernel_exit_code=-9)
    if end is KernelEnd.CELL_ERROR:
        execution.error = CellError(3, name, "Refused: text", told, verbatim("What was wrong." if told else ""))
    if journal:
        (tmp_path / "journal.jsonl").write_bytes(journal)
    found = run_end_of(execution, RecordFolder(tmp_path))
    assert isinstance(found.error, RunbookError)
    assert found.error.message
    assert ("resumes" in found.error.hint) is (bool(journal) and found.outcome is not Outcome.AWAITING_APPROVAL)
    return found.outcome


@pytest.mark.parametrize("end", [KernelEnd.DIED, KernelEnd.TIME_LIMIT, KernelEnd.NOT_STARTED])
def test_a_stop_from_outside(tmp_path: Path, end: KernelEnd) -> None:
    assert verdict(tmp_path, end) is Outcome.FAILED
    assert verdict(tmp_path, end, journal=BEGUN) is Outcome.PARTIAL


def test_an_interruption_counts_only_before_the_first_write(tmp_path: Path) -> None:
    assert verdict(tmp_path, KernelEnd.INTERRUPTED) is Outcome.INTERRUPTED
    assert verdict(tmp_path, KernelEnd.CELL_ERROR, name="KeyboardInterrupt") is Outcome.INTERRUPTED
    assert verdict(tmp_path, KernelEnd.INTERRUPTED, journal=BEGUN) is Outcome.PARTIAL


@pytest.mark.parametrize("kind", [kind for kind in RunbookError.__subclasses__() if "outcome" in vars(kind)])
def test_errors_of_ours_are_known_by_what_their_mark_says(tmp_path: Path, kind: type[RunbookError]) -> None:
    told = meaning_of(kind(t("What was wrong."), code="x"))["outcome"]
    assert verdict(tmp_path, KernelEnd.CELL_ERROR, told=told) is kind.outcome


@pytest.mark.parametrize("kind", [ServiceFailed, BrokeOff])
def test_a_failure_after_a_write_is_partial(tmp_path: Path, kind: type[RunbookError]) -> None:
    told = meaning_of(kind(t("What was wrong."), code="x"))["outcome"]
    assert verdict(tmp_path, KernelEnd.CELL_ERROR, told=told, journal=BEGUN) is Outcome.PARTIAL


def test_everything_else_is_a_defect(tmp_path: Path) -> None:
    """Whatever a text or the name of a class says: it may be a group's, or another program's."""
    for name in ("X", "Refused", "AwaitingApproval", "NoAccess"):
        assert verdict(tmp_path, KernelEnd.CELL_ERROR, name=name) is Outcome.BUG
    assert verdict(tmp_path, KernelEnd.COMPLETED) is Outcome.BUG
    for told in ("done", "nothing-to-do", "Refused", meaning_of(ZeroDivisionError())["outcome"]):
        assert verdict(tmp_path, KernelEnd.CELL_ERROR, told=told) is Outcome.BUG


def test_what_counts_as_a_begun_write(tmp_path: Path) -> None:
    folder = RecordFolder(tmp_path)
    assert not writes_begun(folder)
    (tmp_path / "journal.jsonl").write_bytes(b'{"entry": "open"}\n')
    assert not writes_begun(folder)
    opened = {"entry": "open", "approval": {"approver": "begin", "file": '"entry": "done"'}}
    (tmp_path / "journal.jsonl").write_text(json.dumps(opened) + "\n")
    assert not writes_begun(folder), "an approver may have any name"
    (tmp_path / "journal.jsonl").write_bytes(BEGUN)
    assert writes_begun(folder)
