"""Processes that carry out one plan of the route cloud-sync, and die where a test wants them to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.change.carry_out import carry_out
from runbook_lib.change.journal import JOURNAL_FILE, Journal, JournalFile, read_journal
from runbook_lib.directory.search import Entry
from runbook_lib.errors import BrokeOff, Refused
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.routes.cloud_sync.authority.actions import GroupTypes
from runbook_lib.routes.cloud_sync.route import CLOUD_SYNC_RULES
from runbook_lib.routes.cloud_sync.steps import Present
from runbook_lib.routes.cloud_sync.work import CloudSyncWork, GraphPatience
from tests.unit.routes_cloud_sync.world import Graph

ROUTES = {CLOUD_SYNC_RULES.route: CLOUD_SYNC_RULES}


class Killed(BaseException):
    """The process is gone."""


class DyingJournal(Journal):
    """A journal whose process may die before and after each line."""

    def __init__(self, path: Path, tick: Callable[[], None]) -> None:
        super().__init__(path, lambda: "2026-11-25T00:00:00Z")
        self.tick = tick

    def _line(self, entry: Mapping[str, object]) -> None:
        self.tick()
        super()._line(entry)
        self.tick()


class NoScopes:
    """AD of a plan that changes no scope of a group."""

    def read(self, guid: str, attributes: Sequence[str]) -> Entry | None:
        raise AssertionError(guid, attributes)

    def modify(self, guid: str, deltas: Sequence[AttributeDelta]) -> None:
        raise AssertionError(guid, deltas)


@dataclass
class Runs:
    """Processes that carry out one plan, each in a folder of its own.

    Attributes:
        folder: Of all of them.
        plan: The plan.
        graph: The configuration.
        directory: What is written to over LDAP.
        changes: What of the plan is approved; None: all of it.
        present: What AD holds of groups; None: what ``graph`` says.
        ticking: Whatever else has moments at which a process can die.
        held: Looked at in every moment, and afterwards.
    """

    folder: Path
    plan: Plan
    graph: Graph
    directory: GroupTypes = field(default_factory=NoScopes)
    changes: Sequence[Change] | None = None
    present: Present | None = None
    ticking: Sequence[Any] = ()
    held: Callable[[], None] = lambda: None

    def one(self, earlier: Sequence[JournalFile], die_at: int = 0) -> JournalFile:
        """One process, which dies at a moment (counted from 1; 0: never)."""
        moments = itertools.count()

        def tick() -> None:
            self.held()
            if next(moments) == die_at > 0:
                raise Killed

        path = self.folder / f"run{len(earlier)}"
        path.mkdir(parents=True)
        for one in (self.graph, *self.ticking):
            one.tick = tick
        changes = self.plan.changes if self.changes is None else self.changes
        work = CloudSyncWork(
            self.graph.client(),
            self.directory,
            self.plan.target,
            changes,
            self.present or self.graph,
            GraphPatience((1.0, 1.0), lambda _: None),
        )
        with suppress(Killed, BrokeOff, Refused), DyingJournal(path / JOURNAL_FILE, tick) as journal:
            resumes = earlier[-1].run.name if earlier else None
            approved = [change.digest for change in changes]
            journal.open(
                operation=self.plan.operation.value,
                route=CLOUD_SYNC_RULES.route.value,
                plan_digest=self.plan.digest,
                approved=approved,
                resumes=resumes,
            )
            carry_out(work, journal, earlier=earlier)
        for one in (self.graph, *self.ticking):
            one.tick = lambda: None
        self.held()
        found = read_journal(path, ROUTES)
        assert found is not None
        return found

    def finished(self, deaths: Sequence[int] = ()) -> list[JournalFile]:
        """Processes that die, one after the other, and at last some that do not."""
        chain: list[JournalFile] = []
        for moment in (*deaths, *[0] * 10):
            chain.append(self.one(chain, moment))
            if chain[-1].closed:
                break
        return chain
