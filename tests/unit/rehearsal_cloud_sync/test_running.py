"""Cloud Sync in a rehearsal that runs: over LDAP as the agent's account, by command and by itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from rehearsal.commands import rehearsal as commands
from rehearsal.contoso import names
from rehearsal.control import ControlError
from rehearsal.options import LEAST_STAFF, StartOptions
from rehearsal.process import RunningRehearsal, start_rehearsal
from tests.support.cloud_sync import go_the_way, in_ad

DEVELOPERS = names.group_id("app-developers")


def gwb(running: RunningRehearsal, *arguments: str) -> str:
    folder = running.folder
    where = ("--name", folder.name, "--directory-folder", str(folder.path.parent))
    result = CliRunner().invoke(commands, ["cloud-sync", arguments[0], *where, *arguments[1:]], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_way_of_a_group_to_ad(fresh_rehearsal: RunningRehearsal) -> None:
    go_the_way(fresh_rehearsal)


def test_commands_run_the_jobs_and_turn_the_switches(fresh_rehearsal: RunningRehearsal) -> None:
    control = fresh_rehearsal.control
    assert "3 groups in scope, 0 changed" in gwb(fresh_rehearsal, "run"), "what Contoso begins with was sent long ago"
    before = in_ad(fresh_rehearsal)[DEVELOPERS]
    control.edit_cloud("rename-group", group=DEVELOPERS, name="Developers\x1b[2J")
    assert "Agents that are inactive now: 1." in gwb(fresh_rehearsal, "agent", "down")
    assert "HybridIdentityServiceNoActiveAgents, in quarantine" in gwb(fresh_rehearsal, "run")
    gwb(fresh_rehearsal, "agent", "up")
    said = gwb(fresh_rehearsal, "run")
    assert "update  success" in said
    assert "\x1b" not in said
    after = in_ad(fresh_rehearsal)[DEVELOPERS]
    assert (after.guid, after.members) == (before.guid, before.members)
    assert after.text("displayName") == "Developers\x1b[2J"
    assert "not provisioned" in gwb(fresh_rehearsal, "members", "off")
    assert " is provisioned" in gwb(fresh_rehearsal, "members", "on")
    with pytest.raises(ControlError):
        control.cloud_sync("spell")


def test_a_rehearsal_that_was_told_so_runs_them_by_itself(tmp_path: Path) -> None:
    options = StartOptions(staff=LEAST_STAFF, cloud_sync_runs=True, replication_seconds=0)
    with start_rehearsal(tmp_path / "runs", options) as running:
        running.control.edit_cloud("rename-group", group=DEVELOPERS, name="Renamed")
        end = time.monotonic() + 60
        while in_ad(running)[DEVELOPERS].text("displayName") != "Renamed":
            assert time.monotonic() < end
            time.sleep(0.5)
