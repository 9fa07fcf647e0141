"""No value of a text for people is an English phrase that was put together outside of it: a language could not tell it.

What is looked at: what stands in the call of ``t`` itself, what a name of the same function was given, and what a
function of the same module returns that says ``str``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import runbook_lib

LIBRARY = Path(runbook_lib.__file__).parent
PHRASE = re.compile(r"[A-Za-z]{2,} +[A-Za-z]{2,}|^ *[a-z]{3,} *$")
"""Two words, or one in lower case."""
NO_PHRASES = {
    *("RECORD", "plan.json", "records", "ldaps", "starttls", "winkerberos", "gssapi"),
    *("CN=ms-Exch-Schema-Version-Pt,", "CN=Services,", "CN=Microsoft Exchange,"),
}
"""Words that no language changes: names of files, packages, settings and containers."""
TEXTS = ("t", "verbatim", "joined", "first_of", "counted", "from_table", "and_more")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def phrases(node: ast.expr) -> Iterator[str]:
    """English that the value of an expression can hold, texts left out."""
    match node:
        case ast.Constant(value=str(text)):
            if PHRASE.search(text) and text not in NO_PHRASES:
                yield text
        case ast.JoinedStr(values=values):
            literal = [str(one.value) for one in values if isinstance(one, ast.Constant)]
            text = "".join(literal)
            if PHRASE.search(" x ".join(literal).strip()) and text not in NO_PHRASES:
                yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from phrases(body)
            yield from phrases(orelse)
        case ast.BoolOp(values=operands):
            for one in operands:
                yield from phrases(one)
        case ast.BinOp(left=left, right=right):
            yield from phrases(left)
            yield from phrases(right)
        case ast.Call(func=ast.Attribute(attr="join"), args=[argument]):
            yield from phrases(argument)
        case ast.Call(func=ast.Name(id="printable" | "str"), args=[argument, *_]):
            yield from phrases(argument)
        case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
            yield from phrases(element)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            for one in elements:
                yield from phrases(one)


def given_names(function: Function) -> dict[str, list[str]]:
    """Names of a function to the phrases that they are given in it."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    for name, one in pairs(target, value):
                        found.setdefault(name, []).extend(phrases(one))
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                found.setdefault(name, []).extend(phrases(value))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found.setdefault(name, []).extend(phrases(value))
    return found


def pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Each name and what it is given: ``a, b = 1, 2`` gives two."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from pairs(one, other)


def returned(tree: ast.Module) -> Mapping[str, list[str]]:
    """Functions of a module that return ``str``, and the phrases that they return."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, Function) and node.returns is not None and ast.unparse(node.returns).startswith("str"):
            values = [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value is not None]
            found[node.name] = [phrase for value in values for phrase in phrases(value)]
    return found


def problems(tree: ast.Module) -> list[str]:
    """Values of texts of a module that are English."""
    functions = returned(tree)
    found = []
    for function in (node for node in ast.walk(tree) if isinstance(node, Function)):
        names = given_names(function)
        for call in ast.walk(function):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "t"):
                continue
            for keyword in call.keywords:
                said = [*phrases(keyword.value)]
                if isinstance(keyword.value, ast.Name):
                    said += names.get(keyword.value.id, [])
                if isinstance(keyword.value, ast.Call) and isinstance(keyword.value.func, ast.Name):
                    said += functions.get(keyword.value.func.id, [])
                found += [f"line {call.lineno}, {keyword.arg}: {phrase!r}" for phrase in said]
    return sorted(set(found))


@pytest.mark.parametrize(
    "body",
    [
        "t('{a}', a='was not read')",
        "t('{a}', a=f'{n} of them were not read')",
        "t('{a}', a=x or 'none')",
        "t('{a}', a='; '.join(f'{n} were read' for n in x))",
        "t('{a}', a=printable(x or 'no reason'))",
        "why = 'it is not there' if x else ''\n    t('{a}', a=why)",
        "code, why = 'x-y', 'it is not there'\n    t('{a}', a=why)",
        "why = ''\n    why += ' It is there.'\n    t('{a}', a=why)",
        "t('{a}', a=words(x))",
    ],
)
def test_english_in_a_value_is_found(body: str) -> None:
    code = f"def f(x):\n    {body}\n\ndef words(x) -> str:\n    return f'{{x}} was read'\n"
    assert len(problems(ast.parse(code))) == 1


@pytest.mark.parametrize(
    "body",
    [
        "t('{a}', a=t('was not read'))",
        "t('{a}', a=x or t('none'))",
        "t('{a}', a=x.get('display name'))",
        "t('{a}', a=', '.join(x))",
        "t('{a}', a=f'{x} ({x})')",
        "t('{a}', a=joined((t('was read') for n in x), '; '))",
        "why = t('it is not there')\n    t('{a}', a=why)",
        "t('{a}', a='RECORD')",
    ],
)
def test_what_is_no_english_is_fine(body: str) -> None:
    assert problems(ast.parse(f"def f(x):\n    {body}\n")) == []


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: path.relative_to(LIBRARY).as_posix())
def test_no_value_is_english(path: Path) -> None:
    assert problems(ast.parse(path.read_text(encoding="utf-8"))) == []
