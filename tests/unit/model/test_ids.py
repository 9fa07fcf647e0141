"""Ids of groups and of AD objects are made in one place, which checks them and writes them in lower case."""

from __future__ import annotations

import ast
import re
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runbook_lib
from runbook_lib.model import ids
from runbook_lib.model.ids import GroupId

LIBRARY = Path(runbook_lib.__file__).parent
HOME = LIBRARY / "model" / "ids.py"
GUIDS = st.uuids().map(str)
SPELLED = st.builds(lambda text, upper: text.upper() if upper else text, GUIDS, st.booleans())
NO_GUID = (
    "", "g1", "../users", "11111111-2222-3333-4444-55555555555", "11111111-2222-3333-4444-5555555555555",
    "{11111111-2222-3333-4444-555555555555}", "11111111222233334444555555555555",
    "1111111-12222-3333-4444-555555555555",
    "11111111-2222-3333-4444-55555555555g",
    "11111111-2222-3333-4444-555555555555\n",
    "११११११११-2222-3333-4444-555555555555",
    "11111111-2222-3333-4444-55555555555\u017f",
)  # fmt: skip


@given(SPELLED)
def test_one_id_has_one_spelling(text: str) -> None:
    assert str(ids.as_group_id(text)) == str(ids.as_object_guid(text)) == text.lower()
    assert ids.group_id_of_anchor(f"group_{text}") == text.lower()
    assert ids.owner_of_mark((ids.mark_of(text, GroupId(text.upper())),)) == (text.lower(), text.lower())


@given(SPELLED)
def test_a_guid_within_a_text_is_found(text: str) -> None:
    assert ids.guid_within(f"https://sts.example/{text}/v2.0") == text.lower()
    assert ids.guid_within(text[:-1]) is None


@given(st.uuids())
def test_the_bytes_of_active_directory_are_the_same_id(value: uuid.UUID) -> None:
    assert ids.as_object_guid(value.bytes_le) == str(value)


@pytest.mark.parametrize("text", NO_GUID)
def test_what_is_no_guid_becomes_no_id(text: str) -> None:
    assert not ids.is_guid(text)
    for make in (ids.as_group_id, ids.as_object_guid, ids.lower_guid):
        with pytest.raises(ValueError, match="not a GUID"):
            make(text)


def made_elsewhere(tree: ast.AST) -> list[str]:
    """Calls of the types themselves, and patterns of a GUID."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("GroupId", "ObjectGuid"):
            found.append(node.func.id)
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.search(r"a-f[^]]*\]\{8\}(\(\?:)?-", node.value)
        ):
            found.append(node.value)
    return found


@pytest.mark.parametrize(
    "code", ["x = GroupId('a')", "f(ObjectGuid(text))", "re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}')"]
)
def test_an_id_made_elsewhere_is_found(code: str) -> None:
    assert made_elsewhere(ast.parse(code))


def test_ids_are_made_in_one_place() -> None:
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in LIBRARY.rglob("*.py") if path != HOME}
    found = {
        path.relative_to(LIBRARY).as_posix(): what for path, tree in trees.items() if (what := made_elsewhere(tree))
    }
    assert found == {}
