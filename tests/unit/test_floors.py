"""The floors of docs/architecture.md, read from the imports of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "runbook_lib"

FLOORS = {
    **dict.fromkeys(
        (
            "model",
            "errors",
            "files",
            "deadline",
            "parameters",
            "secrets",
        ),
        1,
    ),
    **dict.fromkeys(
        (
            "graph",
            "directory",
            "dns",
        ),
        2,
    ),
    **dict.fromkeys(
        (
            "exchange",
            "inventory",
            "rules",
        ),
        3,
    ),
    **dict.fromkeys(
        (
            "preflight",
            "change",
        ),
        4,
    ),
    **dict.fromkeys(("routes",), 5),
    **dict.fromkeys(
        (
            "record",
            "shown",
        ),
        6,
    ),
    **dict.fromkeys(
        (
            "notebook",
            "runner",
        ),
        7,
    ),
}
SHARED_FLOORS = (1, 3, 6, 7)
"""Floors whose parts may use each other; on the others they are strangers (graph knows no AD, directory no Graph)."""

NETWORK = {"requests": "graph", "msal": "graph", "msal_extensions": "graph", "ldap3": "directory", "dns": "dns"}
"""Client libraries and the only package that may import them."""
SOCKETS = ("socket", "ssl", "urllib3", "http.client", "urllib.request", "asyncio.streams", "tornado.httpclient")
"""What else reaches the network; only the floor that holds graph and directory may."""


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Dotted names of everything imported, imports inside functions and relative ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: -node.level + 1 or None] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def part_of(path: Path) -> str:
    """``graph`` for runbook_lib/graph/transport.py, ``errors`` for runbook_lib/errors.py, empty for the package."""
    first = path.relative_to(LIBRARY).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    package = ".".join(path.relative_to(ROOT).parent.parts)
    return set(imported(parse(path), package))


def parts(names: set[str]) -> set[str]:
    """Parts of the library among imported names."""
    split = (name.split(".") for name in names)
    return {words[1] for words in split if words[0] == "runbook_lib" and len(words) > 1}


def under(names: set[str], modules: tuple[str, ...]) -> set[str]:
    return {name for name in names for module in modules if name == module or name.startswith(f"{module}.")}


def allowed(part: str, used: str) -> bool:
    floor, other = FLOORS[part], FLOORS[used]
    return part == used or other < floor or (other == floor and floor in SHARED_FLOORS)


MODULES = sorted(LIBRARY.rglob("*.py"))


def test_rules_can_fail() -> None:
    assert not allowed("graph", "directory")
    assert not allowed("graph", "inventory")
    assert not allowed("model", "graph")
    assert not allowed("preflight", "change")
    assert allowed("record", "graph")
    tree = ast.parse("def f():\n    from ..graph import transport\n    import rehearsal.world as w\n")
    found = set(imported(tree, "runbook_lib.directory"))
    assert found == {"runbook_lib.graph", "runbook_lib.graph.transport", "rehearsal.world"}
    assert under(found, ("rehearsal",)) == {"rehearsal.world"}
    assert under({"requests_mock", "requests.adapters"}, ("requests",)) == {"requests.adapters"}


def test_every_part_has_a_floor() -> None:
    assert {part_of(path) for path in MODULES} - {""} == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_module_keeps_to_its_floor(path: Path) -> None:
    part, names = part_of(path), imports_of(path)
    if part:
        assert not {used for used in parts(names) if used in FLOORS and not allowed(part, used)}
    assert not under(names, ("rehearsal", "tests", "tools"))
    for library, home in NETWORK.items():
        assert part == home or not under(names, (library,)), f"only {home} may import {library}"
    if part not in ("graph", "directory"):
        assert not under(names, SOCKETS)
