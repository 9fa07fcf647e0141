"""The benchmark of a large rehearsal, with a small one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.size import Figure, measure, report
from rehearsal.contoso.size import Size
from rehearsal.process import start_rehearsal


def test_everything_promised_is_measured(tmp_path: Path) -> None:
    figures = {one.what: one for one in measure(tmp_path, Size(200, 2500, 6000), 1)}
    bounds = {one.unit: set[float]() for one in figures.values()}
    for one in figures.values():
        assert one.value != 0
        if one.bound is not None:
            bounds[one.unit].add(one.bound)
    assert bounds == {"s": {15, 1, 5}, "MiB": {700}, "x": set()}


def test_the_table_says_how_much_of_a_bound_was_used() -> None:
    lines = report([Figure("start", 3.0, "s", 15, 4.5), Figure("ratio", 2.5, "x")]).splitlines()
    assert lines[1].split() == ["start", "3.00", "s", "4.50", "15", "20%"]
    assert lines[2].split() == ["ratio", "2.50", "x"]


def test_too_few_groups_are_no_measurement(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("benchmarks.size.start_rehearsal", lambda path, **_: start_rehearsal(path))
    with pytest.raises(RuntimeError, match="groups of the tenant: 78 read, 200 asked for"):
        measure(tmp_path, Size(200, 2500, 6000), 1)
