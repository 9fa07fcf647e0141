"""``gwb approve --standing``: options, what is shown, and the file that is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from runbook_lib.change.approvals.file import standing_phrase
from runbook_lib.change.approvals.plan import planned
from runbook_lib.change.approvals.standing import KIND_NAMES, Caps, stand, standing_groups
from runbook_lib.errors import UsageError
from runbook_lib.model.change import Plan
from runbook_lib.runner import console

_CAPS = ("changes", "members_added", "members_removed")


def refuse_standing_options(given: Mapping[str, Any]) -> None:
    """Options of a standing approval, given without ``--standing``.

    Raises:
        UsageError: There is one (``standing-option``).
    """
    for name, value in given.items():
        if value not in (None, ()):
            option = "--group" if name == "groups" else f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{option} belongs to a standing approval.",
                code="standing-option",
                hint="Add --standing, or leave that option out.",
                values={"option": option},
            )


def approve_standing(
    record: Path, approver: str, phrase: str | None, valid: str | None, given: Mapping[str, Any], manifest: str | None
) -> None:
    """Write the file and say what it allows.

    Args:
        record: The record whose groups are approved.
        approver: Who approves.
        phrase: What was typed; without it the approval is shown and the phrase asked for.
        valid: Value of ``--valid``, which has no place here.
        given: ``until``, ``kinds``, ``groups``, ``max_changes``, ``max_members_added``, ``max_members_removed``.
        manifest: Digest of the sealed record, or None.

    Raises:
        UsageError: See ``stand``.
        AwaitingApproval: There is no phrase, and nobody to type it.
    """
    from runbook_lib.runner.command_approve import asked

    if valid is not None:
        raise UsageError(
            "A standing approval ends on a day: --valid does not fit.",
            code="standing-option",
            hint="Use --until, for example --until 2026-12-31.",
        )
    until = _day(given["until"])
    plan = planned(record)
    groups = standing_groups(plan, given["groups"])
    caps = Caps(**{name: value for name in _CAPS if (value := given[f"max_{name}"]) is not None})
    kinds = _kinds(given["kinds"])
    lines = _lines(plan, groups, kinds, caps, until)
    if phrase is None:
        phrase = asked(lines, standing_phrase(len(groups), plan.target.domain_dns_name, until))
    path = stand(
        record,
        approver=approver,
        phrase=phrase,
        until=until,
        clock=lambda: datetime.now(UTC),
        kinds=kinds,
        caps=caps,
        more_groups=given["groups"],
        manifest_digest=manifest,
    )
    console.say(
        f"Approved in advance by {approver}, until the end of {until.isoformat()} UTC: {console.shown_path(path)}"
    )
    for line in lines[1:]:
        console.say(line)
    console.say("To end it earlier, delete that file.")


def _lines(plan: Plan, groups: tuple[str, ...], kinds: tuple[str, ...], caps: Caps, until: date) -> list[str]:
    names = {change.group_id.casefold(): change.display_name for change in plan.changes}
    numbers = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in caps.as_json().items())
    return [
        f"Standing approval in {plan.target.domain_dns_name} until the end of {until.isoformat()}",
        f"  target OU   {plan.target.target_ou}",
        f"  kinds       {', '.join(kinds)}",
        f"  per run     at most {numbers}",
        *(f"  {group}  {names.get(group, '')}".rstrip() for group in groups),
    ]


def _kinds(text: str | None) -> tuple[str, ...]:
    if text is None:
        return KIND_NAMES
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        said = f"{text[:40]!r} is not a day" if text else "A standing approval needs an end"
        raise UsageError(
            f"{said}.", code="standing-until", hint="Write it as --until 2026-12-31, at most 90 days ahead."
        ) from None
