"""Deleting and bringing back through the notebooks, with the Recycle Bin off and on, and killed at every write."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.change.approvals.part import part_of
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.change.journal import journals_of, open_chain
from runbook_lib.errors import AwaitingApproval
from runbook_lib.model.outcome import Outcome
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.journey import (
    SMALL,
    TARGET_OU,
    Objects,
    change,
    latest_record,
    other_objects,
    plan_and_approve,
    sealed_record,
    written_objects,
)
from tests.notebooks.test_kill import kill_at, plain_command
from tests.support.plain import run_plain
from tests.support.schemas import documents, problems

ENABLE, DISABLE, UNDO = "30-enable-writeback", "40-disable-writeback", "60-undo-change"
NAMES = ["Marketing", "Project Falcon"]
FEATURE = "CN=Directory Service,CN=Windows NT,CN=Services,CN=Configuration,DC=contoso,DC=com"
PARTITIONS = "CN=Partitions,CN=Configuration,DC=contoso,DC=com"


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bool], RunningRehearsal]]:
    """One world with the Recycle Bin on and one with it off, each started when a test asks for it first."""
    with ExitStack() as ended:

        @cache
        def world_with(recycle_bin: bool) -> RunningRehearsal:
            folder = tmp_path_factory.mktemp("delete")
            return ended.enter_context(prepared(folder, recycle_bin=recycle_bin))

        yield world_with


@pytest.fixture(params=[False, True], ids=["recycle bin off", "recycle bin on"])
def world(request: pytest.FixtureRequest, worlds: Callable[[bool], RunningRehearsal]) -> RunningRehearsal:
    """Back in its first state, whatever the test before did."""
    running = worlds(request.param)
    running.control.reset()
    return running


@contextmanager
def prepared(folder: Path, *, recycle_bin: bool) -> Iterator[RunningRehearsal]:
    """Two written groups; the first has a second mark, a mail address and holds the second by hand."""
    with start_rehearsal(folder / "world", SMALL) as running:
        given = {"records_dir": str(folder / "setup"), "change_id": "S1", "select_names": json.dumps(NAMES)}
        change(running, ENABLE, given)
        if recycle_bin:
            feature = f"CN=Recycle Bin Feature,CN=Optional Features,{FEATURE}"
            running.control.edit_directory("modify", PARTITIONS, attributes={"msDS-EnabledFeature": [feature]})
        first, second = dns(running)
        objects = running.control.directory()
        more = {
            "member": [*objects[first]["member"], second],
            "extensionName": [*objects[first]["extensionName"], "another program's"],
            "mail": ["marketing@contoso.com"],
            "info": ["note"],
        }
        running.control.edit_directory("modify", first, attributes=more)
        running.control.mark()
        yield running


def dns(running: RunningRehearsal) -> tuple[str, str]:
    objects = running.control.directory()
    found = {a["displayName"][0]: dn for dn, a in objects.items() if dn.endswith(TARGET_OU) and "displayName" in a}
    return found[NAMES[0]], found[NAMES[1]]


def deleting(folder: Path, *names: str, **more: str) -> dict[str, str]:
    return {
        "records_dir": str(folder / "records"),
        "change_id": "CHG-DEL",
        "disable_names": json.dumps(list(names)),
        "disable_by": "delete",
        **more,
    }


def undoing(folder: Path) -> dict[str, str]:
    return {
        "records_dir": str(folder / "records"),
        "change_id": "CHG-BACK",
        "undo_record": str(sealed_record(folder / "records" / "CHG-DEL")),
    }


def plan_of(record: Path) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((record / "plan.json").read_text(encoding="utf-8"))
    return loaded


def test_deleted_groups_come_back_whole(world: RunningRehearsal, tmp_path: Path) -> None:
    before = world.control.directory()
    change(world, DISABLE, deleting(tmp_path, *NAMES))
    after = world.control.directory()
    assert not set(dns_of(before)) & set(dns_of(after))
    record = latest_record(tmp_path / "records" / "CHG-DEL")
    assert plan_of(record)["phrase"] == "DELETE 2 GROUPS IN contoso.com"
    backup = (record / "backup.ldif").read_text(encoding="ascii")
    assert "\nobjectsid:: " in backup
    assert "\nmemberof: " in backup
    assert backup.count("\n# member ") == sum(len(before[dn].get("member", [])) for dn in dns_of(before))

    run = change(world, UNDO, undoing(tmp_path))
    assert run.record.outcome is not None
    assert run.record.outcome.good
    assert_back(world, before)
    for change_id in ("CHG-DEL", "CHG-BACK"):
        for path in (tmp_path / "records" / change_id).glob("*/"):
            wrong = [found for name, document in documents(path) for found in problems(name, document)]
            assert wrong == []


def dns_of(objects: Objects) -> list[str]:
    return [dn for dn in objects if dn.endswith(f",{TARGET_OU}") and objects[dn].get("displayName", [""])[0] in NAMES]


def assert_back(world: RunningRehearsal, before: Objects) -> None:
    after = world.control.directory()
    wanted, found = written_objects(before), written_objects(after)
    assert found.keys() == wanted.keys()
    for dn, attributes in wanted.items():
        # What AD itself notes on an object that was deleted once.
        extra = {"lastKnownParent", "msDS-LastKnownRDN"}
        assert {name: values for name, values in found[dn].items() if name not in extra} == attributes, dn
    gone = {dn for dn in before if "DEL:" in dn}
    assert {dn for dn in other_objects(after) if "DEL:" in dn} == gone


@pytest.mark.parametrize(
    ("world", "notebook", "number", "when"),
    [(False, DISABLE, 1, "after"), (False, UNDO, 1, "after"), (False, UNDO, 3, "before"), (True, UNDO, 1, "after")],
    indirect=["world"],
)
def test_a_killed_run_is_finished_by_the_same_command(
    world: RunningRehearsal, tmp_path: Path, notebook: str, number: int, when: str
) -> None:
    """Every other write is killed in tests/unit/routes_direct/test_apply_deletion.py, without notebooks around it."""
    before = world.control.directory()
    given = deleting(tmp_path, NAMES[0])
    if notebook == UNDO:
        change(world, DISABLE, given)
        given = undoing(tmp_path)
    plan_and_approve(world, notebook, given)
    kill_at(world, number, when, plain_command(world, notebook, given))
    run = run_plain(notebook, world.parameters_file, given)
    assert run.record.outcome is not None
    assert run.record.outcome.good
    assert open_chain(journals_of(tmp_path / "records" / given["change_id"], ROUTES)) == []
    if notebook == UNDO:
        assert_back(world, before)
    else:
        assert len(dns_of(world.control.directory())) == 1


@pytest.mark.parametrize("world", [False], indirect=True)
def test_a_create_is_undone_by_deleting_only_when_told(world: RunningRehearsal, tmp_path: Path) -> None:
    before = written_objects(world.control.directory())
    records = str(tmp_path / "records")
    change(world, ENABLE, {"records_dir": records, "change_id": "CHG-NEW", "select_names": '["Sales Team"]'})
    back = {
        "records_dir": records,
        "change_id": "CHG-AWAY",
        "undo_record": str(sealed_record(tmp_path / "records" / "CHG-NEW")),
    }
    record = plan_and_approve(world, UNDO, {**back, "change_id": "CHG-RETIRE"})
    assert plan_of(record)["phrase"] == "UNDO 1 GROUP IN contoso.com"
    change(world, UNDO, {**back, "disable_by": "delete"})
    assert plan_of(latest_record(tmp_path / "records" / "CHG-AWAY"))["phrase"] == "DELETE 1 GROUP IN contoso.com"
    assert written_objects(world.control.directory()) == before


@pytest.mark.parametrize("world", [True], indirect=True)
def test_what_waits_is_approved_later_under_the_same_names(world: RunningRehearsal, tmp_path: Path) -> None:
    given, hour = deleting(tmp_path, *NAMES), timedelta(hours=1)

    def run() -> Outcome | None:
        return run_plain(DISABLE, world.parameters_file, given).record.outcome

    with pytest.raises(AwaitingApproval):
        run()
    record = latest_record(tmp_path / "records" / "CHG-DEL")
    plan = planned(record, ROUTES)
    waits = {change.group_id for change in plan.changes[1:]}
    phrase = part_of(plan, waits).phrase
    now = datetime.now(UTC)
    approve_plan(record, ROUTES, approver="T", phrase=phrase, valid=hour, clock=lambda: now, left_out=waits)
    assert run() is Outcome.AWAITING_APPROVAL
    assert len(dns_of(world.control.directory())) == 1
    plan_and_approve(world, DISABLE, given)
    assert run() is Outcome.DONE
    assert dns_of(world.control.directory()) == []
    assert run() is Outcome.NOTHING_TO_DO, "both are named, one was deleted by each run"
