"""Deletions and undeletes carried out on the embedded directory, and killed before and after every single write."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change.carry_out import carry_out
from runbook_lib.change.journal import Journal, JournalFile, read_journal
from runbook_lib.change.journal_check import DoneChange, effects_of
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import Entry
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.errors import BrokeOff, NoAccess, Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.ids import anchor_of, mark_of
from runbook_lib.routes.direct.backup_and_verify import backup, read_back
from runbook_lib.routes.direct.payload import DIRECT_TYPES
from runbook_lib.routes.direct.plan_disable import plan_disable
from runbook_lib.routes.direct.plan_undo import plan_undo
from runbook_lib.routes.direct.work import DirectWork
from runbook_lib.routes.direct.writes import WriteKind, effect_of, writes_of
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b
from tests.support.builders import rewritten
from tests.unit.directory.embedded import ADMINISTRATOR, BASE, RETIRED, TARGET, WRITER, Embedded, clock, running

HOLDER, CHILD = b.cloud_group("Holder"), b.cloud_group("Child")
CLOUD = b.cloud_side([HOLDER, CHILD])
DELETING = b.disable_policy("*", delete=True)
ANA, BO = f"CN=Ana,OU=Staff,{BASE}", f"CN=Bo,OU=Staff,{BASE}"
VOLATILE = {"whenchanged", "usnchanged", "lastknownparent", "msds-lastknownrdn", "dscorepropagationdata"}


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture(scope="module", params=[False, True], ids=["recycle bin off", "recycle bin on"])
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Two groups of ours, one in the other and in somebody else's; the child has attributes of every sort."""
    with running(tmp_path_factory.mktemp("directory")) as embedded:
        embedded.store.recycle_bin = request.param
        embedded.store.extend_schema_for_exchange()
        for dn in (ANA, BO):
            embedded.store.add(dn, {"objectClass": "user", "sAMAccountName": dn[3:6].strip(",")})
        written(
            embedded, CHILD, [ANA, BO], groupType="-2147483640", info="note", mail="child@contoso.com", managedBy=ANA
        )
        written(embedded, HOLDER, [ANA, f"CN=Child,{TARGET}"], ou=RETIRED)
        embedded.add_group("Foreign", f"OU=Staff,{BASE}", member=[f"CN=Child,{TARGET}"])
        yield embedded


def written(embedded: Embedded, group: Any, members: list[str], ou: str = TARGET, **more: str) -> None:
    values = {
        "adminDescription": anchor_of(group.id),
        "extensionName": [mark_of(b.TENANT, group.id), "another program's"],
        "displayName": group.display_name,
        "member": members,
    }
    embedded.add_group(group.display_name, ou, **{**values, **more})


@pytest.fixture
def embedded(started: Embedded) -> Iterator[Embedded]:
    before = started.store.snapshot()
    yield started
    started.store.restore(before)


class Operator:
    """Plans, applies and resumes, as the notebooks do, with journals in one folder."""

    def __init__(self, embedded: Embedded, folder: Path) -> None:
        self.embedded = embedded
        self.folder = folder
        self.numbers = itertools.count(1)

    def inventory(self, directory: Directory) -> Inventory:
        return b.inventory_of(CLOUD, read_directory(directory, TARGET, RETIRED, clock=clock))

    def connected(self) -> Directory:
        return self.embedded.open(bind_user=ADMINISTRATOR)

    def plan(self, planner: Callable[[Inventory], Any]) -> Plan:
        with self.connected() as directory:
            plan: Plan = planner(self.inventory(directory)).plan
        return plan

    def apply(self, plan: Plan, earlier: list[JournalFile], kill: tuple[int, str] = (0, "")) -> JournalFile:
        """One run; ``kill`` is the number of the write and whether its effect happens first."""
        run = self.folder / f"run{next(self.numbers)}"
        run.mkdir()
        with self.connected() as directory, Journal(run / "journal.jsonl", lambda: "now") as journal:
            dn_of = {item.guid: item.dn for item in self.inventory(directory).directory.objects}
            journal.open(operation="x", resumes=earlier[-1].run.name if earlier else None)
            if kill[0]:
                die_at(directory, *kill)
            work = DirectWork(directory, plan.target, plan.changes, dn_of=dn_of)
            try:
                carry_out(work, journal, earlier=earlier)
                guids = {c.digest: c.payload.object_id for c in plan.changes}
                differing = [c.differences for c in read_back(directory, plan.changes, plan.target, guids, dn_of)]
                assert not any(differing), differing
            except Killed:
                pass
        found = read_journal(run, ROUTES)
        assert found is not None
        return found


def die_at(directory: Directory, number: int, when: str) -> None:
    send, count = directory._send, itertools.count(1)

    def dying(*arguments: Any, **named: Any) -> Any:
        now = next(count) == number
        if now and when == "before":
            raise Killed
        result = send(*arguments, **named)
        if now:
            raise Killed
        return result

    directory._send = dying  # type: ignore[method-assign]


