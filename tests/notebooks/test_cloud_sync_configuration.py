"""A Cloud Sync configuration through the real notebooks: removed, another one made in its place, and both undone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rehearsal.contoso import names
from rehearsal.process import start_rehearsal
from runbook_lib.change.approvals.plan import planned
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.test_cloud_sync import ADMINS, ENABLE, IDS, PERMISSIONS, USERS, World
from tests.support.cloud_sync import Administrator
from tests.support.schemas import documents, misfits

CREATE = {
    **ENABLE,
    "cloud_sync_create": "true",
    "cloud_sync_notify": "ops@contoso.com",
    "protected_ous": json.dumps([names.CONNECT_OU]),
}
REMOVE = {
    "route": "cloud-sync",
    "target_ou": names.CLOUD_SYNC_OU,
    "cloud_sync_disable": "remove",
    "cloud_sync_wait": "0",
}
UNDO = {"route": "cloud-sync", "target_ou": names.CLOUD_SYNC_OU, "cloud_sync_wait": "0"}
ROLES = (*PERMISSIONS, "Application.ReadWrite.All")


def approved(world: World, name: str, notebook: str, given: Mapping[str, str], *, without: str = "") -> None:
    """Plan, approve, apply; the result stands under ``name``.

    ``without``: a permission that is missing at first, so that the run breaks off in the middle and is resumed.
    """
    world.run(f"{name} planned", notebook, f"CHG-{name}".replace(" ", "-"), given)
    world.approved(f"{name} planned")
    if without:
        world.running.control.settings(roles=[role for role in ROLES if role != without])
        world.run(f"{name} broken off", notebook, f"CHG-{name}".replace(" ", "-"), given)
        world.running.control.settings(roles=list(ROLES))
    done = world.run(name, notebook, f"CHG-{name}".replace(" ", "-"), given)
    assert done.outcome in (Outcome.DONE, Outcome.AWAITING_HANDOFF), done.message


def configuration(world: World) -> dict[str, Any]:
    """Everything of the configuration that writes groups to Contoso; empty: there is none."""
    graph = Administrator(world.running)
    try:
        rows = graph.send("GET", "servicePrincipals?$top=999&$select=id,displayName,applicationTemplateId")["value"]
        found = [one["id"] for one in rows if one["displayName"] == names.DOMAIN and one["applicationTemplateId"]]
        if not found:
            return {}
        (principal,) = found
        base = f"servicePrincipals/{principal}"
        (job,) = graph.send("GET", f"{base}/synchronization/jobs")["value"]
        schema = graph.send("GET", f"{base}/synchronization/jobs/{job['id']}/schema")
        assigned = graph.send("GET", f"{base}/appRoleAssignedTo")["value"]
        return {
            "principal": principal,
            "job": job["id"],
            "state": job["schedule"]["state"],
            "schema": {key: value for key, value in schema.items() if key not in ("id", "@odata.context")},
            "secrets": graph.send("GET", f"{base}/synchronization/secrets")["value"],
            "assigned": sorted(one["principalId"] for one in assigned),
        }
    finally:
        graph.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("configuration")
    with start_rehearsal(folder / "world") as running:
        running.control.settings(roles=list(ROLES))
        running.control.cloud_sync("members", on=True)
        found = World(running, folder / "records")
        states = found.states = {"before": configuration(found)}  # type: ignore[attr-defined]
        running.control.settings(roles=list(PERMISSIONS))
        found.run("may not", "40-disable-writeback", "CHG-MAY-NOT", REMOVE)
        # The rehearsal's own configuration belongs to somebody else.
        running.control.settings(roles=[*PERMISSIONS, "Application.ReadWrite.OwnedBy"])
        found.run("not its own", "40-disable-writeback", "CHG-NOT-OWN", REMOVE)
        running.control.settings(roles=list(ROLES))
        states["refused"] = configuration(found)
        approved(found, "remove", "40-disable-writeback", REMOVE)
        states["removed"] = configuration(found)
        found.run("removed already", "40-disable-writeback", "CHG-REMOVED", REMOVE)
        found.run("without", "30-enable-writeback", "CHG-WITHOUT", ENABLE)
        approved(found, "create", "30-enable-writeback", CREATE, without="AppRoleAssignment.ReadWrite.All")
        running.control.cloud_sync("run")
        states["created"] = configuration(found)
        found.run("again", "30-enable-writeback", "CHG-create", CREATE)
        undo = {**UNDO, "undo_record": str(found.record("create"))}
        approved(found, "undo create", "60-undo-change", undo)
        states["undone"] = configuration(found)
        approved(found, "bring back", "60-undo-change", {**UNDO, "undo_record": str(found.record("remove"))})
        states["back"] = configuration(found)
        yield found


def states(world: World) -> dict[str, dict[str, Any]]:
    told: dict[str, dict[str, Any]] = world.states  # type: ignore[attr-defined]
    return told


def test_every_run_ended_as_asked_and_its_record_verifies(world: World) -> None:
    outcomes = {name: (result.outcome, result.message) for name, result in world.results.items()}
    for name in ("remove", "undo create"):
        assert outcomes[name][0] is Outcome.DONE, outcomes
    assert outcomes["bring back"][0] is Outcome.AWAITING_HANDOFF, "its job has not run yet"
    assert outcomes["removed already"][0] is Outcome.NOTHING_TO_DO, outcomes
    assert outcomes["create"][0] is Outcome.AWAITING_HANDOFF, outcomes
    assert outcomes["again"][0] is Outcome.NOTHING_TO_DO, outcomes
    for name in world.results:
        if world.results[name].record is not None:
            assert verified_record(RecordFolder.open(world.record(name))).ok, name


@pytest.mark.parametrize(
    ("name", "stopped", "permission"),
    [
        ("create", "Stopped at write 5 of 8", "AppRoleAssignment.ReadWrite.All"),
    ],
)
def test_a_refusal_in_the_middle_names_the_permission_and_the_next_run_goes_on(
    world: World, name: str, stopped: str, permission: str
) -> None:
    broken = world.results[f"{name} broken off"]
    assert broken.outcome is Outcome.PARTIAL
    assert stopped in str(broken.message)
    error = json.loads((world.record(f"{name} broken off") / "record.json").read_text(encoding="utf-8"))["error"]
    assert permission in error["hint"]
    first, second = (
        [json.loads(line) for line in (world.record(one) / "journal.jsonl").read_text().splitlines()]
        for one in (f"{name} broken off", name)
    )
    assert second[0]["resumes"] == world.record(f"{name} broken off").name
    done = [line["write"] for line in (*first, *second) if line["entry"] == "done"]
    assert len(done) == len(set(done)) == int(stopped.rpartition(" ")[2])


def test_everything_that_the_runs_wrote_fits_the_schemas_of_the_route(world: World) -> None:
    records = [path.parent for path in sorted(world.records.glob("*/*/record.json"))]
    seen = [name for record in records for name, _ in documents(record)]
    assert {"record", "plan", "journal", "approval", "manifest"} <= set(seen)
    assert misfits(records) == {}


@pytest.mark.parametrize(
    ("name", "said"),
    [("may not", "does not carry the permission"), ("not its own", "may delete only what it owns")],
)
def test_a_removal_that_the_token_does_not_allow_is_refused_before_anything(world: World, name: str, said: str) -> None:
    assert world.results[name].outcome is Outcome.NO_ACCESS, world.results[name].message
    error = json.loads((world.record(name) / "record.json").read_text(encoding="utf-8"))["error"]
    assert said in error["message"]
    assert "Grant the app registration Application.ReadWrite.All" in error["hint"]
    assert states(world)["refused"] == states(world)["before"]
    assert not (world.record(name) / "journal.jsonl").exists()


def test_a_removal_takes_the_configuration_away_and_leaves_ad_as_it_is(world: World) -> None:
    assert states(world)["removed"] == {}
    record = world.record("remove")
    plan = planned(record, ROUTES)
    assert [change.kind for change in plan.changes] == [
        *(ChangeKind.PAUSE, ChangeKind.REMOVE_JOB, ChangeKind.REMOVE_CONFIGURATION)
    ]
    assert plan.phrase == f"DELETE CONFIGURATION IN {names.DOMAIN}"
    assert world.in_ad(IDS["data-analysts"]) is not None
    assert "Data Analysts" in (record / "backup.ldif").read_text(encoding="utf-8")
    page = (record / "record.html").read_text(encoding="utf-8")
    assert "Groups that left the scope" in page
    first = world.record("remove") / "journal.jsonl"
    lines = [json.loads(line) for line in first.read_text().splitlines()]
    kept = [line["intent"]["before"] for line in lines if line["entry"] == "begin"]
    assert kept[1]["schema"]["synchronizationRules"][0]["objectMappings"], "whole, before it is deleted"
    assert sorted(kept[2]["assignments"]) == states(world)["before"]["assigned"]


def test_without_cloud_sync_create_the_refusal_names_it(world: World) -> None:
    result = world.results["without"]
    assert result.outcome is Outcome.REFUSED
    assert "No Cloud Sync configuration writes groups" in str(result.message)
    assert "cloud_sync_create" in (world.record("without") / "record.html").read_text(encoding="utf-8")


def test_a_configuration_is_made_and_writes_groups_as_predicted(world: World) -> None:
    made, before = states(world)["created"], states(world)["before"]
    assert made["principal"] != before["principal"]
    assert made["state"] == "Active"
    assert made["assigned"] == sorted([USERS, ADMINS])
    told = {row["key"]: json.loads(row["value"]) for row in made["secrets"]}
    assert told["Domain"] == {"domain": names.DOMAIN}
    assert told["SyncNotificationSettings"]["Recipients"] == "ops@contoso.com"
    assert (world.in_ad(USERS) or {})["dn"] == f"CN=VPN Users_{USERS[-12:]},{names.CLOUD_SYNC_OU}"
    journal = (world.record("create broken off") / "journal.jsonl").read_text(encoding="utf-8")
    opened = json.loads(journal.splitlines()[0])
    assert (opened["service_principal"], opened["job_id"]) == ("", ""), "not known when it was planned"
    assert made["principal"] in journal
    page = (world.record("create planned") / "record.html").read_text(encoding="utf-8")
    assert "its ids are known only afterwards" in page


def test_the_undo_of_a_creation_leaves_nothing_in_the_tenant(world: World) -> None:
    assert states(world)["undone"] == {}
    assert world.in_ad(USERS) is not None, "what was written to AD stays, and the record says so"


def test_a_removed_configuration_comes_back_with_other_ids_and_nothing_else(world: World) -> None:
    before, back = states(world)["before"], states(world)["back"]
    assert {key for key in before if before[key] != back[key]} == {"principal", "job"}
