"""Plans as JSON: what plan.json holds, and back. A plan that was read computes its own digest again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook_lib.errors import UsageError
from runbook_lib.model.change import (
    AttributeDelta,
    Change,
    ChangeKind,
    Deletion,
    MemberRef,
    Move,
    Operation,
    Plan,
    PlanTarget,
    Refusal,
)

SCHEMA = "group-writeback-plan/1"


def plan_to_json(plan: Plan) -> dict[str, object]:
    """JSON form of a plan, digests included for people and for ``plan_from_json`` to compare."""
    return {
        "schema": SCHEMA,
        "digest": plan.digest,
        "operation": plan.operation.value,
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


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """Read a plan and check its digest.

    Raises:
        UsageError: Not a plan of this schema, or its digest does not fit its content (``plan-damaged``).
    """
    try:
        target = data["target"]
        plan = Plan(
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
        )
        fits = data["schema"] == SCHEMA and plan.digest == data["digest"]
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise UsageError(
            "plan.json is not a plan of this runbook, or it was changed after it was written.",
            code="plan-damaged",
            hint="Run gwb verify-record on that record, and plan again.",
        )
    return plan


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
        deletion=_deletion_from_json(data["deletion"]) if data.get("deletion") else None,
        reason=data["reason"],
        why=data["why"],
    )


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
