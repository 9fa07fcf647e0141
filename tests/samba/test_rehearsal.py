"""``gwb rehearsal start --directory samba``: the product plans and an administrator edits against a real controller."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
import yaml

from rehearsal.administrator import GroupEdit, edit_group
from rehearsal.cloud_sync_journey import CloudSyncJourney
from rehearsal.connect_journey import ConnectJourney
from rehearsal.contoso import names
from rehearsal.control import ControlError
from rehearsal.journey import Steps
from rehearsal.options import StartOptions
from rehearsal.process import RunningRehearsal, start_rehearsal
from rehearsal.scene import Objects
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.groups import probe_groups
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.inventory.build import build_inventory, group_ids_to_probe
from runbook_lib.inventory.index import index_directory
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE
from runbook_lib.model.outcome import Outcome
from runbook_lib.parameters.load import load_parameters
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.rules.obstacles import connect_v1_of
from runbook_lib.rules.policy import naming_of, policy_of
from tests.notebooks.test_cloud_sync import PERMISSIONS
from tests.notebooks.test_cloud_sync_move import DIRECT, TOLD
from tests.support.cloud_sync import go_the_way, groups_of_ad, in_ad
from tests.support.connect_sync import enable_and_disable

CLOUD_SYNC_OUTCOMES = [
    *("done", "done"),  # detect, inventory
    *("awaiting-approval", "done", "nothing-to-do"),  # enable
    *("awaiting-approval", "done") * 2,  # disable, undo
]


KNOWN = (
    "recycle-bin-not-on-while-leaving",
    "deleted-objects-not-listable-while-leaving",
    "hangs-on-groups:member-of",
)
"""Findings about Samba, where the runbook's own account sees no deleted object either, and about a group that the route
direct wrote before: nobody knows whether Connect holds it, and it is in another."""
CONNECT_SYNC_OUTCOMES = [
    *("refused", "done"),  # detect: v1 itself is missing; inventory
    *("awaiting-approval", "awaiting-handoff", "awaiting-handoff", "done"),  # enable, Exchange's after-work
    *("awaiting-approval", "awaiting-handoff", "done"),  # disable
    *("awaiting-approval", "awaiting-handoff", "done"),  # undo
]


def as_objects(groups: Iterable[DirectoryGroup]) -> Objects:
    """Groups by DN, as journeys look at them."""
    return {
        group.dn: {
            **{name: list(values) for name, values in group.attributes.items()},
            "objectGUID": [group.guid],
            "objectSid": [group.sid or ""],
            "member": list(group.members or ()),
        }
        for group in groups
    }


class OnSamba(CloudSyncJourney):
    """The journey, with Samba read over LDAP."""

    def directory(self) -> Objects:
        return as_objects(in_ad(self.running).values())


class ConnectOnSamba(ConnectJourney):
    """The journey by Connect Sync, with Samba read over LDAP."""

    def directory(self) -> Objects:
        return as_objects(groups_of_ad(self.running))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRehearsal]:
    """A rehearsal with a Samba of its own, beside the lane's."""
    options = StartOptions(directory="samba", cloud_sync_runs=True)
    with start_rehearsal(tmp_path_factory.mktemp("rehearsal") / "samba", options) as started:
        yield started


def test_the_demo_groups_are_planned(running: RunningRehearsal) -> None:
    told = load_parameters([running.parameters_file], {}, project_root=running.folder.path).parameters
    with (
        open_directory(told, environment={}, clock=now) as directory,
        open_graph(told, environment={}, clock=now, sleep=time.sleep) as client,
    ):
        ad = read_directory(directory, told.target_ou, told.retired_ou, clock=now)
        cloud = read_cloud(client, told.tenant_id, clock=now)
        index = index_directory(ad)
        presence = probe_groups(client, group_ids_to_probe(cloud, index))
    v1 = connect_v1_of(told, cloud.writers, now().date())
    inventory = build_inventory(cloud, ad, presence, index=index, naming=naming_of(told), connect_v1=v1)
    planned = plan_enable(inventory, policy_of(told, cloud.writers, now().date())).plan
    assert len(planned.changes) == len(names.DEMO_GROUPS)
    people = [member for members in inventory.members.values() for member in members if member.type == "user"]
    assert sum(bool(member.guid) for member in people) > 0.95 * len(people)
    by_sid = [member for member in people if member.member_id == names.user_id(names.SID_ONLY_USER)]
    assert by_sid, "somebody whose SID is all that tells who it is"
    assert all(member.guid for member in by_sid), "the cloud knows the SIDs that Samba gave"


def test_an_administrator_edits_a_group_there(running: RunningRehearsal) -> None:
    said = edit_group(running, "GG-HR-Write", GroupEdit(add_members=("aaliyah.abbott",), description="ü"))
    assert said[0] == f"Added aaliyah.abbott to CN=GG-HR-Write,{names.GROUPS_OU}."


