"""The lanes driver: what it counts, what it calls a failure, what it says."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import psutil  # type: ignore[import-untyped]
import pytest

from tools import lane_list, lanes
from tools.lane_list import LANES, QUICK_WHY, ROOM_BYTES, STARTS_PROCESSES, Lane
from tools.lane_watch import Screen, Voice
from tools.lanes import LaneResult, Told

Reported = dict[str, str]
"""Name of a test to its outcome."""


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lanes, "REPORTS", tmp_path / "reports")
    return tmp_path / "reports"


def lane(reports: Path, ran: Reported | None = None, *, code: int = 0, lacking: str = "", selected: int = 0) -> Lane:
    """A lane that keeps these results and ends with this code."""
    tests = {"a": "passed", "b": "passed"} if ran is None else ran
    lines: list[dict[str, object]] = [{"selected": [*tests, *(f"more{n}" for n in range(selected - len(tests)))]}]
    for name, outcome in tests.items():
        lines += [{"began": name}]
        lines += [{"test": name, "phase": "call", "outcome": outcome, "seconds": 1.5, "text": f"why {name}"}]
        lines += [{"test": name, "phase": "teardown", "outcome": "passed", "seconds": 0.5}]
    text = "".join(json.dumps(line) + "\n" for line in lines if ran != {})
    script = (
        f"import pathlib, sys; pathlib.Path({str(reports / 'example.jsonl')!r}).write_text({text!r}); sys.exit({code})"
    )
    return Lane("example", lambda: [sys.executable, "-c", script], lambda: lacking)


def run(example: Lane, more: Sequence[str] = (), *, required: bool = False) -> LaneResult:
    return lanes.run_lane(example, Told(more, os.environ, required), Voice(Screen(sys.stdout), example.name))


def test_lane_that_passes(reports: Path) -> None:
    result = run(lane(reports, {"a": "passed", "b": "skipped", "c": "passed"}))
    assert (result.result, result.passed, result.failed, result.skipped) == ("passed", 2, 0, 1)


def test_lane_that_fails(reports: Path) -> None:
    result = run(lane(reports, {"a": "passed", "b": "failed", "c": "passed"}, code=1))
    assert (result.result, result.passed, result.failed, result.note) == ("failed", 2, 1, "")


def test_lane_that_breaks_off_counts_what_had_finished(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(lane(reports, {"a": "passed", "b": "failed"}, code=3, selected=9))
    assert (result.result, result.passed, result.failed) == ("failed", 1, 1)
    assert result.note == "exit code 3; 7 of 9 tests did not finish"
    assert "why b" in capsys.readouterr().out


def test_lane_that_says_it_passed_but_left_tests_out_fails(reports: Path) -> None:
    result = run(lane(reports, selected=3))
    assert (result.result, result.note) == ("failed", "1 of 3 tests did not finish")


def test_lane_without_a_test_fails(reports: Path) -> None:
    result = run(lane(reports, {}, code=5))
    assert (result.result, result.note) == ("failed", "no test")


def test_report_of_an_earlier_run_counts_nothing(reports: Path) -> None:
    run(lane(reports))
    broken = Lane("example", lambda: [sys.executable, "-c", "raise SystemExit(2)"], lambda: "")
    assert run(broken).passed == 0


@pytest.mark.parametrize(("required", "result"), [(False, "not run"), (True, "failed")])
def test_lane_that_cannot_run(reports: Path, required: bool, result: str) -> None:
    told = run(lane(reports, lacking="needs root"), required=required)
    assert (told.result, told.note) == (result, "needs root")


@pytest.mark.parametrize(("required", "result"), [(False, "passed"), (True, "failed")])
def test_skipped_tests_in_a_required_lane(reports: Path, required: bool, result: str) -> None:
    assert run(lane(reports, {"a": "passed", "b": "skipped"}), required=required).result == result


def test_a_lane_names_its_slowest_tests(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(lane(reports))
    assert "     2.0 s  a\n" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_that_a_lane_started_outlives_it(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    inner = "import time; time.sleep(600)"
    outer = f"import pathlib, subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {inner!r}]); "
    outer += f"pathlib.Path({str(noted)!r}).write_text(str(p.pid))"
    run(Lane("example", lambda: [sys.executable, "-c", outer], lambda: ""))
    deadline = time.monotonic() + 60
    while is_running(int(noted.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(int(noted.read_text()))


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def waiting_lane(reports: Path, name: str, for_: str, *, queue: int) -> Lane:
    """A lane that passes one test when the lane ``for_`` has begun, and otherwise ends with 3 after a minute."""
    script = f"""
import json, pathlib, sys, time
folder = pathlib.Path({str(reports)!r})
(folder / "{name} begun").touch()
end = time.monotonic() + 60
while not (folder / "{for_} begun").exists():
    if time.monotonic() > end:
        sys.exit(3)
    time.sleep(0.05)
