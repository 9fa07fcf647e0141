"""Two sides, object by object: what is new, gone and changed, whatever the headings are called."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import UsageError
from runbook_lib.record.compared_sides import tables_of
from runbook_lib.record.comparison import Differences, Happened, compare_tables, rows_of_changes, rows_of_facts
from runbook_lib.record.comparison_page import comparison_html, comparison_lines, comparison_rows, summary
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.record.tables import csv_bytes
from runbook_lib.runner.cli import cli

Rows = list[dict[str, str]]


def groups(**names: str) -> Rows:
    return [{"group_id": key, "display_name": name, "members": "1"} for key, name in names.items()]


def found(comparison: Differences) -> list[tuple[tuple[str, ...], str, tuple[tuple[str, str, str], ...]]]:
    return [(one.key, one.happened.value, one.values) for one in comparison.differences]


def test_objects_are_new_gone_or_changed_with_both_values() -> None:
    comparison = compare_tables(
        {"groups.csv": groups(a="A", b="B", c="C")}, {"groups.csv": groups(b="B2", c="C", d="D")}
    )
    assert found(comparison) == [
        (("a",), "gone", ()),
        (("b",), "changed", (("display_name", "B", "B2"),)),
        (("d",), "new", ()),
    ]
    assert comparison.objects == {"groups.csv": (3, 3)}
    assert str(summary(comparison)) == "1 object new, 1 object gone, 1 object changed."
    assert [one.title for one in comparison.differences] == ["A", "B2", "D"]


def test_order_and_spelling_of_headings_are_no_difference() -> None:
    first = {"groups.csv": groups(a="A", b="B")}
    second = {"groups.csv": [{"Members": "1", "Display name": "B", "Group id": "b"}, *groups(a="A")]}
    assert compare_tables(first, second).same


def test_a_column_of_one_side_alone_is_named_and_changes_no_object() -> None:
    old, new = groups(a="A", b="B"), [{**row, "created": "2018", "owners": "Kim"} for row in groups(a="A", b="B2")]
    for first, second in ((old, new), (new, old)):
        comparison = compare_tables({"groups.csv": first}, {"groups.csv": second})
        assert [(one.key, [name for name, *_ in one.values]) for one in comparison.differences] == [
            (("b",), ["display_name"])
        ]
        assert comparison.not_compared == {"groups.csv": ("created", "owners")}
        (line, *_) = comparison_lines(comparison)
        assert "created, owners" in line
        assert line in comparison_html(comparison, "a", "b", (line, line))
    assert compare_tables({"t": [{"x": "1"}]}, {"t": [{"x": "1", "y": "2"}]}).same, "line by line, too"


def test_when_another_controller_saw_a_change_is_no_difference() -> None:
    first, second = ([{**row, "ad_changed": at} for row in groups(a="A")] for at in ("2026-11-01", "2026-11-02"))
    assert compare_tables({"groups.csv": first}, {"groups.csv": second}).same


def test_members_are_known_by_group_and_member() -> None:
    rows = [{"group_id": "g", "member_id": m, "group_name": "G", "member_name": m.upper()} for m in "xy"]
    (one,) = compare_tables({"members.csv": rows}, {"members.csv": rows[:1]}).differences
    assert (one.key, one.happened, one.title) == (("g", "y"), Happened.GONE, "Y")


def test_a_table_that_names_no_object_is_compared_line_by_line() -> None:
    first, second = [{"x": "1", "y": "a"}, {"x": "1", "y": "a"}], [{"x": "1", "y": "a"}, {"x": "2", "y": "a"}]
    assert found(compare_tables({"t": first}, {"t": second})) == [(("1", "a"), "gone", ()), (("2", "a"), "new", ())]


def test_a_table_of_one_side_alone_is_said() -> None:
    comparison = compare_tables({"a": []}, {"a": [], "b": []})
    assert (comparison.same, comparison.one_sided) == (False, ("b",))


def test_changes_of_a_plan_are_known_by_group_and_kind() -> None:
    change = {"group_id": "g", "kind": "create", "display_name": "G", "members": {"added": ["a"]}}
    other = {**change, "members": {"added": ["a", "b"]}}
    comparison = compare_tables(
        {"plan.json": rows_of_changes({"changes": [change]})}, {"plan.json": rows_of_changes({"changes": [other]})}
    )
    assert found(comparison) == [(("g", "create"), "changed", (("members.added", '["a"]', '["a", "b"]'),))]
    bare = {name: value for name, value in change.items() if name != "members"}
    comparison = compare_tables(
        {"plan.json": rows_of_changes({"changes": [change]})}, {"plan.json": rows_of_changes({"changes": [bare]})}
    )
    assert found(comparison) == [(("g", "create"), "changed", (("members.added", '["a"]', ""),))]


_TABLE = st.dictionaries(st.text("abc", min_size=1, max_size=2), st.text("xy", max_size=2), max_size=6)


@given(first=_TABLE, second=_TABLE)
def test_each_object_is_found_once_and_both_ways_round(first: dict[str, str], second: dict[str, str]) -> None:
    there = compare_tables({"t": groups(**first)}, {"t": groups(**second)})
    back = compare_tables({"t": groups(**second)}, {"t": groups(**first)})
    assert {one.key[0] for one in there.differences} == {
        key for key in first.keys() | second.keys() if first.get(key) != second.get(key)
    }
    turned = {Happened.NEW: Happened.GONE, Happened.GONE: Happened.NEW, Happened.CHANGED: Happened.CHANGED}
    assert [(one.key, turned[one.happened]) for one in there.differences] == [
        (one.key, one.happened) for one in back.differences
    ]
    assert there.same == (first == second)


def _csv(path: Path, frame: pd.DataFrame, delimiter: str = ",") -> Path:
    path.write_bytes(csv_bytes(frame, delimiter))
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_as_it_was_written(tmp_path: Path, delimiter: str) -> None:
    frame = pd.DataFrame({"group_id": ["1", "2"], "display_name": ["=cmd|x", "Équipe\nzwei"]})
    (rows,) = tables_of(_csv(tmp_path / "t.csv", frame, delimiter)).values()
    assert [dict(row) for row in rows] == frame.to_dict("records")


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.csv", b"a,b\n1\n", "numbers of columns"),
        ("a.csv", b"\xff\xfe", "not UTF-8"),
        ("a.csv", b'a,b\n"x"y,1\n', "not CSV"),
        ("a.txt", b"x", "neither"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path: Path, name: str, data: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=why) as caught:
        tables_of(tmp_path / name)
    assert caught.value.code == "not-comparable"
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no table"):
        tables_of(tmp_path / "empty")
    with pytest.raises(UsageError, match="no such file"):
        tables_of(tmp_path / "none.csv")


def test_the_page_escapes_what_it_shows() -> None:
    evil = "<script>alert(1)</script>\u202e"
    comparison = compare_tables({"<t>": groups(a="A")}, {"<t>": groups(a=evil, b=evil)})
    page = comparison_html(comparison, "<a>", "b", (summary(comparison), summary(comparison)))
    assert "<script>" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert [row[-1] for row in comparison_rows(comparison)] == [evil, ""]


@pytest.fixture
def two(make_run: Callable[..., RunRecord], clock: Callable[[], object]) -> list[Path]:
    """Two sealed runs with an inventory, one with a group more."""
    made = []
    for number, names in enumerate((["A"], ["A", "B"]), start=1):
        folder = make_run(f"run-{number}").folder
        frame = pd.DataFrame({"group_id": [name.lower() for name in names], "display_name": names})
        folder.write_csv("groups.csv", frame)
        seal(folder, None, clock=clock)  # type: ignore[arg-type]
        made.append(folder.path)
    return made


def compare(*words: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, words)], prog_name="gwb")


def test_the_command_compares_two_records(two: list[Path], tmp_path: Path) -> None:
    done = compare(*two, "--page", tmp_path / "c.html", "--csv", tmp_path / "c.csv")
    assert done.exit_code == 5, done.output
    assert "groups.csv  new  B (b)" in done.output
    assert "a record, as it was sealed" in done.output
    assert "Comparison" in (tmp_path / "c.html").read_text("utf-8")
    assert b"groups.csv,new,b,B" in (tmp_path / "c.csv").read_bytes()
    assert compare(*two, "--csv", tmp_path / "c.csv", "--csv-delimiter", "semicolon").exit_code == 5
    assert b"groups.csv;new;b;B" in (tmp_path / "c.csv").read_bytes()
    facts = json.loads(compare(*two, "--json").output)
    assert (facts["same"], facts["differences"][0]["key"]) == (False, ["b"])
    assert compare(two[0], two[0]).exit_code == 0


def test_a_table_and_the_folder_of_a_run_are_no_two_sides(two: list[Path]) -> None:
    for sides in ((two[0] / "groups.csv", two[1]), (two[1], two[0] / "groups.csv")):
        done = compare(*sides)
        assert done.exit_code == 2, done.output
        assert "it is a table, and" in done.output
        assert "Name two folders of runs, or two tables of an inventory (groups.csv)" in done.output


def test_what_an_approval_said_is_shown_where_it_is_gone() -> None:
    given = rows_of_facts({"approval": {"approver": "Kim", "until": "2026-12-01T00:00:00Z"}}, ["approval"])
    comparison = compare_tables(
        {"record.json": given}, {"record.json": rows_of_facts({"approval": None}, ["approval"])}
    )
    assert found(comparison) == [
        (("approval.approver",), "gone", (("value", "Kim", ""),)),
        (("approval.until",), "gone", (("value", "2026-12-01T00:00:00Z", ""),)),
    ]


def test_a_side_that_was_altered_is_said(two: list[Path]) -> None:
    (two[1] / "groups.csv").write_text("group_id\n")
    assert "not as sealed: groups.csv: changed" in compare(*two).output


def test_a_comparison_that_cannot_be_written_is_one_error(two: list[Path], tmp_path: Path) -> None:
    done = compare(*two, "--page", tmp_path / "no" / "c.html")
    assert (done.exit_code, "cannot be written" in done.output) == (9, True)
