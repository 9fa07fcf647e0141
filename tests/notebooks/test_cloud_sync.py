"""The route cloud-sync through the real notebooks: planned, approved, applied, watched, disabled and undone.

Cloud Sync is the rehearsal's: it decides by itself what it writes, after the documentation, and knows no prediction.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rehearsal.contoso import names
from rehearsal.contoso.cloud_groups import every_group
from rehearsal.process import start_rehearsal
from runbook_lib.change.approvals.plan import planned
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner.run import RunResult
from tests.notebooks.journey import gwb_command, latest_record
from tests.notebooks.runs import NotebookRuns
from tests.support.plain import ROOT
from tests.support.schemas import documents, misfits

IDS = {group.key: group.id for group in every_group()}
USERS, ADMINS = IDS["vpn-users"], IDS["vpn-admins"]
ENABLE = {
    "route": "cloud-sync",
    "group_type": "",
    "target_ou": names.CLOUD_SYNC_OU,
    "select_names": '["VPN Users", "VPN Admins"]',
    "select_kinds": '["security"]',
    "cloud_sync_account_name_expression": 'Join("_",[displayName],"cloud")',
    "cloud_sync_on_premises_users": "on",
    "cloud_sync_pilot": ADMINS,
    "cloud_sync_wait": "0",
    "acknowledge": "[]",
}

PERMISSIONS = (
    *("Organization.Read.All", "Group.Read.All", "User.Read.All", "Application.Read.All"),
    *("Synchronization.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"),
)
LOG_PERMISSIONS = ("AuditLog.Read.All", "Directory.Read.All")


class World(NotebookRuns):
    """A rehearsal and the runs of one change after the other."""

    def run(self, name: str, notebook: str, change_id: str, given: Mapping[str, str]) -> RunResult:
        return self.alone(name, notebook, change_id, given)

    def approved(self, name: str) -> None:
        assert self.results[name].outcome is Outcome.AWAITING_APPROVAL, self.results[name].message
        self.approve(name)

    def in_ad(self, group_id: str) -> dict[str, Any] | None:
        """The AD object with the anchor of a group, with its DN."""
        for dn, attributes in self.running.control.directory().items():
            if f"Group_{group_id}" in attributes.get("msDS-ExternalDirectoryObjectId", ()):
                return {"dn": dn, **attributes}
        return None


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cloud-sync")
    with start_rehearsal(folder / "world") as running:
        running.control.settings(roles=[*PERMISSIONS, *LOG_PERMISSIONS])
        running.control.cloud_sync("members", on=True)
        found = World(running, folder / "records")
        found.run("planned", "30-enable-writeback", "CHG-CS", ENABLE)
        found.approved("planned")
        found.run("applied", "30-enable-writeback", "CHG-CS", ENABLE)
        found.pilot_before_the_job = found.in_ad(ADMINS), found.in_ad(USERS)  # type: ignore[attr-defined]
        running.control.cloud_sync("run")
        found.run("again", "30-enable-writeback", "CHG-CS", ENABLE)
        yield found


def test_every_run_ended_as_asked_and_its_record_verifies(world: World) -> None:
    outcomes = {name: result.outcome for name, result in world.results.items()}
    messages = {name: result.message for name, result in world.results.items() if result.message}
    assert outcomes["planned"] is Outcome.AWAITING_APPROVAL, messages
    assert outcomes["applied"] is Outcome.AWAITING_HANDOFF, messages
    assert outcomes["again"] is Outcome.NOTHING_TO_DO, messages
    assert world.results["applied"].exit_code == 10
    for name in ("planned", "applied", "again"):
        assert verified_record(RecordFolder.open(world.record(name))).ok, name


def test_everything_that_the_runs_wrote_fits_the_schemas_of_the_route(world: World) -> None:
    records = [path.parent for path in sorted(world.records.glob("*/*/record.json"))]
    seen = [name for record in records for name, _ in documents(record)]
    assert {"record", "plan", "journal", "approval", "manifest"} <= set(seen)
    assert misfits(records) == {}


def test_the_plan_changes_the_configuration_and_says_what_ad_will_look_like(world: World) -> None:
    plan = planned(world.record("applied"), ROUTES)
    assert [change.kind for change in plan.changes] == [
        ChangeKind.MAP,
        ChangeKind.ASSIGN,
        ChangeKind.ASSIGN,
        ChangeKind.PROVISION,
    ]
    page = (world.record("planned") / "record.html").read_text(encoding="utf-8")
    assert "AD as Cloud Sync will make it" in page
    assert f"CN=VPN Users_{USERS[-12:]},{names.CLOUD_SYNC_OU}" in page
    assert "VPN Users_cloud" in page


def test_the_pilot_is_there_before_the_job_runs(world: World) -> None:
    pilot, other = world.pilot_before_the_job  # type: ignore[attr-defined]
    assert pilot is not None
    assert other is None


def test_ad_is_as_predicted(world: World) -> None:
    users, admins = world.in_ad(USERS), world.in_ad(ADMINS)
    assert users is not None
    assert admins is not None
    assert users["dn"] == f"CN=VPN Users_{USERS[-12:]},{names.CLOUD_SYNC_OU}"
    assert users["sAMAccountName"] == ["VPN Users_cloud"]
    assert len(users["member"]) == 7, "six people and the other group; no device, no service principal"
    assert admins["dn"] in users["member"]


def test_the_journal_has_each_request_and_what_was_there_before(world: World) -> None:
    lines = [json.loads(line) for line in (world.record("applied") / "journal.jsonl").read_text().splitlines()]
    assert lines[0]["route"] == "cloud-sync"
    assert lines[0]["job_id"].startswith("AAD2ADGroupProvisioning.")
    begun = [line["intent"]["action"] for line in lines if line["entry"] == "begin"]
    assert begun == ["replace-schema", "assign", "assign", "provision"]
    before = next(line["intent"]["before"] for line in lines if line["entry"] == "begin")
    assert before["synchronizationRules"][0]["objectMappings"]
    assert all(line["effect"]["request_id"] for line in lines if line["entry"] == "done")


def test_what_cloud_sync_says_of_these_groups_is_kept_without_values(world: World) -> None:
    log = (world.record("again") / "provisioning-log.csv").read_text(encoding="utf-8")
    assert f"{USERS},VPN Users" in log
    assert "member" in log
    assert "@contoso.com" not in log
    page = (world.record("again") / "record.html").read_text(encoding="utf-8")
    assert "What it means" in page
    assert (world.record("applied") / "provisioning-log.csv").exists()


def test_what_was_changed_in_ad_is_found_by_name_and_provisioned_on_demand(world: World) -> None:
    """Through the notebooks: what the service does on demand is not the runbook's own idea of it."""
    users = world.in_ad(USERS)
    assert users is not None
    person = next(dn for dn in users["member"] if dn != world.in_ad(ADMINS)["dn"])  # type: ignore[index]
    rest = [dn for dn in users["member"] if dn != person]
    world.running.control.edit_directory("modify", users["dn"], attributes={"member": rest})
    world.running.control.cloud_sync("run")
    assert person not in world.in_ad(USERS)["member"], "never corrected by itself"  # type: ignore[index]
    given = {"route": "cloud-sync", "target_ou": names.CLOUD_SYNC_OU, "cloud_sync_on_premises_users": "on"}
    drift = world.run("drift", "50-check-drift", "CHG-DRIFT", given)
    assert drift.outcome is Outcome.REFUSED, drift.message
    assert "VPN Users: 1" in str(drift.message) or "1 difference in VPN Users" in str(drift.message), drift.message
    assert "it does not look for what was changed in AD" in (world.record("drift") / "drift.csv").read_text()
    given |= {"cloud_sync_enable": "differing", "cloud_sync_wait": "0", "group_type": "", "select_names": "[]"}
    world.run("mend planned", "30-enable-writeback", "CHG-MEND", given)
    plan = planned(world.record("mend planned"), ROUTES)
    assert [(change.kind, change.group_id) for change in plan.changes] == [(ChangeKind.PROVISION, USERS)]
    world.approved("mend planned")
    mended = world.run("mended", "30-enable-writeback", "CHG-MEND", given)
    assert mended.outcome is Outcome.DONE, mended.message
    assert person in world.in_ad(USERS)["member"]  # type: ignore[index]


