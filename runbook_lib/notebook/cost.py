"""What a change costs, told with its plan, and what it took, told when it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from runbook_lib.change.cost import Measured, PlanCost, cost_finding, cost_of_plan, took_finding
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.ids import NO_GROUP
from runbook_lib.model.traffic import Traffic
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.way import PlanMade


class CostOfChange:
    """Estimates from what this run has measured so far, and measures from the open gate to the last write."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._cost: PlanCost | None = None
        self._begun: tuple[Traffic, datetime] | None = None

    def of_plan(self, make: Callable[[], PlanMade], inventory: Inventory) -> PlanMade:
        """The plan that ``make`` makes, with its cost among the findings; without changes there is none."""
        context = self._context
        begun = context.clock()
        made = make()
        planning = (context.clock() - begun).total_seconds()
        if not made.plan.changes:
            return made
        so_far = context.traffic()
        graph_answer, directory_answer = context.answer_times()
        measured = Measured(
            inventory.cloud.reading,
            inventory.directory.reading,
            so_far.graph_units / so_far.graph_requests if so_far.graph_requests else 0.0,
            graph_answer,
            directory_answer,
            context.join_seconds + planning,
            directory_by_changes=context.parameters.keep_directory_reading == "run",
        )
        groups = len({change.group_id for change in made.plan.changes} - {NO_GROUP})
        self._cost = cost_of_plan(made.effort, measured, groups)
        return replace(made, findings=(*made.findings, cost_finding(self._cost)))

    def begin(self) -> None:
        """The gate is open: what is sent from now on counts."""
        self._begun = self._context.traffic(), self._context.clock()

    def end(self) -> None:
        """The last write is done: note what it took; nothing where this run did not open the gate of a new plan."""
        if self._begun is None:
            return
        context = self._context
        before, at = self._begun
        seconds = (context.clock() - at).total_seconds()
        context.note(took_finding(self._cost, context.traffic() - before, seconds))
        self._begun = None
