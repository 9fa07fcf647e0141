"""Values of a pandas table as the three things that every output knows: text, number, nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import pandas as pd


def rows(frame: pd.DataFrame) -> Iterator[list[str | int | float | None]]:
    """Column names, then every row, each value passed through ``cell_value``; the index is left out."""
    yield [str(column) for column in frame.columns]
    columns = [frame.iloc[:, position].tolist() for position in range(frame.shape[1])]
    for values in zip(*columns, strict=True):
        yield [cell_value(value) for value in values]


def cell_value(value: object) -> str | int | float | None:
    """One value as text, number or None (missing).

    Lists and tuples are joined with ``"; "``, sets sorted first; truth values become yes and no; times ISO 8601.
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, (datetime, date)):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (set, frozenset)):
        return "; ".join(sorted(str(v) for v in value))
    if isinstance(value, (list, tuple)):
        return "; ".join(str(v) for v in value)
    if hasattr(value, "item"):
        return cell_value(value.item())
    return str(value)
