"""A change that broke off: found, proved and taken up again, or read back where only that is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.change.approvals.gate import Grant, read_all
from runbook_lib.change.approvals.plan import Approval
from runbook_lib.change.closing import HOW_TO_CLOSE
from runbook_lib.change.journal import JournalFile
from runbook_lib.change.resume import BrokenOff, authority, broken_off
from runbook_lib.errors import AwaitingApproval, Refused, RunbookError, VerificationFailed
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.notebook.approving import approvers_for
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.course import ANEW
from runbook_lib.notebook.earlier_runs import (
    NOT_PROVED,
    effects_not_proved,
    require_planning_record,
    require_unaltered,
    require_uncontradicted,
    unfinished_chain,
)
from runbook_lib.notebook.way import RouteRun
from runbook_lib.routes.registry import ROUTES, rules_of


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A change that broke off and may go on as far as its own files and today's readings say.

    Attributes:
        broken: What its journals prove.
        plan: Its plan with today's names.
        changes: What of it is approved, with today's names.
    """

    broken: BrokenOff
    plan: Plan
    changes: tuple[Change, ...]

    @property
    def waiting(self) -> tuple[Change, ...]:
        """Changes of the plan that nobody had approved."""
        return self.broken.waiting


def require_own(chain: Sequence[JournalFile], route: str, way: RouteRun) -> None:
    """Refuse to finish a change of another route or notebook, or on another server.

    Args:
        chain: Its journals, oldest first.
        route: Of this run, as the parameter has it.
        way: Of this run.

    Raises:
        Refused: ``change-open``, or what the route says of another server (``another-dc``).
    """
    first = chain[0]
    opened = first.opened
    if (began := str(opened.get("route", Route.DIRECT.value))) != route:
        raise Refused(
            t(
                "A change of the route {route} stopped midway under this change id.",
                route=printable(began, limit=40),
            ),
            code="change-open",
            hint=t(
                "Finish it first: set route to {route} and run again with the same change id. "
                "Or use another change id. ",
                route=printable(began, limit=40),
            )
            + HOW_TO_CLOSE,
            values={"run": first.run.name, "route": began},
        )
    if opened.get("operation") != way.operation.value:
        kind = printable(str(opened.get("operation")), limit=40)
        raise Refused(
            t("A change of kind {kind} stopped midway under this change id.", kind=kind),
            code="change-open",
            hint=t("Finish it first: run its own notebook with the same change id. Or use another change id. ")
            + HOW_TO_CLOSE,
            values={"run": first.run.name, "operation": opened.get("operation")},
        )
    way.require_same_server(opened)


def take_up(context: RunContext, chain: Sequence[JournalFile], inventory: Inventory, way: RouteRun) -> TakenUp:
    """Prove what the change's own files and both readings can prove; the approval is the gate's.

    Raises:
        Refused: A file was altered, contradicts another one, or belongs elsewhere; a limit or a rule.
    """
    require_unaltered((journal.run for journal in chain), HOW_TO_CLOSE)
    broken = broken_off(chain, rules_of(context.parameters.route))
    require_uncontradicted(chain, broken.opened)
    context.note(*effects_not_proved(chain))
    plan = way.taken_up(broken, inventory)
    approved = {change.digest for change in broken.changes}
    return TakenUp(broken, plan, tuple(change for change in plan.changes if change.digest in approved))


def approved_again(context: RunContext, taken: TakenUp) -> Grant | RunbookError:
    """What the change goes on under.

    Where nothing is left to be written, why nothing proves that it was approved takes the place of what it goes on
    under: it is only read back then, and is not called done.

    Raises:
        AwaitingApproval: Nothing covers what was begun.
        Refused: A file of approvals is damaged, or the record that was read for one is not there.
    """
    folder = context.record.folder
    try:
        grant = authority(
            taken.broken,
            taken.plan,
            read_all(folder.approvals_folder, ROUTES),
            context.clock(),
            approvers_for(context),
        )
        for approval in grant.approvals:
            if isinstance(approval, Approval):
                require_planning_record(folder.change_folder, approval.planning_record, approval.planning_manifest)
    except (AwaitingApproval, Refused) as error:
        if not taken.broken.written:
            raise
        context.note(_approval_gone(error))
        return error
    return grant


def require_not_overtaken(context: RunContext, chain: Sequence[JournalFile]) -> None:
    """Refuse a run that another one overtook between its plan and its lock; closes the run then.

    The other one may have written, or finished what this one was to finish: what was found then is not so any more.

    Raises:
        Refused: ``plan-overtaken``.
    """
    folder = context.record.folder
    if unfinished_chain(folder.change_folder, but=folder.run_id) == list(chain):
        return
    context.close()
    raise Refused(
        t("Another run under this change id has written since this one made its plan."),
        code="plan-overtaken",
        hint=ANEW,
    )


def not_proved(why: RunbookError) -> VerificationFailed:
    """The end of a run that only read back what nothing proves to have been approved."""
    return VerificationFailed(
        t(
            "Everything is in AD as the earlier run's journal says, but no approval proves it. {why_message}",
            why_message=why.message,
        ),
        code=NOT_PROVED,
        hint=t("Find out who removed or changed the approval, and undo the change if nobody approved it."),
        values={"cause": why.code},
    )


def read_at(inventory: Inventory) -> datetime:
    """When the older of both readings began, UTC."""
    return min(inventory.cloud.reading.at, inventory.directory.reading.at)


def _approval_gone(error: RunbookError) -> Finding:
    return Finding(
        id=NOT_PROVED,
        severity=Severity.WARNING,
        seen=t(
            "The change was written before; the approval that its journal names proves nothing now. {error_message}",
            error_message=error.message,
        ),
        expected=t("The approval of a change stays beside its runs."),
        why=t("Nothing is written in this run, so it is only read back."),
        to_do=t("Find out who removed or changed the approval."),
        values={"cause": error.code},
    )


def require_some_not_refused(plan: Plan) -> None:
    """Refuse a plan that leaves every selected group alone.

    Raises:
        Refused: ``all-refused``; the message is that of the first group.
    """
    if plan.refusals and not plan.changes and not plan.in_step:
        first = plan.refusals[0]
        raise Refused(
            t(
                "Every selected group is refused, {display_name!r} first: {why}",
                display_name=first.display_name,
                why=first.why,
            ),
            code="all-refused",
            hint=first.to_do,
            values={"rules": sorted({refusal.rule for refusal in plan.refusals})},
        )
