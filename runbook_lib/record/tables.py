"""Tables as CSV and as an Excel workbook, in which no cell of untrusted text can become a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pandas as pd
import xlsxwriter

from runbook_lib.files import CSV_DELIMITERS
from runbook_lib.model.moment import iso_exact
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import NOT_SEEN, printable_lines
from runbook_lib.strict_file import LARGEST_PLAN


def text_table(columns: Sequence[str], rows_of_it: Sequence[Sequence[str]]) -> pd.DataFrame:
    """A table of texts; all columns object."""
    return pd.DataFrame(list(rows_of_it), columns=list(columns), dtype=object)


def rows(frame: pd.DataFrame) -> Iterator[list[object]]:
    """Column names, then the values of every row; the index is left out."""
    yield [str(column) for column in frame.columns]
    columns = [frame.iloc[:, position].tolist() for position in range(frame.shape[1])]
    yield from map(list, zip(*columns, strict=True))


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
        return iso_exact(value) if isinstance(value, datetime) and value.tzinfo else value.isoformat()
    if isinstance(value, (set, frozenset)):
        return "; ".join(sorted(str(v) for v in value))
    if isinstance(value, (list, tuple)):
        return "; ".join(str(v) for v in value)
    if hasattr(value, "item"):
        return cell_value(value.item())
    return str(value)


_TRIGGER = "[=+\\-@\uff1d\uff0b\uff0d\uff20\t\r\n]"
# Quotes, spaces, controls and invisible characters: what a spreadsheet may drop before it looks at a cell.
_BEFORE = f'[" \x00-\x08\x0b\x0c\x0e-\x1f\xa0\u1680\u2000-\u200a\u202f\u205f\u3000{NOT_SEEN}]'
# Whatever the delimiter of a file is, a spreadsheet may split its lines at another one.
_CELL_START = r"(?:\A|(?<=[,;\t\r\n]))"
_HARMFUL = re.compile(f"{_CELL_START}(?='*{_BEFORE}*{_TRIGGER})")
_HARMLESS = re.compile(f"{_CELL_START}'(?='*{_BEFORE}*{_TRIGGER})")
# What XML 1.0 cannot hold. XlsxWriter would write most of them as Excel's own escapes, which Excel turns back.
_NOT_XML = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
EXCEL_CELL_LIMIT = 32_767
"""Characters of a cell of an Excel sheet."""
ROW_LIMIT = 1_048_575
"""Rows below the heading of an Excel sheet."""
_FIRST_DATE = datetime(1900, 3, 1)  # noqa: DTZ001 - Excel knows no zones
_DATE_WIDTH = 18
"""Characters of a column that holds dates with their time."""
_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001 - a fixed creation date in the workbook: same table, same bytes


def harmless(text: str) -> str:
    """``text`` with the apostrophes that keep a spreadsheet from reading a formula in it."""
    return _HARMFUL.sub("'", text)


def plain(cell: str) -> str:
    """Inverse of ``harmless``."""
    return _HARMLESS.sub("", cell)


def csv_bytes(frame: pd.DataFrame, delimiter: str = ",") -> bytes:
    """The whole table as CSV, column names first, without the index.

    What a reader could not see, or would see elsewhere (a terminal's controls, bidirectional controls, halves of
    characters), becomes an escape such as ``\\u001b``; tabs and line breaks stay.

    Args:
        frame: The table.
        delimiter: What stands between the values, one of ``files.CSV_DELIMITERS``.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    for row in rows(frame):
        cells = map(cell_value, row)
        writer.writerow([harmless(printable_lines(cell)) if isinstance(cell, str) else cell for cell in cells])
    return b"\xef\xbb\xbf" + stream.getvalue().encode("utf-8", "backslashreplace")


def rows_of_csv(text: str) -> list[dict[str, str]]:
    """Rows of a table of ``csv_bytes``, or that somebody saved from it with another delimiter; empty lines left out.

    Args:
        text: The whole file, without byte order mark.

    Raises:
        csv.Error: It is not CSV.
        ValueError: Its lines have different numbers of columns.
    """
    heading = text.partition("\n")[0]
    delimiter = max(CSV_DELIMITERS.values(), key=heading.count)
    csv.field_size_limit(LARGEST_PLAN)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    names = [plain(name) for name in rows[0]] if rows else []
    return [dict(zip(names, map(plain, row), strict=True)) for row in rows[1:] if row]


@dataclass(frozen=True, slots=True)
class TitleSheet:
    """The first sheet of a workbook that is mailed alone.

    Attributes:
        name: Of the sheet.
        facts: Caption and value: texts, numbers, times with a zone (shown as dates, UTC).
        sheets: Name of each other sheet and what it holds.
    """

    name: Text
    facts: Sequence[tuple[Text, str | int | datetime]]
    sheets: Mapping[str, Text]


