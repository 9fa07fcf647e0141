"""A second route, whole, through plan file, gate, journal, loop, resume and undo, none of which was told of it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.change.approvals.approvers import ANYBODY
from runbook_lib.change.approvals.file import standing_phrase
from runbook_lib.change.approvals.gate import Grant, granted, read_all
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.change.approvals.standing import Caps, approve_in_advance
from runbook_lib.change.carry_out import carry_out
from runbook_lib.change.journal import JOURNAL_FILE, Journal, journals_of, open_chain
from runbook_lib.change.journal_check import done_by
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.change.resume import authority, broken_off
from runbook_lib.errors import AwaitingApproval, BrokeOff, Refused, UsageError
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.target import Route
from runbook_lib.routes.direct.route import DIRECT_RULES
from tests.support import builders as b
from tests.support.second_route import (
    SECOND,
    THINGS,
    Shelf,
    Thing,
    ThingChange,
    ThingPayload,
    ThingWork,
    World,
    change,
    group_of,
    plan_of,
    undo_of,
)

HOUR = timedelta(hours=1)
ONE = {Route.DIRECT: DIRECT_RULES}
"""A version that carries out the direct route alone."""
CHANGES = [change(0, new=True, texts=0, values=3), change(1, new=False, texts=2, values=1)]


def world_of() -> World:
    return World({"thing 1": Thing({"text 0": "old", "text 1": "old"})})


def record_of(folder: Path, run: str, plan: Plan) -> Path:
    """The folder of a run with its plan."""
    record = folder / "CHG" / run
    record.mkdir(parents=True)
    (record / "plan.json").write_text(json.dumps(plan_to_json(plan)), encoding="utf-8")
    return record


def carried_out(record: Path, plan: Plan, world: World, grant: Grant, where: str = "here") -> None:
    """One run: opens its journal as a notebook does and sends what the gate let through."""
    chain = open_chain(journals_of(record.parent, SECOND))
    with Journal(record / JOURNAL_FILE, lambda: "2026-11-22T10:00:00Z") as journal:
        journal.open(
            operation=plan.operation.value,
            route=plan.route.value,
            plan_digest=plan.digest,
            approved=[item.digest for item in grant.changes],
            approval=grant.approval_json(),
            where=where,
            resumes=chain[-1].run.name if chain else None,
        )
        carry_out(ThingWork(grant.changes, world), journal, earlier=chain)


def let_through(record: Path, plan: Plan) -> Grant:
    """What the gate lets through under the approvals of the change."""
    return granted(plan, read_all(record.parent / "approvals", SECOND), b.NOW)


def test_a_plan_of_another_route_is_approved_broken_off_resumed_and_undone(tmp_path: Path) -> None:
    plan = plan_of(CHANGES)
    record = record_of(tmp_path, "1", plan)
    read = planned(record, SECOND)
    assert read == plan
    assert read.digest == plan.digest
    assert read.phrase == "ENABLE 2 GROUPS IN the top shelf"
    with pytest.raises(AwaitingApproval):
        let_through(record, read)
    approve_plan(record, SECOND, approver="Kim", phrase=plan.phrase, valid=HOUR, clock=lambda: b.NOW)
    grant = let_through(record, read)
    assert grant.changes == plan.changes
    world = world_of()
    world.answers = ["ok", "ok", "forbidden"]
    with pytest.raises(BrokeOff):
        carried_out(record, read, world, grant)
    assert sorted(world.things) == [f"id of {group_of(0)}", "thing 1"]

    broken = broken_off(open_chain(journals_of(record.parent, SECOND)), THINGS)
    assert (broken.plan, broken.changes, broken.written) == (plan, plan.changes, False)
    again = record_of(tmp_path, "2", plan)
    allowed = authority(broken, broken.plan, read_all(again.parent / "approvals", SECOND), b.NOW, ANYBODY)
    carried_out(again, plan, world, allowed)
    assert world.things[f"id of {group_of(0)}"].content == {"value 0", "value 1", "value 2"}
    assert world.things["thing 1"].texts == {"text 0": "new", "text 1": "new"}
    assert len(world.done) == len(set(world.done))  # nothing was sent twice

    done = done_by(again, SECOND)
    assert dict(done.place) == {"where": "here"}
    undo = undo_of(done)
    third = record_of(tmp_path, "3", undo)
    approve_plan(third, SECOND, approver="Kim", phrase=undo.phrase, valid=HOUR, clock=lambda: b.NOW)
    carried_out(third, undo, world, let_through(third, planned(third, SECOND)))
    assert world.things == world_of().things


def test_a_journal_of_another_place_route_or_plan_is_not_resumed(tmp_path: Path) -> None:
    plan = plan_of(CHANGES)
    record = record_of(tmp_path, "1", plan)
    approve_plan(record, SECOND, approver="Kim", phrase=plan.phrase, valid=HOUR, clock=lambda: b.NOW)
    world = world_of()
    world.answers = ["ok", "forbidden"]
    with pytest.raises(BrokeOff):
        carried_out(record, plan, world, let_through(record, plan))
    with pytest.raises(Refused, match="route that this version does not carry out"):
        journals_of(record.parent, ONE)
    again = record_of(tmp_path, "2", plan)
    world.answers = ["forbidden"]
    with pytest.raises(BrokeOff):
        carried_out(again, plan, world, let_through(record, plan), where="elsewhere")
    with pytest.raises(Refused, match="with another where") as caught:
        broken_off(open_chain(journals_of(record.parent, SECOND)), THINGS)
    assert caught.value.code == "journal-contradicts"


def test_what_a_route_says_about_its_plans_and_files_is_held_to(tmp_path: Path) -> None:
    data = plan_to_json(plan_of(CHANGES))
    assert plan_from_json(data, SECOND) == plan_of(CHANGES)
    with pytest.raises(UsageError, match="route that this version does not carry out"):
        plan_from_json(data, ONE)
    with pytest.raises(UsageError, match="extra inputs"):
        plan_from_json({**data, "changes": [{**change_, "dn": "CN=x"} for change_ in data["changes"]]}, SECOND)  # type: ignore[attr-defined]
    wrong = ThingChange(ChangeKind.CREATE, group_of(5), "g5", ThingPayload("thing 5"))
    with pytest.raises(UsageError, match="names the wrong thing"):
        plan_from_json(plan_to_json(plan_of([wrong])), SECOND)


def test_what_one_change_needs_another_has_to_make_under_the_same_approval(tmp_path: Path) -> None:
    child, parent = change(0, new=True, texts=0, values=0), change(1, new=False, texts=0, values=0)
    parent = ThingChange(
        parent.kind, group_of(1), "g1", ThingPayload("thing 1", members_added=(f"group {group_of(0)}",))
    )
    alone = record_of(tmp_path, "1", plan_of([parent]))
    approve_plan(alone, SECOND, approver="Kim", phrase=plan_of([parent]).phrase, valid=HOUR, clock=lambda: b.NOW)
    with pytest.raises(AwaitingApproval):
        let_through(alone, plan_of([child, parent]))
    both = record_of(tmp_path, "2", plan_of([child, parent]))
    approve_plan(both, SECOND, approver="Kim", phrase=planned(both, SECOND).phrase, valid=HOUR, clock=lambda: b.NOW)
    assert let_through(both, plan_of([child, parent])).changes == (child, parent)


def test_an_approval_counts_for_its_own_route_and_target_alone(tmp_path: Path) -> None:
    plan = plan_of(CHANGES)
    record = record_of(tmp_path, "1", plan)
    path = approve_plan(record, SECOND, approver="Kim", phrase=plan.phrase, valid=HOUR, clock=lambda: b.NOW)
    assert json.loads(path.read_text(encoding="utf-8"))["route"] == "cloud-sync"
    with pytest.raises(Refused, match="route that this version does not carry out"):
        read_all(path.parent, ONE)
    moved = Plan(plan.operation, Shelf("shelf-2"), plan.changes, route=Route.CLOUD_SYNC)
    with pytest.raises(AwaitingApproval, match="is for another shelf") as caught:
        let_through(record, moved)
    assert caught.value.code == "approval-other-target"
    renamed = Plan(plan.operation, Shelf(title="the shelf"), plan.changes, route=Route.CLOUD_SYNC)
    with pytest.raises(AwaitingApproval) as caught:
        let_through(record, renamed)
    assert caught.value.code == "approval-other-phrase"


def test_a_standing_approval_covers_what_its_route_lets_stand(tmp_path: Path) -> None:
    group = group_of(1)
    texts = ThingChange(
        ChangeKind.UPDATE, group, "One", ThingPayload("thing 1", change(1, new=False, texts=1, values=0).payload.texts)
    )
    filled = ThingChange(ChangeKind.UPDATE, group, "One", ThingPayload("thing 1", members_added=("x",)))
    plan = plan_of([texts, filled])
    record = record_of(tmp_path, "1", plan)
    until = (b.NOW + timedelta(days=3)).date()
    phrase = standing_phrase(1, plan.target.title, until)
    with pytest.raises(UsageError, match="cannot be approved in advance"):
        approve_in_advance(
            record, SECOND, approver="Kim", phrase=phrase, until=until, clock=lambda: b.NOW, kinds=["add-members"]
        )
    approve_in_advance(
        record, SECOND, approver="Kim", phrase=phrase, until=until, clock=lambda: b.NOW, caps=Caps(1, 0, 0)
    )
    grant = let_through(record, plan)
    assert grant.changes == (texts,)
    (waiting,) = grant.waiting
    assert waiting.why == "A standing approval covers texts alone."
