"""A text stays a text on its way to whoever reads it: nothing on the way is typed so that its template is lost."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

import runbook_lib

LIBRARY = Path(runbook_lib.__file__).parent
MAKERS = frozenset({"t", "joined", "counted", "first_of", "from_table", "and_more", "with_values", "clause"})
PLAIN = re.compile(r"(?<![\w.])str\b")
WORD = re.compile(r"[a-z]{2}")
EDGES = {
    "Checked.dn": "a distinguished name, or what stands for one",
    "Finding.source": "the titles of what is cited",
    "ldap_error_of.dn": "a distinguished name, or what stands for one",
    "parameters_from_values.source": "compared, before it is shown",
    "printable.text": "the edge of a terminal, a page, a file",
    "TerminalLine.text": "a line of a terminal, which may be a part of a text",
}
"""Where a text ends, or what may also be a name, and why."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Declared = Mapping[str, Sequence[tuple[str, str]]]
"""Class or function to its fields or parameters, each with its type."""


def is_text(node: ast.expr) -> bool:
    """Whether an expression makes a text, or several."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in MAKERS:
            return True
        case ast.Call(func=ast.Name(id="tuple" | "list" | "next" | "sorted"), args=[first, *_]):
            return is_text(first)
        case ast.IfExp(body=body, orelse=orelse):
            return is_text(body) or is_text(orelse)
        case ast.BoolOp(values=several) | ast.Tuple(elts=several) | ast.List(elts=several):
            return any(map(is_text, several))
        case ast.Dict(values=several):
            return any(map(is_text, several))
        case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
            return is_text(element)
        case ast.BinOp(left=left, right=right):
            return is_text(left) or is_text(right)
    return False


def is_plain(annotation: str) -> bool:
    """Whether a type holds plain strings and no texts."""
    return bool(PLAIN.search(annotation)) and "Text" not in annotation


def declared_in(trees: Sequence[ast.Module]) -> dict[str, list[tuple[str, str]]]:
    """Classes with fields, and functions, whose name no other module has too."""
    found: dict[str, list[tuple[str, str]]] = {}
    twice = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.ClassDef):
            lines = [line for line in node.body if isinstance(line, ast.AnnAssign)]
            fields = [(ast.unparse(line.target), ast.unparse(line.annotation)) for line in lines]
            made_by_itself = any(isinstance(line, ast.FunctionDef) and line.name == "__init__" for line in node.body)
            if fields and not made_by_itself:
                twice |= {node.name} & found.keys()
                found[node.name] = fields
        elif isinstance(node, Function):
            arguments = [*node.args.posonlyargs, *node.args.args]
            own = [one for one in [*arguments, *node.args.kwonlyargs] if one.arg not in ("self", "cls")]
            twice |= {node.name} & found.keys()
            found[node.name] = [(one.arg, ast.unparse(one.annotation) if one.annotation else "") for one in own]
    return {name: fields for name, fields in found.items() if name not in twice}


def problems(tree: ast.Module, declared: Declared) -> Iterator[str]:
    """Where a module loses a text."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(returns=ast.expr() as returns, name=name) if is_plain(ast.unparse(returns)):
                given = [one.value for one in ast.walk(node) if isinstance(one, ast.Return | ast.Yield) and one.value]
                if any(map(is_text, given)) and name != "__add__":
                    yield f"line {node.lineno}: {name} gives a text and says {ast.unparse(returns)}"
            case ast.AnnAssign(value=ast.expr() as value, annotation=annotation):
                if is_text(value) and is_plain(ast.unparse(annotation)):
                    yield f"line {node.lineno}: {ast.unparse(node.target)} is typed {ast.unparse(annotation)}"
            case ast.JoinedStr(values=parts):
                inside = [part.value for part in parts if isinstance(part, ast.FormattedValue)]
                literal = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
                if any(map(is_text, inside)) and not literal.startswith("#"):
                    yield f"line {node.lineno}: an f-string of a text"
            case ast.Call(func=ast.Attribute(attr="join", value=ast.Constant(value=str(separator))), args=[argument]):
                if is_text(argument):
                    yield f"line {node.lineno}: texts are joined to a plain string"
                if WORD.search(separator):
                    yield f"line {node.lineno}: the words {separator!r} stand between plain strings"
            case ast.Call():
                yield from _arguments(node, declared)


def _arguments(call: ast.Call, declared: Declared) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    fields = () if name in MAKERS else declared.get(name, ())
    given = [(field, value) for (field, _), value in zip(fields, call.args, strict=False)]
    given += [(keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg]
    types = dict(fields)
    for field, value in given:
        if is_text(value) and is_plain(types.get(field, "")) and f"{name}.{field}" not in EDGES:
            yield f"line {call.lineno}: {name}.{field} is typed {types[field]}"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f() -> str:\n    return t('It is gone.')", "gives a text"),
        ("def f() -> tuple[int, str]:\n    return 1, t('It is gone.')", "gives a text"),
        ("def f() -> Iterator[str]:\n    yield x or t('It is gone.')", "gives a text"),
        ("def f() -> Text:\n    return t('It is gone.')", ""),
        ("def f() -> str:\n    return dn", ""),
        ("why: str = t('It is gone.')", "is typed str"),
        ("why: Text = t('It is gone.')", ""),
        ("print(f'{place}: {t(\"It is gone.\")}')", "an f-string"),
        ("', '.join(t('{x}', x=x) for x in y)", "joined to a plain"),
        ("' and '.join(names)", "' and '"),
        ("', '.join(names)", ""),
        ("Row('x', t('It is gone.'))", "Row.why"),
        ("Row('x', why=t('It is gone.'))", "Row.why"),
        ("Row('x', t('It is gone.'), t('Gone'))", "Row.why"),
        ("Row('x', '', title=t('Gone'))", ""),
        ("fail(t('It is gone.'))", "fail.why"),
        ("fail(why)", ""),
    ],
)
def test_a_text_that_is_lost_is_found(source: str, said: str) -> None:
    declared = {"Row": [("name", "str"), ("why", "str"), ("title", "Text")], "fail": [("why", "str")]}
    found = list(problems(ast.parse(source), declared))
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_no_text_is_lost() -> None:
    modules = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(LIBRARY.rglob("*.py"))}
    declared = declared_in(list(modules.values()))
    assert len(declared) > 1000
    assert not [name for name in EDGES if name.split(".")[1] not in dict(declared[name.split(".")[0]])]
    exempt = ("parameters/document.py", "model/text.py")
    found = {
        f"{name}, {problem}"
        for path, tree in modules.items()
        if (name := path.relative_to(LIBRARY).as_posix()) not in exempt
        for problem in problems(tree, declared)
    }
    assert not found
