"""What a change did by its journals, and whether they say only what its plan can have done, in the order of a run.

A run sends its steps in the order of its plan and waits for each, or for those that its route sends together, so of a
change that broke off only steps of the first batch that is not done were under way. A ``begin`` line of any other, an
effect that no ``begin`` line announced, or one that is no part of its step was written by nobody who carried out this
plan. An undo takes back what journals say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.change.approvals.plan import planned
from runbook_lib.change.journal import JournalFile, damaged_journal, journals_of, whole_chain
from runbook_lib.change.route import RouteRules, Routes
from runbook_lib.change.step import Effect, in_batches
from runbook_lib.errors import Refused
from runbook_lib.model.change import Plan
from runbook_lib.model.text import Text, t


@dataclass(frozen=True, slots=True)
class DoneChange:
    """A plan that was carried out, wholly or in part.

    Attributes:
        plan: As it stands beside the journals.
        effects: Change digest to what its steps really changed, in the order in which they did.
        place: What the first journal says about where the run wrote, by the keys of the route (``RouteRules.place``).
    """

    plan: Plan
    effects: Mapping[str, Sequence[Effect]] = field(default_factory=dict)
    place: Mapping[str, str] = field(default_factory=dict)


def done_by(record: Path, routes: Routes) -> DoneChange:
    """Read what the run of a record did, with the runs that it resumed or that resumed it.

    Args:
        record: Its folder.
        routes: The routes whose plans and journals can be read.

    Raises:
        UsageError: The folder holds no plan.
        Refused: It wrote nothing (``nothing-was-written``), it is not finished (``change-open``), or its journal says
            what its plan does not have (``journal-damaged``).
    """
    plan = planned(record, routes)
    chain = whole_chain(record.resolve().name, journals_of(record.resolve().parent, routes))
    if not chain:
        raise Refused(
            t("The run {record_name} wrote nothing, so there is nothing to undo.", record_name=record.name),
            code="nothing-was-written",
            hint=t("Name the record of the run that applied the plan."),
            values={"record": record.name},
        )
    if not chain[-1].closed:
        raise Refused(
            t("The change of {record_name} stopped midway and is not finished.", record_name=record.name),
            code="change-open",
            hint=t("Finish it first: run the same notebook with the same change id."),
            values={"record": record.name, "open": chain[-1].run.name},
        )
    for journal in chain:
        if journal.opened.get("plan_digest") != plan.digest:
            raise damaged_journal(journal.run, 1, t("it is of another plan than plan.json beside it"))
    rules = routes[plan.route]
    if beyond := effects_beyond(plan, chain, rules):
        raise damaged_journal(beyond[0], 1, beyond[1])
    opened = chain[0].opened
    return DoneChange(plan, effects_of(chain), {name: str(opened.get(name) or "") for name in rules.place})


def effects_of(chain: Sequence[JournalFile]) -> dict[str, tuple[Effect, ...]]:
    """Change digest to the effects of a chain of journals, oldest first."""
    found: dict[str, tuple[Effect, ...]] = {}
    for effect in (effect for journal in chain for effect in journal.effects):
        found[effect.change] = (*found.get(effect.change, ()), effect)
    return found


def changed_objects(chain: Sequence[JournalFile]) -> dict[str, str]:
    """Change digest to the id of the object that it was done to."""
    return {effect.change: effect.object_id for journal in chain for effect in journal.effects if effect.object_id}


def effects_beyond(plan: Plan, chain: Sequence[JournalFile], route: RouteRules) -> tuple[Path, Text] | None:
    """The run whose journal says that something was done which its plan could not have done, and what; None: none does.

    What a step has changed is part of what was planned for it, on the planned object, was begun before, in its turn,
    and was done once.

    Args:
        plan: The plan of the chain.
        chain: Journals, oldest first.
        route: How the plan is carried out.
    """
    steps = {step.id: step for step in route.steps_of(plan.changes)}
    made: dict[str, str] = {}
    done: set[str] = set()
    for journal in chain:
        for effect in journal.effects:
            step = steps.get(effect.write)
            if step is None or effect.change != step.change.digest:
                return journal.run, t("it names a write that its plan does not have")
            if effect.write in done:
                return journal.run, t("it says of one write twice that it was done")
            done.add(effect.write)
            if step.makes_object:
                made[step.change.group_id] = effect.object_id
            if problem := step.beyond_effect(effect, made):
                return journal.run, problem
    return out_of_order(plan, chain, route)


def out_of_order(plan: Plan, chain: Sequence[JournalFile], route: RouteRules) -> tuple[Path, Text] | None:
    """The run whose journal no run can have written like that, and why; None: all may be so.

    Args:
        plan: The plan of the chain.
        chain: Journals, oldest first; each effect is within its step.
        route: How the plan is carried out.
    """
    approved = set(chain[0].opened.get("approved") or ()) if chain else set()
    steps = route.steps_of([change for change in plan.changes if change.digest in approved])
    left = [{step.id: step for step in batch} for batch in reversed(in_batches(steps))]
    made: dict[str, str] = {}
    begun: dict[str, list[Mapping[str, Any]]] = {}
    for journal in chain:
        for line in journal.lines:
            if line["entry"] not in ("begin", "lost", "done"):
                continue
            step = left[-1].get(line["write"]) if left else None
            if step is None or line["change"] != step.change.digest:
                return journal.run, t("it has a line {line} of a write whose turn it was not", line=line["entry"])
            if line["entry"] == "begin":
                if problem := step.beyond_intent(line["guid"], line["intent"], made):
                    return journal.run, problem
                begun.setdefault(step.id, []).append(line["intent"])
            elif line["entry"] == "done":
                if problem := step.not_begun(line["effect"], begun.get(step.id, ()), made):
                    return journal.run, problem
                if step.makes_object:
                    made[step.change.group_id] = line["guid"]
                del left[-1][step.id]
                if not left[-1]:
                    left.pop()
    return None
