"""Every third-party package that is imported by name is a declared dependency: nothing leans on what others bring."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.test_floors import imported, parse

ROOT = Path(__file__).resolve().parents[2]
OWN = {"runbook_lib", "rehearsal"}
DISTRIBUTIONS = {**packages_distributions(), "pydantic_core": ["pydantic"]}
"""Import name to distributions. pydantic pins its core to one exact version: the two are one package."""


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {canonicalize_name(Requirement(text).name) for text in project["project"]["dependencies"]}


@pytest.mark.parametrize("package", sorted(OWN))
def test_imports_are_declared(package: str) -> None:
    used: dict[str, set[str]] = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        below = ".".join(path.relative_to(ROOT).parent.parts)
        for name in imported(parse(path), below):
            top = name.split(".")[0]
            if top and top not in sys.stdlib_module_names and top not in OWN:
                used.setdefault(top, set()).add(path.relative_to(ROOT).as_posix())
    allowed = declared()
    undeclared = {
        top: sorted(paths)
        for top, paths in used.items()
        if not {canonicalize_name(name) for name in DISTRIBUTIONS.get(top, [top])} & allowed
    }
    assert used
    assert undeclared == {}
