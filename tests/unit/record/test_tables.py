"""CSV and Excel: no cell becomes a formula, every value comes back."""

from __future__ import annotations

import csv
import io
import re
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree

import openpyxl
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbook_lib.files import CSV_DELIMITERS
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable_lines
from runbook_lib.record.tables import (
    EXCEL_CELL_LIMIT,
    TitleSheet,
    csv_bytes,
    harmless,
    plain,
    rows_of_csv,
    workbook_bytes,
)
from tests.support import hostile
from tests.unit.edges.readers import deceives, hides

NAMESPACE = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
_HARMFUL = re.compile("[ \u00a0\u2000-\u200a\u202f\u205f\u3000]*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")

_FORMULA = re.compile("\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]")

names = hostile.anything(max_size=20, surrogates=False)
formulas = st.text(st.sampled_from(list("=+-@'\t\r\n ;,\"a|1\u3000＝\u200b\x00")), max_size=12)


@given(st.one_of(names, formulas))
@example("=cmd|' /C calc'!A0")
@example("a;=cmd|' /C calc'!A0")
@example("''=1")
@example("' =1")
@example("\t=1\n\n-2")
def test_harmless_is_reversible(text: str) -> None:
    assert plain(harmless(text)) == text


@given(st.lists(st.tuples(formulas, formulas), min_size=1, max_size=4))
@example([("x", 'q"";=1')])
@example([("x", 'y\n"=1')])
@example([("x", "y,=1")])
def test_no_cell_begins_like_a_formula_wherever_a_spreadsheet_splits(rows: list[tuple[str, str]]) -> None:
    for written in CSV_DELIMITERS.values():
        text = csv_bytes(pd.DataFrame(rows, columns=["a", "b"]), written).decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=written):
            assert not [cell for cell in row if _HARMFUL.match(cell)]
        # Excel splits at the delimiter of its country, whatever ours is, and so tears our cells apart.
        for other in CSV_DELIMITERS.values():
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=other):
                assert not [cell for cell in row if _FORMULA.match(cell)], (written, other)


def test_nothing_that_nobody_sees_hides_a_formula() -> None:
    """White space, controls and what is not shown, by Unicode's own tables: a spreadsheet may drop any of them."""
    every = [c for c in map(chr, range(sys.maxunicode + 1)) if c.isspace() or deceives(c) or hides(c)]
    every = [c for c in every if not "\ud800" <= c <= "\udfff"]  # written as \ud800, which everybody sees
    assert [c for c in every if not harmless(f"{c}=1").startswith("'")] == []
    assert [c for c in every if plain(harmless(f"{c}=1")) != f"{c}=1"] == []


@given(st.lists(st.tuples(names, formulas), max_size=4), st.sampled_from(list(CSV_DELIMITERS.values())))
def test_csv_gives_every_text_back(rows: list[tuple[str, str]], delimiter: str) -> None:
    text = csv_bytes(pd.DataFrame(rows, columns=["a", "b"]), delimiter).decode("utf-8-sig")
    assert text.startswith(f"a{delimiter}b\r\n")
    assert [tuple(row.values()) for row in rows_of_csv(text)] == [tuple(map(printable_lines, row)) for row in rows]


def test_a_name_moves_nothing_on_a_terminal() -> None:
    name = "a\x1b[2Jb\u202ec\n d"
    data = csv_bytes(pd.DataFrame({"name": [name]}))
    assert data.decode("utf-8-sig") == 'name\r\n"a\\u001b[2Jb\\u202ec\n d"\r\n'
    assert "\\u001b[2Jb\\u202ec" in _sheet(workbook_bytes({"x": pd.DataFrame({"name": [name]})}))[1]


def test_csv_values() -> None:
    frame = pd.DataFrame(
        {"=n": [1, -2], "t": [None, "\ud800"], "l": [["a", "-b"], ()], "b": [True, False], "f": [0.5, None]}
    )
    assert csv_bytes(frame) == (
        b"\xef\xbb\xbf'=n,t,l,b,f\r\n1,,a; -b,yes,0.5\r\n-2,\\ud800,,no,\r\n".replace(b"a; -b", b"a;' -b")
    )


