"""``gwb approve``, for one plan and (``--standing``) for runs to come."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.files import RECORD
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import Text, first_of, t
from runbook_lib.runner import console
from runbook_lib.runner.chosen_record import chosen_record, complete_records, recorded_parameters, require_as_sealed
from runbook_lib.runner.options import parse_duration

if TYPE_CHECKING:
    from runbook_lib.change.approvals.approvers import Approvers
    from runbook_lib.model.change import Plan
    from runbook_lib.record.folder import RecordFolder

_MOST_WAITING = 10
"""Groups that are left out and named."""
_WHO = ("approvers", "trusted_signers", "require_other_approver")
"""Parameters that say who may approve."""


@click.command()
@click.argument("record", type=click.Path(path_type=Path), shell_complete=complete_records)
@click.option(
    "--as", "approver", metavar="NAME", help="Who approves; is stored in every record. Asked for where it is left out."
)
@click.option(
    "--phrase", metavar="TEXT", help="The plan's phrase; without it the plan is shown and the phrase asked for."
)
@click.option("--valid", metavar="TIME", help="How long the approval holds: 30m, 4h, 2d; at most 7d.  [default: 4h]")
@click.option(
    "--key", type=click.Path(path_type=Path), metavar="FILE", help="Sign with the private key in this PEM file."
)
@click.option(
    "--only", metavar="GROUP", multiple=True, help="Approve this group alone, by id or name; may be repeated."
)
@click.option(
    "--leave-out", metavar="GROUP", multiple=True, help="Leave this group out, and let it wait; may be repeated."
)
@click.option("--standing", is_flag=True, help="Approve in advance, for a schedule, instead of this one plan.")
@click.option("--until", metavar="DATE", help="Standing: last day, as 2026-12-31; at most 90 days ahead.")
@click.option("--kinds", metavar="LIST", help="Standing: of update, add-members, remove-members.  [default: all three]")
@click.option("--group", "groups", metavar="ID", multiple=True, help="Standing: a further group; may be repeated.")
@click.option("--max-changes", type=int, metavar="N", help="Standing: changes per run.  [default: 50]")
@click.option("--max-members-added", type=int, metavar="N", help="Standing: members added per run.  [default: 100]")
@click.option("--max-members-removed", type=int, metavar="N", help="Standing: members removed per run.  [default: 20]")
def approve(
    record: Path,
    approver: str | None,
    phrase: str | None,
    valid: str | None,
    key: Path | None,
    only: tuple[str, ...],
    leave_out: tuple[str, ...],
    standing: bool,
    **given: Any,
) -> None:
    """Approve the plan in RECORD.

    RECORD is the folder of a run that ended with awaiting-approval, or its change's folder: then its runs are offered,
    the newest that waits first. With --only or --leave-out a part of the plan is approved: what is left out waits, and
    so does whatever cannot be carried out without it. Afterwards run the same notebook with the same parameters again:
    what is still as planned is applied.

    With --standing, RECORD may also be a run that was applied: the groups of its plan are approved for runs to come,
    never for creating, retiring, restoring, deleting or changing the type of a group.
    """
    from runbook_lib.change.approvals.approvers import require_approver
    from runbook_lib.change.approvals.part import names_in_plan, part_of
    from runbook_lib.change.approvals.plan import approve_plan
    from runbook_lib.record.folder import RecordFolder
    from runbook_lib.record.manifest import manifest_digest
    from runbook_lib.routes.registry import ROUTES
    from runbook_lib.signing.keys import read_signing_key
    from runbook_lib.signing.signature import Signing

    if not standing:
        refuse_standing_options(given)
    elif only or leave_out:
        raise UsageError(
            t("--only and --leave-out belong to the approval of one plan."),
            code="part-option",
            hint=t("Leave out --standing, or name groups of a standing approval with --group."),
        )
    length = parse_duration("4h" if valid is None else valid)
    folder = RecordFolder.open(chosen_record(record))
    verification = require_as_sealed(folder.path, t("Plan again with gwb run, and find out who changed the record."))
    # What cannot be approved is refused before anybody types a name.
    whole = plan = None if standing else _waiting_plan(folder)
    left_out = frozenset[str]()
    if plan is not None and (only or leave_out):
        left_out = _left_out(folder, plan, only, leave_out)
        plan = part_of(plan, left_out)
    approver = approver if approver is not None else _asked_name()
    digest = manifest_digest(folder.path) if verification.sealed else None
    approvers = _approvers(folder)
    signing = Signing(read_signing_key(key, parameter="--key")) if key is not None else None
    shown = signing.key.shown if signing is not None else None
    require_approver(approver, approvers, datetime.now(UTC), shown, folder.run_id)
    if standing:
        from runbook_lib.runner.commands.approve_standing import approve_standing

        approve_standing(folder.path, approver, phrase, valid, given, digest, approvers, signing)
        return
    if phrase is None and plan is not None and plan.changes:
        phrase = console.typed_phrase(plan_lines(plan), plan.phrase)
    path = approve_plan(
        folder.path,
        ROUTES,
        approver=approver,
        phrase=phrase or "",
        valid=length,
        clock=lambda: datetime.now(UTC),
        manifest_digest=digest,
        approvers=approvers,
        signing=signing,
        left_out=left_out,
    )
    until = datetime.now(UTC) + length
    console.print_line(
        t(
            "Approved by {approver}, until {until}: {file}",
            approver=approver,
            until=to_the_minute(until),
            file=console.shown_path(path),
        )
    )
    if whole is not None and plan is not None and whole is not plan:
        approved = names_in_plan(plan)
        waiting = [name for group_id, name in names_in_plan(whole).items() if group_id not in approved]
        console.print_line(t("Left out, and waiting: {groups}", groups=first_of(waiting, _MOST_WAITING)))
    console.print_line(t("Now run the same notebook with the same parameters again."))


def _waiting_plan(folder: RecordFolder) -> Plan:
    """The plan of a record, where something of it can still wait.

    Raises:
        UsageError: No plan, a damaged one, or one that was carried out in this very run (``nothing-waits``).
    """
    from runbook_lib.change.approvals.plan import planned
    from runbook_lib.record.run_record import RunRecord
    from runbook_lib.routes.registry import ROUTES

    plan = planned(folder.path, ROUTES)
    if (folder.path / RECORD).is_file() and RunRecord.load(folder).outcome is Outcome.DONE:
        raise UsageError(
            t(
                "Nothing waits in {file}: that run carried out its plan.",
                file=console.shown_path(folder.path),
            ),
            code="nothing-waits",
            hint=t("Run the notebook again: what then waits is in the record of that run."),
            values={"record": str(folder.path)},
        )
    return plan


def _left_out(folder: RecordFolder, plan: Plan, only: Sequence[str], leave_out: Sequence[str]) -> frozenset[str]:
    """Ids of the groups of the plan that are not approved.

    Raises:
        UsageError: A group that the plan is not about; or a change that broke off, which is finished as it was begun
            (``part-of-open-change``).
    """
    from runbook_lib.change.approvals.part import left_out_by
    from runbook_lib.change.journal import journals_of, open_chain
    from runbook_lib.routes.registry import ROUTES

    if open_chain(journals_of(folder.change_folder, ROUTES)):
        raise UsageError(
            t("That change stopped midway, and is finished as it was begun: as a whole."),
            code="part-of-open-change",
            hint=t("Approve it without --only and --leave-out."),
        )
    return left_out_by(plan, only, leave_out)


def _approvers(folder: RecordFolder) -> Approvers:
    """Who may approve, as the run of the record was told; the gate asks its own parameters once more.

    Raises:
        UsageError: The folder of trusted signers cannot be used.
    """
    from runbook_lib.change.approvals.approvers import ANYBODY, Requesters, approvers_of
    from runbook_lib.parameters.paths import project_root
    from runbook_lib.record.requesters import requesters_in
    from runbook_lib.signing.from_parameters import trusted_of

    try:
        parameters = recorded_parameters(folder, *_WHO)
    except RunbookError:
        return ANYBODY
    found = replace(approvers_of(parameters.approvers), trusted=trusted_of(parameters, project_root()))
    if not parameters.require_other_approver:
        return found
    return replace(found, requesters=Requesters(frozenset(requesters_in(folder.read_json(RECORD)))))


def _asked_name() -> str:
    """Ask who approves.

    Raises:
        UsageError: ``approver-missing``: nobody is there to type it.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            t("It is not said who approves."),
            code="approver-missing",
            hint=t("Add --as NAME: the name is stored in the approval and in every record."),
        )
    return str(click.prompt(t("Name of the approver, stored in every record"), prompt_suffix=": "))


