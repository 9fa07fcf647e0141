"""Runs of the route connect-sync that are killed, interrupted or started twice: the end is as if nothing had happened.

A run that waits holds nothing: no lock, no journal. What was handed over stands in the records of the run that did.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from rehearsal.contoso import names
from rehearsal.process import start_rehearsal
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from tests.notebooks.journey import SMALL, gwb_command, latest_record
from tests.notebooks.runs import acknowledged
from tests.notebooks.test_connect_sync import ENABLE, World
from tests.notebooks.test_kill import SOON, kernels_of
from tests.support.plain import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
NOTEBOOK, CHANGE = "30-enable-writeback", "CHG-V1-WAIT"
GIVEN = {**ENABLE, "acknowledge": acknowledged("connect-sync-unclear", "mail-not-in-address-book"), "change_id": CHANGE}


class Waiting(World):
    """A rehearsal and one change in it."""

    given: dict[str, str]

    def command(self, wait: int) -> list[str]:
        """The same run in a process of its own, told to wait so many minutes."""
        given = {**self.given, "records_dir": str(self.records), "connect_wait": str(wait)}
        return [word for word in gwb_command(self.running, NOTEBOOK, given) if word != "--quiet"]

    @contextmanager
    def waiting(self) -> Iterator[subprocess.Popen[str]]:
        """Such a run, from the moment in which it watches AD."""
        process = subprocess.Popen(
            self.command(60), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        giving_up = threading.Timer(SOON, process.kill)
        giving_up.start()
        try:
            assert process.stdout is not None
            told = []
            for line in process.stdout:
                told.append(line)
                if line.rstrip().endswith("Read back"):
                    break
            else:
                raise AssertionError("".join(told))
            self._until_it_sleeps()
            yield process
        finally:
            giving_up.cancel()
            process.kill()
            process.communicate()

    def _until_it_sleeps(self) -> None:
        """Until its first look at AD is over: a look asks, and between two looks nothing is asked."""
        asked, now = -1, self._searches()
        until = time.monotonic() + SOON
        while asked != now and time.monotonic() < until:
            time.sleep(1)
            asked, now = now, self._searches()

    def _searches(self) -> int:
        counters = cast("dict[str, int]", self.running.control.status()["ldap"])
        return counters["operations"]

    def looked(self, name: str) -> tuple[Outcome, str | None]:
        """How one run ends that looks once."""
        result = self.run(name, CHANGE, {**self.given, "connect_wait": "0"})
        return result.outcome, (self.facts(name)["error"] or {}).get("code")

    def journals(self) -> list[str]:
        """Runs of the change that have a journal."""
        return sorted(path.parent.name for path in (self.records / CHANGE).glob("*/journal.jsonl"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waiting]:
    """v1 is approved to be switched on, and nothing is handed over yet."""
    folder = tmp_path_factory.mktemp("interrupted")
    with start_rehearsal(folder / "world", SMALL) as running:
        found = Waiting(running, folder)
        found.given = {**GIVEN, "connect_evidence": found.collected("before")}
        assert found.looked("planned") == (Outcome.AWAITING_APPROVAL, "no-approval")
        found.approve("planned")
        yield found


def test_two_runs_at_once_hand_over_once(world: Waiting) -> None:
    both = [
        subprocess.Popen(world.command(0), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    said = [one.communicate(timeout=SOON)[0] for one in both]
    codes = sorted(one.returncode for one in both)
    assert codes in ([5, 10], [10, 10]), said
    # The later one was refused by the lock, or found everything handed over and waited.
    assert len(world.journals()) == 1, said
    assert world.looked("looked") == (Outcome.AWAITING_HANDOFF, "no-proof-of-export")


def test_a_run_that_is_killed_while_it_waits_leaves_nothing_that_hinders_the_next(world: Waiting) -> None:
    connect = world.running.control.connect_sync
    connect("enable", container=names.CONNECT_OU, display_names=True)
    connect("cycle", at_most=20)
    world.given["connect_evidence"] = world.collected("some")
    before = world.journals()
    with world.waiting() as process:
        killed = latest_record(world.records / CHANGE)
        assert world.looked("beside it") == (Outcome.AWAITING_HANDOFF, "export-stopped"), "a second run waits as well"
        kernels = kernels_of(process.pid)
        process.kill()
        for kernel in kernels:
            os.kill(kernel, signal.SIGKILL)
    assert json.loads((killed / "record.json").read_text(encoding="utf-8"))["outcome"] is None
    assert world.looked("after it") == (Outcome.AWAITING_HANDOFF, "export-stopped")
    assert world.journals() == before, "nothing was handed over again"


def test_ctrl_c_ends_the_waiting_with_what_was_seen_last(world: Waiting) -> None:
    with world.waiting() as process:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=SOON)
    assert process.returncode == Outcome.AWAITING_HANDOFF.exit_code, out
    assert "Traceback" not in out
    record = latest_record(world.records / CHANGE)
    error = json.loads((record / "record.json").read_text(encoding="utf-8"))["error"]
    assert (error["code"], "interrupted" in error["message"]) == ("export-stopped", True)
    assert (record / "arrivals.csv").is_file()
    assert verified_record(RecordFolder.open(record)).ok


def test_a_run_that_waited_all_the_while_ends_when_the_groups_are_there(world: Waiting) -> None:
    with world.waiting() as process:
        world.running.control.connect_sync("cycle")
        out, _ = process.communicate(timeout=SOON)
    assert process.returncode == Outcome.DONE.exit_code, out
    assert world.looked("again") == (Outcome.DONE, None)
    assert len(world.journals()) == 1
