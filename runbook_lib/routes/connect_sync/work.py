"""The approved changes of a plan as acts, ready for the loop that carries them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.change.step import Patience, Step, one_by_one
from runbook_lib.errors import RunbookError
from runbook_lib.model.change import Change
from runbook_lib.routes.connect_sync.actions import ConnectAction, LetConnectorWrite, RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.acts import acts_of
from runbook_lib.routes.connect_sync.choosing_actions import ChooseInStaging, LeaveStaging
from runbook_lib.routes.connect_sync.group_writeback import SetGroupWriteback
from runbook_lib.routes.connect_sync.leaving_actions import BringBack, SetNewGroupDefault, SwitchOff
from runbook_lib.routes.connect_sync.leaving_steps import (
    BringBackStep,
    GroupWritebackStep,
    NewGroupDefaultStep,
    SwitchOffStep,
)
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES
from runbook_lib.routes.connect_sync.steps import (
    ActContext,
    ActStep,
    ChooseInStagingStep,
    LeaveStagingStep,
    LetConnectorWriteStep,
    RunCycleStep,
    SwitchOnStep,
)

STEP_OF_CONNECT_ACTION: Mapping[type[ConnectAction], type[ActStep[Any]]] = {
    LetConnectorWrite: LetConnectorWriteStep,
    SwitchOn: SwitchOnStep,
    ChooseInStaging: ChooseInStagingStep,
    LeaveStaging: LeaveStagingStep,
    SwitchOff: SwitchOffStep,
    BringBack: BringBackStep,
    SetNewGroupDefault: NewGroupDefaultStep,
    SetGroupWriteback: GroupWritebackStep,
    RunCycle: RunCycleStep,
}
"""The step of every action."""


@dataclass(frozen=True, slots=True)
class ServicePatience:
    """How long a service is waited for when something went without an answer; a ``Patience``."""

    pauses: Sequence[float]
    sleep: Callable[[float], None]


class ConnectSyncWork:
    """The acts of one run, ready for ``carry_out``."""

    def __init__(self, changes: Sequence[Change], context: ActContext, patience: Patience) -> None:
        """Prepare; nothing is asked yet."""
        self._steps = [
            STEP_OF_CONNECT_ACTION[type(act.change.payload.action)](act, context)
            for act in acts_of(CONNECT_SYNC_TYPES.changes(changes))
        ]
        self._patience = patience

    @property
    def steps(self) -> Sequence[Step]:
        """In the order of ``acts.ACT_ORDER``."""
        return self._steps

    @property
    def patience(self) -> Patience:
        """How long a service is waited for."""
        return self._patience

    def send_together(self, steps: Sequence[Step]) -> Sequence[RunbookError | None]:
        """One after the other."""
        return one_by_one(steps)

    def forget(self) -> None:
        """Nothing is kept between two looks."""

    def not_taken(self) -> RunbookError | None:
        """None: an act is done whole or not at all."""
        return None
