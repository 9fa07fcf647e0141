"""What a run may write now: plan approvals first, then standing ones for what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook_lib.change.approvals.approvers import ANYBODY, Approvers
from runbook_lib.change.approvals.part import self_sufficient, with_mapping
from runbook_lib.change.approvals.plan import (
    Approval,
    approved_changes,
    other_parts,
    otherwise,
    read_approvals,
    renamed_parts,
    why_not_by,
)
from runbook_lib.change.approvals.standing import StandingApproval, read_standing
from runbook_lib.change.route import Routes
from runbook_lib.errors import AwaitingApproval
from runbook_lib.model.change import Change, Plan, Refusal
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable

_CAPS = {
    "changes": t("changes"),
    "members_added": t("members added"),
    "members_removed": t("members removed"),
}
_CAP_EXCEEDED = "standing-cap-exceeded"


@dataclass(frozen=True, slots=True)
class Approvals:
    """Everything in a change's folder of approvals, oldest first."""

    plans: Sequence[Approval]
    standing: Sequence[StandingApproval]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that is not approved, and why the standing approvals do not cover it (empty without any)."""

    change: Change
    why: Text


@dataclass(frozen=True, slots=True)
class Grant:
    """What is approved, in the plan's order, under which approvals, and what waits."""

    changes: tuple[Change, ...]
    approvals: tuple[Approval | StandingApproval, ...]
    waiting: tuple[Waiting, ...]

    def approval_json(self) -> dict[str, object]:
        """The approval for record.json and the journal; ``further`` lists others that took part."""
        first, *others = (approval.as_json() for approval in self.approvals)
        return first | ({"further": others} if others else {})


def waiting_findings(waiting: Sequence[Waiting]) -> tuple[Finding, ...]:
    """One finding per change that waits, for the record."""
    return tuple(
        Finding(
            id=f"awaiting-approval:{item.change.digest[:12]}",
            severity=Severity.WARNING,
            seen=t("{named} waits for an approval.", named=_named(item.change)),
            why=item.why,
            to_do=t("Read the plan and approve it with gwb approve RECORD."),
            values={
                "kind": item.change.kind.value,
                "group_id": item.change.group_id,
                "digest": item.change.digest,
            },
        )
        for item in waiting
    )


@dataclass(frozen=True, slots=True)
class _Closed:
    """Why a standing approval covers nothing of a run."""

    code: str
    why: Text
    hint: Text


@dataclass(frozen=True, slots=True)
class _Asked:
    """A standing approval, and why it is closed to this run as a whole (None: it is open)."""

    standing: StandingApproval
    closed: _Closed | None


def read_all(folder: Path, routes: Routes) -> Approvals:
    """Every approval in a change's folder.

    Args:
        folder: Where they lie.
        routes: The routes that they may be about.

    Raises:
        Refused: A damaged file (``approval-damaged``), or one of another change (``approval-of-another-change``).
    """
    return Approvals(read_approvals(folder, routes), read_standing(folder, routes))


def granted(
    plan: Plan, approvals: Approvals, now: datetime, approvers: Approvers = ANYBODY, *, begun: bool = False
) -> Grant:
    """What of the plan is approved now, by people who may approve; ``begun`` as for ``approved_changes``.

    Raises:
        AwaitingApproval: Nothing is; the message says why.
    """
    closed: AwaitingApproval | None = None
    chosen: tuple[Change, ...] = ()
    used: list[Approval | StandingApproval] = []
    try:
        chosen, approval = approved_changes(plan, approvals.plans, now, approvers, begun=begun)
        used.append(approval)
    except AwaitingApproval as error:
        closed = error
    asked: list[_Asked] = []
    for standing in reversed(approvals.standing):
        found = _covered(plan, standing, chosen, now, approvers, begun=begun)
        if isinstance(found, _Closed):
            asked.append(_Asked(standing, found))
            continue
        asked.append(_Asked(standing, None))
        if len(found) > len(chosen):
            chosen = found
            used.append(standing)
    if not chosen:
        raise _nothing(plan, asked, closed)
    kept = {change.digest for change in chosen}
    return Grant(
        changes=tuple(change for change in plan.changes if change.digest in kept),
        approvals=tuple(used),
        waiting=tuple(
            Waiting(change, _why(change, asked) or _other_names(change, approvals.plans))
            for change in plan.changes
            if change.digest not in kept
        ),
    )


def _other_names(change: Change, approvals: Sequence[Approval]) -> Text:
    named = [approval for approval in approvals if change.digest in approval.changes]
    return otherwise(change, named[-1].approver) if named else NOTHING


def _covered(
    plan: Plan,
    standing: StandingApproval,
    chosen: tuple[Change, ...],
    now: datetime,
    approvers: Approvers,
    *,
    begun: bool,
) -> tuple[Change, ...] | _Closed:
    """``chosen`` and what this approval adds to it, or why it adds nothing at all."""
    if closed := _unusable(plan, standing, now, approvers, begun=begun):
        return closed
    kept = {change.digest for change in chosen}
    candidates = [c for c in plan.changes if c.digest in kept or not _uncovered(c, standing)]
    together = with_mapping(plan, self_sufficient(candidates))
    new = [change for change in together if change.digest not in kept]
    seen = {
        "changes": len(new),
        "members_added": sum(len(change.payload.members_added) for change in new),
        "members_removed": sum(len(change.payload.members_removed) for change in new),
    }
    for name, allowed in standing.caps.as_json().items():
        if seen[name] > allowed:
            return _Closed(
                _CAP_EXCEEDED,
                t(
                    "The standing approval by {approver} allows {allowed} {caps} per run, and this run "
                    "has {seen}: nothing is applied under it.",
                    approver=_approver(standing),
                    allowed=allowed,
                    caps=_CAPS[name],
                    seen=seen[name],
                ),
                t(
                    "If that many are meant, approve this plan, or make a standing approval with a "
                    "larger --max-{name}.",
                    name=name.replace("_", "-"),
                ),
            )
    return together