def plan_lines(plan: Plan) -> list[Text]:
    """The plan in a few lines: what, where, how much, and each group by name."""
    from runbook_lib.change.plan_as_read import target_lines

    counts = [f"{number} {kind}" for kind, number in plan.counts.items() if number]
    lines: list[Text] = [
        t(
            "Plan {digest}: {operation} in {domain}",
            digest=plan.digest[:12],
            operation=plan.operation.title,
            domain=plan.target.title,
        ),
        *target_lines(plan),
        t("  changes     {counts}", counts=", ".join(counts) or t("none")),
    ]
    lines += [t("  {kind:<15} {title}", kind=change.kind.title, title=change.title) for change in plan.changes]
    return lines + members_lines(plan)


def members_lines(plan: Plan) -> list[Text]:
    """Each group's members in numbers, and who is left out, by name with the reason."""
    from runbook_lib.change.plan_as_read import in_order, member_lines, numbers_of

    lines: list[Text] = []
    for group in in_order(plan):
        lines.append(
            t(
                "  members of {group}: {numbers}",
                group=group.display_name,
                numbers=numbers_of(group),
            )
        )
        lines += [t("    left out: {line}", line=line) for line in member_lines(group)]
    return lines


def refuse_standing_options(given: Mapping[str, Any]) -> None:
    """Options of a standing approval, given without ``--standing``.

    Raises:
        UsageError: There is one (``standing-option``).
    """
    for name, value in given.items():
        if value not in (None, ()):
            option = "--group" if name == "groups" else f"--{name.replace('_', '-')}"
            raise UsageError(
                t("{option} belongs to a standing approval.", option=option),
                code="standing-option",
                hint=t("Add --standing, or leave that option out."),
                values={"option": option},
            )
