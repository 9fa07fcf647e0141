"""Groups move from the direct route to Cloud Sync and back, through the real notebooks: same GUID, SID and members.

Cloud Sync is the rehearsal's: it decides by itself what it takes over, after the documentation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from rehearsal.contoso import names
from rehearsal.process import start_rehearsal
from runbook_lib.change.approvals.plan import planned
from runbook_lib.change.lock import lock_path, writer_lock
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.outcome import Outcome
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.journey import SMALL
from tests.notebooks.test_cloud_sync import ADMINS, ENABLE, PERMISSIONS, USERS, World
from tests.support.cloud_sync import Administrator

DIRECT = {"group_type": "security", "select_names": '["VPN Users", "VPN Admins"]', "select_kinds": '["security"]'}
ACCEPTED = ("cloud-sync-adoption", "cloud-sync-out-of-scope", "cloud-sync-unused")
TOLD = {
    **ENABLE,
    "target_ou": names.TARGET_OU,
    "cloud_sync_account_name_expression": "",
    "cloud_sync_ou_expression": f'Switch([objectId], "{names.CLOUD_SYNC_OU}", "{USERS}", "{names.TARGET_OU}", '
    f'"{ADMINS}", "{names.TARGET_OU}")',
    "cloud_sync_enable": "move",
    "cloud_sync_disable": "move",
    "acknowledge": json.dumps(
        [{"finding": one, "by": "Kim", "reason": "tried", "until": "2099-01-01"} for one in ACCEPTED]
    ),
}


def lasting(found: dict[str, Any] | None) -> tuple[Any, ...]:
    """What of an AD object has to stay, whoever keeps it up to date."""
    assert found is not None
    return (found["dn"], found["objectGUID"], found["objectSid"], found["sAMAccountName"], sorted(found["member"]))


def by_mark(world: World, group_id: str) -> dict[str, Any] | None:
    """The AD object with this runbook's mark of a group, with its DN."""
    for dn, attributes in world.running.control.directory().items():
        if any(value.endswith(group_id) for value in attributes.get("extensionName", ())):
            return {"dn": dn, **attributes}
    return None


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("move")
    with start_rehearsal(folder / "world", SMALL) as running:
        running.control.settings(roles=list(PERMISSIONS))
        running.control.cloud_sync("members", on=True)
        found = World(running, folder / "records")
        found.run("planned", "30-enable-writeback", "CHG-DIRECT", DIRECT)
        found.approved("planned")
        found.run("written", "30-enable-writeback", "CHG-DIRECT", DIRECT)
        yield found


def test_groups_go_over_with_their_objects_and_come_back(world: World) -> None:
    assert world.results["written"].outcome is Outcome.DONE, world.results["written"].message
    before = {group: lasting(by_mark(world, group)) for group in (USERS, ADMINS)}

    unread = world.run("not accepted", "30-enable-writeback", "CHG-OVER", {**TOLD, "acknowledge": "[]"})
    assert unread.outcome is Outcome.REFUSED
    assert "cloud-sync-adoption" in str(unread.message)

    world.run("over", "30-enable-writeback", "CHG-OVER", TOLD)
    world.approved("over")
    plan = planned(world.record("over"), ROUTES)
    assert [change.kind for change in plan.changes if change.kind is not ChangeKind.MAP] == [
        *(ChangeKind.ANCHOR, ChangeKind.ASSIGN, ChangeKind.ADOPT),
        *(ChangeKind.ANCHOR, ChangeKind.ASSIGN),
        *[ChangeKind.UNMARK] * 2,
    ]
    assert {change.group_id for change in plan.changes if change.kind is ChangeKind.ADOPT} == {ADMINS}
    assert "cloud-sync-others-change" not in (world.record("over") / "record.html").read_text(encoding="utf-8")
    world.running.control.cloud_sync("run")
    # It stops midway; what a first run asks is asked again before it goes on.
    world.running.control.settings(roles=[one for one in PERMISSIONS if one != "AppRoleAssignment.ReadWrite.All"])
    stopped = world.run("stopped", "30-enable-writeback", "CHG-OVER", TOLD)
    assert stopped.outcome is Outcome.PARTIAL, stopped.message
    world.running.control.settings(roles=list(PERMISSIONS))
    for told, code in (
        ({"acknowledge": "[]"}, "finding-not-acknowledged"),
        ({"protected_ous": json.dumps([names.TARGET_OU])}, "protected-ou"),
    ):
        asked = world.run("asked again", "30-enable-writeback", "CHG-OVER", {**TOLD, **told})
        assert asked.outcome is Outcome.REFUSED, asked.message
        error = json.loads((world.record("asked again") / "record.json").read_text(encoding="utf-8"))["error"]
        assert error["code"] == code, error
    over = world.run("went over", "30-enable-writeback", "CHG-OVER", TOLD)
    world.running.control.cloud_sync("run")
    over = world.run("watched", "30-enable-writeback", "CHG-OVER", TOLD)
    assert over.outcome in (Outcome.DONE, Outcome.NOTHING_TO_DO), over.message
    assert {group: lasting(world.in_ad(group)) for group in (USERS, ADMINS)} == before
    assert by_mark(world, USERS) is None
    assert names.group_id("vpn-users") in (world.record("went over") / "backup.ldif").read_text(encoding="utf-8")

    # The direct route leaves them to Cloud Sync now.
    left = world.run("left alone", "30-enable-writeback", "CHG-DIRECT2", DIRECT)
    assert left.outcome is Outcome.REFUSED
    assert left.hint == "Leave it to Cloud Sync."

    back = {**TOLD, "disable_names": '["VPN Users", "VPN Admins"]'}
    world.run("back", "40-disable-writeback", "CHG-BACK", back)
    world.approved("back")
    done = world.run("came back", "40-disable-writeback", "CHG-BACK", back)
    assert done.outcome is Outcome.AWAITING_HANDOFF, "the job did not run meanwhile"
    world.running.control.cloud_sync("run")
    assert {group: lasting(by_mark(world, group)) for group in (USERS, ADMINS)} == before
    assert world.in_ad(USERS) is None
    again = world.run("direct again", "30-enable-writeback", "CHG-DIRECT3", DIRECT)
    assert again.outcome is Outcome.NOTHING_TO_DO, again.message


