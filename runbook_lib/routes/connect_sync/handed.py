"""What earlier runs of a change handed over: a run that finds it waits for AD instead of handing it over again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook_lib.change.carried_out import last_carried_out
from runbook_lib.change.route import Routes
from runbook_lib.connect.predicted import NamingMode
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.target import Route
from runbook_lib.routes.connect_sync.actions import HANDED_OVER, BringsGroups, ConnectAction
from runbook_lib.routes.connect_sync.choosing_actions import ChooseInStaging, LeaveStaging
from runbook_lib.routes.connect_sync.leaving_actions import GROUPS_BEFORE
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
        groups_before: SHA-256 of what was kept of the domain's groups before v1 was handed over to be switched off, by
            the journal; empty: it names none.
    """

    run: str
    at: datetime
    plan: ConnectSyncPlan
    changes: tuple[ConnectSyncChange, ...]
    runs: tuple[str, ...] = ()
    groups_before: str = ""

    @property
    def naming(self) -> NamingMode | None:
        """The names that the wizard was handed over with; None where it was not."""
        brings = next((one for one in self._actions if isinstance(one, BringsGroups)), None)
        if brings is None:
            return None
        return NamingMode.DISPLAY_NAME if brings.display_names else NamingMode.ID

    @property
    def chosen(self) -> frozenset[str]:
        """The groups that were chosen, by id; empty where all come, or nothing was handed over that brings any."""
        return next(
            (one.groups for one in self._actions if isinstance(one, ChooseInStaging | LeaveStaging)), frozenset()
        )

    @property
    def awaited(self) -> ConnectSyncChange | None:
        """The change after which groups come to AD; None: there is none, or it was handed to nobody."""
        return self.of_kind(ChangeKind.SWITCH_ON) or self.of_kind(ChangeKind.LEAVE_STAGING)

    @property
    def _actions(self) -> Iterator[ConnectAction]:
        return (change.payload.action for change in self.changes)

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
        Refused: A journal, a closing, a plan or a record cannot be believed.
    """
    done = last_carried_out(change_folder, routes, Route.CONNECT_SYNC, operation, but=but, prove=prove)
    if done is None:
        return None
    handed = {digest for digest, some in done.effects.items() if any(one.data.get(HANDED_OVER) for one in some)}
    known = CONNECT_SYNC_TYPES.plan(done.plan)
    changes = tuple(change for change in known.changes if change.digest in handed)
    said = (str(one.data.get(GROUPS_BEFORE) or "") for some in done.effects.values() for one in some)
    before = next(filter(None, said), "")
    return EarlierHandOver(done.run, done.at, known, changes, done.runs, before) if changes else None
