"""Every public name of the product says what it is; what raises says so, and a table names its columns and types."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "runbook_lib"
COMMANDS = LIBRARY / "runner" / "commands"
"""Docstrings of commands are their help; what they raise is an exit code of the README."""
DEFECTS = frozenset(
    {"RuntimeError", "TypeError", "AssertionError", "NotImplementedError", "SystemExit", "StopIteration"}
)
"""Errors that no caller waits for."""
DTYPES = re.compile(r"\b(object|Int64|int64|bool|boolean|string|str|float64|datetime64)\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def public(tree: ast.Module) -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """Functions, classes and their methods without an underscore; of several declarations (overloads) none."""

    def walk(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function | ast.ClassDef]]:
        for node in body:
            if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
                continue
            decorators = {ast.unparse(one) for one in node.decorator_list}
            if any(one == "overload" or one.endswith(".setter") for one in decorators):
                continue
            yield f"{prefix}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from walk(node.body, f"{node.name}.")

    return walk(tree.body, "")


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """Everything in a function's body, what it defines inside left out."""
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if not isinstance(node, Function | ast.ClassDef | ast.Lambda):
            yield node
            todo.extend(ast.iter_child_nodes(node))


def raised(function: Function) -> set[str]:
    """Names of the classes that a function raises itself; empty text for an error that another function makes."""
    caught: set[str] = set()
    found: set[str] = set()
    for node in own_nodes(function):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            caught |= {ast.unparse(one) for one in getattr(node.type, "elts", [node.type])}
        if isinstance(node, ast.Raise) and node.exc is not None:
            made = isinstance(node.exc, ast.Call)
            name = ast.unparse(node.exc.func if isinstance(node.exc, ast.Call) else node.exc).rpartition(".")[2]
            found |= {name} if name[:1].isupper() else {""} if made else set()
    return found - caught - DEFECTS


def problems(tree: ast.Module, *, help_texts: bool = False) -> list[str]:
    """What is wrong with the docstrings of a module.

    Args:
        tree: The module.
        help_texts: Whether its docstrings are help texts.
    """
    found = []
    for name, node in public(tree):
        text = ast.get_docstring(node) or ""
        if not text:
            found.append(f"{name} (line {node.lineno}) has no docstring")
        if isinstance(node, ast.ClassDef) or not text:
            continue
        errors = set() if help_texts else raised(node)
        if errors and not re.search(r"\braises?\b", text, re.IGNORECASE):
            found.append(f"{name} (line {node.lineno}) does not say what it raises: {', '.join(sorted(errors))}")
        elif unnamed := sorted(error for error in errors if error not in text):
            found.append(f"{name} (line {node.lineno}) raises {', '.join(unnamed)} without saying so")
        gives = ast.unparse(node.returns) if node.returns else ""
        if "DataFrame" in gives and not ("column" in text.lower() and (DTYPES.search(text) or "columns of ``" in text)):
            found.append(f"{name} (line {node.lineno}) does not name the columns and types of its table")
    return found


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def f():\n    pass", "f (line 1) has no docstring"),
        ("class A:\n    'It.'\n    def f(self):\n        pass", "A.f (line 3) has no docstring"),
        ("class A:\n    x: int", "A (line 1) has no docstring"),
        ("def f():\n    'It.'\n    raise Refused('no')", "f (line 1) does not say what it raises: Refused"),
        (
            "def f():\n    'It.\\n\\n    Raises:\\n        NoAccess: x'\n    raise Refused('no')",
            "raises Refused without",
        ),
        ("def f():\n    'It.'\n    raise error_of(result)", "f (line 1) does not say what it raises"),
        ("def f() -> pd.DataFrame:\n    'A table.'", "columns and types"),
        ("def f() -> pd.DataFrame:\n    'A table with a column ``a``.'", "columns and types"),
    ],
)
def test_a_docstring_that_lacks_something_is_found(code: str, said: str) -> None:
    (problem,) = problems(ast.parse(code))
    assert said in problem


@pytest.mark.parametrize(
    "code",
    [
        "def _f():\n    raise Refused('no')",
        "def f():\n    'It; raises Refused where it must.'\n    raise Refused('no')",
        "def f():\n    'It.'\n    try:\n        raise OSError\n    except (OSError, ValueError):\n        return 1",
        "def f():\n    'It.'\n    try:\n        pass\n    except OSError:\n        raise",
        "def f():\n    'It.'\n    def inner():\n        raise Refused('no')\n    return inner",
        "def f() -> pd.DataFrame:\n    'Columns, all ``object``: ``a``.'",
    ],
)
def test_a_docstring_that_says_it_is_fine(code: str) -> None:
    assert problems(ast.parse(code)) == []


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: path.relative_to(LIBRARY).as_posix())
def test_public_names_say_what_they_are_and_raise(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert problems(tree, help_texts=path.parent == COMMANDS) == []
