"""Whatever ends a lane, its finished results are kept: real runs of pytest that are ended in every way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tools import lanes
from tools.lane_list import QUICK_SECONDS, Lane, pytest_command
from tools.lane_results import read_record
from tools.lane_times import read_figures
from tools.lane_watch import Screen, Voice
from tools.lanes import LaneResult, Told

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes by POSIX signals")

SUITE = """
import os, signal, time

def test_first(): pass

def test_second(): assert 0, "a reason to fail"

def test_ends():
    {ending}

def test_last(): pass
"""
DRIVER = """
import signal, sys
from dataclasses import replace
from pathlib import Path
from tools import lanes
from tests.unit.tools import test_lane_endings as here
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets its background jobs ignore it
lanes.REPORTS = Path(sys.argv[1]) / "reports"
lanes.LANES = tuple(
    replace(here.suite(Path(sys.argv[1])), name=name, queue=int(name == "beside")) for name in sys.argv[2:]
)
lanes.has_room = lambda: True
sys.exit(lanes.main(["test", "--timeout=60"]))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lanes, "REPORTS", tmp_path / "reports")
    return tmp_path


def suite(folder: Path, *arguments: str) -> Lane:
    """A lane that runs the suite in ``folder`` with pytest."""
    without = (word for name in ("cacheprovider", "anyio", "hypothesispytest") for word in ("-p", f"no:{name}"))
    plain = (*without, "-c", os.devnull, f"--rootdir={folder}")
    return Lane("example", lambda: pytest_command(str(folder / "test_suite.py"), *plain, *arguments), lambda: "")


def run_alone(lane: Lane) -> LaneResult:
    return lanes.run_lane(lane, Told([], os.environ), Voice(Screen(sys.stdout), lane.name))


def write(folder: Path, ending: str) -> None:
    (folder / "test_suite.py").write_text(SUITE.format(ending=ending), encoding="utf-8")


def run(folder: Path, ending: str, *arguments: str) -> LaneResult:
    write(folder, ending)
    return run_alone(suite(folder, *arguments))


def test_a_suite_that_ends_by_itself(folder: Path) -> None:
    result = run(folder, "pass")
    assert (result.passed, result.failed, result.note) == (3, 1, "")


def test_a_killed_pytest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(folder, "os.kill(os.getpid(), signal.SIGKILL)")
    assert (result.result, result.passed, result.failed) == ("failed", 1, 1)
    assert result.note == "ended by SIGKILL; 2 of 4 tests did not finish"
    said = capsys.readouterr().out
    assert "a reason to fail" in said
    assert "running at the end: test_suite.py::test_ends" in said


def test_a_worker_that_dies(folder: Path) -> None:
    result = run(folder, "os._exit(3)", "-n1", "--dist=loadscope")
    assert (result.result, result.passed, result.failed, result.note) == ("failed", 2, 2, "")


def test_a_test_that_hangs_fails_and_the_others_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "TEST_SECONDS", 1)
    result = run(folder, "time.sleep(60)")
    assert (result.passed, result.failed) == (2, 2)


@pytest.mark.parametrize(
    ("number", "names"),
    [(signal.SIGINT, ["alone"]), (signal.SIGTERM, ["alone"]), (signal.SIGINT, ["first", "beside", "second"])],
)
def test_ctrl_c_and_a_scheduler_that_ends_it(folder: Path, number: signal.Signals, names: list[str]) -> None:
    write(folder, f"open({str(folder)!r} + f'/there{{os.getpid()}}', 'w').close(); time.sleep(60)")
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), *names],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    deadline = time.monotonic() + 300
    while len(list(folder.glob("there*"))) < min(len(names), 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    driver.send_signal(number)
    said, _ = driver.communicate(timeout=300)
    assert driver.returncode == lanes.INTERRUPTED
    begun = names[:2]
    assert said.count("interrupted; 2 of 4 tests did not finish") == len(begun)
    assert said.count("not run") == said.count("interrupted before") == len(names) - len(begun)
    assert said.splitlines()[-1] == f"{len(begun)} passed, {len(begun)} failed, 0 skipped"


@pytest.mark.parametrize("workers", [[], ["-n1", "--dist=loadscope"]])
def test_when_the_time_is_over_only_the_core_is_still_run(folder: Path, workers: list[str]) -> None:
    core = "test_suite.py::test_last"
    write(folder, "pass")
    late = suite(folder, "--stop-at=1", f"--core={core}", *workers)
    result = run_alone(replace(late, core=(core,)))
    assert (result.result, result.passed, result.failed) == ("unfinished", 1, 0)
    assert result.note == f"3 of 4 tests were not reached in {QUICK_SECONDS} s; its core passed"


@pytest.mark.parametrize("workers", [[], ["-n1", "--dist=loadscope"]])
def test_a_lane_that_reached_nothing_or_not_its_core_is_no_success(folder: Path, workers: list[str]) -> None:
    result = run(folder, "pass", "--stop-at=1", *workers)
    assert (result.result, result.passed, result.failed) == ("failed", 0, 0)
    assert result.note == "4 of 4 tests did not finish"
    core = "test_suite.py::test_l"
    late = suite(folder, "--stop-at=1", "--core=test_suite.py::test_f", *workers)
    result = run_alone(replace(late, core=(core,)))
    assert (result.result, result.passed, result.failed) == ("failed", 1, 0)
    assert result.note == "3 of 4 tests did not finish; 1 of them belong to its core"


def test_a_failure_counts_also_where_the_time_was_over(folder: Path) -> None:
    write(folder, "pass")
    late = suite(folder, "--stop-at=1", "--core=test_suite.py::test_second")
    result = run_alone(late)
    assert (result.result, result.failed) == ("failed", 1)


@pytest.mark.parametrize("workers", [[], ["-n1", "--dist=loadscope", "--no-loadscope-reorder"]])
def test_what_takes_longest_starts_first_and_the_core_before_it(folder: Path, workers: list[str]) -> None:
    """Modules that no figures name count by their number of tests."""
    figures = read_figures()["python"]
    names = [f"tests/unit/{name}.py" for name in ("a", "b", "c")]
    slow = max(figures["modules"], key=lambda name: figures["modules"][name])
    (folder / slow).parent.mkdir(parents=True)
    (folder / "tests" / "unit").mkdir(exist_ok=True)
    for path, count in {slow: 1, names[0]: 1, names[1]: 2, names[2]: 1}.items():
        tests = "".join(f"def test_{number}(): pass\n" for number in range(count))
        (folder / path).write_text(tests, encoding="utf-8")
    plain = ("-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={folder}", "-o", "python_files=*.py")
    more = ("--import-mode=importlib", "--figures=python", f"--core={names[2]}", *workers)
    command = pytest_command(str(folder / "tests"), *plain, *more)
    run_alone(Lane("example", lambda: command, lambda: ""))
    record = read_record(lanes.results_of("example"))
    order = list(dict.fromkeys(name.partition("::")[0] for name in record.tests))
    assert order == [names[2], slow, names[1], names[0]]


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    whole = {"test": "a", "phase": "teardown", "outcome": "passed", "seconds": 0.1}
    path.write_text(json.dumps({"selected": ["a", "b"]}) + "\n" + json.dumps(whole) + '\n{"test": "b", "pha')
    record = read_record(path)
    assert (record.counts(), record.missing) == ((1, 0, 0), 1)
