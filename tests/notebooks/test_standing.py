"""A scheduled run under a standing approval, against the rehearsal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from runbook_lib.change.approvals.file import standing_phrase
from runbook_lib.change.approvals.plan import planned
from runbook_lib.change.approvals.standing import Caps, approve_in_advance
from runbook_lib.errors import AwaitingApproval, Refused
from runbook_lib.model.outcome import Outcome
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.journey import change, latest_record
from tests.notebooks.test_kill import kill_at, plain_command
from tests.support.plain import run_plain

NOTEBOOK = "30-enable-writeback"
COLLEAGUE = names.user_id(names.PROVISIONED_USER)
"""Has an AD account, and is no member of Sales Team."""


def given(records: Path, *names: str) -> dict[str, str]:
    return {"records_dir": str(records), "change_id": "S", "select_names": json.dumps(list(names))}


def in_advance(record: Path, **more: Any) -> Path:
    until = datetime.now(UTC).date() + timedelta(days=10)
    phrase = standing_phrase(1, planned(record, ROUTES).target.title, until)
    return approve_in_advance(
        record, ROUTES, approver="Kim", phrase=phrase, until=until, clock=lambda: datetime.now(UTC), **more
    )


def sales(running: RunningRehearsal) -> list[str]:
    everything = running.control.directory().values()
    (found,) = (a for a in everything if a.get("displayName") == ["Sales Team"] and "extensionName" in a)
    return found["member"]


def test_a_member_is_added_and_a_new_group_waits(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    applied = change(fresh_rehearsal, NOTEBOOK, given(tmp_path, "Sales Team"))
    in_advance(applied.record.folder.path)
    before = sales(fresh_rehearsal)
    fresh_rehearsal.control.edit_cloud("add-member", group="Sales Team", member=COLLEAGUE)

    run = run_plain(NOTEBOOK, fresh_rehearsal.parameters_file, given(tmp_path, "Sales Team", "Marketing"))

    assert run.record.outcome is Outcome.AWAITING_APPROVAL
    (new,) = set(sales(fresh_rehearsal)) - set(before)
    assert "Clara" in new
    assert not any(
        a.get("displayName") == ["Marketing"] and "extensionName" in a
        for a in fresh_rehearsal.control.directory().values()
    )
    facts = json.loads((run.record.folder.path / "record.json").read_text("utf-8"))
    assert facts["exit_code"] == 4
    assert (facts["approval"]["kind"], facts["approval"]["approver"]) == ("standing", "Kim")
    assert facts["changes"] == {"planned": 2, "done": 1}
    (waiting,) = (item for item in facts["findings"] if item["id"].startswith("awaiting-approval:"))
    assert waiting["seen"] == "create 'Marketing' waits for an approval."
    assert waiting["why"] == "A standing approval never covers the kind create."

    # The next run has nothing that is approved: it says why, and writes nothing.
    writes = fresh_rehearsal.control.writes()["count"]
    with pytest.raises(
        AwaitingApproval, match="No standing approval covers what this plan changes: create 'Marketing'"
    ):
        run_plain(NOTEBOOK, fresh_rehearsal.parameters_file, given(tmp_path, "Sales Team", "Marketing"))
    assert fresh_rehearsal.control.writes()["count"] == writes


def test_caps_and_damage_stop_a_scheduled_run(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    applied = change(fresh_rehearsal, NOTEBOOK, given(tmp_path, "Sales Team"))
    path = in_advance(applied.record.folder.path, caps=Caps(members_added=0))
    fresh_rehearsal.control.edit_cloud("add-member", group="Sales Team", member=COLLEAGUE)
    writes = fresh_rehearsal.control.writes()["count"]

    with pytest.raises(AwaitingApproval) as exceeded:
        run_plain(NOTEBOOK, fresh_rehearsal.parameters_file, given(tmp_path, "Sales Team"))
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(Refused) as damaged:
        run_plain(NOTEBOOK, fresh_rehearsal.parameters_file, given(tmp_path, "Sales Team"))

    assert exceeded.value.code == "standing-cap-exceeded"
    assert damaged.value.code == "approval-damaged"
    facts = json.loads((latest_record(tmp_path / "S") / "record.json").read_text("utf-8"))
    assert facts["outcome"] == "refused"
    assert fresh_rehearsal.control.writes()["count"] == writes


def test_a_killed_run_is_finished_under_the_standing_approval_it_began_with(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    applied = change(fresh_rehearsal, NOTEBOOK, given(tmp_path, "Sales Team"))
    path = in_advance(applied.record.folder.path)
    before = sales(fresh_rehearsal)
    fresh_rehearsal.control.edit_cloud("add-member", group="Sales Team", member=COLLEAGUE)
    both = given(tmp_path, "Sales Team", "Marketing")
    kill_at(fresh_rehearsal, 1, "before", plain_command(fresh_rehearsal, NOTEBOOK, both))
    assert sales(fresh_rehearsal) == before
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(AwaitingApproval) as withdrawn:
        run_plain(NOTEBOOK, fresh_rehearsal.parameters_file, both)
    assert withdrawn.value.code == "approval-withdrawn"
    assert sales(fresh_rehearsal) == before
    path.write_bytes(kept)

    run = run_plain(NOTEBOOK, fresh_rehearsal.parameters_file, both)

    assert run.record.outcome is Outcome.AWAITING_APPROVAL
    assert len(sales(fresh_rehearsal)) == len(before) + 1
    facts = json.loads((run.record.folder.path / "record.json").read_text("utf-8"))
    assert (facts["approval"]["kind"], facts["changes"]) == ("standing", {"planned": 2, "done": 1})
    assert "create 'Marketing' waits for an approval." in [item["seen"] for item in facts["findings"]]
