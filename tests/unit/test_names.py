"""One meaning for each name: a reader who has met it in one module knows it in every other."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ROOT / "runbook_lib"
ALIKE = {
    "CHECKS": ("preflight/checks/", "exchange/findings.py"),  # what each room of checks gives to the one list of all
    "seal": ("record/seal.py", "runner/commands/"),  # the command is named after what it does
}
"""Names that several modules have with one meaning, and where."""
OF_EACH_ROUTE = frozenset(
    {"EffectFields", "IntentFields", "beyond_kind", "beyond_target", "finished_plan", "plan_disable", "plan_enable"}
    | {"plan_undo", "require_same_target"}
)
"""What every route brings under the name by which the others have it (``RouteRules``, ``routes/registry.py``)."""


def named(tree: ast.Module) -> set[str]:
    """Public names that a module makes at its top level."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        found |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return {name for name in found if not name.startswith("_")}


@cache
def places() -> dict[str, list[str]]:
    """Name to the modules that make it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(PRODUCT.rglob("*.py")):
        for name in named(ast.parse(path.read_text(encoding="utf-8"))):
            found[name].append(path.relative_to(PRODUCT).as_posix())
    return found


def allowed(name: str, modules: list[str]) -> bool:
    """Whether a name may stand in all of these."""
    if name in OF_EACH_ROUTE and all(module.startswith("routes/") for module in modules):
        return len({module.split("/")[1] for module in modules}) == len(modules)
    return name in ALIKE and all(module.startswith(ALIKE[name]) for module in modules)


def test_names_are_found() -> None:
    tree = ast.parse("A = B = 1\nc: int = 2\n_d = 3\ndef e(): f = 4\nclass G: h = 5\ni, (j, k) = 6, (7, 8)\nT = x.y\n")
    assert named(tree) == {"A", "B", "c", "e", "G", "i", "j", "k", "T"}
    assert len(places()) > 1000


def test_no_public_name_has_two_meanings() -> None:
    twice = {name: modules for name, modules in places().items() if len(modules) > 1 and not allowed(name, modules)}
    assert twice == {}


def test_nothing_is_allowed_that_is_not_there() -> None:
    there = {name for name, modules in places().items() if len(modules) > 1}
    assert there == {*ALIKE, *OF_EACH_ROUTE}