def _unusable(
    plan: Plan, standing: StandingApproval, now: datetime, approvers: Approvers, *, begun: bool
) -> _Closed | None:
    again = t("Make a new one with gwb approve {record} --standing, or approve this plan.", record="RECORD")
    who = t("The standing approval by {approver}", approver=_approver(standing))
    if plan.operation is not Operation.ENABLE:
        return _Closed(
            "standing-operation",
            t("{who} is for enabling, not to {operation}.", who=who, operation=plan.operation.title),
            again,
        )
    if other := other_parts(plan, standing):
        return _Closed("standing-other-target", t("{who} is for another {part}.", who=who, part=other[0]), again)
    if renamed := renamed_parts(plan, standing.target_names, begun=begun):
        return _Closed(
            "standing-other-target",
            t("{who} calls the {part} otherwise than it is called now.", who=who, part=renamed[0].title),
            again,
        )
    if refused := why_not_by(approvers, standing):
        return _Closed("approver-not-allowed", t("{who} does not count: {refused}.", who=who, refused=refused), again)
    if now < standing.approved:
        return _Closed(
            "approval-from-the-future",
            t("{who} is dated {approved}, after this clock.", who=who, approved=iso_seconds(standing.approved)),
            again,
        )
    if now > standing.until:
        return _Closed(
            "standing-expired", t("{who} ended at {until}.", who=who, until=iso_seconds(standing.until)), again
        )
    return None


def _uncovered(change: Change, standing: StandingApproval) -> Text:
    """Why this approval does not cover the change; empty where it does."""
    if beyond := change.payload.beyond_standing(change.kind):
        return beyond
    if change.group_id not in standing.groups:
        return t("The standing approval by {approver} does not name this group.", approver=_approver(standing))
    if (called := standing.names.get(change.group_id, "")) not in ("", change.display_name):
        name = printable(called, limit=80)
        return t(
            "The standing approval by {approver} calls this group {name!r}, which is not its name now.",
            approver=_approver(standing),
            name=name,
        )
    if change.kind.value not in standing.kinds:
        return t(
            "The standing approval by {approver} does not allow the kind {kind}.",
            approver=_approver(standing),
            kind=change.kind.title,
        )
    return NOTHING


def _why(change: Change, asked: Sequence[_Asked]) -> Text:
    """In words, for one change that waits: by the newest standing approval that has to do with it."""
    if not asked:
        return NOTHING
    if beyond := change.payload.beyond_standing(change.kind):
        return beyond
    for item in asked:
        if item.closed and item.closed.code == _CAP_EXCEEDED and not _uncovered(change, item.standing):
            return t("{why} {hint}", why=item.closed.why, hint=item.closed.hint)
    nearest = next((item for item in asked if item.closed is None or item.closed.code == _CAP_EXCEEDED), None)
    if nearest is None:
        return asked[0].closed.why if asked[0].closed else NOTHING
    uncovered = _uncovered(change, nearest.standing)
    return uncovered or t("One of its members is a group whose creation is not approved.")


def _nothing(plan: Plan, asked: Sequence[_Asked], closed: AwaitingApproval | None) -> AwaitingApproval:
    """The closed gate. An approval of this very plan that has ended says more than a standing one."""
    if closed is not None and (not asked or closed.code not in ("no-approval", "approval-of-another-plan")):
        return closed
    values = {"plan_digest": plan.digest, "phrase": plan.phrase}
    approve = t('gwb approve {record} --as NAME --phrase "{phrase}"', record="RECORD", phrase=plan.phrase)
    reasons = [item.closed for item in asked if item.closed]
    exceeded = [reason for reason in reasons if reason.code == _CAP_EXCEEDED]
    if exceeded or len(reasons) == len(asked):
        said = (exceeded or reasons)[0]
        return AwaitingApproval(
            said.why,
            code=said.code,
            hint=t("{hint} For this plan: {approve}", hint=said.hint, approve=approve),
            values=values,
        )
    first = plan.changes[0]
    more = t(" and {more:,} more", more=len(plan.changes) - 1) if len(plan.changes) > 1 else NOTHING
    return AwaitingApproval(
        t(
            "No standing approval covers what this plan changes: {named}{more}. {why}",
            named=_named(first),
            more=more,
            why=_why(first, asked),
        ),
        code="standing-not-covered",
        hint=t("Read the plan, then: {approve}", approve=approve),
        values=values,
    )


def _named(change: Change) -> Text:
    return t("{kind} {name!r}", kind=change.kind.title, name=printable(change.title, limit=80))


def _approver(standing: StandingApproval) -> str:
    return printable(standing.approver, limit=80)


def refusal_finding(refusal: Refusal) -> Finding:
    """What the plan leaves alone, for the record: a group by its id, and what is about no group by the rule."""
    return Finding(
        id=f"refused:{refusal.group_id or refusal.rule}",
        severity=Severity.WARNING,
        seen=t("{display_name!r} is left alone: {why}", display_name=refusal.display_name, why=refusal.why),
        to_do=refusal.to_do,
        values={"rule": refusal.rule, "group_id": refusal.group_id},
    )
