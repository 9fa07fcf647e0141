"""Graph read again: nothing changed, 1 % changed, and throttled as a tenant of the largest class."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.results import Row, Run, once
from rehearsal.cloud.throttling import SIZES
from rehearsal.contoso.size import Size
from rehearsal.options import StartOptions
from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.kept.reader import CloudReader, InMemory
from runbook_lib.graph.kept.stored import KeptBetweenRuns
from runbook_lib.model.cloud import CloudSnapshot
from runbook_lib.model.ids import GroupId
from runbook_lib.parameters.load import load_parameters
from runbook_lib.parameters.model import Parameters
from runbook_lib.reading_file import KEY_BYTES, ReadingFile

PLANNED = 50
"""Groups of the plan, which the gate reads whatever Graph names: as many as one plan may create by default."""
_FREE = 10.0
"""Seconds in which a tenant's units come back."""


def rows(running: RunningRehearsal, told: Parameters, runs: int) -> list[Row]:
    """Readings by what changed beside the whole ones before them."""
    again, changed, later, whole = (list[Run]() for _ in range(4))
    for turn in range(runs):
        memory = InMemory()
        reader = CloudReader(told.tenant_id, memory, _now)
        first, snapshot = _reading(running, told, reader)
        ids = [group.id for group in snapshot.groups]
        whole.append(first)
        again.append(_reading(running, told, reader, ids[:PLANNED])[0])
        percent = max(1, len(ids) // 100)
        percents = [ids[start : start + percent] for start in (2 * turn * percent, (2 * turn + 1) * percent)]
        for some, found in zip(percents, (changed, later), strict=True):
            for number, group in enumerate(some):
                _edit(running, group, number, snapshot)
            if found is changed:
                found.append(_reading(running, told, reader)[0])
            else:
                found.append(_later_run(running, told, memory))
    groups = f"{len(ids):,} groups"
    return [
        Row(
            f"Graph: 1 % of {groups} changed since (a name, or a member)",
            "≤ 2 s, ≤ 1/20 of the requests",
            "the first reading of the same run",
            changed,
            whole,
        ),
        Row(
            "Graph: the same in a later run, from and to an encrypted file",
            "≤ 2 s, ≤ 1/20 of the requests",
            "the first reading of the same run",
            later,
            whole,
        ),
        Row(
            f"gate: second reading of {groups}, nothing changed, {PLANNED} of them planned",
            "≤ 1/20 of the requests",
            "the first reading of the same run",
            again,
            whole,
        ),
    ]


def throttled(folder: Path, size: Size, latency_ms: int, runs: int) -> Row:
    """A whole reading of a tenant that throttles, beside the time in which its units come back."""
    work = f"Graph: {size.groups:,} groups, {size.memberships:,} memberships, throttled as an L tenant"
    goal, beside = "≤ 1.3 ×, no request before its Retry-After", "arithmetic limit of the units that were let through"
    options = StartOptions(size=size, latency_ms=latency_ms, throttle="large")
    limit = SIZES["large"]
    ours, theirs = [], []
    with start_rehearsal(folder / "throttled", options=options) as running:
        told = load_parameters([running.parameters_file], {}, project_root=folder).parameters
        for _ in range(runs):
            before = _throttled_so_far(running)
            run, _ = _reading(running, told, CloudReader(told.tenant_id, None, _now))
            if _throttled_so_far(running) == before:
                return Row(work, goal, beside, why="a tenant of this size takes fewer units than are free at first")
            ours.append(run)
            # A part that was refused is asked for again: what had to be let through is what a reading takes in peace.
            theirs.append(Run(max(_units_in_peace(size) - limit, 0) / (limit / _FREE), 0.0))
            time.sleep(_FREE)
    return Row(work, goal, beside, ours, theirs)


def _units_in_peace(size: Size) -> int:
    """Units of a whole reading: two for each list of members, one for each page of groups and users."""
    return 2 * size.groups + -(-size.groups // 999) + -(-size.users // 999)


def _reading(
    running: RunningRehearsal, told: Parameters, reader: CloudReader, also: list[GroupId] | None = None
) -> tuple[Run, CloudSnapshot]:
    found: list[CloudSnapshot] = []

    def work() -> int:
        with open_graph(told, environment={}, clock=_now, sleep=time.sleep) as client:
            found.append(reader.read(client, also=also or ()).snapshot)
        return found[0].reading.requests

    return once(work, units=_units(running)), found[0]


def _later_run(running: RunningRehearsal, told: Parameters, memory: InMemory) -> Run:
    """A run that begins with the file that the one before left: loaded, read by what changed, saved."""
    key, kept = AESGCM.generate_key(8 * KEY_BYTES), memory.load()
    with tempfile.TemporaryDirectory() as folder:
        file = ReadingFile(Path(folder) / "kept.sqlite", lambda: key)
        if kept is None or KeptBetweenRuns(file).keep(kept):
            raise SystemExit("the reading of the run before could not be kept")
        run, snapshot = _reading(running, told, CloudReader(told.tenant_id, KeptBetweenRuns(file), _now, "later"))
    if not any("goes on from that of run" in sentence for sentence in snapshot.reading.proof):
        raise SystemExit(f"the later run read everything: {snapshot.reading.proof[-1]}")
    return run


def _units(running: RunningRehearsal) -> Callable[[], int]:
    return lambda: int(str(running.control.status()["resource_units"]))


def _throttled_so_far(running: RunningRehearsal) -> int:
    return int(str(running.control.status()["throttled"]))


def _edit(running: RunningRehearsal, group: GroupId, number: int, snapshot: CloudSnapshot) -> None:
    members = snapshot.members.get(group, ())
    if number % 2 and members:
        running.control.edit_cloud(action="remove-member", group=group, member=members[0])
    else:
        running.control.edit_cloud(action="rename-group", group=group, name=f"Renamed {number} of {group}")


def _now() -> datetime:
    return datetime.now(UTC)
