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

from runbook_lib.parameters import Parameters, known_names, load_parameters, parameters_cell
from runbook_lib.parameters import model as model_module
from runbook_lib.parameters.document import SECTIONS, example_yaml, json_schema, reference_table_markdown

ROOT = Path(__file__).parents[3]


def test_the_cell_sets_exactly_the_defaults() -> None:
    namespace: dict[str, object] = {}
    exec(parameters_cell(), namespace)  # noqa: S102 - our own generated source
    names = {name: namespace[name] for name in known_names()}
    assert names == Parameters.model_validate({}).model_dump()
    assert {n for n in namespace if not n.startswith("__")} == set(known_names())


def test_the_cell_holds_only_literals_on_short_lines() -> None:
    source = parameters_cell()
    for statement in ast.parse(source).body:
        assert isinstance(statement, ast.AnnAssign)
        assert isinstance(statement.annotation, ast.Name)
        assert statement.annotation.id in ("str", "int", "bool", "list")
        assert statement.value is not None
        ast.literal_eval(statement.value)
    assert max(map(len, source.splitlines())) <= 120


def test_papermill_infers_every_parameter(caplog: pytest.LogCaptureFixture) -> None:
    found = PythonTranslator.inspect({"source": parameters_cell()})
    assert tuple(p.name for p in found) == known_names()
    assert {p.inferred_type_name for p in found} == {"str", "int", "bool", "list"}
    assert "Unable to parse" not in caplog.text


def test_sections_follow_the_models_comments() -> None:
    source = inspect.getsource(model_module.Parameters)
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
