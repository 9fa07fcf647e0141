"""What has to be proved before a change that broke off goes on.

A journal is a file beside the runs, and whoever can write there can make one. So it decides nothing by itself: the plan
must be the one whose digest it names, the approval must be there and must have held when it was opened, and everything
that a first run checks about limits, target and groups is checked again. The time in a journal is its writer's word, so
nothing is written because of it: whatever is still to be written needs an approval that holds now.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from runbook_lib.change.approvals.approvers import Approvers
from runbook_lib.change.approvals.file import moment
from runbook_lib.change.approvals.gate import Approvals, Grant, granted
from runbook_lib.change.approvals.part import self_sufficient
from runbook_lib.change.approvals.plan import Approval
from runbook_lib.change.approvals.standing import StandingApproval
from runbook_lib.change.closing import HOW_TO_CLOSE
from runbook_lib.change.journal import JournalFile, damaged_journal
from runbook_lib.change.journal_check import effects_beyond
from runbook_lib.change.plan_file import read_plan
from runbook_lib.change.route import RouteRules, Routes
from runbook_lib.change.step import NOT_TAKEN
from runbook_lib.errors import AwaitingApproval, Refused, UsageError
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, t

_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Used(BaseModel):
    """An approval as a journal names it: what it says is in the file."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    file: str
    sha256: _Digest


class _Approval(_Used):
    further: list[_Used] = []


