"""Cells that a person runs twice, or in another order, as JupyterLab allows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal.process import RunningRehearsal
from runbook_lib.errors import AwaitingApproval, Refused
from runbook_lib.model.outcome import Outcome
from runbook_lib.notebook import open_run
from runbook_lib.parameters.load import load_parameters
from runbook_lib.writeback.approval import approve, planned
from tests.support.plain import ROOT


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
    phrase = planned(record).phrase
    approve(record, approver="T", phrase=phrase, valid=timedelta(hours=1), clock=lambda: datetime.now(UTC))
    change.require_approval()
    change.require_approval()
    assert run.lock_held

    run.close()
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
