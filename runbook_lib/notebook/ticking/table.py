"""A table whose rows a person ticks in JupyterLab, as a widget (anywidget): the page in the browser, the rows here.

A browser asks and is believed nothing: a tick of a row that there is not is none. Messages may come twice, late, or
on another thread (ipywidgets, ipykernel), so they are taken one at a time, and each leaves the table as it is asked
for, however often. A widget is missing from every record; what its ticks mean is said by whoever is told of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from runbook_lib.model.text import Text, t
from runbook_lib.notebook.ticking.page import PAGE_SIZES, Column, Query, TickRow, choices_of, found, page_of, query_of

_WORDS = {
    "search": t("Search"),
    "all": t("all"),
    "rows": t("Rows"),
    "ticked_only": t("Only ticked"),
    "tick_found": t("Tick all {found}", found="{found}"),
    "untick_found": t("Untick all {found}", found="{found}"),
    "tick": t("Tick"),
    "ticks": t("Ticked"),
    "state": t("{found} of {total} rows, {ticked} ticked", found="{found}", total="{total}", ticked="{ticked}"),
    "page": t("Page {page} of {pages}", page="{page}", pages="{pages}"),
    "first": t("First page"),
    "previous": t("Previous page"),
    "next": t("Next page"),
    "last": t("Last page"),
    "waiting": t("Waiting for the kernel, which is busy or has ended"),
    "none": t("No row fits."),
}
"""What the page says; names in braces stay, and the browser puts its numbers in their place."""


class TickTable:
    """One table and what is ticked in it.

    Args:
        caption: What the table shows.
        columns: Its columns; the first one's cells name the rows.
        rows: Its rows, in the order in which they are shown first.
        ticked: Keys of the rows that are ticked to begin with.
        changed: Told all ticked keys after each change of them.
    """

    def __init__(
        self,
        caption: Text,
        columns: Sequence[Column],
        rows: Sequence[TickRow],
        *,
        ticked: Collection[str] = (),
        changed: Callable[[frozenset[str]], None],
    ) -> None:
        self._columns = tuple(columns)
        self._rows = tuple(rows)
        self._keys = frozenset(row.key for row in rows)
        self._changed = changed
        self._query = Query()
        self._closed = False
        self._answers = 0
        self._one_at_a_time = threading.Lock()
        self.ticked = self._keys & frozenset(ticked)
        """Keys of the rows that are ticked."""
        labels = [
            {"label": column.label, "choices": choices, "number": self._holds_numbers(place)}
            for place, (column, choices) in enumerate(
                zip(self._columns, choices_of(self._rows, self._columns), strict=True)
            )
        ]
        self.widget: Any = _widget_class()(
            caption=caption, words=_WORDS, columns=labels, sizes=list(PAGE_SIZES), view=self._view()
        )
        """What is displayed."""
        self.widget.on_msg(lambda _widget, content, _buffers: self.told(content))

    def close(self) -> None:
        """Take no tick any more; the table stays to be looked at."""
        with self._one_at_a_time:
            self._closed = True
            self.widget.view = self._view()

    def show_rows(self, rows: Sequence[TickRow]) -> None:
        """Show these rows in the place of those so far; those that are still there stay ticked."""
        with self._one_at_a_time:
            self._rows = tuple(rows)
            self._keys = frozenset(row.key for row in rows)
            self.ticked = self._keys & self.ticked
            self.widget.view = self._view()

    def told(self, content: object) -> None:
        """Do what a browser asks for: ``query`` another page, ``tick`` rows, ``tick-found`` all rows that are found."""
        if not isinstance(content, dict):
            return
        with self._one_at_a_time:
            before, on = self.ticked, content.get("on") is True
            if content.get("do") == "query":
                self._query = query_of(content.get("query"), self._columns)
            elif not self._closed and content.get("do") == "tick":
                keys = content.get("keys")
                self._tick([key for key in keys if isinstance(key, str)] if isinstance(keys, list) else [], on=on)
            elif not self._closed and content.get("do") == "tick-found":
                self._tick([row.key for row in found(self._rows, self._query, self.ticked)], on=on)
            if self.ticked != before:
                self._changed(self.ticked)
            # A new number each time: the browser learns that it was heard where nothing else has changed.
            self.widget.view = self._view()

    def _tick(self, keys: Collection[str], *, on: bool) -> None:
        named = self._keys & frozenset(keys)
        self.ticked = self.ticked | named if on else self.ticked - named

    def _view(self) -> dict[str, object]:
        self._answers += 1
        page = page_of(self._rows, self._query, self.ticked)
        return {**page, "closed": self._closed, "answer": self._answers}

    def _holds_numbers(self, place: int) -> bool:
        values = [row.cells[place] for row in self._rows if row.cells[place] is not None]
        return bool(values) and all(isinstance(value, int) for value in values)


@cache
def _widget_class() -> type[Any]:
    # Loaded where a table is shown: no headless run needs widgets.
    import anywidget
    import traitlets

    traits: dict[str, Any] = {
        "caption": traitlets.Unicode(),
        "words": traitlets.Dict(),
        "columns": traitlets.List(),
        "sizes": traitlets.List(),
        "view": traitlets.Dict(),
    }
    files = {"_esm": Path(__file__).with_name("table.js"), "_css": Path(__file__).with_name("table.css")}
    members = {**files, **{name: trait.tag(sync=True) for name, trait in traits.items()}}
    return type("TickTableWidget", (anywidget.AnyWidget,), members)
