"""Whatever is altered in the files of a change that broke off: never a defect, never a write that was not approved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.model.outcome import Outcome
from tests.unit.directory.embedded import BASE
from tests.unit.notebook.field import Field

FILES = ("plan.json", "journal.jsonl", "approval")
SETTINGS = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Scene:
    """A change that broke off in the middle of its writes, as files, put back before every trial."""

    def __init__(self, field: Field) -> None:
        self.field = field
        field.clear()
        self.broken = field.killed(3)
        self.kept = field.records.parent / "kept"
        shutil.rmtree(self.kept, ignore_errors=True)
        shutil.copytree(field.records, self.kept)
        self.store = field.embedded.store.snapshot()
        self.inventory = field.inventory()
        self.people = sorted(f"CN={name},OU=Staff,{BASE}" for name in ("Ana", "Bo", "Cy"))

    def path(self, name: str) -> Path:
        if name == "approval":
            return next(path for path in (self.field.folder / "approvals").iterdir())
        return self.broken / name

    def reset(self) -> None:
        shutil.rmtree(self.field.records)
        shutil.copytree(self.kept, self.field.records)
        self.field.embedded.store.restore(self.store)
        self.field.known = self.inventory

    def trial(self, name: str, alter: Callable[[bytes], bytes]) -> None:
        """Alter one file, run, and hold the end against what was approved."""
        self.reset()
        path = self.path(name)
        path.write_bytes(alter(path.read_bytes()))
        elsewhere = self.outside()
        run, _ = self.field.run()
        assert run.record.outcome not in (None, Outcome.BUG)
        groups = self.field.groups()
        assert groups.keys() <= {"Board", "Sales"}
        for members in groups.values():
            assert members in ([], self.people)
        assert self.outside() == elsewhere
        if run.record.outcome is Outcome.DONE:
            assert sorted(groups) == ["Board", "Sales"]
            assert all(members == self.people for members in groups.values())

    def outside(self) -> list[str]:
        """Every object elsewhere than in the two OUs."""
        tree = self.field.embedded.store.tree
        names = [tree.dn(node.guid) for node in tree.nodes.values()]
        return sorted(dn for dn in names if "Cloud Groups" not in dn)


@pytest.fixture(scope="module")
def scene(standing: Field) -> Scene:
    return Scene(standing)


@given(name=st.sampled_from(FILES), at=st.integers(0, 20_000), byte=st.integers(0, 255), how=st.integers(0, 2))
@settings(SETTINGS, max_examples=100)
def test_any_byte(scene: Scene, name: str, at: int, byte: int, how: int) -> None:
    """Changed, put in, or everything after it cut off."""

    def alter(data: bytes) -> bytes:
        place = at % len(data)
        return (
            data[:place] + bytes([byte]) + data[place + 1 :],
            data[:place] + bytes([byte]) + data[place:],
            data[:place],
        )[how]

    scene.trial(name, alter)


VALUES: tuple[Any, ...] = (None, True, 0, -1, 10**30, 1.5, "", "x", "\ud800", [], [None], {}, {"x": 1}, "CN=x,OU=Staff")


@given(name=st.sampled_from(FILES), data=st.data())
@settings(SETTINGS, max_examples=100)
def test_any_field(scene: Scene, name: str, data: st.DataObject) -> None:
    """Set to something else, removed, or doubled, at any depth; in a journal in any line."""

    def altered(value: Any) -> Any:
        if isinstance(value, dict) and value and data.draw(st.integers(0, 5)):
            key = data.draw(st.sampled_from(sorted(value)))
            if not data.draw(st.integers(0, 4)):
                return {k: v for k, v in value.items() if k != key}
            return {**value, key: altered(value[key])}
        if isinstance(value, list) and value and data.draw(st.integers(0, 5)):
            index = data.draw(st.integers(0, len(value) - 1))
            rest = value[:index] + value[index + 1 :]
            return data.draw(st.sampled_from((rest, [*value, value[index]], [*rest, altered(value[index])])))
        return data.draw(st.sampled_from(VALUES))

    def alter(content: bytes) -> bytes:
        if name != "journal.jsonl":
            return json.dumps(altered(json.loads(content))).encode()
        lines = content.splitlines()
        index = data.draw(st.integers(0, len(lines) - 1))
        lines[index] = json.dumps(altered(json.loads(lines[index]))).encode()
        return b"\n".join(lines) + b"\n"

    scene.trial(name, alter)


@given(name=st.sampled_from(("journal.jsonl", "plan.json")), order=st.randoms(use_true_random=False))
@settings(SETTINGS, max_examples=25)
def test_lines_in_any_order_and_number(scene: Scene, name: str, order: Any) -> None:
    def alter(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        return b"".join(order.choices(lines, k=order.randint(0, 2 * len(lines))))

    scene.trial(name, alter)
