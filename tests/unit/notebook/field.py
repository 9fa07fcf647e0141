"""Whole changes in this process: the steps of a notebook on an embedded directory and a cloud of three groups."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.errors import RunbookError
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.cloud import CloudPrincipal
from runbook_lib.model.outcome import Outcome
from runbook_lib.notebook import change as change_module
from runbook_lib.notebook import run as run_module
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.run import Run
from runbook_lib.parameters.load import parameters_from_values
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b
from tests.unit.directory.embedded import ADMINISTRATOR, BASE, RETIRED, TARGET, Embedded, clock, running

NAMES = ("Board", "Sales", "Vault")
GROUPS = [b.cloud_group(name) for name in NAMES]
PEOPLE = ("Ana", "Bo", "Cy")
CHANGE = "CHG1"
ENABLE, DISABLE, UNDO = "30-enable-writeback", "40-disable-writeback", "60-undo-change"
NOW = clock()


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Field:
    """One directory, one cloud, one records folder; every run is a new one of the same change."""

    embedded: Embedded
    directory: Directory
    records: Path
    people: list[CloudPrincipal]
    now: datetime = NOW
    gone: tuple[str, ...] = ()
    target: str = TARGET
    retired: str = RETIRED
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    before_send: Callable[[int], None] = lambda _: None
    sent: int = 0
    known: Inventory | None = None
    earlier: list[tuple[tuple[Any, ...], Inventory]] = field(default_factory=list)
    """What was made of which state of both sides: of the same objects at the same time nothing is read twice."""

    @property
    def folder(self) -> Path:
        """Folder of the change."""
        return self.records / CHANGE

    def inventory(self) -> Inventory:
        """Both sides as they are now, or once as they were read before."""
        if self.known is not None:
            known, self.known = self.known, None
            return known
        groups = [group for group in GROUPS if group.display_name not in self.gone]
        store = self.embedded.store
        # Objects are never changed, only replaced, so comparing two states is comparing identities for the most part.
        state = (groups, [*self.people], self.target, self.retired, self.now, store.snapshot())
        for seen, inventory in self.earlier:
            if seen == state:
                return inventory
        cloud = b.cloud_side(groups, {group.display_name: self.people for group in groups})
        cloud = replace(cloud, reading=replace(cloud.reading, at=self.now))
        read = read_directory(self.directory, self.target, self.retired, clock=lambda: self.now)
        inventory = b.inventory_of(cloud, read)
        self.earlier = [(state, inventory), *self.earlier[:7]]
        return inventory

    def begin(self, notebook: str = ENABLE, **told: Any) -> Run:
        """A new run under this change id, before its first step."""
        values: dict[str, Any] = {
            "change_id": CHANGE,
            "records_dir": str(self.records),
            "tenant_id": b.TENANT,
            "target_ou": self.target,
            "retired_ou": self.retired,
            "disable_names" if notebook == DISABLE else "select_names": ["Sales", "Board"],
            "group_type": "distribution",
            "max_creates": 2,
            "acknowledge": [
                {"finding": "target-ou-sync-scope", "by": "K", "reason": "test", "until": "2030-01-01"},
            ],
        }
        parameters = parameters_from_values(values | told, source="test")
        folder = RecordFolder.create(self.records, CHANGE, f"20261122T06{next(self.numbers):06d}-{notebook[:2]}")
        record = RunRecord.begin(
            folder,
            notebook_name=notebook,
            notebook_sha256="",
            mode="record",
            started=self.now,
            parameters={},
            versions={},
        )
        context = RunContext(parameters=parameters, record=record, environment={}, clock=lambda: self.now)
        return Run(context, notebook)

    def steps(self, run: Run) -> None:
        """Every step of a notebook that writes."""
        inventory = run.read_inventory()
        make = {ENABLE: run.plan_enable, DISABLE: run.plan_disable, UNDO: run.plan_undo}[run.notebook]
        change = make(inventory)
        change.require_approval()
        change.apply()
        change.verify()
        run.finish()

    def run(self, notebook: str = ENABLE, **told: Any) -> tuple[Run, RunbookError | None]:
        """One run as a notebook makes it: an error of a cell ends it with its verdict."""
        run = self.begin(notebook, **told)
        try:
            self.steps(run)
        except RunbookError as error:
            run.ended_with(error)
            return run, error
        except Killed:
            run.context.close()
            raise
        return run, None

    def approve(self, record: Path | None = None, valid: timedelta = timedelta(hours=4)) -> Path:
        """Approve what a run planned, the newest unless told otherwise."""
        record = record or self.runs()[-1]
        return approve_plan(
            record, ROUTES, approver="Kim", phrase=planned(record, ROUTES).phrase, valid=valid, clock=lambda: self.now
        )

    def planned(self, notebook: str = ENABLE, **told: Any) -> Run:
        """A run that waits for an approval, and its approval."""
        run, error = self.run(notebook, **told)
        assert run.record.outcome is Outcome.AWAITING_APPROVAL, error
        self.approve()
        return run

    def killed(self, at: int, notebook: str = ENABLE, **told: Any) -> Path:
        """Plan, approve, and die right before the write ``at`` (from 1) is sent; the run's folder."""
        self.planned(notebook, **told)
        return self.dies(at, notebook, **told)

    def dies(self, at: int, notebook: str = ENABLE, **told: Any) -> Path:
        """Die right before the write ``at`` of the next run; the run's folder."""
        self.kill_before(at)
        with pytest.raises(Killed):
            self.run(notebook, **told)
        self.before_send = lambda _: None
        return self.runs()[-1]

    def kill_before(self, at: int) -> None:
        """Die right before the write ``at`` from now on is sent."""
        self.sent = 0

        def dying(number: int) -> None:
            if number == at:
                raise Killed

        self.before_send = dying

    def runs(self) -> list[Path]:
        """Folders of the runs, in their order."""
        return sorted(path for path in self.folder.iterdir() if (path / "record.json").is_file())

    def seal(self, run: Path) -> None:
        """Seal a record as ``gwb run`` does."""
        seal(RecordFolder.open(run), None, clock=lambda: self.now)

    def groups(self) -> dict[str, list[str]]:
        """Display name to members of everything below the two OUs."""
        found = {}
        for node in self.embedded.store.tree.nodes.values():
            dn = self.embedded.store.tree.dn(node.guid)
            if "group" in node.classes and not node.deleted and dn.endswith((self.target, self.retired)):
                entry = self.directory.read_dn(dn, ["displayName", "member", "groupType"])
                assert entry is not None
                found[f"{entry.text('displayName')}"] = sorted(entry.texts("member"))
        return found

    def lines(self, run: Path) -> list[dict[str, Any]]:
        """Lines of a journal."""
        return [json.loads(line) for line in (run / "journal.jsonl").read_bytes().splitlines()]

    def write_lines(self, run: Path, lines: list[dict[str, Any]]) -> None:
        """Write a journal by hand, as somebody does who knows how its lines follow each other."""
        run.mkdir(exist_ok=True)
        data: list[bytes] = []
        for line in lines:
            told = {key: value for key, value in line.items() if key != "previous"}
            told |= {"previous": hashlib.sha256(data[-1]).hexdigest()} if data else {}
            data.append(json.dumps(told).encode())
        (run / "journal.jsonl").write_bytes(b"".join(line + b"\n" for line in data))

    def clear(self) -> None:
        """Nothing was ever planned here."""
        shutil.rmtree(self.records, ignore_errors=True)
        self.now = NOW
        self.gone, self.target, self.retired, self.known = (), TARGET, RETIRED, None
        self.before_send = lambda _: None


