"""v1 switched off and on again through the real notebooks: what goes is named, waited for, and comes back with its SID.

Connect Sync is the rehearsal's: after the wizard its cycle deletes every group that it wrote, and it joins what is
there again with its anchor.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.change.approvals.plan import planned
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner.run import RunResult
from tests.notebooks.journey import SMALL
from tests.notebooks.runs import NotebookRuns, acknowledged, collected, written_by_v1
from tests.support.schemas import misfits

DISABLE, UNDO = "40-disable-writeback", "60-undo-change"
HOLDER = f"CN=All Projects,{names.GROUPS_OU}"
Written = dict[str, dict[str, list[str]]]
"""Groups in v1's OU: anchor to attributes."""
SHARE = "\\\\fs1\\projects"


HANGING = ("hangs-on-groups:member-of", "hangs-on-groups:file-share")
GIVEN = {
    "route": "connect-sync",
    "target_ou": names.CONNECT_OU,
    "select_names": "[]",
    "disable_names": "[]",
    "max_deletions": "200",
    "max_creates": "200",
    "connect_wait": "0",
}


class World(NotebookRuns):
    """A rehearsal in which v1 is on and has written its groups, and the runs that take it away and bring it back."""

    def __init__(self, running: RunningRehearsal, folder: Path) -> None:
        super().__init__(running, folder / "records")
        self.folder = folder
        self.account = {
            "bind_user": names.ADMINISTRATOR,
            "bind_password_file": str(running.folder.administrator_password),
        }
        self.before: Written = {}
        self.after: Written = {}
        self.restored: Written = {}
        self.joined: Written = {}

    def run(self, name: str, notebook: str, change_id: str, **given: str) -> RunResult:
        """One run as the domain's administrator, who may bring back what stood in v1's OU."""
        return self.alone(name, notebook, change_id, {**GIVEN, **self.account, **given})

    def findings(self, name: str) -> dict[str, str]:
        """Findings of a run: id to severity."""
        return {one["id"]: one["severity"] for one in self.facts(name)["findings"]}

    def written(self) -> Written:
        """Groups in v1's OU by their anchor."""
        return written_by_v1(self.running)

    def collected(self, name: str) -> str:
        """A file of evidence as the collector writes it now: its time has whole seconds, so it begins a new one."""
        time.sleep(1.1)
        return collected(self.running, self.folder / f"{name}.json")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """v1 goes and comes back, every run in its turn."""
    folder = tmp_path_factory.mktemp("leaving")
    with start_rehearsal(folder / "rehearsal", options=replace(SMALL, recycle_bin=True)) as running:
        here = World(running, folder)
        control = running.control
        control.settings(roles=[*names.APP_ROLES, "GroupSettings.ReadWrite.All"])
        control.connect_sync("enable", container=names.CONNECT_OU, display_names=False)
        control.connect_sync("cycle")
        here.before = here.written()
        first = next(iter(here.before.values()))
        control.edit_directory(
            "add", HOLDER, attributes={"objectClass": ["group"], "groupType": ["8"], "sAMAccountName": ["all-projects"]}
        )
        control.edit_directory("modify", HOLDER, attributes={"member": [first["dn"][0]]})
        shares = folder / "shares.csv"
        with shares.open("w", encoding="utf-8-sig", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["Path", "IdentityReference", "AccessControlType", "FileSystemRights"])
            rows.writerow([SHARE, first["objectSid"][0], "Allow", "Modify, Synchronize"])
            rows.writerow([SHARE, "S-1-5-32-544", "Allow", "FullControl"])
        asked = {
            "connect_evidence": here.collected("on"),
            "access_ous": json.dumps([names.GROUPS_OU]),
            "share_permissions": str(shares),
            "connect_new_groups": "not-written",
        }
        here.run("limit", DISABLE, "CHG-LIMIT", **{**asked, "max_deletions": "5"})
        here.run("names", DISABLE, "CHG-NAMES", **{**asked, "disable_names": '["Sales Team"]'})
        here.run("not accepted", DISABLE, "CHG-OFF", **asked)
        asked["acknowledge"] = acknowledged(*HANGING)
        here.run("planned", DISABLE, "CHG-OFF", **asked)
        here.approve("planned")
        here.run("handed over", DISABLE, "CHG-OFF", **asked)
        here.run("not yet", DISABLE, "CHG-OFF", **{**asked, "connect_evidence": here.collected("still on")})
        control.connect_sync("disable")
        control.connect_sync("cycle")
        here.after = here.written()
        asked["connect_evidence"] = here.collected("off")
        here.run("gone", DISABLE, "CHG-OFF", **asked)
        back = {
            "undo_record": str(here.record("handed over")),
            "connect_evidence": here.collected("still off"),
            "acknowledge": acknowledged("mail-not-in-address-book"),
        }
        here.run("back planned", UNDO, "CHG-BACK", **back)
        here.approve("back planned")
        here.run("back", UNDO, "CHG-BACK", **back)
        here.restored = here.written()
        control.connect_sync("enable", container=names.CONNECT_OU, display_names=False)
        control.connect_sync("cycle")
        back["connect_evidence"] = here.collected("on again")
        here.run("joined", UNDO, "CHG-BACK", **back)
        here.joined = here.written()
        off = {**asked, "undo_record": str(here.record("back")), "connect_evidence": back["connect_evidence"]}
        here.run("off once more", UNDO, "CHG-AGAIN", **off)
        yield here


