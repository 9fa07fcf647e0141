"""What earlier runs of a change carried out: their plans, proved by their records and the plans' own digests.

A journal is its writer's word. Nothing is written because of it: it only tells what is waited for, and what has been
done already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook_lib.change.journal import JournalFile, chain_of, damaged_journal, journals_of
from runbook_lib.change.journal_check import effects_beyond, effects_of
from runbook_lib.change.plan_file import read_plan
from runbook_lib.change.route import Routes
from runbook_lib.change.step import Effect
from runbook_lib.errors import Refused, UsageError
from runbook_lib.files import PLAN
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.ids import GroupId
from runbook_lib.model.moment import moment_in
from runbook_lib.model.target import Route
from runbook_lib.model.text import t


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """A plan of a change that was carried out.

    Attributes:
        run: Id of the run that ended it; its folder stands beside those of the change's other runs.
        at: When the last of it was done, UTC.
        plan: The plan.
        effects: Change digest to what its steps really changed.
        runs: Ids of all runs that carried it out, oldest first: several where one broke off.
    """

    run: str
    at: datetime
    plan: Plan
    effects: Mapping[str, Sequence[Effect]]
    runs: tuple[str, ...]

    def groups_of(self, kind: ChangeKind) -> dict[GroupId, str]:
        """Groups to which changes of a kind were done, by id, with the names that they had."""
        changes = (change for change in self.plan.changes if change.kind is kind and change.digest in self.effects)
        return {change.group_id: change.display_name for change in changes}


Prove = Callable[[Sequence[Path]], None]
"""Refuses folders of runs whose records are not what was sealed."""


def last_carried_out(
    change_folder: Path,
    routes: Routes,
    route: Route,
    operation: Operation,
    *,
    but: Collection[str] = (),
    prove: Prove,
) -> CarriedOut | None:
    """What was done last under a change id; None where that was nothing, or something else.

    Args:
        change_folder: Folder of the change.
        routes: The routes whose journals and plans can be read.
        route: Of the run that asks.
        operation: What its notebook is for.
        but: Ids of runs that do not count: the one that asks.
        prove: As ``Prove``.

    Raises:
        Refused: A journal, a closing, a plan or a record cannot be believed.
    """
    journals = journals_of(change_folder, routes)
    done = [one for one in journals if one.carried_out and one.run.name not in but]
    return _proved(done[-1], journals, routes, route, operation, prove) if done else None


def all_carried_out(
    change_folder: Path,
    routes: Routes,
    route: Route,
    operation: Operation,
    *,
    but: Collection[str] = (),
    prove: Prove,
) -> list[CarriedOut]:
    """All that was done under a change id on a route for an operation, oldest first; as ``last_carried_out``."""
    journals = journals_of(change_folder, routes)
    done = [one for one in journals if one.carried_out and one.run.name not in but]
    proved = (_proved(one, journals, routes, route, operation, prove) for one in done)
    return [one for one in proved if one is not None]


def _proved(
    last: JournalFile,
    journals: Sequence[JournalFile],
    routes: Routes,
    route: Route,
    operation: Operation,
    prove: Prove,
) -> CarriedOut | None:
    """What ended with a journal, proved; None where it is of another route or operation."""
    if last.opened.get("route") != route.value or last.opened.get("operation", operation.value) != operation.value:
        return None
    chain = chain_of(last, journals)
    prove([one.run for one in chain])
    plan, at = _plan_of(last.run, routes), moment_in(last.last)
    if at is None or plan.operation is not operation or plan.route is not route:
        return None
    if any(one.opened.get("plan_digest") != plan.digest for one in chain):
        raise damaged_journal(last.run, 1, t("it is of another plan than plan.json beside it"))
    if beyond := effects_beyond(plan, chain, routes[plan.route]):
        raise damaged_journal(beyond[0], 1, beyond[1])
    return CarriedOut(last.run.name, at, plan, effects_of(chain), tuple(journal.run.name for journal in chain))


def _plan_of(run: Path, routes: Routes) -> Plan:
    """The plan beside a journal that says it was carried out: without it nobody knows what was done."""
    try:
        plan, why = read_plan(run, routes), t("it is missing")
    except UsageError as error:
        plan, why = None, error.message
    if plan is not None:
        return plan
    raise Refused(
        t("The plan that the run {run} carried out cannot be believed: {why}", run=run.name, why=why),
        code="carried-out-plan-unread",
        hint=t(
            "Bring its {plan} back from your backup of the records. Or use another change id, which plans anew: what "
            "was handed to people is handed over again, so tell them first.",
            plan=PLAN,
        ),
        values={"run": run.name},
    )
