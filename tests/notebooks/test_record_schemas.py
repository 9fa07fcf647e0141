"""What real runs leave behind fits its schema, and nothing else would."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.change.approvals.file import standing_phrase
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.change.approvals.standing import approve_in_advance
from runbook_lib.errors import RunbookError
from runbook_lib.parameters.document import known_names
from runbook_lib.parameters.load import load_parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.seal import seal
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner.run import RunResult, run_notebook
from tests.notebooks.journey import SMALL, latest_record, plan_and_approve, sealed_record
from tests.notebooks.test_kill import edit_by_hand, kill_at, plain_command
from tests.support.plain import ROOT, run_plain
from tests.support.schemas import documents, problems

ENABLE, DISABLE, DRIFT, UNDO = "30-enable-writeback", "40-disable-writeback", "50-check-drift", "60-undo-change"
FREE = {"parameters", "versions", "values"}


class Runs:
    """Every kind of run, in one records folder."""

    def __init__(self, world: RunningRehearsal, records: Path) -> None:
        self.world = world
        self.records = records

    def given(self, change_id: str, *names: str, **more: str) -> dict[str, str]:
        return {
            "records_dir": str(self.records),
            "change_id": change_id,
            "select_names": json.dumps(list(names)),
            **more,
        }

    def plain(self, notebook: str, given: dict[str, str]) -> Path:
        try:
            return run_plain(notebook, self.world.parameters_file, given).record.folder.path
        except RunbookError:
            return latest_record(self.records / given["change_id"])

    def changed(self, notebook: str, given: dict[str, str]) -> Path:
        plan_and_approve(self.world, notebook, given)
        return self.plain(notebook, given)

    def killed(self, given: dict[str, str], number: int) -> Path:
        plan_and_approve(self.world, ENABLE, given)
        kill_at(self.world, number, "after", plain_command(self.world, ENABLE, given))
        record = latest_record(self.records / given["change_id"])
        seal(RecordFolder.open(record), None, clock=lambda: datetime.now(UTC))
        return record

    def headless(self, notebook: str, given: dict[str, str]) -> RunResult:
        return run_notebook(
            ROOT / "notebooks" / f"{notebook}.ipynb",
            load_parameters([self.world.parameters_file], given, project_root=ROOT),
            project_root=ROOT,
            environment=os.environ,
            clock=lambda: datetime.now(UTC),
        )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Name of a run to its record."""
    folder = tmp_path_factory.mktemp("schemas")
    with start_rehearsal(folder / "world", SMALL) as world:
        yield {**_plain_runs(Runs(world, folder / "records")), **_headless_runs(Runs(world, folder / "sealed"))}


def _plain_runs(runs: Runs) -> dict[str, Path]:
    both = runs.given("CHG-BOTH", "Marketing", "Project Falcon")
    found = {
        "start": runs.plain("00-start-here", {"records_dir": str(runs.records), "change_id": "CHG-READ"}),
        "exchange": runs.plain("10-detect-exchange", {"records_dir": str(runs.records), "change_id": "CHG-READ"}),
        "inventory": runs.plain("20-inventory-groups", {"records_dir": str(runs.records), "change_id": "CHG-READ"}),
        "refused": runs.plain(ENABLE, runs.given("CHG-OU", "Marketing", target_ou="OU=Nowhere,DC=contoso,DC=com")),
        "no access": runs.plain(ENABLE, runs.given("CHG-DC", "Marketing", dc_port="1")),
        "planned": runs.plain(ENABLE, both),
        "applied": runs.changed(ENABLE, both),
        "nothing to do": runs.plain(ENABLE, both),
        "retired": runs.changed(DISABLE, runs.given("CHG-OFF", disable_names='["Project Falcon"]')),
        "undone": runs.changed(UNDO, runs.given("CHG-UNDO", undo_record=str(sealed_record(runs.records / "CHG-OFF")))),
    }
    edit_by_hand(runs.world)
    found["drift"] = runs.plain(DRIFT, runs.given("CHG-DRIFT"))
    every_kind = runs.given("CHG-KILL", "Sales Team", "Marketing", "Project Falcon")
    found["broke off"] = runs.killed(every_kind, 2)
    found["resumed"] = runs.plain(ENABLE, every_kind)
    return found


def _headless_runs(runs: Runs) -> dict[str, Path]:
    runs.world.control.reset()
    given = runs.given("CHG-RUN", "Sales Team", "Works Council")
    results = {"sealed plan": runs.headless(ENABLE, given)}
    record = results["sealed plan"].record
    assert record is not None
    manifest = json.loads((record / "MANIFEST.json").read_text(encoding="utf-8"))["digest"]
    approve_plan(
        record,
        ROUTES,
        approver="Kim",
        phrase=planned(record, ROUTES).phrase,
        valid=timedelta(hours=1),
        clock=lambda: datetime.now(UTC),
        manifest_digest=manifest,
    )
    results["sealed apply"] = runs.headless(ENABLE, given)
    return _standing_runs(runs) | {name: result.record for name, result in results.items() if result.record is not None}


