"""Every refusal code of the planners, collected from their source, so that none can be added without its tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from runbook_lib.inventory import index
from runbook_lib.inventory.states import GroupState
from runbook_lib.model.cloud import Presence
from runbook_lib.parameters import check_change
from runbook_lib.routes.direct import planning
from runbook_lib.rules import group, obstacles, policy
from runbook_lib.rules.policy import Limits

FOLDER = Path(planning.__file__).parent
MODULES = (
    "plan_disable",
    "plan_enable",
    "plan_findings",
    "plan_undelete",
    "plan_undo",
    "planning",
    "preconditions",
    "selection",
)
"""Everything that decides about a plan before the gate; the gate, journal and lock have tests of their own."""
BEYOND_KIND = "plan-beyond-kind"
"""No group is refused by it: it is a defect of a planner (tests/unit/notebook/test_who_approves.py)."""
_POSITION = {"_refuse": 1, "_refusal": 1, "Refusal": 2, "PlaceProblem": 0}
"""Where the code stands among the arguments."""


def codes() -> set[str]:
    """All codes: of errors, of refusals of single groups, and of findings (without what follows a ``:``)."""
    found: set[str] = set()
    for path in (
        *(FOLDER / f"{module}.py" for module in MODULES),
        Path(check_change.__file__),
        Path(group.__file__),
        Path(policy.__file__),
        Path(obstacles.__file__),
        Path(index.__file__),
    ):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            found |= {code for argument in _code_arguments(call) for code in _values(argument)}
    return found - {BEYOND_KIND}


def _code_arguments(call: ast.Call) -> Iterator[ast.expr]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    position = _POSITION.get(name)
    if position is not None and len(call.args) > position:
        yield call.args[position]
    yield from (word.value for word in call.keywords if word.arg == "code")
    if name == "Finding":
        yield from (word.value for word in call.keywords if word.arg == "id")


def _values(argument: ast.expr) -> set[str]:
    """A literal code, or every value that a computed one can have; an unknown computation is an error here."""
    if isinstance(argument, ast.Constant):
        return {str(argument.value)}
    text = ast.unparse(argument)
    if text in ("rule", "problem.code"):
        return set()  # A helper that hands its own argument on; its callers are seen.
    if isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
        head = str(argument.values[0].value)
        if head.endswith(":"):
            return {head.rstrip(":")}
        if head == "limit-":
            totals = [field.name for field in fields(Limits) if not field.name.startswith("member_removals_per")]
            return {f"limit-{name.replace('_', '-')}" for name in totals}
    if text == "row.state.value":
        return {state.value for state in GroupState if state in group._STATE_TO_DO}
    if text == "row.presence.value":
        return {Presence.SOFT_DELETED.value, Presence.UNKNOWN.value}
    raise AssertionError(f"a refusal code that this test cannot compute: {text}")
