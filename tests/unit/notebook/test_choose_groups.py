"""Groups that are ticked in 20 are those that 30 writes: the selection file, and the notebooks that take it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.cloud import Owner
from runbook_lib.model.ids import as_group_id
from runbook_lib.model.text import t
from runbook_lib.notebook import choose_groups, open_run, owners_button
from runbook_lib.notebook.choose_groups import chosen_now, offer_groups
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.selection_file import SELECTION_FILE, read_selection, write_selection
from runbook_lib.parameters.load import load_parameters
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder
from tests.support import builders as b
from tests.support.hostile import TEXTS

NAMES = ("Marketing", "Sales", "Sales Archive")
AT = "2026-11-30T10:00:00Z"


def inventory() -> Inventory:
    groups = [b.cloud_group(name) for name in NAMES]
    return b.inventory_of(b.cloud_side(groups, {name: [] for name in NAMES}), b.directory_side())


def id_of(name: str) -> str:
    return next(str(row.group_id) for row in inventory().rows if row.display_name == name)


class Desk:
    """A run in JupyterLab whose inventory is read, and what it shows."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, interactive: bool = True, **given: Any
    ) -> None:
        self.change = folder / "CHG-1"
        self.change.mkdir()
        self.said: list[str] = []
        self.shown: list[object] = []
        monkeypatch.setattr(choose_groups, "ProgressLine", lambda _: SimpleNamespace(show=self.said.append))
        monkeypatch.setattr(choose_groups, "show_widget", self.shown.append)
        context = SimpleNamespace(
            parameters=Parameters(**given),
            interactive=interactive,
            record=SimpleNamespace(folder=RecordFolder(self.change / "run-1")),
            clock=lambda: datetime(2026, 11, 30, 10, tzinfo=UTC),
        )
        self.table = offer_groups(cast(RunContext, context), inventory())

    def tick(self, *names: str, on: bool = True) -> None:
        assert self.table is not None
        self.table.told({"do": "tick", "keys": [id_of(name) for name in names], "on": on})


def test_a_tick_writes_the_selection_file_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch)
    assert len(desk.shown) == 1
    assert desk.said[0].startswith("none.")
    assert not (desk.change / SELECTION_FILE).exists(), "nothing is written before somebody ticks"
    desk.tick("Sales", "Marketing")
    desk.tick("Marketing", on=False)
    assert read_selection(desk.change) == {"select_ids": [id_of("Sales")], "select_names": [], "select_file": ""}
    assert desk.said[-1].startswith("1 group, kept in selection.yaml: Sales.")
    desk.tick("Sales", on=False)
    assert read_selection(desk.change) == {"select_ids": [], "select_names": [], "select_file": ""}


def test_what_the_parameters_select_is_ticked_to_begin_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch, select_names=["Sales*"])
    assert desk.table is not None
    assert desk.table.ticked == {id_of("Sales"), id_of("Sales Archive")}
    desk.tick("Sales Archive", on=False)
    assert read_selection(desk.change)["select_ids"] == [id_of("Sales")]


def test_owners_are_read_when_a_person_asks_and_a_refusal_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners_button, "show_widget", lambda widget: buttons.append(widget))
    monkeypatch.setattr(owners_button, "ProgressLine", lambda _: SimpleNamespace(show=said.append))
    buttons: list[Any] = []
    said: list[str] = []
    desk = Desk(tmp_path, monkeypatch, select_names=["Sales"])
    assert desk.table is not None
    (button,) = buttons
    assert button.description == "Read the owners of 3 groups (1 batch)"
    assert said[0].startswith("not read yet."), "a callback can replace a line of the cell, and add none"

    def refused(*_: object) -> None:
        raise NoAccess(t("They may not be read."), code="graph-forbidden", hint=t("Ask somebody."))

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    for answer, words in ((refused, "Not read: They may not be read."), (stopped, "Stopped: no owner is shown.")):
        monkeypatch.setattr(owners_button, "owners_now", answer)
        button.click()
        assert said[-1].startswith(words)
        assert not button.disabled
    owners = {
        as_group_id(id_of("Sales")): (Owner("Kim", "kim@contoso.com"), Owner("Lee")),
        as_group_id(id_of("Marketing")): (),
    }
    monkeypatch.setattr(owners_button, "owners_now", lambda *_: owners)
    button.click()
    assert button.disabled
    shown = {row.cells[0]: row.cells[5] for row in desk.table._rows}
    assert shown == {"Marketing": "none", "Sales": "Kim, Lee", "Sales Archive": None}
    assert desk.table.ticked == {id_of("Sales")}