def test_an_undo_brings_scope_and_schema_back_and_says_what_stays(world: World) -> None:
    given = {
        "route": "cloud-sync",
        "target_ou": names.CLOUD_SYNC_OU,
        "undo_record": str(world.record("applied")),
        "cloud_sync_wait": "0",
    }
    first = world.run("undo planned", "60-undo-change", "CHG-CS-UNDO", given)
    assert first.outcome is Outcome.AWAITING_APPROVAL, first.message
    plan = planned(world.record("undo planned"), ROUTES)
    assert [change.kind for change in plan.changes] == [ChangeKind.MAP, ChangeKind.UNASSIGN, ChangeKind.UNASSIGN]
    world.approved("undo planned")
    done = world.run("undone", "60-undo-change", "CHG-CS-UNDO", given)
    assert done.outcome is Outcome.AWAITING_HANDOFF, "the job did not run meanwhile"
    assert "The job has not run since the change" in str(done.message)
    looked = world.run("undo looked at", "60-undo-change", "CHG-CS-UNDO", given)
    assert looked.outcome is Outcome.AWAITING_HANDOFF, looked.message
    assert "AD objects that Cloud Sync made" in (world.record("undone") / "record.html").read_text(encoding="utf-8")
    again = world.run("undo again", "60-undo-change", "CHG-CS-UNDO2", given)
    assert again.outcome is Outcome.NOTHING_TO_DO, again.message


