"""The journeys of ``gwb demo``, by the commands that it prints: what all do, and the way of the direct route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rehearsal.scene import Objects, Scene, print_command
from runbook_lib.errors import RunbookError, ServiceFailed
from runbook_lib.model.duration import duration_text
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import NOTHING, t
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner import console

APPROVER = "Alex Approver"
EDITED_DESCRIPTION = "Edited by hand"
STANDING_DAYS = 30
STEPS = 12
"""Runs of the whole journey."""
UNSTEADY = frozenset({"whenChanged", "uSNChanged", "dSCorePropagationData"})
"""Attributes that every write changes, also the one that takes another back."""


@dataclass(frozen=True, slots=True)
class Line:
    """One run, for the table at the end."""

    notebook: str
    outcome: Outcome
    changes: int
    seconds: float
    record: Path


@dataclass
class Steps:
    """What every journey does. A run that does not end as expected ends the demo with that outcome's exit code.

    Attributes:
        parameters_file: What every run is told.
        records: Folder of the records.
        change_id: Beginning of the change ids.
        count: Runs of the whole journey.
        quiet: No progress.
    """

    parameters_file: Path
    records: Path
    change_id: str
    count: int
    quiet: bool
    lines: list[Line] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """A heading."""
        console.print_line(NOTHING)
        console.print_line(t("== {text}", text=text))

    def run(self, notebook: str, change: str, expected: Outcome, given: Mapping[str, str] | None = None) -> Path:
        """Print a command that runs a notebook, do what it says, and return the record."""
        from runbook_lib.runner.commands import run as command_run
        from runbook_lib.runner.options import overrides_of

        overrides = {"change_id": f"{self.change_id}-{change}", **(given or {})}
        parts = [part for name, value in overrides.items() for part in ("-p", name, value)]
        words = [notebook, "-f", str(self.parameters_file), *parts]
        console.print_line(t("Step {lines} of {count}:", lines=len(self.lines) + 1, count=self.count))
        print_command("run", *words)
        told = command_run.run.make_context("run", words).params
        progress = console.CellProgress(quiet=self.quiet)
        result = command_run.run_with_progress(
            told["notebook"], told["files"], overrides_of(told["given"]), progress=progress
        )
        command_run.show_result(result)
        if result.stop_asked:
            raise KeyboardInterrupt
        if result.outcome is not expected or result.record is None:
            raise unexpected(f"{notebook} ended as {result.outcome.value}, expected was {expected.value}")
        self.lines.append(Line(notebook, result.outcome, result.changes_done, result.seconds, result.record))
        return result.record

    def planned_and_applied(self, notebook: str, change: str, given: Mapping[str, str]) -> Path:
        """Plan, approve, apply; returns the record of the run that wrote."""
        from runbook_lib.change.approvals.plan import planned

        record = self.run(notebook, change, Outcome.AWAITING_APPROVAL, given)
        approve(str(record), "--as", APPROVER, "--phrase", planned(record, ROUTES).phrase)
        return self.run(notebook, change, Outcome.DONE, given)

    def verify(self) -> None:
        """Verify every record and write the list of all records."""
        from runbook_lib.record.folder import RecordFolder
        from runbook_lib.record.index import build_index
        from runbook_lib.record.manifest import verified_record

        for line in self.lines:
            verification = verified_record(RecordFolder.open(line.record))
            if not verification.ok:
                raise unexpected(f"the record {line.record} does not verify: {verification.problems}")
        index = build_index(self.records)
        print_command("verify-record", *(str(line.record) for line in self.lines))
        console.print_line(
            t(
                "{lines} records verify. The list of all records: {shown_path}",
                lines=len(self.lines),
                shown_path=console.shown_path(index),
            )
        )

    def table(self) -> None:
        """The short table that closes the demo."""
        rows = [("Notebook", "Outcome", "Changes", "Seconds", "Record")]
        rows += [
            (
                line.notebook,
                line.outcome.value,
                str(line.changes),
                f"{line.seconds:.1f}",
                console.shown_path(line.record),
            )
            for line in self.lines
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        console.print_line(NOTHING)
        for row in rows:
            console.print_line(console.table_row(row, widths))
        total = sum(line.seconds for line in self.lines)
        console.print_line(
            t("{lines} runs in {duration_text}.", lines=len(self.lines), duration_text=duration_text(total))
        )


class Journey(Steps):
    """The way of the direct route, in order."""

    def __init__(self, scene: Scene, records: Path, change_id: str, *, quiet: bool) -> None:
        super().__init__(scene.parameters_file, records, change_id, STEPS, quiet)
        self.scene = scene

    def go(self) -> None:
        """Walk the whole way.

        Raises:
            RunbookError: A run ended otherwise than this journey expects.
            KeyboardInterrupt: A run was interrupted.
        """
        self.heading("Is everything in place, and which Exchange does this AD have?")
        self.run("10-detect-exchange", "CHECK", Outcome.DONE)
        self.heading("Which groups are there, and which route can write them?")
        self.run("20-inventory-groups", "CHECK", Outcome.DONE)
        self.heading(
            "Write some Microsoft 365 groups: plan, approve, apply, and see that a third run has nothing to do."
        )
        written = self.planned_and_applied("30-enable-writeback", "ENABLE", {})
        self.run("30-enable-writeback", "ENABLE", Outcome.NOTHING_TO_DO)
        self.heading(
            "Is AD in step? Then an administrator edits a group by hand, and the next check reports exactly that."
        )
        self.run("50-check-drift", "CHECK", Outcome.NOTHING_TO_DO)
        roles = self.scene.roles
        self.scene.edit_by_hand(roles.edited, self._a_member(), EDITED_DESCRIPTION)
        self.run("50-check-drift", "CHECK", Outcome.REFUSED)
        self.heading(f"Retire {' and '.join(roles.retired)}.")
        before = self.objects()
        named = {"disable_names": yaml_list(roles.retired)}
        retired = self.planned_and_applied("40-disable-writeback", "DISABLE", named)
        if self.objects() == before:
            raise unexpected("40-disable-writeback changed nothing")
        self.heading("Take that back from its own record: same objects, same GUID and SID.")
        self.planned_and_applied("60-undo-change", "UNDO", {"undo_record": str(retired)})
        after = self.objects()
        if after != before:
            raise unexpected("after the undo the objects differ from what they were before")
        console.print_line(
            t(
                "{after} objects are as they were before: objectGUID, objectSid and every other attribute.",
                after=len(after),
            )
        )
        self.on_a_schedule(written)
        self.verify()

    def on_a_schedule(self, applied: Path) -> None:
        """Approve in advance, let somebody join a group in the cloud, and run as a schedule would.

        Args:
            applied: Record of the run that wrote the groups.
        """
        roles = self.scene.roles
        self.heading(
            "On a schedule: attributes and members of these groups are approved in advance. The next run lets a new "
            "member in and corrects the manual edit; a new group still waits for a person."
        )
        self._approve_in_advance(applied)
        self.scene.join(roles.joined, roles.newcomer)
        console.print_line(t("In the cloud, {newcomer} joins {joined}.", newcomer=roles.newcomer, joined=roles.joined))
        console.print_line(t("In the parameters, {new_group} is selected too.", new_group=roles.new_group))
        selected = {"select_names": yaml_list((*roles.selected, roles.new_group))}
        self.run("30-enable-writeback", "ENABLE", Outcome.AWAITING_APPROVAL, selected)
        objects = self.scene.objects()
        written = {
            attributes["displayName"][0]: attributes.get("member", [])
            for attributes in objects.values()
            if "extensionName" in attributes and "displayName" in attributes
        }
        members = {name for dn in written[roles.joined] for name in objects[dn].get("displayName", ())}
        if roles.newcomer not in members or roles.new_group in written:
            raise unexpected(
                f"in AD, {roles.newcomer} is no member of {roles.joined}, or {roles.new_group} was written"
            )
        console.print_line(
            t(
                "In AD, {newcomer} is a member of {joined}; {new_group} awaits approval (exit code 4).",
                newcomer=roles.newcomer,
                joined=roles.joined,
                new_group=roles.new_group,
            )
        )

    def objects(self) -> Objects:
        """The AD objects of the groups that are retired and restored, by objectGUID, without unsteady attributes."""
        found = {}
        for dn, attributes in self.scene.objects().items():
            if attributes.get("displayName", [""])[0] in self.scene.roles.retired and "extensionName" in attributes:
                kept = {name: sorted(values) for name, values in attributes.items() if name not in UNSTEADY}
                found[attributes["objectGUID"][0]] = {**kept, "distinguishedName": [dn]}
        return found

    def _approve_in_advance(self, applied: Path) -> None:
        from runbook_lib.change.approvals.file import standing_phrase
        from runbook_lib.change.approvals.plan import planned
        from runbook_lib.change.approvals.standing import standing_groups

        plan = planned(applied, ROUTES)
        until = _now().date() + timedelta(days=STANDING_DAYS)
        phrase = standing_phrase(len(standing_groups(plan, ())), plan.target.title, until)
        options = ("--as", APPROVER, "--until", until.isoformat(), "--phrase", phrase)
        approve(str(applied), "--standing", *options)

    def _a_member(self) -> str:
        """sAMAccountName of a member of the group that is edited by hand."""
        everything = self.scene.objects()
        group = next(
            attributes
            for attributes in everything.values()
            if list(attributes.get("displayName", ())) == [self.scene.roles.edited] and "extensionName" in attributes
        )
        return everything[sorted(group["member"])[0]]["sAMAccountName"][0]


def approve(*words: str) -> None:
    """Print a command that approves, and do what it says."""
    from runbook_lib.runner.commands.approve import approve

    print_command("approve", *words)
    approve.main(list(words), prog_name="gwb approve", standalone_mode=False)


def yaml_list(values: Sequence[str]) -> str:
    """Names as a parameter that is a list of texts."""
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


def _now() -> datetime:
    return datetime.now(UTC)


def unexpected(what: str) -> RunbookError:
    """The error of a journey that did not go as it should."""
    return ServiceFailed(
        t("The demo stopped: {what}.", what=what), code="demo-unexpected", hint=t("Look at the record named above.")
    )
