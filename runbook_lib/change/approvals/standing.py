"""Standing approvals, for schedules: a file that names groups, kinds of change, caps per run and an end.

Whatever such a file says, it never covers a create, a retirement, a restore, a deletion or a change of what an object
is: its route is asked about every change (``Payload.beyond_standing``) at the moment of use, not when the file is made.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from runbook_lib.change.approvals.approvers import ANYBODY, Approvers, require_approver
from runbook_lib.change.approvals.file import (
    APPROVAL_SCHEMA,
    LONGEST_DAYS,
    PREFIX,
    StandingApprovalFile,
    approval_paths,
    end_of,
    read_approval_file,
    standing_phrase,
    write_approval,
)
from runbook_lib.change.approvals.given import GivenApproval
from runbook_lib.change.approvals.plan import planned
from runbook_lib.change.route import RouteRules, Routes
from runbook_lib.errors import UsageError
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.ids import GroupId, as_group_id, digest
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.target import Route, identity_of, names_of
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.signing.signature import Signing


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that one run may do under one standing approval: changes, and member values in all groups together."""

    changes: int = 50
    members_added: int = 100
    members_removed: int = 20

    def as_json(self) -> dict[str, int]:
        """JSON form, by the names that messages use."""
        return {
            "changes": self.changes,
            "members_added": self.members_added,
            "members_removed": self.members_removed,
        }


@dataclass(frozen=True, slots=True)
class StandingApproval(GivenApproval):
    """One approval of kind standing. Ids are lower case."""

    groups: frozenset[GroupId]
    names: Mapping[GroupId, str]
    """Group id to what the group was called; empty: its name was not shown."""
    kinds: frozenset[str]
    caps: Caps

    def as_json(self) -> dict[str, object]:
        """What a record says about the approval it was made under."""
        return {
            "kind": "standing",
            **self.given(),
            "groups": sorted(self.groups),
            "kinds": sorted(self.kinds),
            "caps": self.caps.as_json(),
            "target": dict(self.target),
        }


def standing_groups(plan: Plan, more: Iterable[str]) -> tuple[GroupId, ...]:
    """Ids of the plan's groups and of those given besides, lower case and sorted.

    Raises:
        UsageError: Not a GUID, or no group at all.
    """
    found = {change.group_id for change in plan.changes}
    for text in more:
        try:
            found.add(as_group_id(str(uuid.UUID(text.strip()))))
        except ValueError:
            raise UsageError(
                t("{text!r} is not the id of a group.", text=printable(text, limit=80)),
                code="standing-group",
                hint=t("Give the object id of the cloud group, for example from the groups table."),
            ) from None
    if not found:
        raise UsageError(
            t("That plan changes nothing, so it names no group to approve in advance."),
            code="standing-groups-missing",
            hint=t("Name the record of a run that was applied, or give each group's id with --group."),
        )
    return tuple(sorted(found))


def group_names(plan: Plan) -> dict[GroupId, str]:
    """Group id to the name that the plan shows for it."""
    return {change.group_id: change.display_name for change in plan.changes}


def approve_in_advance(
    record: Path,
    routes: Routes,
    *,
    approver: str,
    phrase: str,
    until: date,
    clock: Callable[[], datetime],
    kinds: Iterable[str] | None = None,
    caps: Caps = Caps(),
    more_groups: Iterable[str] = (),
    manifest_digest: str | None = None,
    approvers: Approvers = ANYBODY,
    signing: Signing | None = None,
) -> Path:
    """Write a standing approval for the groups of a record's plan and return its file.

    Args:
        record: Record folder of an enabling run, whether applied or waiting.
        routes: The routes that can be approved.
        approver: Who approves.
        phrase: What the approver typed.
        until: Last day; the approval ends with it, UTC.
        clock: Gives the present time, UTC.
        kinds: Kinds of change that are allowed, of those that the route lets stand; None: all of these.
        caps: The most that one run may do.
        more_groups: Ids of further groups.
        manifest_digest: Digest of the sealed record, or None while it is still open.
        approvers: Who may approve.
        signing: What the approver signs with; None: the approval is not signed.

    Raises:
        UsageError: No plan or one that does not enable, no group, wrong phrase, empty name, kinds that cannot be
            approved in advance, an end that has passed or lies too far ahead.
        AwaitingApproval: This approver may not (``approver-not-allowed``).
        ServiceFailed: The file cannot be written (``approval-write``).
    """
    plan = planned(record, routes)
    _require_enabling(plan)
    _require_kind(routes[plan.route])
    groups = standing_groups(plan, more_groups)
    now = clock()
    _require_end(until, now)
    allowed = _require_kinds(kinds, routes[plan.route])
    if min(caps.as_json().values()) < 0 or caps.changes == 0:
        raise UsageError(
            t("A cap is a number of 0 or more, and at least one change has to be allowed."),
            code="standing-caps",
            hint=t("Look at --max-changes, --max-members-added and --max-members-removed."),
        )
    if not approver.strip():
        raise UsageError(t("No approver is named."), code="approver-missing", hint=t("Name a person with --as."))
    require_approver(approver, approvers, clock(), signing.key.shown if signing else None, record.name)
    expected = standing_phrase(len(groups), plan.target.title, until)
    if " ".join(phrase.split()) != expected:
        raise UsageError(
            t("The phrase does not fit: {phrase!r}.", phrase=printable(phrase, limit=80)),
            code="phrase",
            hint=t("Read what is approved, then type: {expected}", expected=expected),
            values={"expected": expected},
        )
    called = group_names(plan)
    change_folder = record.resolve().parent
    content: dict[str, object] = {
        "schema": APPROVAL_SCHEMA,
        "kind": "standing",
        "change_id": change_folder.name,
        "groups": list(groups),
        "names": [called.get(group, "") for group in groups],
        "kinds": allowed,
        "caps": caps.as_json(),
        "route": plan.route.value,
        "target": plan.target.as_json(),
        "approver": approver.strip(),
        "approved": iso_seconds(now),
        "until": iso_seconds(end_of(until)),
        "phrase": expected,
        "planning_record": record.name,
        "planning_manifest": manifest_digest,
    }
    path = change_folder / "approvals" / f"{PREFIX}{digest(content)[:16]}.json"
    write_approval(path, content, signing)
    return path