def _sheet(data: bytes) -> tuple[list[str], str]:
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        whole = "".join(book.read(name).decode() for name in book.namelist())
        strings = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))  # noqa: S314 - written by the test itself
    return ["".join(t.text or "" for t in si.iterfind(".//m:t", NAMESPACE)) for si in strings], whole


@given(st.lists(hostile.anything(), min_size=1, max_size=6))
@example(
    ['=HYPERLINK("http://x")', "http://example.com", "\x00\x1b[31m\ud800\ufffe", "mailto:a@b", "internal:x", "{=1}"]
)
def test_workbook_holds_text_only(texts: list[str]) -> None:
    strings, whole = _sheet(workbook_bytes({"groups": pd.DataFrame({"name": texts})}))
    assert "<f>" not in whole
    assert "<hyperlink" not in whole
    for text in texts:
        shown = re.sub(
            "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]",
            lambda m: f"\\u{ord(m[0]):04x}",
            printable_lines(text),
        ).replace("\r", "\n")
        assert not shown or re.sub(r"_x005F(?=_x)", "", shown) in [re.sub(r"_x005F(?=_x)", "", s) for s in strings]


def test_same_table_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"name": ["a", None], "n": [1, 2]})
    first = workbook_bytes({"groups": frame})
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)
    assert workbook_bytes({"groups": frame}) == first


def test_long_cell_says_that_it_was_cut() -> None:
    strings, _ = _sheet(workbook_bytes({"groups": pd.DataFrame({"name": ["x" * 40_000]})}))
    assert max(map(len, strings)) == EXCEL_CELL_LIMIT
    assert strings[-1].endswith("(cut)")


def test_a_workbook_stands_alone() -> None:
    at = datetime(2026, 11, 22, 11, 0, tzinfo=timezone(timedelta(hours=1)))
    title = TitleSheet(t("About"), [(t("Tenant"), "=Contoso"), (t("Read"), at), (t("Groups"), 2)], {"Groups": t("All")})
    frame = pd.DataFrame({"display_name": ["a", "b"], "n": [1, 2]})
    data = workbook_bytes({"Groups": frame}, title=title, headings={"display_name": t("Group")})
    strings, whole = _sheet(data)
    assert {"=Contoso", "Tenant", "All (2 rows)", "Group", "n"} <= set(strings)
    assert "display_name" not in whole
    assert "<f>" not in whole
    days = (at - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)
    assert f"<v>{days:.16g}</v>" in whole or f"<v>{days:.15g}</v>" in whole, "a date, in UTC"
    assert 'ref="A1:B3"' in whole, "a table"
    assert "_xlnm.Print_Titles" in whole
    assert re.findall(r'<sheet name="([^"]+)"', whole) == ["About", "Groups"]


def test_times_are_dates_in_every_sheet_and_in_iso_form_in_a_csv_file() -> None:
    here, early = timezone(timedelta(hours=1)), datetime(1601, 1, 1, tzinfo=UTC)
    times = [datetime(2026, 11, 22, 11, 0, 5, tzinfo=here), None, early, pd.NaT]
    frame = pd.DataFrame({"name": list("abcd"), "at": times}, dtype=object)
    assert csv_bytes(frame).decode("utf-8-sig").splitlines() == [
        "name,at", "a,2026-11-22T10:00:05Z", "b,", "c,1601-01-01T00:00:00Z", "d,"
    ]  # fmt: skip
    sheet = openpyxl.load_workbook(io.BytesIO(workbook_bytes({"One": frame})))["One"]
    cells = [sheet.cell(row, 2) for row in range(2, 6)]
    assert [cell.value for cell in cells] == [datetime(2026, 11, 22, 10, 0, 5), None, "1601-01-01T00:00:00Z", None]  # noqa: DTZ001
    assert [cell.is_date for cell in cells] == [True, False, False, False]
    assert sheet.column_dimensions["B"].width >= 18, "a date in a narrow column is shown as ####"


@pytest.mark.parametrize("columns", [["a", "A"], ["", "b"], ["x" * 300, "b"]])
def test_headings_that_no_table_of_excel_takes_still_have_filters(columns: list[str]) -> None:
    _, whole = _sheet(workbook_bytes({"x": pd.DataFrame([["1", "2"]], columns=columns)}))
    assert "<autoFilter" in whole
    assert "<tableParts" not in whole
