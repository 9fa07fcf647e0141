"""Cells that a person runs twice, or in another order, as JupyterLab allows."""

from __future__ import annotations

import itertools
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal.process import RunningRehearsal
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.errors import AwaitingApproval, Refused, VerificationFailed
from runbook_lib.model.outcome import Outcome
from runbook_lib.notebook import open_run
from runbook_lib.notebook.change import ChangeSession
from runbook_lib.notebook.run import Run
from runbook_lib.parameters.load import load_parameters
from runbook_lib.routes.registry import ROUTES
from tests.support.plain import ROOT
from tests.support.schemas import problems


def test_gate_and_apply_cells_run_twice(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    given = {"records_dir": str(tmp_path), "change_id": "CHG-AGAIN", "select_names": '["Sales Team"]'}
    names = dict(load_parameters([fresh_rehearsal.parameters_file], given, project_root=ROOT).given)
    run = open_run(names, notebook="30-enable-writeback")
    change = run.plan_enable(run.read_inventory())
    record = run.record.folder.path
    with pytest.raises(AwaitingApproval) as closed:
        change.require_approval()
    assert str(record) in closed.value.hint
    run.ended_with(closed.value)
    phrase = planned(record, ROUTES).phrase
    approve_plan(record, ROUTES, approver="T", phrase=phrase, valid=timedelta(hours=1), clock=lambda: datetime.now(UTC))
    change.require_approval()
    change.require_approval()
    assert run.context.lock_held

    run.context.close()
    with pytest.raises(Refused) as unlocked:
        change.apply()
    assert unlocked.value.code == "gate-closed-again"
    assert fresh_rehearsal.control.writes()["count"] == 0

    change.require_approval()
    change.apply()
    change.verify()
    writes = fresh_rehearsal.control.writes()["count"]
    run.finish()
    with pytest.raises(Refused) as again:
        change.apply()
    run.ended_with(again.value)
    assert fresh_rehearsal.control.writes()["count"] == writes
    assert json.loads((record / "record.json").read_text())["outcome"] == Outcome.DONE.value


def test_a_person_in_jupyterlab_approves_in_the_form_and_runs_the_gate_again(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    given = {"records_dir": str(tmp_path), "change_id": "CHG-FORM", "select_names": '["Sales Team"]'}
    names = dict(load_parameters([fresh_rehearsal.parameters_file], given, project_root=ROOT).given)
    run = open_run(names, notebook="30-enable-writeback", environment={**os.environ, "JPY_SESSION_NAME": "a.ipynb"})
    change = run.plan_enable(run.read_inventory())
    with pytest.raises(AwaitingApproval, match="Fill in the form"):
        change.require_approval()
    first = change.form
    with pytest.raises(AwaitingApproval):
        change.require_approval()
    form = change.form
    assert first is not None
    assert form is not None
    first.approver.value, first.phrase.value = "Kim", planned(run.record.folder.path, ROUTES).phrase
    first.button.click()
    assert not run.record.folder.approvals_folder.exists()
    form.approver.value, form.phrase.value = "Kim", planned(run.record.folder.path, ROUTES).phrase
    form.button.click()
    change.require_approval()
    assert run.record.facts["approval"]["approver"] == "Kim"  # type: ignore[index]
    change.apply()
    change.verify()
    run.finish()
    assert run.record.outcome is Outcome.DONE


def test_a_headless_run_shows_no_form(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    given = {"records_dir": str(tmp_path), "change_id": "CHG-NOFORM", "select_names": '["Sales Team"]'}
    names = dict(load_parameters([fresh_rehearsal.parameters_file], given, project_root=ROOT).given)
    run = open_run(names, notebook="30-enable-writeback")
    change = run.plan_enable(run.read_inventory())
    with pytest.raises(AwaitingApproval):
        change.require_approval()
    assert change.form is None
    run.context.close()


def test_a_clock_that_jumps_back_and_forth_spoils_nothing(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    given = {"records_dir": str(tmp_path), "change_id": "CHG-CLOCK", "select_names": '["Sales Team"]'}
    names = dict(load_parameters([fresh_rehearsal.parameters_file], given, project_root=ROOT).given)
    far = itertools.cycle((0, -3000, 2500, -100, 3400))
    near = itertools.cycle((0, -290, 250, -10, 290))  # from the reading to the last write: what a time service corrects
    jumps = far

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=next(jumps))

    run = open_run(names, notebook="30-enable-writeback", clock=clock)
    change = run.plan_enable(run.read_inventory())
    record = run.record.folder.path
    early = datetime.now(UTC) - timedelta(hours=2)
    approve_plan(
        record,
        ROUTES,
        approver="T",
        phrase=planned(record, ROUTES).phrase,
        valid=timedelta(hours=4),
        clock=lambda: early,
    )
    jumps = near
    change.require_approval()
    change.apply()
    jumps = far
    change.verify()
    run.finish()
    assert run.record.outcome is Outcome.DONE
    facts = json.loads((record / "record.json").read_text(encoding="utf-8"))
    assert problems("record", facts) == []
    entries = [json.loads(line) for line in (record / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [entry["entry"] for entry in entries] == ["open", "begin", "done", "begin", "done", "closed"]
    assert [entry["at"] for entry in entries] != sorted(entry["at"] for entry in entries)


def applied_until_verify(rehearsal: RunningRehearsal, records: Path) -> tuple[Run, ChangeSession]:
    """A change that is approved and written, before its read-back."""
    given = {"records_dir": str(records), "change_id": "CHG-CUT", "select_names": '["Sales Team"]'}
    names = dict(load_parameters([rehearsal.parameters_file], given, project_root=ROOT).given)
    run = open_run(names, notebook="30-enable-writeback")
    change = run.plan_enable(run.read_inventory())
    record = run.record.folder.path
    phrase = planned(record, ROUTES).phrase
    approve_plan(record, ROUTES, approver="T", phrase=phrase, valid=timedelta(hours=1), clock=lambda: datetime.now(UTC))
    change.require_approval()
    change.apply()
    return run, change


def test_a_read_back_that_cannot_be_made_never_says_that_nothing_was_written(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    run, change = applied_until_verify(fresh_rehearsal, tmp_path)
    run.context.connect_directory().close()
    with pytest.raises(VerificationFailed) as caught:
        change.verify()
    assert caught.value.code == "read-back-impossible"
    run.ended_with(caught.value)
    assert run.record.outcome is Outcome.VERIFICATION_FAILED


def test_an_interruption_after_the_first_write_can_be_resumed_and_one_before_wrote_nothing(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    run, _ = applied_until_verify(fresh_rehearsal, tmp_path)
    run.ended_with(KeyboardInterrupt())
    assert run.record.outcome is Outcome.PARTIAL
    given = {"records_dir": str(tmp_path), "change_id": "CHG-EARLY", "select_names": '["Marketing"]'}
    names = dict(load_parameters([fresh_rehearsal.parameters_file], given, project_root=ROOT).given)
    early = open_run(names, notebook="30-enable-writeback")
    early.ended_with(KeyboardInterrupt())
    assert early.record.outcome is Outcome.INTERRUPTED
