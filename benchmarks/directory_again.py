"""AD read again by what changed, beside the whole reading before it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from benchmarks.results import Row, Run, once
from rehearsal.process import RunningRehearsal
from runbook_lib.directory.again import DomainReader
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.model.directory import DirectorySnapshot
from runbook_lib.parameters.model import Parameters


def row(running: RunningRehearsal, told: Parameters, runs: int) -> Row:
    """A domain in which one group in a hundred has another description."""
    work, goal = "AD: read again, 1 % of the groups changed since", "≤ 1/10"
    again, whole = list[Run](), list[Run]()
    gone = f"CN=Gone before,{told.target_ou}"
    running.control.edit_directory("add", gone, attributes={"objectClass": "contact"})
    running.control.edit_directory("delete", gone)  # so that it is seen who may list deleted objects
    for turn in range(runs):
        with open_directory(told, environment={}, clock=_now, sleep=time.sleep) as directory:
            reader = DomainReader(_now, keep=True)
            first, snapshot = _reading(directory, reader, told)
            for group in snapshot.groups[::100]:
                running.control.edit_directory("modify", group.dn, attributes={"description": f"Turn {turn}"})
            second, snapshot = _reading(directory, reader, told)
        if not any("with uSNChanged above" in sentence for sentence in snapshot.reading.proof):
            return Row(work, goal, "first reading", why=str(snapshot.reading.proof[-1]))
        whole.append(first)
        again.append(second)
    return Row(work, goal, "the first reading of the same run", again, whole)


def _reading(directory: Directory, reader: DomainReader, told: Parameters) -> tuple[Run, DirectorySnapshot]:
    found: list[DirectorySnapshot] = []

    def work() -> int:
        found.append(reader.read(directory, told.target_ou, told.retired_ou))
        return found[0].reading.requests

    return once(work), found[0]


def _now() -> datetime:
    return datetime.now(UTC)
