"""Plans as JSON: what plan.json holds, and back. A plan that was read computes its own digest again.

A file is believed only if writing the plan that was read from it gives the same file again: nothing in it may say
something else to a person than to the program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from runbook_lib.change.strict_file import LARGEST_PLAN, Unfit, read_plain, strict_json
from runbook_lib.errors import UsageError
from runbook_lib.files import PLAN
from runbook_lib.model.change import (
    AttributeDelta,
    Change,
    ChangeKind,
    Deletion,
    GroupMembers,
    LeftOut,
    MemberRef,
    Move,
    Operation,
    Plan,
    Refusal,
)
from runbook_lib.model.target import PlanTarget, Route
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.rules.reach import beyond_kind

SCHEMA = "group-writeback-plan/1"
FILE_NAME = PLAN


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Delta(_Strict):
    name: str
    removed: list[str]
    added: list[str]


class _Member(_Strict):
    guid: str
    dn: str
    group_id: str


class _Move(_Strict):
    from_guid: str
    to_guid: str
    from_dn: str
    to_dn: str


class _Deletion(_Strict):
    sid: str
    security: bool
    member_of: list[_Member]
    recycle_bin: str
    lifetime_days: int
    lifetime_source: str
    may_list: str
    may_reanimate: str
    days_left: int | None


class _Change(_Strict):
    digest: str
    kind: str
    group_id: str
    display_name: str
    dn: str
    object_guid: str
    rdn: str
    parent_guid: str
    attributes: list[_Delta]
    members_added: list[_Member]
    members_removed: list[_Member]
    move: _Move | None
    deletion: _Deletion | None
    reason: str
    why: str


class _Target(_Strict):
    tenant_id: str
    domain_guid: str
    domain: str
    target_ou: str
    target_ou_guid: str
    retired_ou: str
    retired_ou_guid: str


class _Refusal(_Strict):
    group_id: str
    display_name: str
    rule: str
    why: str
    to_do: str


class _LeftOut(_Strict):
    member_id: str
    name: str
    type: str
    code: str
    why: str


class _Members(_Strict):
    group_id: str
    display_name: str
    in_cloud: int
    already: int
    added: int
    removed: int
    left_out: list[_LeftOut]


class _PlanFile(BaseModel):
    """Types of everything in a plan; what its texts and numbers say is compared with the plan itself."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    operation: str
    route: Literal["direct"] = "direct"
    in_step: int
    limits: dict[str, int]
    target: _Target
    changes: list[_Change]
    refusals: list[_Refusal]
    members: list[_Members] = []


def read_plan(record: Path) -> Plan | None:
    """The plan in a run's folder; None where there is none.

    Raises:
        UsageError: ``plan-damaged``: not what a run writes, or changed afterwards.
    """
    path = record / FILE_NAME
    try:
        data = strict_json(read_plain(path, largest=LARGEST_PLAN).data)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Unfit as unfit:
        raise _damaged(str(path), str(unfit)) from None
    return plan_from_json(data, place=str(path))


def plan_to_json(plan: Plan) -> dict[str, object]:
    """JSON form of a plan, digests included for people and for ``plan_from_json`` to compare."""
    return {
        "schema": SCHEMA,
        "digest": plan.digest,
        "operation": plan.operation.value,
        "route": plan.route.value,
        "phrase": plan.phrase,
        "counts": plan.counts,
        "groups": plan.groups,
        "in_step": plan.in_step,
        "limits": dict(plan.limits),
        "target": plan.target.shown(),
        "changes": [change_to_json(change) for change in plan.changes],
        "refusals": [
            {"group_id": r.group_id, "display_name": r.display_name, "rule": r.rule, "why": r.why, "to_do": r.to_do}
            for r in plan.refusals
        ],
        "members": [{**asdict(g), "left_out": [asdict(m) for m in g.left_out]} for g in plan.members],
    }


def change_to_json(change: Change) -> dict[str, object]:
    """JSON form of a change."""
    move = change.move
    return {
        "digest": change.digest,
        "kind": change.kind.value,
        "group_id": change.group_id,
        "display_name": change.display_name,
        "dn": change.dn,
        "object_guid": change.object_guid,
        "rdn": change.rdn,
        "parent_guid": change.parent_guid,
        "attributes": [delta.as_json() for delta in change.attributes],
        "members_added": [_member_to_json(member) for member in change.members_added],
        "members_removed": [_member_to_json(member) for member in change.members_removed],
        "move": None
        if move is None
        else {"from_guid": move.from_guid, "to_guid": move.to_guid, "from_dn": move.from_dn, "to_dn": move.to_dn},
        "deletion": _deletion_to_json(change.deletion) if change.deletion else None,
        "reason": change.reason,
        "why": change.why,
    }


