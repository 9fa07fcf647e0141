"""Which rows of a large table a person sees: searched, filtered, sorted, one page at a time. Pure.

The rows stay where the kernel is and one page goes to the browser, so that 20,000 rows cost it no more than 25 do.
What the browser asks for is read as strictly as anything else from outside: what does not fit is left away.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from runbook_lib.model.text import Text
from runbook_lib.model.untrusted import printable

TickCell: TypeAlias = str | int | None
"""What a cell holds: a text, a number; None where nothing is known."""

PAGE_SIZES = (25, 50, 100, 250)
"""Rows of one page that a person can choose; the first is the default."""
LONGEST_SEARCH = 200
"""Characters of a search that count."""
LONGEST_CELL = 300
"""Characters of a cell that are shown."""
MOST_CHOICES = 40
"""Values of a column that a list to choose from can hold; a column with more is searched instead."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        label: Its heading.
        filtered: Whether its values are offered as a list to filter by.
    """

    label: Text
    filtered: bool = False


@dataclass(frozen=True)
class TickRow:
    """One row.

    Attributes:
        key: What a tick of it means, unique in the table.
        cells: One for each column; the first names the row.
    """

    key: str
    cells: tuple[TickCell, ...]

    @cached_property
    def searched(self) -> str:
        """Everything that a search looks at."""
        return "\n".join(str(cell).casefold() for cell in self.cells if cell is not None)

    @property
    def shown(self) -> list[TickCell]:
        """Its cells as a browser gets them: no character that hides, reorders or breaks a line."""
        return [printable(cell, limit=LONGEST_CELL) if isinstance(cell, str) else cell for cell in self.cells]


@dataclass(frozen=True)
class Query:
    """What a person asked for.

    Attributes:
        search: Words that all stand somewhere in a row.
        filters: Place of a column to the one value that it has.
        ticked_only: Only the rows that are ticked.
        sort: Place of the column that the rows are sorted by; None leaves them as they are.
        page: From 0.
        size: Rows of a page.
    """

    search: str = ""
    filters: Mapping[int, str] = field(default_factory=dict)
    ticked_only: bool = False
    sort: int | None = None
    descending: bool = False
    page: int = 0
    size: int = PAGE_SIZES[0]

    def as_json(self) -> dict[str, object]:
        """As a browser gets it."""
        filters = {str(place): value for place, value in self.filters.items()}
        return {**vars(self), "filters": filters}


def query_of(asked: object, columns: Sequence[Column]) -> Query:
    """What a browser asked for; a part that does not fit has its default."""
    said = asked if isinstance(asked, Mapping) else {}
    filters = said.get("filters")
    places = {str(place): place for place, column in enumerate(columns) if column.filtered}
    sort, page, size = said.get("sort"), said.get("page"), said.get("size")
    search = said.get("search")
    return Query(
        search=search[:LONGEST_SEARCH] if isinstance(search, str) else "",
        filters={
            places[place]: value
            for place, value in (filters.items() if isinstance(filters, Mapping) else ())
            if place in places and isinstance(value, str) and value
        },
        ticked_only=said.get("ticked_only") is True,
        sort=sort if type(sort) is int and 0 <= sort < len(columns) else None,
        descending=said.get("descending") is True,
        page=page if type(page) is int and page >= 0 else 0,
        size=size if size in PAGE_SIZES and type(size) is int else PAGE_SIZES[0],
    )


def found(rows: Sequence[TickRow], query: Query, ticked: Collection[str]) -> list[TickRow]:
    """The rows that a query is about, sorted; cells without a value come last whichever way they are sorted."""
    words = query.search.casefold().split()
    some = [
        row
        for row in rows
        if (not query.ticked_only or row.key in ticked)
        and all(row.cells[place] == value for place, value in query.filters.items())
        and all(word in row.searched for word in words)
    ]
    place = query.sort
    if place is None:
        return some
    known = [row for row in some if row.cells[place] is not None]
    known.sort(key=lambda row: _sorted_by(row.cells[place]), reverse=query.descending)
    return known + [row for row in some if row.cells[place] is None]


def page_of(rows: Sequence[TickRow], query: Query, ticked: Collection[str]) -> dict[str, object]:
    """One page as a browser gets it: its rows (``[key, ticked, cells]``), and how many there are of what."""
    some = found(rows, query, ticked)
    pages = max(1, -(-len(some) // query.size))
    page = min(query.page, pages - 1)
    begin = page * query.size
    return {
        "rows": [[row.key, row.key in ticked, row.shown] for row in some[begin : begin + query.size]],
        "found": len(some),
        "total": len(rows),
        "ticked": len(ticked),
        "page": page,
        "pages": pages,
        "query": {**query.as_json(), "page": page},
    }


def choices_of(rows: Sequence[TickRow], columns: Sequence[Column]) -> list[list[str] | None]:
    """For each column the values to filter by, in order; None where it is not filtered or has too many."""
    listed: list[list[str] | None] = []
    for place, column in enumerate(columns):
        values = {str(row.cells[place]) for row in rows if row.cells[place]} if column.filtered else set()
        listed.append(sorted(values) if 1 < len(values) <= MOST_CHOICES else None)
    return listed


def _sorted_by(cell: TickCell) -> tuple[int, int, str]:
    return (0, cell, "") if isinstance(cell, int) else (1, 0, str(cell).casefold())
