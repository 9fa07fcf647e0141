"""A journal that claims what somebody else did: no run takes it over, and no undo takes it back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change.journal import Journal
from runbook_lib.model.outcome import Outcome
from tests.unit.directory.embedded import BASE
from tests.unit.notebook.field import UNDO, Field

Line = dict[str, Any]
Lines = list[Line]


@pytest.fixture
def broken(field: Field) -> Path:
    """Run that died after both groups were created and before their members were sent."""
    return field.killed(3)


def begin_of(field: Field, run: Path, write: str) -> Line:
    """A ``begin`` line of a write of the plan, as the run would have written it."""
    plan = json.loads((run / "plan.json").read_bytes())
    digest, number = write.split("/")
    change = next(change for change in plan["changes"] if change["digest"] == digest)
    assert number == "2"
    return {
        "entry": "begin", "at": "2026-11-22T06:00:00.000Z", "write": write, "change": digest,
        "guid": next(line["guid"] for line in field.lines(run) if line["entry"] == "done" and line["change"] == digest),
        "intent": {
            "operation": "members", "dn": change["dn"], "attributes": [], "move": None,
            "members_added": [member["guid"] for member in change["members_added"]], "members_removed": [],
        },
    }  # fmt: skip


def changes_of(run: Path) -> list[str]:
    return [change["digest"] for change in json.loads((run / "plan.json").read_bytes())["changes"]]


def a_later_write(field: Field, run: Path) -> Lines:
    """What the adversary did: a planned member that somebody else added, claimed by a line in an open journal."""
    return [*field.lines(run), begin_of(field, run, f"{changes_of(run)[1]}/2")]


def done_without_begin(field: Field, run: Path) -> Lines:
    lines = field.lines(run)[:-1]  # without the genuine begin line of the write under way
    begun = begin_of(field, run, f"{changes_of(run)[0]}/2")
    effect = {"members_added": begun["intent"]["members_added"], "members_removed": []}
    told = {key: begun[key] for key in ("at", "write", "change", "guid")}
    return [*lines, {"entry": "done", **told, "effect": effect}]


def another_object(field: Field, run: Path) -> Lines:
    *lines, begun = field.lines(run)
    return [*lines, {**begun, "guid": "0" * 36}]


def another_member(field: Field, run: Path) -> Lines:
    *lines, begun = field.lines(run)
    return [*lines, {**begun, "intent": {**begun["intent"], "members_added": ["0" * 36]}}]


def another_kind(field: Field, run: Path) -> Lines:
    *lines, begun = field.lines(run)
    return [*lines, {**begun, "intent": {**begun["intent"], "operation": "add"}}]


def another_attribute(field: Field, run: Path) -> Lines:
    *lines, begun = field.lines(run)
    delta = {"name": "description", "removed": [], "added": ["x"]}
    return [*lines, {**begun, "intent": {**begun["intent"], "attributes": [delta]}}]


def another_change(field: Field, run: Path) -> Lines:
    *lines, begun = field.lines(run)
    return [*lines, {**begun, "change": changes_of(run)[1]}]


def lost_of_another(field: Field, run: Path) -> Lines:
    change = changes_of(run)[1]
    line = {"entry": "lost", "at": "x", "write": f"{change}/2", "change": change, "why": "x"}
    return [*field.lines(run), line]


FORGED: list[Callable[[Field, Path], Lines]] = [
    a_later_write, done_without_begin, another_object, another_member, another_kind, another_attribute, another_change,
    lost_of_another,
]  # fmt: skip


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_lines_that_no_run_wrote_are_refused_even_where_they_follow_each_other(
    field: Field, broken: Path, forge: Callable[[Field, Path], Lines]
) -> None:
    field.write_lines(broken, forge(field, broken))
    field.sent = 0
    run, error = field.run()
    assert error is not None
    assert (error.code, field.sent, run.record.outcome) == ("journal-contradicts", 0, Outcome.REFUSED), error


def test_a_line_that_is_put_in_taken_out_or_changed_is_found(field: Field, broken: Path) -> None:
    path = broken / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    begun = json.loads(lines[-1])
    longer = {**begun, "intent": {**begun["intent"], "members_added": begun["intent"]["members_added"][:1]}}
    for altered in (
        [*lines, lines[-1]],
        [lines[0], *lines[3:]],
        [*lines[:2], json.dumps({**json.loads(lines[2]), "guid": "0" * 36}).encode() + b"\n", *lines[3:]],
        [*lines, json.dumps(longer).encode() + b"\n"],
        [lines[0].replace(b'"localhost"', b'"elsewhere"'), *lines[1:]],
    ):
        path.write_bytes(b"".join(altered))
        run, error = field.run()
        assert error is not None
        assert (error.code, "does not follow" in error.message) == ("journal-damaged", True), error
        assert run.record.outcome is Outcome.REFUSED


def test_a_journal_of_another_run_is_damage(field: Field, broken: Path) -> None:
    other = broken.with_name(broken.name + "-copy")
    broken.rename(other)
    _, error = field.run()
    assert error is not None
    assert (error.code, "another run" in error.message) == ("journal-damaged", True)


def findings(run: Any) -> dict[str, Any]:
    return {finding["id"]: finding for finding in run.record.facts["findings"]}


@pytest.mark.parametrize("shared", [False, True])
def test_what_rests_on_the_word_of_a_journal_is_called_not_proved(field: Field, broken: Path, shared: bool) -> None:
    if shared:
        (broken / "journal.jsonl").chmod(0o664)
    run, error = field.run()
    assert error is None, error
    finding = findings(run)[f"effects-not-proved:{broken.name}"]
    assert finding["values"]["writes"] == 3
    assert "not proved" in finding["why"]
    assert finding["severity"] == ("warning" if shared or os.name != "posix" else "info")
    # The record that is undone is sealed; the run that it resumed is not.
    field.seal(run.record.folder.path)
    undoing, _ = field.run(UNDO, undo_record=str(run.record.folder.path))
    assert undoing.record.outcome is Outcome.AWAITING_APPROVAL
    assert f"effects-not-proved:{broken.name}" in findings(undoing)


def test_a_sealed_journal_needs_no_such_finding(field: Field, broken: Path) -> None:
    field.seal(broken)
    run, error = field.run()
    assert error is None, error
    assert not [name for name in findings(run) if name.startswith("effects-not-proved")]


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_only_its_owner_may_write_to_a_journal(tmp_path: Path) -> None:
    """Also where the folder is for a group whose members may write everything else."""
    tmp_path.chmod(0o770)
    with Journal(tmp_path / "journal.jsonl", lambda: "now") as journal:
        journal.open()
    assert (tmp_path / "journal.jsonl").stat().st_mode & 0o777 == 0o640


def test_members_that_somebody_else_added_meanwhile_are_not_claimed(field: Field, broken: Path) -> None:
    """The write under way was not sent; the journal's last line says what it would have sent."""
    lines = field.lines(broken)[:-1]  # it died before that line
    field.write_lines(broken, lines)
    tree = field.embedded.store.tree
    sales = next(tree.dn(node.guid) for node in tree.nodes.values() if tree.dn(node.guid).startswith("CN=Sales"))
    field.embedded.store.modify(sales, {"member": [f"CN=Ana,OU=Staff,{BASE}"]})
    run, error = field.run()
    assert error is None, error
    effects = [line["effect"] for line in field.lines(run.record.folder.path) if line["entry"] == "done"]
    assert sorted(len(effect["members_added"]) for effect in effects) == [2, 3]
