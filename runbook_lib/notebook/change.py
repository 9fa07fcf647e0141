"""Plan, gate, apply, read back: the part of a notebook that writes to AD."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from runbook_lib.errors import AwaitingApproval, NoAccess, Refused, ServiceFailed, VerificationFailed
from runbook_lib.inventory import Inventory
from runbook_lib.model.change import Change, Operation, Plan, Refusal
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.notebook import views
from runbook_lib.notebook.course import Course, Step, takes
from runbook_lib.notebook.face import ProgressLine, show_widget
from runbook_lib.notebook.gate_form import GateForm
from runbook_lib.notebook.sides import read_sides
from runbook_lib.parameters.acknowledge import require_acknowledged, with_acknowledgements
from runbook_lib.text import printable
from runbook_lib.writeback.apply import Applier
from runbook_lib.writeback.approval import planned
from runbook_lib.writeback.approvers import approver_findings, approvers_of
from runbook_lib.writeback.backup import FILE_NAME as BACKUP
from runbook_lib.writeback.backup import backup
from runbook_lib.writeback.effects import collect
from runbook_lib.writeback.gate import Waiting, granted, read_all, waiting_findings
from runbook_lib.writeback.journal import FILE_NAME as JOURNAL
from runbook_lib.writeback.journal import Journal, JournalFile, journals_of, open_chain, read_journal
from runbook_lib.writeback.left_out import COLUMNS, facts_of, rows_of
from runbook_lib.writeback.left_out import FILE_NAME as LEFT_OUT
from runbook_lib.writeback.lock import lock_path, writer_lock
from runbook_lib.writeback.plan_file import plan_to_json
from runbook_lib.writeback.planning import Planned
from runbook_lib.writeback.verify import verify

if TYPE_CHECKING:
    from runbook_lib.notebook.run import Run

Planner = Callable[[Inventory], Planned]


class ChangeSession:
    """One plan on its way from planning to read-back, in the order of the notebook's cells."""

    def __init__(self, run: Run, operation: Operation) -> None:
        self._run = run
        self._operation = operation
        self._planner: Planner | None = None
        self._planned: Planned | None = None
        self._plan: Plan | None = None
        self._chain: list[JournalFile] = []
        self._approved: tuple[Change, ...] = ()
        self._approval: Mapping[str, object] = {}
        self._waiting = 0
        self._dn_of: dict[str, str] = {}
        self.form: GateForm | None = None
        """The form that the gate showed last, where a person can fill it in."""

    @property
    def course(self) -> Course:
        """The steps of the run that this change belongs to."""
        return self._run.course

    def plan(self, inventory: Inventory, planner: Planner) -> ChangeSession:
        """Make the plan and show it, or take up the one that broke off under this change id.

        Raises:
            Refused: A precondition, the selection, a limit; every selected group is refused (``all-refused``); another
                operation broke off under this change id (``change-open``).
        """
        self._run.step("Plan")
        self._planner = planner
        self._chain = open_chain(journals_of(self._run.record.folder.change_folder))
        if self._chain:
            return self._take_up(inventory)
        self._planned = self._with_acknowledgements(planner(inventory))
        self._plan = self._planned.plan
        self._write_plan(self._plan)
        self._run.note(*self._planned.findings, *(_refusal_finding(r) for r in self._plan.refusals))
        self._run.show(*views.plan_view(self._plan, self._planned.findings))
        plan = self._plan
        if plan.refusals and not plan.changes and not plan.in_step:
            first = plan.refusals[0]
            raise Refused(
                f"Every selected group is refused, {first.display_name!r} first: {first.why}",
                code="all-refused",
                hint=first.to_do,
                values={"rules": sorted({refusal.rule for refusal in plan.refusals})},
            )
        return self

    @takes(Step.GATE)
    def require_approval(self) -> None:
        """The gate: raises until this plan is approved, then reads both sides again and keeps what still holds.

        Raises:
            Refused: A blocking finding is not acknowledged, or another run holds the lock.
            AwaitingApproval: No approval, an expired one, or one of another plan.
        """
        run, plan = self._run, self._known_plan()
        run.step("Gate")
        if self._chain:
            self._lock(plan)
            run.record.set(approval=dict(self._approval))
            run.show(*views.resumed_gate_view(self._approval))
            return
        if not plan.changes:
            run.verdict = Outcome.NOTHING_TO_DO
            run.show(*views.nothing_view(plan))
            return
        planned_now = self._planned
        if planned_now is None or self._planner is None:
            raise ValueError("the gate comes after the plan")
        if any(group.left_out for group in plan.members):
            run.show(*views.left_out_view(plan))
        require_acknowledged(planned_now.findings, run.parameters)
        approvals = read_all(run.record.folder.approvals_folder)
        approvers = approvers_of(run.parameters.approvers)
        try:
            granted(plan, approvals, run.clock(), approvers)
        except AwaitingApproval as closed:
            raise self._asked(plan, planned_now, self._with_place(closed)) from None
        self._lock(plan)
        fresh = read_sides(run, keep=False)
        again = self._with_acknowledgements(self._planner(fresh))
        require_acknowledged(again.findings, run.parameters)
        grant = granted(again.plan, approvals, run.clock(), approvers)
        self._approved = grant.changes
        self._plan = again.plan
        self._waiting = len(grant.waiting)
        self._approval = grant.approval_json()
        self._dn_of = {item.guid: item.dn for item in fresh.directory.objects}
        self._write_plan(again.plan)
        run.record.set(approval=dict(self._approval))
        run.note(*waiting_findings(grant.waiting))
        used = [(approval.approver, approval.file) for approval in grant.approvals]
        run.note(*approver_findings(used, approvers, requesters()))
        run.show(*views.open_gate_view(self._approval, len(self._approved), grant.waiting))

    @takes(Step.APPLY)
    def apply(self) -> None:
        """Write what is approved, each write journaled before and after.

        Raises:
            Refused: Drift before the first write, the lock is not held, or this run has written already.
            BrokeOff: Stopped after the first write; the same change id resumes.
        """
        run, plan = self._run, self._known_plan()
        if not self._approved:
            run.show(*views.nothing_written_view())
            return
        if not run.lock_held:
            raise Refused(
                "The lock was given back since the gate was open.",
                code="gate-closed-again",
                hint="Run the gate cell again: it reads both sides once more and takes the lock.",
            )
        run.step("Apply")
        run.record.folder.write_text(BACKUP, backup(run.directory, self._approved, run.clock()))
        identity = run.directory.controller.identity
        with Journal(run.record.folder.path / JOURNAL, self._now) as journal:
            journal.open(
                operation=self._operation.value,
                plan_digest=plan.digest,
                approved=[change.digest for change in self._approved],
                approval=dict(self._approval),
                dc_host=identity.host,
                ds_service_name=identity.ds_service_name,
                invocation_id=identity.invocation_id,
                resumes=self._chain[-1].run.name if self._chain else None,
            )
            applier = Applier(run.directory, plan, journal, earlier=self._chain, dn_of=self._dn_of)
            line = ProgressLine("Writes")
            applier.run(self._approved, line)
        run.record.set(changes={"planned": len(plan.changes), "done": len(self._approved)})
        if self._waiting:
            run.verdict = Outcome.AWAITING_APPROVAL
        run.show(*views.applied_view(self._approved))

    @takes(Step.READ_BACK)
    def verify(self) -> None:
        """Read every changed object back from the same DC and compare.

        Raises:
            VerificationFailed: Something is not as the approved changes wanted it, or it could not be read back.
        """
        run, plan = self._run, self._known_plan()
        if not self._approved:
            return
        run.step("Read back")
        written = read_journal(run.record.folder.path)
        effects = collect([*self._chain, *([written] if written else [])])
        guid_of = {digest: effect.object_guid for digest, effect in effects.items()}
        try:
            checked = verify(run.directory, self._approved, plan.target, guid_of, self._dn_of)
        except (NoAccess, ServiceFailed) as error:
            # Everything is written by now: codes that mean "nothing was written" would be a lie.
            raise VerificationFailed(
                f"Everything approved was written, but it could not be read back: {error.message}",
                code="read-back-impossible",
                hint=f"{error.hint} Then run the notebook again: it compares both sides anew.".strip(),
                values={"cause": error.code},
            ) from error
        run.show(*views.verified_view(checked))
        wrong = [item for item in checked if item.differences]
        if wrong:
            raise VerificationFailed(
                f"{len(wrong)} of {len(checked)} objects are not as planned; the first is "
                f"{wrong[0].change.display_name!r}: {'; '.join(wrong[0].differences)}.",
                code="read-back-differs",
                hint="Look at the table, then run the notebook again: it plans from what is there now.",
                values={"objects": [item.object_guid for item in wrong]},
            )

    def _asked(self, plan: Plan, planned_: Planned, closed: AwaitingApproval) -> AwaitingApproval:
        """Show the form to a person; the gate stays closed until it was filled in and this cell runs again."""
        run = self._run
        if not run.interactive:
            return closed
        if self.form is not None:
            self.form.close()
        self.form = GateForm(
            run.record.folder.path,
            plan,
            preconditions=lambda: require_acknowledged(planned_.findings, run.parameters),
            clock=run.clock,
            line=ProgressLine("Approval"),
        )
        show_widget(self.form.box)
        hint = f"Fill in the form above and run this cell again. In a terminal: {closed.hint}"
        return AwaitingApproval(closed.message, code=closed.code, hint=hint, values=closed.values)

    def _with_place(self, closed: AwaitingApproval) -> AwaitingApproval:
        """The same error with this record's path in its hint, ready to be typed."""
        place = str(self._run.record.folder.path)
        shown = f'"{place}"' if " " in place else place
        hint = closed.hint.replace(" RECORD ", f" {shown} ")
        return AwaitingApproval(closed.message, code=closed.code, hint=hint, values={**closed.values, "record": place})

    def _take_up(self, inventory: Inventory) -> ChangeSession:
        first = self._chain[0]
        opened = first.opened
        if opened.get("operation") != self._operation.value:
            raise Refused(
                f"A change of kind {opened.get('operation')} stopped midway under this change id.",
                code="change-open",
                hint="Finish it first: run its own notebook with the same change id. Or use another change id.",
                values={"run": first.run.name, "operation": opened.get("operation")},
            )
        here = self._run.directory.controller.invocation_id
        if opened.get("invocation_id") != here:
            raise Refused(
                "The change that stopped midway was written to another domain controller.",
                code="another-dc",
                hint=f"Set dc_host to {printable(str(opened.get('dc_host') or 'the same one as then'))!r}: another one "
                "may not have the first writes yet.",
                values={"then": opened.get("invocation_id"), "now": here, "dc_host": opened.get("dc_host")},
            )
        plan = planned(first.run)
        approved = set(opened.get("approved", ()))
        self._plan = plan
        self._approved = tuple(change for change in plan.changes if change.digest in approved)
        waiting = [Waiting(change, "") for change in plan.changes if change.digest not in approved]
        self._waiting = len(waiting)
        self._run.note(*waiting_findings(waiting))
        self._approval = dict(opened.get("approval", {}))
        self._dn_of = {item.guid: item.dn for item in inventory.directory.objects}
        self._write_plan(plan)
        self._run.show(*views.resume_view(plan, [journal.run.name for journal in self._chain]))
        return self

    def _with_acknowledgements(self, planned_: Planned) -> Planned:
        today = self._run.clock().date()
        return replace(planned_, findings=with_acknowledgements(planned_.findings, self._run.parameters, today))

    def _lock(self, plan: Plan) -> None:
        run = self._run
        if run.lock_held:
            return
        path = lock_path(run.directory.controller.invocation_id, plan.target.target_ou_guid)
        run.resources.enter_context(writer_lock(path, run.holder, clock=run.clock))
        run.lock_held = True

    def _write_plan(self, plan: Plan) -> None:
        record = self._run.record
        record.folder.write_json("plan.json", plan_to_json(plan))
        left_out = rows_of(plan)
        if left_out:
            record.folder.write_csv(LEFT_OUT, pd.DataFrame(left_out, columns=list(COLUMNS), dtype=object))
        record.set(
            plan={
                "digest": plan.digest,
                "counts": plan.counts,
                "phrase": plan.phrase,
                "operation": plan.operation.value,
                "groups": plan.groups,
                "members": facts_of(plan),
            },
            changes={"planned": len(plan.changes), "done": 0},
        )

    def _known_plan(self) -> Plan:
        if self._plan is None:
            raise ValueError("there is no plan yet")
        return self._plan

    def _now(self) -> str:
        return self._run.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def requesters() -> tuple[str, ...]:
    """The account that runs this, as far as the system tells."""
    try:
        return (getpass.getuser(),)
    except (OSError, KeyError):
        return ()


def _refusal_finding(refusal: Refusal) -> Finding:
    return Finding(
        id=f"refused:{refusal.group_id}",
        severity=Severity.WARNING,
        seen=f"{refusal.display_name!r} is left alone: {refusal.why}",
        to_do=refusal.to_do,
        values={"rule": refusal.rule, "group_id": refusal.group_id},
    )
