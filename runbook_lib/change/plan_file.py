"""Plans as JSON: what plan.json holds, and back. A plan that was read computes its own digest again.

A file is believed only if writing the plan that was read from it gives the same file again: nothing in it may say
something else to a person than to the program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from runbook_lib.change.route import Fields, PayloadFields, RouteRules, Routes, TargetFields, rules_in
from runbook_lib.errors import UsageError
from runbook_lib.files import PLAN
from runbook_lib.model.change import Change, GroupMembers, LeftOut, Plan, Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.ids import as_group_id, group_id_or_none
from runbook_lib.model.target import Route
from runbook_lib.model.text import t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain, strict_json

PLAN_SCHEMA = "group-writeback-plan/1"
PLAN_JSON = PLAN


class ChangeHead(Fields):
    """What every route's change holds in plan.json; its payload's fields stand beside these."""

    digest: str
    kind: str
    group_id: str
    display_name: str
    reason: str
    why: str


class _Refusal(Fields):
    group_id: str
    display_name: str
    rule: str
    why: str
    to_do: str


class _LeftOut(Fields):
    member_id: str
    name: str
    type: str
    code: str
    why: str


class _Members(Fields):
    group_id: str
    display_name: str
    in_cloud: int
    already: int
    added: int
    removed: int
    left_out: list[_LeftOut]


class PlanFile(BaseModel):
    """Types of everything in a plan; what its texts and numbers say is compared with the plan itself."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    operation: str
    route: str = Route.DIRECT.value
    in_step: int
    limits: dict[str, int]
    target: TargetFields
    changes: Sequence[ChangeHead]
    refusals: list[_Refusal]
    members: list[_Members] = []


@lru_cache
def plan_file_of(rules: RouteRules) -> type[PlanFile]:
    """What plan.json holds where its plan is of this route: heads with its payloads, and its target."""
    change = create_model("ChangeFields", __base__=(ChangeHead, rules.payload_fields))
    return create_model(
        "PlanFile",
        __base__=PlanFile,
        __doc__=PlanFile.__doc__,
        route=(str, Route.DIRECT.value),
        target=(rules.target_fields, ...),
        changes=(list[change], ...),  # type: ignore[valid-type]
    )


def read_plan(record: Path, routes: Routes) -> Plan | None:
    """The plan in a run's folder; None where there is none.

    Args:
        record: The folder.
        routes: The routes whose plans can be read.

    Raises:
        UsageError: ``plan-damaged``: not what a run writes, or changed afterwards.
    """
    path = record / PLAN_JSON
    try:
        data = strict_json(read_plain(path, largest=LARGEST_PLAN).data)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Unfit as unfit:
        raise _damaged(str(path), str(unfit)) from None
    return plan_from_json(data, routes, place=str(path))


def plan_to_json(plan: Plan) -> dict[str, object]:
    """JSON form of a plan, digests included for people and for ``plan_from_json`` to compare."""
    return {
        "schema": PLAN_SCHEMA,
        "digest": plan.digest,
        "operation": plan.operation.value,
        "route": plan.route.value,
        "phrase": plan.phrase,
        "counts": plan.counts,
        "groups": plan.groups,
        "in_step": plan.in_step,
        "limits": dict(plan.limits),
        "target": plan.target.as_json(),
        "changes": [change_to_json(change) for change in plan.changes],
        "refusals": [
            {"group_id": r.group_id, "display_name": r.display_name, "rule": r.rule, "why": r.why, "to_do": r.to_do}
            for r in plan.refusals
        ],
        "members": [{**asdict(g), "left_out": [asdict(m) for m in g.left_out]} for g in plan.members],
    }


def change_to_json(change: Change) -> dict[str, object]:
    """JSON form of a change: its head and, beside it, its payload."""
    return {
        **change.payload.as_json(),
        "digest": change.digest,
        "kind": change.kind.value,
        "group_id": change.group_id,
        "display_name": change.display_name,
        "reason": change.reason,
        "why": change.why,
    }


def plan_from_json(data: object, routes: Routes, *, place: str = PLAN_JSON) -> Plan:
    """Read a plan and check that it says what it says: digests, phrase and numbers fit, no kind exceeds itself.

    Args:
        data: JSON.
        routes: The routes whose plans can be read.
        place: Where it comes from, for the error.

    Raises:
        UsageError: Not a plan of this schema, its digest does not fit its content, or a change of it does what its kind
            never does (``plan-damaged``).
    """
    try:
        rules = rules_in(data, routes)
        read = plan_file_of(rules).model_validate(data)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        shown = ", ".join(str(part) for part in detail["loc"])
        raise _damaged(place, f"{shown}: {detail['msg'].lower()}" if shown else t("it is not a plan")) from None
    except ValueError as error:
        raise _damaged(place, str(error)) from None
    try:
        plan = _plan(read)
    except (KeyError, TypeError, ValueError):
        plan = None
    if plan is None or not isinstance(data, dict) or not _says_the_same(plan, data):
        raise _damaged(place, t("its digests, phrase or numbers do not fit what it holds"))
    for change in plan.changes:
        if beyond := rules.beyond_kind(change, plan.operation):
            raise _damaged(place, t("a change of kind {value} {beyond}", value=change.kind.value, beyond=beyond))
    return plan


def _says_the_same(plan: Plan, data: Mapping[str, object]) -> bool:
    again = json.loads(json.dumps(plan_to_json(plan)))
    return bool(again == {"members": [], "route": Route.DIRECT.value, **data})


def _damaged(place: str, why: str) -> UsageError:
    return UsageError(
        t(
            "{place} is not a plan of this runbook, or it was changed after it was written: {why}.",
            place=place,
            why=printable(why, limit=200),
        ),
        code="plan-damaged",
        hint=t("Run gwb verify-record on that record, and plan again."),
        values={"path": place, "why": why},
    )


def _plan(read: PlanFile) -> Plan:
    return Plan(
        operation=Operation(read.operation),
        target=read.target.target(),
        changes=tuple(map(_change, read.changes)),
        limits=dict(read.limits),
        refusals=tuple(
            Refusal(group_id_or_none(r.group_id), r.display_name, r.rule, verbatim(r.why), verbatim(r.to_do))
            for r in read.refusals
        ),
        in_step=read.in_step,
        # Plans before this version say nothing about members that are left out.
        members=tuple(map(_members, read.members)),
        # Nor do they say which route they are of: there was one.
        route=Route(read.route),
    )


def _change(read: ChangeHead) -> Change:
    if not isinstance(read, PayloadFields):
        raise TypeError("a change is read with its payload: plan_file_of puts both together")
    return Change(
        kind=ChangeKind(read.kind),
        group_id=group_id_or_none(read.group_id),
        display_name=read.display_name,
        payload=read.payload(),
        reason=read.reason,
        why=verbatim(read.why),
    )


def _members(read: _Members) -> GroupMembers:
    left_out = tuple(LeftOut(m.member_id, m.name, m.type, m.code, verbatim(m.why)) for m in read.left_out)
    return GroupMembers(
        as_group_id(read.group_id), read.display_name, read.in_cloud, read.already, read.added, read.removed, left_out
    )
