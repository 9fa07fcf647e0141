"""Cloud Sync in a rehearsal that runs: over LDAP as the agent's account, by command and by itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from rehearsal.cloud_sync.from_ad import FROM_AD
from rehearsal.commands import CONFIGURATIONS
from rehearsal.commands import rehearsal as commands
from rehearsal.contoso import names
from rehearsal.contoso.cloud_sync import KINDS
from rehearsal.control import ControlError
from rehearsal.options import LEAST_STAFF, StartOptions
from rehearsal.process import RunningRehearsal, start_rehearsal
from tests.support.cloud_sync import CONVERTED, Administrator, go_the_way, in_ad

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


def test_a_configuration_is_added_by_command(fresh_rehearsal: RunningRehearsal) -> None:
    assert set(CONFIGURATIONS) == set(KINDS)
    said = gwb(fresh_rehearsal, "add", "from-own-ad")
    added = said.removeprefix("Added a configuration (from-own-ad); its job is ").strip().removesuffix(".")
    assert added.startswith(f"{FROM_AD}.")
    graph = Administrator(fresh_rehearsal)
    principals = graph.send("GET", "servicePrincipals?$top=999&$select=id,applicationTemplateId")["value"]
    paths = [
        f"servicePrincipals/{one['id']}/synchronization/jobs" for one in principals if one["applicationTemplateId"]
    ]
    assert added in {job["id"] for path in paths for job in graph.send("GET", path)["value"]}
    graph.close()


def test_connect_takes_over_what_was_given_back_and_drops_members_of_the_cloud_alone(
    fresh_rehearsal: RunningRehearsal,
) -> None:
    graph, control, folder = Administrator(fresh_rehearsal), fresh_rehearsal.control, fresh_rehearsal.folder
    guest = next(one["id"] for one in graph.send("GET", "users?$filter=userType eq 'Guest'&$top=1")["value"])
    control.edit_cloud("add-member", group=CONVERTED, member=guest)
    before = {one["id"] for one in graph.send("GET", f"groups/{CONVERTED}/members")["value"]}
    behavior = f"groups/{CONVERTED}/onPremisesSyncBehavior"
    graph.send("PATCH", behavior, {"isCloudManaged": False})
    assert graph.send("GET", f"groups/{CONVERTED}")["onPremisesSyncEnabled"] is None
    where = ("--name", folder.name, "--directory-folder", str(folder.path.parent))
    said = CliRunner().invoke(commands, ["connect", "cycle", *where], catch_exceptions=False).output
    assert said.endswith("Groups that AD manages again: 1.\n")
    assert graph.send("GET", f"groups/{CONVERTED}")["onPremisesSyncEnabled"] is True
    assert {one["id"] for one in graph.send("GET", f"groups/{CONVERTED}/members")["value"]} == before - {guest}
    assert graph.send("GET", behavior)["value"]["isCloudManaged"] is False
    graph.send("PATCH", behavior, {"isCloudManaged": True})
    assert graph.send("GET", behavior)["value"]["isCloudManaged"] is True
    assert control.connect_sync()["groups"] == []
    graph.close()


def test_a_rehearsal_that_was_told_so_runs_them_by_itself(tmp_path: Path) -> None:
    options = StartOptions(staff=LEAST_STAFF, cloud_sync_runs=True, replication_seconds=0)
    with start_rehearsal(tmp_path / "runs", options) as running:
        running.control.edit_cloud("rename-group", group=DEVELOPERS, name="Renamed")
        end = time.monotonic() + 60
        while in_ad(running)[DEVELOPERS].text("displayName") != "Renamed":
            assert time.monotonic() < end
            time.sleep(0.5)
