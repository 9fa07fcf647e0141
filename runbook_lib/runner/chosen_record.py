"""Which record a command is about: the folder that was named, or one of the runs of a change folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from runbook_lib.errors import Refused, RunbookError, UsageError
from runbook_lib.files import JOURNAL, MANIFEST, PLAN, RECORD
from runbook_lib.model.outcome import Outcome, ending_of_facts
from runbook_lib.model.text import NOTHING, Text, and_more, t
from runbook_lib.runner import console

if TYPE_CHECKING:
    from runbook_lib.parameters.model import Parameters
    from runbook_lib.record.folder import RecordFolder
    from runbook_lib.record.manifest import Verification

_FILES = (RECORD, PLAN, JOURNAL, MANIFEST)
_MOST_OFFERED = 20
"""Records that are offered by number; others are named by their folder."""
_MOST_NAMED = 10
"""Runs that are named where one of many has to be chosen."""


@dataclass(frozen=True, slots=True)
class RunOffered:
    """A run that could be meant.

    Attributes:
        started: ISO 8601, UTC; empty where its record.json cannot be read.
        outcome: None while there is none, or it cannot be read.
        ending: The outcome in the words of its kind.
    """

    path: Path
    started: str = ""
    outcome: Outcome | None = None
    ending: str = ""
    sealed: bool = False
    readable: bool = True

    @property
    def planned(self) -> bool:
        """Whether its plan waits for an approval."""
        return self.outcome is Outcome.AWAITING_APPROVAL

    @property
    def summary(self) -> str:
        """State and outcome, as ``gwb records`` says them."""
        title = self.ending if self.outcome else t("no outcome yet") if self.readable else t("not readable")
        return f"{title}, {'sealed' if self.sealed else 'open'}"


def is_run(path: Path) -> bool:
    """Whether the folder holds one run."""
    return any((path / name).is_file() for name in _FILES)


def runs_below(folder: Path) -> list[RunOffered]:
    """Runs of a change folder, or of every change of a records folder: those that wait for approval first, then the
    newest first."""
    found = [path for pattern in ("*", "*/*") for path in folder.glob(pattern) if path.is_dir() and is_run(path)]
    newest_first = sorted(map(_run, found), key=lambda run: (run.started, run.path.name), reverse=True)
    return sorted(newest_first, key=lambda run: not run.planned)


def _run(path: Path) -> RunOffered:
    from runbook_lib.record.folder import RecordFolder
    from runbook_lib.record.run_record import RunRecord

    folder = RecordFolder(path)
    try:
        record = RunRecord.load(folder)
    except RunbookError:
        return RunOffered(path, sealed=folder.sealed, readable=False)
    ending = ending_of_facts(record.outcome, record.facts.get("error")).title if record.outcome else ""
    return RunOffered(path, str(record.facts.get("started") or ""), record.outcome, ending, folder.sealed)


def chosen_record(path: Path, *, first: Callable[[RunOffered], bool] | None = None) -> Path:
    """The folder of one run: ``path`` itself, or the one that a person chooses among the runs below it.

    What is no folder, or holds no run, is returned as it is: opening it says what is wrong.

    Args:
        first: Runs that the command is for come before the others.

    Raises:
        UsageError: ``record-not-named``: there are runs below it, and nobody is there to choose one.
    """
    if not path.is_dir() or is_run(path):
        return path
    runs = runs_below(path)
    if not runs:
        return path
    if first is not None:
        runs.sort(key=lambda run: not first(run))
    shown = [f"{console.shown_path(run.path)} ({run.summary})" for run in runs]
    folder = console.shown_path(path)
    holds = t("{folder} holds 1 run", folder=folder)
    if len(runs) > 1:
        holds = t("{folder} holds {runs} runs", folder=folder, runs=len(runs))
    if not sys.stdin.isatty():
        more = t(", the first of {runs}", runs=len(runs)) if len(runs) > _MOST_NAMED else NOTHING
        raise UsageError(
            t("{holds}; this command is about one.", holds=holds),
            code="record-not-named",
            hint=t("Name one of these{more}:", more=more),
            values={"runs": [str(run.path) for run in runs], "choices": shown[:_MOST_NAMED]},
        )
    console.print_line(t("{holds}:", holds=holds))
    for number, line in enumerate(shown, 1):
        console.print_line(t("  {number}  {line}", number=number, line=line))
    number = click.prompt(t("Which run"), type=click.IntRange(1, len(runs)), prompt_suffix=": ")
    return runs[int(number) - 1].path


def chosen_undo(records: Path) -> Path | None:
    """The record that a person at a terminal wants undone; None where nobody is there, or there is none to choose.

    Args:
        records: Folder of the changes.
    """
    from runbook_lib.record.needs import undoable

    if not sys.stdin.isatty() or not (found := undoable(records)):
        return None
    console.print_line(t("Records that can be undone, the newest first:"))
    for number, one in enumerate(found[:_MOST_OFFERED], 1):
        console.print_line(t("  {number}  {record}", number=number, record=one.said))
    if len(found) > _MOST_OFFERED:
        console.print_line(t("  {text}", text=and_more(len(found) - _MOST_OFFERED)))
    text = str(click.prompt(t("Which one is to be undone (its number, or a folder)"), prompt_suffix=": ")).strip()
    if text.isdecimal() and 1 <= int(text) <= min(len(found), _MOST_OFFERED):
        return found[int(text) - 1].record
    return Path(text).absolute()


def recorded_parameters(folder: RecordFolder, *names: str) -> Parameters:
    """What the run of a record was told.

    Args:
        folder: Of the run.
        names: Parameters that are wanted, the others at their defaults: what is wrong with them is no matter then.
            None named: all.

    Raises:
        RunbookError: The record, or one of those, cannot be read.
    """
    from runbook_lib.parameters.load import parameters_from_values

    recorded = folder.read_json(RECORD).get("parameters")
    told = recorded if isinstance(recorded, dict) else {}
    wanted = {name: told[name] for name in names if name in told} if names else told
    return parameters_from_values(wanted, source=RECORD)


def complete_records(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: runs of the project's records, and of the folder that is being typed."""
    from runbook_lib.parameters.paths import project_root

    typed = Path(incomplete)
    folders = {project_root() / "records", typed if incomplete.endswith(("/", "\\")) else typed.parent}
    found: dict[str, CompletionItem] = {}
    for folder in folders:
        for run in runs_below(folder) if folder.is_dir() else ():
            for text in (console.shown_path(run.path), str(run.path)):
                if text.startswith(incomplete):
                    found.setdefault(str(run.path.absolute()), CompletionItem(text, help=run.summary))
                    break
    return list(found.values()) or [CompletionItem(incomplete, type="dir")]


def require_as_sealed(folder: Path, hint: Text) -> Verification:
    """Verify the record that a command goes by; an open one has nothing yet that it could differ from.

    Raises:
        Refused: It is sealed, and not what was sealed (``record-tampered``).
    """
    from runbook_lib.record.folder import RecordFolder
    from runbook_lib.record.manifest import verified_record

    verification = verified_record(RecordFolder(folder))
    if verification.sealed and not verification.ok:
        raise Refused(
            t(
                "The record {file} is not what was sealed: {problems}.",
                file=console.shown_path(folder),
                problems=verification.problems[0],
            ),
            code="record-tampered",
            hint=hint,
            values={"problems_found": list(verification.problems)},
        )
    return verification
