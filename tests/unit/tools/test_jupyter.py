"""`make jupyter` opens a working copy per change, never the tracked notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tools import jupyter
from tools.jupyter import NOTEBOOKS, working_copy


def notebook(path: Path, *sources: str, **more: object) -> None:
    path.parent.mkdir(exist_ok=True)
    cells = [{"cell_type": "code", "source": [source], **more} for source in sources]
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_copy_that_was_worked_in_stays_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "notebooks" / "20.ipynb"
    notebook(source, "run.read()")
    folder = working_copy(source.parent, tmp_path / "work", "CHG1")
    notebook(folder / "20.ipynb", "run.read()", outputs=["read"])
    assert working_copy(source.parent, tmp_path / "work", "CHG1") == tmp_path / "work" / "CHG1"
    assert "outputs" in (folder / "20.ipynb").read_text(encoding="utf-8")
    assert names(folder) == ["20.ipynb"]
    assert "outputs" not in source.read_text(encoding="utf-8")


@pytest.mark.parametrize("old", ["run.read_otherwise()", ""])
def test_a_copy_of_an_older_notebook_is_put_beside_the_new_one(tmp_path: Path, old: str) -> None:
    source = tmp_path / "notebooks" / "20.ipynb"
    notebook(source, "run.read()")
    folder = tmp_path / "work" / "CHG1"
    folder.mkdir(parents=True)
    for number in (1, 2):
        if old:
            notebook(folder / "20.ipynb", old)
        else:
            (folder / "20.ipynb").write_text("damaged", encoding="utf-8")
        working_copy(source.parent, tmp_path / "work", "CHG1")
        assert (folder / "20.ipynb").read_bytes() == source.read_bytes()
        assert (folder / f"20.old-{number}.ipynb").exists()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """Commands that would have been started; working copies lie in a folder of the project's own kind."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> CompletedProcess[str]:
        commands.append(command)
        return CompletedProcess(command, 0)

    monkeypatch.setattr("tools.jupyter.subprocess.run", run)
    monkeypatch.setattr(jupyter, "ROOT", tmp_path)
    monkeypatch.setattr(jupyter, "WORK", tmp_path / "work")
    return commands


def test_jupyterlab_opens_the_copy_of_the_change_that_the_parameters_name(
    started: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text('change_id: "CHG0012345"', encoding="utf-8")
    monkeypatch.setenv("GWB_PARAMETERS", "mine.yaml")
    assert jupyter.main([]) == 0
    assert "work/CHG0012345/00-start-here.ipynb" in started[-1]
    assert names(tmp_path / "work" / "CHG0012345") == sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    assert not [command for command in started if "rehearsal" in command], "who names files has a tenant of their own"


def test_without_files_of_ones_own_the_rehearsal_is_started_first(
    started: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parameters").mkdir()
    (tmp_path / jupyter.PARAMETERS).write_text('change_id: "CHG-DEMO"', encoding="utf-8")
    monkeypatch.delenv("GWB_PARAMETERS", raising=False)
    assert jupyter.main([]) == 0
    assert "rehearsal" in started[0]
    assert "work/CHG-DEMO/00-start-here.ipynb" in started[-1]


@pytest.mark.parametrize("change_id", ["", "../elsewhere"])
def test_without_a_change_nothing_is_opened(
    started: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change_id: str,
) -> None:
    (tmp_path / "mine.yaml").write_text(json.dumps({"change_id": change_id}), encoding="utf-8")
    monkeypatch.setenv("GWB_PARAMETERS", "mine.yaml")
    assert jupyter.main([]) == 2
    assert "change_id" in capsys.readouterr().err
    assert not [command for command in started if "jupyterlab" in command]
