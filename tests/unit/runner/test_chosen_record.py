"""A change's folder in the place of a record: its runs are offered, the one that is meant most often first."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_lib.change.approvals.plan import read_approvals
from runbook_lib.errors import Refused, RunbookError
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner.chosen_record import chosen_record, complete_records, runs_below
from runbook_lib.runner.cli import cli
from tests.unit.runner.conftest import Project
from tests.unit.runner.test_cli import planned  # noqa: F401 - a fixture

PHRASE = "ENABLE 1 GROUP IN contoso.com"


def gwb(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="gwb")


def run_of(change: Path, name: str, hour: int, outcome: Outcome | None, error: RunbookError | None = None) -> Path:
    folder = RecordFolder.create(change.parent, change.name, name)
    at = datetime(2026, 11, 22, hour, tzinfo=UTC)
    record = RunRecord.begin(
        folder, notebook_name="n", notebook_sha256="0", mode="record", started=at, parameters={}, versions={}
    )
    if outcome is not None:
        record.finish(outcome, ended=at, error=error)
    return folder.path


@pytest.fixture
def change(tmp_path: Path) -> Path:
    """A change with four runs, begun in another order than their names say, and one folder that is no run."""
    folder = tmp_path / "records" / "CHG9"
    run_of(folder, "d", 8, Outcome.AWAITING_APPROVAL)
    run_of(folder, "c", 9, Outcome.AWAITING_APPROVAL)
    run_of(folder, "b", 10, Outcome.DONE)
    run_of(folder, "a", 11, None)
    (folder / "approvals").mkdir()
    return folder


def test_those_that_wait_come_first_and_the_newest_before_the_others(change: Path) -> None:
    assert [run.path.name for run in runs_below(change)] == ["c", "d", "a", "b"]
    assert [run.path.name for run in runs_below(change.parent)] == ["c", "d", "a", "b"], "and in a records folder"
    assert chosen_record(change / "b") == change / "b"
    assert chosen_record(change / "nothing") == change / "nothing"


@pytest.mark.parametrize(
    ("command", "first"),
    [
        (("approve", "{}", "--as", "Ada", "--phrase", PHRASE), "c"),
        (("approve", "{}", "--as", "Ada", "--standing", "--until", "2027-01-01"), "c"),
        (("seal", "{}", "x.ipynb"), "c"),
        (("verify-record", "{}"), "c"),
    ],
)
def test_without_a_terminal_the_runs_are_named_in_one_error(change: Path, command: tuple[str, ...], first: str) -> None:
    done = gwb(*(word.format(change) for word in command))
    assert done.exit_code == Outcome.USAGE.exit_code
    assert "holds 4 runs; this command is about one." in done.stderr
    lines = done.stderr.splitlines()
    at = lines.index("What to do: Name one of these:")
    assert lines[at + 1].strip() == f"{change / first} (Awaiting approval, open)"
    assert lines[at + 2].strip().startswith(str(change / "d"))
    assert len(lines[at + 1 :]) == 4, "each on a line of its own, to be copied"
    assert done.stdout == ""


def test_a_record_that_cannot_be_read_is_offered_as_that(change: Path) -> None:
    (change / "b" / "record.json").write_text("{", encoding="utf-8")
    assert {run.path.name: run.summary for run in runs_below(change)} == {
        "c": "Awaiting approval, open",
        "d": "Awaiting approval, open",
        "a": "no outcome yet, open",
        "b": "not readable, open",
    }


def test_drift_is_called_that_wherever_runs_are_listed(tmp_path: Path) -> None:
    run_of(tmp_path / "CHG9", "x", 8, Outcome.REFUSED, Refused(t("2 differences."), code="drift"))
    assert [run.summary for run in runs_below(tmp_path)] == ["Drift found, open"]
    assert "Drift found" in gwb("records", "--records", str(tmp_path)).stdout
    sealed = gwb("seal", str(tmp_path / "CHG9" / "x"), "--without-notebook")
    assert sealed.stdout.startswith("Sealed: drift found"), sealed.output
    assert "Drift found" in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [(), ("--as", "Ada")])
def test_what_cannot_be_approved_is_refused_before_a_name_is_asked_for(
    change: Path, arguments: tuple[str, ...]
) -> None:
    done = gwb("approve", str(change / "c"), *arguments)
    assert done.exit_code == Outcome.USAGE.exit_code
    assert "No plan in" in done.stderr


def test_a_plan_that_its_run_carried_out_is_not_approved_again(planned: Path) -> None:  # noqa: F811
    record = RunRecord.begin(
        RecordFolder(planned),
        notebook_name="n",
        notebook_sha256="0",
        mode="record",
        started=datetime(2026, 11, 22, 8, tzinfo=UTC),
        parameters={},
        versions={},
    )
    record.finish(Outcome.DONE, ended=datetime(2026, 11, 22, 9, tzinfo=UTC))
    done = gwb("approve", str(planned), "--as", "Ada", "--phrase", PHRASE)
    assert done.exit_code == Outcome.USAGE.exit_code
    assert "that run carried out its plan" in done.stderr
    assert not (planned.parent / "approvals").exists()


def test_a_folder_without_runs_is_what_it_was(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert gwb("verify-record", str(tmp_path / "empty")).exit_code == Outcome.REFUSED.exit_code
    assert gwb("verify-record", str(tmp_path / "absent")).exit_code == Outcome.USAGE.exit_code


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal is needed")
def test_at_a_terminal_run_name_and_phrase_are_asked_for(planned: Path, project: Project) -> None:  # noqa: F811
    run_of(planned.parent, "older", 8, Outcome.DONE)
    run_of(planned.parent, "newer", 9, Outcome.FAILED)
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        project.command("approve", str(planned.parent)),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=project.environment(),
        text=True,
    )
    os.close(theirs)
    os.write(ours, b"3\nAda Approver\n" + PHRASE.encode() + b"\n")
    told, _ = process.communicate(timeout=300)
    os.close(ours)
    assert process.returncode == 0, told
    assert told.index("1  ") < told.index("newer") < told.index("older") < told.index("run1")
    assert "Name of the approver" in told
    (approval,) = read_approvals(planned.parent / "approvals", ROUTES)
    assert approval.approver == "Ada Approver"


def test_without_a_terminal_a_missing_name_is_one_clear_error(planned: Path) -> None:  # noqa: F811
    done = gwb("approve", str(planned), "--phrase", PHRASE)
    assert done.exit_code == Outcome.USAGE.exit_code
    assert "It is not said who approves." in done.stderr
    assert "--as NAME" in done.stderr
    assert not (planned.parent / "approvals").exists()


@pytest.mark.parametrize("command", ["approve", "seal", "verify-record"])
def test_the_shell_completes_records(project: Project, command: str) -> None:
    run_of(project.root / "records" / "CHG1", "run1", 8, Outcome.AWAITING_APPROVAL)
    run_of(project.root / "records" / "CHG2", "run2", 8, Outcome.DONE)

    def offered(typed: str) -> list[str]:
        words = f"gwb {command} {typed}"
        environment = project.environment(_GWB_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD="2")
        done = subprocess.run(
            project.command(), env=environment, cwd=project.root, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    assert sorted(offered("")) == ["plain,records/CHG1/run1", "plain,records/CHG2/run2"]
    assert offered("records/CHG2/") == ["plain,records/CHG2/run2"]
    assert offered("zzz") == ["dir,zzz"]


def test_completion_finds_runs_elsewhere(change: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GWB_PROJECT_ROOT", str(project.root))
    context = cli.make_context("gwb", ["records"])
    parameter = cli.commands["seal"].params[0]
    found = complete_records(context, parameter, f"{change}{os.sep}")
    assert [Path(item.value).name for item in found] == ["c", "d", "a", "b"]
