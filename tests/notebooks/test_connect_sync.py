"""The route connect-sync through the real notebooks: planned, approved, handed over, waited for, compared.

Connect Sync is the rehearsal's: it decides by itself what it writes, after the documentation, and knows no prediction.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.change.approvals.plan import planned
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner.run import RunResult
from tests.notebooks.journey import SMALL
from tests.notebooks.runs import NotebookRuns, acknowledged, collected, written_by_v1
from tests.support.schemas import documents, misfits

ENABLE = {
    "route": "connect-sync",
    "group_type": "",
    "target_ou": names.CONNECT_OU,
    "protected_ous": json.dumps([names.CLOUD_SYNC_OU]),
    "select_names": "[]",
    "rdn_style": "display-name",
    "max_creates": "200",
    "connect_wait": "0",
    "acknowledge": acknowledged(),
}


class World(NotebookRuns):
    """A rehearsal and the runs of one change after the other."""

    def __init__(self, running: RunningRehearsal, folder: Path) -> None:
        super().__init__(running, folder / "records")
        self.folder = folder
        self.before: set[str] = set()
        self.staged: set[str] = set()

    def run(
        self, name: str, change_id: str, given: Mapping[str, str], notebook: str = "30-enable-writeback"
    ) -> RunResult:
        return self.alone(name, notebook, change_id, given)

    def collected(self, name: str) -> str:
        """A file of evidence as the collector writes it now."""
        return collected(self.running, self.folder / f"{name}.json")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One change from its plan to its end, with everything that can go wrong on the way."""
    folder = tmp_path_factory.mktemp("connect-sync")
    with start_rehearsal(folder / "world", SMALL) as running:
        found, connect = World(running, folder), running.control.connect_sync
        given = {**ENABLE, "connect_evidence": found.collected("before")}
        found.run("unclear", "CHG-V1", given)
        given |= {"acknowledge": acknowledged("connect-sync-unclear")}
        found.run("planned", "CHG-V1", given)
        found.approve("planned")
        found.run("handed over", "CHG-V1", given)
        found.run("old evidence", "CHG-V1", given)
        found.run("wizard not finished", "CHG-V1", {**given, "connect_evidence": found.collected("still off")})
        connect("enable", container=names.CONNECT_OU, display_names=False)
        connect("cycle")
        # Its hour of waiting would end this test: what no waiting mends ends it at once.
        found.run("other names", "CHG-V1", {**given, "connect_evidence": "", "connect_wait": "60"})
        # Other parameters make no other approval: what was handed over counts.
        asked = {**given, "rdn_style": "id", "connect_wait": "60"}
        found.run("other rule", "CHG-V1", {**asked, "connect_evidence": found.collected("ids")})
        connect("disable")
        connect("cycle")
        connect("enable", container=names.CONNECT_OU, display_names=True)
        connect("cycle")
        found.run("arrived", "CHG-V1", {**given, "connect_evidence": found.collected("arrived")})
        for dn, values in running.control.directory().items():
            if dn.endswith(names.CONNECT_OU) and "mail" in values:
                # As Update-Recipient leaves it; any address list will do.
                running.control.edit_directory("modify", dn, attributes={"showInAddressBook": [names.BASE_DN]})
        given |= {"connect_evidence": found.collected("in the address book")}
        found.run("done", "CHG-V1", given)
        found.run("on before", "CHG-V1-AGAIN", given)
        yield found


def test_every_run_ended_as_asked_and_its_record_verifies(world: World) -> None:
    outcomes = {name: (result.outcome, result.exit_code) for name, result in world.results.items()}
    messages = {name: result.message for name, result in world.results.items() if result.message}
    waiting = (Outcome.AWAITING_HANDOFF, 10)
    assert outcomes == {
        "unclear": (Outcome.REFUSED, 5),
        "planned": (Outcome.AWAITING_APPROVAL, 4),
        "handed over": waiting,
        "old evidence": waiting,
        "wizard not finished": waiting,
        "other names": (Outcome.VERIFICATION_FAILED, 7),
        "other rule": (Outcome.VERIFICATION_FAILED, 7),
        "arrived": waiting,
        "done": (Outcome.DONE, 0),
        "on before": (Outcome.NOTHING_TO_DO, 0),
    }, messages
    for name in world.results:
        assert verified_record(RecordFolder.open(world.record(name))).ok, name


def test_each_way_of_not_being_done_has_one_clear_message(world: World) -> None:
    codes = {name: (world.facts(name)["error"] or {}).get("code") for name in world.results}
    assert codes == {
        "unclear": "finding-not-acknowledged",
        "planned": "no-approval",
        "handed over": "handed-over",
        "old evidence": "no-proof-of-export",
        "wizard not finished": "wizard-not-finished",
        "other names": "connect-other-names",
        "other rule": "connect-other-names",
        "arrived": "address-book-waiting",
        "done": None,
        "on before": None,
    }


