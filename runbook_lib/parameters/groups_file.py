"""Groups from one column of a CSV file or an Excel workbook: ids and display names, each with its place.

Nothing is guessed: a row that holds something else than a group in that column is an error, because a selection that
is smaller than it was meant is a change that nobody asked for. Hidden and filtered rows count like all others.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.model.ids import is_guid
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.paths import resolve
from runbook_lib.parameters.problems import Problem, Problems
from runbook_lib.parameters.yaml_text import Location
from runbook_lib.strict_file import Unfit, read_plain

LARGEST_GROUPS_FILE = 32 * 1024 * 1024
"""Bytes of such a file: the inventory of a hundred thousand groups has half of it."""
_LARGEST_UNPACKED = 512 * 1024 * 1024
"""Bytes of all parts of a workbook, unpacked."""
SELECTIONS = ("select_ids", "select_names", "disable_ids", "disable_names")
"""Parameters that the groups of files join."""
_MOST_GROUPS = 20_000
"""Groups of one column; a larger list is another file."""
_MOST_COLUMNS = 1_000
"""Columns that are looked at; of our own table there are 16."""
_ID_HEADINGS = ("group_id", "id", "objectid")
"""Headings of group ids, blanks left out: of this runbook's groups.csv, of the Entra admin center's export."""
_DELIMITERS = ",;\t"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
_WILDCARDS = re.compile(r"[*?\[]")
_SAVE_AS = t("In Excel: Save as, CSV UTF-8 or Excel workbook (.xlsx), without a password.")

_TableRow = tuple[int, Sequence[object]]
"""Its number as a person counts it, and its cells."""


@dataclass(frozen=True, slots=True)
class NamedGroup:
    """One group of the column: its id or its display name, and where it stands (``groups.csv:12``)."""

    text: str
    place: str


class UnusableGroupsFile(ValueError):  # noqa: N818 - what it says becomes part of a problem in words
    """The file, or its column, cannot be taken.

    Attributes:
        why: Continues a sentence that begins with the parameter and the file.
        hint: What to do, or empty.
    """

    def __init__(self, why: Text, hint: Text = NOTHING) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


def add_groups(values: dict[str, object], root: Path, problems: Problems) -> dict[str, dict[Location, str]]:
    """Put the groups that ``select_file`` and ``disable_file`` name among the ids and names of ``values``.

    Args:
        values: Parameters by name; changed in place.
        root: What relative paths resolve against.
        problems: What is wrong with a file joins them.

    Returns:
        By parameter, the place of each group that was added.
    """
    places: dict[str, dict[Location, str]] = {}
    for purpose in ("select", "disable"):
        file, column = values.get(f"{purpose}_file"), values.get(f"{purpose}_column", "")
        if not file or not isinstance(file, str) or not isinstance(column, str):
            continue
        try:
            found = read_groups(resolve(file, root), column)
        except UnusableGroupsFile as unusable:
            name = f"{purpose}_file"
            what = t("{name} names {file}, {why}.", name=name, file=printable(file, limit=200), why=unusable.why)
            problems.add(Problem(name, what, "groups-file", hint=unusable.hint))
            continue
        by_name: dict[str, dict[str, str]] = {f"{purpose}_ids": {}, f"{purpose}_names": {}}
        for group in found:
            is_id = is_guid(group.text)
            # A name of a file is that name: what would be a wildcard stands for itself.
            text = group.text.lower() if is_id else _WILDCARDS.sub(r"[\g<0>]", group.text)
            by_name[f"{purpose}_ids" if is_id else f"{purpose}_names"].setdefault(text, group.place)
        for name, groups in by_name.items():
            present = values.get(name, [])
            if not isinstance(present, list):
                continue  # the check of types says so
            known = {text for text in present if isinstance(text, str)}
            added = [text for text in groups if text not in known]
            if added:
                values[name] = [*present, *added]
                places[name] = {(name, at): groups[text] for at, text in enumerate(added, len(present))}
    return places


def read_groups(path: Path, column: str) -> tuple[NamedGroup, ...]:
    """The groups of one column.

    Args:
        path: A CSV file (UTF-8, or UTF-16 with its mark; comma, semicolon or tab) or a workbook, of which the first
            sheet counts.
        column: Heading of the column; empty: that of the ids, or the only one.

    Raises:
        UnusableGroupsFile: It cannot be read, has no such column, or a row has no group there.
    """
    try:
        data = read_plain(path, largest=LARGEST_GROUPS_FILE).data
    except FileNotFoundError:
        raise UnusableGroupsFile(t("which is not there")) from None
    except Unfit as unfit:
        raise UnusableGroupsFile(t("which cannot be used: {why}", why=unfit.why)) from None
    if data.startswith(_OLD_EXCEL):
        raise UnusableGroupsFile(t("which is a workbook of Excel's old format or has a password"), _SAVE_AS)
    rows = _workbook_rows(data) if data.startswith(_ZIP) else _csv_rows(data, column)
    return _column(rows, column, path.name)


def _column(rows: Iterator[_TableRow], column: str, file: str) -> tuple[NamedGroup, ...]:
    first = next(rows, None)
    if first is None:
        raise UnusableGroupsFile(t("which is empty"))
    headings = [_text(cell) or "" for cell in first[1]]
    at = _position(headings, column)
    found: list[NamedGroup] = []
    if at is None:
        only = [text for text in headings if text]
        if column or len(only) != 1:
            shown = ", ".join(printable(text, limit=40) for text in only[:20])
            named = t("which has no column {column}", column=printable(column, limit=80))
            raise UnusableGroupsFile(
                named if column else t("which has several columns and none that is called id"),
                t("Name one of its columns: {shown}.", shown=shown),
            )
        at = headings.index(only[0])
        if is_guid(only[0]):  # a bare list of ids
            found.append(NamedGroup(only[0], f"{file}:{first[0]}"))
    for number, cells in rows:
        place = f"{file}:{number}"
        cell = cells[at] if at < len(cells) else None
        text = _text(cell)
        if text:
            found.append(NamedGroup(text, place))
        elif text is None:
            raise UnusableGroupsFile(
                t("whose row {number} has no text in that column", number=number), t("Format the cells as text.")
            )
        elif any(_text(other) != "" for other in cells):
            raise UnusableGroupsFile(
                t("whose row {number} names no group in that column", number=number),
                t("Fill the cell or take the row out; a formula needs a saved result."),
            )
        if len(found) > _MOST_GROUPS:
            raise UnusableGroupsFile(t("which names more than {most:,} groups", most=_MOST_GROUPS))
    if not found:
        raise UnusableGroupsFile(t("which names no group below its heading"))
    return tuple(found)


def _position(headings: Sequence[str], column: str) -> int | None:
    """Where the column stands; None where there is none of that heading."""
    folded = [text.casefold() if column else text.casefold().replace(" ", "") for text in headings]
    for wanted in (column.strip().casefold(),) if column else _ID_HEADINGS:
        if folded.count(wanted) > 1:
            raise UnusableGroupsFile(t("which has several columns {column}", column=printable(wanted, limit=80)))
        if wanted in folded:
            return folded.index(wanted)
    return None


def _text(cell: object) -> str | None:
    """A cell as text without blanks around it; None for what is no text (a date, a truth value, an error)."""
    if cell is None:
        return ""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    return cell.strip() if isinstance(cell, str) else None


def _csv_rows(data: bytes, column: str) -> Iterator[_TableRow]:
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise UnusableGroupsFile(t("which is not UTF-8 text"), _SAVE_AS) from None
    if "\0" in text:
        raise UnusableGroupsFile(t("which is neither a CSV file nor a workbook"), _SAVE_AS)
    headings = {delimiter: next(_parsed(text, delimiter), (0, ()))[1] for delimiter in _DELIMITERS}

    def fits(delimiter: str) -> tuple[bool, int]:
        found = [_text(cell) or "" for cell in headings[delimiter]]
        return _position(found, column) is not None, len(found)

    return _parsed(text, max(_DELIMITERS, key=fits))


def _parsed(text: str, delimiter: str) -> Iterator[_TableRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error:
        raise UnusableGroupsFile(t("whose line {line} is no CSV", line=reader.line_num), _SAVE_AS) from None


def _workbook_rows(data: bytes) -> Iterator[_TableRow]:
    """Rows of the first sheet. openpyxl raises whatever a damaged file makes it raise."""
    import zipfile

    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > _LARGEST_UNPACKED:
            raise UnusableGroupsFile(t("which is too large when it is unpacked"))
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        yield from enumerate(sheet.iter_rows(values_only=True, max_col=_MOST_COLUMNS), 1)
    except UnusableGroupsFile:
        raise
    except Exception:  # noqa: BLE001 - see above; to the person each means the same
        raise UnusableGroupsFile(t("which is no Excel workbook, or a damaged one"), _SAVE_AS) from None
