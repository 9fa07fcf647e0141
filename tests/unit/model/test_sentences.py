"""What people read is a Text: no sentence stands in the code as a plain string."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import runbook_lib

LIBRARY = Path(runbook_lib.__file__).parent
FOR_PEOPLE = ("notebook", "record", "runner", "shown")
"""Packages whose sentences are all read by somebody."""
_SENTENCE = re.compile(r"[A-Za-z]{2,} [A-Za-z(]")
_NOT_READ = frozenset(
    {"Field", "Markup", "compile", "option", "argument", "escape", "KeyError", "RuntimeError", "ValueError"}
)
"""Calls whose words are markup, a pattern, the help of a command, what a key holds, or for whoever mends a defect."""
NOT_SHOWN = {
    "gwb approve": "what a person types",
    "drift found": "a value that is compared",
    "AD groups": "name of a sheet, which formulas of others refer to",
    "not a display": "a type of output, beside MIME types",
    "not installed": "a value of record.json, beside version numbers",
    "Passed unknown parameter": "how papermill begins a warning",
}


def plain_sentences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and words of every string that reads like a sentence and is no ``Text``: f-strings, constants."""
    passed: set[int] = set()
    for node in ast.walk(tree):  # what calls comes before what it is given
        if isinstance(node, ast.Expr):
            passed.add(id(node.value))
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name == "t":
                passed.update(map(id, node.args))
            elif name in _NOT_READ:
                passed.update(map(id, ast.walk(node)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            words = node.value
            if _SENTENCE.search(words) and words not in NOT_SHOWN and not _of_style(words):
                yield node.lineno, words


def _of_style(text: str) -> bool:
    """Whether it is CSS, HTML or a policy, or a list of names of such."""
    return bool(re.search(r"[<>]|style=|px|'none'|^a b bdi|^background-color ", text))


@pytest.mark.parametrize("package", FOR_PEOPLE)
def test_what_people_read_is_no_plain_string(package: str) -> None:
    found = {
        f"{path.relative_to(LIBRARY).as_posix()}:{line}: {words}"
        for path in (LIBRARY / package).rglob("*.py")
        for line, words in plain_sentences(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("banner('Nothing to do')", ["Nothing to do"]),
        ("say(f'{number} groups were read')", [" groups were read"]),
        ("say(t('All groups were read'))", []),
        ("say(t('{what} was read', what='every group'))", ["every group"]),
        ("raise ValueError('never to be seen')", []),
        ("'''A docstring of it.'''", []),
    ],
)
def test_a_plain_sentence_is_found(source: str, said: list[str]) -> None:
    assert [words for _, words in plain_sentences(ast.parse(source))] == said
