"""Groups from a column of a CSV file or a workbook: which column, which rows, and what is refused."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from runbook_lib.errors import UsageError
from runbook_lib.parameters.groups_file import UnusableGroupsFile, read_groups
from runbook_lib.parameters.load import load_parameters, parameters_from_values

ONE, TWO = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-AAAAAAAAAAAA"


def csv_file(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "groups.csv"
    path.write_bytes(text.encode(encoding))
    return path


def workbook(tmp_path: Path, *rows: tuple[object, ...]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.create_sheet("other").append(("group_id",))
    path = tmp_path / "groups.xlsx"
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        (f"group_id,display_name\r\n{ONE},Sales\r\n{TWO},Falcon\r\n", "", [(ONE, 2), (TWO, 3)]),
        (f"display_name;group_id\n\nSales;{ONE}\n", "", [(ONE, 3)]),
        ("name\tid\nSales, North\t\n", "Name", [("Sales, North", 2)]),
        ('Groups\n"Sales; ""North"""\n  Falcon \n', "", [('Sales; "North"', 2), ("Falcon", 3)]),
        (f"{ONE}\n{TWO}\n", "", [(ONE, 1), (TWO, 2)]),
        ("\ufeffObject Id,x\n" + ONE + ",1\n", "", [(ONE, 2)]),
        ("a,b;c\n1,2\n", "b;c", [("2", 2)]),
    ],
)
def test_the_column_that_is_meant(tmp_path: Path, text: str, column: str, expected: list[tuple[str, int]]) -> None:
    found = read_groups(csv_file(tmp_path, text), column)

    assert [(group.text, group.place) for group in found] == [(t, f"groups.csv:{line}") for t, line in expected]


def test_utf_16_with_its_mark(tmp_path: Path) -> None:
    assert read_groups(csv_file(tmp_path, "name\nIngeniería\n", "utf-16"), "")[0].text == "Ingeniería"


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", "", "empty"),
        ("id\n", "", "names no group below"),
        ("name,mail\nSales,x\n", "", "several columns and none that is called id"),
        (f"id,name\n{ONE},x\n", "groupid", "no column groupid"),
        (f"id,ID\n{ONE},x\n", "id", "several columns id"),
        (f"id,name\n{ONE},x\n,Falcon\n", "", "row 3 names no group"),
        (f'id\n"{ONE}\n', "", "is no CSV"),
        ("id\n\0\0\0", "", "neither a CSV file nor a workbook"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, column: str, words: str) -> None:
    with pytest.raises(UnusableGroupsFile) as caught:
        read_groups(csv_file(tmp_path, text), column)

    assert words in str(caught.value.why)


def test_a_workbook_counts_by_its_first_sheet(tmp_path: Path) -> None:
    path = workbook(tmp_path, ("name", "Group ID"), ("Sales", ONE), (None, None), (2024, TWO))

    assert [group.text for group in read_groups(path, "Group id")] == [ONE, TWO]
    assert [group.text for group in read_groups(path, "name")] == ["Sales", "2024"]


@pytest.mark.parametrize(
    ("row", "words"),
    [((True,), "no text"), ((1.5,), "no text"), (("=A9", "x"), "names no group"), ((None, "x"), "names no group")],
)
def test_a_cell_of_a_workbook_that_names_no_group(tmp_path: Path, row: tuple[object, ...], words: str) -> None:
    with pytest.raises(UnusableGroupsFile, match=words):
        read_groups(workbook(tmp_path, ("id", "x"), (ONE, "y"), row), "")


@pytest.mark.parametrize("data", [b"PK\x03\x04damaged", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"id\n\xff\xfe\xfa"])
def test_files_that_are_something_else(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "g").write_bytes(data)

    with pytest.raises(UnusableGroupsFile) as caught:
        read_groups(tmp_path / "g", "")

    assert "Save as" in caught.value.hint


def test_groups_of_files_join_the_selections_with_their_places(tmp_path: Path) -> None:
    csv_file(tmp_path, f"group\n{TWO}\nTeam [*]\nSales\n")
    (tmp_path / "p.yaml").write_text(
        f'select_file: "groups.csv"\nselect_names: ["Sales"]\nselect_ids: ["{ONE}"]\ndisable_file: "absent.csv"\n'
        'disable_column: "x"\n',
        encoding="utf-8",
    )
    with pytest.raises(UsageError, match=r"disable_file names absent.csv, which is not there"):
        load_parameters([tmp_path / "p.yaml"], {}, project_root=tmp_path)

    loaded = load_parameters([tmp_path / "p.yaml"], {"disable_file": ""}, project_root=tmp_path)

    assert loaded.parameters.select_ids == [ONE, TWO.lower()]
    assert loaded.parameters.select_names == ["Sales", "Team [[][*]]"]
    assert loaded.given["select_names"] == ["Sales", "Team [[][*]]"]
    # As a notebook's cell has them under gwb run: the groups are there already, and the file is not read again.
    (tmp_path / "groups.csv").unlink()
    assert parameters_from_values(dict(loaded.given), source="cell") == loaded.parameters


def test_what_is_wrong_with_a_name_of_a_file_is_told_with_its_row(tmp_path: Path) -> None:
    csv_file(tmp_path, "group\nSales\nMen\u200bs\n")

    with pytest.raises(UsageError, match=r"groups.csv:3: select_names, item 2 holds U\+200B"):
        load_parameters([], {"select_file": "groups.csv"}, project_root=tmp_path)
    with pytest.raises(UsageError, match=r"groups.csv:3: select_names, item 2 holds U\+200B"):
        parameters_from_values({"select_file": "groups.csv"}, source="cell", project_root=tmp_path)
