"""Approvals: files beside the records that name, change by change, what a person agreed to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from runbook_lib.change.approvals.approvers import ANYBODY, Approvers, not_counted, require_approver
from runbook_lib.change.approvals.file import (
    APPROVAL_SCHEMA,
    LONGEST,
    PREFIX,
    PlanApprovalFile,
    approval_paths,
    read_approval_file,
    write_approval,
)
from runbook_lib.change.approvals.given import GivenApproval
from runbook_lib.change.approvals.part import part_of, phrase_of_part, self_sufficient, with_mapping
from runbook_lib.change.plan_as_read import Shown, shown_of
from runbook_lib.change.plan_file import read_plan
from runbook_lib.change.route import Routes
from runbook_lib.errors import AwaitingApproval, UsageError
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.target import Route, TargetPart, identity_of, names_of
from runbook_lib.model.text import Text, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.signing.signature import Signing


@dataclass(frozen=True, slots=True)
class Approval(GivenApproval):
    """One approval of kind plan."""

    plan_digest: str
    changes: Mapping[str, Shown]
    """Digest of each change to what the approver read of it."""

    def as_json(self) -> dict[str, object]:
        """What a record says about the approval it was made under."""
        return {"kind": "plan", **self.given(), "plan_digest": self.plan_digest}


def planned(record: Path, routes: Routes) -> Plan:
    """The plan of a record.

    Args:
        record: Its folder.
        routes: The routes whose plans can be read.

    Raises:
        UsageError: The folder holds no plan (``no-plan``), or a damaged one (``plan-damaged``).
    """
    plan = read_plan(record, routes)
    if plan is None:
        raise UsageError(
            t("No plan in {record}.", record=record),
            code="no-plan",
            hint=t("Name the record folder of a run that ended with awaiting-approval."),
            values={"record": str(record)},
        )
    return plan


def approve_plan(
    record: Path,
    routes: Routes,
    *,
    approver: str,
    phrase: str,
    valid: timedelta,
    clock: Callable[[], datetime],
    manifest_digest: str | None = None,
    approvers: Approvers = ANYBODY,
    signing: Signing | None = None,
    left_out: Collection[str] = (),
) -> Path:
    """Approve the plan of a record, or a part of it, and return the approval's file.

    Args:
        record: Record folder of the planning run.
        routes: The routes whose plans can be approved.
        approver: Who approves.
        phrase: What the approver typed; it must be the phrase of what is approved of the plan.
        valid: How long the approval holds.
        clock: Gives the present time, UTC.
        manifest_digest: Digest of the sealed planning record, or None while it is still open.
        approvers: Who may approve.
        signing: What the approver signs with; None: the approval is not signed.
        left_out: Ids of groups whose changes are not approved, and what cannot be carried out without those.

    Raises:
        UsageError: No plan, nothing to approve, wrong phrase, empty name, or a period that is too long.
        AwaitingApproval: This approver may not (``approver-not-allowed``).
        ServiceFailed: The file cannot be written (``approval-write``).
    """
    plan = planned(record, routes)
    if not plan.changes:
        raise UsageError(
            t("That plan changes nothing."), code="nothing-to-approve", hint=t("There is nothing to approve.")
        )
    part = part_of(plan, left_out)
    if not part.changes:
        raise UsageError(
            t("Of that plan nothing is left to approve."),
            code="nothing-to-approve",
            hint=t("Leave fewer groups out: what they need is left out with them."),
        )
    if not approver.strip():
        raise UsageError(t("No approver is named."), code="approver-missing", hint=t("Name a person with --as."))
    require_approver(approver, approvers, clock(), signing.key.shown if signing else None, record.name)
    if " ".join(phrase.split()) != part.phrase:
        raise UsageError(
            t("The phrase does not fit the plan: {phrase!r}.", phrase=printable(phrase, limit=80)),
            code="phrase",
            hint=t("Read the plan, then type: {phrase}", phrase=part.phrase),
            values={"expected": part.phrase},
        )
    if not timedelta(0) < valid <= LONGEST:
        raise UsageError(
            t("An approval holds at most {longest_days} days.", longest_days=LONGEST.days),
            code="approval-period",
            hint=t("Use --valid 4h, for example."),
        )
    now = clock()
    approved = {change.digest for change in part.changes}
    shown = {change: read for change, read in shown_of(plan).items() if change in approved}
    change_folder = record.resolve().parent
    path = change_folder / "approvals" / f"{plan.digest}.json"
    content = {
        "schema": APPROVAL_SCHEMA,
        "kind": "plan",
        "change_id": change_folder.name,
        "plan_digest": plan.digest,
        "changes": sorted(shown),
        "names": [shown[change].names for change in sorted(shown)],
        "members": [shown[change].members for change in sorted(shown)],
        "route": plan.route.value,
        "target": plan.target.as_json(),
        "approver": approver.strip(),
        "approved": iso_seconds(now),
        "until": iso_seconds(now + valid),
        "phrase": part.phrase,
        "planning_record": record.name,
        "planning_manifest": manifest_digest,
    }
    write_approval(path, content, signing)
    return path


def read_approvals(folder: Path, routes: Routes) -> list[Approval]:
    """Every approval of one plan in a change's folder, oldest first; standing ones are ``standing``'s.

    Args:
        folder: Where they lie.
        routes: The routes that they may be about.

    Raises:
        Refused: A file there is not an approval of this change (``approval-damaged``, ``approval-of-another-change``).
    """
    found = [_read(path, routes) for path in approval_paths(folder) if not path.name.startswith(PREFIX)]
    return sorted(found, key=lambda approval: (approval.approved, approval.plan_digest))


def _read(path: Path, routes: Routes) -> Approval:
    content, facts = read_approval_file(path, routes)
    if not isinstance(content, PlanApprovalFile):
        raise TypeError(t("an approval of one plan, by its name: {name}", name=path.name))
    return Approval(
        plan_digest=content.plan_digest,
        changes=dict(zip(content.changes, map(Shown, content.names, content.members), strict=True)),
        route=Route(content.route),
        target=identity_of(content.target.target()),
        target_names=names_of(content.target.target()),
        approver=content.approver,
        approved=content.since,
        until=content.end,
        phrase=content.phrase,
        planning_record=content.planning_record,
        planning_manifest=content.planning_manifest,
        file=facts,
    )


def approved_changes(
    plan: Plan,
    approvals: Sequence[Approval],
    now: datetime,
    approvers: Approvers = ANYBODY,
    *,
    begun: bool = False,
) -> tuple[tuple[Change, ...], Approval]:
    """The plan's changes that a valid approval names, and that approval (the newest where several do).

    A change counts only where the approver read of it what this plan says. ``begun``: the plan was begun, so its
    numbers of members are not those of today any more, and only names are compared; parts of its target may have others
    now.

    Raises:
        AwaitingApproval: None of the changes is approved; the message says whether there is no approval, one that has
            ended, one of another plan or target, one of somebody who may not approve, or one that was given for other
            names.
    """
    for approval in sorted(approvals, key=lambda a: a.approved, reverse=True):
        covered = with_mapping(plan, self_sufficient(_as_read(plan, approval, begun=begun)))
        if covered and not why_not_now(approval, plan, now, approvers):
            return covered, approval
    raise _why_closed(plan, approvals, now, approvers)


def _as_read(plan: Plan, approval: Approval, *, begun: bool) -> list[Change]:
    """Changes of the plan that an approval names, by digest and as its approver read them."""
    shown = shown_of(plan)
    if renamed_parts(plan, approval.target_names, begun=begun):
        return []

    def same(change: Change) -> bool:
        read, now = approval.changes.get(change.digest), shown[change.digest]
        return read is not None and read.names == now.names and (begun or read.members == now.members)

    return [change for change in plan.changes if same(change)]


def renamed_parts(plan: Plan, names: Mapping[str, str], *, begun: bool) -> list[TargetPart]:
    """Parts of the plan's target that an approval calls otherwise (``names``: by their keys, those that it read)."""
    parts = (part for part in plan.target.parts() if part.name_key in names)
    # Once it is begun, some may be renamed: they are the same ones by their ids.
    return [p for p in parts if names[p.name_key].casefold() != p.name.casefold() and not (begun and p.renamable)]


