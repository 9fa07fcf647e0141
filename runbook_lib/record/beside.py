"""What lies beside record.json in the folder of a run, and in those of its change, for the page of a record.

A file that is missing, damaged or redacted is left out: the page says what it knows, and ``gwb verify-record`` says
what is wrong with a file.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.change.plan_file import read_plan
from runbook_lib.errors import RunbookError
from runbook_lib.files import DRIFT, GROUPS_TABLE, PAGE, RECORD
from runbook_lib.model.change import Plan
from runbook_lib.model.moment import moment_in
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.mappings import mapping_in, mapping_of_file
from runbook_lib.record.run_end import WrittenJournal, written_by
from runbook_lib.routes.registry import ROUTES
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One line of drift.csv: what a group should be by the cloud, and what AD has."""

    group: str
    what: str
    expected: str
    seen: str
    reason: str


@dataclass(frozen=True, slots=True)
class ApprovedRun:
    """An earlier run of the same change that wrote under an approval.

    Attributes:
        approval: As its record.json has it.
        page: Whether there is a page of it.
    """

    run_id: str
    approval: Mapping[str, Any]
    page: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """What was found.

    Attributes:
        plan: Of plan.json, whose digest it has.
        differences: Of drift.csv, in its order.
        written: What the journal says; None where there is none.
        approved_before: The latest earlier run of the change that has an approval.
        inventory: State and kind of every group, of a run that changes nothing and keeps them all; else empty.
    """

    plan: Plan | None = None
    differences: tuple[DriftRow, ...] = ()
    written: WrittenJournal | None = None
    approved_before: ApprovedRun | None = None
    inventory: tuple[tuple[str, str], ...] = ()


def read_beside(folder: RecordFolder, facts: Mapping[str, Any]) -> Beside:
    """Read it, for a run with these facts of record.json."""
    return Beside(
        plan=_plan(folder.path),
        differences=_differences(folder.path / DRIFT),
        written=written_by(folder.path),
        approved_before=_approved_before(folder, moment_in(facts.get("started"))),
        inventory=_inventory(folder.path / GROUPS_TABLE, facts),
    )


def _plan(path: Path) -> Plan | None:
    try:
        return read_plan(path, ROUTES)
    except RunbookError:
        return None


def _differences(path: Path) -> tuple[DriftRow, ...]:
    columns = ("display_name", "what", "expected", "seen", "reason")
    return tuple(DriftRow(*(row.get(column, "") for column in columns)) for row in _rows(path))


def _inventory(path: Path, facts: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    kept = mapping_in(mapping_in(mapping_in(facts.get("snapshots")).get("tables")).get("groups"))
    if facts.get("plan") is not None or not kept or kept.get("rows") != kept.get("kept"):
        return ()
    return tuple((row.get("state", ""), row.get("kind", "")) for row in _rows(path))


def _rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table of the record; none where it is not there or cannot be read."""
    # pandas takes a second to load, and most records have no such file.
    if not path.is_file():
        return []
    from runbook_lib.record.tables import rows_of_csv

    try:
        return rows_of_csv(read_plain(path, largest=LARGEST_PLAN).data.decode("utf-8-sig"))
    except (OSError, Unfit, ValueError, csv.Error):
        return []


def _approved_before(folder: RecordFolder, started: datetime | None) -> ApprovedRun | None:
    found: list[tuple[datetime, str, Mapping[str, Any]]] = []
    for path in folder.change_folder.glob(f"*/{RECORD}"):
        if path.parent.name == folder.run_id or started is None:
            continue
        facts = mapping_of_file(path)
        began = moment_in(facts.get("started"))
        if began is not None and began <= started and isinstance(facts.get("approval"), dict):
            found.append((began, path.parent.name, facts["approval"]))
    if not found:
        return None
    _, run_id, approval = max(found, key=lambda one: one[:2])
    return ApprovedRun(run_id, approval, page=(folder.change_folder / run_id / PAGE).is_file())