def test_everything_that_the_runs_wrote_fits_the_schemas_of_the_route(world: World) -> None:
    records = [path.parent for path in sorted(world.records.glob("*/*/record.json"))]
    seen = [name for record in records for name, _ in documents(record)]
    assert {"record", "plan", "journal", "approval", "manifest"} <= set(seen)
    assert misfits(records) == {}


def test_the_plan_says_all_or_none_with_numbers_before_the_gate(world: World) -> None:
    plan = planned(world.record("planned"), ROUTES)
    # The connector account of the rehearsal has its rights.
    assert [change.kind for change in plan.changes] == [ChangeKind.SWITCH_ON, ChangeKind.RUN_CYCLE]
    assert plan.phrase == f"ENABLE {plan.groups} GROUPS IN contoso.com"
    found = {one["id"]: one["seen"] for one in world.facts("planned")["findings"]}
    assert f"all Microsoft 365 groups, or none: {plan.groups} groups" in found["connect-sync-all"]
    page = (world.record("planned") / "record.html").read_text(encoding="utf-8")
    assert "AD as group writeback v1 will make it" in page
    with (world.record("planned") / "prediction.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["group"]: row for row in csv.DictReader(file)}
    assert (
        len(rows) <= plan.groups == len(json.loads((world.record("planned") / "prediction.json").read_text())["groups"])
    )
    assert rows["Sales Team"]["dn"].startswith("CN=Sales Team_")
    assert rows["Sales Team"]["dn"].endswith(names.CONNECT_OU)
    assert rows["Partners of Fabrikam"]["members_written"] == "0"


def test_what_is_handed_over_is_in_the_record_and_on_its_page_and_nothing_is_written(world: World) -> None:
    record = world.record("handed over")
    page = (record / "record.html").read_text(encoding="utf-8")
    for name in ("switch-on", "run-cycle"):
        assert (record / f"hand-off-{name}.txt").read_text(encoding="utf-8").splitlines()[0] in page
    assert names.CONNECT_OU in (record / "hand-off-switch-on.txt").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in (record / "journal.jsonl").read_text().splitlines()]
    assert [line["entry"] for line in lines] == ["open", *["begin", "done"] * 2, "closed"]
    assert not (world.record("old evidence") / "journal.jsonl").exists()


def test_ad_is_as_predicted_group_by_group(world: World) -> None:
    told = json.loads((world.record("planned") / "prediction.json").read_text(encoding="utf-8"))
    in_ad = written_by_v1(world.running)
    for group in told["groups"]:
        assert f"Group_{group['group_id']}" in in_ad, group["display_name"]
    page = (world.record("done") / "record.html").read_text(encoding="utf-8")
    assert "as predicted" in page
    with (world.record("done") / "arrivals.csv").open(encoding="utf-8-sig", newline="") as file:
        compared = list(csv.DictReader(file))
    assert {row["state"] for row in compared} == {"as-predicted"}
    assert {f"Group_{row['group_id']}" for row in compared} <= set(in_ad)
    assert not (world.record("wizard not finished") / "hand-off-address-book.txt").exists(), "three came before v1"
    lines = (world.record("arrived") / "hand-off-address-book.txt").read_text(encoding="utf-8")
    assert lines.count("-WhatIf") >= 1
    assert "Sales Team_" in lines


def test_the_table_of_a_wizard_finished_otherwise_calls_no_group_as_predicted_that_it_named(world: World) -> None:
    told = json.loads((world.record("planned") / "prediction.json").read_text(encoding="utf-8"))
    before = {group["group_id"] for group in told["groups"] if group["present_guid"]}
    for name in ("other names", "other rule"):
        with (world.record(name) / "arrivals.csv").open(encoding="utf-8-sig", newline="") as file:
            compared = list(csv.DictReader(file))
        named = [row for row in compared if row["dn"].startswith("CN=Group_") and row["group_id"] not in before]
        assert len(named) > 20
        assert {row["state"] for row in named} == {"different"}, name


def test_what_somebody_edits_in_ad_is_drift(world: World) -> None:
    dn = next(
        dn
        for dn in world.running.control.directory()
        if dn.startswith("CN=Book Club_") and dn.endswith(names.CONNECT_OU)
    )
    world.running.control.edit_directory("modify", dn, attributes={"displayName": ["Reading Club"]})
    given = {"route": "connect-sync", "target_ou": names.CONNECT_OU, "connect_evidence": world.collected("drift")}
    result = world.run("drift", "CHG-DRIFT", given, "50-check-drift")
    assert result.outcome is Outcome.REFUSED, result.message
    assert "Its displayName is Reading Club." in str(result.message)
    assert "1 difference in Book Club" in str(result.message)
