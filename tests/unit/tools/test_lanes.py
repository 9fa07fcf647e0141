"""The lanes driver: what it counts, what it calls a failure, what it says."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tools import lanes
from tools.lanes import Lane, LaneResult

WRITE_REPORT = """
import pathlib, sys
pathlib.Path(sys.argv[1]).write_text(
    '<testsuites><testsuite tests="{tests}" failures="{failed}" errors="0" skipped="{skipped}"/></testsuites>'
)
sys.exit({code})
"""


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lanes, "REPORTS", tmp_path / "reports")
    return tmp_path / "reports"


def lane(*, tests: int = 3, failed: int = 0, skipped: int = 0, code: int = 0, lacking: str = "") -> Lane:
    script = WRITE_REPORT.format(tests=tests, failed=failed, skipped=skipped, code=code)
    return Lane("example", lambda report: [sys.executable, "-c", script, str(report)], lambda: lacking)


def run(example: Lane, *, required: bool = False) -> LaneResult:
    return lanes.run_lane(example, [], required=required, environment=os.environ)


def test_lane_that_passes() -> None:
    result = run(lane(tests=3, skipped=1))
    assert (result.result, result.passed, result.failed, result.skipped) == ("passed", 2, 0, 1)


def test_lane_that_fails() -> None:
    result = run(lane(failed=1, code=1))
    assert (result.result, result.passed, result.failed, result.note) == ("failed", 2, 1, "")


def test_lane_that_breaks_off_fails_without_a_count() -> None:
    assert run(lane(tests=0, code=3)).note == "exit code 3"


def test_lane_without_a_test_fails() -> None:
    result = run(lane(tests=0, code=5))
    assert (result.result, result.note) == ("failed", "no test")


def test_report_of_an_earlier_run_counts_nothing(reports: Path) -> None:
    run(lane(tests=3))
    broken = Lane("example", lambda _: [sys.executable, "-c", "raise SystemExit(2)"], lambda: "")
    assert run(broken).passed == 0


@pytest.mark.parametrize(("required", "result"), [(False, "not run"), (True, "failed")])
def test_lane_that_cannot_run(required: bool, result: str) -> None:
    told = run(lane(lacking="needs root"), required=required)
    assert (told.result, told.note) == (result, "needs root")


@pytest.mark.parametrize(("required", "result"), [(False, "passed"), (True, "failed")])
def test_skipped_tests_in_a_required_lane(required: bool, result: str) -> None:
    assert run(lane(skipped=1), required=required).result == result


def test_lane_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "LANE_SECONDS", 0.2)
    sleeping = Lane("example", lambda _: [sys.executable, "-c", "import time; time.sleep(60)"], lambda: "")
    result = run(sleeping)
    assert (result.result, result.note) == ("failed", "ended after 0.2 seconds")
    assert result.seconds < 30


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_that_a_lane_started_outlives_it(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    inner = "import time; time.sleep(60)"
    outer = f"import pathlib, subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {inner!r}]); "
    outer += f"pathlib.Path({str(noted)!r}).write_text(str(p.pid))"
    run(Lane("example", lambda _: [sys.executable, "-c", outer], lambda: ""))
    deadline = time.monotonic() + 10
    while is_running(int(noted.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(int(noted.read_text()))


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_table_closes_with_a_line_for_machines() -> None:
    results = [
        LaneResult("python", "passed", passed=10, skipped=2, seconds=3.21),
        LaneResult("samba", "failed", note="needs root"),
    ]
    lines = lanes.table(results).splitlines()
    assert lines[1].split() == ["python", "passed", "10", "0", "2", "3.2"]
    assert lines[2].endswith("needs root")
    assert lines[-1] == "10 passed, 1 failed, 2 skipped"


def test_one_failed_lane_fails_the_whole(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(lanes, "LANES", (lane(), lane(lacking="no browser")))
    assert lanes.test([], [], {**os.environ, "CI": ""}) == 0
    assert "no browser" in capfd.readouterr().out
    assert lanes.test([], [], {**os.environ, "CI": "true"}) == 1


def test_ci_installs_only_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(lanes, "install_missing", asked.extend)
    ready = Lane("ready", lambda _: [], lambda: "", packages=("ready-package",))
    lanes.install([ready])
    assert asked == []
    lanes.install([ready, Lane("lacking", lambda _: [], lambda: "missing", packages=("a", "b"))])
    assert asked == ["a", "b"]