def plan_from_json(data: object, *, place: str = FILE_NAME) -> Plan:
    """Read a plan and check that it says what it says: digests, phrase and numbers fit, no kind exceeds itself.

    Raises:
        UsageError: Not a plan of this schema, its digest does not fit its content, or a change of it does what its kind
            never does (``plan-damaged``).
    """
    try:
        _PlanFile.model_validate(data)
        plan = _plan(data) if isinstance(data, dict) else None
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        shown = ", ".join(str(part) for part in detail["loc"])
        raise _damaged(place, f"{shown}: {detail['msg'].lower()}" if shown else "it is not a plan") from None
    except (KeyError, TypeError, ValueError):
        plan = None
    if plan is None or not isinstance(data, dict) or not _says_the_same(plan, data):
        raise _damaged(place, "its digests, phrase or numbers do not fit what it holds")
    for change in plan.changes:
        if beyond := beyond_kind(change, plan.operation):
            raise _damaged(place, f"a change of kind {change.kind.value} {beyond}")
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


def _plan(data: Mapping[str, Any]) -> Plan:
    target = data["target"]
    return Plan(
        operation=Operation(data["operation"]),
        target=PlanTarget(
            tenant_id=target["tenant_id"],
            domain_guid=target["domain_guid"],
            domain_dns_name=target["domain"],
            target_ou=target["target_ou"],
            target_ou_guid=target["target_ou_guid"],
            retired_ou=target["retired_ou"],
            retired_ou_guid=target["retired_ou_guid"],
        ),
        changes=tuple(change_from_json(item) for item in data["changes"]),
        limits=dict(data["limits"]),
        refusals=tuple(Refusal(**item) for item in data["refusals"]),
        in_step=data["in_step"],
        # Plans before this version say nothing about members that are left out.
        members=tuple(_members_from_json(item) for item in data.get("members", ())),
        # Nor do they say which route they are of: there was one.
        route=Route(data.get("route", Route.DIRECT.value)),
    )


def change_from_json(data: Mapping[str, Any]) -> Change:
    """Read a change.

    Raises:
        KeyError, TypeError, ValueError: The data has another shape.
    """
    return Change(
        kind=ChangeKind(data["kind"]),
        group_id=data["group_id"],
        display_name=data["display_name"],
        dn=data["dn"],
        object_guid=data["object_guid"],
        rdn=data["rdn"],
        parent_guid=data["parent_guid"],
        attributes=tuple(
            AttributeDelta(item["name"], tuple(item["removed"]), tuple(item["added"])) for item in data["attributes"]
        ),
        members_added=tuple(MemberRef(**item) for item in data["members_added"]),
        members_removed=tuple(MemberRef(**item) for item in data["members_removed"]),
        move=Move(**data["move"]) if data["move"] else None,
        deletion=_deletion_from_json(data["deletion"]) if data["deletion"] else None,
        reason=data["reason"],
        why=data["why"],
    )


def _members_from_json(data: Mapping[str, Any]) -> GroupMembers:
    left_out = tuple(LeftOut(**item) for item in data["left_out"])
    return GroupMembers(**{**data, "left_out": left_out})


def _member_to_json(member: MemberRef) -> dict[str, object]:
    return {"guid": member.guid, "dn": member.dn, "group_id": member.group_id}


def _deletion_to_json(deletion: Deletion) -> dict[str, object]:
    return {
        "sid": deletion.sid,
        "security": deletion.security,
        "member_of": [_member_to_json(group) for group in deletion.member_of],
        "recycle_bin": deletion.recycle_bin,
        "lifetime_days": deletion.lifetime_days,
        "lifetime_source": deletion.lifetime_source,
        "may_list": deletion.may_list,
        "may_reanimate": deletion.may_reanimate,
        "days_left": deletion.days_left,
    }


def _deletion_from_json(data: Mapping[str, Any]) -> Deletion:
    groups = tuple(MemberRef(**item) for item in data["member_of"])
    return Deletion(**{**data, "member_of": groups})
