"""A change of the route cloud-sync through all that docs/rehearsal.md says can go wrong, a second run and a kill."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rehearsal.commands import rehearsal
from rehearsal.contoso import names
from rehearsal.process import start_rehearsal
from runbook_lib.model.outcome import Outcome
from tests.docs.markdown import section, table_rows
from tests.notebooks.journey import SMALL, gwb_command, latest_record
from tests.notebooks.test_cloud_sync import ADMINS, ENABLE, PERMISSIONS, USERS, World
from tests.notebooks.test_cloud_sync_configuration import configuration
from tests.notebooks.test_kill import SOON, kernels_of
from tests.support.plain import ROOT

NOTEBOOK, CHANGE = "30-enable-writeback", "CHG-WRONG"
UNDO = {"route": "cloud-sync", "target_ou": names.CLOUD_SYNC_OU, "cloud_sync_wait": "0"}
PAGE = (ROOT / "docs" / "rehearsal.md").read_text(encoding="utf-8")


def row(words: str) -> tuple[list[str], int | None]:
    """Words of the command of the page's row about this, and the exit code that the row says."""
    (found,) = (row for row in table_rows(section(PAGE, "## Cloud Sync")) if words in row[0])
    told = re.search(r"\((\d+)\)", found[2])
    return found[1].split()[2:], int(told[1]) if told else None


class Journey(World):
    """What each run of the change ended as."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    undone: Mapping[str, Any]
    second: subprocess.CompletedProcess[str]

    def goes_wrong(self, words: str) -> None:
        """Do what the row about this says, with the run that meets it."""
        command, code = row(words)
        place = self.running.folder.path
        answer = CliRunner().invoke(
            rehearsal, [*command, "--directory-folder", str(place.parent), "--name", place.name]
        )
        assert answer.exit_code == 0, answer.output
        if words.startswith("no provisioning agent"):
            self.running.control.cloud_sync("run")
        result = self.run(words, NOTEBOOK, CHANGE, ENABLE)
        assert code is None or result.exit_code == code, result.message

    def killed_beside_another(self) -> None:
        """A run waits for the answer to provisioning on demand; a second one begins; the first is killed."""
        self.running.control.fault("slow", seconds=20, path="provisionOnDemand")
        told = {**ENABLE, "change_id": CHANGE, "records_dir": str(self.records), "sign_in": "secret"}
        command = gwb_command(self.running, NOTEBOOK, told)
        environment = {**os.environ, "GWB_CLIENT_SECRET": self.secret}
        folder = self.records / CHANGE
        earlier = set(folder.iterdir())
        first = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until = time.monotonic() + SOON
            while not any(provisioning(one) for one in set(folder.iterdir()) - earlier):
                assert first.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
            self.second = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SOON, check=False
            )
            kernels = kernels_of(first.pid)
        finally:
            first.kill()
            first.wait(SOON)
        for kernel in kernels:
            os.kill(kernel, signal.SIGKILL)


def provisioning(run: Path) -> bool:
    """Whether a run has begun to provision on demand, and waits for the answer."""
    journal = run / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()] if journal.is_file() else []
    return bool(lines) and lines[-1]["entry"] == "begin" and lines[-1]["intent"]["action"] == "provision"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    folder = tmp_path_factory.mktemp("wrong")
    with start_rehearsal(folder / "world", SMALL) as running:
        control = running.control
        control.settings(roles=list(PERMISSIONS))
        control.cloud_sync("members", on=True)
        found = Journey(running, folder / "records")
        found.before = configuration(found)
        found.run("planned", NOTEBOOK, CHANGE, ENABLE)
        found.approved("planned")
        found.goes_wrong("no provisioning agent")
        control.cloud_sync("agents", state="active")
        control.cloud_sync("run")
        found.goes_wrong("for what is read first")
        found.goes_wrong("midway")
        found.killed_beside_another()
        found.goes_wrong("Graph throttles")
        control.cloud_sync("run")
        found.after = configuration(found)
        found.run("watched", NOTEBOOK, CHANGE, ENABLE)
        undo = {**UNDO, "undo_record": str(found.record("Graph throttles"))}
        found.run("undo planned", "60-undo-change", "CHG-RIGHT", undo)
        found.approved("undo planned")
        found.run("undone", "60-undo-change", "CHG-RIGHT", undo)
        found.undone = configuration(found)
        yield found


def test_before_anything_is_changed_the_reason_is_named(world: Journey) -> None:
    assert world.results["no provisioning agent"].outcome is Outcome.REFUSED
    assert "agent" in str(world.results["no provisioning agent"].message)
    unread = world.results["for what is read first"]
    assert unread.outcome is Outcome.NO_ACCESS
    assert "Application.Read.All" in f"{unread.message} {unread.hint}"
    for name in ("no provisioning agent", "for what is read first"):
        assert not (world.record(name) / "journal.jsonl").exists(), name


def test_what_stops_midway_is_finished_by_the_same_command_and_nothing_is_done_twice(world: Journey) -> None:
    assert world.results["midway"].outcome is Outcome.PARTIAL, world.results["midway"].message
    finished = world.results["Graph throttles"]
    assert finished.outcome in (Outcome.DONE, Outcome.AWAITING_HANDOFF), finished.message
    assert world.results["watched"].outcome in (Outcome.DONE, Outcome.NOTHING_TO_DO), world.results["watched"].message
    assert sorted({*world.after["assigned"]}) == world.after["assigned"], "each group once"
    assert {*world.after["assigned"]} - {*world.before["assigned"]} == {USERS, ADMINS}
    pilot = world.in_ad(ADMINS)
    assert pilot is not None
    assert (world.in_ad(USERS) or {})["member"].count(pilot["dn"]) == 1


def test_a_second_run_at_the_same_time_is_refused_and_writes_nothing(world: Journey) -> None:
    assert world.second.returncode == Outcome.REFUSED.exit_code, world.second.stdout + world.second.stderr
    assert "Another run is writing" in world.second.stdout + world.second.stderr


def test_the_undo_of_a_change_that_was_killed_brings_the_configuration_back(world: Journey) -> None:
    assert world.results["undone"].outcome in (Outcome.DONE, Outcome.AWAITING_HANDOFF), world.results["undone"].message
    whole = {key: value for key, value in world.undone.items() if key != "schema"}
    assert whole == {key: value for key, value in world.before.items() if key != "schema"}
    assert world.undone["schema"]["synchronizationRules"] == world.before["schema"]["synchronizationRules"]


def test_the_runs_of_the_change_are_all_there(world: Journey) -> None:
    runs = sorted(one.name for one in (world.records / CHANGE).iterdir() if (one / "record.json").is_file())
    assert len(runs) >= 7
    assert latest_record(world.records / CHANGE) == world.record("watched")
