"""Whether a journal says only what its plan can have done, in the order in which a run does it. Pure.

A run sends its steps in the order of its plan and waits for each, so of a change that broke off at most one step was
under way: the first that is not done. A ``begin`` line of any other, an effect that no ``begin`` line announced, or one
that is no part of its step was written by nobody who carried out this plan. An undo takes back what journals say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook_lib.change.journal import JournalFile
from runbook_lib.change.step import RouteRules
from runbook_lib.model.change import Plan


def effects_beyond(plan: Plan, chain: Sequence[JournalFile], route: RouteRules) -> tuple[Path, str] | None:
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
                return journal.run, "it names a write that its plan does not have"
            if effect.write in done:
                return journal.run, "it says of one write twice that it was done"
            done.add(effect.write)
            if step.makes_object:
                made[step.change.group_id] = effect.object_guid
            if problem := step.beyond_effect(effect, made):
                return journal.run, problem
    return out_of_order(plan, chain, route)


def out_of_order(plan: Plan, chain: Sequence[JournalFile], route: RouteRules) -> tuple[Path, str] | None:
    """The run whose journal no run can have written like that, and why; None: all may be so.

    Args:
        plan: The plan of the chain.
        chain: Journals, oldest first; each effect is within its step.
        route: How the plan is carried out.
    """
    approved = set(chain[0].opened.get("approved") or ()) if chain else set()
    left = list(reversed(route.steps_of([change for change in plan.changes if change.digest in approved])))
    made: dict[str, str] = {}
    begun: dict[str, list[Mapping[str, Any]]] = {}
    for journal in chain:
        for line in journal.lines:
            if line["entry"] not in ("begin", "lost", "done"):
                continue
            step = left[-1] if left else None
            if step is None or line["write"] != step.id or line["change"] != step.change.digest:
                return journal.run, f"it has a line {line['entry']} of a write whose turn it was not"
            if line["entry"] == "begin":
                if problem := step.beyond_intent(line["guid"], line["intent"], made):
                    return journal.run, problem
                begun.setdefault(step.id, []).append(line["intent"])
            elif line["entry"] == "done":
                if problem := step.not_begun(line["effect"], begun.get(step.id, ()), made):
                    return journal.run, problem
                if step.makes_object:
                    made[step.change.group_id] = line["guid"]
                left.pop()
    return None
