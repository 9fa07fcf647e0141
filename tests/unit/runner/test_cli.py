"""The ``gwb`` commands: what they print, and their exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NoReturn

import click
import pytest
from click.testing import CliRunner, Result

from runbook_lib.change.approvals.plan import planned as plan_of
from runbook_lib.change.approvals.plan import read_approvals
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.errors import Refused, RunbookError, UsageError
from runbook_lib.files import RUN_MIME
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.ids import ObjectGuid, as_group_id
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t
from runbook_lib.parameters.document import example_yaml, json_schema
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord
from runbook_lib.routes.direct.payload import DirectChange, DirectPayload
from runbook_lib.routes.direct.target import DirectTarget
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner import cli as cli_module
from runbook_lib.runner import cli as plugins
from runbook_lib.runner.cli import cli
from tests.unit.runner.conftest import Project


def gwb(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), env=environment, prog_name="gwb")


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    """A record folder with a plan of one change."""
    tenant, domain, target_ou, retired_ou = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(4))
    target = DirectTarget(
        tenant, domain, "contoso.com", "OU=a,DC=c", ObjectGuid(target_ou), "OU=r,DC=c", ObjectGuid(retired_ou)
    )
    change = DirectChange(
        ChangeKind.CREATE,
        as_group_id("77777777-7777-4777-8777-777777777777"),
        "Pro\x1bject",
        DirectPayload("CN=x", attributes=(AttributeDelta("displayName", added=("x",)),)),
    )
    folder = RecordFolder.create(tmp_path / "records", "CHG1", "run1")
    folder.write_json("plan.json", plan_to_json(Plan(Operation.ENABLE, target, (change,))))
    return folder.path


def test_help_names_every_command_quickly_and_imports_nothing_heavy() -> None:
    begun = os.times()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "runbook_lib.runner", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    # Processor time: how long it waits for its turn is not its doing.
    assert os.times().children_user - begun.children_user < 5
    for name in (
        "approve",
        "check",
        "close",
        "completion",
        "demo",
        "parameters",
        "records",
        "rehearsal",
        "run",
        "seal",
        "sign-out",
        "verify-record",
    ):
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE), name
    for module in ("pandas", "papermill", "pydantic", "nbformat", "msal", "ldap3", "rehearsal.commands"):
        assert not re.search(rf"\| +{re.escape(module)}$", done.stderr, re.MULTILINE), module


def test_version() -> None:
    assert re.fullmatch(r"gwb, version \d+\.\d+\.\d+\S*\n", gwb("--version").stdout)


def test_run_by_bare_name_with_progress(project: Project) -> None:
    project.notebook("finish(Outcome.NOTHING_TO_DO)")
    (project.root / "p.yaml").write_text('change_id: "CHG1"\n', encoding="utf-8")

    result = gwb("run", "t", "-f", "p.yaml", GWB_PROJECT_ROOT=str(project.root))
    detailed = gwb("run", "t", "-f", "p.yaml", "--detailed-exitcode", "--quiet", GWB_PROJECT_ROOT=str(project.root))

    assert result.exit_code == 0
    assert "  cell 4 of 4: Step 1\n" in result.stderr
    assert re.fullmatch(
        r"Nothing to do: 0 changes, [\d.]+ s, record \S.*/records/CHG1/\S+-t-[0-9a-f]{4}\n", result.stdout
    )
    assert detailed.exit_code == 3
    assert detailed.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "absent"), 2, "Usage error: There is no notebook 'absent'."),
        (("run", "t", "-p", "max_craetes", "1"), 2, "What to do: Did you mean max_creates?"),
        (("run", "t", "-p", "reason", "a", "-p", "reason", "b"), 2, "given twice"),
        (("run", "t", "-f", "absent.yaml"), 2, "absent.yaml is not there"),
        (("run", "t"), 2, "change_id"),
        (("run", "t", "--timeout", "0"), 2, "--timeout"),
        (("run",), 2, "Missing argument 'NOTEBOOK'"),
        (("nonsense",), 2, "No such command"),
        (("verify-record", "absent"), 2, "There is no record"),
        (("records", "--records", "absent"), 2, "There is no records folder"),
        (("seal", ".", "absent.ipynb"), 2, "There is no notebook"),
        (("completion",), 2, "shell is not known"),
        (("parameters", "--check", "absent.yaml"), 2, "absent.yaml is not there"),
    ],
)
def test_wrong_use_is_one_or_two_lines(project: Project, arguments: tuple[str, ...], code: int, words: str) -> None:
    project.notebook("1")
    result = gwb(*arguments, GWB_PROJECT_ROOT=str(project.root), SHELL="")
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) <= 4
    assert result.stdout == ""
    assert not (project.root / "records").exists()


def test_several_problems_get_a_line_each(project: Project) -> None:
    (project.root / "p.yaml").write_text("max_craetes: 1\ndc_port: -1\x20\nclient_secret: canary-1\n", encoding="utf-8")
    result = gwb("parameters", "--check", str(project.root / "p.yaml"))
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0] == "Usage error: 3 things are wrong in the parameters."
    assert "p.yaml:2: dc_port must be 0 or more." in result.stderr
    assert "p.yaml:1: max_craetes is not a parameter. Did you mean max_creates?" in result.stderr
    assert "p.yaml:3: client_secret" in result.stderr
    assert "canary-1" not in result.output


def failing(error: BaseException) -> click.Command:
    @click.command("fail")
    def fail() -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize("kind", [kind for kind in RunbookError.__subclasses__() if "outcome" in vars(kind)])
def test_every_error_of_ours_ends_with_its_outcomes_exit_code(
    monkeypatch: pytest.MonkeyPatch, kind: type[RunbookError]
) -> None:
    monkeypatch.setitem(
        cli.commands, "fail", failing(kind(t("Bad \x1b[2J\u202e\nname."), code="x", hint=t("Do this.")))
    )
    result = gwb("fail")
    assert result.exit_code == kind.outcome.exit_code
    assert result.stderr == f"{kind.outcome.title}: Bad \\u001b[2J\\u202e\\u000aname.\nWhat to do: Do this.\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (click.Abort(), 130), (click.UsageError("x"), 2), (SystemExit(3), 3)],
)
def test_other_ways_to_end(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    monkeypatch.setitem(cli.commands, "fail", failing(error))
    result = gwb("fail")
    assert result.exit_code == code
    assert "Traceback" not in result.output


def test_a_defect_is_told_without_locals_or_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    error = ValueError("bad thing: plain-canary-value and Password=canary-2")
    monkeypatch.setitem(cli.commands, "fail", failing(error))

    result = gwb("fail", GWB_CLIENT_SECRET="plain-canary-value")

    assert result.exit_code == Outcome.BUG.exit_code == 70
    assert "an unexpected ValueError" in result.stderr
    assert "canary" not in result.output
    (report,) = tmp_path.glob("gwb-traceback-*.txt")
    assert str(report) in result.stderr
    text = report.read_text(encoding="utf-8")
    assert "ValueError: bad thing" in text
    assert "canary" not in text
    if os.name == "posix":
        assert report.stat().st_mode & 0o077 == 0


def test_exit_codes_are_those_of_the_outcomes() -> None:
    help_text = " ".join(gwb("run", "--help").stdout.split())
    codes = {int(code) for code in re.findall(r"(\d+) [a-z]", help_text.split("how it ended:")[1].split(".")[0])}
    assert codes == {outcome.exit_code for outcome in Outcome}


def test_approve_with_the_phrase(planned: Path) -> None:
    result = gwb("approve", str(planned), "--as", "Ada", "--phrase", "ENABLE 1 GROUP IN contoso.com", "--valid", "30m")
    assert result.exit_code == 0, result.output
    (approval,) = read_approvals(planned.parent / "approvals", ROUTES)
    assert approval.approver == "Ada"
    assert (approval.until - approval.approved).total_seconds() == 1800
    assert "Approved by Ada" in result.stdout


def test_approve_a_part_and_the_rest_waits(planned: Path) -> None:
    first = plan_of(planned, ROUTES)
    other = replace(
        first.changes[0], group_id=as_group_id("88888888-8888-4888-8888-888888888888"), display_name="Other"
    )
    RecordFolder(planned).write_json("plan.json", plan_to_json(replace(first, changes=(*first.changes, other))))
    shown = gwb("approve", str(planned), "--as", "Ada", "--only", "Other")
    assert "Other" in shown.stdout
    assert "Pro" not in shown.stdout, "what would be approved, and nothing else"
    asked = ("--as", "Ada", "--phrase", "ENABLE 1 GROUP IN contoso.com")
    assert gwb("approve", str(planned), "--leave-out", "Nobody", *asked).exit_code == UsageError.outcome.exit_code
    done = gwb("approve", str(planned), "--leave-out", "Pro\x1bject", *asked)
    assert done.exit_code == 0, done.output
    assert "Left out, and waiting: Pro\\u001bject" in done.stdout
    (approval,) = read_approvals(planned.parent / "approvals", ROUTES)
    assert set(approval.changes) == {other.digest}
    nothing = gwb("approve", str(planned), "--only", "Other", "--leave-out", "Other", "--as", "Ada")
    assert "nothing is left to approve" in nothing.stderr
    assert gwb("approve", str(planned), "--standing", "--only", "Other").exit_code == UsageError.outcome.exit_code


def test_approve_without_the_phrase_shows_the_plan(planned: Path) -> None:
    result = gwb("approve", str(planned), "--as", "Ada")
    assert result.exit_code == Outcome.AWAITING_APPROVAL.exit_code
    assert "1 create" in result.stdout
    assert "Pro\\u001bject" in result.stdout
    assert "ENABLE 1 GROUP IN contoso.com" in result.stderr
    assert not (planned.parent / "approvals").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--as", "Ada", "--phrase", "yes"), 2),
        (("--as", " ", "--phrase", "ENABLE 1 GROUP IN contoso.com"), 2),
        (("--as", "Ada", "--phrase", "ENABLE 1 GROUP IN contoso.com", "--valid", "soon"), 2),
        (("--as", "Ada", "--phrase", "ENABLE 1 GROUP IN contoso.com", "--valid", "90d"), 2),
        (("--phrase", "ENABLE 1 GROUP IN contoso.com"), 2),
    ],
)
def test_approvals_that_are_refused(planned: Path, arguments: tuple[str, ...], code: int) -> None:
    assert gwb("approve", str(planned), *arguments).exit_code == code
    assert not (planned.parent / "approvals").exists()


def test_seal_verify_list_and_a_tampered_plan(planned: Path, project: Project) -> None:
    root = str(planned.parent.parent)
    open_record = gwb("verify-record", str(planned))
    notebook = project.notebook("1")
    content = json.loads(notebook.read_text(encoding="utf-8"))
    data = {"text/plain": "run1", RUN_MIME: {"change_id": "CHG1", "run_id": "run1"}}
    shown = {"output_type": "display_data", "data": data, "metadata": {}}
    content["cells"][-1]["outputs"] = [shown]
    never_run = gwb("seal", str(planned), str(notebook))
    notebook.write_text(json.dumps(content), encoding="utf-8")
    sealed = gwb("seal", str(planned), str(notebook))
    good = gwb("verify-record", str(planned), str(planned))
    again = gwb("seal", str(planned), str(notebook))
    listed = gwb("records", "--records", root)
    (planned / "plan.json").write_bytes((planned / "plan.json").read_bytes() + b" ")
    bad = gwb("verify-record", str(planned))
    approved = gwb("approve", str(planned), "--as", "Ada", "--phrase", "ENABLE 1 GROUP IN contoso.com")

    assert (open_record.exit_code, "not sealed" in open_record.stdout) == (5, True)
    assert never_run.exit_code == 2, "it is not that of this run"
    assert sealed.exit_code == 0, sealed.output
    assert good.exit_code == 0, good.output
    assert again.exit_code == 2
    assert "CHG1" in listed.stdout
    assert "sealed" in listed.stdout
    assert "index.html" in listed.stdout
    assert (bad.exit_code, "plan.json: changed" in bad.stdout) == (5, True)
    assert approved.exit_code == Refused.outcome.exit_code
    assert not (planned.parent / "approvals").exists()


def test_records_are_listed_as_their_index_has_them(tmp_path: Path) -> None:
    """What began last first, whatever changes and runs are called; a change stands together."""
    for change, run, hour in (("B", "run-1", 9), ("A", "run-9", 10), ("B", "run-2", 11), ("C", "run-1", 8)):
        folder = RecordFolder.create(tmp_path, change, run)
        at = datetime(2026, 11, 22, hour, tzinfo=UTC)
        RunRecord.begin(
            folder, notebook_name="x", notebook_sha256="", mode="record", started=at, parameters={}, versions={}
        )
    (RecordFolder.create(tmp_path, "D", "run-1").path / "record.json").write_text("{", encoding="utf-8")
    listed = gwb("records", "--records", str(tmp_path)).stdout
    assert re.findall(r"^(\w) +(run-\d)", listed, re.MULTILINE) == [
        ("B", "run-2"), ("B", "run-1"), ("A", "run-9"), ("C", "run-1"), ("D", "run-1"),
    ]  # fmt: skip


def test_parameters_documents() -> None:
    assert gwb("parameters", "--example").stdout == example_yaml()
    assert json.loads(gwb("parameters", "--schema").stdout) == json_schema()
    assert "| `change_id` |" in gwb("parameters", "--table").stdout
    assert gwb("parameters").stdout == gwb("parameters", "--table").stdout
    assert gwb("parameters", "--table", "--check", "x").exit_code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, project: Project) -> None:
    script = gwb("completion", shell).stdout
    assert "_GWB_COMPLETE" in script
    assert "gwb" in script


def test_completion_offers_commands_and_notebooks(project: Project) -> None:
    project.notebook("1", name="20-inventory")

    def offered(words: str, position: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", "from runbook_lib.runner.cli import main; main()"],
            env=project.environment(_GWB_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(position)),
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert "plain,verify-record" in offered("gwb ver", 1)
    assert "plain,20-inventory" in offered("gwb run 2", 2)


@pytest.mark.parametrize("value", ["absent_module:x", "json:dumps", "tests.unit.runner.broken_plugin:command"])
def test_a_broken_plugin_breaks_only_itself(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint("broken", value, plugins.GROUP)
    monkeypatch.setattr(cli_module, "plugin_points", lambda: {"broken": point, "run": point})

    listed, called, other = gwb("--help"), gwb("broken"), gwb("run", "--help")

    assert listed.exit_code == 0
    assert "broken" in listed.stdout
    assert (called.exit_code, "cannot be loaded" in called.stderr) == (1, True)
    assert "Traceback" not in called.stderr
    assert "NOTEBOOK is a path" in other.stdout


def test_a_plugin_is_described_without_being_imported() -> None:
    point = EntryPoint("broken", "tests.unit.runner.broken_plugin:command", plugins.GROUP)
    assert plugins.plugin_summary(point) == "Do something useful."