def read_standing(folder: Path, routes: Routes) -> list[StandingApproval]:
    """Every standing approval in a change's folder, oldest first.

    Args:
        folder: Where they lie.
        routes: The routes that they may be about.

    Raises:
        Refused: A file there is not a standing approval of this change (``approval-damaged``,
            ``approval-of-another-change``).
    """
    found = [_read(path, routes) for path in approval_paths(folder) if path.name.startswith(PREFIX)]
    return sorted(found, key=lambda approval: (approval.approved, approval.file.path.name))


def _read(path: Path, routes: Routes) -> StandingApproval:
    content, facts = read_approval_file(path, routes)
    if not isinstance(content, StandingApprovalFile):
        raise TypeError(t("a standing approval, by its name: {name}", name=path.name))
    target = content.target.target()
    return StandingApproval(
        route=Route(content.route),
        groups=frozenset(map(as_group_id, content.groups)),
        names=dict(zip(map(as_group_id, content.groups), content.names, strict=True)),
        target_names=names_of(target, standing=True),
        kinds=frozenset(content.kinds),
        caps=Caps(**content.caps.model_dump()),
        # What no change under it touches may be another one.
        target=identity_of(target, standing=True),
        approver=content.approver,
        approved=content.since,
        until=content.end,
        phrase=content.phrase,
        planning_record=content.planning_record,
        planning_manifest=content.planning_manifest,
        file=facts,
    )


def _require_enabling(plan: Plan) -> None:
    if plan.operation is not Operation.ENABLE:
        raise UsageError(
            t(
                "A standing approval keeps written groups in step; this plan is to {operation}.",
                operation=plan.operation.title,
            ),
            code="standing-operation",
            hint=t("Name a record of 30-enable-writeback."),
            values={"operation": plan.operation.value},
        )


def _require_end(until: date, now: datetime) -> None:
    today = now.astimezone(UTC).date()
    if not 0 <= (until - today).days <= LONGEST_DAYS:
        raise UsageError(
            t(
                "A standing approval ends within {longest_days} days, and {until} does not.",
                longest_days=LONGEST_DAYS,
                until=until.isoformat(),
            ),
            code="approval-period",
            hint=t(
                "Use a day from {today} to {last_day}.",
                today=today.isoformat(),
                last_day=(today + timedelta(days=LONGEST_DAYS)).isoformat(),
            ),
            values={"until": until.isoformat(), "days": LONGEST_DAYS},
        )


def standing_kinds_of(rules: RouteRules) -> tuple[str, ...]:
    """Names of the kinds that a route lets be approved in advance, in its order."""
    return tuple(kind.value for kind in rules.standing_kinds)


def _require_kind(rules: RouteRules) -> None:
    if not rules.standing_kinds:
        raise UsageError(
            t("Nothing of the route {route} can be approved in advance.", route=rules.route.value),
            code="standing-kinds",
            hint=t("Approve each plan by itself: gwb approve RECORD."),
            values={"route": rules.route.value},
        )


def _require_kinds(kinds: Iterable[str] | None, rules: RouteRules) -> list[str]:
    possible = standing_kinds_of(rules)
    chosen = sorted(set(possible if kinds is None else kinds))
    wrong = [kind for kind in chosen if kind not in possible]
    if wrong or not chosen:
        raise UsageError(
            t("{kind!r} cannot be approved in advance.", kind=printable(wrong[0], limit=40))
            if wrong
            else t("No kind is named."),
            code="standing-kinds",
            hint=t("Possible kinds: {kind_names}.", kind_names=", ".join(possible)),
        )
    return chosen
