"""What earlier runs of a change handed over: a run that finds it waits for AD instead of handing it over again.

A journal is its writer's word. Nothing is written because of it: it only tells what is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook_lib.change.journal import chain_of, damaged_journal, journals_of
from runbook_lib.change.journal_check import effects_beyond, effects_of
from runbook_lib.change.plan_file import read_plan
from runbook_lib.change.route import Routes
from runbook_lib.connect.predicted import NamingMode
from runbook_lib.errors import UsageError
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.moment import moment_in
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.routes.connect_sync.actions import HANDED_OVER, SwitchOn
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES, ConnectSyncChange, ConnectSyncPlan


@dataclass(frozen=True, slots=True)
class EarlierHandOver:
    """The last plan of a change that was carried out on this route.

    Attributes:
        run: Id of the run that carried it out; its folder stands beside those of the change's other runs.
        at: When the last of it was handed over or done, UTC.
        plan: The plan.
        changes: What of it was handed to a person.
        runs: Ids of all runs that carried it out, oldest first: several where one broke off.
    """

    run: str
    at: datetime
    plan: ConnectSyncPlan
    changes: tuple[ConnectSyncChange, ...]
    runs: tuple[str, ...] = ()

    @property
    def naming(self) -> NamingMode | None:
        """The names that the wizard was handed over with; None where it was not."""
        switch = self.of_kind(ChangeKind.SWITCH_ON)
        if switch is None or not isinstance(switch.payload.action, SwitchOn):
            return None
        return NamingMode.DISPLAY_NAME if switch.payload.action.display_names else NamingMode.ID

    def of_kind(self, kind: ChangeKind) -> ConnectSyncChange | None:
        """The change of a kind that was handed over."""
        return next((change for change in self.changes if change.kind is kind), None)

    def covers(self, change: ConnectSyncChange) -> bool:
        """Whether the very same was handed over, whatever groups come or go with it today."""
        other = self.of_kind(change.kind)
        return (
            other is not None
            and other.payload.object_guid.casefold() == change.payload.object_guid.casefold()
            and other.payload.action.settings() == change.payload.action.settings()
        )


def earlier_hand_over(
    change_folder: Path,
    routes: Routes,
    operation: Operation,
    *,
    but: Collection[str] = (),
    prove: Callable[[Sequence[Path]], None],
) -> EarlierHandOver | None:
    """What is waited for under a change id; None where its last plan was for something else, or handed nothing over.

    Args:
        change_folder: Folder of the change.
        routes: The routes whose journals and plans can be read.
        operation: What the notebook is for.
        but: Ids of runs that do not count: the one that asks.
        prove: Refuses folders of runs whose records are not what was sealed.

    Raises:
        Refused: A journal, a closing or a record cannot be believed.
    """
    journals = journals_of(change_folder, routes)
    done = [one for one in journals if one.carried_out and one.run.name not in but]
    if not done or done[-1].opened.get("route") != Route.CONNECT_SYNC.value:
        return None
    last = done[-1]
    chain = chain_of(last, journals)
    prove([one.run for one in chain])
    try:
        plan = read_plan(last.run, routes)
    except UsageError:
        plan = None
    at = moment_in(last.last)
    if plan is None or at is None or plan.operation is not operation or plan.route is not Route.CONNECT_SYNC:
        return None
    if any(one.opened.get("plan_digest") != plan.digest for one in chain):
        raise damaged_journal(last.run, 1, t("it is of another plan than plan.json beside it"))
    if beyond := effects_beyond(plan, chain, routes[plan.route]):
        raise damaged_journal(beyond[0], 1, beyond[1])
    effects = effects_of(chain)
    handed = {digest for digest, some in effects.items() if any(one.data.get(HANDED_OVER) for one in some)}
    known = CONNECT_SYNC_TYPES.plan(plan)
    changes = tuple(change for change in known.changes if change.digest in handed)
    runs = tuple(journal.run.name for journal in chain)
    return EarlierHandOver(last.run.name, at, known, changes, runs) if changes else None