def workbook_bytes(
    sheets: Mapping[str, pd.DataFrame],
    *,
    title: TitleSheet | None = None,
    headings: Mapping[str, Text] | None = None,
) -> bytes:
    """One sheet per table: text stays text (no formula, no link), headings frozen and on each page, with filters.

    A time with a zone is a date of Excel, in UTC, since Excel knows no zones; one before March 1900 stays text (Excel
    counts a day of February 1900 that never was). What a reader could not see becomes an escape as in the CSV; a cell
    is cut at Excel's 32,767 characters and a sheet at its 1,048,575 rows, and both say so (the CSV holds everything).
    Dates of the file itself are fixed.

    Args:
        sheets: Name to table.
        title: What stands on a sheet before them.
        headings: Column name to what people read in its place; a column without one keeps its name.
    """
    stream = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    book = xlsxwriter.Workbook(stream, options)
    book.set_properties({"created": _CREATED})
    formats = _Formats(
        book.add_format({"bold": True, "bg_color": "#EAEEF2", "bottom": 1}),
        book.add_format({"num_format": 22, "align": "left"}),
        book.add_format({"text_wrap": True, "valign": "top", "align": "left"}),
    )
    if title is not None:
        _write_title(book.add_worksheet(title.name), title, sheets, formats)
    for name, frame in sheets.items():
        _write_sheet(book.add_worksheet(name), frame.rename(columns=dict(headings or {})), formats)
    book.close()
    return stream.getvalue()


@dataclass(frozen=True, slots=True)
class _Formats:
    heading: object
    time: object
    text: object


def _write_title(
    sheet: xlsxwriter.worksheet.Worksheet, title: TitleSheet, sheets: Mapping[str, pd.DataFrame], formats: _Formats
) -> None:
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 80)
    number = 0
    for number, (caption, value) in enumerate(title.facts):
        sheet.write_string(number, 0, _cell_text(caption), formats.heading)
        if (at := _date(value)) is not None:
            sheet.write_datetime(number, 1, at, formats.time)
        elif isinstance(value, int):
            sheet.write_number(number, 1, value, formats.text)
        else:
            sheet.write_string(number, 1, _cell_text(str(cell_value(value))), formats.text)
    for line, (name, holds) in enumerate(title.sheets.items(), start=number + 2):
        sheet.write_string(line, 0, _cell_text(name), formats.heading)
        text = t("{holds} ({rows:,} rows)", holds=holds, rows=len(sheets[name]))
        sheet.write_string(line, 1, _cell_text(text), formats.text)
    _print_well(sheet)


def _write_sheet(sheet: xlsxwriter.worksheet.Worksheet, frame: pd.DataFrame, formats: _Formats) -> None:
    widths = [10] * len(frame.columns)
    for number, row in enumerate(rows(frame)):
        if number == ROW_LIMIT and len(frame) > ROW_LIMIT:
            sheet.write_string(
                number, 0, t("Cut here: {number} rows in all, the CSV file holds them.", number=len(frame))
            )
            break
        for column, value in enumerate(row):
            if (at := _date(value)) is not None:
                widths[column] = max(widths[column], _DATE_WIDTH)
                sheet.write_datetime(number, column, at, formats.time)
            elif isinstance(cell := cell_value(value), str):
                text = _cell_text(cell)
                widths[column] = min(60, max(widths[column], len(text) + 2))
                sheet.write_string(number, column, text, *([formats.heading] if number == 0 else []))
            elif cell is not None:
                sheet.write_number(number, column, cell)
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    _print_well(sheet)
    _make_table(sheet, frame, formats)


def _date(value: object) -> datetime | None:
    """What Excel shows as a date: a time with a zone, in UTC. None: it is none, or too early for Excel."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    at = value.astimezone(UTC).replace(tzinfo=None)
    return at if at >= _FIRST_DATE else None


def _make_table(sheet: xlsxwriter.worksheet.Worksheet, frame: pd.DataFrame, formats: _Formats) -> None:
    """A table of Excel, which sorts, filters and grows by itself; where it cannot be one, filters alone."""
    names = [_cell_text(str(column)) for column in frame.columns]
    last = min(len(frame), ROW_LIMIT), len(names) - 1
    told_apart = len({name.casefold() for name in names}) == len(names) and all(0 < len(name) <= 255 for name in names)
    if names and len(frame) and told_apart:
        columns = [{"header": name, "header_format": formats.heading} for name in names]
        sheet.add_table(0, 0, *last, {"columns": columns})
    elif names:
        sheet.autofilter(0, 0, *last)


def _print_well(sheet: xlsxwriter.worksheet.Worksheet) -> None:
    """Wide pages of A4, every column on one of them, and page numbers."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&C&P/&N")


def _cell_text(text: str) -> str:
    shown = _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", printable_lines(text))
    note = " … (cut)"
    return shown if len(shown) <= EXCEL_CELL_LIMIT else shown[: EXCEL_CELL_LIMIT - len(note)] + note
