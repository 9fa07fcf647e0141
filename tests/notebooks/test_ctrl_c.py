"""Ctrl-C at any moment of an apply: a true verdict, no lock left behind, and the same command finishes the change."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rehearsal.process import RunningRehearsal
from runbook_lib.change.journal import journals_of, open_chain
from runbook_lib.change.lock import writer_lock
from runbook_lib.directory.reconnect import ReconnectingConnection
from runbook_lib.model.outcome import Outcome
from runbook_lib.notebook.change import ChangeSession
from runbook_lib.notebook.opening import utc_now
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.journey import gwb_command, latest_record, other_objects, plan_and_approve, written_objects
from tests.notebooks.test_kill import settle
from tests.support.plain import ROOT, run_plain

NOTEBOOK = "30-enable-writeback"


def settings(folder: Path) -> dict[str, str]:
    return {"records_dir": str(folder), "change_id": "CHG-STOP", "select_names": json.dumps(["Sales Team"])}


class Interrupter:
    """Counts what is sent to the directory while changes are applied; presses Ctrl-C around one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int = 0, when: str = "") -> None:
        self.sent = 0
        self.locks: list[Path] = []
        request, apply = ReconnectingConnection.request, ChangeSession.apply
        applying: list[bool] = []

        def requested(line: ReconnectingConnection, *arguments: Any, **named: Any) -> Any:
            if not applying:
                return request(line, *arguments, **named)
            self.sent += 1
            if (self.sent, when) == (number, "before"):
                raise KeyboardInterrupt
            answer = request(line, *arguments, **named)
            if (self.sent, when) == (number, "after"):
                raise KeyboardInterrupt
            return answer

        def applied(session: ChangeSession) -> None:
            applying.append(True)
            try:
                apply(session)
            finally:
                applying.clear()

        def locked(path: Path, *rest: Any, **more: Any) -> Any:
            self.locks.append(path)
            return writer_lock(path, *rest, **more)

        monkeypatch.setattr(ReconnectingConnection, "request", requested)
        monkeypatch.setattr(ChangeSession, "apply", applied)
        monkeypatch.setattr("runbook_lib.notebook.context.writer_lock", locked)


def test_ctrl_c_around_everything_that_apply_sends(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, control = fresh_rehearsal, fresh_rehearsal.control
    before = control.directory()
    plan_and_approve(world, NOTEBOOK, settings(tmp_path / "planned"))
    shutil.copytree(tmp_path / "planned", tmp_path / "undisturbed")
    with monkeypatch.context() as patched:
        counting = Interrupter(patched)
        run_plain(NOTEBOOK, world.parameters_file, settings(tmp_path / "undisturbed"))
    undisturbed = control.directory()
    assert counting.sent >= 4

    outcomes = set()
    # After one request is before the next one: only the last has an "after" of its own.
    moments = [(number, "before") for number in range(1, counting.sent + 1)] + [(counting.sent, "after")]
    for number, when in moments:
        folder = tmp_path / f"{number}-{when}"
        shutil.copytree(tmp_path / "planned", folder)
        control.reset()
        with monkeypatch.context() as patched:
            pressed = Interrupter(patched, number, when)
            with pytest.raises(KeyboardInterrupt):
                run_plain(NOTEBOOK, world.parameters_file, settings(folder))
        record = json.loads((latest_record(folder / "CHG-STOP") / "record.json").read_text(encoding="utf-8"))
        outcomes.add(record["outcome"])
        if record["outcome"] == Outcome.INTERRUPTED.value:
            assert control.writes()["count"] == 0
        with writer_lock(pressed.locks[-1], "test", clock=utc_now):
            pass  # nobody holds it any more
        run_plain(NOTEBOOK, world.parameters_file, settings(folder))
        assert written_objects(control.directory()) == written_objects(undisturbed), (number, when)
        assert other_objects(control.directory()) == other_objects(before), (number, when)
        assert open_chain(journals_of(folder / "CHG-STOP", ROUTES)) == []
    assert outcomes == {Outcome.INTERRUPTED.value, Outcome.PARTIAL.value}


def test_a_real_ctrl_c_in_the_middle_of_a_write(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    world, control = fresh_rehearsal, fresh_rehearsal.control
    given = settings(tmp_path)
    plan_and_approve(world, NOTEBOOK, given)
    command = gwb_command(world, NOTEBOOK, given)
    control.hold_write(2, "before")
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    control.wait_until_held(300)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=300)
    settle(world)
    assert process.returncode == Outcome.PARTIAL.exit_code, out + error
    assert "Traceback" not in out + error
    record = json.loads((latest_record(tmp_path / "CHG-STOP") / "record.json").read_text(encoding="utf-8"))
    assert "resumes" in record["error"]["hint"]
    run = run_plain(NOTEBOOK, world.parameters_file, given)
    assert run.record.outcome is Outcome.DONE
