"""Plain papermill and nbconvert: the gate stops them, the record says how it ended, ``gwb seal`` closes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from rehearsal.process import RunningRehearsal
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.journey import latest_record
from tests.support.plain import ROOT
from tests.unit.edges.readers import assert_quiet

NOTEBOOK = str(ROOT / "notebooks" / "30-enable-writeback.ipynb")
NAMES = ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "$(Remove-Item -Recurse C:\\)"]


@dataclass
class Desk:
    """A folder with a parameters file, and the commands as a person types them."""

    rehearsal: RunningRehearsal
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "mine.yaml"

    def command(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("JPY_", "GWB_"))}
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=ROOT, env=clean | environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def papermill(self, output: str, *more: str) -> subprocess.CompletedProcess[str]:
        target = str(self.folder / output)
        return self.command("papermill", "--no-progress-bar", NOTEBOOK, target, "-f", str(self.file), *more)

    def nbconvert(self, output: str, *more: str, by: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """``by`` is what starts it, if it is not started itself."""
        words = (*by, "nbconvert", "--to", "notebook", "--execute", NOTEBOOK)
        place = ("--output-dir", str(self.folder), "--output", output)
        return self.command(*words, *place, *more, GWB_PARAMETERS=str(self.file))

    def record(self) -> Path:
        return latest_record(self.folder / "records" / "CHG-PLAIN")

    def facts(self) -> dict[str, object]:
        facts: dict[str, object] = json.loads((self.record() / "record.json").read_bytes())
        return facts

    def seal(self, output: str) -> None:
        """The record is open, is sealed, and is whole."""
        record = self.record()
        assert self.command("runbook_lib.runner", "verify-record", str(record)).returncode == 5
        done = self.command("runbook_lib.runner", "seal", str(record), str(self.folder / output))
        assert done.returncode == 0, done.stderr
        assert verified_record(RecordFolder.open(record)).ok


@pytest.fixture
def desk(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> Desk:
    given = {"records_dir": str(tmp_path / "records"), "change_id": "CHG-PLAIN", "select_names": NAMES}
    theirs = yaml.safe_load(fresh_rehearsal.parameters_file.read_text(encoding="utf-8"))
    # JSON is YAML.
    (tmp_path / "mine.yaml").write_text(json.dumps(theirs | given), encoding="utf-8")
    return Desk(fresh_rehearsal, tmp_path)


def test_the_gate_stops_them_and_after_an_approval_they_write(desk: Desk) -> None:
    stopped = desk.papermill("closed.ipynb")
    assert stopped.returncode == 1
    assert "Awaiting approval: " in stopped.stderr
    assert "gwb approve" in stopped.stderr
    assert_quiet(stopped.stdout + stopped.stderr, breaks="\n\r\t\x1b")
    facts = desk.facts()
    assert (facts["outcome"], facts["exit_code"], facts["mode"]) == ("awaiting-approval", 4, "record")
    planning = desk.record()
    page = (planning / "record.html").read_text(encoding="utf-8")
    assert "This record is open" in page
    assert "What will change, once approved" in page
    desk.seal("closed.ipynb")
    assert "not run: awaiting approval" in (planning / "record.html").read_text(encoding="utf-8")

    # Below a closed gate nothing is written, also by a tool that goes on after errors.
    going_on = desk.nbconvert("going-on", "--allow-errors")
    assert going_on.returncode == 0, going_on.stderr
    assert desk.record() != planning
    assert desk.rehearsal.control.writes()["count"] == 0
    assert not (desk.record() / "journal.jsonl").exists()
    assert (desk.facts()["outcome"], desk.facts()["exit_code"]) == ("awaiting-approval", 4)

    phrase = planned(planning, ROUTES).phrase
    approve_plan(
        planning, ROUTES, approver="Kim", phrase=phrase, valid=timedelta(hours=1), clock=lambda: datetime.now(UTC)
    )
    written = desk.nbconvert("done", by=["jupyter"])
    assert written.returncode == 0, written.stderr
    assert (desk.facts()["outcome"], desk.facts()["changes"]) == ("done", {"planned": 3, "done": 3})
    names = [a.get("displayName") for a in desk.rehearsal.control.directory().values()]
    assert all([name] in names for name in NAMES)
    wrong = desk.command("runbook_lib.runner", "seal", str(desk.record()), str(desk.folder / "closed.ipynb"))
    assert wrong.returncode == 2
    assert f"it holds outputs of {planning.name}" in wrong.stderr
    desk.seal("done.ipynb")


def test_a_mistake_is_one_sentence_and_leaves_no_record(desk: Desk) -> None:
    stopped = desk.papermill("wrong.ipynb", "-p", "max_creats", "5")
    assert stopped.returncode == 1
    assert "max_creates" in stopped.stderr
    assert not (desk.folder / "records").exists()