def schema_of(graph: Administrator) -> tuple[str, dict[str, Any]]:
    """Path and body of the schema of the configuration that writes groups to Contoso."""
    rows = graph.send("GET", "servicePrincipals?$top=999&$select=id,displayName,applicationTemplateId")["value"]
    (principal,) = [one["id"] for one in rows if one["displayName"] == names.DOMAIN and one["applicationTemplateId"]]
    (job,) = graph.send("GET", f"servicePrincipals/{principal}/synchronization/jobs")["value"]
    path = f"servicePrincipals/{principal}/synchronization/jobs/{job['id']}/schema"
    return path, {key: value for key, value in graph.send("GET", path).items() if "@" not in key}


def test_what_others_do_between_plan_and_apply_stops_it_and_an_undo_takes_a_move_back(world: World) -> None:
    before = {group: lasting(by_mark(world, group)) for group in (USERS, ADMINS)}
    notebook = "30-enable-writeback"
    world.run("over again", notebook, "CHG-OVER2", TOLD)
    world.approved("over again")
    plan = planned(world.record("over again"), ROUTES)
    # Another run has the lock.
    host = str(world.running.state["graph_url"]).removeprefix("https://")
    path = lock_path(f"{host}/{names.TENANT_ID}", plan.target.locked)
    with writer_lock(path, "another run", clock=lambda: datetime.now(UTC)):
        locked = world.once(notebook, "CHG-OVER2", TOLD)
    assert (locked.outcome, locked.title) == (Outcome.REFUSED, "Another run is writing"), locked.message
    # Somebody changes the mapping of names: the AD objects would be renamed by what was approved.
    graph = Administrator(world.running)
    try:
        at, schema = schema_of(graph)
        edited = json.loads(json.dumps(schema))
        for row in edited["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]:
            if row["targetAttributeName"] == "cn":
                row["source"] = {**row["source"], "expression": "[displayName]", "name": "[displayName]"}
        graph.send("PUT", at, edited)
        stopped = world.run("edited", notebook, "CHG-OVER2", TOLD)
        assert stopped.outcome in (Outcome.REFUSED, Outcome.AWAITING_APPROVAL), stopped.message
        assert not (world.record("edited") / "journal.jsonl").exists(), "nothing was sent"
        assert {group: lasting(by_mark(world, group)) for group in (USERS, ADMINS)} == before
        graph.send("PUT", at, schema)
    finally:
        graph.close()
    over = world.run("over at last", notebook, "CHG-OVER2", TOLD)
    assert over.outcome in (Outcome.DONE, Outcome.AWAITING_HANDOFF), over.message
    assert by_mark(world, USERS) is None
    undo = {"route": "cloud-sync", "undo_record": str(world.record("over at last")), "cloud_sync_wait": "0"}
    undo |= {"target_ou": names.TARGET_OU, "acknowledge": TOLD["acknowledge"]}
    world.run("undo of the move", "60-undo-change", "CHG-UNDO-MOVE", undo)
    world.approved("undo of the move")
    undone = world.run("undone", "60-undo-change", "CHG-UNDO-MOVE", undo)
    assert undone.outcome in (Outcome.DONE, Outcome.AWAITING_HANDOFF), undone.message
    world.running.control.cloud_sync("run")
    assert {group: lasting(by_mark(world, group)) for group in (USERS, ADMINS)} == before
    assert world.in_ad(USERS) is None, "Cloud Sync's anchor is off again"
