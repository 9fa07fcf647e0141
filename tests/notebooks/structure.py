"""What every notebook of the product must look like, as checks on plain notebook JSON."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NOTEBOOKS = (
    "00-start-here",
    "10-detect-exchange",
    "20-inventory-groups",
    "30-enable-writeback",
    "40-disable-writeback",
    "50-check-drift",
    "60-undo-change",
)
CODE_LINES = 15
FORBIDDEN_CALLS = {"input", "getpass", "exit", "quit", "eval", "exec", "open", "__import__"}

Cell = Mapping[str, Any]


def source(cell: Cell) -> str:
    """A cell's text; nbformat keeps it whole or as a list of lines."""
    text = cell["source"]
    return text if isinstance(text, str) else "".join(text)


def tags(cell: Cell) -> Sequence[str]:
    found: Sequence[str] = cell["metadata"].get("tags", ())
    return found


def headings(cell: Cell) -> list[str]:
    """First-level headings of a Markdown cell; a ``#`` inside a code fence is none."""
    text = re.sub(r"^(```|~~~).*?^\1", "", source(cell), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^# .+", text, flags=re.MULTILINE)


def problems(notebook: Mapping[str, Any], parameters_source: str) -> list[str]:
    """Everything that is wrong with a notebook, one sentence each."""
    return [
        *_of_metadata(notebook),
        *_of_markdown(notebook["cells"]),
        *_of_parameters(notebook["cells"], parameters_source),
        *_of_order(notebook["cells"]),
        *(found for cell in notebook["cells"] if cell["cell_type"] == "code" for found in _of_code(cell)),
    ]


def _of_metadata(notebook: Mapping[str, Any]) -> Iterator[str]:
    metadata = notebook["metadata"]
    if metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernelspec is not python3"
    for name in ("widgets", "papermill"):
        if name in metadata:
            yield f"metadata.{name} is left from a run"
    ids = [cell.get("id") for cell in notebook["cells"]]
    if None in ids or len(set(ids)) != len(ids):
        yield "cell ids are missing or not unique"


def _of_markdown(cells: Sequence[Cell]) -> Iterator[str]:
    found = [heading for cell in cells if cell["cell_type"] == "markdown" for heading in headings(cell)]
    if len(found) != 1 or cells[0]["cell_type"] != "markdown" or not headings(cells[0]):
        yield f"there must be one H1, in the first cell; found {found}"


def _of_parameters(cells: Sequence[Cell], parameters_source: str) -> Iterator[str]:
    marked = [cell for cell in cells if "parameters" in tags(cell)]
    if len(marked) != 1:
        yield f"{len(marked)} cells carry the tag parameters"
    elif source(marked[0]) != parameters_source:
        yield "the parameters cell is not the generated one"
    elif marked[0]["metadata"].get("jupyter") != {"source_hidden": True}:
        yield "the parameters cell is not collapsed in JupyterLab"


def _of_order(cells: Sequence[Cell]) -> Iterator[str]:
    for before, cell in itertools.pairwise(cells):
        if cell["cell_type"] == "code" and before["cell_type"] != "markdown":
            yield f"no Markdown before the code cell {source(cell)[:40]!r}"
    last = cells[-1]
    if last["cell_type"] != "code" or not re.search(r"\bfinish\(", source(last)):
        yield "the last cell does not call finish()"


def _of_code(cell: Cell) -> Iterator[str]:
    text = source(cell)
    if cell.get("outputs") or cell.get("execution_count") is not None:
        yield f"outputs or a count are left in {text[:40]!r}"
    if {"papermill", "execution"} & set(cell["metadata"]):
        yield f"metadata of a run is left in {text[:40]!r}"
    if "parameters" in tags(cell):
        return
    if len(text.splitlines()) > CODE_LINES:
        yield f"{len(text.splitlines())} lines of code in {text[:40]!r}; at most {CODE_LINES}"
    try:
        tree = ast.parse(text)
    except SyntaxError:
        yield f"not plain Python (a magic or a shell escape?): {text[:40]!r}"
        return
    yield from _of_python(tree)


def _of_python(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        elif isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in FORBIDDEN_CALLS:
                yield f"calls {called}()"
        yield from (f"imports {name}" for name in names if name.split(".")[0] != "runbook_lib")