@pytest.fixture
def operator(embedded: Embedded, tmp_path: Path) -> Operator:
    return Operator(embedded, tmp_path)


def state(embedded: Embedded) -> dict[str, dict[str, list[bytes]]]:
    """Every group of the domain with what lasts."""
    with embedded.open(bind_user=ADMINISTRATOR) as directory:
        guids = [
            node.guid for node in embedded.store.tree.nodes.values() if "group" in node.classes and not node.deleted
        ]
        entries = [directory.read_dn(embedded.store.tree.dn(guid), ["*", "memberOf"]) for guid in guids]
    return {e.dn: lasting(e) for e in entries if e is not None}


def lasting(entry: Entry) -> dict[str, list[bytes]]:
    return {name: sorted(values) for name, values in entry.attributes.items() if name not in VOLATILE}


def deleted(operator: Operator) -> DoneChange:
    plan = operator.plan(lambda i: plan_disable(i, DELETING))
    assert [c.kind for c in plan.changes] == [ChangeKind.DELETE] * 2
    return DoneChange(plan, effects_of([operator.apply(plan, [])]))


def undo(operator: Operator, done: DoneChange) -> Plan:
    return operator.plan(lambda i: plan_undo(i, b.policy(), done))


def foreign_again(found: dict[str, dict[str, list[bytes]]], embedded: Embedded) -> dict[str, dict[str, list[bytes]]]:
    """What the runbook is to reach without the Recycle Bin: other people's groups stay as the deletion left them."""
    if not embedded.store.recycle_bin:
        foreign = f"CN=Foreign,OU=Staff,{BASE}"
        del found[foreign]["member"]
        found[f"CN=Child,{TARGET}"]["memberof"].remove(foreign.encode())
    return found


def test_everything_comes_back_and_the_journal_names_only_what_was_written(operator: Operator) -> None:
    before = state(operator.embedded)
    done = deleted(operator)
    assert not {dn for dn in state(operator.embedded) if dn.endswith((TARGET, RETIRED))}
    plan = undo(operator, done)
    assert [c.kind for c in plan.changes] == [ChangeKind.UNDELETE] * 2
    effects = [effect_of(some) for some in effects_of([operator.apply(plan, [])]).values()]
    assert state(operator.embedded) == foreign_again(before, operator.embedded)
    written_members = sum(len(effect.members_added) for effect in effects)
    # With the Recycle Bin at most the link between the two is left: the first comes back while the other is gone.
    assert written_members in ((0, 1) if operator.embedded.store.recycle_bin else (4,))
    assert all(effect.undeleted for effect in effects)
    assert undo(operator, done).changes == ()
    assert undo(operator, done).in_step == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deletion_killed_at_any_write_is_finished(operator: Operator, when: str) -> None:
    before = state(operator.embedded)
    for number in (1, 2):
        snapshot = operator.embedded.store.snapshot()
        plan = operator.plan(lambda i: plan_disable(i, DELETING))
        broken = operator.apply(plan, [], (number, when))
        assert not broken.closed
        finished = operator.apply(plan, [broken])
        assert finished.closed
        done = DoneChange(plan, effects_of([broken, finished]))
        operator.apply(undo(operator, done), [])
        assert state(operator.embedded) == foreign_again(dict(before), operator.embedded)
        operator.embedded.store.restore(snapshot)
        before = state(operator.embedded)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_undelete_killed_at_any_write_is_finished(operator: Operator, when: str) -> None:
    wanted = foreign_again(state(operator.embedded), operator.embedded)
    plan = undo(operator, deleted(operator))
    kinds = [write.kind for write in writes_of(DIRECT_TYPES.changes(plan.changes))]
    assert kinds[:2] == [WriteKind.UNDELETE] * 2
    needed = 2 if operator.embedded.store.recycle_bin else len(kinds)
    assert len(kinds) == 7
    for number in range(1, needed + 1):
        snapshot = operator.embedded.store.snapshot()
        broken = operator.apply(plan, [], (number, when))
        assert not broken.closed
        assert operator.apply(plan, [broken]).closed
        assert state(operator.embedded) == wanted, number
        operator.embedded.store.restore(snapshot)


DRIFTS: dict[str, Callable[[Embedded], object]] = {
    "member": lambda e: e.store.modify(f"CN=Child,{TARGET}", {"member": [ANA]}),
    "description": lambda e: e.store.modify(f"CN=Child,{TARGET}", {"description": "By hand"}),
    "extensionName": lambda e: e.store.modify(f"CN=Child,{TARGET}", {"extensionName": [mark_of(b.TENANT, CHILD.id)]}),
    "memberOf": lambda e: e.add_group("New", f"OU=Staff,{BASE}", member=[f"CN=Child,{TARGET}"]),
    "anchor": lambda e: e.store.modify(f"CN=Child,{TARGET}", {"adminDescription": []}),
    "protects": lambda e: e.store.modify(f"CN=Child,{TARGET}", {"adminCount": "1"}),
}


