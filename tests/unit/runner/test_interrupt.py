"""Ctrl-C, a scheduler that stops the job, and a runner that is killed: no kernel is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from runbook_lib.model.outcome import Outcome
from runbook_lib.runner.kernel.execution import CellStep
from tests.unit.runner.conftest import Project

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent the POSIX way")

WAIT = (
    "import os, pathlib, time\n"
    "pathlib.Path('kernel.pid').write_text(str(os.getpid()))\n"
    "try:\n"
    "    time.sleep(120)\n"
    "except KeyboardInterrupt:\n"
    "    pathlib.Path('closed').touch()\n"
    "    raise"
)


def started(project: Project, *options: str) -> tuple[subprocess.Popen[str], int]:
    """A running ``gwb run`` and the process id of its kernel, which is inside a cell."""
    project.notebook(WAIT, "pathlib.Path('never').touch()", opened=False)
    command = project.command("run", "t", "-p", "change_id", "CHG1", *options)
    process = subprocess.Popen(
        command, env=project.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=project.root
    )
    pid_file = project.root / "kernel.pid"
    deadline = time.monotonic() + 300
    while not (pid_file.exists() and pid_file.read_text(encoding="utf-8")):
        if time.monotonic() > deadline or process.poll() is not None:
            process.kill()
            raise AssertionError(process.communicate())
        time.sleep(0.05)
    return process, int(pid_file.read_text(encoding="utf-8"))


def gone(pid: int, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def only_record(project: Project) -> Path:
    (record,) = (project.root / "records" / "CHG1").glob("2*")
    return record


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_tidily(project: Project, number: signal.Signals) -> None:
    process, kernel = started(project)
    process.send_signal(number)
    out, err = process.communicate(timeout=300)

    assert process.returncode == Outcome.INTERRUPTED.exit_code
    assert gone(kernel)
    assert out.startswith("Interrupted: 0 changes, ")
    assert "Traceback" not in err
    assert err.splitlines()[-2:] == ["The run was interrupted.", "What to do: Nothing was written."]
    assert (project.root / "closed").exists()
    assert not (project.root / "never").exists()
    assert json.loads((only_record(project) / "record.json").read_text(encoding="utf-8"))["outcome"] == "interrupted"
    assert (only_record(project) / "MANIFEST.json").exists()


def test_a_second_ctrl_c_does_not_wait(project: Project) -> None:
    process, kernel = started(project)
    os.kill(kernel, signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)

    assert time.monotonic() - begun < 10
    assert gone(kernel)
    assert process.returncode == Outcome.INTERRUPTED.exit_code


def test_a_killed_runner_leaves_no_kernel(project: Project, cold: None) -> None:
    """Runner and kernel as they are started for an operator; importing what they need warns of nothing."""
    process, kernel = started(project)
    process.kill()
    process.communicate(timeout=300)

    assert gone(kernel)
    assert list((project.root / "records" / "CHG1").glob(".executing-*.ipynb"))
    assert not (only_record(project) / "MANIFEST.json").exists()


def test_an_interrupt_on_the_way_to_an_idle_kernel_is_not_lost(project: Project) -> None:
    def interrupt(step: CellStep) -> None:
        if step.number == step.total:
            signal.raise_signal(signal.SIGINT)

    begun = time.monotonic()
    notebook = project.notebook("import time\ntime.sleep(900)", opened=False)
    result = project.run(notebook, progress=interrupt, grace=600.0)

    assert result.outcome is Outcome.INTERRUPTED
    assert time.monotonic() - begun < 300, "a lost one would have waited for the grace"


def test_an_interrupted_kernel_that_does_not_shut_down_is_not_waited_for(project: Project) -> None:
    """The grace is for the cell that is being interrupted; a kernel whose cell has ended has nothing left to do."""

    def interrupt(step: CellStep) -> None:
        if step.number == step.total:
            signal.raise_signal(signal.SIGINT)

    stubborn = "get_ipython().kernel.do_shutdown = lambda restart: time.sleep(900)"
    begun = time.monotonic()
    notebook = project.notebook(f"import time\n{stubborn}\ntime.sleep(900)", opened=False)
    result = project.run(notebook, progress=interrupt, grace=600.0)

    assert result.outcome is Outcome.INTERRUPTED
    assert time.monotonic() - begun < 300, "half of the grace was waited for the kernel's polite end"


def test_signals_work_as_before_after_a_run(project: Project) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    project.run(project.notebook("1", opened=False))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_no_process_is_left_after_an_ordinary_run(project: Project) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    project.run(project.notebook("1", opened=False))
    assert {child.pid for child in psutil.Process().children(recursive=True)} == before
