"""Every third-party package that is imported by name is a declared dependency: nothing leans on what others bring."""

from __future__ import annotations

import ast
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.test_floors import import_statements, imported, parse

ROOT = Path(__file__).resolve().parents[2]
OWN = {"runbook_lib", "rehearsal"}


@cache
def distributions() -> dict[str, list[str]]:
    """Import name to distributions. pydantic pins its core to one exact version: the two are one package. Extras need
    not be installed."""
    return {**packages_distributions(), "pydantic_core": ["pydantic"], "spnego": ["pyspnego"]}


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    texts = (*project["project"]["dependencies"], *(text for extra in extras for text in extra))
    return {canonicalize_name(Requirement(text).name) for text in texts}


@pytest.mark.parametrize("package", sorted(OWN))
def test_imports_are_declared(package: str) -> None:
    used: dict[str, set[str]] = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        below = ".".join(path.relative_to(ROOT).parent.parts)
        for name in imported(import_statements(path), below):
            top = name.split(".")[0]
            if top and top not in sys.stdlib_module_names and top not in OWN:
                used.setdefault(top, set()).add(path.relative_to(ROOT).as_posix())
    allowed = declared()
    undeclared = {
        top: sorted(paths)
        for top, paths in used.items()
        if not {canonicalize_name(name) for name in distributions().get(top, [top])} & allowed
    }
    assert used
    assert undeclared == {}


EDGE = {
    "inventory/tables.py": "the inventory for a record's files and for a notebook",
    "notebook/connect_sync_watching.py": "what AD has beside the prediction, as a file",
    "notebook/connect_sync_way.py": "what Connect Sync will make of AD, as a file",
    "notebook/kept_tables.py": "the groups that a run is about, as files",
    "notebook/reading.py": "the procedure with Exchange hybrid, as a file",
    "record/folder.py": "files of a record",
    "record/plan_sheet.py": "a plan as a sheet of the workbook",
    "record/tables.py": "CSV and workbook",
    "routes/cloud_sync/watching/log_evidence.py": "the provisioning log, as a file",
    "routes/connect_sync/read_uses.py": "what hangs on groups that go, as a file",
    "routes/direct/drift.py": "differences, as a file and for a notebook",
    "shown/html.py": "tables in a notebook",
}
"""Modules that know tables. What decides works on plain values: a table's cells have no types."""


def test_pandas_is_at_the_edge_alone() -> None:
    library = ROOT / "runbook_lib"
    found = {
        path.relative_to(library).as_posix()
        for path in library.rglob("*.py")
        if any(name.split(".")[0] == "pandas" for name in imported(import_statements(path), "runbook_lib"))
    }
    assert found == set(EDGE)


def test_the_directory_is_indexed_at_one_place() -> None:
    """100,000 objects are gone through once for a reading; whoever needs the index is given it."""
    calls = [
        path.name
        for path in (ROOT / "runbook_lib").rglob("*.py")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "index_directory"
    ]
    assert calls == ["reading.py"]
