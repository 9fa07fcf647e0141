"""A file of permissions is read to its last row, or refused with the line that is wrong."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import tree_sitter_powershell
from hypothesis import given
from hypothesis import strategies as st
from tree_sitter import Language, Parser

from runbook_lib.connect.share_permissions import ShareEntry, export_lines, read_share_permissions
from runbook_lib.errors import UsageError

SID = "S-1-5-21-1-2-3-1104"
HEAD = '"Path","IdentityReference","AccessControlType","FileSystemRights"\r\n'
ROW = f'"\\\\fs1\\sales","{SID}","Allow","Modify, Synchronize"\r\n'


def written(folder: Path, text: str, encoding: str = "utf-8-sig") -> Path:
    file = folder / "shares.csv"
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        HEAD + ROW,
        "#TYPE Selected.System.Security.AccessControl.FileSystemAccessRule\r\n" + HEAD + ROW,
        HEAD.replace(",", ";") + ROW.replace('","', '";"'),
        HEAD + ROW.replace("Allow", "allow") + "\r\n",
    ],
)
def test_what_windows_powershell_writes_is_read(tmp_path: Path, text: str, encoding: str) -> None:
    read = read_share_permissions(written(tmp_path, text, encoding), {SID.casefold(): "guid"})
    assert read.entries == (ShareEntry("\\\\fs1\\sales", SID, "Modify, Synchronize", allows=True),)
    assert read.rows == 1


def test_names_of_accounts_differ_in_case_alone(tmp_path: Path) -> None:
    text = "Path,IdentityReference\nC:\\a,CONTOSO\\Sales\nC:\\b,FABRIKAM\\Sales\nC:\\c,Sales\n"
    read = read_share_permissions(written(tmp_path, text), {"contoso\\sales": "guid"})
    assert [one.path for one in read.entries] == ["C:\\a"]
    assert read.rows == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the column Path"),
        ("Pfad,IdentityReference\n", "the column Path"),
        ("Path,Path,IdentityReference\n", "the column Path"),
        ("Path,Account\n", "the column IdentityReference"),
        (HEAD + ROW + '"x","y"\n', "line 3 has 2 fields, not 4"),
        (HEAD + '"x","","Allow",""\n', "line 2 has no IdentityReference"),
        (HEAD + '"","y","Allow",""\n', "line 2 has no Path"),
        (HEAD + '"x","y","Zulassen",""\n', "line 2: zulassen is neither Allow nor Deny"),
        (HEAD + '"x","y","Allow","', "line 2: unexpected end of data"),
        (HEAD + "x\0,y,Allow,\n", "NUL"),
    ],
)
def test_a_row_that_cannot_be_read_refuses_the_file(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_share_permissions(written(tmp_path, text), {})
    assert (caught.value.code, why in caught.value.message) == ("share-permissions-damaged", True), caught.value.message
    assert export_lines() in caught.value.hint


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_share_permissions(tmp_path / "none.csv", {})
    assert caught.value.code == "share-permissions-missing"
    (tmp_path / "latin.csv").write_bytes("Path,IdentityReference\nC:\\ä,x\n".encode("latin-1"))
    with pytest.raises(UsageError, match="neither UTF-8 nor UTF-16"):
        read_share_permissions(tmp_path / "latin.csv", {})


LETTERS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(lambda text: text == text.strip())


@given(rows=st.lists(st.tuples(LETTERS, LETTERS, st.sampled_from(["Allow", "Deny"]), LETTERS)))
def test_whatever_stands_in_a_field_it_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str, str]]
) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    file = written(tmp_path_factory.mktemp("shares"), HEAD + text.getvalue())
    read = read_share_permissions(file, {account.casefold(): "" for _, account, _, _ in rows})
    wanted = sorted((path, account, rights) for path, account, _, rights in rows)
    assert [(one.path, one.account, one.rights) for one in read.entries] == wanted
    assert read.rows == len(rows)


def test_the_line_that_writes_such_a_file_is_powershell() -> None:
    root = Parser(Language(tree_sitter_powershell.language())).parse(export_lines().encode()).root_node
    assert not root.has_error
    for column in ("Path", "IdentityReference", "AccessControlType", "FileSystemRights"):
        assert column in export_lines()
