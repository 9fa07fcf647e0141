"""SIGKILL in the middle of a change on a real DC: the same command finishes it without a new approval.

A real DC cannot hold a write, so the process is killed as soon as its journal has so many lines: before a write, after
one, or between the two, as chance has it. The end state must be the same every time.
"""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.change.journal import JOURNAL_FILE, journals_of, open_chain
from runbook_lib.errors import AwaitingApproval
from runbook_lib.routes.registry import ROUTES
from tests.samba.cloud import GROUPS, SambaCloud
from tests.samba.lab import SambaLab
from tests.samba.operator import BOOKKEEPING, ROOT, Content, Operator, content, groups_in, named_for, outside
from tests.support.plain import run_plain

ENABLE, DISABLE = "30-enable-writeback", "40-disable-writeback"
HOUR = timedelta(hours=1)
IDENTITY = frozenset({"objectGUID", "objectSid", "whenCreated", "uSNCreated"})
"""What AD gives every new object anew."""


@pytest.fixture
def operator(
    write_parameters: Callable[..., Path], samba_cloud: SambaCloud, samba: SambaLab, tmp_path: Path
) -> Iterator[Operator]:
    yield Operator(write_parameters, samba_cloud, tmp_path / "records")
    empty(samba)


def below(samba: SambaLab, unit: str) -> Content:
    """Groups below an OU by DN, without what differs between two equal objects."""
    found = content(samba, unit, but=BOOKKEEPING | IDENTITY)
    return {values["dn"][0].decode(): values for values in found.values() if b"group" in values["objectClass"]}


def empty(samba: SambaLab) -> None:
    """Both OUs as they were before any test: the administrator deletes every group."""
    for unit in (samba.target_ou, samba.retired_ou):
        for dn in below(samba, unit):
            samba.tools.modify(f"dn: {dn}\nchangetype: delete\n" if dn.isascii() else _encoded(dn))


def _encoded(dn: str) -> str:
    return f"dn:: {base64.b64encode(dn.encode()).decode()}\nchangetype: delete\n"


def parameters(operator: Operator, notebook: str, change_id: str) -> Path:
    """The parameters file of a change."""
    told = {**operator.cloud.parameters(), **named_for(notebook), "change_id": change_id}
    return operator.write_parameters(**told, records_dir=str(operator.records))


def plan_and_approve(operator: Operator, notebook: str, change_id: str) -> Path:
    """Plan in this process and approve; returns the parameters file."""
    path = parameters(operator, notebook, change_id)
    with pytest.raises(AwaitingApproval):
        run_plain(notebook, path, {})
    record = operator.record(change_id)
    approve_plan(
        record,
        ROUTES,
        approver="Lane",
        phrase=planned(record, ROUTES).phrase,
        valid=HOUR,
        clock=lambda: datetime.now(UTC),
    )
    return path


def finish(operator: Operator, notebook: str, change_id: str, path: Path) -> None:
    """Run; the change is then complete and nothing of it is open."""
    outcome = run_plain(notebook, path, {}).record.outcome
    assert outcome is not None
    assert outcome.good
    assert open_chain(journals_of(operator.records / change_id, ROUTES)) == []


def change(operator: Operator, notebook: str, change_id: str) -> None:
    """Plan, approve and apply in this process."""
    finish(operator, notebook, change_id, plan_and_approve(operator, notebook, change_id))


def kill_at_line(operator: Operator, notebook: str, change_id: str, path: Path, lines: int) -> bool:
    """Start the applying run in a plain process and kill it once its journal has that many lines.

    Returns:
        Whether the change was open then: it may have been done already.
    """
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.plain", notebook, str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    try:
        while time.monotonic() < end and process.poll() is None:
            found = [
                journal.read_bytes().count(b"\n")
                for journal in (operator.records / change_id).glob(f"*/{JOURNAL_FILE}")
            ]
            if found and max(found) >= lines:
                break
    finally:
        process.kill()
        process.communicate()
    return bool(open_chain(journals_of(operator.records / change_id, ROUTES)))


def test_a_killed_change_is_finished_by_the_same_command(operator: Operator, samba: SambaLab) -> None:
    before = outside(samba)
    empty(samba)
    change(operator, ENABLE, "UNDISTURBED")
    wanted = below(samba, samba.target_ou)
    assert len(wanted) == len(GROUPS)
    broken = 0
    for lines in (1, 2, 4, 7):
        empty(samba)
        change_id = f"KILL{lines}"
        path = plan_and_approve(operator, ENABLE, change_id)
        broken += kill_at_line(operator, ENABLE, change_id, path, lines)
        finish(operator, ENABLE, change_id, path)
        assert below(samba, samba.target_ou) == wanted
    assert broken >= 3
    assert outside(samba) == before


def test_a_killed_retirement_is_finished_by_the_same_command(operator: Operator, samba: SambaLab) -> None:
    """Back and forth with the same objects: enabling a retired group restores it."""
    before = outside(samba)
    empty(samba)
    change(operator, ENABLE, "THERE")
    enabled = groups_in(samba, samba.target_ou)
    change(operator, DISABLE, "UNDISTURBED")
    wanted = groups_in(samba, samba.retired_ou)
    assert set(wanted) == set(enabled)
    broken = 0
    for lines in (1, 3, 6):
        change(operator, ENABLE, f"BACK{lines}")
        assert groups_in(samba, samba.target_ou) == enabled
        change_id = f"KILL{lines}"
        path = plan_and_approve(operator, DISABLE, change_id)
        broken += kill_at_line(operator, DISABLE, change_id, path, lines)
        finish(operator, DISABLE, change_id, path)
        assert (groups_in(samba, samba.target_ou), groups_in(samba, samba.retired_ou)) == ({}, wanted)
    assert broken >= 2
    assert outside(samba) == before