def other_parts(plan: Plan, approval: GivenApproval) -> list[Text]:
    """What of the plan's target is another one than in an approval, in words; empty where it is the same."""
    if approval.route is not plan.route:
        return [t("route")]
    parts = [part for part in plan.target.parts() if part.id_key in approval.target]
    return [part.title for part in parts if approval.target[part.id_key] != part.id.casefold()]


def why_not_now(approval: Approval, plan: Plan, now: datetime, approvers: Approvers) -> tuple[str, Text] | None:
    """Code and sentence of what keeps an approval from counting for a plan's changes now; None where nothing does."""
    by = t("The approval by {approver}", approver=printable(approval.approver, limit=80))
    if other := other_parts(plan, approval):
        return "approval-other-target", t("{by} is for another {parts}.", by=by, parts=joined(other, ", "))
    if approval.plan_digest == plan.digest and approval.phrase != phrase_of_part(plan, approval.changes):
        return "approval-other-phrase", t("{by} was given with another phrase than that of the plan.", by=by)
    if refused := why_not_by(approvers, approval):
        return "approver-not-allowed", t(
            "{not_counted}: {refused}.", not_counted=not_counted(approval.approver), refused=refused
        )
    if now < approval.approved:
        return "approval-from-the-future", t(
            "The approval is dated {approved}, after this clock.", approved=iso_seconds(approval.approved)
        )
    if now > approval.until:
        return "approval-expired", t("{by} ended at {until}.", by=by, until=iso_seconds(approval.until))
    return None


