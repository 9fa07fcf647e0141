"""Files of a record: LDIF, JSON, JSON Lines, CSV, Excel and folder names, read back by somebody else's reader."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path, PureWindowsPath
from typing import Any, cast
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbook_lib.change.approvals.approvers import LONGEST_NAME
from runbook_lib.change.approvals.plan import approve_plan, planned, read_approvals
from runbook_lib.change.journal import Journal, read_journal
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.change.step import Effect
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import Entry
from runbook_lib.errors import UsageError
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.ids import GroupId, ObjectGuid
from runbook_lib.model.untrusted import printable, printable_lines, unseen
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.tables import csv_bytes, plain, workbook_bytes
from runbook_lib.routes.direct.backup_and_verify import backup
from runbook_lib.routes.direct.payload import DirectChange, DirectPayload, ExistingMember
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b
from tests.support import hostile
from tests.unit.edges.readers import assert_quiet, deceives, read_ldif

_GUID = b.guid("object")


class _Shelf:
    """As much of a directory as the backup asks: one object."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def read(self, _guid: str, _attributes: Sequence[str]) -> Entry:
        return self._entry

    def read_whole(self, _guid: str) -> Entry:
        return self._entry


def _ldif(entry: Entry, change: Change) -> str:
    return backup(cast("Directory", _Shelf(entry)), [change], b.NOW)


def _change(kind: ChangeKind = ChangeKind.UPDATE, text: str = "x") -> Change:
    members = (
        (ExistingMember(ObjectGuid(b.guid("member")), f"CN={text},{b.BASE}"),) if kind is ChangeKind.DELETE else ()
    )
    return DirectChange(
        kind=kind,
        group_id=GroupId(_GUID),
        display_name=text,
        payload=DirectPayload(dn=text, object_guid=ObjectGuid(_GUID), members_removed=members),
    )


@given(hostile.anything(min_size=1, surrogates=False), st.lists(st.binary(max_size=100), min_size=1, max_size=3))
def test_ldif_gives_every_byte_back(text: str, values: list[bytes]) -> None:
    dn = f"CN={text},{b.BASE}"
    entry = Entry(dn, {"cn": [text.encode()], "description": values, "member": [dn.encode()] * 2})
    written = _ldif(entry, _change())
    assert read_ldif(written) == [
        (dn.encode(), {"cn": [text.encode()], "description": values, "member": [dn.encode()] * 2})
    ]
    assert max(map(len, written.split("\n"))) <= 76


@hostile.each()
def test_ldif_of_every_case_and_its_comments(text: str) -> None:
    value = text.encode("utf-8", "surrogatepass")
    # What is not UTF-8 reaches us as surrogate escapes; other halves of characters never come from LDAP.
    dn = f"CN={value.decode('utf-8', 'surrogateescape')},{b.BASE}"
    entry = Entry(dn, {"displayname": [value, b"", b" "], "info": [value * 40]})
    written = _ldif(entry, _change(ChangeKind.DELETE, dn))
    raw = b"CN=" + value + b"," + b.BASE.encode()
    assert read_ldif(written) == [(raw, {"displayname": [value, b"", b" "], "info": [value * 40]})]
    assert_quiet(written)


