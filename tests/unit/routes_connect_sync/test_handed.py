"""What earlier runs handed over is found in their own journals, and a change that stopped midway is held to limits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from runbook_lib.change.journal import CARRIED_OUT, JOURNAL_FILE, Journal
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.change.step import Effect
from runbook_lib.errors import Refused
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.text import t
from runbook_lib.routes.connect_sync.actions import LetConnectorWrite, RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.handed import EarlierHandOver, earlier_hand_over
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES
from runbook_lib.routes.connect_sync.planning import require_same_ou
from runbook_lib.routes.connect_sync.resume import renamed_connect, require_connect_rest_allowed
from tests.support import builders as b
from tests.unit.routes_connect_sync.test_plan_enable import GROUPS, anchored, sides_of
from tests.unit.routes_connect_sync.world import ACCOUNT, ROUTES, change, coming, enabling, plan_of, target


def carried_out(folder: Path, plan: Plan, *, run: str = "1", closed: str = CARRIED_OUT, said: bool = True) -> None:
    """The folder of a run that carried a plan out."""
    path = folder / run
    path.mkdir(parents=True)
    (path / "plan.json").write_text(json.dumps(plan_to_json(plan)), encoding="utf-8")
    with Journal(path / JOURNAL_FILE, lambda: f"2026-11-30T0{run}:00:00.000Z") as journal:
        journal.open(
            operation=plan.operation.value,
            route=plan.route.value,
            plan_digest=plan.digest,
            approved=[one.digest for one in plan.changes],
        )
        for one in plan.changes:
            write, guid = f"{one.digest}/1", one.payload.object_id
            action = {"grant-rights": "grant-rights", "switch-on": "switch-on", "run-cycle": "run-cycle"}[
                one.kind.value
            ]
            journal.begin(write, one.digest, guid, {"action": action})
            journal.finish(Effect(write, one.digest, guid, {"handed_over": action} if said else {}))
        if closed:
            journal.close(closed)


def found_in(folder: Path, operation: Operation = Operation.ENABLE) -> EarlierHandOver | None:
    """What a run finds there."""
    return earlier_hand_over(folder, ROUTES, operation, but=("9",), prove=lambda _: None)


def test_what_was_handed_over_is_found_with_its_time_and_its_run(tmp_path: Path) -> None:
    carried_out(tmp_path, enabling())
    found = found_in(tmp_path)
    assert found is not None
    assert (found.run, found.at.hour, found.plan.digest) == ("1", 1, enabling().digest)
    assert [one.kind for one in found.changes] == [one.kind for one in enabling().changes]
    assert found.of_kind(ChangeKind.SWITCH_OFF) is None


def test_what_is_not_finished_or_handed_nothing_over_is_not_waited_for(tmp_path: Path) -> None:
    assert found_in(tmp_path) is None
    carried_out(tmp_path / "open", enabling(), closed="")
    assert found_in(tmp_path / "open") is None
    carried_out(tmp_path / "refused", enabling(), closed="drift: no")
    assert found_in(tmp_path / "refused") is None
    carried_out(tmp_path / "nothing", enabling(), said=False)
    assert found_in(tmp_path / "nothing") is None
    carried_out(tmp_path / "own", enabling(), run="9")
    assert found_in(tmp_path / "own") is None, "the run that asks"


def test_the_last_plan_counts_and_only_for_its_own_notebook(tmp_path: Path) -> None:
    carried_out(tmp_path, enabling())
    assert found_in(tmp_path, Operation.DISABLE) is None
    carried_out(tmp_path, plan_of(RunCycle(), operation=Operation.DISABLE), run="2")
    assert found_in(tmp_path) is None, "something else was handed over since"


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_plan_that_is_gone_or_damaged_is_no_sign_that_nothing_was_handed_over(
    tmp_path: Path, text: str | None
) -> None:
    carried_out(tmp_path, enabling())
    plan = tmp_path / "1" / "plan.json"
    if text is None:
        plan.unlink()
    else:
        plan.write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as caught:
        found_in(tmp_path)
    assert caught.value.code == "carried-out-plan-unread"


def test_the_same_settings_are_the_same_hand_over_whatever_groups_come(tmp_path: Path) -> None:
    carried_out(tmp_path, enabling())
    found = found_in(tmp_path)
    assert found is not None
    assert found.covers(change(SwitchOn(True, coming("Another"))))
    assert not found.covers(change(SwitchOn(False, coming("One", "Two"))))
    assert not found.covers(change(SwitchOn(True, ()), ou=f"OU=Elsewhere,{b.BASE}"))
    assert found.covers(change(LetConnectorWrite(ACCOUNT)))
    assert not found.covers(change(LetConnectorWrite("CN=other")))


def test_a_change_that_stopped_midway_has_todays_name_of_its_ou_and_the_same_digest() -> None:
    plan = CONNECT_SYNC_TYPES.plan(enabling())
    renamed = renamed_connect(plan, replace(target(), ou_dn=f"OU=New Name,{b.BASE}"))
    assert renamed.digest == plan.digest
    assert {one.payload.dn for one in renamed.changes} == {f"OU=New Name,{b.BASE}"}


def test_what_is_left_of_it_is_held_to_todays_limit() -> None:
    plan = CONNECT_SYNC_TYPES.plan(plan_of(SwitchOn(True, coming("One", "Two", "Three"))))
    read = sides_of(ad=[anchored(GROUPS[0])]).inventory
    require_connect_rest_allowed(plan, (), read, {"creates": 2})
    with pytest.raises(Refused, match="makes 2 groups, and max_creates is 1") as caught:
        require_connect_rest_allowed(plan, (), read, {"creates": 1})
    assert caught.value.code == "limit-creates"
    require_connect_rest_allowed(plan, [plan.changes[0].digest], read, {"creates": 0})
    require_connect_rest_allowed(replace(plan, operation=Operation.UNDO), (), read, {"creates": 0})


def test_another_ou_domain_or_tenant_is_named() -> None:
    require_same_ou(
        target(), replace(target(), ou_dn="OU=renamed", ou_guid=target().ou_guid.upper()), code="x", hint=t("h")
    )
    other = replace(target(), ou_guid=b.guid("other"), tenant_id=b.guid("tenant 2"))
    with pytest.raises(Refused, match="another tenant and OU of written groups than the parameters name") as caught:
        require_same_ou(target(), other, code="resume-elsewhere", hint=t("h"))
    assert caught.value.code == "resume-elsewhere"
