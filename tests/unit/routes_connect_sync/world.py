"""A Connect server, its tenant and its OU as steps look at them, and processes that carry out one plan and die."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.change.carry_out import carry_out
from runbook_lib.change.journal import JOURNAL_FILE, JournalFile, read_journal
from runbook_lib.connect.choosing import ChoiceProof
from runbook_lib.errors import BrokeOff, Refused, ServiceFailed
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Switch
from runbook_lib.model.ids import NO_GROUP, as_group_id
from runbook_lib.model.target import Route
from runbook_lib.model.text import t, verbatim
from runbook_lib.routes.connect_sync.actions import ComingGroup, ConnectAction, LetConnectorWrite, RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.hand_over import HandOver, ServerFacts
from runbook_lib.routes.connect_sync.leaving_actions import SetNewGroupDefault, SwitchOff
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES, ConnectSyncChange, ConnectSyncPayload
from runbook_lib.routes.connect_sync.route import CONNECT_SYNC_RULES
from runbook_lib.routes.connect_sync.steps import ActContext, LiveSwitch
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget
from runbook_lib.routes.connect_sync.work import ConnectSyncWork, ServicePatience
from tests.support import builders as b
from tests.unit.routes_cloud_sync.runs import DyingJournal, Killed
from tests.unit.routes_connect_sync.leaving_world import Settings, Went

ROUTES = {CONNECT_SYNC_RULES.route: CONNECT_SYNC_RULES}
OU = f"OU=Connect Groups,{b.BASE}"
ACCOUNT = f"CN=MSOL_0123456789ab,OU=Service Accounts,{b.BASE}"
FACTS = ServerFacts("CONNECT01", "contoso.onmicrosoft.com")
KINDS = {
    LetConnectorWrite: ChangeKind.GRANT_RIGHTS,
    SwitchOn: ChangeKind.SWITCH_ON,
    SwitchOff: ChangeKind.SWITCH_OFF,
    SetNewGroupDefault: ChangeKind.NEW_GROUP_DEFAULT,
    RunCycle: ChangeKind.RUN_CYCLE,
}


def target() -> ConnectSyncTarget:
    """The OU of written groups."""
    return ConnectSyncTarget(b.TENANT, b.guid("domain"), "contoso.com", b.guid(f"ou {OU}"), OU)


def coming(*names: str) -> tuple[ComingGroup, ...]:
    """Groups that v1 will write, by id."""
    ids = [as_group_id(b.guid(f"group {name}")) for name in names]
    return tuple(ComingGroup(key, name, f"Group_{key}") for key, name in zip(ids, names, strict=True))


def change(action: ConnectAction, ou: str = OU) -> ConnectSyncChange:
    """A change about the OU."""
    payload = ConnectSyncPayload(b.guid(f"ou {ou}"), ou, "", action)
    return ConnectSyncChange(KINDS[type(action)], NO_GROUP, "", payload, "x", verbatim("because"))


def plan_of(*actions: ConnectAction, operation: Operation = Operation.ENABLE) -> Plan:
    """A plan of these actions."""
    changes = tuple(change(action) for action in actions)
    return Plan(operation, target(), changes, b.WIDE.as_json(), route=Route.CONNECT_SYNC)


def enabling() -> Plan:
    """Rights, wizard, cycle."""
    return plan_of(LetConnectorWrite(ACCOUNT), SwitchOn(True, coming("One", "Two")), RunCycle())


@dataclass
class World:
    """What there is: v1, its OU, the rights; and what was put into the record, by its file.

    ``full`` says how often the disk takes nothing before it takes something again.
    """

    v1: Switch = Switch.OFF
    container: str = ""
    rights: Switch = Switch.OFF
    kept: dict[str, str] = field(default_factory=dict)
    full: int = 0
    tick: Callable[[], None] = lambda: None
    proof: ChoiceProof = field(default_factory=ChoiceProof)
    went: Went = field(default_factory=lambda: Went(OU))
    tenant: Settings = field(default_factory=Settings)

    def switch(self) -> LiveSwitch:
        """v1 now."""
        self.tick()
        return LiveSwitch(self.v1, self.container)

    def connector_may_write(self) -> Switch:
        """The rights now."""
        self.tick()
        return self.rights

    def choice(self, chosen: Collection[str]) -> ChoiceProof:
        """What is proved of a choice now."""
        self.tick()
        assert chosen
        return self.proof

    def keep(self, handed: HandOver) -> None:
        """Into the record."""
        self.tick()
        if self.full:
            self.full -= 1
            raise ServiceFailed(t("the disk is full"), code="record-write")
        self.kept[handed.file] = handed.text()
        self.tick()


def context_of(world: World, here: ConnectSyncTarget | None = None) -> ActContext:
    """What the steps of a run share in this world."""
    return ActContext(here or target(), world, FACTS, world.keep, world.went, world.tenant)


@dataclass
class Runs:
    """Processes that carry out one plan, each in a folder of its own."""

    folder: Path
    plan: Plan
    world: World
    runs: int = 0

    def one(self, earlier: Sequence[JournalFile], die_at: int = 0) -> JournalFile:
        """One process, which dies at a moment (counted from 1; 0: never)."""
        moments = itertools.count()

        def tick() -> None:
            if next(moments) == die_at > 0:
                raise Killed

        self.runs += 1
        path = self.folder / f"run{self.runs}"
        path.mkdir(parents=True)
        self.world.tick = tick
        self.world.went.tick = self.world.tenant.tick = tick
        context = context_of(self.world, CONNECT_SYNC_TYPES.target(self.plan.target))
        work = ConnectSyncWork(self.plan.changes, context, ServicePatience((1.0,), lambda _: None))
        with suppress(Killed, BrokeOff, Refused, ServiceFailed), DyingJournal(path / JOURNAL_FILE, tick) as journal:
            resumes = earlier[-1].run.name if earlier else None
            approved = [one.digest for one in self.plan.changes]
            journal.open(route=CONNECT_SYNC_RULES.route.value, approved=approved, resumes=resumes)
            carry_out(work, journal, earlier=earlier)
        self.world.tick = self.world.went.tick = self.world.tenant.tick = lambda: None
        found = read_journal(path, ROUTES)
        assert found is not None
        return found

    def finished(self, deaths: Sequence[int] = ()) -> list[JournalFile]:
        """Processes that die, one after the other, and at last some that do not."""
        chain: list[JournalFile] = []
        for moment in (*deaths, *[0] * 10):
            chain.append(self.one(chain, moment))
            if chain[-1].carried_out:
                break
            if chain[-1].closed and not any(one.effects for one in chain):
                chain = []  # nothing was handed over, so the next run begins anew
        return chain
