"""A reader that leaves early changes nothing: no traceback, and the exit code that the command has anyway."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.runner.cli import cli
from tests.unit.runner.conftest import Project

NO_ACCESS = Outcome.NO_ACCESS.exit_code


def code_without_reader(project: Project, arguments: Sequence[str]) -> int:
    """Exit code where the reader of both streams has gone before anything is written."""
    left, right = os.pipe()
    os.close(left)
    try:
        command = [sys.executable, "-m", "runbook_lib.runner", *arguments]
        return subprocess.run(
            command, env=project.environment(), cwd=project.root, stdout=right, stderr=right, check=False
        ).returncode
    finally:
        os.close(right)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("check", "p.yaml"), NO_ACCESS),
        (("records",), 0),
        (("verify-record", "records/CHG1/run1"), Outcome.REFUSED.exit_code),
        (("parameters",), 0),
        (("parameters", "--check", "p.yaml"), Outcome.USAGE.exit_code),
        (("completion", "bash"), 0),
        (("rehearsal", "status", "--directory-folder", "nowhere"), Outcome.USAGE.exit_code),
        (("nonsense",), 2),
    ],
)
def test_a_reader_that_left_changes_neither_exit_code_nor_end(
    project: Project, arguments: tuple[str, ...], code: int
) -> None:
    (project.root / "p.yaml").write_text('bind_user: "a@b.example"\ndc_host: "localhost"\n', encoding="utf-8")
    RecordFolder.create(project.root / "records", "CHG1", "run1")
    assert code_without_reader(project, arguments) == code


def test_head_gets_the_first_line_and_the_command_ends_quietly(project: Project) -> None:
    command = subprocess.list2cmdline(project.command("parameters")) if os.name == "nt" else None
    if command is not None:
        pytest.skip("head is a program of POSIX systems")
    done = subprocess.run(
        ["bash", "-c", '"$@" | head -n 1; echo "${PIPESTATUS[0]}"', "-", *project.command("parameters")],
        env=project.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


def test_a_disk_without_room_is_still_an_error(project: Project) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with full.open("wb") as stream:
        done = subprocess.run(
            project.command("parameters"), env=project.environment(), stdout=stream, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode != 0


def test_a_connection_that_breaks_is_not_taken_for_a_reader_that_left(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def fail() -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setitem(cli.commands, "fail", fail)
    assert CliRunner().invoke(cli, ["fail"]).exit_code == Outcome.BUG.exit_code