def why_not_by(approvers: Approvers, approval: GivenApproval) -> Text:
    """Why the approver of this approval does not count; empty where they do."""
    return approvers.why_not(approval.approver, approval.file, approval.approved, approval.planning_record)


def otherwise(change: Change, approver: str) -> Text:
    """Why a change waits whose names or members are not what its approver read."""
    named = printable(change.title, limit=80)
    return t(
        "The approval by {approver} was given for other names or members than {named!r} has "
        "now: what was read is not what would be written.",
        approver=printable(approver, limit=80),
        named=named,
    )


def _why_closed(plan: Plan, approvals: Sequence[Approval], now: datetime, approvers: Approvers) -> AwaitingApproval:
    ours = [a for a in approvals if any(change.digest in a.changes for change in plan.changes)]
    if ours and (found := why_not_now(ours[-1], plan, now, approvers)):
        code, why = found
    elif ours and any(c.kind is ChangeKind.MAP and c.digest not in ours[-1].changes for c in plan.changes):
        code, why = (
            "approval-of-another-plan",
            t(
                "The approval is for another change of the mapping: the configuration was changed since, or the "
                "parameters were."
            ),
        )
    elif ours:
        other = next(change for change in plan.changes if change.digest in ours[-1].changes)
        code, why = "approval-shown-otherwise", otherwise(other, ours[-1].approver)
    elif approvals:
        code, why = "approval-of-another-plan", t("The existing approval is for a different plan.")
    else:
        code, why = "no-approval", t("This plan is not approved.")
    return AwaitingApproval(
        why,
        code=code,
        hint=t(
            'Read the plan, then: gwb approve {record} --as NAME --phrase "{phrase}"',
            record="RECORD",
            phrase=plan.phrase,
        ),
        values={"plan_digest": plan.digest, "phrase": plan.phrase},
    )
