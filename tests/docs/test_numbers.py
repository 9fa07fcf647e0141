"""A number that the product has by name says what it is a number of.

What can be measured: every number at the top of a module has a docstring below it, or a comment above or beside it,
with a unit; so has every number that a public function takes or returns and a public class holds, in its name, its
description or the docstring.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.test_docstrings import COMMANDS, public

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "runbook_lib"
UNITS = re.compile(
    r"\b(milli|micro|nano)?seconds?\b|\bminutes?\b|\bhours?\b|\bdays?\b|\bbytes?\b|\bcharacters?\b|\bUTF-16\b|\boctets?\b"
    r"|\bper ?cent\b|\bshare\b|\bports?\b|\bbits?\b|\bexit code\b|\bresult code\b|\berror\b|\bflags?\b|\bmask\b"
    r"|\b(access )?rights?\b|\bversions?\b|\bbuild\b|\bdepth\b|\blevels?\b|\btimes\b|\btries\b|\bwidth\b|\bcolumns?\b"
    r"|\b(groups?|members?|objects?|values?|pages?|requests?|lines?|rows?|names?|keys?|parts?|writes?|steps?|changes?"
    r"|differences?|findings?|messages?|answers?|addresses|domains?|users?|jobs?|runs?|records?|files?|entries|items?"
    r"|texts?|sentences?|SIDs?|principals?|numbers?|digits?|nodes?|memberships?|problems?|cells?|lookups?|choices"
    r"|attributes?|clauses?|hits?|agents?|identifiers?|plans?|words?|waits?|threads?|connections?|links?|colou?rs?|pixels?)\b",
    re.IGNORECASE,
)
"""What a number can be of."""
NAMED = re.compile(r"(SECONDS|MINUTES|HOURS|DAYS|BYTES|CHARACTERS|PERCENT|PORT|CODE)(_|$)")
"""A name that holds its unit."""


def is_number(node: ast.expr) -> bool:
    """Whether an expression is a number put together from literals, such as ``8 * 1024 * 1024``."""
    match node:
        case ast.Constant(value=bool()):
            return False
        case ast.Constant(value=int() | float()):
            return True
        case ast.BinOp(left=left, right=right):
            return is_number(left) and is_number(right)
        case ast.UnaryOp(operand=operand):
            return is_number(operand)
    return False


def numbers(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, name and what is said of each number at the top of a module."""
    lines = source.splitlines()
    body = ast.parse(source).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        names = [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
        values = value.elts if isinstance(value, ast.Tuple) else [value] if value is not None else []
        if not names or not values or not all(name.isupper() for name in names) or not all(map(is_number, values)):
            continue
        said = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            said = after.value.value
        above = node.lineno - 2
        while above >= 0 and lines[above].startswith("#"):
            said += " " + lines[above]
            above -= 1
        said += " " + " ".join(re.findall(r"  # (.*)", lines[node.lineno - 1]))
        yield node.lineno, ", ".join(names), said.strip()


def problems(source: str) -> list[str]:
    """What is wrong with the numbers of a module."""
    found = []
    for line, name, said in numbers(source):
        if not said and not NAMED.search(name):
            found.append(f"line {line}: nothing is said of {name}")
        elif not UNITS.search(said) and not NAMED.search(name):
            found.append(f"line {line}: {name} has no unit: {said}")
    return found


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("MOST = 5", "nothing is said of MOST"),
        ("MOST: Final = 5", "nothing is said of MOST"),
        ("_A, _B = 5, 6", "nothing is said of _A, _B"),
        ('MOST = 5\n"""No more than that."""', "MOST has no unit"),
        ('MOST = 8 * 1024\n"""Bytes of a file."""', ""),
        ("# Bytes of a file.\n_MOST = 8", ""),
        ("_MOST = 8  # bytes of a file", ""),
        ("GRACE_SECONDS = 8", ""),
        ("ON = True", ""),
        ("NAMES = ('x', 'y')", ""),
    ],
)
def test_a_number_without_a_unit_is_found(source: str, said: str) -> None:
    assert said in "".join(problems(source))
    assert bool(problems(source)) is bool(said)


def test_every_number_says_what_it_is_of() -> None:
    found = {
        path.relative_to(LIBRARY).as_posix(): wrong
        for path in sorted(LIBRARY.rglob("*.py"))
        if (wrong := problems(path.read_text(encoding="utf-8")))
    }
    assert found == {}


IS_NUMBER = re.compile(r"(int|float)( \| None)?")


def described(node: ast.AnnAssign, after: ast.stmt | None) -> str:
    """What is said of a field by itself: the docstring below it, the texts of its ``Field``."""
    said = [ast.unparse(node.value)] if isinstance(node.value, ast.Call) else []
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
        said.append(str(after.value.value))
    return " ".join(said)


def signature_problems(tree: ast.Module) -> list[str]:
    """The numbers in public signatures and fields of which nothing says what they count or measure."""
    found = []

    def judge(name: str, number: str, annotation: ast.expr | None, *said: str) -> None:
        if annotation is None or not IS_NUMBER.fullmatch(ast.unparse(annotation)):
            return
        if not UNITS.search(" ".join((number.replace("_", " "), *said))):
            found.append(f"{name}: {number} has no unit")

    for name, node in public(tree):
        text = ast.get_docstring(node) or ""
        if isinstance(node, ast.ClassDef):
            for field, after in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    judge(name, field.target.id, field.annotation, described(field, after), text)
        else:
            for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                judge(name, argument.arg, argument.annotation, text)
            judge(name, node.name, node.returns, text)
    return found


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('def go(most: int) -> None:\n    """Do it."""', "go: most has no unit"),
        ('def go(most: int) -> None:\n    """Do it for ``most`` seconds."""', ""),
        ('def go(seconds: float | None) -> None:\n    """Do it."""', ""),
        ('def _go(most: int) -> None:\n    """Do it."""', ""),
        ('def left() -> int:\n    """What is left."""', "left: left has no unit"),
        ('class A:\n    """It."""\n    most: int', "A: most has no unit"),
        ('class A:\n    """It."""\n    most: int\n    """Groups."""', ""),
        ('class A:\n    """It."""\n    most: int = Field(5, description="Groups that one plan may make")', ""),
        (
            'class A:\n    """It."""\n    def most(self, more: int) -> int:\n        """More."""',
            "A.most: most has no unit",
        ),
    ],
)
def test_a_signature_without_a_unit_is_found(source: str, said: str) -> None:
    found = signature_problems(ast.parse(source))
    assert said in "\n".join(found)
    assert bool(found) is bool(said)


def test_every_number_in_a_signature_says_what_it_is_of() -> None:
    found = {
        path.relative_to(LIBRARY).as_posix(): wrong
        for path in sorted(LIBRARY.rglob("*.py"))
        if COMMANDS not in path.parents and (wrong := signature_problems(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert found == {}
