"""Cells in any order: a run never says more than what was carried out, and a closed run is never touched again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runbook_lib.errors import AwaitingApproval, Refused
from runbook_lib.notebook.run import Run
from runbook_lib.record.contradictions import record_contradictions
from runbook_lib.record.run_end import written_by
from tests.unit.notebook.cells import CELLS, OTHERS, TROUBLES, Cells, all_cells

IN_ORDER = list(CELLS)
APPROVED = ["begin", "read", "plan", "approve", "gate", "apply", "read back", "finish"]


def outcome(cells: Cells, run: Run) -> Any:
    return cells.facts(run)["outcome"]


def test_every_cell_in_its_order_is_done_and_closed(tmp_path: Path) -> None:
    cells = all_cells(Cells(tmp_path), *APPROVED)
    run = cells.runs[0]
    facts = cells.facts(run)
    assert (facts["outcome"], facts["changes"], facts["error"]) == ("done", {"planned": 2, "done": 2}, None)
    before = {path: path.read_bytes() for path in run.record.folder.path.iterdir()}
    for cell in (*CELLS[1:], "show", "scratch", "an old gate"):
        cells.run(cell)
        if cell != "scratch":
            assert isinstance(cells.raised, Refused), cell
            assert cells.raised.code in ("run-closed", "of-another-run"), cell
            assert "first cell" in cells.raised.hint
    assert {path: path.read_bytes() for path in run.record.folder.path.iterdir()} == before


@pytest.mark.parametrize("again", ["read", "plan", "gate", "apply"])
def test_a_run_that_has_written_takes_no_cell_before_its_read_back(tmp_path: Path, again: str) -> None:
    cells = all_cells(Cells(tmp_path), *APPROVED[:6])
    run = cells.runs[0]
    before = (run.record.folder.path / "record.json").read_bytes()
    cells.run(again)
    assert isinstance(cells.raised, Refused)
    assert cells.raised.code == "run-has-written"
    assert (run.record.folder.path / "record.json").read_bytes() == before
    assert outcome(all_cells(cells, "read back", "finish"), run) == "done"


def test_the_form_of_a_finished_run_approves_nothing(tmp_path: Path) -> None:
    cells = all_cells(Cells(tmp_path), "begin")
    cells.runs[0].context.interactive = True
    all_cells(cells, "read", "plan", "gate", "finish")
    form, said = cells.names["change"].form, list[str]()
    form._line = SimpleNamespace(show=said.append)
    form.approver.value, form.phrase.value = "Kim", form._plan.phrase
    form.button.click()
    assert not cells.runs[0].record.folder.approvals_folder.exists()
    assert "This run is closed" in said[-1]


@pytest.mark.parametrize(
    "below", [["apply"], ["scratch"], ["finish"], ["apply", "read back", "finish"], ["scratch", "finish"]]
)
def test_below_a_closed_gate_the_run_keeps_waiting(tmp_path: Path, below: list[str]) -> None:
    cells = all_cells(Cells(tmp_path), *CELLS[:4])
    assert isinstance(cells.raised, AwaitingApproval)
    run = cells.runs[0]
    all_cells(cells, *below)
    facts = cells.facts(run)
    assert facts["outcome"] == "awaiting-approval"
    assert facts["error"]["code"] == "no-approval"
    assert not (run.record.folder.path / "journal.jsonl").exists()


def test_a_cell_below_a_closed_gate_says_where_the_run_stands(tmp_path: Path) -> None:
    cells = all_cells(Cells(tmp_path), *CELLS[:4], "apply")
    assert isinstance(cells.raised, AwaitingApproval)
    assert cells.raised.message == "Apply was not run, because the run stopped at Gate: This plan is not approved."
    assert "gwb approve" in cells.raised.hint


def test_a_new_run_does_not_take_the_variables_of_the_one_before(tmp_path: Path) -> None:
    cells = all_cells(Cells(tmp_path), "begin", "read", "plan", "approve", "gate", "begin")
    for cell in ("plan", "gate", "apply", "show"):
        cells.run(cell)
        assert isinstance(cells.raised, Refused), cell
        assert cells.raised.code in ("run-closed", "step-not-now", "of-another-run")
    cells.run("finish")
    facts = cells.facts(cells.runs[1])
    assert (facts["outcome"], facts["exit_code"]) == ("failed", 9)
    assert facts["error"]["code"] == "steps-not-run"
    assert "Read both sides, Plan, Gate, Apply, Read back" in facts["error"]["message"]
    assert not list(tmp_path.glob("*/*/journal.jsonl"))


def test_a_change_of_an_earlier_plan_is_refused(tmp_path: Path) -> None:
    cells = all_cells(Cells(tmp_path), "begin", "read", "plan", "approve", "plan", "an old gate")
    assert isinstance(cells.raised, Refused)
    assert cells.raised.code == "of-another-run"


def test_without_its_read_back_a_written_run_is_not_done(tmp_path: Path) -> None:
    cells = all_cells(Cells(tmp_path), "begin", "read", "plan", "approve", "gate", "apply", "finish")
    facts = cells.facts(cells.runs[0])
    assert (facts["outcome"], facts["error"]["code"]) == ("verification-failed", "steps-not-run")
    assert "Read back" in facts["error"]["message"]


def test_a_disk_that_is_full_after_the_last_write_does_not_say_that_nothing_was_written(tmp_path: Path) -> None:
    cells = Cells(tmp_path)
    cells.trouble = "disk full"
    all_cells(cells, *APPROVED[:6])
    assert outcome(cells, cells.runs[0]) == "partial"


def test_an_earlier_stop_is_forgotten_before_the_first_write(tmp_path: Path) -> None:
    cells = all_cells(Cells(tmp_path), *CELLS[:4])
    assert outcome(cells, cells.runs[0]) == "awaiting-approval"
    all_cells(cells, "approve", "gate")
    assert outcome(cells, cells.runs[0]) is None, "a kernel that dies while writing must not leave 'awaiting approval'"


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from([*CELLS, *CELLS, *OTHERS]), st.sampled_from(["", "", *TROUBLES])), max_size=18)
)
@example([(cell, "") for cell in [*APPROVED, *CELLS[2:]]])
@example([(cell, "") for cell in [*IN_ORDER, "approve", *CELLS[3:], *CELLS]])
@example([(cell, "") for cell in [*APPROVED[:5], "begin", "apply", "read back", "finish"]])
def test_a_record_never_says_more_than_what_happened(steps: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        cells = Cells(Path(place))
        final: dict[str, bytes] = {}
        for cell, trouble in steps:
            cells.trouble = trouble
            cells.run(cell)
            for run in cells.runs:
                _judge(cells, run, final)


def _judge(cells: Cells, run: Run, final: dict[str, bytes]) -> None:
    folder = run.record.folder
    on_disk = (folder.path / "record.json").read_bytes()
    facts = cells.facts(run)
    written = written_by(folder.path)
    anything = written is not None and written.anything
    said = facts["outcome"]
    if said == "done":
        assert folder.run_id in cells.applied & cells.read_back
        assert facts["changes"]["done"] == facts["changes"]["planned"] == 2
    if said in ("failed", "refused", "no-access", "awaiting-approval", "nothing-to-do", "interrupted", "wrong-use"):
        assert not anything, said
    if anything:
        assert said in (None, "done", "partial", "verification-failed", "bug")
    if folder.run_id in cells.applied and said not in (None, "partial"):
        assert facts["changes"]["done"] == 2
    assert record_contradictions(folder.path, facts) == []
    if run.course.closed:
        assert final.setdefault(folder.run_id, on_disk) == on_disk, "a closed run was touched"
