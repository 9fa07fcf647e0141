"""SIGKILL at every write of a plan, before and after it took effect; the same command then finishes the change.

The end state equals that of an undisturbed run, no new approval is needed, and nothing outside the two OUs changes.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path

import pytest

from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.change.journal import journals_of, open_chain
from runbook_lib.errors import Refused
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.journey import (
    SMALL,
    TARGET_OU,
    Objects,
    change,
    gwb_command,
    latest_record,
    other_objects,
    plan_and_approve,
    written_objects,
)
from tests.support import warm
from tests.support.plain import ROOT, chosen, run_plain

SOON = 300.0
"""Seconds in which what is waited for happens on any machine; none of them passes where all is well."""
# create + members, update, add and remove members, restore with a move: one plan with every kind of write.
ENABLE_WRITES = 7
DISABLE_WRITES = 2
NAMES = {"created": "Sales Team", "edited": "Marketing", "retired": "Project Falcon"}
SELECT = json.dumps(list(NAMES.values()))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRehearsal]:
    """A rehearsal in which one group is written and edited by hand, one is retired, one is not there yet."""
    folder = tmp_path_factory.mktemp("kill")
    with start_rehearsal(folder / "world", SMALL) as running:
        records = str(folder / "setup")
        both = json.dumps([NAMES["edited"], NAMES["retired"]])
        change(running, "30-enable-writeback", {"records_dir": records, "change_id": "S1", "select_names": both})
        one = chosen("40-disable-writeback", [NAMES["retired"]])
        change(running, "40-disable-writeback", {"records_dir": records, "change_id": "S2", **one})
        edit_by_hand(running)
        running.control.mark()
        yield running


def edit_by_hand(running: RunningRehearsal) -> None:
    """Swap a member of the edited group for somebody who is none in the cloud, and change its description."""
    objects = running.control.directory()
    dn = next(dn for dn, a in objects.items() if dn.endswith(TARGET_OU) and a.get("displayName") == [NAMES["edited"]])
    members = sorted(objects[dn]["member"])
    sales = running.control.directory()
    stranger = next(d for d in sorted(sales) if d.endswith("OU=Staff,DC=contoso,DC=com") and "memberOf" not in sales[d])
    new = [*members[1:], stranger]
    running.control.edit_directory("modify", dn, attributes={"member": new, "description": ["By hand"]})


@pytest.fixture(scope="module")
def undisturbed(world: RunningRehearsal, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Objects]:
    """End states of runs that nobody kills, and the number of writes they need."""
    found = {}
    for notebook, writes in (("30-enable-writeback", ENABLE_WRITES), ("40-disable-writeback", DISABLE_WRITES)):
        world.control.reset()
        change(world, notebook, settings(tmp_path_factory.mktemp("undisturbed"), notebook))
        assert world.control.writes()["count"] == writes
        found[notebook] = world.control.directory()
    return found


def settings(folder: Path, notebook: str) -> dict[str, str]:
    names = [NAMES["edited"]] if notebook.startswith("40") else list(NAMES.values())
    return {"records_dir": str(folder / "records"), "change_id": "CHG-KILL", **chosen(notebook, names)}


@pytest.fixture(scope="module")
def approved(world: RunningRehearsal, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Records with a plan and its approval, by notebook: each test goes on from a copy of them."""
    found = {}
    for notebook in ("30-enable-writeback", "40-disable-writeback"):
        world.control.reset()
        folder = tmp_path_factory.mktemp("approved")
        plan_and_approve(world, notebook, settings(folder, notebook))
        found[notebook] = folder / "records"
    return found


def cases() -> list[tuple[str, int, str]]:
    plans = (("30-enable-writeback", ENABLE_WRITES), ("40-disable-writeback", DISABLE_WRITES))
    return [(nb, n, when) for nb, writes in plans for n in range(1, writes + 1) for when in ("before", "after")]


@pytest.mark.parametrize(("notebook", "number", "when"), cases())
def test_a_killed_run_is_finished_by_the_same_command(
    world: RunningRehearsal,
    undisturbed: dict[str, Objects],
    approved: dict[str, Path],
    tmp_path: Path,
    notebook: str,
    number: int,
    when: str,
) -> None:
    world.control.reset()
    before = world.control.directory()
    given = settings(tmp_path, notebook)
    shutil.copytree(approved[notebook], tmp_path / "records")
    approvals = sorted((tmp_path / "records" / "CHG-KILL" / "approvals").iterdir())
    kill_at(world, number, when, plain_command(world, notebook, given))

    run = run_plain(notebook, world.parameters_file, given)

    assert run.record.outcome is not None
    assert run.record.outcome.good
    assert_ended_like(world, undisturbed[notebook], before)
    assert sorted((tmp_path / "records" / "CHG-KILL" / "approvals").iterdir()) == approvals
    assert open_chain(journals_of(tmp_path / "records" / "CHG-KILL", ROUTES)) == []
    if number == 1:
        again = run_plain(notebook, world.parameters_file, given)
        assert again.record.facts["outcome"] == "nothing-to-do"


PLAIN = [sys.executable, "-W", "ignore", "-m", "tests.support.plain"]


def plain_command(world: RunningRehearsal, notebook: str, given: dict[str, str]) -> list[str]:
    words = [word for pair in given.items() for word in pair]
    return [*PLAIN, notebook, str(world.parameters_file), *words]


