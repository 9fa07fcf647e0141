"""A notebook's cells in any order, against a directory that only keeps what was written to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from runbook_lib.change.approvals.plan import approve_plan
from runbook_lib.change.journal import Journal, JournalFile
from runbook_lib.change.step import Effect
from runbook_lib.errors import BrokeOff, NoAccess, Refused, RunbookError, ServiceFailed
from runbook_lib.model.change import Change
from runbook_lib.model.directory import ControllerIdentity
from runbook_lib.model.text import t
from runbook_lib.notebook.change import ChangeSession
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.run import Run
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord
from runbook_lib.routes.direct.backup_and_verify import Checked
from runbook_lib.routes.direct.payload import DIRECT_TYPES
from runbook_lib.routes.direct.writes import writes_of
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b

NAMES = ("Marketing", "Sales")
CELLS = ("begin", "read", "plan", "gate", "apply", "read back", "finish")
"""The cells of 30-enable-writeback in their order."""
OTHERS = ("show", "scratch", "an old gate", "an old apply", "an old read back", "approve", "restart the kernel")
"""What else a person can do: run a cell with a variable that an earlier run left, or an own cell with a mistake."""
TROUBLES = ("no reading", "first write refused", "broke off", "read-back differs", "no read-back", "disk full")
UNRELATED = {
    "group_type": "security",
    "acknowledge": [
        {"finding": "target-ou-sync-scope", "by": "Kim", "until": "2026-12-31", "reason": "not what is tested here"}
    ],
}
IDENTITY = ControllerIdentity("dc1.contoso.com", "CN=NTDS Settings,CN=DC1", "11111111-0000-0000-0000-000000000000")


class Cells:
    """One kernel and its notebook. ``run(cell)`` runs one; ``trouble`` is what happens to the services meanwhile."""

    def __init__(self, records: Path, access: str = "owner") -> None:
        self.records = records
        self.access = access
        self.trouble = ""
        self.names: dict[str, Any] = {}
        self.old: dict[str, Any] = {}
        self.runs: list[Run] = []
        self.applied: set[str] = set()
        """Runs that carried out everything approved."""
        self.read_back: set[str] = set()
        """Runs of ``applied`` whose read-back was as planned."""
        self.read: set[str] = set()
        self.raised: BaseException | None = None

    def run(self, cell: str) -> None:
        """Run one cell as a kernel does: an error ends it and is told to the run that the kernel watches."""
        self.raised = None
        with self._services():
            try:
                self._cell(cell)
            except (RunbookError, KeyError, OSError, ZeroDivisionError) as error:
                self.raised = error
                if self.runs and "run" in self.names:
                    self.runs[-1].ended_with(error)

    def facts(self, run: Run) -> dict[str, Any]:
        """What record.json says on the disk."""
        found: dict[str, Any] = json.loads((run.record.folder.path / "record.json").read_bytes())
        return found

    def _cell(self, cell: str) -> None:
        names = self.names
        if cell == "begin":
            names["run"] = self._begin()
        elif cell == "restart the kernel":
            self.old, self.names = {}, {}
        elif cell == "read":
            names["inventory"] = names["run"].read_inventory()
        elif cell == "show":
            names["run"].show_groups(names["inventory"])
        elif cell == "plan":
            self.old = dict(names)
            names["change"] = names["run"].plan_enable(names["inventory"])
        elif cell == "approve":
            self._approve(names["run"])
        elif cell == "scratch":
            raise ZeroDivisionError
        elif cell == "finish":
            names["run"].finish()
        else:
            change = cast(ChangeSession, (self.old if cell.startswith("an old") else names)["change"])
            kind = cell.removeprefix("an old ")
            {"gate": change.require_approval, "apply": change.apply, "read back": change.verify}[kind]()

    def _begin(self) -> Run:
        folder = RecordFolder.create(
            self.records, "CHG1", f"20261129-{len(self.runs):04}-30-enable-writeback", access=self.access
        )
        record = RunRecord.begin(
            folder,
            notebook_name="30-enable-writeback",
            notebook_sha256="0" * 64,
            mode="interactive",
            started=b.NOW,
            parameters={},
            versions={},
        )
        context = RunContext(
            parameters=Parameters.model_validate({"change_id": "CHG1", "select_names": list(NAMES), **UNRELATED}),
            record=record,
            environment={},
            clock=lambda: b.NOW,
        )
        run = Run(context, "30-enable-writeback")
        if self.runs and "run" in self.names:
            self.runs[-1].give_way(folder.run_id)
        self.runs.append(run)
        return run

    def _approve(self, run: Run) -> None:
        plan = json.loads((run.record.folder.path / "plan.json").read_text())
        approve_plan(
            run.record.folder.path,
            ROUTES,
            approver="Kim",
            phrase=plan["phrase"],
            valid=timedelta(hours=1),
            clock=lambda: b.NOW,
        )

    def _services(self) -> ExitStack:
        stack = ExitStack()
        for name, instead in (
            ("run.read_sides", self._read),
            ("change.read_sides", self._read),
            ("change.keep_groups", lambda *_: None),
            ("direct_way.DirectWork", lambda _directory, _target, changes, **_: changes),
            ("change.carry_out", self._carry_out),
            ("direct_way.backup", lambda *_: ""),
            ("direct_way.read_back", self._verify),
            ("change.lock_path", lambda *_: self.records / "lock"),
            ("context.RunContext.connect_directory", lambda _: _Controller()),
        ):
            stack.enter_context(patch(f"runbook_lib.notebook.{name}", instead))
        return stack

    def _read(self, context: RunContext, *, keep: bool, **_: object) -> Any:
        if self.trouble == "no reading":
            raise NoAccess(t("401"), code="no-access")
        if keep:
            self.read.add(context.record.folder.run_id)
        groups = [b.cloud_group(name) for name in NAMES]
        return b.inventory_of(b.cloud_side(groups, {name: [] for name in NAMES}), b.directory_side())

    def _carry_out(
        self, changes: Sequence[Change], journal: Journal, *, earlier: Sequence[JournalFile], **_: object
    ) -> None:
        """Write into the journal what the real one does, and to nothing else: every write, or the trouble between."""
        before = {effect.write for file in earlier for effect in file.effects}
        for number, write in enumerate(w for w in writes_of(DIRECT_TYPES.changes(changes)) if w.id not in before):
            journal.begin(write.id, write.change.digest, "", write.intent())
            if self.trouble == "first write refused" and not number and not before:
                journal.close("refused")
                raise Refused(t("no right"), code="rights")
            if self.trouble == "broke off" and number:
                raise BrokeOff(t("lost"), code="broke-off")
            journal.finish(
                Effect(write.id, write.change.digest, b.guid(write.id), {"created": write.change.payload.dn})
            )
        journal.close("every approved change is carried out")
        self.applied.add(self.runs[-1].record.folder.run_id)
        if self.trouble == "disk full":
            raise ServiceFailed(t("no space"), code="record-write")

    def _verify(self, _directory: object, changes: Sequence[Change], *_: object) -> Sequence[Checked]:
        if self.trouble == "no read-back":
            raise ServiceFailed(t("gone"), code="directory-unavailable")
        wrong = (t("description"),) if self.trouble == "read-back differs" else ()
        if not wrong:
            self.read_back.add(self.runs[-1].record.folder.run_id)
        direct = DIRECT_TYPES.changes(changes)
        return [Checked(one, b.guid(one.digest), "S-1-5-21-1", one.payload.dn, wrong) for one in direct]


class _Controller:
    """Who answers, and nothing else."""

    controller = SimpleNamespace(invocation_id=IDENTITY.invocation_id, identity=IDENTITY)


def all_cells(cells: Cells, *names: str) -> Cells:
    """Run these, whatever they raise."""
    for name in names:
        cells.run(name)
    return cells
