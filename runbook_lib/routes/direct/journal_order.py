"""Whether the lines of a journal stand as a run writes them: one write after the other, each begun before it is done.

A run sends its writes in the order of its plan and waits for each, so of a change that broke off at most one write was
under way: the first that is not done. A ``begin`` line of any other, or an effect that no ``begin`` line announced, was
written by nobody who carried out this plan. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook_lib.change.journal import JournalFile
from runbook_lib.model.change import Plan
from runbook_lib.routes.direct.writes import Write, WriteKind, writes_of


def out_of_order(plan: Plan, chain: Sequence[JournalFile]) -> tuple[Path, str] | None:
    """The run whose journal no run can have written like that, and why; None: all may be so.

    Args:
        plan: The plan of the chain.
        chain: Journals, oldest first; each effect is within its write (``effects_beyond``).
    """
    approved = set(chain[0].opened.get("approved") or ()) if chain else set()
    left = list(reversed(writes_of(change for change in plan.changes if change.digest in approved)))
    made: dict[str, str] = {}
    begun: dict[str, list[Mapping[str, Any]]] = {}
    for journal in chain:
        for line in journal.lines:
            if line["entry"] not in ("begin", "lost", "done"):
                continue
            write = left[-1] if left else None
            if write is None or line["write"] != write.id or line["change"] != write.change.digest:
                return journal.run, f"it has a line {line['entry']} of a write whose turn it was not"
            if line["entry"] == "begin":
                if problem := _beyond_intent(write, line, made):
                    return journal.run, problem
                begun.setdefault(write.id, []).append(line["intent"])
            elif line["entry"] == "done":
                if problem := _not_begun(line["effect"], begun.get(write.id, ()), made):
                    return journal.run, problem
                if write.kind is WriteKind.ADD:
                    made[write.change.group_id] = line["guid"]
                left.pop()
    return None


def _beyond_intent(write: Write, line: Mapping[str, Any], made: Mapping[str, str]) -> str:
    """What a ``begin`` line says beyond its write, as the end of a sentence."""
    intent = line["intent"]
    wanted = write.intent()
    own = "" if write.kind is WriteKind.ADD else write.change.object_guid or made.get(write.change.group_id)
    if line["guid"] != own:
        return "it begins a write on another object than its plan"
    if (intent.get("operation"), intent.get("attributes")) != (wanted["operation"], wanted["attributes"]):
        return "it begins a write that its plan does not have"
    for side, members in (("members_added", write.added), ("members_removed", write.removed)):
        if not set(intent.get(side, ())) <= {member.key for member in members}:
            return "it begins a write of members that its plan does not have"
    return ""


def _not_begun(effect: Mapping[str, Any], begun: Sequence[Mapping[str, Any]], made: Mapping[str, str]) -> str:
    """Which effect no ``begin`` line announced, as the end of a sentence."""
    if effect.keys() - {"refused"} and not begun:
        return "it says of a write that it did something, and nothing of having begun it"
    for side in ("members_added", "members_removed"):
        keys = {key for intent in begun for key in intent.get(side, ())}
        announced = {made.get(key.removeprefix("group:"), key) if key.startswith("group:") else key for key in keys}
        if not set(effect.get(side, ())) <= announced:
            return "it says of members that they were changed, and nothing of having begun it"
    return ""
