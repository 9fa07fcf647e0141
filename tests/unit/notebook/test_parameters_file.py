"""``parameters_file`` in the parameters cell: the file that gives the values, whoever runs the notebook."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from runbook_lib.errors import UsageError
from runbook_lib.files import RECORD_VARIABLE
from runbook_lib.notebook import Run, open_run
from runbook_lib.parameters.cell import parameters_cell

NOTEBOOK = "00-start-here"


def cell(**given: object) -> dict[str, object]:
    """What the parameters cell leaves behind, and what papermill puts below it."""
    names: dict[str, object] = {}
    exec(parameters_cell(NOTEBOOK), names)  # noqa: S102 - our own generated source
    return {name: value for name, value in names.items() if not name.startswith("__")} | given


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one parameters file, which names what 00-start-here does not show too."""
    (tmp_path / "pyproject.toml").touch()
    told = {"change_id": "CHG-FILE", "reason": "from the file", "max_creates": 7}
    (tmp_path / "mine.yaml").write_text(json.dumps(told), encoding="utf-8")  # JSON is YAML
    (tmp_path / "other.yaml").write_text(json.dumps({"change_id": "CHG-OTHER"}), encoding="utf-8")
    return tmp_path


def opened(root: Path, names: dict[str, object], **environment: str) -> Run:
    return open_run(names, notebook=NOTEBOOK, environment={"GWB_PROJECT_ROOT": str(root), **environment})


def test_it_gives_the_values_and_what_the_notebook_was_given_wins(root: Path) -> None:
    context = opened(root, cell(parameters_file="mine.yaml", reason="typed")).context
    told = context.parameters
    assert (told.change_id, told.reason, told.max_creates) == ("CHG-FILE", "typed", 7)
    recorded = context.record.facts["parameters"]
    assert recorded == {"change_id": "CHG-FILE", "reason": "typed", "max_creates": 7}


def test_it_comes_before_the_variable(root: Path) -> None:
    run = opened(root, cell(parameters_file="mine.yaml"), GWB_PARAMETERS="other.yaml", JPY_SESSION_NAME="a.ipynb")
    assert run.record.folder.change_id == "CHG-FILE"
    run = opened(root, cell(), GWB_PARAMETERS="other.yaml", JPY_SESSION_NAME="a.ipynb")
    assert run.record.folder.change_id == "CHG-OTHER"


@pytest.mark.parametrize(
    ("given", "environment", "words"),
    [
        (7, {}, "is not a text"),
        (["mine.yaml"], {}, "is not a text"),
        ("mine.yaml", {RECORD_VARIABLE: "somewhere"}, "gwb run has its own"),
        ("missing.yaml", {}, "is not there"),
    ],
)
def test_what_names_no_file_is_refused(root: Path, given: object, environment: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        opened(root, cell(parameters_file=given), **environment)
    assert words in caught.value.message
    assert caught.value.hint
    assert caught.value.code in ("parameters-file-invalid", "parameters-file-missing")
    assert not (root / "records").exists()


@pytest.mark.parametrize(("given", "line"), [({}, b"a,b"), ({"csv_delimiter": "semicolon"}, b"a;b")])
def test_tables_of_a_run_have_the_delimiter_that_it_was_told(root: Path, given: dict[str, str], line: bytes) -> None:
    folder = opened(root, cell(parameters_file="mine.yaml", **given)).record.folder
    assert line in folder.write_csv("t.csv", pd.DataFrame({"a": [1], "b": [2]})).read_bytes()
