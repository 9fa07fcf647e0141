"""Plan, gate, apply, read back: the part of a notebook that writes to AD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from runbook_lib.change.approvals.gate import Grant, Waiting, granted, read_all, refusal_finding, waiting_findings
from runbook_lib.change.carry_out import StillApproved, carry_out
from runbook_lib.change.journal import CARRIED_OUT, JOURNAL_FILE, Journal, JournalFile, read_journal
from runbook_lib.change.lock import lock_path
from runbook_lib.errors import (
    AwaitingApproval,
    AwaitingHandoff,
    NoAccess,
    Refused,
    RunbookError,
    ServiceFailed,
    VerificationFailed,
)
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import NO_GROUP
from runbook_lib.model.moment import iso_milliseconds
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import NOTHING, joined, t
from runbook_lib.notebook.approving import approvers_for, findings_about, keep_approvals, signing_for
from runbook_lib.notebook.change_times import change_times
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.cost import CostOfChange
from runbook_lib.notebook.course import Course, NotebookStep, carries_out
from runbook_lib.notebook.earlier_runs import unfinished_chain
from runbook_lib.notebook.front_end import ProgressLine, show_widget
from runbook_lib.notebook.gate_form import GateForm, with_form, with_place
from runbook_lib.notebook.kept_tables import groups_of_change, keep_groups, keep_plan
from runbook_lib.notebook.reading import read_sides
from runbook_lib.notebook.resuming import (
    TakenUp,
    approved_again,
    not_proved,
    read_at,
    require_not_overtaken,
    require_own,
    require_some_not_refused,
    take_up,
)
from runbook_lib.notebook.way import PlanMade, RouteRun
from runbook_lib.parameters.check_change import require_acknowledged, with_acknowledgements
from runbook_lib.record.run_end import RunEnd
from runbook_lib.routes.registry import ROUTES
from runbook_lib.rules.change_times import ChangeTimes
from runbook_lib.shown.change import (
    applied_view,
    nothing_view,
    nothing_written_view,
    open_gate_view,
    read_back_view,
    resume_view,
    resumed_gate_view,
)
from runbook_lib.shown.plan import before_after_view, left_out_view, plan_view


class ChangeSession:
    """One plan on its way from planning to read-back, in the order of the notebook's cells."""

    def __init__(self, context: RunContext, course: Course, way: RouteRun) -> None:
        self._context = context
        self.course = course
        """The steps of the run that this change belongs to."""
        self._way = way
        self._cost = CostOfChange(context)
        self._planned: PlanMade | None = None
        self._plan: Plan | None = None
        self._chain: list[JournalFile] = []
        self._taken: TakenUp | None = None
        self._still: StillApproved | None = None
        self._unproved: RunbookError | None = None
        """Why nothing proves the approval of what an earlier run has written and this one only reads back."""
        self._read_at: datetime | None = None
        self._approved: tuple[Change, ...] = ()
        self._approval: Mapping[str, object] = {}
        self._waiting = 0
        self.form: GateForm | None = None
        """The form that the gate showed last, where a person can fill it in."""

    def plan(self, inventory: Inventory) -> ChangeSession:
        """Make the plan and show it, or take up the one that broke off under this change id.

        Raises:
            Refused: A precondition, the selection, a limit; every selected group is refused (``all-refused``); another
                operation broke off under this change id (``change-open``).
        """
        self._context.step(NotebookStep.PLAN)
        folder = self._context.record.folder
        self._chain = unfinished_chain(folder.change_folder, but=folder.run_id)
        if self._chain:
            return self._take_up(inventory)
        self._planned = self._with_acknowledgements(self._cost.of_plan(lambda: self._way.plan(inventory), inventory))
        self._plan = self._planned.plan
        self._read_at = read_at(inventory)
        keep_plan(self._context, self._plan)
        self._keep_tables(inventory, self._plan)
        self._context.note(*self._planned.findings, *(refusal_finding(r) for r in self._plan.refusals))
        self._context.show(plan_view(self._plan, self._planned.findings))
        for view in self._planned.more:
            self._context.show(view)
        require_some_not_refused(self._plan)
        return self

    @carries_out(NotebookStep.GATE)
    def require_approval(self) -> None:
        """The gate: raises until this plan is approved, then reads both sides again and keeps what still holds.

        Raises:
            Refused: A blocking finding is not acknowledged, or another run holds the lock.
            AwaitingWindow: Nothing may be written at this time.
            AwaitingApproval: No approval, an expired one, or one of another plan.
            ValueError: There is no plan yet, which is a defect of the caller.
        """
        context, plan = self._context, self._known_plan()
        context.step(NotebookStep.GATE)
        context.write_page()
        if self._chain:
            self._open_again(plan)
            return
        if not plan.changes:
            self.course.end = RunEnd(Outcome.NOTHING_TO_DO, None)
            context.show(nothing_view(plan, self._planned.awaited if self._planned else NOTHING))
            return
        planned_now = self._planned
        if planned_now is None:
            raise ValueError("the gate comes after the plan")
        context.show(before_after_view(plan))
        if any(group.left_out for group in plan.members):
            context.show(left_out_view(plan))
        require_acknowledged(planned_now.findings, context.parameters)
        approvals = read_all(context.record.folder.approvals_folder, ROUTES)
        approvers = approvers_for(context)
        times = change_times(context)
        try:
            granted(plan, approvals, context.clock(), approvers)
        except AwaitingApproval as closed:
            raise self._asked(plan, planned_now.findings, with_place(closed, context.record.folder.path)) from None
        times.require_open(context.clock())
        self._lock(plan)
        self._cost.begin()
        # Graph may name a change late: the groups of the plan are read whatever it says.
        fresh = read_sides(context, keep=False, also={change.group_id for change in plan.changes} - {NO_GROUP})
        again = self._with_acknowledgements(self._way.plan(fresh))
        require_acknowledged(again.findings, context.parameters)
        grant = granted(again.plan, approvals, context.clock(), approvers)
        self._approved = grant.changes
        self._plan = again.plan
        self._waiting = len(grant.waiting)
        self._approval = grant.approval_json()
        keep_plan(context, again.plan)
        self._read_at = read_at(fresh)
        self._under(grant, times)
        context.note(*waiting_findings(grant.waiting))
        context.show(open_gate_view(self._approval, len(self._approved), grant.waiting))

    @carries_out(NotebookStep.APPLY)
    def apply(self) -> None:
        """Write what is approved, each write journaled before and after.

        Raises:
            Refused: Drift before the first write, the lock is not held, or this run has written already.
            BrokeOff: Stopped after the first write; the same change id resumes.
        """
        context, plan = self._context, self._known_plan()
        if not self._approved:
            context.show(nothing_written_view())
            return
        if not context.lock_held:
            raise Refused(
                t("The lock was given back since the gate was open."),
                code="gate-closed-again",
                hint=t("Run the gate cell again: it reads both sides once more and takes the lock."),
            )
        context.step(NotebookStep.APPLY)
        read_back_only = self._taken is not None and self._taken.broken.written
        if not read_back_only:
            self._still_approved()
            self._way.back_up(self._approved)
        with Journal(context.record.folder.path / JOURNAL_FILE, lambda: iso_milliseconds(context.clock())) as journal:
            journal.open(
                operation=self._way.operation.value,
                route=plan.route.value,
                plan_digest=plan.digest,
                approved=[change.digest for change in self._approved],
                approval=dict(self._approval or self._chain[-1].opened["approval"]),
                **self._way.place(),
                resumes=self._chain[-1].run.name if self._chain else None,
            )
            if read_back_only:
                journal.close(CARRIED_OUT)
            else:
                carry_out(
                    self._way.work(plan, self._approved),
                    journal,
                    earlier=self._chain,
                    still_approved=self._still_approved,
                    progress=ProgressLine(t("Writes")),
                )
        self._cost.end()
        context.record.set(changes={"planned": len(plan.changes), "done": len(self._approved)})
        if self._waiting:
            self.course.end = RunEnd(Outcome.AWAITING_APPROVAL, None)
        context.show(applied_view(self._approved))

    @carries_out(NotebookStep.READ_BACK)
    def verify(self) -> None:
        """Look what has come of it, and compare with the plan.

        Raises:
            VerificationFailed: Something is not as the approved changes wanted it, or it could not be read back.
        """
        context, plan = self._context, self._known_plan()
        if self._approved:
            context.step(NotebookStep.READ_BACK)
        written = read_journal(context.record.folder.path, ROUTES)
        chain = [*self._chain, *([written] if written else [])]
        try:
            seen = self._way.read_back(plan, self._approved, chain)
        except (NoAccess, ServiceFailed) as error:
            # Everything is written by now: codes that mean "nothing was written" would be a lie.
            raise VerificationFailed(
                t(
                    "Everything approved was written, but it could not be read back: {error_message}",
                    error_message=error.message,
                ),
                code="read-back-impossible",
                hint=joined((error.hint, t("Then run the notebook again: it compares both sides anew."))),
                values={"cause": error.code},
            ) from error
        if seen is not None:
            context.show(seen.view)
            if isinstance(seen.error, AwaitingHandoff):
                self.course.end = RunEnd(seen.error.outcome, seen.error)
            elif seen.error is not None:
                raise seen.error
            elif seen.finishes:
                self.course.end = RunEnd(Outcome.DONE, None)
        if self._unproved is not None:
            raise not_proved(self._unproved)
        if seen is not None and seen.cancelled:
            # Without a person in front of it no further cell runs after an interruption: this is the last word then.
            context.record.finish(self.course.end.outcome, ended=context.clock(), error=self.course.end.error)

    def _asked(self, plan: Plan, findings: Sequence[Finding], closed: AwaitingApproval) -> AwaitingApproval:
        """Show the form to a person; the gate stays closed until it was filled in and this cell runs again."""
        context = self._context
        if not context.interactive:
            return closed
        if self.form is not None:
            self.form.close()

        def may_be_approved() -> None:
            self.course.require_open()  # the form stays on screen when its run has ended
            require_acknowledged(findings, context.parameters)

        self.form = GateForm(
            context.record.folder.path,
            plan,
            preconditions=may_be_approved,
            clock=context.clock,
            line=ProgressLine(t("Approval")),
            approvers=approvers_for(context),
            signing=signing_for(context),
            whole=bool(self._chain),
        )
        show_widget(self.form.box)
        return with_form(closed)

    def _take_up(self, inventory: Inventory) -> ChangeSession:
        require_own(self._chain, self._context.parameters.route, self._way)
        taken = self._taken = take_up(self._context, self._chain, inventory, self._way)
        self._plan = taken.plan
        self._approved = taken.changes
        self._read_at = read_at(inventory)
        self._waiting = len(taken.waiting)
        self._context.note(*waiting_findings([Waiting(change, NOTHING) for change in taken.waiting]))
        keep_plan(self._context, taken.plan)
        self._keep_tables(inventory, taken.plan)
        runs = [journal.run.name for journal in self._chain]
        self._context.show(resume_view(taken.plan, runs, written=taken.broken.written))
        return self

    def _open_again(self, plan: Plan) -> None:
        """The gate of a change that broke off: under the approval that it was begun with, or under a new one."""
        context, taken = self._context, self._taken
        if taken is None:
            raise ValueError("the gate comes after the plan")
        try:
            grant = approved_again(context, taken)
        except AwaitingApproval as closed:
            raise self._asked(plan, (), with_place(closed, context.record.folder.path)) from None
        times = change_times(context)
        if not isinstance(grant, RunbookError) and not taken.broken.written:
            times.require_open(context.clock())
        self._lock(plan)
        if isinstance(grant, RunbookError):
            self._unproved = grant
            context.show(read_back_view(len(self._approved)))
            return
        self._under(grant, times)
        context.show(resumed_gate_view(self._approval))

    def _under(self, grant: Grant, times: ChangeTimes) -> None:
        """Write under these approvals from now on, and look at them again before every write."""
        context = self._context
        if self._read_at is None:
            raise ValueError("the gate comes after the reading")
        self._approval = grant.approval_json()
        oldest = timedelta(minutes=context.parameters.reading_max_age)
        self._still = StillApproved(grant.approvals, self._read_at, oldest, context.clock, times)
        keep_approvals(context, grant)
        context.record.set(approval=dict(self._approval))
        context.note(*findings_about(grant, context))

    def _still_approved(self) -> None:
        if self._still is None:
            raise ValueError("the gate is not open")
        self._still()
        self._context.require_lease()

    def _with_acknowledgements(self, planned_: PlanMade) -> PlanMade:
        today = self._context.clock().date()
        return replace(planned_, findings=with_acknowledgements(planned_.findings, self._context.parameters, today))

    def _lock(self, plan: Plan) -> None:
        context = self._context
        if context.lock_held:
            return
        context.take_lock(lock_path(self._way.lock_server, plan.target.locked))
        require_not_overtaken(context, self._chain)

    def _keep_tables(self, inventory: Inventory, plan: Plan) -> None:
        groups = groups_of_change(self._context, inventory, plan, self._way.operation)
        keep_groups(self._context, inventory, groups, plan)

    def _known_plan(self) -> Plan:
        if self._plan is None:
            raise ValueError("there is no plan yet")
        return self._plan