def interrupted_while_watching(
    world: World, notebook: str, change_id: str, given: Mapping[str, str]
) -> tuple[Path, str]:
    """``gwb run`` in a process of its own, which gets Ctrl-C while it watches; its record and what it printed."""
    told = {**given, "change_id": change_id, "records_dir": str(world.records), "sign_in": "secret"}
    told["cloud_sync_wait"] = "30"
    environment = {**os.environ, "GWB_CLIENT_SECRET": world.secret}
    process = subprocess.Popen(
        gwb_command(world.running, notebook, told),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    earlier = set((world.records / change_id).iterdir())
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        journals = [one / "journal.jsonl" for one in set((world.records / change_id).iterdir()) - earlier]
        if any('"entry":"closed"' in one.read_text().replace(" ", "") for one in journals if one.exists()):
            break
        time.sleep(0.2)
    time.sleep(2)  # from the last line of the journal to the first look at AD
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == Outcome.AWAITING_HANDOFF.exit_code, said
    return latest_record(world.records / change_id), said


def test_groups_leave_the_scope_and_the_job_pauses(world: World) -> None:
    world.running.control.settings(roles=list(PERMISSIONS))
    analysts = {
        "route": "cloud-sync",
        "cloud_sync_wait": "0",
        "target_ou": names.CLOUD_SYNC_OU,
        "disable_names": '["Data Analysts"]',
        "acknowledge": json.dumps(
            [{"finding": "cloud-sync-out-of-scope", "by": "Kim", "reason": "watched", "until": "2099-01-01"}]
        ),
    }
    assert world.run("leave", "40-disable-writeback", "CHG-OFF", analysts).outcome is Outcome.AWAITING_APPROVAL
    world.approved("leave")
    left, said = interrupted_while_watching(world, "40-disable-writeback", "CHG-OFF", analysts)
    assert "Traceback" not in said
    assert "Data Analysts" in (left / "backup.ldif").read_text(encoding="utf-8")
    facts = json.loads((left / "record.json").read_text(encoding="utf-8"))
    assert facts["outcome"] == Outcome.AWAITING_HANDOFF.value
    assert facts["error"]["message"].startswith("Watching was interrupted. The job has not run since the change")
    assert verified_record(RecordFolder.open(left)).ok
    found = {one["id"]: one for one in facts["findings"]}
    assert "1 with the AD object as before" in found["cloud-sync-left-scope"]["seen"]
    assert found["cloud-sync-left-scope"]["severity"] == "unknown", "the job did not run meanwhile"
    assert set(LOG_PERMISSIONS) == set(found["cloud-sync-log-unread"]["values"]["permissions"])
    looked = world.run("looked at", "40-disable-writeback", "CHG-OFF", analysts)
    assert looked.outcome is Outcome.AWAITING_HANDOFF, "named again, it is in step, and the job has not run"
    pause = {"route": "cloud-sync", "target_ou": names.CLOUD_SYNC_OU, "cloud_sync_disable": "pause"}
    assert world.run("pause", "40-disable-writeback", "CHG-PAUSE", pause).outcome is Outcome.AWAITING_APPROVAL
    world.approved("pause")
    paused = world.run("paused", "40-disable-writeback", "CHG-PAUSE", pause)
    assert paused.outcome is Outcome.DONE, paused.message


@pytest.mark.parametrize(
    ("given", "outcome", "said"),
    [
        ({"group_type": "distribution"}, Outcome.USAGE, "writes security groups alone"),
        ({"cloud_sync_cn_expression": "left([displayName],3)"}, Outcome.USAGE, "did you mean Left?"),
        ({"cloud_sync_cn_expression": "[displayNam]"}, Outcome.REFUSED, "which groups of the source do not have"),
        (
            {"select_names": '["Facilities"]'},
            Outcome.REFUSED,
            "matches no group that can be taken: Microsoft 365 groups are mail-enabled: Cloud Sync never writes them.",
        ),
        ({"select_names": "[]", "select_ids": f'["{IDS["facilities"]}"]'}, Outcome.REFUSED, "Microsoft 365 groups"),
    ],
)
def test_bad_input_gets_one_clear_error(world: World, given: dict[str, str], outcome: Outcome, said: str) -> None:
    result = world.run("bad", "30-enable-writeback", "CHG-BAD", {**ENABLE, "cloud_sync_pilot": "", **given})
    assert result.outcome is outcome, result.message
    assert said in str(result.message)
