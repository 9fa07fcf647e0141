"""Permissions on file shares, as a file server's administrator exports them: a CSV file, read without guessing.

The columns are those that ``Get-Acl`` gives on Windows, one row for each entry of an access list; ``export_lines``
write such a file. An account is named by its SID, or as ``DOMAIN\\name``. A row that cannot be read refuses the
file: what is not seen would look as if nothing hung on a group.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from runbook_lib.errors import UsageError
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.strict_file import Unfit, read_plain

_PATH, _ACCOUNT = "Path", "IdentityReference"
_RIGHTS, _KIND = "FileSystemRights", "AccessControlType"
LARGEST_EXPORT = 256 * 1024 * 1024
"""Bytes of a file; a row has about 150."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_KINDS = {"allow": True, "deny": False, "": True}


@dataclass(frozen=True, slots=True)
class ShareEntry:
    """One entry of an access list of a file or folder.

    Attributes:
        path: Of the file or folder.
        account: As the file names it.
        rights: As the file says it; may be empty.
        allows: Whether it allows; otherwise it denies.
    """

    path: str
    account: str
    rights: str
    allows: bool


@dataclass(frozen=True, slots=True)
class SharePermissions:
    """What a file says of some accounts, and how many rows it has in all."""

    entries: tuple[ShareEntry, ...]
    rows: int


def export_lines() -> str:
    """Lines for Windows PowerShell that write such a file: explicit entries of a share's folders, accounts by SID."""
    return resources.files("runbook_lib.connect").joinpath("share-permissions.ps1").read_text(encoding="utf-8")


def read_share_permissions(path: Path, accounts: Mapping[str, str]) -> SharePermissions:
    """The entries of a file that name some accounts.

    Args:
        path: The file.
        accounts: Casefolded names (SIDs, ``domain\\name``) to whatever identifies the account.

    Raises:
        UsageError: ``share-permissions-missing``, or ``share-permissions-damaged`` with the line.
    """
    found: list[ShareEntry] = []
    rows = 0
    for entry in _entries(path):
        rows += 1
        if entry.account.casefold() in accounts:
            found.append(entry)
    return SharePermissions(tuple(sorted(found, key=lambda one: (one.path, one.account, one.rights))), rows)


def _entries(path: Path) -> Iterator[ShareEntry]:
    text = _text(path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        header = next(reader, [])
        if header and header[0].startswith("#TYPE "):  # Windows PowerShell without -NoTypeInformation
            header = next(reader, [])
        names = [name.strip() for name in header]
        for name in (_PATH, _ACCOUNT):
            if names.count(name) != 1:
                raise _damaged(path, t("its first row must name the column {name} once", name=name))
        for row in reader:
            if row:
                yield _entry(path, reader.line_num, names, row)
    except csv.Error as error:
        raise _damaged(path, t("line {line}: {why}", line=reader.line_num, why=error)) from None


def _entry(path: Path, line: int, names: list[str], row: list[str]) -> ShareEntry:
    if len(row) != len(names):
        why = t("line {line} has {row} fields, not {names}", line=line, row=len(row), names=len(names))
        raise _damaged(path, why)
    values = dict(zip(names, (value.strip() for value in row), strict=True))
    for name in (_PATH, _ACCOUNT):
        if not values[name]:
            raise _damaged(path, t("line {line} has no {name}", line=line, name=name))
    kind = values.get(_KIND, "").casefold()
    if kind not in _KINDS:
        raise _damaged(path, t("line {line}: {kind} is neither Allow nor Deny", line=line, kind=printable(kind)))
    return ShareEntry(values[_PATH], values[_ACCOUNT], values.get(_RIGHTS, ""), _KINDS[kind])


def _text(path: Path) -> str:
    try:
        data = read_plain(path, largest=LARGEST_EXPORT).data
    except FileNotFoundError:
        raise UsageError(
            t("There is no file of permissions {path}.", path=path),
            code="share-permissions-missing",
            hint=t("Export the permissions of the shares on the file server, and name the file in share_permissions."),
            values={"path": str(path)},
        ) from None
    except Unfit as unfit:
        raise _damaged(path, unfit.why) from None
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise _damaged(path, t("it is neither UTF-8 nor UTF-16 with its mark")) from None
    if "\0" in text:
        raise _damaged(path, t("it holds a character that no text has (NUL)"))
    return text


def _delimiter(text: str) -> str:
    """A comma, or the semicolon that ``Export-Csv -UseCulture`` writes where the comma ends whole numbers."""
    lines = text.splitlines()[:2]
    head = next((line for line in lines if not line.startswith(("#TYPE ", '"#TYPE '))), "")
    return ";" if head.count(";") > head.count(",") else ","


def _damaged(path: Path, why: Text) -> UsageError:
    return UsageError(
        t("{path} holds no permissions of shares that can be read: {why}.", path=path, why=why),
        code="share-permissions-damaged",
        hint=t("Export them anew on the file server: {lines}", lines=export_lines()),
        values={"path": str(path)},
    )
