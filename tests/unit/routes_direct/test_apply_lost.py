"""Writes that get no answer: whatever was lost, and when, the end is the one of an undisturbed run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from rehearsal.directory import DirectoryStore
from runbook_lib.change.carry_out import carry_out
from runbook_lib.change.journal import Journal, JournalFile, read_journal
from runbook_lib.change.journal_check import out_of_order
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import equals, guid_text
from runbook_lib.errors import BrokeOff, NoAccess, RunbookError, ServiceFailed
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.directory import RESTORED_ATTRIBUTES, AttributeDelta
from runbook_lib.model.ids import GroupId, ObjectGuid, anchor_of, mark_of
from runbook_lib.model.text import t
from runbook_lib.record.schema_files import schema_text
from runbook_lib.routes.direct.payload import (
    Deletion,
    DirectChange,
    DirectPayload,
    DirectPlan,
    ExistingMember,
    Member,
    Move,
    NewGroupMember,
)
from runbook_lib.routes.direct.route import DIRECT_RULES
from runbook_lib.routes.direct.target import DirectTarget
from runbook_lib.routes.direct.work import DirectWork
from runbook_lib.routes.registry import ROUTES
from tests.unit.directory.embedded import BASE, RETIRED, TARGET, Embedded, running
from tests.unit.directory.faulty import BUSY, LATE, OK, UNANSWERED, UNSENT, Faults

TENANT = "11111111-2222-3333-4444-555555555555"
FAULTS = (UNSENT, UNANSWERED, LATE, BUSY)


def group_id(name: str) -> str:
    return f"0a1b2c3d-0000-4000-8000-{name.encode().hex():0>12}"


class World:
    """An embedded directory with two groups of ours, four people, and a plan of every kind of write."""

    def __init__(self, embedded: Embedded) -> None:
        self.embedded = embedded
        store = embedded.store
        people = [f"CN=person {n},OU=Staff,{BASE}" for n in range(4)]
        for number, dn in enumerate(people):
            store.add(dn, {"objectClass": "user", "sAMAccountName": f"person{number}"})
        self.people = [ExistingMember(ObjectGuid(self._guid(dn)), dn) for dn in people]
        self.first = self._ours("first", member=people[:2], displayName="before")
        self.second = self._ours("second", member=people[2:])
        self.third = self._ours("third", description="goes")
        self.lost = Deletion(store.sid(f"CN=third,{TARGET}"), False, (), "off", 60, "default", "on", "on")
        self.plan = self._plan()
        self.start = store.snapshot()

    def _guid(self, dn: str) -> str:
        return guid_text(self.embedded.store.node(dn).guid)

    def _ours(self, name: str, **more: Any) -> str:
        marks = {
            "adminDescription": anchor_of(GroupId(group_id(name))),
            "extensionName": mark_of(TENANT, GroupId(group_id(name))),
        }
        return self.embedded.add_group(name, **marks, **more)

    def _deletion(self) -> DirectChange:
        with self.embedded.open() as directory:
            entry = directory.read(self.third, RESTORED_ATTRIBUTES)
        assert entry is not None
        there = tuple(AttributeDelta(n, removed=entry.texts(n)) for n in RESTORED_ATTRIBUTES if entry.texts(n))
        at, parent = f"CN=third,{TARGET}", self._guid(TARGET)
        name = "CN=third"
        payload = DirectPayload(at, ObjectGuid(self.third), name, ObjectGuid(parent), there, deletion=self.lost)
        return DirectChange(ChangeKind.DELETE, GroupId(group_id("third")), "third", payload)

    def _plan(self) -> DirectPlan:
        target = DirectTarget(
            TENANT,
            "d" * 36,
            "contoso.com",
            TARGET,
            ObjectGuid(self._guid(TARGET)),
            RETIRED,
            ObjectGuid(self._guid(RETIRED)),
        )

        def created(name: str, *members: Member) -> DirectChange:
            values = {
                "adminDescription": anchor_of(GroupId(group_id(name))),
                "extensionName": mark_of(TENANT, GroupId(group_id(name))),
                "groupType": "8",
                "sAMAccountName": f"Group_{name}",
            }
            deltas = tuple(AttributeDelta(key, added=(value,)) for key, value in values.items())
            dn = f"CN={name},{TARGET}"
            payload = DirectPayload(dn, ObjectGuid(""), f"CN={name}", target.target_ou_guid, deltas, members)
            return DirectChange(ChangeKind.CREATE, GroupId(group_id(name)), name, payload)

        one, two, three, four = self.people
        move = Move(target.target_ou_guid, target.retired_ou_guid, TARGET, RETIRED)
        renamed = (AttributeDelta("displayName", ("before",), ("after",)),)
        told = (AttributeDelta("description", (), ("retired",)),)

        def of(name: str, kind: ChangeKind, **more: Any) -> DirectChange:
            guid = {"first": self.first, "second": self.second}[name]
            return DirectChange(
                kind, GroupId(group_id(name)), name, DirectPayload(f"CN={name},{TARGET}", ObjectGuid(guid), **more)
            )

        changes = (
            created("new", one, NewGroupMember(GroupId(group_id("other")))),
            created("other", two),
            of("first", ChangeKind.UPDATE, attributes=renamed),
            of("first", ChangeKind.ADD_MEMBERS, members_added=(three, four)),
            of("first", ChangeKind.REMOVE_MEMBERS, members_removed=(one,)),
            of("second", ChangeKind.RETIRE, attributes=told, move=move, members_removed=(three,)),
        )
        return DirectPlan(Operation.ENABLE, target, (*changes, self._deletion()))

    def apply(self, folder: Path, faults: Faults, earlier: list[JournalFile]) -> JournalFile:
        """Apply the plan through faults and return the journal; raises what applying raises."""
        dn_of = {ref.guid: ref.dn for ref in self.people}
        folder.mkdir()
        with (
            self.embedded.open() as directory,
            Journal(folder / "journal.jsonl", lambda: "2026-11-25T00:00:00Z") as journal,
        ):
            faults.into(directory)
            resumes = earlier[-1].run.name if earlier else None
            journal.open(approved=[change.digest for change in self.plan.changes], resumes=resumes)
            work = DirectWork(directory, self.plan.target, self.plan.changes, dn_of=dn_of)
            carry_out(work, journal, earlier=earlier)
        read = read_journal(folder, ROUTES)
        assert read is not None
        return read

    def state(self) -> dict[str, Any]:
        """Every group by DN: what is written to, without GUIDs and times."""
        with self.embedded.open() as directory:
            names = ("displayName", "description", "member", "adminDescription", "extensionName", "sAMAccountName")
            return {
                dn: {name: sorted(entry.texts(name)) for name in names}
                for ou in (TARGET, RETIRED)
                for dn, entry in _below(directory, ou).items()
            }


def _below(directory: Directory, ou: str) -> dict[str, Any]:
    found = directory.search(ou, equals("objectClass", "group"), ("displayName", "description", "member",
        "adminDescription", "extensionName", "sAMAccountName"))  # fmt: skip
    return {entry.dn: entry for entry in found}


def effects(journals: list[JournalFile]) -> dict[str, object]:
    """Write to what it changed, GUIDs of new objects left out."""
    text: dict[str, object] = {}
    for journal in journals:
        for effect in journal.effects:
            data = dict(effect.data)
            for side in ("members_added", "members_removed"):
                if side in data:
                    data[side] = len(data[side])
            text[effect.write] = data
    return text


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("directory")) as embedded:
        yield World(embedded)


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, object]]:
    """State and effects of a run that nothing happened to."""
    journal = world.apply(tmp_path_factory.mktemp("undisturbed") / "run", Faults([]), [])
    state = world.state()
    _reset(world)
    return state, effects([journal])


def _reset(world: World) -> None:
    world.embedded.store.restore(world.start)
    world.embedded.slept.clear()


@example([OK] * 10 + [UNANSWERED])
@example([OK] * 10 + [LATE])
@example([UNSENT] * 3 + [LATE])
@example([OK] + [UNSENT] * 4 + [LATE, UNANSWERED])
@given(st.lists(st.sampled_from((OK, OK, *FAULTS)), max_size=14))
@settings(max_examples=25, deadline=None)
def test_any_faults_end_like_none(
    world: World, undisturbed: tuple[dict[str, Any], dict[str, object]], script: list[str]
) -> None:
    """In one run, or in further ones where one write was unlucky five times in a row."""
    _reset(world)
    journals: list[JournalFile] = []
    with TemporaryDirectory() as folder:
        faults = Faults(script)
        for number in range(4):
            run = Path(folder) / f"run{number}"
            with suppress(BrokeOff):
                world.apply(run, faults, journals)
            read = read_journal(run, ROUTES)
            assert read is not None
            journals.append(read)
            if read.closed:
                break
        assert (world.state(), effects(journals)) == undisturbed
        assert journals[-1].closed
        assert out_of_order(world.plan, journals, DIRECT_RULES) is None


@pytest.mark.parametrize("fault", FAULTS)
def test_one_lost_write_is_one_line_and_one_pause(world: World, tmp_path: Path, fault: str) -> None:
    _reset(world)
    world.apply(tmp_path / "run", Faults([fault]), [])
    lines = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_bytes().splitlines()]
    lost = [line for line in lines if line["entry"] == "lost"]
    assert len(lost) == (2 if fault == LATE else 1)
    assert world.embedded.slept == [1.0]
    for line in lost:
        assert line["write"] == lines[1]["write"]
        assert "directory-unavailable" in line["why"] or "exists" in line["why"]
        assert Draft202012Validator(json.loads(schema_text("journal"))).is_valid(line)


def test_a_write_that_never_gets_through_is_partial_and_stays_open(world: World, tmp_path: Path) -> None:
    """Even the first one: whether it took effect is not known."""
    _reset(world)
    with pytest.raises(BrokeOff) as caught:
        world.apply(tmp_path / "run", Faults([UNSENT] * 5), [])
    assert "resumes" in caught.value.hint
    assert world.embedded.slept == [1.0, 2.0, 4.0, 8.0]
    read = read_journal(tmp_path / "run", ROUTES)
    assert read is not None
    assert not read.closed


def test_somebody_else_wrote_in_between(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The object is neither as before nor as wanted: the run stops, and does not say that nothing was written."""
    _reset(world)
    script = [OK, OK, OK, OK, UNSENT]
    store: DirectoryStore = world.embedded.store

    def meddle(_seconds: float) -> None:
        store.modify(f"CN=first,{TARGET}", {"displayName": "by hand"})

    monkeypatch.setattr(world.embedded, "slept", _Slept(meddle))
    with pytest.raises(BrokeOff) as caught:
        world.apply(tmp_path / "run", Faults(script), [])
    assert caught.value.values["cause"] == "drift"
    assert world.state()[f"CN=first,{TARGET}"]["displayName"] == ["by hand"]


class _Slept(list[float]):
    """A pause during which something happens."""

    def __init__(self, append: Any) -> None:
        self.append = append  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "error", [NoAccess(t("no"), code="bind-refused"), ServiceFailed(t("no"), code="controller-changed")]
)
def test_a_connection_that_cannot_be_had_again_is_partial(world: World, tmp_path: Path, error: RunbookError) -> None:
    _reset(world)

    class Broken(Faults):
        def into(self, directory: Directory) -> None:
            super().into(directory)
            directory.let_reopen(lambda: (_ for _ in ()).throw(error))

    with pytest.raises(BrokeOff) as caught:
        world.apply(tmp_path / "run", Broken([UNANSWERED]), [])
    assert caught.value.values["cause"] == error.code
    read = read_journal(tmp_path / "run", ROUTES)
    assert read is not None
    assert not read.closed