def test_more_groups_than_allowed_are_refused(world: World) -> None:
    result = world.results["limit"]
    assert (result.outcome, world.facts("limit")["error"]["code"]) == (Outcome.REFUSED, "limit-deletions"), (
        result.message
    )


def test_who_names_a_few_groups_is_told_that_all_go(world: World) -> None:
    result = world.results["names"]
    assert result.outcome is Outcome.REFUSED
    assert "connect-sync-disable-names" in str(world.facts("names")["error"]), result.message


def test_what_hangs_on_the_groups_is_to_be_accepted_before_anything_is_approved(world: World) -> None:
    result = world.results["not accepted"]
    assert (result.outcome, world.facts("not accepted")["error"]["code"]) == (
        Outcome.REFUSED,
        "finding-not-acknowledged",
    ), result.message
    found = world.findings("not accepted")
    assert {name for name, severity in found.items() if severity == "blocking"} >= set(HANGING)
    with (world.record("not accepted") / "uses.csv").open(encoding="utf-8-sig", newline="") as file:
        uses = list(csv.DictReader(file))
    assert {(row["kind"], row["holder"]) for row in uses} >= {("member-of", HOLDER), ("file-share", SHARE)}


def test_every_group_that_goes_is_named_before_the_gate(world: World) -> None:
    result = world.results["planned"]
    assert result.outcome is Outcome.AWAITING_APPROVAL, result.message
    plan = planned(world.record("planned"), ROUTES)
    with (world.record("planned") / "groups-going.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    sure = sum(row["certain"] == "yes" for row in rows)
    assert sure < len(rows)
    assert plan.phrase == f"DELETE {sure} TO {len(rows)} GROUPS IN contoso.com"
    assert {row["sid"] for row in rows if row["certain"] == "yes"} == {
        values["objectSid"][0] for anchor, values in world.before.items() if anchor not in world.after
    }
    unsure = {row["display_name"] for row in rows if row["certain"] == "unknown"}
    assert unsure >= {"Project Heron", "Gone For Good"}, "their cloud groups are gone: Connect may not know them"
    found = world.findings("planned")
    assert found["recycle-bin-on-while-leaving"] == "info"
    assert found["leaving-is-not-undone"] == "warning"
    assert found["new-group-default-effect:off"] == "warning"


def test_the_wizard_is_handed_over_and_everything_is_backed_up(world: World) -> None:
    result = world.results["handed over"]
    assert (result.outcome, result.outcome.exit_code) == (Outcome.AWAITING_HANDOFF, 10), result.message
    record = world.record("handed over")
    text = (record / "hand-off-switch-off.txt").read_text(encoding="utf-8")
    assert "Clear Group writeback" in text
    ldif = (record / "backup.ldif").read_text(encoding="utf-8")
    assert ldif.count("# objectSid S-1-5-21-") >= len(world.before)
    assert "ntsecuritydescriptor:" in ldif
    assert len(json.loads((record / "groups-before.json").read_text(encoding="utf-8"))) > len(world.before)


def test_as_long_as_they_stand_there_the_next_run_says_so(world: World) -> None:
    result = world.results["not yet"]
    assert (result.outcome, world.facts("not yet")["error"]["code"]) == (
        Outcome.AWAITING_HANDOFF,
        "wizard-not-cleared",
    ), result.message


def test_when_they_are_gone_and_nothing_else_it_is_done(world: World) -> None:
    result = world.results["gone"]
    assert (result.outcome, result.outcome.exit_code) == (Outcome.DONE, 0), result.message
    assert {values["displayName"][0] for values in world.after.values()} == {"Project Heron", "Gone For Good"}


def test_the_same_objects_come_back_before_v1_is_handed_over(world: World) -> None:
    assert world.results["back planned"].outcome is Outcome.AWAITING_APPROVAL, world.results["back planned"].message
    result = world.results["back"]
    assert result.outcome is Outcome.AWAITING_HANDOFF, result.message
    before, restored = world.before, world.restored
    assert restored.keys() == before.keys()
    for anchor, values in before.items():
        assert (restored[anchor]["objectGUID"], restored[anchor]["objectSid"]) == (
            values["objectGUID"],
            values["objectSid"],
        )
    assert (world.record("back") / "hand-off-switch-on.txt").exists()
    journal = (world.record("back") / "journal.jsonl").read_text(encoding="utf-8")
    assert journal.index('"undeleted"') < journal.index('"handed_over": "switch-on"')


def test_v1_joins_them_and_they_keep_their_sid(world: World) -> None:
    result = world.results["joined"]
    assert (result.outcome, result.outcome.exit_code) == (Outcome.DONE, 0), result.message
    before, joined = world.before, world.joined
    assert {anchor: values["objectSid"] for anchor, values in joined.items()} == {
        anchor: values["objectSid"] for anchor, values in before.items()
    }
    assert joined.keys() == before.keys()
    first = next(iter(before))
    assert sorted(joined[first].get("member", [])) == sorted(before[first].get("member", []))


def test_the_way_back_of_switching_on_is_to_leave_again(world: World) -> None:
    result = world.results["off once more"]
    assert result.outcome is Outcome.AWAITING_APPROVAL, result.message
    plan = planned(world.record("off once more"), ROUTES)
    assert plan.phrase.startswith("DELETE ")
    assert [change.kind.value for change in plan.changes] == ["switch-off", "new-group-default", "run-cycle"]


def test_every_record_is_sealed_and_fits_its_schema(world: World) -> None:
    records = [world.record(name) for name in world.results]
    assert [record.name for record in records if not verified_record(RecordFolder(record)).ok] == []
    assert misfits(records) == {}
