"""``gwb approve --standing``: an approval of runs to come. Loaded when that option is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from runbook_lib.change.approvals.approvers import Approvers
from runbook_lib.change.approvals.file import standing_phrase
from runbook_lib.change.approvals.plan import planned
from runbook_lib.change.approvals.standing import (
    Caps,
    approve_in_advance,
    group_names,
    standing_groups,
    standing_kinds_of,
)
from runbook_lib.change.plan_as_read import member_lines, numbers_of, target_lines
from runbook_lib.errors import UsageError
from runbook_lib.model.change import Plan
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import Text, counted, t, verbatim
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner import console
from runbook_lib.signing.signature import Signing

_CAPS = ("changes", "members_added", "members_removed")


def approve_standing(
    record: Path,
    approver: str,
    phrase: str | None,
    valid: str | None,
    given: Mapping[str, Any],
    manifest: str | None,
    approvers: Approvers,
    signing: Signing | None,
) -> None:
    """Write the file and say what it allows.

    Args:
        record: The record whose groups are approved.
        approver: Who approves.
        phrase: What was typed; without it the approval is shown and the phrase asked for.
        valid: Value of ``--valid``, which has no place here.
        given: ``until``, ``kinds``, ``groups``, ``max_changes``, ``max_members_added``, ``max_members_removed``.
        manifest: Digest of the sealed record, or None.
        approvers: Who may approve.
        signing: What the approver signs with; None: the approval is not signed.

    Raises:
        UsageError: See ``approve_in_advance``.
        AwaitingApproval: There is no phrase, and nobody to type it.
    """

    if valid is not None:
        raise UsageError(
            t("A standing approval ends on a day: --valid does not fit."),
            code="standing-option",
            hint=t("Use --until, for example --until 2026-12-31."),
        )
    until = _day(given["until"])
    plan = planned(record, ROUTES)
    groups = standing_groups(plan, given["groups"])
    caps = Caps(**{name: value for name in _CAPS if (value := given[f"max_{name}"]) is not None})
    kinds = _kinds(given["kinds"], plan)
    lines = _lines(plan, groups, kinds, caps, until)
    if phrase is None:
        phrase = console.typed_phrase(lines, standing_phrase(len(groups), plan.target.title, until))
    path = approve_in_advance(
        record,
        ROUTES,
        approver=approver,
        phrase=phrase,
        until=until,
        clock=lambda: datetime.now(UTC),
        kinds=kinds,
        caps=caps,
        more_groups=given["groups"],
        manifest_digest=manifest,
        approvers=approvers,
        signing=signing,
    )
    console.print_line(
        t(
            "Approved in advance by {approver}, until the end of {day} UTC: {file}",
            approver=approver,
            day=until.isoformat(),
            file=console.shown_path(path),
        )
    )
    for line in lines[1:]:
        console.print_line(line)
    console.print_line(t("To end it earlier, delete that file."))


def _lines(plan: Plan, groups: tuple[GroupId, ...], kinds: tuple[str, ...], caps: Caps, until: date) -> list[Text]:
    names = group_names(plan)
    numbers = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in caps.as_json().items())
    return [
        t(
            "Standing approval in {domain} until the end of {day}",
            domain=plan.target.title,
            day=until.isoformat(),
        ),
        *target_lines(plan, standing=True),
        t("  kinds       {kinds}", kinds=", ".join(kinds)),
        t("  per run     at most {numbers}", numbers=numbers),
        *_group_lines(plan, groups, names),
    ]


def _group_lines(plan: Plan, groups: tuple[GroupId, ...], names: Mapping[GroupId, str]) -> Iterator[Text]:
    """Each group with the numbers of its members, as far as the record's plan has them, and the numbers in all."""
    members = {group.group_id: group for group in plan.members}
    for group in groups:
        known = members.get(group)
        name = names.get(group) or (known.display_name if known else "")
        numbers = numbers_of(known) if known else t("its members are not in this record")
        title = t("{group}  {name}", group=group, name=name) if name else verbatim(group)
        yield t("  {group}: {numbers}", group=title, numbers=numbers)
        yield from (t("    left out: {line}", line=line) for line in (member_lines(known) if known else ()))
    found = [members[group] for group in groups if group in members]
    if not found:
        return
    in_all = replace(
        found[0],
        in_cloud=sum(group.in_cloud for group in found),
        already=sum(group.already for group in found),
        added=sum(group.added for group in found),
        removed=sum(group.removed for group in found),
        left_out=tuple(member for group in found for member in group.left_out),
    )
    unknown = len(groups) - len(found)
    less = t("; {groups} of which this record has no numbers", groups=counted(unknown, "group")) if unknown else ""
    yield t(
        "  in all      {groups}: {numbers}{less}",
        groups=counted(len(found), "group"),
        numbers=numbers_of(in_all),
        less=less,
    )


def _kinds(text: str | None, plan: Plan) -> tuple[str, ...]:
    if text is None:
        return standing_kinds_of(ROUTES[plan.route])
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        said = t("{text!r} is not a day", text=text[:40]) if text else t("A standing approval needs an end")
        raise UsageError(
            t("{said}.", said=said),
            code="standing-until",
            hint=t("Write it as --until 2026-12-31, at most 90 days ahead."),
        ) from None