@hostile.each()
def test_a_journal_on_disk_is_read_back(text: str, tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl", lambda: "2026-11-22T10:00:00Z") as journal:
        journal.open(approver=text)
        journal.begin("w/1", text, _GUID, {text: [text]})
        journal.finish(Effect("w/1", text, _GUID, {"created": text}))
        journal.lost("w/2", text, text)
    read = read_journal(tmp_path, ROUTES)
    assert read is not None
    assert read.opened["approver"] == text
    assert read.effects == (Effect("w/1", text, _GUID, {"created": text}),)
    written = (tmp_path / "journal.jsonl").read_bytes().decode("utf-8")
    assert_quiet(written)
    assert [json.loads(line)["entry"] for line in written.splitlines()] == ["open", "begin", "done", "lost"]


def _plan(text: str) -> Plan:
    group = b.cloud_group(text, description=text)
    inventory = b.inventory_of(b.cloud_side([group], {}), b.directory_side())
    return plan_enable(inventory, b.policy(select_ids=(group.id,))).plan


def _approved(folder: RecordFolder, plan: Plan, name: str) -> Path:
    """Approve in this name, or, where it is refused as unseen characters or no name's length, in a plain one."""
    given: dict[str, Any] = {"phrase": plan.phrase, "valid": timedelta(hours=1), "clock": lambda: b.NOW}
    if printable(name) == name and len(name) <= LONGEST_NAME:
        path = approve_plan(folder.path, ROUTES, approver=name, **given)
        assert json.loads(path.read_bytes())["approver"] == name.strip()
        return path
    with pytest.raises(UsageError) as refused:
        approve_plan(folder.path, ROUTES, approver=name, **given)
    assert refused.value.code == "approver-name"
    return approve_plan(folder.path, ROUTES, approver="Kim", **given)


@hostile.each(whole_unicode=True)
def test_a_plan_of_every_name_is_approved_and_read_back(text: str, tmp_path: Path) -> None:
    plan = _plan(text)
    assert plan.operation is Operation.ENABLE
    folder = RecordFolder.create(tmp_path, "CHG1", "run-1")
    folder.write_json("plan.json", plan_to_json(plan))
    assert planned(folder.path, ROUTES) == plan
    assert_quiet(folder.file("plan.json").read_text(encoding="utf-8"))
    if plan.changes:
        path = _approved(folder, plan, f"Kim {text}")
        assert_quiet(path.read_text(encoding="utf-8"))


@hostile.each("characters")
def test_an_approver_whose_terminal_sends_no_utf8_is_written_down(text: str, tmp_path: Path) -> None:
    folder = RecordFolder.create(tmp_path, "CHG1", "run-1")
    plan = _plan("Team")
    folder.write_json("plan.json", plan_to_json(plan))
    path = _approved(folder, plan, f"K{text}")
    (read,) = read_approvals(folder.approvals_folder, ROUTES)
    assert read.approver == json.loads(path.read_bytes())["approver"]


_TRIGGERS = "=+-@＝＋－＠"


def _begins_a_formula(cell: str) -> bool:
    """After whatever a spreadsheet may drop: quotes, white space, what nobody sees."""
    rest = cell
    while rest and rest[0] not in _TRIGGERS and (rest[0] == '"' or rest[0].isspace() or deceives(rest[0])):
        rest = rest[1:]
    return rest[:1] != "" and rest[0] in _TRIGGERS


@given(st.lists(st.tuples(hostile.anything(), hostile.anything()), min_size=1, max_size=3))
@example([("\U000e0020=", "\ufe0f;\u2800-"), ("\u3164@", "\u061c+")])
def test_csv_gives_every_text_back_and_no_cell_is_a_formula(rows: list[tuple[str, str]]) -> None:
    _assert_csv(rows)


@hostile.each()
def test_csv_of_every_case(text: str) -> None:
    _assert_csv([(text, f"x;{text}"), ("a", text)])


def _assert_csv(rows: list[tuple[str, str]]) -> None:
    text = csv_bytes(pd.DataFrame(rows, columns=["a", "b"])).decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert [tuple(map(plain, row)) for row in read[1:]] == [tuple(map(printable_lines, row)) for row in rows]
    assert list(unseen(text.translate(dict.fromkeys(map(ord, "\t\r\n"))))) == []
    for delimiter in ",;\t":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            assert not [cell for cell in row if _begins_a_formula(cell)], (delimiter, row)
            assert delimiter != "," or not [cell for cell in row if cell[:1] in tuple("\t\r\n")]


@given(st.lists(hostile.anything(), min_size=1, max_size=4))
def test_a_workbook_holds_text_cells_and_nothing_that_acts(texts: list[str]) -> None:
    data = workbook_bytes({"groups": pd.DataFrame({"name": texts, texts[0] or "x": texts})})
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        roots = {n: ElementTree.fromstring(book.read(n)) for n in book.namelist()}  # noqa: S314 - our own file
    tags = {element.tag.rpartition("}")[2] for root in roots.values() for element in root.iter()}
    assert not {"f", "hyperlink", "hyperlinks", "oleObject", "externalReference", "ddeLink", "drawing"} & tags
    cells = [e for e in roots["xl/worksheets/sheet1.xml"].iter() if e.tag.endswith("}c")]
    assert {cell.get("t") for cell in cells} <= {"s"}
    links = [e.get("Target") for n, root in roots.items() if n.endswith(".rels") for e in root]
    assert not [target for target in links if target and ":" in target]
    assert not [e for root in roots.values() for e in root.iter() if e.get("TargetMode") == "External"]


@hostile.each()
def test_a_name_makes_a_safe_folder_or_none(text: str, tmp_path: Path) -> None:
    plain_name = text.isascii() and all(char.isalnum() or char in "._-" for char in text) and text.strip(".-") == text
    if plain_name and 0 < len(text) <= 80 and not PureWindowsPath(text).is_reserved():
        made = RecordFolder.create(tmp_path / "records", text, "run-1").path
        assert made.relative_to(tmp_path / "records").parts == (text, "run-1")
        return
    with pytest.raises(UsageError) as caught:
        RecordFolder.create(tmp_path / "records", text, "run-1")
    assert caught.value.code == "change-id"
    assert_quiet(str(caught.value))
    assert not (tmp_path / "records").exists()


@hostile.each()
def test_a_file_of_a_record_stays_in_it(text: str, tmp_path: Path) -> None:
    folder = RecordFolder.create(tmp_path, "CHG1", "run-1")
    try:
        path = folder.file(text)
    except ValueError:
        return
    assert path.parent == folder.path