def person(embedded: Embedded, name: str) -> CloudPrincipal:
    """A synchronized user with an AD account."""
    dn = f"CN={name},OU=Staff,{BASE}"
    embedded.store.add(dn, {"objectClass": "user", "sAMAccountName": name})
    key = base64.b64encode(embedded.store.node(dn).guid).decode()
    return b.person(name, immutable_id=key, on_premises_sync_enabled=True)


@contextmanager
def standing_field(folder: Path, patched: pytest.MonkeyPatch) -> Iterator[Field]:
    """Start the directory and let runs of this process reach it."""
    with running(folder) as embedded:
        people = [person(embedded, name) for name in PEOPLE]
        with embedded.open(bind_user=ADMINISTRATOR) as directory:
            field = Field(embedded, directory, folder / "records", people)
            send = directory._send

            def counted(*arguments: Any, **named: Any) -> Any:
                field.sent += 1
                field.before_send(field.sent)
                return send(*arguments, **named)

            patched.setattr(directory, "_send", counted)
            # Nothing here survives a power failure, and waiting for the disk is most of a run's time.
            patched.setattr("os.fsync", lambda _: None)
            # One connection for all runs: opening one costs more than everything else of a run.
            patched.setattr(RunContext, "connect_directory", lambda _: directory)
            for module in (run_module, change_module):
                patched.setattr(module, "read_sides", lambda *_, **__: field.inventory())
            # Tables and a workbook for every run cost more than the run; test_kept_tables looks at them.
            patched.setattr(change_module, "keep_groups", lambda *_: None)
            yield field
