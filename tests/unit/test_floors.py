"""The floors of docs/architecture.md, read from the imports of every module; none runs upward or in a circle.

An import under ``TYPE_CHECKING`` or inside a function counts like any other: whoever reads the module needs the other.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from functools import cache
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
            "bulk",
            "deadline",
            "parameters",
            "secrets",
            "strict_file",
            "reading_file",
        ),
        1,
    ),
    **dict.fromkeys(
        (
            "graph",
            "directory",
            "dns",
            "winrm",
            "signing",
        ),
        2,
    ),
    **dict.fromkeys(
        (
            "cloud_sync",
            "connect",
            "exchange",
            "inventory",
            "rules",
            "telling",
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
    **dict.fromkeys(("routes", "setup"), 5),
    **dict.fromkeys(
        (
            "fleet",
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
SHARED_FLOORS = (1, 3, 6)
"""Floors whose parts may use each other; on the others they are strangers (graph knows no AD, directory no
Graph, the notebook no runner)."""

NETWORK = {
    "requests": "graph",
    "msal": "graph",
    "msal_extensions": "graph",
    "ldap3": "directory",
    "dns": "dns",
    "pypsrp": "winrm",
    "spnego": "winrm",
}
"""Client libraries and the only package that may import them."""
SOCKETS = ("socket", "ssl", "urllib3", "http.client", "urllib.request", "asyncio.streams", "tornado.httpclient")
"""What else reaches the network; only the floor that holds graph and directory may."""
OUTSIDE = ("signing/time_stamp.py", "telling/mail.py")
"""The other modules that reach somebody: a time stamp authority, a mail server."""


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def import_statements(path: Path) -> ast.Module:
    """A module with nothing but the imports of this one, from wherever in it they stand."""
    found = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return ast.Module([*found], [])


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
    return set(imported(import_statements(path), package))


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
    assert not allowed("notebook", "runner")
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
    if part not in ("graph", "directory") and path.relative_to(LIBRARY).as_posix() not in OUTSIDE:
        assert not under(names, SOCKETS)


BELOW = {
    "runbook_lib": ("rehearsal", "tests", "tools", "benchmarks"),
    "rehearsal": ("tests", "tools", "benchmarks"),
    "benchmarks": ("tools",),
}
"""Top-level package to those that stand above it."""
PACKAGES = ("runbook_lib", "rehearsal", "benchmarks", "tools", "tests")


def module_of(path: Path) -> str:
    """``runbook_lib.graph`` for runbook_lib/graph/__init__.py."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


@cache
def uses() -> Mapping[str, frozenset[str]]:
    """Every module of the project and the modules of the project that run before it, because it imports them.

    With a module of another package that package's own ``__init__`` runs, and all that it imports.
    """
    paths = {module_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}
    found = {}
    for name, path in paths.items():
        others = modules_used(import_statements(path), ".".join(path.relative_to(ROOT).parent.parts), paths)
        packages = {package for other in others for package in packages_of(other)} & set(paths)
        found[name] = frozenset((others | packages) - {name, *packages_of(name)} | (others - {name}))
    return found


def packages_of(name: str) -> tuple[str, ...]:
    """``a`` and ``a.b`` for ``a.b.c``."""
    words = name.split(".")
    return tuple(".".join(words[:count]) for count in range(1, len(words)))


def modules_used(tree: ast.AST, package: str, modules: Collection[str]) -> set[str]:
    """The modules that imports name: ``a.b`` for ``from a.b import c``, where there is no module ``a.b.c``."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            # Of "from a import b, c" the first name is the package itself: it counts for what is no module of its own.
            place, *found = (
                imported(node, package) if isinstance(node, ast.ImportFrom) else ("", *imported(node, package))
            )
            names |= {name if name in modules else place for name in found}
    return names & set(modules)


def circles(graph: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other (Tarjan), each sorted."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        open_.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in number:
                visit(other)
            if other in open_:
                lowest[node] = min(lowest[node], lowest[other])
        if lowest[node] == number[node]:
            group = [open_.pop()]
            while group[-1] != node:
                group.append(open_.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in number:
            visit(node)
    return sorted(found)


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert circles({node: frozenset(others) for node, others in graph.items()}) == [["a", "b", "c"], ["d", "e"]]
    code = "from p import a, word\nif TYPE_CHECKING:\n    from p.b import Thing\nimport p.c\n"
    assert modules_used(ast.parse(code), "p", ("p", "p.a", "p.b", "p.c", "p.d")) == {"p", "p.a", "p.b", "p.c"}
    assert modules_used(ast.parse("def f():\n    from . import d\n"), "p", ("p", "p.d")) == {"p.d"}


def test_no_two_modules_reach_each_other() -> None:
    assert circles(uses()) == []


def test_no_two_packages_reach_each_other() -> None:
    """The product has its table of floors; what stands above what in the rehearsal and the tools their imports say."""
    for top in ("rehearsal", "tools", "benchmarks"):
        graph: dict[str, set[str]] = {}
        for name, others in uses().items():
            for other in others:
                if name.startswith(f"{top}.") and other.startswith(f"{top}."):
                    graph.setdefault(name.split(".")[1], set()).add(other.split(".")[1])
        assert circles({name: frozenset(others - {name}) for name, others in graph.items()}) == []


@pytest.mark.parametrize("top", BELOW)
def test_nothing_is_imported_from_above(top: str) -> None:
    upward = {
        (name, other)
        for name, others in uses().items()
        for other in others
        if name.split(".")[0] == top and other.split(".")[0] in BELOW[top]
    }
    assert upward == set()
