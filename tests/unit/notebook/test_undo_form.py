"""60-undo-change without a record: JupyterLab and a terminal offer those that can be undone; anything can be typed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.notebook import open_run, opening
from runbook_lib.notebook.undo_form import UndoForm
from runbook_lib.record.needs import UNDO, undoable
from runbook_lib.runner.chosen_record import chosen_undo
from tests.support import builders as b
from tests.unit.notebook.test_undoable import a_run

LAB = {"JPY_SESSION_NAME": "60-undo-change.ipynb"}


class Front:
    """The notebook in JupyterLab: its names, and the form that its first cell showed last."""

    def __init__(self, records: Path, monkeypatch: pytest.MonkeyPatch, **given: object) -> None:
        self.names: dict[str, Any] = {"change_id": "CHG-U", "records_dir": str(records), **given}
        self.said: list[str] = []
        self.form: UndoForm | None = None
        monkeypatch.setattr(opening, "offer_undo", self._offer)

    def _offer(self, offered: Any, chosen: Any) -> UndoForm:
        front = self

        class Line:
            def show(self, text: str) -> None:
                front.said.append(text)

        self.form = UndoForm(offered, chosen=chosen, line=Line())
        return self.form

    def begin(self) -> Any:
        return open_run(self.names, notebook=UNDO, environment=LAB, clock=lambda: b.NOW)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    a_run(tmp_path, "CHG1", "older", day=20)
    a_run(tmp_path, "CHG2", "newer", day=21)
    a_run(tmp_path, "CHG3", "open", sealed=False)
    return tmp_path


def test_the_newest_is_chosen_to_begin_with_and_the_run_begins_with_what_is_chosen(
    records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = Front(records, monkeypatch)
    with pytest.raises(UsageError) as caught:
        front.begin()
    assert caught.value.code == "undo-missing"
    assert "form of this cell" in caught.value.hint
    assert not (records / "CHG-U").exists(), "no run has begun"
    assert front.form is not None
    labels = [label for label, _ in front.form.records.options]
    assert labels == [
        "2026-11-21 10:00 UTC: enable, 1 group, done; CHG2",
        "2026-11-20 10:00 UTC: enable, 1 group, done; CHG1",
    ]
    front.form.records.value = str(records / "CHG1" / "older")
    front.form.button.click()
    assert front.said[-1].startswith("Taken: ")
    assert front.form.button.disabled
    run = front.begin()
    assert run.context.parameters.undo_record == str(records / "CHG1" / "older")
    assert run.record.facts["parameters"]["undo_record"] == str(records / "CHG1" / "older")


def test_what_is_typed_counts_and_is_held_to_the_same(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    front = Front(records, monkeypatch, undo_record=str(records / "CHG9"))
    with pytest.raises(UsageError, match="no such folder"):
        front.begin()
    assert front.form is not None
    front.form.typed.value = str(records / "CHG3" / "open")
    front.form.button.click()
    assert front.said[-1].startswith("Not taken: The record ")
    assert not front.form.button.disabled
    front.form.typed.value = f" {records / 'CHG2' / 'newer'} "
    front.form.button.click()
    assert front.begin().context.parameters.undo_record == str(records / "CHG2" / "newer")


def test_without_a_record_the_form_says_so_and_takes_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    front = Front(tmp_path, monkeypatch)
    with pytest.raises(UsageError):
        front.begin()
    assert front.form is not None
    assert front.said[-1].startswith("none that can be undone was found")
    front.form.button.click()
    assert front.said[-1] == "Name a folder first."


def test_headless_the_lines_to_copy_are_named_as_before(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    front = Front(records, monkeypatch)
    with pytest.raises(UsageError) as caught:
        open_run(front.names, notebook=UNDO, environment={}, clock=lambda: b.NOW)
    assert front.form is None
    assert len(caught.value.choices) == 2


@pytest.mark.parametrize(
    ("typed", "meant"), [("2", "CHG1/older"), (" 1 ", "CHG2/newer"), ("CHG3/open", "CHG3/open"), ("3", "3")]
)
def test_a_terminal_lists_them_by_number_and_takes_a_folder(
    records: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, meant: str
) -> None:
    monkeypatch.chdir(records)
    monkeypatch.setattr("click.prompt", lambda *_, **__: typed)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert chosen_undo(records) == records / meant
    assert "  1  2026-11-21 10:00 UTC: enable, 1 group, done; CHG2" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert chosen_undo(records) is None


def test_why_a_change_was_made_is_part_of_what_is_offered(records: Path) -> None:
    first = undoable(records)[0]
    assert first.reason == ""
    named = type(first)(first.record, first.started, "disable", 3, "done", "Tidy up\nthe \u202eold ones")
    assert named.said == "2026-11-21 10:00 UTC: disable, 3 groups, done; CHG2: Tidy up\\u000athe \\u202eold ones"
