"""A record for support: what went how, without a name, an address, an id or a distinguished name. Pure.

Nothing is searched for and taken out; only what is known to name nobody goes in: codes, numbers, times, versions and
choices. Sentences stay away, because they hold names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from runbook_lib.change.plan_file import PLAN_SCHEMA
from runbook_lib.model.change import Plan
from runbook_lib.model.moment import moment_in
from runbook_lib.model.outcome import Outcome
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.mappings import mapping_in
from runbook_lib.record.run_end import WrittenJournal
from runbook_lib.record.run_record import versions

REDACTED_SCHEMA = "gwb-redacted/1"
# A finding about one object has that object's name behind a colon.
_CODE = re.compile(r"[a-z][a-z0-9-]{0,79}")
_VERSION = re.compile(r"[A-Za-z0-9 ._+-]{1,60}")
_NOTEBOOK = re.compile(r"[0-9]{2}-[a-z-]{1,40}")


def redacted(
    facts: Mapping[str, Any], plan: Plan | None, written: WrittenJournal | None, *, sealed: bool
) -> dict[str, object]:
    """What support needs of a record.

    Args:
        facts: What record.json holds.
        plan: Of plan.json; None where there is none that can be read.
        written: What the journal says; None where there is none.
        sealed: Whether the record is.
    """
    error, notebook = mapping_in(facts.get("error")), mapping_in(facts.get("notebook"))
    outcome, known = facts.get("outcome"), versions()
    return {
        "schema": REDACTED_SCHEMA,
        "notebook": _matching(_NOTEBOOK, notebook.get("name")),
        "mode": facts.get("mode") if facts.get("mode") in ("record", "interactive") else None,
        "outcome": outcome if outcome in {one.value for one in Outcome} else None,
        "error": _matching(_CODE, error.get("code")),
        "started": _time(facts.get("started")),
        "ended": _time(facts.get("ended")),
        "steps": [_time(mapping_in(step).get("at")) for step in facts.get("steps") or ()],
        "changes": _numbers(mapping_in(facts.get("changes"))),
        "readings": {
            side: _reading(reading)
            for side, reading in mapping_in(facts.get("snapshots")).items()
            if side in ("cloud", "directory")
        },
        "parameters": _parameters(mapping_in(facts.get("parameters"))),
        "findings": _findings(facts.get("findings")),
        "gaps": len(facts.get("gaps") or ()),
        "versions": {
            str(name): version
            for name, version in mapping_in(facts.get("versions")).items()
            if name in known and _matching(_VERSION, version)
        },
        "plan": _plan(plan) if plan is not None else None,
        "journal": _journal(written) if written is not None else None,
        "sealed": sealed,
    }


def _parameters(given: Mapping[str, Any]) -> dict[str, object]:
    """Numbers, yes and no, and choices as they are; of every other one only whether something is given."""
    found: dict[str, object] = {}
    for name, field in Parameters.model_fields.items():
        if name not in given:
            continue
        value = given[name]
        choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        if isinstance(value, (bool, int)) or (isinstance(value, str) and value in choices):
            found[name] = value
        elif isinstance(value, (list, tuple)):
            found[name] = {"entries": len(value)}
        else:
            found[name] = {"given": bool(value)}
    return found


def _findings(items: object) -> list[dict[str, object]]:
    """Identifiers without the object that they are about, severities, and how many there are of each."""
    severities = ("info", "warning", "unknown", "blocking")
    counts = Counter(
        (_matching(_CODE, str(item.get("id")).partition(":")[0]) or "other", item.get("severity"))
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, Mapping) and item.get("severity") in severities
    )
    return [{"id": name, "severity": severity, "number": number} for (name, severity), number in counts.items()]


def _reading(value: object) -> dict[str, object]:
    reading = mapping_in(value)
    return {
        "complete": reading.get("complete") is True,
        "gaps": len(reading.get("gaps") or ()),
        **_numbers({key: reading.get(key) for key in ("seconds", "requests")}),
    }


def _plan(plan: Plan) -> dict[str, object]:
    changes = Counter((change.kind.value, _matching(_CODE, change.reason)) for change in plan.changes)
    left_out = Counter(_matching(_CODE, one.code) for group in plan.members for one in group.left_out)
    refusals = Counter(_matching(_CODE, refusal.rule) for refusal in plan.refusals)
    return {
        "schema": PLAN_SCHEMA,
        "operation": plan.operation.value,
        "route": plan.route.value,
        "groups": plan.groups,
        "in_step": plan.in_step,
        "counts": plan.counts,
        "limits": dict(plan.limits),
        "changes": [{"kind": kind, "reason": why, "number": number} for (kind, why), number in changes.items()],
        "refusals": [{"rule": rule, "number": number} for rule, number in refusals.items()],
        "left_out": [{"code": code, "number": number} for code, number in left_out.items()],
    }


def _journal(written: WrittenJournal) -> dict[str, object]:
    return {
        "approved": len(written.approved),
        "begun": len(written.begun),
        "done": len(written.done),
        "changed": written.changed,
        "closed": written.closed,
        "carried_out": written.carried_out,
        "unreadable": written.unreadable,
    }


def _numbers(values: Mapping[str, Any]) -> dict[str, object]:
    return {key: value for key, value in values.items() if isinstance(value, (int, float))}


def _time(value: object) -> object:
    return value if moment_in(value) is not None else None


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