def kill_at(world: RunningRehearsal, number: int, when: str, command: list[str]) -> None:
    world.control.hold_write(number, when)
    with running_child(command):
        world.control.wait_until_held(SOON)
    settle(world)


@contextmanager
def running_child(command: list[str]) -> Iterator[None]:
    """A process that runs ``command`` and is killed at the end of the block."""
    if command[: len(PLAIN)] == PLAIN and hasattr(os, "fork"):
        nursery = nursery_of_this_process()
        nursery.ask(json.dumps(command[len(PLAIN) :]))
        try:
            yield
        finally:
            nursery.ask("kill")
        return
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    try:
        yield
    finally:
        process.kill()
        process.communicate()


class Nursery:
    """A process that has imported everything and forks a child for each run that is to be killed."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [*PLAIN, "--nursery"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, line: str) -> str:
        """Send one line and wait for the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the nursery has ended"
        return answer

    def end(self) -> None:
        """Nothing more is asked."""
        self.process.communicate()


@cache
def nursery_of_this_process() -> Nursery:
    """Started when it is needed first; it ends with this process, whose end of the pipe it reads."""
    nursery = Nursery()
    atexit.register(nursery.end)
    return nursery


def settle(world: RunningRehearsal) -> None:
    """The rehearsal notices that the killed client is gone: a write held before its effect never happens."""
    world.control.wait_until_held(SOON, held=False)
    world.control.release()


def assert_ended_like(world: RunningRehearsal, undisturbed: Objects, before: Objects) -> None:
    after = world.control.directory()
    assert written_objects(after).keys() == written_objects(undisturbed).keys()
    for dn, attributes in written_objects(undisturbed).items():
        assert written_objects(after)[dn] == attributes, dn
    assert other_objects(after) == other_objects(before)


@pytest.mark.parametrize(("number", "when", "victim"), [(2, "before", "kernel"), (4, "after", "both")])
def test_a_killed_run_under_papermill_is_finished_by_the_same_command(
    world: RunningRehearsal,
    undisturbed: dict[str, Objects],
    approved: dict[str, Path],
    tmp_path: Path,
    number: int,
    when: str,
    victim: str,
) -> None:
    notebook = "30-enable-writeback"
    world.control.reset()
    before = world.control.directory()
    given = settings(tmp_path, notebook)
    shutil.copytree(approved[notebook], tmp_path / "records")
    command = gwb_command(world, notebook, given)
    world.control.hold_write(number, when)
    with warm.cold() if victim == "kernel" else nullcontext():
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    world.control.wait_until_held(SOON)
    kernels = kernels_of(process.pid)
    assert kernels
    if victim == "both":
        process.kill()
    for kernel in kernels:
        os.kill(kernel, signal.SIGKILL)
    process.communicate(timeout=SOON)
    settle(world)
    broken = latest_record(tmp_path / "records" / "CHG-KILL")
    if victim == "kernel":
        assert process.returncode == 6
        assert verified_record(RecordFolder.open(broken)).ok
        statements = (broken / f"{notebook}.ipynb").read_text(encoding="utf-8")
        assert '"completed"' not in statements.split("apply")[-1]

    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SOON)

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert_ended_like(world, undisturbed[notebook], before)
    record = latest_record(tmp_path / "records" / "CHG-KILL")
    assert verified_record(RecordFolder.open(record)).ok
    assert json.loads((record / "record.json").read_text())["approval"]["approver"] == "Test"


def test_a_kernel_that_outlives_its_runner_still_holds_the_lock(
    world: RunningRehearsal, undisturbed: dict[str, Objects], approved: dict[str, Path], tmp_path: Path
) -> None:
    notebook = "30-enable-writeback"
    world.control.reset()
    before = world.control.directory()
    given = settings(tmp_path, notebook)
    shutil.copytree(approved[notebook], tmp_path / "records")
    command = gwb_command(world, notebook, given)
    world.control.hold_write(2, "before")
    runner = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    world.control.wait_until_held(SOON)
    (kernel,) = kernels_of(runner.pid)
    first = latest_record(tmp_path / "records" / "CHG-KILL")
    # A kernel ends within a second of its runner's death: stopped, it shows what holds in that second.
    os.kill(kernel, signal.SIGSTOP)
    try:
        runner.kill()
        runner.wait(SOON)
        with pytest.raises(Refused) as locked:
            run_plain(notebook, world.parameters_file, given)
    finally:
        os.kill(kernel, signal.SIGCONT)
    assert locked.value.code == "locked"
    assert f"CHG-KILL/{first.name}" in locked.value.message
    assert str(kernel) in locked.value.message
    settle(world)

    until = time.monotonic() + SOON
    while Path(f"/proc/{kernel}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    run = run_plain(notebook, world.parameters_file, given)
    assert run.record.outcome is not None
    assert run.record.outcome.good
    assert_ended_like(world, undisturbed[notebook], before)


def kernels_of(pid: int) -> list[int]:
    """Kernels that a runner started, itself or in the process that its commands are forked from."""
    parents: dict[int, int] = {}
    kernels = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
            line = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue
        child = int(path.parent.name)
        parents[child] = int(fields[1])
        if b"ipykernel" in line:
            kernels.append(child)
    return [kernel for kernel in kernels if pid in (parents[kernel], parents.get(parents[kernel]))]