class OpenLine(BaseModel):
    """The first line of a journal, whole; beside this it says what its route says about the place."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    entry: Literal["open"]
    at: str
    run: str
    operation: Literal["enable", "disable", "undo"]
    route: str = Route.DIRECT.value
    plan_digest: _Digest
    approved: Annotated[list[_Digest], Field(min_length=1)]
    approval: _Approval
    resumes: str | None

    @property
    def used(self) -> frozenset[tuple[str, str]]:
        """Name and SHA-256 of every approval that the run wrote under."""
        return frozenset((one.file, one.sha256) for one in (self.approval, *self.approval.further))


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """A change that broke off, as far as its own files prove it.

    Attributes:
        chain: Its journals, oldest first.
        plan: The plan that its first journal names.
        changes: What of it was approved, in the plan's order.
        finished: Digests of the changes that have nothing left to be written.
        used: Name and SHA-256 of the approvals that the last run wrote under.
        opened: When the first journal that names those was opened, as it says.
        stopped: Whether the last run stopped because its approval had lapsed.
    """

    chain: Sequence[JournalFile]
    plan: Plan
    changes: tuple[Change, ...]
    finished: frozenset[str]
    used: frozenset[tuple[str, str]]
    opened: datetime
    stopped: bool

    @property
    def waiting(self) -> tuple[Change, ...]:
        """Changes of the plan that nobody had approved."""
        approved = {change.digest for change in self.changes}
        return tuple(change for change in self.plan.changes if change.digest not in approved)

    @property
    def written(self) -> bool:
        """Whether everything approved is written, so that only reading back is left."""
        refused = any(effect.data.get(NOT_TAKEN) for journal in self.chain for effect in journal.effects)
        return not refused and self.finished == {change.digest for change in self.changes}


def broken_off(chain: Sequence[JournalFile], route: RouteRules) -> BrokenOff:
    """Take a chain of journals for what it proves.

    Args:
        chain: The journals, oldest first.
        route: How their plan is carried out.

    Raises:
        Refused: ``journal-damaged``, ``journal-contradicts``, ``plan-missing``, ``plan-replaced`` or
            ``plan-beyond-target``; each says how to get on.
    """
    lines = [_open_line(journal, route) for journal in chain]
    first, last = lines[0], lines[-1]
    for journal, line in zip(chain, lines, strict=True):
        names = ("operation", "plan_digest", route.same_place)
        other = [name for name in names if journal.opened[name] != chain[0].opened[name]]
        if other or set(line.approved) != set(first.approved):
            raise _contradicts(
                journal.run,
                t("it resumes {name} with another {value}", name=chain[0].run.name, value=(*other, "approved")[0]),
            )
    plan = _plan_of(chain, first, route)
    known = {change.digest for change in plan.changes}
    if not set(first.approved) <= known or len(set(first.approved)) != len(first.approved):
        raise _contradicts(chain[0].run, t("it names changes that its plan does not have, or one twice"))
    changes = tuple(change for change in plan.changes if change.digest in set(first.approved))
    if plan.operation.value != first.operation or self_sufficient(list(changes)) != changes:
        raise _contradicts(chain[0].run, t("its plan is another one"))
    if problem := route.beyond_target(plan):
        raise Refused(
            t(
                "The plan of {run_name} is none of this runbook: {problem}.",
                run_name=chain[0].run.name,
                problem=problem,
            ),
            code="plan-beyond-target",
            hint=HOW_TO_CLOSE,
            values={"run": chain[0].run.name},
        )
    steps = route.steps_of(changes)
    ids = {step.id for step in steps}
    for journal in chain:
        if not {*journal.begun, *(effect.write for effect in journal.effects)} <= ids:
            raise _contradicts(journal.run, t("it names writes that its plan does not have"))
    if beyond := effects_beyond(plan, chain, route):
        raise _contradicts(*beyond)
    done = {effect.write for journal in chain for effect in journal.effects}
    left = {step.change.digest for step in steps if step.id not in done}
    opened = next(line for line in lines if line.used == last.used)
    return BrokenOff(
        chain=chain,
        plan=plan,
        changes=changes,
        finished=frozenset(change.digest for change in changes) - left,
        used=last.used,
        opened=_opened(chain[lines.index(opened)].run, opened),
        stopped=chain[-1].stopped,
    )


def _open_line(journal: JournalFile, route: RouteRules) -> OpenLine:
    try:
        line = OpenLine.model_validate(dict(journal.opened))
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        place = ", ".join(str(part) for part in detail["loc"])
        raise damaged_journal(
            journal.run, 1, t("{place}: {reason}", place=place, reason=detail["msg"].lower())
        ) from None
    if line.route != route.route.value:
        raise damaged_journal(journal.run, 1, t("route: it is of another route than {value}", value=route.route.value))
    where = line.model_extra or {}
    if wrong := sorted(where.keys() ^ set(route.place)):
        raise damaged_journal(
            journal.run, 1, t("{wrong}: it says less or more than where its run wrote", wrong=wrong[0])
        )
    if wrong := sorted(name for name, value in where.items() if not isinstance(value, str)):
        raise damaged_journal(journal.run, 1, t("{wrong}: it is no text", wrong=wrong[0]))
    return line


def _opened(run: Path, line: OpenLine) -> datetime:
    try:
        return moment(line.at)
    except ValueError as error:
        raise damaged_journal(run, 1, t("at: {error}", error=error)) from None


def _contradicts(run: Path, why: Text) -> Refused:
    return Refused(
        t("The journal of {run_name} contradicts what lies beside it: {why}.", run_name=run.name, why=why),
        code="journal-contradicts",
        hint=t("Run gwb verify-record on the records of this change. {how_to_close}", how_to_close=HOW_TO_CLOSE),
        values={"run": run.name, "why": why},
    )


def _plan_of(chain: Sequence[JournalFile], first: OpenLine, route: RouteRules) -> Plan:
    """The plan that the journal names, by its digest; of the change's other runs where its own is missing."""
    routes = {route.route: route}
    beside = _plans_beside(chain[0].run.parent, first.plan_digest, routes)
    put_back = NOTHING
    if beside:
        put_back = t("Copy plan.json of {run} into that folder, then run again.", run=beside[0][0].name)
    found: Plan | None = None
    for journal in chain:
        try:
            plan = read_plan(journal.run, routes)
        except UsageError as error:
            raise _replaced(journal.run, error.message, put_back) from None
        if plan is not None and plan.digest != first.plan_digest:
            raise _replaced(
                journal.run,
                t("plan.json of {run} is another plan than its journal names.", run=journal.run.name),
                put_back,
            )
        found = found or plan
    found = found or (beside[0][1] if beside else None)
    if found is None:
        raise Refused(
            t("The plan of the change that stopped midway is missing: {run}.", run=chain[0].run / "plan.json"),
            code="plan-missing",
            hint=t("Bring that file back from a copy of the records folder. {how_to_close}", how_to_close=HOW_TO_CLOSE),
            values={"run": chain[0].run.name},
        )
    return found


