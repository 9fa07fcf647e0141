"""Whole collections of objects with an id: every object once, sorted, and the sentence that proves it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from runbook_lib.graph.rows import Row
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.text import NOTHING, Progress, Text, counted, t

_PAGE = "999"
"""The most that Graph puts on one page of groups or users."""


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


_T = TypeVar("_T", bound=_Identified)


def read_collection(
    client: GraphClient,
    what: Text,
    path: str,
    properties: str,
    decode: Callable[[Row], _T],
    progress: Progress | None,
    page_read: Callable[[list[_T]], None] | None = None,
) -> tuple[tuple[_T, ...], Text]:
    """Every object of a collection, sorted by id, and the sentence that proves it; ``page_read`` is told each page."""
    found: dict[str, _T] = {}
    pages = rows = 0
    for page in client.pages(path, {"$select": properties, "$top": _PAGE}):
        decoded = [decode(row) for row in _objects(page)]
        found |= {item.id: item for item in decoded}
        pages, rows = pages + 1, rows + len(decoded)
        if page_read is not None:
            page_read(decoded)
        if progress is not None:
            progress(what, len(found), None)
    if progress is not None:
        progress(what, len(found), len(found))
    again = t(" ({more} came more than once)", more=rows - len(found)) if rows > len(found) else NOTHING
    proof = t(
        "{count} {what} on {pages}, the last one without nextLink{again}",
        count=len(found),
        what=what,
        pages=counted(pages, "page"),
        again=again,
    )
    return tuple(found[key] for key in sorted(found)), proof


def _objects(page: Row) -> Iterable[Row]:
    value = page["value"]
    return value if isinstance(value, list) else ()