def test_without_a_person_there_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch, interactive=False, select_names=["Sales"])
    assert (desk.table, desk.shown) == (None, [])
    assert desk.said == ["1 group, as the parameters select them: Sales."]


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch)
    desk.change.rmdir()
    desk.tick("Sales")
    assert desk.said[-1].startswith("Not kept: The record file")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"select_names": ["*"]}, NAMES),
        ({"select_names": ["*"], "select_kinds": ["security"]}, ()),
        ({"select_names": ["*"], "route": "cloud-sync"}, ()),
        ({"select_ids": [id_of("Sales")], "route": "cloud-sync"}, ("Sales",)),
        ({"select_ids": ["11111111-2222-3333-4444-555555555555"]}, ()),
    ],
)
def test_a_name_picks_groups_of_the_kinds_that_the_route_lets_names_pick(
    given: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert chosen_now(list(inventory().rows), Parameters(**given)) == {id_of(name) for name in names}


@pytest.mark.parametrize("name", [*TEXTS, "\ufffe", "\x85 select_names: ['*']", "\U0001f600 ok", "# \ud800"])
def test_whatever_a_group_is_called_the_file_says_the_same(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "CHG-1"
    folder.mkdir()
    path = write_selection(folder, [(id_of("Sales"), name)], run_id="run-1", at=AT)
    assert read_selection(folder) == {"select_ids": [id_of("Sales")], "select_names": [], "select_file": ""}
    assert load_parameters([path], {}, project_root=tmp_path).parameters.change_id == "CHG-1", "gwb run -f takes it"


@pytest.mark.parametrize(
    "content",
    [
        'change_id: "CHG-2"\nselect_ids: []\nselect_names: []\nselect_file: ""\n',
        'change_id: "CHG-1"\nselect_ids: []\n',
        'change_id: "CHG-1"\nselect_ids: []\nselect_names: []\nselect_file: ""\nmax_creates: 5000\n',
    ],
)
def test_a_file_that_says_anything_else_is_refused(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "CHG-1"
    folder.mkdir()
    (folder / SELECTION_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_selection(folder)
    assert caught.value.code == "selection-file-invalid"


@pytest.mark.parametrize(
    ("notebook", "variable", "taken"),
    [
        ("30-enable-writeback", {"JPY_SESSION_NAME": "x.ipynb"}, True),
        ("20-inventory-groups", {"JPY_SESSION_NAME": "x.ipynb"}, True),
        ("50-check-drift", {"JPY_SESSION_NAME": "x.ipynb"}, False),
        ("30-enable-writeback", {}, False),
    ],
)
def test_notebooks_of_the_change_take_it_in_jupyterlab_alone(
    tmp_path: Path, notebook: str, variable: dict[str, str], taken: bool
) -> None:
    (tmp_path / "CHG-1").mkdir()
    write_selection(tmp_path / "CHG-1", [(id_of("Sales"), "Sales")], run_id="run-1", at=AT)
    told = {
        "change_id": "CHG-1",
        "records_dir": str(tmp_path),
        "group_type": "security",
        "select_names": ["Marketing"],
    }
    run = open_run(dict(told), notebook=notebook, environment=variable, clock=lambda: b.NOW)
    parameters = run.context.parameters
    assert (parameters.select_ids, parameters.select_names) == (
        ([id_of("Sales")], []) if taken else ([], ["Marketing"])
    )
    given = cast(dict[str, Any], run.record.facts["parameters"])
    assert given.get("select_ids", []) == parameters.select_ids, "the record says what was taken"
