"""What the steps of a run share: looking at it opens and writes nothing, and many findings are one write."""

from __future__ import annotations

import inspect
import socket
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import t
from runbook_lib.notebook import RunContext
from runbook_lib.notebook.course import NotebookStep
from runbook_lib.notebook.run import Run
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord
from tests.support import builders as b


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    """Of a run whose parameters would let it connect."""
    told = {
        "change_id": "CHG1",
        "records_dir": str(tmp_path),
        "tenant_id": b.guid("tenant"),
        "client_id": b.guid("client"),
        "certificate_file": str(tmp_path / "client.pem"),
        "dc_host": "dc1.contoso.com",
        "target_ou": "OU=Cloud,DC=contoso,DC=com",
    }
    record = RunRecord.begin(
        RecordFolder.create(tmp_path, "CHG1", "run-1"),
        notebook_name="20-inventory-groups",
        notebook_sha256="",
        mode="record",
        started=b.NOW,
        parameters=told,
        versions={},
    )
    return RunContext(parameters=Parameters.model_validate(told), record=record, environment={}, clock=lambda: b.NOW)


def test_looking_at_a_run_opens_and_writes_nothing(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a debugger, a notebook's variable viewer or tab completion does."""

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("looking at a run must not do this")

    before = {path: path.read_bytes() for path in context.record.folder.path.iterdir()}
    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr("os.fsync", forbidden)
    run = Run(context, "20-inventory-groups")
    for owner in (run, context, run.course):
        values = {name: getattr(owner, name) for name in dir(owner) if not name.startswith("__")}
        assert values
        repr(owner)
    assert "connect_directory" in dir(context)
    assert {path: path.read_bytes() for path in context.record.folder.path.iterdir()} == before


def test_a_run_is_what_cells_call_and_little_else() -> None:
    """No god object: the steps, what shows their results, and how a run ends."""
    told = {name for name, _ in inspect.getmembers(Run) if not name.startswith("_")}
    assert told == {
        *("check_ends", "show_records", "connect_server", "preflight", "show_findings", "show_hybrid"),
        *("show_hand_offs", "show_evidence", "read_inventory", "show_groups", "choose_groups", "show_members"),
        *("plan_enable", "plan_disable", "plan_undo", "check_drift"),
        *("finish", "ended_with", "give_way", "record"),
    }


def test_all_findings_of_a_step_are_one_write(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr("os.fsync", flushed.append)
    context.step(NotebookStep.PLAN)
    one_write = len(flushed)
    context.note(*(Finding(f"refused:{n}", Severity.WARNING, t("{n} is refused", n=n)) for n in range(500)))
    assert len(flushed) == 2 * one_write > 0
