"""The source of authority through the real notebooks: prepared, converted, in scope, given back, taken over, undone.

Both synchronizations are the rehearsal's: the job from AD fills the extension, Cloud Sync writes converted groups.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.contoso import names
from rehearsal.process import start_rehearsal
from runbook_lib.change.approvals.plan import planned
from runbook_lib.errors import RunbookError
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.runs import acknowledged
from tests.notebooks.test_cloud_sync import IDS, PERMISSIONS, World
from tests.notebooks.test_cloud_sync_permissions import run

FINANCE, HR = IDS["gg-finance-read"], IDS["gg-hr-write"]
DNS = {name: f"CN={name},{names.GROUPS_OU}" for name in ("GG-Finance-Read", "GG-HR-Write")}
CONVERT = {
    "route": "cloud-sync",
    "cloud_sync_enable": "convert",
    "group_type": "",
    "select_names": '["GG-Finance-Read"]',
    "select_kinds": '["security"]',
    "cloud_sync_make_universal": "true",
    "cloud_sync_wait": "0",
    "acknowledge": "[]",
}
OTHERS = (
    "Group-OnPremisesSyncBehavior.ReadWrite.All",
    "Application.ReadWrite.OwnedBy",
    "EntitlementManagement.Read.All",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("authority")
    with start_rehearsal(folder / "world") as running:
        control = running.control
        control.settings(roles=[*PERMISSIONS, *OTHERS])
        control.edit_cloud("add-configuration", kind="from-own-ad")
        control.edit_cloud("add-member", group=FINANCE, member=HR)
        directory = control.directory()
        people = directory[DNS["GG-Finance-Read"]]["member"]
        nested = {"member": [*people, DNS["GG-HR-Write"]]}
        control.edit_directory("modify", DNS["GG-Finance-Read"], attributes=nested)
        # Scopes of groups outside the OU of written groups: whoever changes them has rights there.
        admins = f"CN=Domain Admins,CN=Users,{names.BASE_DN}"
        held = directory[admins]["member"]
        control.edit_directory("modify", admins, attributes={"member": [*held, names.BIND_DN]})
        yield World(running, folder / "records")


def refused_without(world: World, permission: str, change_id: str) -> None:
    """An approved plan stops where a permission of its row was taken away since, and names it."""
    control = world.running.control
    control.settings(roles=[one for one in (*PERMISSIONS, *OTHERS) if one != permission])
    given = {"records_dir": str(world.records), "change_id": change_id, **CONVERT}
    with pytest.raises(RunbookError) as caught:
        run(world.running, "30-enable-writeback", given)
    assert caught.value.outcome is Outcome.NO_ACCESS, caught.value
    assert permission in str(caught.value.hint), caught.value.hint
    control.settings(roles=[*PERMISSIONS, *OTHERS])


def test_a_conversion_there_and_back(world: World) -> None:
    control = world.running.control
    # The first plan makes what holds distinguished names; the job from AD fills it.
    world.run("preparing", "30-enable-writeback", "CHG-PREPARE", CONVERT)
    world.approved("preparing")
    refused_without(world, "Application.ReadWrite.OwnedBy", "CHG-PREPARE")
    prepared = world.run("prepared", "30-enable-writeback", "CHG-PREPARE", CONVERT)
    assert prepared.outcome is Outcome.AWAITING_HANDOFF, prepared.message
    kinds = [change.kind for change in planned(world.record("prepared"), ROUTES).changes]
    assert kinds == [*[ChangeKind.EXTENSION] * 3, ChangeKind.MAP_GROUP_DN]
    control.cloud_sync("run")
    # The second converts both, the nested one first.
    world.run("converting", "30-enable-writeback", "CHG-CONVERT", CONVERT)
    world.approved("converting")
    for missing in ("Group-OnPremisesSyncBehavior.ReadWrite.All", "Group.Read.All", "Application.Read.All"):
        refused_without(world, missing, "CHG-CONVERT")
    converted = world.run("converted", "30-enable-writeback", "CHG-CONVERT", CONVERT)
    assert converted.outcome is Outcome.DONE, converted.message
    plan = planned(world.record("converted"), ROUTES)
    assert plan.phrase == "CONVERT 2 GROUPS IN contoso.com"
    assert [change.group_id for change in plan.changes if change.kind is ChangeKind.CONVERT] == [HR, FINANCE]
    page = (world.record("converting") / "record.html").read_text(encoding="utf-8")
    assert "OU and name stay: 2 of 2 groups" in page
    assert DNS["GG-HR-Write"] in (world.record("converted") / "backup.ldif").read_text(encoding="utf-8")
    # In scope they stay where they are, though target_ou is the OU of all others.
    scope = {**CONVERT, "cloud_sync_enable": "scope", "target_ou": names.CLOUD_SYNC_OU}
    scope |= {"select_names": '["GG-Finance-Read", "GG-HR-Write"]', "cloud_sync_on_premises_users": "on"}
    world.run("scoping", "30-enable-writeback", "CHG-SCOPE", scope)
    world.approved("scoping")
    scoped = world.run("scoped", "30-enable-writeback", "CHG-SCOPE", scope)
    assert scoped.outcome in (Outcome.AWAITING_HANDOFF, Outcome.DONE), scoped.message
    control.cloud_sync("run")
    assert (world.in_ad(FINANCE) or {})["dn"] == DNS["GG-Finance-Read"]
    assert (world.in_ad(HR) or {})["dn"] == DNS["GG-HR-Write"]
    # The undo of the conversion gives both back, parents first; it waits until the job from AD takes them over.
    undo = {"route": "cloud-sync", "undo_record": str(world.record("converted")), "cloud_sync_wait": "0"}
    world.run("undoing", "60-undo-change", "CHG-UNDO", undo)
    world.approved("undoing")
    pending = world.run("pending", "60-undo-change", "CHG-UNDO", undo)
    assert pending.outcome is Outcome.AWAITING_HANDOFF, pending.message
    assert "Start-ADSyncSyncCycle" in str(pending.hint)
    control.cloud_sync("run")
    again = world.run("again", "60-undo-change", "CHG-UNDO2", undo)
    assert again.outcome is Outcome.NOTHING_TO_DO, again.message
    assert world.in_ad(FINANCE) is not None
    for name in ("prepared", "converted", "scoped", "pending"):
        assert verified_record(RecordFolder.open(world.record(name))).ok, name


def test_a_roll_back_is_watched_until_connect_takes_the_group_over(world: World) -> None:
    control = world.running.control
    control.edit_cloud("add-catalog", name="Partners", groups=["Legal Archive"])
    control.edit_cloud("add-member", group="Legal Archive", member=IDS["vpn-admins"])
    given = {
        "route": "cloud-sync",
        "cloud_sync_disable": "roll-back",
        "disable_names": '["Legal Archive"]',
        "cloud_sync_wait": "0",
    }
    blocked = world.run("blocked", "40-disable-writeback", "CHG-BACK", given)
    assert blocked.outcome is Outcome.REFUSED, blocked.message
    assert "VPN Admins in Legal Archive (group born in the cloud)" in str(blocked.message)
    given["acknowledge"] = acknowledged("soa-members-lost", "soa-access-packages")
    world.run("planned back", "40-disable-writeback", "CHG-BACK2", given)
    world.approved("planned back")
    pending = world.run("pending back", "40-disable-writeback", "CHG-BACK2", given)
    assert pending.outcome is Outcome.AWAITING_HANDOFF, pending.message
    assert planned(world.record("planned back"), ROUTES).phrase == "ROLL-BACK 1 GROUP IN contoso.com"
    assert control.connect_sync()["groups"] == [IDS["legal-archive"]]
    again = world.run("back", "40-disable-writeback", "CHG-BACK3", given)
    assert again.outcome is Outcome.NOTHING_TO_DO, again.message
