"""Which records may go, and how they go: everything of a run but its manifest and what signs it.

The manifest stays, so that the chain of a change holds and a run that was taken away shows as one. What an undo or a
resumed change could need never goes: open runs, the last run of a change that wrote with the runs that it resumes,
every run of a change that is not finished, runs that an approval or a kept run relies on, and whatever is not as it was
sealed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from runbook_lib.change.approvals.gate import read_all
from runbook_lib.change.approvals.given import approvals_told
from runbook_lib.change.journal import JournalFile, chain_of, journals_of, runs_of
from runbook_lib.errors import RunbookError, ServiceFailed
from runbook_lib.files import APPROVALS, CLOSINGS, PRUNED, RECORD
from runbook_lib.model.moment import iso_seconds, moment_in
from runbook_lib.model.text import Text, t
from runbook_lib.record import folder as files
from runbook_lib.record import manifest
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest_files import NOT_LISTED
from runbook_lib.routes.registry import ROUTES

PRUNED_SCHEMA = "gwb-pruned/1"


@dataclass(frozen=True, slots=True)
class Retained:
    """A run that stays, and why."""

    run: Path
    why: Text


@dataclass(frozen=True, slots=True)
class Going:
    """A run that goes.

    Attributes:
        sealed_at: When it was sealed.
        bytes: What its files take.
    """

    run: Path
    sealed_at: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class Retention:
    """What becomes of the runs of a records folder, by change and name."""

    going: tuple[Going, ...]
    staying: tuple[Retained, ...]


def retention(records: Path, keep: timedelta, now: datetime) -> Retention:
    """What would go. Nothing is changed.

    Args:
        records: Folder with the records of every change.
        keep: How long a sealed run is kept.
        now: The present time, UTC.
    """
    going: list[Going] = []
    staying: list[Retained] = []
    for change in runs_of(records):
        runs = [path for path in runs_of(change) if path.name not in (APPROVALS, CLOSINGS)]
        journals = list[JournalFile]()
        try:
            journals = journals_of(change, ROUTES)
            needed = _needed(change, journals, runs, now)
        except RunbookError as error:
            needed = {run.name: t("its change cannot be read: {why}", why=error.message) for run in runs}
        fit: dict[str, Going] = {}
        for run in runs:
            judged = _judged(run, keep, now, needed)
            if isinstance(judged, Going):
                fit[run.name] = judged
            elif judged is not None:
                staying.append(judged)
        for name, why in _held_by_those_that_stay(journals, fit):
            staying.append(Retained(fit.pop(name).run, why))
        going += fit.values()
    return Retention(tuple(going), tuple(sorted(staying, key=lambda one: one.run)))


def remove_files(going: Going, *, by: str, keep: timedelta, now: datetime) -> None:
    """Take away the files of one run; can be done again where it broke off.

    Args:
        going: From ``retention``.
        by: Account that does it.
        keep: How long runs are kept.
        now: The present time, UTC.

    Raises:
        ServiceFailed: ``record-write``: something could not be removed.
    """
    folder = RecordFolder(going.run)
    content = {
        "schema": PRUNED_SCHEMA,
        "change_id": folder.change_id,
        "run_id": folder.run_id,
        "at": iso_seconds(now),
        "by": by,
        "kept_seconds": int(keep.total_seconds()),
    }
    files.write_atomically(going.run / PRUNED, files.json_bytes(content))
    try:
        for name, path in sorted(manifest.plain_files(going.run)):
            if name not in NOT_LISTED and name != PRUNED:
                path.unlink()
        for path in sorted((path for path in going.run.rglob("*") if path.is_dir()), reverse=True):
            path.rmdir()
    except OSError as error:
        raise ServiceFailed(
            t(
                "{path} could not be removed: {why}.",
                path=error.filename or going.run,
                why=error.strerror or type(error).__name__,
            ),
            code="record-write",
            hint=t("Check the rights of this account on the records folder, then prune again."),
            values={"path": str(going.run)},
        ) from None


def _judged(run: Path, keep: timedelta, now: datetime, needed: Mapping[str, Text]) -> Going | Retained | None:
    """What becomes of one run by itself; None: there is nothing to be kept or to go."""
    result = manifest.verified_record(RecordFolder(run))
    own = [(name, path) for name, path in manifest.plain_files(run) if name not in NOT_LISTED and name != PRUNED]
    if result.pruned and not own:
        return None
    if not result.sealed:
        return Retained(run, t("it is not sealed")) if (run / RECORD).exists() else None
    if not result.ok and not result.pruned:
        return Retained(run, t("it is not as it was sealed: {problem}", problem=result.problems[0]))
    if run.name in needed and not result.pruned:
        return Retained(run, needed[run.name])
    sealed_at = moment_in(manifest.read(run)["sealed_at"])
    if sealed_at is None or (sealed_at + keep >= now and not result.pruned):
        return Retained(run, t("it is younger than that"))
    return Going(run, sealed_at, sum(path.lstat().st_size for _, path in own))


def _needed(change: Path, journals: list[JournalFile], runs: list[Path], now: datetime) -> dict[str, Text]:
    """Runs of a change that an undo, a resumed change or an approval needs, with the reason.

    Raises:
        Refused: The approvals of the change cannot be read.
    """
    approvals = read_all(change / APPROVALS, ROUTES)
    unfinished = [journal.run.name for journal in journals if not journal.closed]
    if unfinished:
        return {run.name: t("its change is not finished: {run}", run=unfinished[0]) for run in runs}
    needed: dict[str, Text] = {}
    for approval in (*approvals.plans, *approvals.standing):
        if approval.until >= now:
            needed[approval.planning_record] = t("an approval that still holds was given for it")
    wrote = [journal for journal in journals if journal.begun or journal.effects]
    for journal in _chain(wrote[-1], journals) if wrote else ():
        needed[journal.run.name] = t("it is the last run of its change that wrote, or was resumed by it")
    return needed


def _held_by_those_that_stay(journals: list[JournalFile], fit: Mapping[str, Going]) -> Iterator[tuple[str, Text]]:
    """Runs that could go, and that a run that stays was resumed from or approved by."""
    why = t("a run that stays relies on it")
    held: set[str] = set()
    for journal in journals:
        if journal.run.name not in fit:
            held |= {one.run.name for one in _chain(journal, journals)}
            held |= _approved_from(journal)
    yield from ((name, why) for name in sorted(held & fit.keys()))


def _chain(journal: JournalFile, journals: list[JournalFile]) -> list[JournalFile]:
    try:
        return chain_of(journal, journals)
    except RunbookError:
        return journals


def _approved_from(journal: JournalFile) -> set[str]:
    return {str(one.get("planning_record")) for one in approvals_told(journal.opened.get("approval"))}
