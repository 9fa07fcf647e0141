"""Phrases that readers of this field stumbled over stay out of whatever a person reads: findings, messages, pages."""

from __future__ import annotations

import ast
import functools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
AVOIDED = {
    "people and not to apps": "available with delegated permission only",
    "leave them away": "omit them",
    "for unknown, never": "treat a 403 as unknown",
    "set does not do": "is not enough",
    "remove the cause": "fix the error above",
    "both ends": "connections",
    "a world to practise": "practice environment",
    "wrong use ": "usage error",
    "raises until": "stops here until",
    "stands in every record": "is stored in every record",
    "way of running": "run mode",
    "cannot be told": "cannot be determined",
    "by another plan": "for a different plan",
    "take back what": "undo",
    "has to be gone": "must be resolved",
    "(s) ": "the number decides: 1 object, 2 objects",
}
"""Lower case, and what is said instead."""


@functools.cache
def flat() -> tuple[tuple[str, str], ...]:
    """The same in lower case, each text on one line with a blank at its end; worked out once for all phrases."""
    return tuple((name, " ".join(text.casefold().split()) + " ") for name, text in shown())


def shown() -> Iterator[tuple[str, str]]:
    """File, and a text of it that a person reads: strings of the library without docstrings, documents, notebooks."""
    for path in sorted((ROOT / "runbook_lib").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
                yield path.name, node.value
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        yield path.name, path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            yield path.name, "".join(cell["source"])


@pytest.mark.parametrize("phrase", sorted(AVOIDED))
def test_what_readers_stumbled_over_is_said_otherwise(phrase: str) -> None:
    found = [name for name, text in flat() if phrase in text]
    assert not found, f"say instead: {AVOIDED[phrase]}"
