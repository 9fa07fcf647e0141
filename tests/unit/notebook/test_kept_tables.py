"""A change record has the groups that it is about, and proof that all of both sides was read."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl

from runbook_lib.inventory.narrowed import narrowed
from runbook_lib.model.change_kind import Operation
from runbook_lib.notebook.kept_tables import groups_of_change, keep_every_group, keep_groups, written_groups
from runbook_lib.record.formats.record import RecordFormat
from runbook_lib.record.plan_sheet import plan_table
from tests.unit.notebook.field import DISABLE, Field


def _rows(folder: Path, file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / file).read_text("utf-8-sig"))))


def _planned(field: Field, **told: Any) -> tuple[Any, Any, Any]:
    """A run with its inventory and its plan."""
    run = field.begin(**told)
    inventory = run.read_inventory()
    change = run.plan_enable(inventory)
    return run.context, inventory, change._known_plan()


def test_only_the_groups_of_a_change_are_kept_and_the_whole_reading_is_proved(field: Field) -> None:
    context, inventory, plan = _planned(field)
    folder = context.record.folder.path
    keep_every_group(context, inventory)
    whole = {name: (folder / name).read_bytes() for name in ("groups.csv", "members.csv", "ad-groups.csv")}
    assert {row["display_name"] for row in _rows(folder, "groups.csv")} >= {"Board", "Sales", "Vault"}

    keep_groups(context, inventory, groups_of_change(context, inventory, plan, Operation.ENABLE), plan)
    assert {row["display_name"] for row in _rows(folder, "groups.csv")} == {"Board", "Sales"}
    assert {row["group_name"] for row in _rows(folder, "members.csv")} == {"Board", "Sales"}
    assert _rows(folder, "ad-groups.csv") == []
    with ZipFile(folder / "inventory.xlsx") as book:
        texts = "".join(book.read(name).decode() for name in book.namelist())
    assert "Vault" not in texts
    assert '<sheet name="Plan"' in texts
    assert "Groups that this run is about" in texts
    tables = context.record.facts["snapshots"]["tables"]
    for name, file in {"groups": "groups.csv", "members": "members.csv", "ad_groups": "ad-groups.csv"}.items():
        assert tables[name]["sha256"] == sha256(whole[file]).hexdigest(), file
        assert tables[name]["kept"] == len(_rows(folder, file)), file
    assert tables["groups"]["rows"] == len(inventory.rows) > 2
    RecordFormat.model_validate(json.loads((folder / "record.json").read_bytes()))


def test_what_is_in_step_and_was_named_is_kept_and_so_is_what_a_rule_leaves_alone(field: Field) -> None:
    field.run()
    field.approve()
    _, error = field.run()
    assert error is None
    context, inventory, plan = _planned(field)
    assert (len(plan.changes), plan.in_step) == (0, 2)
    kept = narrowed(inventory, groups_of_change(context, inventory, plan, Operation.ENABLE))
    assert {row.display_name for row in kept.rows} == {"Board", "Sales"}
    assert len(kept.directory.groups) == 2
    assert written_groups(inventory) == {row.group_id for row in kept.rows}
    run = field.begin(DISABLE, disable_names=["Board"])
    inventory = run.read_inventory()
    leaving = run.plan_disable(inventory)._known_plan()
    kept = narrowed(inventory, groups_of_change(run.context, inventory, leaving, Operation.DISABLE))
    assert [row.display_name for row in kept.rows] == ["Board"]


def test_the_plan_as_a_sheet(field: Field) -> None:
    _, _, plan = _planned(field, select_names=["Sales"])
    (row,) = plan_table(plan).to_dict("records")
    assert (row["change"], row["display_name"]) == ("create", "Sales")
    assert "displayName" in row["values"]
    assert row["members_added"].count("\n") == len(plan.members[0:1]) * (plan.members[0].added - 1)
    assert (row["in_cloud"], row["left_out"]) == (plan.members[0].in_cloud, len(plan.members[0].left_out))


def test_tables_and_their_digests_have_the_delimiter_of_the_run(field: Field) -> None:
    context, inventory, _ = _planned(field)
    folder = context.record.folder
    folder.csv_delimiter = ";"
    keep_every_group(context, inventory)
    whole = (folder.path / "groups.csv").read_bytes()
    assert b"group_id;display_name;" in whole
    assert context.record.facts["snapshots"]["tables"]["groups"]["sha256"] == sha256(whole).hexdigest()
    keep_groups(context, inventory, set())
    assert context.record.facts["snapshots"]["tables"]["groups"]["sha256"] == sha256(whole).hexdigest()
    assert b"group_id;group_name;" in (folder.path / "members.csv").read_bytes()


def test_mailed_alone_the_workbook_says_when_its_groups_were_changed_and_by_whose_clock(field: Field) -> None:
    field.run()
    field.approve()
    field.run()
    context, inventory, _ = _planned(field)
    keep_every_group(context, inventory)
    book = openpyxl.load_workbook(context.record.folder.path / "inventory.xlsx")
    about = dict(book["About"].iter_rows(values_only=True, max_col=2))
    assert "whenChanged" in str(about["Last changed in AD (UTC)"])
    for sheet in ("Groups", "AD groups"):
        heading, *lines = book[sheet].iter_rows()
        named = [cell.value for cell in heading]
        for column in map(named.index, ("Created in AD (UTC)", "Last changed in AD (UTC)")):
            assert {line[column].is_date for line in lines if line[column].value} == {True}, sheet
    changed = [row["ad_changed"] for row in _rows(context.record.folder.path, "groups.csv") if row["ad_changed"]]
    assert len(changed) >= 2
    assert all(datetime.fromisoformat(one).tzinfo for one in changed)
