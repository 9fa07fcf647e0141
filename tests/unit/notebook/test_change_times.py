"""A change is written inside its change window alone: looked at at the gate, and again before each step."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.model.outcome import Outcome
from tests.unit.notebook.field import NOW, Field

HOUR = timedelta(hours=1)


def window(begins_in: int, ends_in: int, days: str = "") -> dict[str, Any]:
    """A window by hours from the field's present."""
    begin, end = NOW + begins_in * HOUR, NOW + ends_in * HOUR
    return {"change_windows": [f"{days or f'{begin:%a}'} {begin:%H:%M}-{end:%H:%M} UTC"]}


def blackout(folder: Path, begins_in: int, ends_in: int) -> dict[str, Any]:
    """A calendar with one event, by hours from the field's present."""
    begin, end = (f"{NOW + hours * HOUR:%Y%m%dT%H%M%SZ}" for hours in (begins_in, ends_in))
    path = folder / "freeze.ics"
    event = f"BEGIN:VEVENT\r\nUID:1\r\nDTSTART:{begin}\r\nDTEND:{end}\r\nSUMMARY:Freeze\r\nEND:VEVENT\r\n"
    path.write_text(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{event}END:VCALENDAR\r\n", newline="")
    return {"blackout_calendar": str(path)}


@pytest.mark.parametrize("kind", ["window", "calendar"])
def test_at_another_time_nothing_is_written_and_the_same_run_goes_on_in_the_window(
    field: Field, tmp_path: Path, kind: str
) -> None:
    told = window(2, 4) if kind == "window" else blackout(tmp_path, -1, 2)
    planned, error = field.run(**told)
    assert planned.record.outcome is Outcome.AWAITING_APPROVAL, error
    field.approve(valid=8 * HOUR)
    field.sent = 0
    run, error = field.run(**told)
    assert error is not None
    assert (run.record.outcome, error.code) == (
        Outcome.AWAITING_WINDOW,
        "outside-change-window" if kind == "window" else "blackout",
    )
    assert run.record.facts["exit_code"] == 11
    assert not (run.record.folder.path / "journal.jsonl").exists()
    assert field.sent == 0
    field.now += 2 * HOUR
    done, error = field.run(**told)
    assert (done.record.outcome, error) == (Outcome.DONE, None)
    assert sorted(field.groups()) == ["Board", "Sales"]


@pytest.mark.parametrize("after", [1, 2, 3])
def test_where_the_window_closes_midway_what_was_done_stays_and_the_next_window_resumes(
    field: Field, after: int
) -> None:
    told = window(-1, 1, "daily")
    field.run(**told)
    field.approve(valid=48 * HOUR)
    field.sent = 0

    def closes(number: int) -> None:
        if number == after:
            field.now += HOUR

    field.before_send = closes
    run, error = field.run(**told)
    assert error is not None
    assert (run.record.outcome, error.values["cause"]) == (Outcome.PARTIAL, "outside-change-window")
    assert field.sent == after, "the step under way was sent, the next one was not"
    entries = [line["entry"] for line in field.lines(run.record.folder.path)]
    assert "closed" not in entries
    assert "stopped" not in entries, "the approval still holds"
    field.before_send = lambda _: None
    waiting, error = field.run(**told)
    assert error is not None
    assert (waiting.record.outcome, field.sent) == (Outcome.AWAITING_WINDOW, after)
    field.now += timedelta(days=1) - HOUR
    resumed, error = field.run(**told)
    assert (resumed.record.outcome, error) == (Outcome.DONE, None)
    assert sorted(field.groups()) == ["Board", "Sales"]


def test_a_calendar_that_is_missing_or_damaged_keeps_the_gate_closed(field: Field, tmp_path: Path) -> None:
    told = blackout(tmp_path, 100, 101)
    field.run(**told)
    field.approve()
    field.sent = 0
    path = tmp_path / "freeze.ics"
    whole = path.read_bytes()
    for make in (lambda: path.write_bytes(whole[:40]), path.unlink):
        make()
        run, error = field.run(**told)
        assert isinstance(error, UsageError)
        assert (run.record.outcome, error.code, field.sent) == (Outcome.USAGE, "blackout-calendar", 0)
        assert "freeze.ics" in error.message
    path.write_bytes(whole)
    done, error = field.run(**told)
    assert (done.record.outcome, error) == (Outcome.DONE, None)


def test_what_is_only_read_back_needs_no_window(field: Field) -> None:
    field.run(**window(-1, 1))
    field.approve(valid=24 * HOUR)
    run = field.begin(**window(-1, 1))
    change = run.plan_enable(run.read_inventory())
    change.require_approval()
    change.apply()
    run.context.close()
    field.now += 3 * HOUR
    again, error = field.run(**window(-1, 1))
    assert (again.record.outcome, error) == (Outcome.DONE, None)