def _replaced(run: Path, why: Text, put_back: Text) -> Refused:
    return Refused(
        t("The change that stopped midway in {run_name} cannot go on. {why}", run_name=run.name, why=why),
        code="plan-replaced",
        hint=t(
            "{put_back} {how_to_close}",
            put_back=put_back or t("Bring the right plan.json back from a copy of the records folder."),
            how_to_close=HOW_TO_CLOSE,
        ),
        values={"run": run.name},
    )


def _plans_beside(change_folder: Path, digest: str, routes: Routes) -> list[tuple[Path, Plan]]:
    """Runs of the change whose plan has this digest, oldest first."""
    found = []
    for run in sorted(path for path in change_folder.iterdir() if path.is_dir() and not path.is_symlink()):
        try:
            plan = read_plan(run, routes)
        except UsageError:
            continue
        if plan is not None and plan.digest == digest:
            found.append((run, plan))
    return found


def authority(broken: BrokenOff, plan: Plan, approvals: Approvals, now: datetime, approvers: Approvers) -> Grant:
    """Under which approvals the change goes on; ``plan`` is its plan with today's names (``rebound``).

    What is still to be written needs approvals that hold now: those that its journal names, unchanged, or others. What
    is only read back needs those that its journal names, still there, and in force when it says that it was opened.

    Raises:
        AwaitingApproval: None covers what was begun.
    """
    wanted = {change.digest for change in broken.changes}
    named = Approvals(
        [one for one in approvals.plans if _is_used(one, broken.used)],
        [one for one in approvals.standing if _is_used(one, broken.used)],
    )
    why, code = t("The approval that it was written under is not there any more, or was changed."), "approval-withdrawn"
    if len(named.plans) + len(named.standing) == len(broken.used):
        at = broken.opened if broken.written else now
        revived = broken.stopped and not broken.written
        if not revived and (found := _grant(plan, named, at, approvers, wanted)):
            return found
        why, code = t("The approval that its journal names did not cover it."), "approval-of-another-plan"
        if revived or now > min([one.until for one in named.plans] + [one.until for one in named.standing]):
            why, code = t("The approval that it was written under has ended."), "approval-expired"
    others = approvals
    if broken.stopped:
        # What was taken back while a run wrote under it is not revived by putting its file back.
        others = Approvals(
            [one for one in approvals.plans if one not in named.plans],
            [one for one in approvals.standing if one not in named.standing],
        )
    if found := _grant(plan, others, now, approvers, wanted):
        return found
    raise AwaitingApproval(
        t(
            "The change that stopped midway in {run_name} is not approved. {why}",
            run_name=broken.chain[0].run.name,
            why=why,
        ),
        code=code,
        hint=t(
            'Read the plan, then: gwb approve {record} --as NAME --phrase "{phrase}"',
            record="RECORD",
            phrase=broken.plan.phrase,
        ),
        values={"plan_digest": broken.plan.digest, "phrase": broken.plan.phrase},
    )


def _is_used(approval: Approval | StandingApproval, used: frozenset[tuple[str, str]]) -> bool:
    return (approval.file.path.name, approval.file.sha256) in used


def _grant(
    plan: Plan, approvals: Approvals, at: datetime, approvers: Approvers, wanted: Collection[str]
) -> Grant | None:
    """What these approvals granted at a moment, cut down to what was begun; None where it is less than that."""
    try:
        grant = granted(plan, approvals, at, approvers, begun=True)
    except AwaitingApproval:
        return None
    if not set(wanted) <= {change.digest for change in grant.changes}:
        return None
    return replace(grant, changes=tuple(change for change in grant.changes if change.digest in wanted))
