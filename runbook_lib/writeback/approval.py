"""Approvals: files beside the records that name, change by change, what a person agreed to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from runbook_lib.errors import AwaitingApproval, Refused, ServiceFailed, UsageError
from runbook_lib.files import write_durably
from runbook_lib.model.change import Change, ChangeKind, Plan
from runbook_lib.text import json_text, printable
from runbook_lib.writeback.plan_file import plan_from_json

SCHEMA = "group-writeback-approval/1"
LONGEST = timedelta(days=7)
"""A plan approval is for the run that follows, not for next month."""


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval of kind plan. Times are UTC."""

    plan_digest: str
    changes: frozenset[str]
    approver: str
    approved: datetime
    until: datetime
    phrase: str
    planning_manifest: str | None
    path: Path

    def as_json(self) -> dict[str, object]:
        """What a record says about the approval it was made under."""
        return {
            "kind": "plan",
            "plan_digest": self.plan_digest,
            "approver": self.approver,
            "approved": iso(self.approved),
            "until": iso(self.until),
            "phrase": self.phrase,
            "planning_manifest": self.planning_manifest,
        }


def planned(record: Path) -> Plan:
    """The plan of a record.

    Raises:
        UsageError: The folder holds no plan, or a damaged one.
    """
    try:
        data = json.loads((record / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UsageError(
            f"No plan in {record}.",
            code="no-plan",
            hint="Name the record folder of a run that ended with awaiting-approval.",
            values={"record": str(record)},
        ) from None
    return plan_from_json(data if isinstance(data, dict) else {})


def approve(
    record: Path,
    *,
    approver: str,
    phrase: str,
    valid: timedelta,
    clock: Callable[[], datetime],
    manifest_digest: str | None = None,
) -> Path:
    """Approve the plan of a record and return the approval's file.

    Args:
        record: Record folder of the planning run.
        approver: Who approves.
        phrase: What the approver typed; it must be the plan's own phrase.
        valid: How long the approval holds.
        clock: Gives the present time, UTC.
        manifest_digest: Digest of the sealed planning record, or None while it is still open.

    Raises:
        UsageError: No plan, nothing to approve, wrong phrase, empty name, or a period that is too long.
        ServiceFailed: The file cannot be written (``approval-write``).
    """
    plan = planned(record)
    if not plan.changes:
        raise UsageError("That plan changes nothing.", code="nothing-to-approve", hint="There is nothing to approve.")
    if not approver.strip():
        raise UsageError("No approver is named.", code="approver-missing", hint="Name a person with --as.")
    if " ".join(phrase.split()) != plan.phrase:
        raise UsageError(
            f"The phrase does not fit the plan: {printable(phrase, limit=80)!r}.",
            code="phrase",
            hint=f"Read the plan, then type: {plan.phrase}",
            values={"expected": plan.phrase},
        )
    if not timedelta(0) < valid <= LONGEST:
        raise UsageError(
            f"An approval holds at most {LONGEST.days} days.",
            code="approval-period",
            hint="Use --valid 4h, for example.",
        )
    now = clock()
    folder = record.resolve().parent / "approvals"
    path = folder / f"{plan.digest}.json"
    content = {
        "schema": SCHEMA,
        "kind": "plan",
        "plan_digest": plan.digest,
        "changes": sorted(change.digest for change in plan.changes),
        "target": plan.target.as_json(),
        "approver": approver.strip(),
        "approved": iso(now),
        "until": iso(now + valid),
        "phrase": plan.phrase,
        "planning_record": record.name,
        "planning_manifest": manifest_digest,
    }
    write_approval(path, content)
    return path


def write_approval(path: Path, content: Mapping[str, object]) -> None:
    """Write the file of an approval, whole or not at all.

    Raises:
        ServiceFailed: ``approval-write``: disk full, share gone, no right. Nothing is approved then.
    """
    text = json_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, text.encode())
    except OSError as error:
        raise ServiceFailed(
            f"The approval {path} cannot be written: {error.strerror or type(error).__name__}.",
            code="approval-write",
            hint="Nothing is approved. Check free space and rights of the records folder, then approve again.",
            values={"path": str(path)},
        ) from None


def read_approvals(folder: Path) -> list[Approval]:
    """Every approval of one plan in a change's folder, oldest first; standing ones are ``standing``'s.

    Raises:
        Refused: A file there is not an approval (``approval-damaged``): better to stop than to guess.
    """
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    found = [_read(path) for path in paths if not path.name.startswith("standing-")]
    return sorted(found, key=lambda approval: (approval.approved, approval.plan_digest))


def _read(path: Path) -> Approval:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA or data["kind"] != "plan":
            raise ValueError
        return Approval(
            plan_digest=data["plan_digest"],
            changes=frozenset(data["changes"]),
            approver=data["approver"],
            approved=datetime.fromisoformat(data["approved"]),
            until=datetime.fromisoformat(data["until"]),
            phrase=data["phrase"],
            planning_manifest=data["planning_manifest"],
            path=path,
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused(
            f"{path} is not an approval.",
            code="approval-damaged",
            hint="Remove that file and approve again with gwb approve.",
            values={"path": str(path)},
        ) from None


def approved_changes(plan: Plan, approvals: Sequence[Approval], now: datetime) -> tuple[tuple[Change, ...], Approval]:
    """The plan's changes that a valid approval names, and that approval (the newest where several do).

    Raises:
        AwaitingApproval: None of the changes is approved; the message says whether there is no approval, an expired
            one, or one of another plan.
    """
    for approval in sorted(approvals, key=lambda a: a.approved, reverse=True):
        covered = self_sufficient([change for change in plan.changes if change.digest in approval.changes])
        if covered and approval.approved <= now <= approval.until:
            return covered, approval
    raise _why_closed(plan, approvals, now)


def self_sufficient(changes: list[Change]) -> tuple[Change, ...]:
    """Without the changes whose members are groups that would be created or undeleted, but not under this approval."""
    while True:
        made = {c.group_id for c in changes if not c.object_guid or c.kind is ChangeKind.UNDELETE}
        kept = [c for c in changes if all(m.group_id in made for m in c.members_added if m.group_id or not m.guid)]
        if len(kept) == len(changes):
            return tuple(kept)
        changes = kept


def _why_closed(plan: Plan, approvals: Sequence[Approval], now: datetime) -> AwaitingApproval:
    ours = [a for a in approvals if any(change.digest in a.changes for change in plan.changes)]
    if ours:
        last = ours[-1]
        code, why = "approval-expired", f"The approval by {printable(last.approver)} ended at {iso(last.until)}."
        if now < last.approved:
            code, why = "approval-from-the-future", f"The approval is dated {iso(last.approved)}, after this clock."
    elif approvals:
        code, why = "approval-of-another-plan", "There is an approval, but of another plan."
    else:
        code, why = "no-approval", "This plan is not approved."
    return AwaitingApproval(
        why,
        code=code,
        hint=f'Read the plan, then: gwb approve RECORD --as NAME --phrase "{plan.phrase}"',
        values={"plan_digest": plan.digest, "phrase": plan.phrase},
    )


def iso(moment: datetime) -> str:
    """A moment as approvals and records write it: seconds, UTC as ``Z``."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
