"""A table whose rows are ticked: which rows are shown, and what a browser can and cannot make of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.model.text import t
from runbook_lib.notebook.ticking.page import (
    PAGE_SIZES,
    Column,
    Query,
    TickCell,
    TickRow,
    choices_of,
    found,
    page_of,
    query_of,
)
from runbook_lib.notebook.ticking.table import TickTable

COLUMNS = (Column(t("Group")), Column(t("Kind"), filtered=True), Column(t("Members")))
ROWS = (
    TickRow("a", ("Sales Team", "microsoft-365", 9)),
    TickRow("b", ("sales archive", "security", None)),
    TickRow("c", ("Straße <b>1</b>", "security", 100)),
    TickRow("d", ("Zebra", "microsoft-365", 20)),
)


def keys(query: Query, ticked: frozenset[str] = frozenset()) -> str:
    return "".join(row.key for row in found(ROWS, query, ticked))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (Query(), "abcd"),
        (Query(search="SALES"), "ab"),
        (Query(search="team sales"), "a"),
        (Query(search="strasse"), "c"),
        (Query(search="security"), "bc"),
        (Query(search="nothing of it"), ""),
        (Query(filters={1: "security"}), "bc"),
        (Query(filters={1: "security"}, search="archive"), "b"),
        (Query(ticked_only=True), "d"),
        (Query(sort=0), "bacd"),
        (Query(sort=0, descending=True), "dcab"),
        (Query(sort=2), "adcb"),
        (Query(sort=2, descending=True), "cdab"),
    ],
)
def test_rows_are_searched_filtered_and_sorted(query: Query, shown: str) -> None:
    assert keys(query, frozenset("d")) == shown


def test_a_page_beyond_the_last_is_the_last() -> None:
    rows = [TickRow(str(number), (f"Group {number:03}",)) for number in range(60)]
    page = page_of(rows, Query(page=99), frozenset({"59"}))
    shown = [(row[0], row[1]) for row in page["rows"]]  # type: ignore[attr-defined]
    assert shown[0] == ("50", False)
    assert shown[-1] == ("59", True)
    assert (page["found"], page["total"], page["ticked"], page["page"], page["pages"]) == (60, 60, 1, 2, 3)


def test_a_page_holds_nothing_that_a_reader_does_not_see() -> None:
    page = page_of([TickRow("x", ("Pay\u202eroll\n", 5, None))], Query(), ())
    assert page["rows"] == [["x", False, ["Pay\\u202eroll\\u000a", 5, None]]]


def test_values_are_offered_only_where_there_is_something_to_choose() -> None:
    assert choices_of(ROWS, COLUMNS) == [None, ["microsoft-365", "security"], None]
    assert choices_of(ROWS[1:3], COLUMNS) == [None, None, None]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("search", "filters", "ticked_only", "sort", "descending", "page", "size"), ANYTHING)
    )
    | ANYTHING
)
def test_whatever_a_browser_asks_for_is_a_page(asked: object) -> None:
    query = query_of(asked, COLUMNS)
    assert query.size in PAGE_SIZES
    page = page_of(ROWS, query, frozenset())
    assert json.loads(json.dumps(page))["total"] == len(ROWS)


class Screen:
    """A table on a screen, with what was told of its ticks."""

    def __init__(self, *ticked: str) -> None:
        self.told: list[str] = []
        self.table = TickTable(t("Groups"), COLUMNS, ROWS, ticked=[*ticked, "no row"], changed=self.changed)

    def changed(self, ticked: frozenset[str]) -> None:
        self.told.append("".join(sorted(ticked)))

    def send(self, **content: object) -> None:
        # As ipywidgets hands over what a browser sent.
        self.table.widget._handle_custom_msg(content, [])

    @property
    def view(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.table.widget.view
        return shown


def test_ticks_are_told_once_and_shown() -> None:
    screen = Screen("a")
    assert screen.view["ticked"] == 1
    screen.send(do="tick", keys=["c"], on=True)
    screen.send(do="tick", keys=["c"], on=True)
    screen.send(do="tick", keys=["a"], on=False)
    assert screen.told == ["ac", "c"]
    assert [row[1] for row in screen.view["rows"]] == [False, False, True, False]


def test_all_that_is_found_is_ticked_at_once_and_nothing_else() -> None:
    screen = Screen("d")
    screen.send(do="query", query={"search": "sales"})
    screen.send(do="tick-found", on=True)
    assert screen.told == ["abd"]
    screen.send(do="tick-found", on=False)
    assert screen.told[-1] == "d"


def test_each_message_is_answered_so_that_a_browser_knows_that_the_kernel_lives() -> None:
    screen = Screen()
    before = screen.view["answer"]
    screen.send(do="query", query={})
    assert screen.view["answer"] > before


@pytest.mark.parametrize(
    "content",
    [
        {"do": "tick", "keys": ["x", 5, None], "on": True},
        {"do": "tick", "keys": "a", "on": True},
        {"do": "tick", "on": True},
        {"do": "tick", "keys": ["a"], "on": "yes"},
        {"do": "something"},
        {},
    ],
)
def test_what_does_not_fit_ticks_nothing(content: dict[str, object]) -> None:
    screen = Screen()
    screen.send(**content)
    assert (screen.told, screen.table.ticked) == ([], frozenset())


def test_a_closed_table_can_be_looked_at_and_takes_no_tick() -> None:
    screen = Screen("a")
    screen.table.close()
    screen.send(do="tick", keys=["b"], on=True)
    screen.send(do="tick-found", on=True)
    screen.send(do="query", query={"search": "zebra"})
    assert (screen.told, screen.view["closed"], screen.view["found"]) == ([], True, 1)


def test_rows_are_replaced_and_those_that_are_still_there_stay_ticked() -> None:
    screen = Screen("a", "d")
    screen.send(do="query", query={"search": "kim"})
    assert screen.view["found"] == 0
    screen.table.show_rows([TickRow("a", ("Sales Team", "Kim", 9)), TickRow("e", ("New", "Kim", 1))])
    assert (screen.view["found"], screen.view["total"], screen.view["ticked"]) == (2, 2, 1)
    screen.send(do="tick", keys=["d", "e"], on=True)
    assert screen.told == ["ae"]


def test_twenty_thousand_rows_cost_a_browser_one_page() -> None:
    rows = [TickRow(f"{number:08}", (f"Group {number}", "security", number)) for number in range(20_000)]
    table = TickTable(t("Groups"), COLUMNS, rows, changed=lambda _: None)
    assert len(json.dumps(table.widget.view)) < 3_000
    assert table.widget.view["total"] == 20_000


def test_cells_of_every_kind_sort() -> None:
    cells: tuple[TickCell, ...] = ("b", 3, None, "A", 1)
    rows = [TickRow(str(place), (cell,)) for place, cell in enumerate(cells)]
    assert [row.cells[0] for row in found(rows, Query(sort=0), ())] == [1, 3, "A", "b", None]
