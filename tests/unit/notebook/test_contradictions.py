"""A record that does not say what its journal says is not sealed, and one that was sealed so is told apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from runbook_lib.errors import Refused
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.record.seal import seal
from tests.support import builders as b
from tests.unit.notebook.cells import Cells, all_cells

APPROVED = ["begin", "read", "plan", "approve", "gate", "apply", "read back", "finish"]
Forge = Callable[[dict[str, Any]], None]


def outcome(value: str, done: int) -> Forge:
    def forge(facts: dict[str, Any]) -> None:
        facts["outcome"], facts["changes"]["done"] = value, done
        facts["exit_code"] = Outcome(value).exit_code

    return forge


def other_plan(facts: dict[str, Any]) -> None:
    facts["plan"]["digest"] = "0" * 64


def more_planned(facts: dict[str, Any]) -> None:
    facts["changes"]["planned"] = 6


def other(**values: Any) -> Forge:
    def forge(facts: dict[str, Any]) -> None:
        facts.update(values)

    return forge


def another_approver(facts: dict[str, Any]) -> None:
    facts["approval"]["approver"] = "Adele Vance"


def ran(place: Path, trouble: str = "", *cells: str) -> RecordFolder:
    world = Cells(place)
    all_cells(world, *(cells or APPROVED)[:5])
    world.trouble = trouble
    return all_cells(world, *(cells or APPROVED)[5:]).runs[0].record.folder


def forged(folder: RecordFolder, forge: Forge) -> RecordFolder:
    facts = folder.read_json("record.json")
    forge(facts)
    folder.write_json("record.json", facts)
    return folder


LIES = [
    ("", outcome("awaiting-approval", 0), "all 2 changes were approved and carried out"),
    ("", outcome("failed", 0), "holds writes"),
    ("", outcome("nothing-to-do", 0), "was opened"),
    ("", outcome("refused", 2), "holds writes"),
    ("", outcome("interrupted", 0), "holds writes"),
    ("", outcome("done", 0), "counts 0 changes as done"),
    ("", outcome("done", 3), "counts 3 changes as done"),
    ("", other_plan, "another one than the plan"),
    ("", more_planned, "counts 6 changes as planned"),
    ("", another_approver, "its approval is another one"),
    ("", other(approval=None), "its approval is another one"),
    ("", other(exit_code=4), "the exit code 4 of another outcome"),
    ("", other(error={"code": "x", "message": "y", "hint": ""}), "an error beside it"),
    ("broke off", outcome("done", 2), "does not hold every approved write"),
    ("broke off", outcome("failed", 0), "holds writes"),
    ("broke off", outcome("partial", 2), "counts 2 changes as done"),
    ("first write refused", outcome("done", 2), "does not hold every approved write"),
]


@pytest.mark.parametrize(("trouble", "forge", "said"), LIES)
def test_a_record_that_contradicts_its_journal_is_refused_and_named(
    tmp_path: Path, trouble: str, forge: Forge, said: str
) -> None:
    folder = forged(ran(tmp_path, trouble), forge)
    with pytest.raises(Refused) as caught:
        seal(folder, None, clock=lambda: b.NOW)
    assert caught.value.code == "record-contradicts-journal"
    assert said in caught.value.message
    assert not folder.sealed
    with patch("runbook_lib.record.sealable.record_contradictions", lambda *_: []):
        seal(folder, None, clock=lambda: b.NOW)
    found = verified_record(folder)
    assert not found.ok
    assert any(said in problem for problem in found.problems)


@pytest.mark.parametrize(("value", "done"), [("done", 2), ("done", 0), ("partial", 0), ("verification-failed", 0)])
def test_without_a_journal_nothing_was_carried_out(tmp_path: Path, value: str, done: int) -> None:
    folder = forged(ran(tmp_path, "", *APPROVED[:3], "gate"), outcome(value, done))
    with pytest.raises(Refused, match="there is no journal"):
        seal(folder, None, clock=lambda: b.NOW)


WAITING = [
    (other(outcome="nothing-to-do", exit_code=0, error=None), "2 changes were planned"),
    (other(changes={"planned": 0, "done": 0}), "counts 0 changes as planned"),
    (other(outcome="done", exit_code=0, error=None, changes={"planned": 0, "done": 0}), "nothing was planned"),
    (other(plan=None), "its plan is another one than plan.json"),
    (other_plan, "its plan is another one than plan.json"),
    (other(exit_code=0), "the exit code 0 of another outcome"),
]


@pytest.mark.parametrize(("forge", "said"), WAITING)
def test_a_record_that_waits_says_what_its_plan_does(tmp_path: Path, forge: Forge, said: str) -> None:
    folder = forged(ran(tmp_path, "", *APPROVED[:3], "gate"), forge)
    with pytest.raises(Refused, match=said):
        seal(folder, None, clock=lambda: b.NOW)


def test_a_journal_that_drift_closed_is_not_done_because_its_plan_is_gone(tmp_path: Path) -> None:
    folder = forged(ran(tmp_path, "first write refused"), outcome("done", 2))
    (folder.path / "plan.json").unlink()
    with pytest.raises(Refused, match="does not hold every approved write"):
        seal(folder, None, clock=lambda: b.NOW)


@pytest.mark.parametrize("trouble", ["", "broke off", "first write refused", "disk full", "read-back differs"])
def test_what_really_happened_is_sealed(tmp_path: Path, trouble: str) -> None:
    folder = ran(tmp_path, trouble)
    seal(folder, None, clock=lambda: b.NOW)
    assert verified_record(folder).ok


def test_a_resumed_change_is_sealed_with_what_both_runs_wrote(tmp_path: Path) -> None:
    cells = all_cells(Cells(tmp_path), *APPROVED[:5])
    cells.trouble = "broke off"
    cells.run("apply")
    cells.trouble = ""
    again = all_cells(cells, "begin", "read", "plan", "gate", "apply", "read back", "finish").runs[1].record.folder
    assert json.loads((again.path / "record.json").read_bytes())["outcome"] == "done"
    for folder in (cells.runs[0].record.folder, again):
        seal(folder, None, clock=lambda: b.NOW)
        assert verified_record(folder).ok
    (again.path / "journal.jsonl").write_text("")
    assert any("does not hold every approved write" in problem for problem in verified_record(again).problems)
