"""A record is sealed with the outputs of its own run, and with nothing of another."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runbook_lib.errors import UsageError
from runbook_lib.files import RUN_MIME
from runbook_lib.record.cells import run_mark_of
from runbook_lib.record.manifest import verified_record
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.runner.commands.records import seal as seal_command
from tests.unit.record.notebooks import code, display, markdown, notebook, stream

Make = Callable[..., RunRecord]
Clock = Callable[[], datetime]


def shown(text: str, run_id: str, change_id: str = "CHG0012345") -> dict[str, Any]:
    output = display(text_plain=text)
    output["data"][RUN_MIME] = {"change_id": change_id, "run_id": run_id}
    return output


def saved(folder: Path, *cells: dict[str, Any]) -> Path:
    path = folder / "shared.ipynb"
    path.write_text(json.dumps(notebook(markdown("# n"), *cells)), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([code("a", shown("x", "run-2"))], "it holds outputs of run-2"),
        ([code("a", shown("x", "run-1", "CHG-OTHER"))], "it holds outputs of run-1"),
        ([code("a", stream("run-1"))], "no output in it says of which run it is"),
        ([code("a")], "no output in it says of which run it is"),
        ([code("a", {**shown("x", "run-1"), "data": {RUN_MIME: "run-1"}})], "no output in it says"),
        ([{**markdown("run-1"), "outputs": [shown("x", "run-1")]}], "no output in it says"),
    ],
)
def test_a_notebook_of_another_run_is_refused_and_nothing_is_touched(
    make_run: Make, clock: Clock, tmp_path: Path, cells: list[dict[str, Any]], said: str
) -> None:
    folder = make_run().folder
    before = {path: path.read_bytes() for path in folder.path.iterdir()}
    with pytest.raises(UsageError) as caught:
        seal(folder, saved(tmp_path, *cells), clock=clock, prove_run=True)
    assert caught.value.code == "notebook-of-another-run"
    assert said in caught.value.message
    assert f"gwb seal {folder.path} --without-notebook" in caught.value.hint
    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before


def test_cells_that_another_run_left_below_are_not_this_runs(make_run: Make, clock: Clock, tmp_path: Path) -> None:
    folder = make_run().folder
    cells = [code("begin", shown("mine", "run-1")), code("apply", shown("WRITTEN BY ANOTHER", "run-0"), stream("OLD"))]
    sealed = seal(folder, saved(tmp_path, *cells), clock=clock, prove_run=True)
    assert verified_record(folder).ok
    kept = json.loads((folder.path / "30-enable-writeback.ipynb").read_bytes())["cells"]
    assert [cell["metadata"].get("gwb", {}).get("state") for cell in kept[1:]] == ["ran", "not-run"]
    everything = sealed.page.read_text() + json.dumps(kept)
    assert "WRITTEN BY ANOTHER" not in everything
    assert "OLD" not in everything
    assert any("1 cells of the notebook file held outputs of other runs" in gap for gap in _gaps(folder.path))


def test_the_mark_itself_is_no_output_of_a_record(make_run: Make, clock: Clock, tmp_path: Path) -> None:
    folder = make_run().folder
    path = saved(tmp_path, code("a", shown("mine", "run-1"), shown("", "run-1")))
    seal(folder, path, clock=clock, prove_run=True)
    cell = json.loads((folder.path / "30-enable-writeback.ipynb").read_bytes())["cells"][1]
    assert [output["data"] for output in cell["outputs"]] == [{"text/plain": "mine"}]
    assert "dropped" not in cell["metadata"]["gwb"]


def test_the_command_asks_for_the_runs_own_notebook_or_seals_without(make_run: Make, tmp_path: Path) -> None:
    folder = make_run().folder
    other = saved(tmp_path, code("a", shown("x", "run-2")))
    run = CliRunner().invoke
    refused = run(seal_command, [str(folder.path), str(other)], standalone_mode=False)
    assert isinstance(refused.exception, UsageError)
    assert refused.exception.code == "notebook-of-another-run"
    unnamed = run(seal_command, [str(folder.path)], standalone_mode=False)
    assert isinstance(unnamed.exception, UsageError)
    assert unnamed.exception.code == "notebook-missing"
    assert run(seal_command, [str(folder.path), str(other), "--without-notebook"]).exit_code == 2
    assert not folder.sealed
    run(seal_command, [str(folder.path), "--without-notebook"], standalone_mode=False)
    assert verified_record(folder).ok
    assert "No executed notebook was given when the record was sealed." in _gaps(folder.path)


def test_what_the_runner_left_beside_the_record_is_known_by_its_mark_not_by_its_name(make_run: Make) -> None:
    """A kernel that died before its first output leaves nothing else that says which run it was."""
    folder = make_run().folder
    work_file = folder.change_folder / f".executing-{folder.run_id}.ipynb"
    left = notebook(code("a"))
    for mark in (None, "run-1", {**run_mark_of(folder), "run_id": "run-2"}, {"run_id": folder.run_id}):
        metadata = {**left["metadata"], RUN_MIME: mark} if mark else left["metadata"]
        work_file.write_text(json.dumps({**left, "metadata": metadata}), encoding="utf-8")
        done = CliRunner().invoke(seal_command, [str(folder.path), str(work_file)], standalone_mode=False)
        assert isinstance(done.exception, UsageError)
        assert (done.exception.code, folder.sealed) == ("notebook-of-another-run", False)
    left["metadata"][RUN_MIME] = run_mark_of(folder)
    work_file.write_text(json.dumps(left), encoding="utf-8")
    CliRunner().invoke(seal_command, [str(folder.path), str(work_file)], standalone_mode=False)
    assert verified_record(folder).ok
    assert RUN_MIME not in (folder.path / "30-enable-writeback.ipynb").read_text("utf-8")


def _gaps(run: Path) -> list[str]:
    gaps: list[str] = json.loads((run / "record.json").read_bytes())["gaps"]
    return gaps