def _standing_runs(runs: Runs) -> dict[str, Path]:
    """A run under an approval of its plan and a standing one, and a run under the standing one alone."""
    runs.world.control.reset()
    record = runs.changed(ENABLE, runs.given("CHG-STAND", "Marketing"))
    until = datetime.now(UTC).date() + timedelta(days=30)
    phrase = standing_phrase(1, "contoso.com", until)
    approve_in_advance(record, ROUTES, approver="Kim", phrase=phrase, until=until, clock=lambda: datetime.now(UTC))
    both = runs.given("CHG-STAND", "Marketing", "Sales Team")
    plan_and_approve(runs.world, ENABLE, both)
    edit_by_hand(runs.world)
    found = {"under both": runs.plain(ENABLE, both)}
    edit_by_hand(runs.world)
    return found | {"standing": runs.plain(ENABLE, both)}


def test_the_runs_are_of_every_kind(runs: dict[str, Path]) -> None:
    outcomes = {
        name: json.loads((path / "record.json").read_text(encoding="utf-8"))["outcome"] for name, path in runs.items()
    }
    assert outcomes == {
        **dict.fromkeys(("start", "exchange", "inventory", "applied", "retired", "undone"), "done"),
        "under both": "done",
        "standing": "done",
        "refused": "refused",
        "no access": "no-access",
        "planned": "awaiting-approval",
        "nothing to do": "nothing-to-do",
        "drift": "refused",
        "broke off": "partial",
        "resumed": "done",
        "sealed plan": "awaiting-approval",
        "sealed apply": "done",
    }
    seen = [pair for path in runs.values() for pair in documents(path)]
    assert {name for name, _ in seen} == {"record", "plan", "journal", "approval", "manifest"}
    assert {line["entry"] for name, line in seen if name == "journal"} == {"open", "begin", "done", "closed"}
    plans = [plan for name, plan in seen if name == "plan"]
    kinds = {change["kind"] for plan in plans for change in plan["changes"]}
    assert kinds == {"create", "update", "add-members", "remove-members", "retire", "restore"}
    approvals = [record["approval"] for name, record in seen if name == "record" if record["approval"]]
    assert {approval["kind"] for approval in approvals} == {"plan", "standing"}
    assert any("further" in approval for approval in approvals)
    assert {approval["kind"] for name, approval in seen if name == "approval"} == {"plan", "standing"}
    assert any(plan["refusals"] for plan in plans)
    assert any(manifest["previous"] for name, manifest in seen if name == "manifest")


def test_everything_that_runs_write_fits_its_schema(runs: dict[str, Path]) -> None:
    wrong = {
        (run, name): found
        for run, path in runs.items()
        for name, document in documents(path)
        if (found := problems(name, document))
    }
    assert wrong == {}


def test_parameters_of_a_record_are_parameters(runs: dict[str, Path]) -> None:
    for path in runs.values():
        record = json.loads((path / "record.json").read_text(encoding="utf-8"))
        assert record["parameters"]
        assert set(record["parameters"]) <= set(known_names())


def test_a_key_that_is_unknown_or_missing_is_refused(runs: dict[str, Path]) -> None:
    """At every place of the richest documents, each key taken away and one put in."""
    optional = {"ds_service_name", "invocation_id", "cloud", "directory", "further"}
    older = {  # missing where an older version wrote it
        *{("plan", (), "members"), ("record", ("plan",), "members")},
        *{("plan", (), "route"), ("record", ("plan",), "route"), ("journal", (), "route")},
        ("approval", (), "route"),
        *{("record", (), "told"), ("record", ("snapshots",), "tables")},
    }
    tried, without = 0, set()
    for name, document in _richest(runs):
        for place in _places(document):
            assert problems(name, _edited(document, place, add="surprise")), (name, place)
            for key in () if place and place[-1] == "effect" else set(_at(document, place)) - optional:
                found = problems(name, _edited(document, place, remove=key))
                if not found:
                    without.add((name, place, key))
            tried += 1
    assert tried > 30
    assert without == older


def _richest(runs: dict[str, Path]) -> Iterator[tuple[str, Any]]:
    """One document of each kind and, of a journal, one line of each kind."""
    for run in ("sealed apply", "under both"):
        yield from ((name, _short(document)) for name, document in documents(runs[run]) if name != "journal")
    lines = {document["entry"]: document for name, document in documents(runs["applied"]) if name == "journal"}
    yield from (("journal", _short(line)) for line in lines.values())


def _short(value: Any) -> Any:
    """Long lists cut to two entries: what is true of two is true of all."""
    if isinstance(value, list):
        return [_short(item) for item in value[:2]]
    return {key: _short(item) for key, item in value.items()} if isinstance(value, dict) else value


def _places(value: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of all objects whose keys are fixed."""
    if here and here[-1] in FREE:
        return
    if isinstance(value, dict):
        yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _places(item, (*here, key))


def _at(document: Any, place: tuple[str | int, ...]) -> Any:
    for key in place:
        document = document[key]
    return document


def _edited(document: Any, place: tuple[str | int, ...], *, add: str = "", remove: str = "") -> Any:
    changed = copy.deepcopy(document)
    target = _at(changed, place)
    if add:
        target[add] = "x"
    if remove:
        del target[remove]
    return changed