def test_groups_move_to_cloud_sync_and_back(running: RunningRehearsal, tmp_path: Path) -> None:
    """The objects that the route direct wrote stay the same, whoever keeps them up to date."""
    running.control.reset()
    running.control.settings(roles=list(PERMISSIONS))
    running.control.cloud_sync("members", on=True)
    steps = Steps(running.parameters_file, tmp_path / "records", "SAMBA-MOVE", 7, quiet=True)
    place = {"records_dir": str(steps.records)}
    told = {**TOLD, **place, "cloud_sync_wait": "5"}
    steps.planned_and_applied("30-enable-writeback", "DIRECT", {**DIRECT, **place})
    marked = _lasting(running, MARK_ATTRIBUTE)
    assert sorted(marked) == ["VPN Admins", "VPN Users"]
    steps.planned_and_applied("30-enable-writeback", "OVER", told)
    assert _lasting(running, EXTERNAL_ID_ATTRIBUTE) == marked
    assert _lasting(running, MARK_ATTRIBUTE) == {}
    disabled = {**told, "disable_names": '["VPN Users", "VPN Admins"]'}
    steps.planned_and_applied("40-disable-writeback", "BACK", disabled)
    assert _lasting(running, MARK_ATTRIBUTE) == marked
    assert _lasting(running, EXTERNAL_ID_ATTRIBUTE) == {}
    steps.run("30-enable-writeback", "AGAIN", Outcome.NOTHING_TO_DO, {**DIRECT, **place})
    running.control.reset()


def _lasting(running: RunningRehearsal, attribute: str) -> dict[str, tuple[object, ...]]:
    """What of the two groups has to stay, by display name, where they carry an attribute."""
    return {
        group.text("displayName") or "": (group.dn, group.guid, group.sid, sorted(group.members or ()))
        for group in groups_of_ad(running)
        if group.attributes.get(attribute) and group.text("displayName") in ("VPN Admins", "VPN Users")
    }


def test_the_journey_by_cloud_sync(running: RunningRehearsal, tmp_path: Path) -> None:
    """As ``gwb demo --route cloud-sync``, about groups that the next test does not need."""
    told = yaml.safe_load(running.folder.cloud_sync_parameters.read_text(encoding="utf-8"))
    chosen = ("Intranet Editors", "Role Readers")
    told |= {"select_names": list(chosen), "cloud_sync_pilot": names.group_id("role-readers")}
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(told | {"records_dir": str(tmp_path / "records")}), encoding="utf-8")
    journey = OnSamba(running, mine, tmp_path / "records", "SAMBA-CS", quiet=True, groups=chosen)
    journey.go()
    assert [line.outcome.value for line in journey.lines] == CLOUD_SYNC_OUTCOMES
    editors = next(one for one in journey.objects().values() if one["displayName"] == ["Intranet Editors"])
    assert len(editors["member"]) == 4, "three people and a group in scope; none that AD manages"


def test_the_journey_by_connect_sync(running: RunningRehearsal, tmp_path: Path) -> None:
    """As ``gwb demo --route connect-sync``. Without Recycle Bin v1 gives back what a tombstone has lost."""
    running.control.reset()
    told = yaml.safe_load(running.folder.connect_sync_parameters.read_text(encoding="utf-8"))
    known = [{**told["acknowledge"][0], "finding": finding} for finding in KNOWN]
    told |= {"acknowledge": [*told["acknowledge"], *known], "records_dir": str(tmp_path / "records")}
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(told), encoding="utf-8")
    journey = ConnectOnSamba(running, mine, tmp_path / "records", "V1", quiet=True)
    journey.go()
    assert [line.outcome.value for line in journey.lines] == CONNECT_SYNC_OUTCOMES
    written = journey.written()
    assert len(written) > 50
    (sales,) = (one for one in written.values() if one["displayName"] == ["Sales Team"])
    assert sales["groupType"] == ["8"]
    assert sales["member"]
    assert sales["mail"]


def test_cloud_sync_writes_groups_there(running: RunningRehearsal) -> None:
    running.control.reset()  # the journey left the switch for members of on-premises users on
    go_the_way(running)


def test_connect_writes_and_deletes_groups_there(running: RunningRehearsal) -> None:
    running.control.reset()
    enable_and_disable(running)


def test_what_passed_is_counted(running: RunningRehearsal) -> None:
    ldap = cast("dict[str, int]", running.control.status()["ldap"])
    assert ldap["connections"] >= 2
    assert ldap["bytes_out"] > 1_000_000
    assert running.state["directory"] == "samba"
    with pytest.raises(ControlError):
        running.control.writes()


def test_nothing_is_left_when_it_stops(running: RunningRehearsal) -> None:
    own = _descendants(int(str(running.state["pid"])))
    assert any("samba" in name for name in own.values())
    running.stop()
    assert running.process is not None
    assert running.process.returncode == 0
    assert [pid for pid in own if Path(f"/proc/{pid}").exists()] == []


def _descendants(pid: int) -> dict[int, str]:
    """Processes below one, by number, with their names."""
    found: dict[int, str] = {}
    parents: dict[int, tuple[int, str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        parents[int(stat.parent.name)] = (int(text.rpartition(")")[2].split()[1]), text.partition("(")[2])
    waiting = [pid]
    for current in waiting:
        for child, (parent, name) in parents.items():
            if parent == current and child not in found:
                found[child] = name.rpartition(")")[0]
                waiting.append(child)
    return found
