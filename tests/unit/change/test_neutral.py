"""What every route shares knows none of them: no directory, no LDAP, no names of AD's attributes."""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path

import pytest

from tests.unit.test_floors import imports_of, under

ROOT = Path(__file__).resolve().parents[3]
MODEL = [ROOT / "runbook_lib" / "model" / name for name in ("change.py", "target.py")]
MODULES = [*sorted((ROOT / "runbook_lib" / "change").rglob("*.py")), *MODEL]
FOREIGN = (
    *(
        f"runbook_lib.{name}"
        for name in ("directory", "graph", "exchange", "inventory", "routes", "preflight", "dns", "cloud_sync")
    ),
    *(f"runbook_lib.model.{name}" for name in ("directory", "dn", "cloud", "enforcement")),
    *("ldap3", "requests", "msal"),
)
SHAPES = frozenset(
    {
        *(
            "MemberRef",
            "Member",
            "ExistingMember",
            "Move",
            "Deletion",
            "AttributeDelta",
            "DirectPayload",
            "DirectTarget",
        ),
        *("ANCHOR_ATTRIBUTE", "MARK_ATTRIBUTE", "ObjectGuid", "normalize_dn", "parent_of"),
        *("dn", "rdn", "object_guid", "parent_guid", "guid", "sid", "attributes", "move", "deletion", "member_of"),
        *("domain_guid", "domain_dns_name", "target_ou", "target_ou_guid", "retired_ou", "retired_ou_guid"),
    }
)
"""Names of what only AD has: types, and fields of objects and targets of the direct route."""
KEYS_OF_LINES = {"guid"}
"""Of a journal's lines: the id of the object that a step is about has this key there, whatever the route."""
SCHEMA = ROOT / "rehearsal" / "directory" / "data" / "attributes.csv"


def attributes() -> frozenset[str]:
    """Names of AD's attributes that are no everyday word, in lower case."""
    lines = (line for line in SCHEMA.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    names = {row["lDAPDisplayName"] for row in csv.DictReader(lines)}
    return frozenset(name.casefold() for name in names if re.search(r"[A-Z-]", name))


def texts(path: Path) -> set[str]:
    """Texts in the code of a module; what explains it is none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told
    }


def names_in(path: Path) -> set[str]:
    """Names that the code of a module uses or gives: of variables, fields, arguments and imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for field in ("id", "attr", "arg", "name"):
            if isinstance(value := getattr(node, field, None), str):
                found.add(value)
    return found


def test_what_is_foreign_is_there() -> None:
    for name in (name for name in FOREIGN if name.startswith("runbook_lib.")):
        place = ROOT.joinpath(*name.split("."))
        assert place.is_dir() or place.with_suffix(".py").is_file(), name


def test_the_names_are_read() -> None:
    direct = ROOT / "runbook_lib" / "routes" / "direct"
    assert {"dn", "Move", "object_guid", "deletion"} <= names_in(direct / "payload.py") & SHAPES
    assert {"target_ou_guid", "DirectTarget"} <= names_in(direct / "target.py") & SHAPES


def test_the_schema_is_read() -> None:
    assert {"samaccountname", "admindescription", "extensionname", "grouptype", "objectguid"} <= attributes()
    assert texts(Path(__file__))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_that_routes_share_names_nothing_of_one(path: Path) -> None:
    assert not under(imports_of(path), FOREIGN)
    assert not {text for text in texts(path) if text.casefold() in attributes()}
    assert not names_in(path) & SHAPES
    assert not texts(path) & SHAPES - KEYS_OF_LINES
