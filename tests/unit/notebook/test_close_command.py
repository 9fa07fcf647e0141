"""``gwb close``: the way out of a change that cannot be finished."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_lib.runner.cli import cli
from tests.unit.notebook.field import Field


def gwb(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="gwb")


@pytest.mark.parametrize("given", ["a run", "the change"])
def test_a_change_is_closed_by_name_and_with_a_reason(field: Field, given: str) -> None:
    broken = field.killed(2)
    record = broken if given == "a run" else field.folder
    done = gwb("close", str(record), "--as", "Ada", "--reason", "the cloud group is gone")
    assert done.exit_code == 0, done.output
    (path,) = (field.folder / "closings").iterdir()
    content = json.loads(path.read_bytes())
    assert (content["by"], content["reason"], content["run_id"]) == ("Ada", "the cloud group is gone", broken.name)
    again = gwb("close", str(record), "--as", "Ada", "--reason", "x")
    assert again.exit_code == 2
    assert "stopped midway" in again.output


def test_words_and_records_that_are_not_there(field: Field, tmp_path: Path) -> None:
    broken = field.killed(2)
    assert gwb("close", str(tmp_path / "none"), "--as", "Ada", "--reason", "x").exit_code == 2
    assert gwb("close", str(broken), "--as", " ", "--reason", "x").exit_code == 2
    assert gwb("close", str(broken), "--as", "Ada", "--reason", "").exit_code == 2
    assert gwb("close", str(broken), "--as", "Ada").exit_code == 2
    assert not (field.folder / "closings").exists()
