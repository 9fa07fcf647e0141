"""docs/rooms.md, one line for each module of the product: written by ``make generate``, compared with the code by a
test."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "rooms.md"
LIBRARY = ROOT / "runbook_lib"
_HEAD = """# Rooms

Every module of the product with the first sentence of its docstring; `make generate` writes this page.
[Architecture](architecture.md) says which package stands on which floor, and where to add what.
"""


def page() -> str:
    """The whole page, packages in alphabetical order, each module of a package in a row of its table.

    Raises:
        ValueError: A module has no docstring.
    """
    parts = [_HEAD]
    for folder in sorted({path.parent for path in LIBRARY.rglob("*.py")}):
        rows = [_row(path) for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
        name = folder.relative_to(ROOT).as_posix()
        about = "" if folder == LIBRARY else f"{first_sentence(folder / '__init__.py')}\n\n"
        if rows:
            parts.append(f"## {name}\n\n{about}| module | holds |\n| --- | --- |\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(path: Path) -> str:
    return f"| `{path.name}` | {first_sentence(path)} |"


def first_sentence(path: Path) -> str:
    """The first paragraph of a module's docstring in one line, code as plain words, ready for a table's cell.

    Raises:
        ValueError: There is none.
    """
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if not text:
        raise ValueError(f"{path.relative_to(ROOT).as_posix()} has no docstring")
    return " ".join(text.split("\n\n")[0].split()).replace("``", "").replace("|", "\\|")
