"""Runs of small notebooks through papermill, each in a real kernel."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.model.outcome import Outcome
from runbook_lib.parameters.cell import parameters_cell
from runbook_lib.parameters.paths import ROOT_VARIABLE
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.record.one_at_a_time import LOCK_FILE
from runbook_lib.runner.commands.run import run_with_progress
from runbook_lib.runner.console import CellProgress
from runbook_lib.runner.kernel.execution import CellStep
from runbook_lib.runner.run import RunResult
from tests.unit.runner.conftest import OPENING, Project

Facts = Callable[[RunResult], dict[str, Any]]


def executed(result: RunResult) -> list[dict[str, Any]]:
    """Cells of the notebook in the record."""
    assert result.record is not None
    notebook = json.loads((result.record / "t.ipynb").read_text(encoding="utf-8"))
    cells: list[dict[str, Any]] = notebook["cells"]
    return cells


def texts(cells: list[dict[str, Any]]) -> str:
    return json.dumps([cell.get("outputs") for cell in cells], ensure_ascii=False)


def test_a_file_that_changes_after_it_was_checked_does_not_change_the_run(
    project: Project, facts: Facts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("change_id: CHG1\nreason: checked\nrecords_dir: theirs\n", encoding="utf-8")

    def changed(*_: object) -> None:
        file.write_text("change_id: CHG2\nreason: changed\n", encoding="utf-8")

    monkeypatch.setattr("runbook_lib.record.needs.require_needs", changed)
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    notebook = project.notebook("finish(Outcome.DONE)")
    told = CellProgress(quiet=True)
    result = run_with_progress(str(notebook), [file], {}, progress=told, records=tmp_path / "mine")
    assert result.record is not None
    assert result.record.parent == tmp_path / "mine" / "CHG1"
    assert facts(result)["parameters"]["reason"] == "checked"


def test_a_run_that_ends_well(project: Project, facts: Facts) -> None:
    steps: list[CellStep] = []
    notebook = project.notebook("print(reason, max_creates, select_names)", "finish(Outcome.DONE, 3)")

    result = project.run(
        notebook,
        {"reason": "Équipe \N{PARTY POPPER} OU=a,DC=b", "max_creates": "7", "select_names": '["a", "b"]'},
        progress=steps.append,
    )

    assert (result.outcome, result.exit_code, result.changes_done) == (Outcome.DONE, 0, 3)
    assert (result.message, result.hint, result.sealed) == ("", "", True)
    assert result.record is not None
    assert result.record.parent == project.root / "records" / "CHG1"
    assert verified_record(RecordFolder(result.record)).ok
    assert "Équipe \N{PARTY POPPER} OU=a,DC=b 7 ['a', 'b']" in texts(executed(result))
    assert facts(result)["notebook"]["sha256"] == hashlib.sha256(notebook.read_bytes()).hexdigest()
    assert facts(result)["parameters"]["max_creates"] == 7
    assert facts(result)["parameters"]["max_retirements"] == 25
    assert (project.root / "records" / "index.html").is_file()
    assert [s.heading for s in steps] == ["", "", "", "Step 1", "Step 2"]
    assert (steps[-1].number, steps[-1].total) == (5, 5)
    assert {p.name for p in result.record.parent.iterdir()} == {result.record.name, LOCK_FILE}


def test_a_parameter_that_the_notebook_does_not_show_is_given_all_the_same(
    project: Project, facts: Facts, caplog: pytest.LogCaptureFixture
) -> None:
    notebook = project.notebook("print(max_creates)", "finish(Outcome.DONE)")
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content["cells"][0]["source"] = parameters_cell("00-start-here")
    notebook.write_text(json.dumps(content), encoding="utf-8")
    assert "max_creates" not in content["cells"][0]["source"]

    result = project.run(notebook, {"max_creates": "7"})

    assert result.outcome is Outcome.DONE
    assert facts(result)["parameters"]["max_creates"] == 7
    assert "7" in texts(executed(result))
    assert "max_creates" not in caplog.text


def test_the_kernel_is_told_what_it_needs_and_no_more(project: Project) -> None:
    notebook = project.notebook(
        "print({name: os.environ.get(name) for name in "
        "('JPY_SESSION_NAME', 'GWB_PARAMETERS', 'GWB_PROJECT_ROOT', 'GWB_RECORD', 'CANARY')}, Path.cwd())",
        "finish(Outcome.NOTHING_TO_DO)",
    )
    environment = {**os.environ, "JPY_SESSION_NAME": "lab.ipynb", "GWB_PARAMETERS": "x.yaml", "CANARY": "kept"}

    result = project.run(notebook, environment=environment)

    shown = texts(executed(result))
    assert result.outcome is Outcome.NOTHING_TO_DO
    assert "'JPY_SESSION_NAME': None, 'GWB_PARAMETERS': None" in shown
    assert "'CANARY': 'kept'" in shown
    assert result.record is not None
    assert result.record.name in shown


def test_the_kernel_is_spoken_to_encrypted_and_without_warnings(project: Project) -> None:
    notebook = project.notebook(
        "import json\n"
        "connection = Path(get_ipython().config.IPKernelApp.connection_file)\n"
        "facts = json.loads(connection.read_text())\n"
        "print('keys', sorted(k for k in facts if k.startswith('curve')))\n"
        "print('mode', oct(connection.stat().st_mode & 0o077), oct(connection.parent.stat().st_mode & 0o077))\n"
        "print('log', repr((connection.parent / 'kernel.log').read_text()))\n"
        "import contextlib, zmq\n"
        "plain = zmq.Context().socket(zmq.DEALER)\n"
        "plain.connect(f\"tcp://127.0.0.1:{facts['hb_port']}\")\n"
        "plain.setsockopt(zmq.SNDTIMEO, 1500)\n"
        # Who is refused before this moment is kept from sending, too.
        "with contextlib.suppress(zmq.Again):\n"
        "    plain.send(b'x')\n"
        "print('answered in plain text', bool(plain.poll(1500)))\n"
        "plain.close(linger=0)",
        "finish(Outcome.DONE)",
    )

    shown = texts(executed(project.run(notebook)))

    assert "keys ['curve_publickey', 'curve_secretkey']" in shown
    assert "log ''" in shown
    assert "answered in plain text False" in shown
    if os.name == "posix":
        assert "mode 0o0 0o0" in shown


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        (f"{OPENING}from runbook_lib.errors import Refused\nraise Refused('Drift.', code='x')", Outcome.REFUSED),
        (
            f"{OPENING}from runbook_lib.errors import AwaitingApproval as A\nclass G(A): ...\nraise G('No', code='x')",
            Outcome.AWAITING_APPROVAL,
        ),
        (f"{OPENING}class Refused(Exception): pass\nraise Refused('Refused: Drift.')", Outcome.BUG),
        ("get_ipython().InteractiveTB.set_mode('Minimal')\nclass Refused(Exception): pass\nraise Refused", Outcome.BUG),
        ("1/0", Outcome.BUG),
        ("print('no verdict')", Outcome.BUG),
        ("finish(Outcome.VERIFICATION_FAILED)\nraise SystemExit(1)", Outcome.VERIFICATION_FAILED),
    ],
)
def test_verdicts_of_notebooks_that_stop(project: Project, facts: Facts, source: str, outcome: Outcome) -> None:
    result = project.run(project.notebook(source, "print('never')"))

    assert result.outcome is outcome
    assert result.exit_code == outcome.exit_code
    assert facts(result)["outcome"] == outcome.value
    assert result.sealed
    assert "never\\n" not in texts(executed(result)) or "no verdict" in source
    assert result.message or "finish" in source


@pytest.mark.parametrize(("begun", "outcome"), [("", Outcome.FAILED), ("begin_write()\n", Outcome.PARTIAL)])
def test_a_kernel_that_dies(project: Project, facts: Facts, begun: str, outcome: Outcome) -> None:
    result = project.run(
        project.notebook(f"{begun}import signal\nos.kill(os.getpid(), signal.SIGKILL)", "print('never')")
    )

    assert result.outcome is outcome
    assert "kernel died" in result.message
    assert ("resumes" in result.hint) is (outcome is Outcome.PARTIAL)
    states = [cell["metadata"]["gwb"]["state"] for cell in executed(result) if cell["cell_type"] == "code"]
    assert states[-2:] == ["broke-off", "not-run"]
    assert facts(result)["error"]["code"] == "kernel-died"


def test_a_verdict_stands_when_the_kernel_dies_after_it(project: Project, facts: Facts) -> None:
    result = project.run(project.notebook("finish(Outcome.DONE, 1)\nos._exit(1)"))

    assert (result.outcome, result.changes_done) == (Outcome.DONE, 1)
    assert any("did not end as it should" in gap for gap in facts(result)["gaps"])


def test_the_time_limit_lets_the_notebook_close(project: Project) -> None:
    notebook = project.notebook(
        "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('closed in time')\n    raise",
        "print('never')",
        opened=False,
    )

    result = project.run(notebook, time_limit=timedelta(seconds=4))

    assert result.outcome is Outcome.FAILED
    assert "time limit of 4.0 s" in result.message
    assert "closed in time" in texts(executed(result))
    assert result.seconds < 15


def test_the_time_limit_ends_a_notebook_that_does_not_listen(project: Project) -> None:
    notebook = project.notebook(
        "import os, pathlib, time\n"
        "(pathlib.Path(os.environ['GWB_RECORD']) / 'journal.jsonl').write_text('{\"entry\": \"begin\"')",
        "while True:\n    try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n        pass",
        opened=False,
    )

    result = project.run(notebook, time_limit=timedelta(seconds=4), grace=1)

    assert result.outcome is Outcome.PARTIAL
    assert result.seconds < 15
    assert result.sealed


def test_a_display_that_nbformat_refuses_does_not_stop_the_run(project: Project) -> None:
    notebook = project.notebook(
        "from IPython.display import display\ndisplay({'application/x': {'a': 1}}, raw=True)", "finish(Outcome.DONE)"
    )

    result = project.run(notebook)

    assert result.outcome is Outcome.DONE
    assert "could not be kept (application/x)" in texts(executed(result))


def test_secrets_written_by_a_cell_are_not_in_the_record(project: Project) -> None:
    password_file = project.root / "bind-password.txt"
    password_file.write_text("canary four words\n", encoding="utf-8")
    password_file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    notebook = project.notebook(
        "print('canary four', 'words'); print(os.environ['GWB_CLIENT_SECRET'])", "finish(Outcome.DONE)"
    )

    result = project.run(
        notebook,
        {"bind_password_file": "bind-password.txt"},
        environment={**os.environ, "GWB_CLIENT_SECRET": "plain-canary-value"},
    )

    assert result.record is not None
    for path in (project.root / "records").rglob("*"):
        if path.is_file():
            assert b"canary four words" not in path.read_bytes(), path
            assert b"plain-canary-value" not in path.read_bytes(), path


def test_wrong_use_leaves_nothing_behind(project: Project) -> None:
    notebook = project.notebook("1")
    (project.root / "broken.ipynb").write_text("{", encoding="utf-8")
    for path, overrides, code in (
        (notebook, {"max_craetes": "1"}, "unknown-parameter"),
        (notebook, {"change_id": ""}, "parameter-missing"),
        (notebook, {"change_id": "../x"}, "bad-change-id"),
        (project.root / "broken.ipynb", {}, "notebook-invalid"),
        (project.root / "absent.ipynb", {}, "notebook-invalid"),
    ):
        with pytest.raises(UsageError) as caught:
            project.run(path, overrides)
        assert caught.value.code == code
    assert not (project.root / "records").exists()


def test_records_go_where_told(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    notebook, given = str(project.notebook("finish(Outcome.DONE)", "print(records_dir)")), {"change_id": "CHG1"}
    result = run_with_progress(notebook, [], given, progress=CellProgress(quiet=True), records=Path("elsewhere"))
    assert result.record is not None
    assert result.record.parent == tmp_path / "elsewhere" / "CHG1"


def test_a_records_folder_that_is_a_file(project: Project) -> None:
    (project.root / "records").write_text("", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        project.run(project.notebook("1"))
    assert caught.value.code == "records-folder"


def test_a_record_that_the_notebook_destroyed(project: Project, facts: Facts) -> None:
    result = project.run(project.notebook("record.folder.file('record.json').write_text('{')\nos._exit(1)"))
    assert result.outcome is Outcome.FAILED
    assert facts(result)["notebook"]["name"] == "t"
    assert result.sealed


def test_a_record_that_cannot_be_sealed_keeps_its_verdict(project: Project) -> None:
    result = project.run(project.notebook("finish(Outcome.DONE, 2)", "(record.folder.path / 'record.html').mkdir()"))
    assert (result.outcome, result.exit_code, result.sealed) == (Outcome.DONE, 0, False)
    assert "gwb seal" in result.message
    assert list((project.root / "records" / "CHG1").glob(".executing-*.ipynb"))


def test_a_notice_reaches_the_terminal_and_not_the_record(project: Project) -> None:
    notebook = project.notebook(
        "from IPython.display import display\n"
        "print('told:', os.environ['GWB_NOTICES'])\n"
        "text = 'type CANARY' + '7QX'\n"
        "display({'application/vnd.gwb.notice+json': {'text': text}, 'text/plain': text}, raw=True)",
        "finish(Outcome.DONE)",
    )
    notices: list[str] = []
    result = project.run(notebook, notice=notices.append)
    assert notices == ["type CANARY7QX"]
    assert result.record is not None
    assert "told: 1" in texts(executed(result))
    for path in result.record.iterdir():
        assert b"CANARY7QX" not in path.read_bytes(), path
