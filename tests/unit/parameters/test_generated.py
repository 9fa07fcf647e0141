"""What is generated from the model agrees with the model, and papermill can read the cell."""

from __future__ import annotations

import ast
import inspect
import json
import re
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from papermill.translators import PythonTranslator

from runbook_lib.parameters import model as model_module
from runbook_lib.parameters import model_change
from runbook_lib.parameters.cell import COMMENTS, PARAMETERS_FILE, USED, parameters_cell
from runbook_lib.parameters.document import (
    SECTIONS,
    example_yaml,
    json_schema,
    known_names,
    reference_table_markdown,
)
from runbook_lib.parameters.load import load_parameters
from runbook_lib.parameters.model import Parameters

ROOT = Path(__file__).parents[3]


CELLS = ("", *USED)
"""The cell of each notebook, and the one of a notebook of another name."""


@pytest.mark.parametrize("notebook", CELLS)
def test_the_cell_sets_exactly_the_defaults(notebook: str) -> None:
    namespace: dict[str, object] = {}
    exec(parameters_cell(notebook), namespace)  # noqa: S102 - our own generated source
    shown = {name: value for name, value in namespace.items() if not name.startswith("__")}
    assert shown.pop(PARAMETERS_FILE) == ""
    defaults = Parameters.model_validate({}).model_dump()
    assert shown == {name: defaults[name] for name in USED.get(notebook, known_names())}
    assert list(shown) == [name for name in known_names() if name in shown]


def test_every_parameter_is_used_by_a_notebook_and_has_one_whole_sentence() -> None:
    assert frozenset().union(*USED.values()) == set(known_names())
    assert set(COMMENTS) == {PARAMETERS_FILE, *known_names()}
    for name, text in COMMENTS.items():
        assert re.fullmatch(r"[A-Z][^.]*(?:\.yaml[^.]*)?\.", text), name
        assert len(text) <= 100, name
        assert "…" not in text
        assert not set("=#").intersection(text), name
    assert len(set(COMMENTS.values())) == len(COMMENTS)


def test_every_notebook_has_its_cell() -> None:
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} == set(USED)


@pytest.mark.parametrize("notebook", CELLS)
def test_the_cell_holds_only_literals_on_short_lines(notebook: str) -> None:
    source = parameters_cell(notebook)
    for statement in ast.parse(source).body:
        assert isinstance(statement, ast.AnnAssign)
        assert isinstance(statement.annotation, ast.Name)
        assert statement.annotation.id in ("str", "int", "bool", "list")
        assert statement.value is not None
        ast.literal_eval(statement.value)
    assert max(map(len, source.splitlines())) <= 120


def test_papermill_infers_every_parameter(caplog: pytest.LogCaptureFixture) -> None:
    found = PythonTranslator.inspect({"source": parameters_cell()})
    assert tuple(p.name for p in found) == (PARAMETERS_FILE, *known_names())
    assert [p.help for p in found] == [COMMENTS[p.name] for p in found]
    assert {p.inferred_type_name for p in found} == {"str", "int", "bool", "list"}
    assert "Unable to parse" not in caplog.text


def test_sections_follow_the_models_comments() -> None:
    source = "".join(map(inspect.getsource, (model_change.ChangeParameters, model_module.Parameters)))
    found = re.findall(r"^    # (.+)\n    (\w+):", source, re.MULTILINE)
    assert tuple(found) == SECTIONS


def test_the_example_file_is_the_generated_one() -> None:
    assert (ROOT / "parameters" / "example.yaml").read_text(encoding="utf-8") == example_yaml()


def test_the_example_loads_and_so_does_every_commented_line(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(example_yaml(), encoding="utf-8")
    assert load_parameters([path], {}, project_root=tmp_path).parameters.change_id == "CHG0012345"

    path.write_text(
        re.sub(r"^# (?=[a-z0-9_]+:|  )", "", example_yaml(), flags=re.MULTILINE).split("gwb run")[1].split("\n", 1)[1],
        encoding="utf-8",
    )
    loaded = load_parameters([path], {}, project_root=tmp_path)
    assert set(loaded.given) == set(known_names())


def test_the_table_has_every_parameter() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", reference_table_markdown(), re.MULTILINE)
    assert tuple(rows) == known_names()
    assert all(line.count("|") == 5 for line in reference_table_markdown().splitlines() if line.startswith("|"))


def test_the_schema_takes_the_example_and_refuses_more() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(yaml.safe_load(example_yaml()))
    assert not validator.is_valid({"max_craetes": 1})
    assert not validator.is_valid({"max_creates": "1"})
    json.dumps(schema)
