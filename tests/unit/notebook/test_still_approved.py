"""The approval and the reading are looked at again right before the first write, and before each further one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.errors import RunbookError
from runbook_lib.model.outcome import Outcome
from runbook_lib.notebook.change import ChangeSession
from runbook_lib.notebook.run import Run
from tests.unit.notebook.field import Field

Happening = Callable[[Field, Path], None]


def ended(field: Field, _: Path) -> None:
    field.now += timedelta(hours=1, minutes=1)


def deleted(_: Field, approval: Path) -> None:
    approval.unlink()


def changed(_: Field, approval: Path) -> None:
    approval.write_bytes(approval.read_bytes() + b" ")


def replaced_by_a_link(_: Field, approval: Path) -> None:
    approval.symlink_to(approval.rename(approval.parents[1] / "elsewhere"))


def grew_old(field: Field, _: Path) -> None:
    field.now += timedelta(minutes=31)


HAPPENINGS: dict[str, tuple[Happening, str, Outcome]] = {
    "ended": (ended, "approval-expired", Outcome.AWAITING_APPROVAL),
    "deleted": (deleted, "approval-withdrawn", Outcome.AWAITING_APPROVAL),
    "changed": (changed, "approval-withdrawn", Outcome.AWAITING_APPROVAL),
    "a link": (replaced_by_a_link, "approval-withdrawn", Outcome.AWAITING_APPROVAL),
    "old reading": (grew_old, "reading-too-old", Outcome.REFUSED),
}


def open_gate(field: Field, age: int = 30) -> tuple[Run, ChangeSession, Path]:
    """A run whose gate was opened by an approval of one hour."""
    field.run(reading_max_age=age)
    approval = field.approve(valid=timedelta(hours=1))
    run = field.begin(reading_max_age=age)
    change = run.plan_enable(run.read_inventory())
    change.require_approval()
    return run, change, approval


@pytest.mark.parametrize("name", HAPPENINGS)
def test_before_the_first_write_nothing_is_written(field: Field, name: str) -> None:
    happen, code, outcome = HAPPENINGS[name]
    run, change, approval = open_gate(field, 1440 if name == "ended" else 30)
    happen(field, approval)
    with pytest.raises(RunbookError) as caught:
        change.apply()
    run.ended_with(caught.value)
    assert (caught.value.code, run.record.outcome) == (code, outcome)
    assert caught.value.hint
    assert not (run.record.folder.path / "journal.jsonl").exists()
    assert field.groups() == {}


def test_after_the_clock_was_set_back_nothing_tells_how_old_a_reading_is(field: Field) -> None:
    run, change, _ = open_gate(field)
    field.now -= timedelta(minutes=11)
    with pytest.raises(RunbookError) as caught:
        change.apply()
    run.ended_with(caught.value)
    assert (caught.value.code, run.record.outcome) == ("reading-too-old", Outcome.REFUSED)
    assert field.groups() == {}


@pytest.mark.parametrize("name", HAPPENINGS)
@pytest.mark.parametrize("after", [1, 3])
def test_after_it_the_run_stops_and_can_be_resumed(field: Field, name: str, after: int) -> None:
    happen, code, _ = HAPPENINGS[name]
    run, change, approval = open_gate(field, 1440 if name == "ended" else 30)
    field.sent = 0
    field.before_send = lambda number: happen(field, approval) if number == after else None
    with pytest.raises(RunbookError) as caught:
        change.apply()
    run.ended_with(caught.value)
    field.before_send = lambda _: None
    assert (caught.value.values["cause"], run.record.outcome) == (code, Outcome.PARTIAL)
    assert field.sent == after
    lines = [line["entry"] for line in field.lines(run.record.folder.path)]
    assert ("stopped" in lines) is (code != "reading-too-old")
    assert "closed" not in lines
    if code != "reading-too-old":
        # What was taken back, or ended, is not revived by resuming.
        for leftover in (approval, approval.parents[1] / "elsewhere"):
            if name in ("deleted", "a link"):
                leftover.unlink(missing_ok=True)
        if name in ("deleted", "a link", "ended"):
            field.sent = 0
            stopped, error = field.run()
            assert stopped.record.outcome is Outcome.AWAITING_APPROVAL, error
            assert field.sent == 0
        field.approve()
    resumed, error = field.run()
    assert error is None, error
    assert resumed.record.outcome is Outcome.DONE
    assert sorted(field.groups()) == ["Board", "Sales"]


def test_a_change_that_is_finished_stops_when_its_approval_is_taken_back(field: Field) -> None:
    field.killed(2)
    (approval,) = (field.folder / "approvals").iterdir()
    run = field.begin()
    change = run.plan_enable(run.read_inventory())
    change.require_approval()
    approval.unlink()
    with pytest.raises(RunbookError) as caught:
        change.apply()
    assert caught.value.code == "approval-withdrawn"
    run.context.close()


def test_what_was_taken_back_while_a_run_wrote_is_not_revived_by_putting_its_file_back(field: Field) -> None:
    run, change, approval = open_gate(field)
    kept = approval.read_bytes()
    field.sent = 0
    field.before_send = lambda number: approval.unlink() if number == 1 else None
    with pytest.raises(RunbookError) as caught:
        change.apply()
    run.ended_with(caught.value)
    field.before_send = lambda _: None
    approval.write_bytes(kept)
    stopped, error = field.run()
    assert stopped.record.outcome is Outcome.AWAITING_APPROVAL, error
