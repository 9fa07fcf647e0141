"""Steps that several tests of whole notebooks share."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rehearsal.options import LEAST_STAFF, StartOptions
from rehearsal.process import RunningRehearsal
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.errors import AwaitingApproval
from runbook_lib.notebook.run import Run
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.seal import seal
from runbook_lib.routes.registry import ROUTES
from tests.support.plain import run_plain

Objects = dict[str, dict[str, list[str]]]

SMALL = StartOptions(staff=LEAST_STAFF)
"""A tenth of the people; tests/notebooks/test_journey.py and ``gwb demo`` have them all."""
TARGET_OU = "OU=Cloud Groups,DC=contoso,DC=com"
RETIRED_OU = "OU=Retired Cloud Groups,DC=contoso,DC=com"
_UNSTEADY = frozenset({"whenChanged", "whenCreated", "uSNChanged", "uSNCreated", "dSCorePropagationData"})
_BACK_LINKS = frozenset({"memberOf"})


def plan_and_approve(
    rehearsal: RunningRehearsal, notebook: str, given: Mapping[str, str], *, valid: timedelta = timedelta(hours=1)
) -> Path:
    """Plan in this process and approve; returns the planning run's record."""
    try:
        run_plain(notebook, rehearsal.parameters_file, given)
    except AwaitingApproval:
        pass
    else:
        raise AssertionError("the gate let an unapproved plan through")
    record = latest_record(Path(given["records_dir"]) / given["change_id"])
    approve_plan(
        record,
        ROUTES,
        approver="Test",
        phrase=planned(record, ROUTES).phrase,
        valid=valid,
        clock=lambda: datetime.now(UTC),
    )
    return record


def change(rehearsal: RunningRehearsal, notebook: str, given: Mapping[str, str]) -> Run:
    """Plan, approve and carry out in this process."""
    plan_and_approve(rehearsal, notebook, given)
    return run_plain(notebook, rehearsal.parameters_file, given)


def gwb_command(rehearsal: RunningRehearsal, notebook: str, given: Mapping[str, str]) -> list[str]:
    """Command line of ``gwb run`` with these parameters, in another process."""
    words = [word for name, value in given.items() for word in ("-p", name, value)]
    runner = [sys.executable, "-m", "runbook_lib.runner", "run", notebook]
    return [*runner, "-f", str(rehearsal.parameters_file), "--quiet", *words]


def latest_record(change_folder: Path) -> Path:
    """The newest run of a change."""
    runs = [path for path in change_folder.iterdir() if (path / "record.json").is_file()]
    return max(runs, key=lambda path: (path / "record.json").stat().st_mtime_ns)


def sealed_record(change_folder: Path) -> Path:
    """The newest run of a change, sealed as ``gwb seal`` does."""
    record = latest_record(change_folder)
    folder = RecordFolder.open(record)
    if not folder.sealed:
        seal(folder, None, clock=lambda: datetime.now(UTC))
    return record


def sealed_by_itself(change_folder: Path) -> Path:
    """The newest run of a change, once JupyterLab's kernel has sealed it: it does so after its last cell."""
    record = latest_record(change_folder)
    until = time.monotonic() + 300
    while not RecordFolder.open(record).sealed:
        assert time.monotonic() < until, f"nobody sealed {record}"
        time.sleep(0.1)
    return record


def written_objects(objects: Objects) -> Objects:
    """What stands below the two OUs, without attributes that differ from run to run."""
    return {
        dn: {name: sorted(values) for name, values in attributes.items() if name not in _UNSTEADY}
        for dn, attributes in objects.items()
        if dn.endswith((TARGET_OU, RETIRED_OU))
    }


def other_objects(objects: Objects) -> Objects:
    """Everything else; back links are somebody else's attribute."""
    return {
        dn: {name: values for name, values in attributes.items() if name not in _BACK_LINKS}
        for dn, attributes in objects.items()
        if not dn.endswith((TARGET_OU, RETIRED_OU))
    }
