"""The table of results: figures of runs in turn, and rows that say why nothing was measured."""

from __future__ import annotations

from datetime import UTC, datetime

from benchmarks.results import Row, Run, in_turn, table

AT = datetime(2026, 11, 30, 18, 0, tzinfo=UTC)


def cells(*rows: Row) -> list[list[str]]:
    document = table(rows, at=AT, what="python -m benchmarks", commit="abc1234")
    assert "on 2026-11-30 18:00 UTC, commit abc1234" in document
    lines = [line for line in document.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_a_ratio_is_that_of_two_runs_that_followed_each_other() -> None:
    ours = [Run(2.0, 1.0, 7, 20), Run(9.0, 2.0, 8, 30), Run(3.0, 3.0, 7, 25)]
    theirs = [Run(4.0, 1.0, 5), Run(3.0, 1.0, 5), Run(2.0, 1.0, 5)]
    assert cells(Row("read", "≤ 1.1 ×", "by hand", ours, theirs)) == [
        [
            "read",
            "by hand",
            "2.00 / 3.00 / 9.00",
            "2.00 / 3.00 / 4.00",
            "0.50 / 1.50 / 3.00",
            "1.00 / 2.00 / 3.00",
            "1.00 / 2.00 / 3.00",
            "8 : 5",
            "30",
            "≤ 1.1 ×",
        ]
    ]


def test_what_stands_alone_has_no_ratio_and_what_was_not_measured_says_why() -> None:
    alone, unmeasured = cells(Row("join", "≤ 1 s", ours=[Run(0.5, 0.25)]), Row("delta", "≤ 2 s", why="not built"))
    assert alone == ["join", "", "0.50 / 0.50 / 0.50", "", "", "0.25 / 0.25 / 0.25", "", "", "", "≤ 1 s"]
    assert unmeasured == ["delta", "", "not measured: not built", "", "", "", "", "", "", "≤ 2 s"]


def test_both_take_turns() -> None:
    order: list[str] = []
    ours, theirs = in_turn(2, lambda: order.append("ours"), lambda: order.append("theirs"))
    assert order == ["ours", "theirs", "ours", "theirs"]
    assert len(ours) == len(theirs) == 2
