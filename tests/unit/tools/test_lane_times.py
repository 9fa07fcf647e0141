"""What is said of a lane's time: before it starts, while it runs, on a terminal and in a log."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tools.lane_list import LANES, QUICK
from tools.lane_results import LaneRecord, record_of
from tools.lane_times import Expected, announcement, duration, expected_from, figures_of, progress, read_figures
from tools.lane_watch import Follower, Screen, Voice


def record(finished: dict[str, float], *more: str, failed: tuple[str, ...] = (), seconds: float = 0.0) -> LaneRecord:
    lines: list[dict[str, object]] = [{"selected": [*finished, *more]}]
    for name, took in finished.items():
        outcome = "failed" if name in failed else "passed"
        lines.append({"test": name, "phase": "call", "outcome": outcome, "seconds": took})
        lines.append({"test": name, "phase": "teardown", "outcome": "passed", "seconds": 0.0})
    if seconds:
        lines.append({"ended": 0, "seconds": seconds})
    return record_of(map(json.dumps, lines))


def test_time_left_is_weighed_by_what_tests_take() -> None:
    """Nine of ten tests are done, and nine tenths of the work are not."""
    quick = {f"quick.py::test{number}": 1.0 for number in range(9)}
    expected = Expected(90.0, modules={"slow.py": 81.0}, other=1.0)
    told = progress(record(quick, "slow.py::test", failed=("quick.py::test3",)), expected, gone=10.0)
    assert told.line("python") == "python: 9 of 10 tests, 1 failed, 10 s gone, about 1 min 30 s left"


def test_before_anything_is_done_the_expectation_is_told() -> None:
    told = progress(record({}, "a", "b"), Expected(60.0), gone=20.0)
    assert told.left == 40.0
    assert progress(record({}, "a"), Expected(), gone=20.0).left is None
    late = progress(record({}, "a"), Expected(60.0), gone=100.0)
    assert late.line("x") == "x: 0 of 1 tests, 1 min 40 s gone", (
        "it takes longer than the last time: how long is not known"
    )


def test_the_last_run_here_is_believed_before_the_committed_figures() -> None:
    figures = figures_of(record({"slow.py::one": 30.0, "slow.py::two": 10.0, "a.py::x": 0.5}, seconds=50.0))
    assert figures == {"seconds": 50.0, "other": 0.5, "modules": {"slow.py": 20.0}}
    there = expected_from(LaneRecord(), figures)
    assert (there.seconds, there.weight("slow.py::new"), there.weight("b.py::y"), there.here) == (
        50.0,
        20.0,
        0.5,
        False,
    )
    here = expected_from(record({"slow.py::one": 3.0}, seconds=7.0), figures)
    assert (here.seconds, here.weight("slow.py::one"), here.here) == (7.0, 3.0, True)


def test_an_unfinished_run_is_no_measure() -> None:
    assert expected_from(record({"a": 1.0}, "b"), None).seconds is None


def test_announcement() -> None:
    known = {"python": Expected(200.0, here=True), "samba": Expected(130.0, here=True)}
    assert announcement([["python", "samba"]], known) == (
        "This takes about 5 min 30 s (python 3 min 20 s, samba 2 min 10 s; as the last time on this machine)."
    )
    assert announcement([["python"], ["samba"]], known) == (
        "This takes about 3 min 20 s (python 3 min 20 s, samba 2 min 10 s; at the same time; "
        "as the last time on this machine)."
    )
    said = announcement([["python", "samba"]], {**known, "samba": Expected(130.0)})
    assert "measured on two cores; a slower or busy machine takes longer)" in said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (95, "1 min 35 s"), (204, "3 min 20 s"), (3900, "1 h 5 min")],
)
def test_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_there_are_committed_figures_of_every_lane() -> None:
    figures = read_figures()
    assert set(figures) == {*(lane.name for lane in LANES), QUICK.name}
    for figure in figures.values():
        assert figure["seconds"] > 0
        assert figure["other"] > 0


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_progress_is_one_line_below_what_is_said() -> None:
    out = Terminal()
    screen = Screen(out)
    screen.show("x", "1 of 2")
    screen.print_lines("FAILED a")
    screen.show("x", "2 of 2")
    screen.clear("x")
    assert out.getvalue() == "1 of 2\r\x1b[KFAILED a\n1 of 2\r\x1b[K2 of 2\r\x1b[K"


def test_on_a_terminal_each_lane_that_runs_has_a_line() -> None:
    out = Terminal()
    screen = Screen(out)
    screen.show("x", "1 of 2")
    screen.show("y", "1 of 9")
    screen.print_lines("FAILED a", "FAILED b")
    screen.clear("x")
    screen.clear("x")
    screen.clear("y")
    erase, up = "\r\x1b[K", "\x1b[A"
    both = "1 of 2\n1 of 9"
    assert out.getvalue() == (
        f"1 of 2{erase}{both}{erase}{up}{erase}FAILED a\nFAILED b\n{both}{erase}{up}{erase}1 of 9{erase}"
    )


def test_what_a_lane_says_beside_others_waits_and_what_failed_in_it_does_not() -> None:
    out = io.StringIO()
    screen = Screen(out)
    alone, beside = Voice(screen, "x"), Voice(screen, "y", held=True)
    beside.print_line("report of y,")
    beside.show("y: 1 of 2")
    beside.print_at_once("FAILED y")
    beside.print_line("its end")
    alone.print_line("report of x")
    assert out.getvalue() == "y: 1 of 2\nFAILED y\nreport of x\n"
    beside.release()
    beside.release()
    beside.print_line("after that")
    assert out.getvalue() == "y: 1 of 2\nFAILED y\nreport of x\nreport of y,\nits end\nafter that\n"


def test_in_a_log_the_progress_is_whole_lines_without_control_characters() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.show("x", "1 of 2")
    screen.print_lines("FAILED a")
    screen.clear("x")
    assert out.getvalue() == "1 of 2\nFAILED a\n"


def test_what_is_being_written_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    follower = Follower(path)
    assert follower.read() == []
    line = json.dumps({"test": "a", "phase": "call", "outcome": "failed", "seconds": 0.1, "text": "why"})
    path.write_text(line[:20])
    assert follower.read() == []
    path.write_text(line + "\n")
    assert follower.read() == ["a"]
    assert follower.read() == []
