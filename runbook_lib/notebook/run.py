"""What the cells of a notebook call: each step is one method, and the course of the run allows or refuses it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.errors import RunbookError
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.notebook.authority_way import AuthorityWay, changes_authority
from runbook_lib.notebook.change import ChangeSession
from runbook_lib.notebook.choose_groups import offer_groups
from runbook_lib.notebook.cloud_sync_way import CloudSyncWay
from runbook_lib.notebook.connect_sync_leaving_way import ConnectLeavingWay
from runbook_lib.notebook.connect_sync_way import ConnectSyncWay
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.course import LEAVE_THE_VERDICT, Course, NotebookStep, carries_out, end_by, ending_of
from runbook_lib.notebook.direct_way import DirectWay
from runbook_lib.notebook.earlier_runs import done_of
from runbook_lib.notebook.evidence_form import EvidenceForm
from runbook_lib.notebook.kept_tables import keep_every_group
from runbook_lib.notebook.reading import (
    check_ends,
    compare_sides,
    offer_collector,
    offer_evidence,
    read_preflight,
    read_sides,
    show_procedure,
)
from runbook_lib.notebook.sealing import SealsByItself
from runbook_lib.notebook.ticking.table import TickTable
from runbook_lib.notebook.way import RouteRun
from runbook_lib.parameters.cell import uses
from runbook_lib.parameters.validate import require
from runbook_lib.preflight.assess import Assessment
from runbook_lib.record.run_end import RunEnd
from runbook_lib.record.run_record import RunRecord
from runbook_lib.routes.direct.drift import Drift
from runbook_lib.routes.registry import rules_of
from runbook_lib.shown.inventory import groups_view, inventory_view, members_view
from runbook_lib.shown.preflight import evidence_view, findings_view, hand_offs_view
from runbook_lib.shown.start import end_view, finished_view, records_view, sealing_text, stopped_view
from runbook_lib.shown.timeline import timeline_view

_BY_THE_SERVER = frozenset({"30-enable-writeback", "40-disable-writeback", "60-undo-change"})
"""Notebooks that on the route connect-sync plan from what the Connect server says."""

_WHOLE_INVENTORY = "20-inventory-groups"
"""The notebook whose record has every group of both sides; the others have those that they are about."""


class Run:
    """What ``open_run`` returns. Connections open with the first step that needs them and close with the run."""

    def __init__(self, context: RunContext, notebook: str) -> None:
        self.context = context
        self.notebook = notebook
        self.course = Course(notebook, context.record)
        """The steps of this run, and which of them a cell may take now."""
        self._made: Inventory | Assessment | None = None
        """What the run read last; the cells below get it as a variable of the notebook."""
        self._evidence: EvidenceForm | None = None
        """The field for the collector's file that was shown last, where a person can use it."""
        self._groups: TickTable | None = None
        """The table in which groups are ticked that was shown last, where a person can use it."""
        self.sealing: SealsByItself | None = None
        """What seals the record, where it is not whoever runs the notebook."""

    @property
    def _here(self) -> Path | None:
        """The folder of the notebook in JupyterLab, which links start from."""
        notebook = Path(self.context.environment.get("JPY_SESSION_NAME", ""))
        return notebook.parent if notebook.is_absolute() else None

    @property
    def record(self) -> RunRecord:
        """The record of this run."""
        return self.context.record

    @carries_out(NotebookStep.ENDS)
    def check_ends(self) -> None:
        """Check both connections and say who answers (00-start-here)."""
        self.context.step(NotebookStep.ENDS)
        check_ends(self.context)

    def show_records(self) -> None:
        """List notebooks, records and what to run next (00-start-here)."""
        parameters = self.context.parameters
        self.context.show(records_view(Path(parameters.records_dir), parameters, self._here))

    def connect_server(self) -> None:
        """Write the collector out; in JupyterLab, offer a field for the file that it wrote (10-detect-exchange)."""
        self.course.require_open()
        offer_collector(self.context)
        self._offer_evidence(t("Run the cells below (again): they go by it."))

    def _offer_evidence(self, again: Text) -> None:
        if self._evidence is not None:
            self._evidence.close()
        self._evidence = offer_evidence(self.context, self.course.require_open, again)

    @carries_out(NotebookStep.PREFLIGHT)
    def preflight(self) -> Assessment:
        """Read both sides as far as they can be read, run every check, show the verdicts (10-detect-exchange)."""
        self.context.step(NotebookStep.PREFLIGHT)
        assessment, why_not = read_preflight(self.context)
        self._made = assessment
        self.course.end = RunEnd(why_not.outcome if why_not else Outcome.DONE, why_not)
        return assessment

    def show_findings(self, assessment: Assessment) -> None:
        """Every finding, the gravest first (10-detect-exchange)."""
        self._require_own(assessment)
        self.context.show(findings_view(assessment))

    def show_hand_offs(self, assessment: Assessment) -> None:
        """What others have to do, to be copied (10-detect-exchange)."""
        self._require_own(assessment)
        self.context.show(hand_offs_view(assessment))

    def show_hybrid(self, assessment: Assessment) -> None:
        """The Exchange hybrid procedure, step by step, kept in the record as a table (10-detect-exchange)."""
        self._require_own(assessment)
        show_procedure(self.context, assessment)

    def show_evidence(self, assessment: Assessment) -> None:
        """What the findings are made from (10-detect-exchange)."""
        self._require_own(assessment)
        self.context.show(evidence_view(assessment))

    @carries_out(NotebookStep.READ)
    def read_inventory(self) -> Inventory:
        """Read both sides, join them and show a summary; 20-inventory-groups keeps every group in its record.

        Where what comes next goes by what the Connect server says, JupyterLab offers a field for the collector's file.
        """
        if self.context.parameters.route == Route.CONNECT_SYNC.value and self.notebook in _BY_THE_SERVER:
            self._offer_evidence(t("Run this cell and those below again: they go by it."))
        self.context.step(NotebookStep.READ)
        owners = uses(self.notebook, "read_owners") and self.context.parameters.read_owners
        inventory = self._made = read_sides(self.context, keep=True, owners=owners)
        if self.notebook == _WHOLE_INVENTORY:
            keep_every_group(self.context, inventory)
        self.context.note_sign_in()
        self.context.show(inventory_view(inventory))
        return inventory

    def show_groups(self, inventory: Inventory) -> None:
        """Every group with state, route and reason."""
        self._require_own(inventory)
        self.context.show(groups_view(inventory))

    def choose_groups(self, inventory: Inventory) -> None:
        """Say which groups are chosen for 30-enable-writeback; in JupyterLab, let a person tick them."""
        self._require_own(inventory)
        if self._groups is not None:
            self._groups.close()
        self._groups = offer_groups(self.context, inventory)

    def show_members(self, inventory: Inventory) -> None:
        """Members that AD cannot represent, with reasons."""
        self._require_own(inventory)
        self.context.show(members_view(inventory))

    @carries_out(NotebookStep.PLAN)
    def plan_enable(self, inventory: Inventory) -> ChangeSession:
        """Plan the selected groups (30-enable-writeback)."""
        self._require_own(inventory)
        return self._session(Operation.ENABLE).plan(inventory)

    @carries_out(NotebookStep.PLAN)
    def plan_disable(self, inventory: Inventory) -> ChangeSession:
        """Plan the retirement of the selected groups (40-disable-writeback)."""
        self._require_own(inventory)
        return self._session(Operation.DISABLE).plan(inventory)

    @carries_out(NotebookStep.PLAN)
    def plan_undo(self, inventory: Inventory) -> ChangeSession:
        """Plan the way back of the record that ``undo_record`` names (60-undo-change)."""
        self._require_own(inventory)
        require(self.context.parameters, "undo_record")
        done, unproved = done_of(Path(self.context.parameters.undo_record))
        self.context.note(*unproved)
        return self._session(Operation.UNDO, done).plan(inventory)

    @carries_out(NotebookStep.COMPARE)
    def check_drift(self, inventory: Inventory) -> Drift:
        """Compare what is written with what the cloud says now (50-check-drift)."""
        self._require_own(inventory)
        self.context.step(NotebookStep.COMPARE)
        drift, differs = compare_sides(self.context, inventory)
        self.course.end = RunEnd(differs.outcome if differs else Outcome.NOTHING_TO_DO, differs)
        return drift

    def finish(self) -> None:
        """Write the verdict and say how the run ended; the last cell of every notebook calls it.

        Raises:
            Refused: The run is closed already (``run-closed``).
        """
        context = self.context
        self.course.require_open()
        context.note_sign_in()
        end = ending_of(self.course, context.record.folder)
        try:
            context.record.finish(end.outcome, ended=context.clock(), error=end.error)
            with suppress(RunbookError):
                # The verdict is on the disk; sealing makes the page anew.
                context.write_page()
        finally:
            context.close()
        self.course.close(t("it is finished"))
        folder = context.record.folder
        context.top.show(finished_view(end.outcome, end.error))
        sealing = sealing_text(folder, context.environment, by_itself=self.sealing is not None)
        context.show(end_view(end.outcome, folder, end.error, notebook=self.notebook, sealing=sealing, here=self._here))
        facts = context.record.facts
        if isinstance(facts.get("plan"), Mapping):
            context.show(timeline_view(facts))

    def ended_with(self, error: BaseException) -> None:
        """Write the verdict of an error that ended a cell.

        An error of a cell that did nothing leaves the verdict as it is; so does one that follows from a step before.
        """
        if self.course.closed or (isinstance(error, RunbookError) and error.code in LEAVE_THE_VERDICT):
            return
        context = self.context
        # A disk that does not take the verdict must not hide the error that ended the cell, nor keep lock and
        # connections; whoever ran the notebook reads the verdict from the journal then.
        with suppress(RunbookError):
            end, step = end_by(error, context.record.folder), self.course.step_of(error)
            title, heading = (step.title, step.heading if context.interactive else "") if step else (NOTHING, "")
            stopped = stopped_view(end.outcome, end.error, title, notebook=self.notebook, heading=heading)
            context.top.show(stopped)
            if context.interactive and isinstance(error, KeyboardInterrupt):
                context.show(stopped)  # the front end says no more of it than KeyboardInterrupt
            context.note_sign_in()
            if self.course.failure in (None, error):
                context.record.finish(end.outcome, ended=context.clock(), error=end.error)
                context.write_page()
        context.close()

    def give_way(self, to: str) -> None:
        """Close this run because another took its place in the same notebook; ``to`` is that one's run id."""
        self.course.close(t("the run {to} was begun in this notebook after it", to=to))
        if self._groups is not None:
            self._groups.close()
        self.context.close()
        if self.sealing is not None:
            self.sealing.let_go()

    def _session(self, operation: Operation, done: DoneChange | None = None) -> ChangeSession:
        return ChangeSession(self.context, self.course, way_of(self.context, operation, done))

    def _require_own(self, made: Inventory | Assessment) -> None:
        """Refuse a variable of the notebook that was made by an earlier run, or before the last reading."""
        self.course.require_open()
        self.course.require_made_here("inventory" if isinstance(made, Inventory) else "pre-flight", made, self._made)


def way_of(context: RunContext, operation: Operation, done: DoneChange | None = None) -> RouteRun:
    """The way of a run.

    Args:
        context: Of the run.
        operation: What its notebook is for.
        done: For an undo, what is to be taken back.

    Raises:
        Refused: ``route-not-carried-out``.
    """
    route = rules_of(context.parameters.route).route
    if route is Route.CONNECT_SYNC:
        connect = ConnectSyncWay if operation is Operation.ENABLE else ConnectLeavingWay
        return connect(context, operation, done)
    if route is Route.CLOUD_SYNC:
        kind = AuthorityWay if changes_authority(context.parameters, operation, done) else CloudSyncWay
        return kind(context, operation, done)

    return DirectWay(context, operation, done)
