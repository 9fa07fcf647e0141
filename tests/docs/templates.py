"""runbook_lib/model/templates.csv, every template of the product with its code: written by ``make generate``, held by a
test.

A code is made when its template is new and stays with it: a template whose English was polished (the same values, most
of the words) keeps the code that it had. Docs/decisions/0010 says why.
"""

from __future__ import annotations

import ast
import csv
import difflib
import hashlib
import io
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from runbook_lib.model.text import PLURALS, from_table

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "runbook_lib"
PAGE = LIBRARY / "model" / "templates.csv"

CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*-[0-9a-f]{4,64}")
_ALIKE = 0.6
"""From this likeness on (``difflib``), a template with the same values is one that was polished."""
_WORDS = 5


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every ``t(…)`` of the product, with its place."""
    for path in sorted(LIBRARY.rglob("*.py")):
        for node in ast.walk(_parsed(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "t":
                yield f"{path.relative_to(LIBRARY).as_posix()}:{node.lineno}", node


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


TABLES = (
    ("parameters/clouds.csv", "title"),
    ("parameters/cloud_offers.csv", "title"),
    ("preflight/permissions.csv", "opens"),
    ("preflight/cloud_sync_permissions.csv", "opens"),
    ("preflight/connect_sync_permissions.csv", "opens"),
    ("exchange/group-attributes.csv", "purpose"),
    ("exchange/statements.csv", "statement"),
    ("cloud_sync/service_errors.csv", "cause"),
    ("cloud_sync/service_errors.csv", "to_do"),
)
"""Tables of the product with a column of words for people (``from_table``)."""


def templates() -> list[str]:
    """Every template of the product, each once, sorted. Those that are no literals are left out: another test's."""
    arguments = (call.args[0] for _, call in calls() if call.args)
    found = {one.value for one in arguments if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    found |= {template for both in PLURALS.values() for template in both}
    for name, column in TABLES:
        rows = csv.DictReader(io.StringIO((LIBRARY / name).read_text(encoding="utf-8")))
        found |= {from_table(row[column]).template for row in rows}
    return sorted(found)


def names_in(template: str) -> set[str]:
    """Names of the values in a template."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def catalogue(text: str) -> dict[str, str]:
    """Code to template, as the file has them."""
    return {row["code"]: row["template"] for row in csv.DictReader(io.StringIO(text))}


def page(known: Mapping[str, str], wanted: Iterable[str]) -> str:
    """The file for the templates ``wanted``, where ``known`` is what it held: code to template."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("code", "template"))
    writer.writerows(sorted(with_codes(known, wanted).items()))
    return out.getvalue()


def rewritten() -> str:
    """The file as the code of today wants it."""
    return page(catalogue(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}, templates())


def with_codes(known: Mapping[str, str], wanted: Iterable[str]) -> dict[str, str]:
    """Code to template: what is known stays, what was polished keeps its code, what is new gets one."""
    code_of = {template: code for code, template in known.items()}
    wanted = sorted(set(wanted))
    found = {code_of[template]: template for template in wanted if template in code_of}
    left = {code: template for code, template in known.items() if code not in found}
    new = [template for template in wanted if template not in code_of]
    pairs = ((_likeness(old, template), code, template) for code, old in left.items() for template in new)
    for likeness, code, template in sorted(pairs, reverse=True):
        if likeness >= _ALIKE and code not in found and template in new:
            found[code] = template
            new.remove(template)
    for template in new:
        found[new_code(template, {*found, *known})] = template
    return found


def _likeness(old: str, new: str) -> float:
    return difflib.SequenceMatcher(None, old, new, autojunk=False).ratio() if names_in(old) == names_in(new) else 0.0


def new_code(template: str, taken: Iterable[str]) -> str:
    """A code from the first words of a template, and as much of its SHA-256 as makes it unlike those ``taken``."""
    plain = re.sub(r"\{[^{}]*\}", " ", template).lower()
    words = re.findall(r"[a-z0-9]+", plain)[:_WORDS] or ["text"]
    digest = hashlib.sha256(template.encode()).hexdigest()
    used = set(taken)
    return next(code for size in range(4, 65) if (code := f"{'-'.join(words)}-{digest[:size]}") not in used)