print("{name} has met {for_}")
lines = [{{"selected": ["t"]}}, {{"test": "t", "phase": "teardown", "outcome": "passed", "seconds": 0.5}}]
(folder / "{name}.jsonl").write_text("".join(json.dumps(line) + "\\n" for line in lines))
"""
    return Lane(name, lambda: [sys.executable, "-c", script], lambda: "", queue=queue)


def test_lanes_that_may_run_beside_others_do_and_are_told_after_them(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = waiting_lane(reports, "one", "two", queue=0)
    two = waiting_lane(reports, "two", "one", queue=1)
    monkeypatch.setattr(lanes, "LANES", (one, two))
    monkeypatch.setattr(lanes, "has_room", lambda: True)
    assert lanes.test([], [], {**os.environ, "CI": "true"}) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line]
    told = [line for line in said if line.startswith("===") or " met " in line]
    assert told == ["=== lane one ===", "one has met two", "=== lane two ===", "two has met one"]
    assert [line.split()[:3] for line in said[-3:-1]] == [["one", "passed", "1"], ["two", "passed", "1"]]
    assert said[-1] == "2 passed, 0 failed, 0 skipped"


def test_lanes_run_one_after_the_other_where_there_is_no_room_or_only_one_is_asked_for() -> None:
    python, airflow, browser, samba = LANES
    assert lanes.queued(LANES, room=True) == [[python], [airflow, browser], [samba]]
    assert lanes.queued(LANES, room=False) == [[python, airflow, browser, samba]]
    for each in LANES:
        assert lanes.queued([each], room=True) == [[each]]


@pytest.mark.parametrize(
    ("cores", "free", "room"), [(2, ROOM_BYTES, True), (1, ROOM_BYTES, False), (2, ROOM_BYTES - 1, False)]
)
def test_room_is_a_second_core_and_memory(monkeypatch: pytest.MonkeyPatch, cores: int, free: int, room: bool) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    assert lane_list.has_room() is room


def test_a_defect_in_a_lane_beside_others_is_no_success(reports: Path) -> None:
    def broken() -> str:
        raise OSError("no such program")

    beside = Lane("beside", list, broken, queue=1)
    with pytest.raises(OSError, match="no such program"):
        lanes.run_queues([[lane(reports)], [beside]], Told([], os.environ))


def test_table_closes_with_a_line_for_machines() -> None:
    results = [
        LaneResult("python", "passed", passed=10, skipped=2, seconds=3.21),
        LaneResult("browser", "interrupted", passed=4, note="interrupted"),
        LaneResult("samba", "failed", note="needs root"),
    ]
    lines = lanes.table(results).splitlines()
    assert lines[1].split() == ["python", "passed", "10", "0", "2", "3.2"]
    assert lines[3].endswith("needs root")
    assert lines[-1] == "14 passed, 2 failed, 2 skipped"


def test_one_failed_lane_fails_the_whole(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lanes, "LANES", (lane(reports), lane(reports, lacking="no browser")))
    assert lanes.test([], [], {**os.environ, "CI": ""}) == 0
    assert "no browser" in capfd.readouterr().out
    assert lanes.test([], [], {**os.environ, "CI": "true"}) == 1


def test_ci_installs_only_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(lanes, "install_missing", asked.extend)
    ready = Lane("ready", list, lambda: "", packages=("ready-package",))
    lanes.install([ready])
    assert asked == []
    lanes.install([ready, Lane("lacking", list, lambda: "missing", packages=("a", "b"))])
    assert asked == ["a", "b"]


def test_how_long_it_takes_is_said_first_and_known_from_the_last_whole_run(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lanes, "LANES", (lane(reports),))
    lanes.test([], [], {**os.environ, "CI": ""})
    assert capsys.readouterr().out.startswith("How long this takes is not known")
    lanes.test([], [], {**os.environ, "CI": ""})
    assert capsys.readouterr().out.startswith("This takes about ")
    assert (reports / "example.last.jsonl").is_file()


@pytest.mark.parametrize("more", [["-k", "a"], []])
def test_part_of_a_lane_is_no_measure_of_it(reports: Path, more: list[str]) -> None:
    part = lane(reports, selected=0 if more else 5)
    run(part, more)
    assert not (reports / "example.last.jsonl").exists()


def test_a_lane_that_died_before_its_first_test_is_no_measure_of_it(reports: Path) -> None:
    assert run(lane(reports, {}, code=1)).note == "exit code 1"
    assert not (reports / "example.last.jsonl").exists()


def test_every_test_has_a_limit_and_a_lane_has_none() -> None:
    for each in LANES:
        command = [*each.command(), *lanes.kept_arguments(each.name)]
        assert f"--timeout={lanes.TEST_SECONDS}" in command
    assert lanes.TEST_SECONDS >= 600


def test_quick_says_what_it_leaves_out_and_why(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert all((lanes.ROOT / "tests" / "unit" / name).exists() for name in STARTS_PROCESSES)
    monkeypatch.setattr(lanes, "QUICK", lane(reports))
    assert lanes.main(["quick"]) == 0
    said = capsys.readouterr().out
    assert QUICK_WHY in said
    assert said.splitlines()[-1] == "2 passed, 0 failed, 0 skipped"
    with pytest.raises(SystemExit):
        lanes.main(["quick", "--help"])
    assert "no kernel, no rehearsal" in " ".join(capsys.readouterr().out.split())
