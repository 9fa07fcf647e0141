"""Runs of the route cloud-sync that wait for the job are run again under their change id when it has run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.errors import AwaitingApproval
from runbook_lib.model.outcome import Outcome
from runbook_lib.notebook import open_run
from runbook_lib.notebook.run import Run
from runbook_lib.parameters.load import load_parameters
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.runs import acknowledged
from tests.notebooks.test_cloud_sync import IDS, PERMISSIONS, World
from tests.notebooks.test_cloud_sync_configuration import ROLES, configuration
from tests.support.plain import ROOT

DISABLE, UNDO = "40-disable-writeback", "60-undo-change"
ANALYSTS = IDS["data-analysts"]
TOLD = {
    "route": "cloud-sync",
    "target_ou": names.CLOUD_SYNC_OU,
    "protected_ous": json.dumps([names.CONNECT_OU]),
    "cloud_sync_wait": "0",
    "acknowledge": acknowledged("cloud-sync-out-of-scope", "cloud-sync-scope-empty", "cloud-sync-unused"),
}


def earlier() -> datetime:
    """A time before the job's next run by more than two clocks may differ."""
    return datetime.now(UTC) - timedelta(minutes=10)


def carried_out_earlier(world: World, notebook: str, change_id: str, given: Mapping[str, str]) -> Run:
    """A notebook in this process, its cells one after the other: planned, approved and carried out ten minutes ago."""
    told = {"records_dir": str(world.records), "change_id": change_id, "sign_in": "secret", **given}
    values = dict(load_parameters([world.running.parameters_file], told, project_root=ROOT).given)
    environment = {**os.environ, "GWB_CLIENT_SECRET": world.secret}
    run = open_run(values, notebook=notebook, environment=environment, clock=earlier)
    inventory = run.read_inventory()
    change = run.plan_undo(inventory) if notebook == UNDO else run.plan_disable(inventory)
    with pytest.raises(AwaitingApproval):
        change.require_approval()
    record = run.record.folder.path
    phrase = planned(record, ROUTES).phrase
    approve_plan(record, ROUTES, approver="Kim", phrase=phrase, valid=timedelta(hours=1), clock=earlier)
    change.require_approval()
    change.apply()
    change.verify()
    run.finish()
    return run


def looked_at_the_job(world: World, name: str) -> bool:
    """Whether a run says when the job last ran, beside when an earlier one carried the change out."""
    return "The change was carried out at" in (world.record(name) / "record.html").read_text(encoding="utf-8")


@pytest.fixture
def world(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> World:
    control = fresh_rehearsal.control
    control.settings(roles=list(PERMISSIONS))
    # A move writes to AD objects in the OU of Cloud Sync.
    admins = f"CN=Domain Admins,CN=Users,{names.BASE_DN}"
    held = control.directory()[admins]["member"]
    control.edit_directory("modify", admins, attributes={"member": [*held, names.BIND_DN]})
    return World(fresh_rehearsal, tmp_path)


@pytest.mark.parametrize("how", ["scope", "move"])
def test_a_group_is_named_again_when_the_job_has_run(world: World, how: str) -> None:
    given = {**TOLD, "cloud_sync_disable": how, "disable_names": '["Data Analysts"]'}
    run = carried_out_earlier(world, DISABLE, f"CHG-{how}", given)
    assert run.record.outcome is Outcome.AWAITING_HANDOFF
    assert ANALYSTS not in configuration(world)["assigned"]
    world.running.control.cloud_sync("run")
    again = world.run("again", DISABLE, f"CHG-{how}", given)
    assert again.outcome is Outcome.NOTHING_TO_DO, again.message
    assert looked_at_the_job(world, "again")


def test_a_configuration_that_was_removed_and_the_one_in_its_place_are_looked_at_again(world: World) -> None:
    world.running.control.settings(roles=list(ROLES))
    gone = {**TOLD, "cloud_sync_disable": "remove"}
    world.run("going", DISABLE, "CHG-GONE", gone)
    world.approved("going")
    assert world.run("gone", DISABLE, "CHG-GONE", gone).outcome is Outcome.DONE
    already = world.run("gone already", DISABLE, "CHG-GONE", gone)
    assert already.outcome is Outcome.NOTHING_TO_DO, already.message

    back = {**TOLD, "undo_record": str(world.record("gone"))}
    made = carried_out_earlier(world, UNDO, "CHG-BACK", back)
    assert made.record.outcome is Outcome.AWAITING_HANDOFF, "its job has not run yet"
    world.running.control.cloud_sync("run")
    ran = world.run("ran", UNDO, "CHG-BACK", back)
    assert ran.outcome is Outcome.NOTHING_TO_DO, ran.message
    assert looked_at_the_job(world, "ran")