@pytest.mark.parametrize("what", DRIFTS)
def test_an_object_that_changed_since_is_not_deleted(operator: Operator, what: str) -> None:
    plan = operator.plan(lambda i: plan_disable(i, b.disable_policy("Child", delete=True)))
    DRIFTS[what](operator.embedded)
    before = state(operator.embedded)
    with pytest.raises(Refused) as caught:
        operator.apply(plan, [])
    assert caught.value.code == "drift"
    assert what in caught.value.message
    assert state(operator.embedded) == before


def test_an_object_that_somebody_else_deleted_is_not_ours_to_bring_back(operator: Operator) -> None:
    plan = operator.plan(lambda i: plan_disable(i, b.disable_policy("Child", delete=True)))
    operator.embedded.store.delete(f"CN=Child,{TARGET}")
    effects = [effect_of(some) for some in effects_of([operator.apply(plan, [])]).values()]
    assert [effect.empty for effect in effects] == [True]


def test_a_deleted_object_that_the_account_does_not_see_stops_the_undo_with_words(operator: Operator) -> None:
    plan = undo(operator, deleted(operator))
    with pytest.raises(Refused) as caught:
        apply_as_writer(operator, plan)
    assert "neither in AD nor among the deleted objects" in caught.value.message


def apply_as_writer(operator: Operator, plan: Plan) -> None:
    run = operator.folder / "writer"
    run.mkdir()
    with operator.embedded.open() as directory, Journal(run / "journal.jsonl", lambda: "now") as journal:
        journal.open(operation="x", resumes=None)
        carry_out(DirectWork(directory, plan.target, plan.changes, dn_of={}), journal)


def test_an_account_without_the_right_is_told_so(operator: Operator) -> None:
    plan = undo(operator, deleted(operator))
    store = operator.embedded.store
    store.descriptors.add_entries(f"CN=Deleted Objects,{BASE}", f"(A;;LCRP;;;{store.sid(WRITER)})")
    with pytest.raises((NoAccess, BrokeOff)) as caught:
        apply_as_writer(operator, plan)
    assert "Reanimate-Tombstones" in (caught.value.hint or "")


def differing(operator: Operator, plan: Plan) -> list[tuple[str, ...]]:
    guids = {change.digest: change.payload.object_id for change in plan.changes}
    with operator.connected() as directory:
        return [item.differences for item in read_back(directory, plan.changes, plan.target, guids, {})]


def test_the_read_back_notices_what_is_not_gone_or_not_the_same(operator: Operator) -> None:
    plan = operator.plan(lambda i: plan_disable(i, b.disable_policy("Child", delete=True)))
    assert differing(operator, plan) == [("it still stands in AD",)]
    (change,) = DIRECT_TYPES.changes(plan.changes)
    nobody = rewritten(change, object_guid=b.guid("nobody"))
    done = DoneChange(plan, effects_of([operator.apply(plan, [])]))
    assert differing(operator, plan) == [()]
    assert change.payload.deletion is not None
    other = rewritten(change, deletion=replace(change.payload.deletion, sid="S-1-5-21-9"))
    assert differing(operator, replace(plan, changes=(other,))) == [("it does not have the SID that it had",)]
    assert differing(operator, replace(plan, changes=(nobody,))) == [("it is not among the deleted objects",)]
    back = undo(operator, done)
    assert differing(operator, back)[0] == ("the object is not there",)
    operator.apply(back, [])
    (undelete, *_) = DIRECT_TYPES.changes(back.changes)
    assert undelete.payload.deletion is not None
    other = rewritten(undelete, deletion=replace(undelete.payload.deletion, sid="S-1-5-21-9"))
    assert differing(operator, replace(back, changes=(other,)))[0] == ("it does not have the SID that it had",)


def test_the_backup_holds_identity_links_and_members_by_guid(operator: Operator) -> None:
    plan = operator.plan(lambda i: plan_disable(i, b.disable_policy("Child", delete=True)))
    with operator.connected() as directory:
        text = backup(directory, plan.changes, clock())
    for name in ("objectguid::", "objectsid::", "member:", "memberof:", "mail: child@contoso.com", "admindescription:"):
        assert f"\n{name}" in text
    (change,) = DIRECT_TYPES.changes(plan.changes)
    assert [line for line in text.splitlines() if line.startswith("# member ")] == [
        f"# member {ref.guid} {ref.dn}" for ref in change.payload.members_removed
    ]
    assert change.payload.deletion is not None
    assert {ref.dn for ref in change.payload.deletion.member_of} == {
        f"CN=Holder,{RETIRED}",
        f"CN=Foreign,OU=Staff,{BASE}",
    }
