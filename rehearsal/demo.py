"""``gwb demo``: the whole journey on a rehearsal of its own, by the functions behind the commands that it prints."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from rehearsal.process import RunningRehearsal, start_rehearsal
from rehearsal.scheduled import scheduled_run
from runbook_lib.errors import RunbookError, ServiceFailed
from runbook_lib.model.outcome import Outcome
from runbook_lib.parameters.paths import project_root
from runbook_lib.runner import console
from runbook_lib.runner.durations import duration_words

APPROVER = "Alex Approver"
HAND_EDIT_GROUP = "Marketing"
RETIRED_NAMES = ("Project Falcon", "Ingeniería")
_UNSTEADY = frozenset({"whenChanged", "uSNChanged", "dSCorePropagationData"})
"""Attributes that every write changes, also the one that takes another back."""


@click.command()
@click.option(
    "--records", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Folder for the records."
)
@click.option("--keep", is_flag=True, help="Leave the rehearsal running and say how to reach it.")
@click.option("--quiet", is_flag=True, help="No progress, only commands and results.")
def demo(records: Path | None, keep: bool, quiet: bool) -> int:
    """Practise the whole journey: detect, inventory, enable, drift, disable, undo, schedule.

    Everything happens on this machine: a rehearsal of Microsoft Graph, sign-in and Active Directory starts on free
    ports and ends with the demo.
    """
    root = project_root()
    now = datetime.now(UTC)
    name = f"demo-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder = root / ".rehearsal" / name
    place = (records or root / "records").absolute()
    console.say(f"Starting the rehearsal {name} …")
    try:
        with start_rehearsal(folder, records=place) as running:
            journey = Journey(running, root, place, name.upper(), quiet=quiet)
            journey.go()
            journey.table()
            if keep:
                running.leave_running()
                _tell_kept(running, name)
    finally:
        if not keep or not (folder / "state.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
    return 0


@dataclass(frozen=True, slots=True)
class Line:
    """One run, for the table at the end."""

    notebook: str
    outcome: Outcome
    changes: int
    seconds: float
    record: Path


@dataclass
class Journey:
    """The steps in order. Each says what is expected; anything else ends the demo with that outcome's exit code."""

    running: RunningRehearsal
    root: Path
    records: Path
    change_id: str
    quiet: bool
    lines: list[Line] = field(default_factory=list)

    def go(self) -> None:
        """Walk the whole way.

        Raises:
            RunbookError: A run ended otherwise than this journey expects.
            KeyboardInterrupt: A run was interrupted.
        """
        self.say("Is everything in place, and which Exchange does this AD have?")
        self.run("10-detect-exchange", "CHECK", Outcome.DONE)
        self.say("Which groups are there, and which route can write them?")
        self.run("20-inventory-groups", "CHECK", Outcome.DONE)
        self.say("Write some Microsoft 365 groups: plan, approve, apply, and see that a third run has nothing to do.")
        written = self.planned_and_applied("30-enable-writeback", "ENABLE", {})
        self.run("30-enable-writeback", "ENABLE", Outcome.NOTHING_TO_DO)
        self.say("Is AD in step? Then an administrator edits a group by hand, and the next check reports exactly that.")
        self.run("50-check-drift", "CHECK", Outcome.NOTHING_TO_DO)
        self.edit_by_hand()
        self.run("50-check-drift", "CHECK", Outcome.REFUSED)
        self.say(f"Retire {' and '.join(RETIRED_NAMES)}.")
        before = self.objects()
        retired = self.planned_and_applied("40-disable-writeback", "DISABLE", {"select_names": _yaml(RETIRED_NAMES)})
        if self.objects() == before:
            raise _unexpected("40-disable-writeback changed nothing")
        self.say("Take that back from its own record: same objects, same GUID and SID.")
        self.planned_and_applied("60-undo-change", "UNDO", {"undo_record": str(retired)})
        after = self.objects()
        if after != before:
            raise _unexpected("after the undo the objects differ from what they were before")
        console.say(f"{len(after)} objects are as they were before: objectGUID, objectSid and every other attribute.")
        scheduled_run(self, written, APPROVER)
        self.verify()

    def say(self, text: str) -> None:
        """A heading."""
        console.say("")
        console.say(f"== {text}")

    def run(self, notebook: str, change: str, expected: Outcome, given: Mapping[str, str] | None = None) -> Path:
        """Run a notebook, print the command, and return its record."""
        from runbook_lib.runner.command_run import show_result
        from runbook_lib.runner.naming import find_notebook
        from runbook_lib.runner.run import run_notebook

        overrides = {"change_id": f"{self.change_id}-{change}", **(given or {})}
        parts = [part for name, value in overrides.items() for part in ("-p", name, value)]
        self.print_command("run", notebook, "-f", str(self.running.parameters_file), *parts)
        progress = console.Progress(quiet=self.quiet)
        try:
            result = run_notebook(
                find_notebook(notebook, self.root),
                [self.running.parameters_file],
                overrides,
                project_root=self.root,
                environment=os.environ,
                clock=_now,
                progress=progress,
            )
        finally:
            progress.close()
        show_result(result)
        if result.stop_asked:
            raise KeyboardInterrupt
        if result.outcome is not expected or result.record is None:
            raise _unexpected(f"{notebook} ended as {result.outcome.value}, expected was {expected.value}")
        self.lines.append(Line(notebook, result.outcome, result.changes_done, result.seconds, result.record))
        return result.record

    def planned_and_applied(self, notebook: str, change: str, given: Mapping[str, str]) -> Path:
        """Plan, approve, apply; returns the record of the run that wrote."""
        from runbook_lib.record.manifest import manifest_digest
        from runbook_lib.writeback.approval import approve, planned

        record = self.run(notebook, change, Outcome.AWAITING_APPROVAL, given)
        phrase = planned(record).phrase
        self.print_command("approve", str(record), "--as", APPROVER, "--phrase", phrase)
        path = approve(
            record,
            approver=APPROVER,
            phrase=phrase,
            valid=timedelta(hours=4),
            clock=_now,
            manifest_digest=manifest_digest(record),
        )
        console.say(f"Approved by {APPROVER}: {console.shown_path(path)}")
        return self.run(notebook, change, Outcome.DONE, given)

    def edit_by_hand(self) -> None:
        """An administrator's edit over LDAPS: one member leaves, the description changes."""
        from rehearsal.administrator import GroupEdit, edit_group

        account = self._a_member()
        text = "Edited by hand"
        self.print_command(
            "rehearsal",
            "edit-group",
            HAND_EDIT_GROUP,
            "--name",
            self.running.folder.name,
            "--remove-member",
            account,
            "--description",
            text,
        )
        edit = GroupEdit(remove_members=(account,), description=text)
        for sentence in edit_group(self.running, HAND_EDIT_GROUP, edit):
            console.say(sentence)

    def objects(self) -> dict[str, dict[str, list[str]]]:
        """The AD objects of the groups that are retired and restored, by objectGUID, without unsteady attributes."""
        found = {}
        for dn, attributes in self.running.control.directory().items():
            if attributes.get("displayName", [""])[0] in RETIRED_NAMES and "extensionName" in attributes:
                kept = {name: sorted(values) for name, values in attributes.items() if name not in _UNSTEADY}
                found[attributes["objectGUID"][0]] = {**kept, "distinguishedName": [dn]}
        return found

    def verify(self) -> None:
        """Verify every record and write the list of all records."""
        from runbook_lib.record.folder import RecordFolder
        from runbook_lib.record.index import build_index
        from runbook_lib.record.verify import verify

        for line in self.lines:
            verification = verify(RecordFolder.open(line.record))
            if not verification.ok:
                raise _unexpected(f"the record {line.record} does not verify: {verification.problems}")
        index = build_index(self.records)
        self.print_command("verify-record", *(str(line.record) for line in self.lines))
        console.say(f"{len(self.lines)} records verify. The list of all records: {console.shown_path(index)}")

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
        console.say("")
        for row in rows:
            console.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        total = sum(line.seconds for line in self.lines)
        console.say(f"{len(self.lines)} runs in {duration_words(total)}.")

    def print_command(self, *words: str) -> None:
        """A command as a person would type it."""
        console.say(f"$ gwb {_quoted(words)}")

    def _a_member(self) -> str:
        """sAMAccountName of a member of the group that is edited by hand."""
        everything = self.running.control.directory()
        group = next(
            attributes
            for attributes in everything.values()
            if attributes.get("displayName") == [HAND_EDIT_GROUP] and "extensionName" in attributes
        )
        return everything[sorted(group["member"])[0]]["sAMAccountName"][0]


def _quoted(words: Sequence[str]) -> str:
    quote: Callable[[str], str] = shlex.quote if os.name == "posix" else _quote_for_windows
    return " ".join(quote(word) for word in words)


def _quote_for_windows(word: str) -> str:
    return f'"{word}"' if not word.isalnum() else word


def _yaml(values: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


def _now() -> datetime:
    return datetime.now(UTC)


def _unexpected(what: str) -> RunbookError:
    return ServiceFailed(f"The demo stopped: {what}.", code="demo-unexpected", hint="Look at the record named above.")


def _tell_kept(running: RunningRehearsal, name: str) -> None:
    console.say("")
    console.say(
        f"The rehearsal {name} goes on: {running.state['graph_url']} and LDAPS port {running.state['ldap_port']}."
    )
    console.say(f"Its parameters file: {console.shown_path(running.parameters_file)}")
    console.say(f"Stop it with: gwb rehearsal stop --name {name}")
