"""Runs of notebooks against one rehearsal, one change after the other, by the names that a test gives them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.parameters.load import load_parameters
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner.run import RunResult, run_notebook
from tests.support.plain import ROOT


def acknowledged(*findings: str) -> str:
    """Findings that are known and accepted, as a parameter."""
    return json.dumps([{"finding": one, "by": "Kim", "reason": "known", "until": "2099-01-01"} for one in findings])


def collected(running: RunningRehearsal, path: Path) -> str:
    """Write the evidence of the Connect server to a file, as the collector would now; its path, as a parameter."""
    path.write_text(str(running.control.connect_sync("evidence")["file"]), encoding="utf-8")
    return str(path)


def written_by_v1(running: RunningRehearsal) -> dict[str, dict[str, list[str]]]:
    """Groups in v1's OU: anchor to attributes, with ``dn`` among them."""
    return {
        values["adminDescription"][0]: {**values, "dn": [dn]}
        for dn, values in running.control.directory().items()
        if dn.endswith(f",{names.CONNECT_OU}") and "adminDescription" in values
    }


class NotebookRuns:
    """A rehearsal, and what was run against it."""

    def __init__(self, running: RunningRehearsal, records: Path) -> None:
        self.running = running
        self.records = records
        self.secret = (running.folder.path / "client-secret.txt").read_text().strip()
        self.results: dict[str, RunResult] = {}

    def once(self, notebook: str, change_id: str, given: Mapping[str, str]) -> RunResult:
        """One run, whatever else is under way."""
        told = {"change_id": change_id, "sign_in": "secret", "records_dir": str(self.records), **given}
        return run_notebook(
            ROOT / "notebooks" / f"{notebook}.ipynb",
            load_parameters([self.running.parameters_file], told, project_root=ROOT),
            project_root=ROOT,
            environment={**os.environ, "GWB_CLIENT_SECRET": self.secret},
            clock=lambda: datetime.now(UTC),
        )

    def alone(self, name: str, notebook: str, change_id: str, given: Mapping[str, str]) -> RunResult:
        """One run while no other writes, kept under a name."""
        # Every rehearsal has the same tenant and domain, which are what a run locks on this machine.
        result = self.once(notebook, change_id, given)
        while result.title == "Another run is writing":
            time.sleep(0.5)
            result = self.once(notebook, change_id, given)
        self.results[name] = result
        return result

    def approve(self, name: str) -> None:
        """Approve what a run planned."""
        record = self.record(name)
        phrase = planned(record, ROUTES).phrase
        hour = timedelta(hours=1)
        approve_plan(record, ROUTES, approver="Kim", phrase=phrase, valid=hour, clock=lambda: datetime.now(UTC))

    def record(self, name: str) -> Path:
        """Folder of a run."""
        path = self.results[name].record
        assert path is not None, self.results[name].message
        return path

    def facts(self, name: str) -> dict[str, Any]:
        """Facts of a run."""
        found: dict[str, Any] = json.loads((self.record(name) / "record.json").read_text(encoding="utf-8"))
        return found
