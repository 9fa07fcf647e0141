"""The two sides of a comparison, read from disk: folders of runs, or single tables (CSV) of an inventory."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from runbook_lib.errors import UsageError
from runbook_lib.files import PLAN, RECORD
from runbook_lib.model.text import Text, t
from runbook_lib.record.comparison import TableRow, rows_of_changes, rows_of_facts
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.tables import rows_of_csv
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain

_FACTS = ("outcome", "target", "parameters", "plan", "approval", "changes", "versions")
"""Parts of record.json that are compared: times, names of runs and what was seen differ in any two."""


def require_alike(first: Path, second: Path) -> None:
    """Two folders of runs, or two tables, can be compared.

    Raises:
        UsageError: ``not-comparable``: one is a folder and the other a file.
    """
    if first.is_dir() != second.is_dir() and first.exists() and second.exists():
        table, folder = (second, first) if first.is_dir() else (first, second)
        raise _not_comparable(table, t("it is a table, and {folder} is the folder of a run", folder=folder))


def tables_of(path: Path) -> dict[str, Sequence[TableRow]]:
    """Table to its rows.

    Args:
        path: Folder of a run, or a CSV file.

    Raises:
        UsageError: ``not-comparable``: neither, or a file of it cannot be read.
    """
    if path.is_dir():
        found: dict[str, Sequence[TableRow]] = {one.name: _rows(one) for one in sorted(path.glob("*.csv"))}
        folder = RecordFolder(path)
        for name in (RECORD, PLAN):
            if (path / name).is_file():
                content = folder.read_json(name)
                found[name] = rows_of_facts(content, _FACTS) if name == RECORD else rows_of_changes(content)
        if found:
            return found
        raise _not_comparable(path, t("it holds no table and no facts of a run"))
    if path.suffix.casefold() == ".csv":
        return {"table": _rows(path)}
    raise _not_comparable(path, t("it is neither the folder of a run nor a CSV file"))


def _rows(path: Path) -> Sequence[TableRow]:
    """Rows of a table that this program wrote, or that somebody saved from it with another delimiter."""
    try:
        text = read_plain(path, largest=LARGEST_PLAN).data.decode("utf-8-sig")
    except FileNotFoundError:
        raise _not_comparable(path, t("there is no such file")) from None
    except Unfit as unfit:
        raise _not_comparable(path, unfit.why) from None
    except UnicodeDecodeError:
        raise _not_comparable(path, t("it is not UTF-8")) from None
    try:
        return rows_of_csv(text)
    except csv.Error:
        raise _not_comparable(path, t("it is not CSV")) from None
    except ValueError:
        raise _not_comparable(path, t("its lines have different numbers of columns")) from None


def _not_comparable(path: Path, why: Text) -> UsageError:
    return UsageError(
        t("{path} cannot be compared: {why}.", path=path, why=why),
        code="not-comparable",
        hint=t("Name two folders of runs, or two tables of an inventory (groups.csv)."),
        values={"path": str(path)},
    )
