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

from runbook_lib.errors import AwaitingApproval
from runbook_lib.writeback.approval import approve, planned
from runbook_lib.writeback.journal import FILE_NAME, journals_of, open_chain
from tests.samba.cloud import GROUPS, SambaCloud
from tests.samba.lab import SambaLab
from tests.samba.test_whole_path import BOOKKEEPING, ROOT, Content, Operator, content, outside
from tests.support.plain import run_plain

NOTEBOOK = "30-enable-writeback"
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


def parameters(operator: Operator, change_id: str) -> Path:
    """The parameters file of a change."""
    told = {**operator.cloud.parameters(), "select_names": list(GROUPS), "change_id": change_id}
    return operator.write_parameters(**told, records_dir=str(operator.records))


def kill_at_line(operator: Operator, change_id: str, path: Path, lines: int) -> None:
    """Start the applying run in a plain process and kill it once its journal has that many lines."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.plain", NOTEBOOK, str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    try:
        while time.monotonic() < end and process.poll() is None:
            found = [
                journal.read_bytes().count(b"\n") for journal in (operator.records / change_id).glob(f"*/{FILE_NAME}")
            ]
            if found and max(found) >= lines:
                break
    finally:
        process.kill()
        process.communicate()


def test_a_killed_change_is_finished_by_the_same_command(operator: Operator, samba: SambaLab) -> None:
    before = outside(samba)
    empty(samba)
    operator.through_the_gate(NOTEBOOK, "UNDISTURBED")
    wanted = below(samba, samba.target_ou)
    assert len(wanted) == len(GROUPS)
    broken = 0
    for lines in (1, 2, 4, 7):
        empty(samba)
        change_id = f"KILL{lines}"
        path = parameters(operator, change_id)
        with pytest.raises(AwaitingApproval):
            run_plain(NOTEBOOK, path, {})
        record = operator.record(change_id)
        approve(record, approver="Lane", phrase=planned(record).phrase, valid=HOUR, clock=lambda: datetime.now(UTC))
        kill_at_line(operator, change_id, path, lines)
        broken += bool(open_chain(journals_of(operator.records / change_id)))
        outcome = run_plain(NOTEBOOK, path, {}).record.outcome
        assert outcome is not None
        assert outcome.good
        assert below(samba, samba.target_ou) == wanted
        assert open_chain(journals_of(operator.records / change_id)) == []
    assert broken >= 3
    assert outside(samba) == before
