"""The cells of 30: the record keeps who is left out, and the gate says it before somebody approves."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import AwaitingApproval
from runbook_lib.model.cloud import CloudPrincipal
from runbook_lib.notebook.context import RunContext
from tests.support import builders as b
from tests.unit.notebook.cells import NAMES, Cells

LATE = tuple(b.person(f"Person {number}") for number in range(7))


class WithPeople(Cells):
    """Groups with members who have no account in AD."""

    people: tuple[CloudPrincipal, ...] = LATE

    def _read(self, *_: object, **__: object) -> Any:
        groups = [b.cloud_group(name) for name in NAMES]
        return b.inventory_of(b.cloud_side(groups, {NAMES[0]: list(self.people), NAMES[1]: []}), b.directory_side())


class WithNobody(WithPeople):
    people = ()


def left_out_at_the_gate(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the gate says of members that are left out; the picture of the plan stands above it."""
    for cell in ("begin", "read", "plan"):
        cells.run(cell)
    said: list[str] = []
    monkeypatch.setattr(RunContext, "show", lambda _, view: said.append(f"{view.html} {view.text}"))
    cells.run("gate")
    assert isinstance(cells.raised, AwaitingApproval)
    return [view for view in said if re.search(r"\b(is|are) left out\b", view)]


def test_the_gate_names_who_is_left_out_and_the_record_has_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = WithPeople(tmp_path)
    (said,) = left_out_at_the_gate(cells, monkeypatch)
    assert "7 members of 1 group are left out" in said
    assert "Person 0" in said
    folder = cells.runs[-1].record.folder.path
    rows = list(csv.DictReader((folder / "left-out.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [row["member"] for row in rows] == [person.display_name for person in LATE]
    facts = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    numbers = {
        group["group"]: (group["in_cloud"], group["added"], group["left_out"]) for group in facts["plan"]["members"]
    }
    assert numbers == {NAMES[0]: (7, 0, 7), NAMES[1]: (0, 0, 0)}


def test_where_nobody_is_left_out_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = WithNobody(tmp_path)
    assert left_out_at_the_gate(cells, monkeypatch) == []
    assert not (cells.runs[-1].record.folder.path / "left-out.csv").exists()
