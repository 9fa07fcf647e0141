"""A device code in a run of a whole notebook: on the terminal, in no file, and an end where nobody watches."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal.contoso.administrators import OPERATOR
from rehearsal.process import RunningRehearsal
from runbook_lib.model.outcome import Outcome
from runbook_lib.parameters.load import load_parameters
from runbook_lib.runner.run import RunResult, run_notebook
from tests.support.plain import ROOT

CODE = re.compile(r"type the code (\S+) within")


def run(world: RunningRehearsal, records: Path, notice: Callable[[str], None] | None) -> RunResult:
    told = {"change_id": "CHG-S", "sign_in": "device-code", "records_dir": str(records)}
    return run_notebook(
        ROOT / "notebooks" / "00-start-here.ipynb",
        load_parameters([world.parameters_file], told, project_root=ROOT),
        project_root=ROOT,
        environment=os.environ,
        clock=lambda: datetime.now(UTC),
        notice=notice,
    )


def everything(result: RunResult) -> str:
    assert result.record is not None
    return "\n".join(path.read_text("utf-8", "replace") for path in sorted(result.record.rglob("*")) if path.is_file())


def test_a_person_at_the_terminal_signs_in_and_no_file_keeps_the_code(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    notices: list[str] = []

    def notice(text: str) -> None:
        notices.append(text)
        if found := CODE.search(text):
            fresh_rehearsal.control.approve_device(found.group(1))

    result = run(fresh_rehearsal, tmp_path, notice)
    assert (result.outcome, result.message) == (Outcome.DONE, "")
    asked, done = notices
    assert "/devicelogin" in asked
    assert done == f"Sign-in: done, signed in as {OPERATOR.user_principal_name}"
    kept = everything(result)
    found = CODE.search(asked)
    assert found
    assert found.group(1) not in kept
    assert done in kept
    assert not re.search(r"eyJ[A-Za-z0-9_-]{8,}\.", kept)
    assert "redacted" not in kept


def test_a_run_that_nobody_watches_says_so(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    result = run(fresh_rehearsal, tmp_path, None)
    assert result.outcome is Outcome.NO_ACCESS
    assert result.exit_code == 8
    assert "nobody would see the code" in result.message
    assert "certificate" in result.hint


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_ctrl_c_while_the_code_is_shown_is_a_tidy_end(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    notices: list[str] = []

    def notice(text: str) -> None:
        notices.append(text)
        if len(notices) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    result = run(fresh_rehearsal, tmp_path, notice)
    assert result.outcome is Outcome.INTERRUPTED
    assert result.sealed
    assert notices[1:] == ["Sign-in: cancelled"]
    assert result.record is not None
    assert json.loads((result.record / "record.json").read_text(encoding="utf-8"))["exit_code"] == 130
    found = CODE.search(notices[0])
    assert found
    assert found.group(1) not in everything(result)
