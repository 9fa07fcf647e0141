"""One member that the directory refuses, in spite of the plan, never takes its neighbours along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from runbook_lib.change.carry_out import carry_out
from runbook_lib.change.journal import Journal, JournalFile, read_journal
from runbook_lib.change.journal_check import effects_of
from runbook_lib.directory.search import guid_text
from runbook_lib.errors import BrokeOff, NoAccess, RunbookError, ServiceFailed
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.ids import GroupId, ObjectGuid, anchor_of, mark_of
from runbook_lib.model.text import t
from runbook_lib.record.schema_files import schema_text
from runbook_lib.routes.direct.payload import DIRECT_TYPES, DirectChange, DirectPayload, ExistingMember, Member
from runbook_lib.routes.direct.target import DirectTarget
from runbook_lib.routes.direct.value_steps import MOST_REFUSED, MemberValue, send_values
from runbook_lib.routes.direct.work import DirectWork
from runbook_lib.routes.direct.writes import MEMBERS_PER_WRITE, WriteKind, effect_of, writes_of
from runbook_lib.routes.registry import ROUTES
from tests.support.builders import rewritten
from tests.unit.directory.embedded import BASE, RETIRED, TARGET, Embedded, running
from tests.unit.directory.faulty import OK, UNANSWERED, UNSENT, Faults

TENANT = "11111111-2222-3333-4444-555555555555"
GROUP, OTHER = "0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000002"
COUNT = 9


class World:
    """Two groups of ours, people, and as many domain local groups, which no universal group takes."""

    def __init__(self, embedded: Embedded) -> None:
        self.embedded, store = embedded, embedded.store
        self.good, self.bad = [], []
        for number in range(COUNT):
            person, local = f"CN=person {number},OU=Staff,{BASE}", f"CN=local {number},OU=Staff,{BASE}"
            store.add(person, {"objectClass": "user", "sAMAccountName": f"person{number}"})
            store.add(local, {"objectClass": "group", "sAMAccountName": f"local{number}", "groupType": "-2147483644"})
            self.good.append(ExistingMember(ObjectGuid(self.guid(person)), person))
            self.bad.append(ExistingMember(ObjectGuid(self.guid(local)), local))
        self.group, self.other = (self._ours(name, key) for name, key in (("group", GROUP), ("other", OTHER)))
        self.start = store.snapshot()

    def guid(self, dn: str) -> str:
        return guid_text(self.embedded.store.node(dn).guid)

    def _ours(self, name: str, key: str) -> str:
        return self.embedded.add_group(
            name, adminDescription=anchor_of(GroupId(key)), extensionName=mark_of(TENANT, GroupId(key))
        )

    def plan(self, members: list[Member]) -> Plan:
        target = DirectTarget(
            TENANT,
            "d" * 36,
            "contoso.com",
            TARGET,
            ObjectGuid(self.guid(TARGET)),
            RETIRED,
            ObjectGuid(self.guid(RETIRED)),
        )
        kind = ChangeKind.ADD_MEMBERS
        return Plan(
            Operation.ENABLE,
            target,
            (
                DirectChange(
                    kind,
                    GroupId(GROUP),
                    "Group",
                    DirectPayload(f"CN=group,{TARGET}", ObjectGuid(self.group), members_added=tuple(members)),
                ),
                DirectChange(
                    kind,
                    GroupId(OTHER),
                    "Other",
                    DirectPayload(f"CN=other,{TARGET}", ObjectGuid(self.other), members_added=(self.good[0],)),
                ),
            ),
        )

    def apply(
        self, plan: Plan, folder: Path, earlier: tuple[JournalFile, ...] = (), script: tuple[str, ...] = ()
    ) -> RunbookError | None:
        folder.mkdir()
        refs = [ref for change in DIRECT_TYPES.changes(plan.changes) for ref in change.payload.members_added]
        with (
            self.embedded.open() as directory,
            Journal(folder / "journal.jsonl", lambda: "2026-11-25T00:00:00Z") as journal,
        ):
            Faults(list(script)).into(directory)
            resumes = earlier[-1].run.name if earlier else None
            journal.open(approved=[change.digest for change in plan.changes], resumes=resumes)
            try:
                dn_of = {ref.guid: ref.dn for ref in refs}
                carry_out(DirectWork(directory, plan.target, plan.changes, dn_of=dn_of), journal, earlier=earlier)
            except RunbookError as error:
                return error
        return None

    def members(self, guid: str) -> set[str]:
        with self.embedded.open() as directory:
            return set(directory.members(guid))


def journal_of(folder: Path) -> JournalFile:
    read = read_journal(folder, ROUTES)
    assert read is not None
    for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()[1:]:
        assert Draft202012Validator(json.loads(schema_text("journal"))).is_valid(json.loads(line)), line
    return read


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("directory")) as embedded:
        yield World(embedded)


PLACES = st.lists(st.booleans(), min_size=1, max_size=COUNT)


@example([True])
@example([False, False, True, False])
@example([True] * COUNT)
@given(PLACES)
@settings(max_examples=15, deadline=None)
def test_whatever_is_refused_everything_else_is_written_and_the_refused_are_named(
    world: World, places: list[bool]
) -> None:
    """``places``: whether a value is one that AD refuses."""
    world.embedded.store.restore(world.start)
    members: list[Member] = [world.bad[n] if refused else world.good[n] for n, refused in enumerate(places)]
    plan = world.plan(members)
    with TemporaryDirectory() as name:
        error = world.apply(plan, Path(name) / "run")
        journal = journal_of(Path(name) / "run")
    good = {world.good[n].dn for n, refused in enumerate(places) if not refused}
    bad = {world.bad[n].dn for n, refused in enumerate(places) if refused}
    assert world.members(world.group) == good
    assert world.members(world.other) == {world.good[0].dn}
    assert journal.closed
    effect = effect_of(effects_of([journal]).get(plan.changes[0].digest, ()))
    assert effect is not None
    assert set(effect.members_added) == {ref.guid for ref in members if ref.dn in good}
    if not bad:
        assert error is None
        return
    assert isinstance(error, BrokeOff)
    assert error.values["cause"] == "members-refused"
    assert {item["dn"] for item in error.values["members"]} == bad  # type: ignore[attr-defined]
    assert "plans what is left" in error.hint
    assert "00002146" in error.message
    (first,) = [e for e in journal.effects if e.change == plan.changes[0].digest]
    assert {item["dn"] for item in first.data["refused"]} == bad


@pytest.mark.parametrize("script", [(OK, OK, UNANSWERED), (OK, UNSENT), (OK, OK, OK, UNSENT, UNANSWERED)])
def test_a_lost_answer_between_the_halves_changes_nothing(
    world: World, tmp_path: Path, script: tuple[str, ...]
) -> None:
    world.embedded.store.restore(world.start)
    plan = world.plan([*world.good[:3], world.bad[0], *world.good[3:6]])
    error = world.apply(plan, tmp_path / "run", script=script)
    assert error is not None
    assert world.members(world.group) == {ref.dn for ref in world.good[:6]}
    effect = effect_of(effects_of([journal_of(tmp_path / "run")])[plan.changes[0].digest])
    assert set(effect.members_added) == {ref.guid for ref in world.good[:6]}


def test_a_run_that_ended_between_the_halves_resumes_and_owns_all_that_it_wrote(world: World, tmp_path: Path) -> None:
    """The connection is gone for good after the first half: the journal stays open, and the next run goes on."""
    world.embedded.store.restore(world.start)
    plan = world.plan([*world.good[:4], world.bad[0], *world.good[4:8]])
    error = world.apply(plan, tmp_path / "one", script=(OK, OK, *[UNSENT] * 5))
    assert isinstance(error, BrokeOff)
    first = journal_of(tmp_path / "one")
    assert not first.closed
    written = world.members(world.group)
    assert written
    error = world.apply(plan, tmp_path / "two", earlier=(first,))
    assert isinstance(error, BrokeOff)
    assert error.values["cause"] == "members-refused"
    second = journal_of(tmp_path / "two")
    assert second.closed
    effect = effect_of(effects_of([first, second])[plan.changes[0].digest])
    assert set(effect.members_added) == {ref.guid for ref in world.good[:8]}


def test_a_member_that_was_deleted_meanwhile_takes_nobody_along(world: World, tmp_path: Path) -> None:
    world.embedded.store.restore(world.start)
    gone = ExistingMember(ObjectGuid("0a1b2c3d-0000-4000-8000-00000000dead"), f"CN=gone,OU=Staff,{BASE}")
    plan = world.plan([world.good[0], gone, world.good[1]])
    folder = tmp_path / "run"
    folder.mkdir()
    with (
        world.embedded.open() as directory,
        Journal(folder / "journal.jsonl", lambda: "2026-11-25T00:00:00Z") as journal,
    ):
        journal.open(approved=[change.digest for change in plan.changes], resumes=None)
        dn_of = {ref.guid: ref.dn for ref in world.good}
        with pytest.raises(BrokeOff, match="is gone"):
            carry_out(DirectWork(directory, plan.target, plan.changes, dn_of=dn_of), journal)
    assert world.members(world.group) == {world.good[0].dn, world.good[1].dn}


def test_a_text_that_no_directory_holds_closes_the_journal_so_that_the_next_run_plans_anew(
    world: World, tmp_path: Path
) -> None:
    world.embedded.store.restore(world.start)
    plan = world.plan([world.good[0]])
    broken = AttributeDelta("description", added=("cut \ud83d",))
    last = rewritten(plan.changes[1], kind=ChangeKind.UPDATE, attributes=(broken,), members_added=())
    error = world.apply(replace(plan, changes=(plan.changes[0], last)), tmp_path / "run")
    assert isinstance(error, BrokeOff)
    assert error.values["cause"] == "text-not-unicode"
    assert "plans what is left" in error.hint
    assert journal_of(tmp_path / "run").closed


def values(count: int) -> list[MemberValue]:
    return [
        MemberValue(ExistingMember(ObjectGuid(f"{n:08}-0000-4000-8000-000000000000"), f"CN={n}"), f"CN={n}")
        for n in range(count)
    ]


def test_where_everything_is_refused_it_stops_trying() -> None:
    sent: list[int] = []

    def refuse(some: Any) -> None:
        sent.append(len(some))
        raise ServiceFailed(t("no"), code="directory-unwilling")

    taken, left = send_values(values(500), refuse)
    assert (taken, len(left)) == ([], 500)
    assert sum(item.error is not None for item in left) == MOST_REFUSED
    assert len(sent) < 4 * MOST_REFUSED


def test_what_is_not_about_one_value_is_not_tried_again() -> None:
    sent: list[int] = []

    def refuse(some: Any) -> None:
        sent.append(len(some))
        raise NoAccess(t("no"), code="insufficient-rights")

    with pytest.raises(NoAccess):
        send_values(values(8), refuse)
    assert sent == [8]


@given(st.integers(0, 3 * MEMBERS_PER_WRITE), st.integers(0, 3 * MEMBERS_PER_WRITE))
@settings(max_examples=20, deadline=None)
def test_no_modify_holds_more_members_than_one_write_may(added: int, removed: int) -> None:
    refs = [value.ref for value in values(max(added, removed, 1))]
    change = DirectChange(
        ChangeKind.UPDATE,
        GroupId(GROUP),
        "G",
        DirectPayload("CN=G", members_added=tuple(refs[:added]), members_removed=tuple(refs[:removed])),
    )
    writes = [write for write in writes_of([change]) if write.kind is WriteKind.MEMBERS]
    assert all(len(write.added) + len(write.removed) <= MEMBERS_PER_WRITE for write in writes)
    assert sum(len(write.added) for write in writes) == added
    assert sum(len(write.removed) for write in writes) == removed
