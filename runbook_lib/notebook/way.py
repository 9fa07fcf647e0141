"""What a change does on its route between the cells of a notebook; plan, gate and journal are the same on all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from runbook_lib.change.cost import NO_EFFORT, Effort
from runbook_lib.change.journal import JournalFile
from runbook_lib.change.resume import BrokenOff
from runbook_lib.change.step import Work
from runbook_lib.errors import RunbookError
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.finding import Finding
from runbook_lib.model.text import NOTHING, Text
from runbook_lib.shown.html import View


@dataclass(frozen=True, slots=True)
class PlanMade:
    """A plan, what was found while making it, and what else a reader of it has to see.

    Attributes:
        plan: The plan.
        findings: What was found.
        more: What else is shown below it.
        effort: What its writes ask of both services.
        awaited: Where the plan is empty because everything was handed to people before: what is waited for.
    """

    plan: Plan
    findings: tuple[Finding, ...]
    more: tuple[View, ...] = ()
    awaited: Text = NOTHING
    effort: Effort = NO_EFFORT


class RouteRun(Protocol):
    """One route, for one operation of one run."""

    @property
    def operation(self) -> Operation:
        """What the notebook is for."""

    @property
    def lock_server(self) -> str:
        """Id of the server that is written to, for the lock."""

    def plan(self, inventory: Inventory) -> PlanMade:
        """Plan from both sides as they were read just now.

        Raises:
            Refused: A precondition, the selection, a limit.
        """

    def require_same_server(self, opened: Mapping[str, object]) -> None:
        """Refuse to finish elsewhere what was begun somewhere; ``opened`` is the first line of the first journal.

        Raises:
            Refused: It is another server, or another configuration.
        """

    def taken_up(self, broken: BrokenOff, inventory: Inventory) -> Plan:
        """The plan of a change that broke off, with today's names, if rules and limits let it go on.

        Raises:
            Refused: Another target, a rule, a limit, or a finding that is not acknowledged.
        """

    def back_up(self, changes: Sequence[Change]) -> None:
        """Keep in the record what the changes are going to touch.

        Raises:
            RunbookError: It cannot be read.
        """

    def place(self) -> Mapping[str, str]:
        """Where the run writes, for the first line of its journal (``RouteRules.place``)."""

    def work(self, plan: Plan, changes: Sequence[Change]) -> Work:
        """The approved changes as steps; the last inventory that was planned from, or taken up with, is the present."""

    def read_back(self, plan: Plan, changes: Sequence[Change], chain: Sequence[JournalFile]) -> ReadBack | None:
        """Look what has come of it; None where nothing is to be looked at.

        Args:
            plan: The plan.
            changes: What of it is carried out; empty where nothing was to be written.
            chain: Journals of the change, oldest first.

        Raises:
            NoAccess, ServiceFailed: It cannot be looked at.
        """


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What was seen after the writes, and the error that it means: None where everything is as planned.

    Attributes:
        view: For people.
        error: None where everything is as planned.
        cancelled: Whether somebody interrupted the waiting.
        finishes: Whether it ends what an earlier run of the same change has handed over, though this one wrote nothing.
    """

    view: View
    error: RunbookError | None
    cancelled: bool = False
    finishes: bool = False
