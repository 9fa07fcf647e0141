"""A record whose journal says more than its run did: an undo takes back nothing of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.notebook.field import UNDO, Field

Line = dict[str, Any]


@pytest.fixture
def updated(field: Field) -> Path:
    """Record of a run that put back one attribute of one group."""
    field.planned()
    field.run()
    tree = field.embedded.store.tree
    dn = next(tree.dn(node.guid) for node in tree.nodes.values() if tree.dn(node.guid).startswith("CN=Sales"))
    field.embedded.store.modify(dn, {"description": "by hand"})
    field.planned()
    run, error = field.run()
    assert error is None, error
    return run.record.folder.path


FORGED: dict[str, Callable[[Line], object]] = {
    "another value": lambda line: line["effect"]["attributes"][0].update(removed=["Domain Admins"]),
    "created": lambda line: line.update(effect={"created": "CN=Sales"}),
    "deleted": lambda line: line.update(effect={"deleted": "CN=Sales"}),
    "undeleted": lambda line: line.update(effect={"undeleted": "CN=Sales"}),
    "another object": lambda line: line.update(guid="0" * 36),
    "members": lambda line: line["effect"].update(members_added=["0" * 36]),
    "a move": lambda line: line["effect"].update(moved=["a", "b"]),
}


@pytest.mark.parametrize("how", FORGED)
@pytest.mark.parametrize("disable_by", ["retire", "delete"])
def test_what_its_plan_did_not_have_is_not_taken_back(field: Field, updated: Path, how: str, disable_by: str) -> None:
    lines = field.lines(updated)
    FORGED[how](next(line for line in lines if line["entry"] == "done"))
    field.write_lines(updated, lines)
    field.seal(updated)
    _, error = field.run(UNDO, undo_record=str(updated), disable_by=disable_by)
    assert error is not None
    assert error.code == "journal-damaged", error


def test_a_write_that_is_said_to_be_done_twice_is_damage(field: Field, updated: Path) -> None:
    lines = field.lines(updated)
    done = next(line for line in lines if line["entry"] == "done")
    field.write_lines(updated, [*lines[:-1], done, lines[-1]])
    field.seal(updated)
    _, error = field.run(UNDO, undo_record=str(updated))
    assert error is not None
    assert "twice" in error.message
    assert json.loads((updated / "record.json").read_bytes())["outcome"] == "done"
