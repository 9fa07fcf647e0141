"""What the records of earlier runs say: which change broke off, and what an undo or a resumed change relies on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from runbook_lib.change.carried_out import all_carried_out
from runbook_lib.change.closing import HOW_TO_CLOSE
from runbook_lib.change.journal import JournalFile, chain_of, journals_of, open_chain, whole_chain
from runbook_lib.change.journal_check import DoneChange, done_by
from runbook_lib.errors import Refused, RunbookError
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import GroupId
from runbook_lib.model.moment import iso_milliseconds
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.model.untrusted import printable, typed
from runbook_lib.record import manifest
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import DamagedManifest, verified_record
from runbook_lib.record.run_record import RunRecord, account
from runbook_lib.routes.registry import ROUTES

READ_BACK_DIFFERS = "read-back-differs"
NOT_PROVED = "approval-not-proved"
NOT_AS_PREDICTED = "not-as-predicted"
_REPORTED = (READ_BACK_DIFFERS, NOT_PROVED, NOT_AS_PREDICTED)
"""Codes of errors of a change that was read back: its run has said what there is to say."""


def unfinished_chain(change_folder: Path, *, but: str) -> list[JournalFile]:
    """The journals of the change that broke off, oldest first; empty where none did.

    A change that is carried out counts too until its run has read it back and said how it ended: a process can die
    between the two. ``but`` is the run that asks.

    Raises:
        Refused: A journal or a closing cannot be believed.
    """
    journals = journals_of(change_folder, ROUTES)
    if chain := open_chain(journals):
        return chain
    last = journals[-1] if journals else None
    if last is None or last.run.name == but or not last.carried_out or _reported(last):
        return []
    return chain_of(last, journals)


def _reported(journal: JournalFile) -> bool:
    """Whether the run gave its verdict after its last write, and had read everything back."""
    try:
        facts = RunRecord.load(RecordFolder(journal.run)).facts
    except RunbookError:
        return False
    outcome, error = facts.get("outcome"), facts.get("error")
    if outcome == Outcome.VERIFICATION_FAILED.value:
        good = isinstance(error, Mapping) and error.get("code") in _REPORTED
    else:
        good = outcome in (Outcome.DONE.value, Outcome.AWAITING_APPROVAL.value, Outcome.AWAITING_HANDOFF.value)
    return good and str(facts.get("ended") or "") >= journal.last


def done_of(record: Path) -> tuple[DoneChange, tuple[Finding, ...]]:
    """What the run of a record did, with the runs that it resumed or that resumed it, after proving their records.

    And what of it is not proved.

    Raises:
        UsageError: The folder is no record, or holds no plan.
        Refused: A record is not what was sealed (``record-altered``), nothing was written, or it is not finished.
    """
    folder = RecordFolder.open(record)
    require_unaltered([folder.path])
    chain = whole_chain(folder.run_id, journals_of(folder.change_folder, ROUTES))
    require_unaltered(journal.run for journal in chain)
    return done_by(folder.path, ROUTES), effects_not_proved(chain)


def require_unaltered(runs: Iterable[Path], further: str = "") -> None:
    """Refuse runs whose record is sealed and not what was sealed, or was sealed and is not any more.

    ``further`` is added to what to do.

    Raises:
        Refused: ``record-altered``; the message names the file.
    """
    for run in runs:
        folder = RecordFolder.open(run)
        found = verified_record(folder)
        if found.sealed and not found.ok:
            raise _altered(run, found.problems[0], further)
        if not found.sealed and (by := manifest.named_by_followers(folder.change_folder, folder.run_id)):
            raise _altered(run, t("MANIFEST.json: missing, although {by} was sealed after it", by=by[0][0]), further)


def require_uncontradicted(chain: Sequence[JournalFile], opened: datetime) -> None:
    """Refuse an open journal beside a sealed run that could not have been made while it was open.

    A run that begins while a journal is open takes up its plan. One that began later and was sealed with another plan
    shows that there was no such journal then.

    Raises:
        Refused: ``record-contradicts``.
    """
    names = {journal.run.name for journal in chain}
    digest = chain[0].opened.get("plan_digest")
    for run in _runs(chain[0].run.parent):
        folder = RecordFolder(run)
        if run.name in names or not folder.sealed:
            continue
        try:
            facts = RunRecord.load(folder).facts
        except RunbookError:
            continue
        plan = facts.get("plan")
        if (
            isinstance(plan, dict)
            and plan.get("digest") != digest
            and str(facts.get("started")) > iso_milliseconds(opened)
        ):
            raise Refused(
                t(
                    "The journal of {run_name} says that it was open when {later_run} began, which "
                    "planned something else and is sealed: with a journal open it could not have.",
                    run_name=chain[0].run.name,
                    later_run=run.name,
                ),
                code="record-contradicts",
                hint=t("Find out who wrote that journal. {how_to_close}", how_to_close=HOW_TO_CLOSE),
                values={"run": chain[0].run.name, "sealed": run.name},
            )


def done_before(folder: RecordFolder, route: Route, operation: Operation, kind: ChangeKind) -> dict[GroupId, str]:
    """Groups to which earlier runs under the change id of a run did a change of this kind, with their names.

    Raises:
        Refused: As ``all_carried_out``; a record is not what was sealed.
    """
    own, found = (folder.run_id,), dict[GroupId, str]()
    for done in all_carried_out(folder.change_folder, ROUTES, route, operation, but=own, prove=require_unaltered):
        found |= done.groups_of(kind)
    return found


def effects_not_proved(chain: Sequence[JournalFile]) -> tuple[Finding, ...]:
    """One finding for each run whose writes count as this change's own and whose journal nobody sealed.

    AD does not say who changed a value, so a journal is its writer's word; a sealed one is at least as it was then.
    """
    found = []
    for journal in chain:
        done = {effect.write for effect in journal.effects if effect.data}
        writes = len(done | set(journal.begun))
        if not writes or RecordFolder(journal.run).sealed:
            continue
        own = journal.owner == account() and not journal.shared
        by = (
            t("the account {owner}", owner=printable(journal.owner, limit=80))
            if journal.owner
            else t("an account that is not known here")
        )
        found.append(
            Finding(
                id=f"effects-not-proved:{journal.run.name}",
                severity=Severity.INFO if own else Severity.WARNING,
                seen=t(
                    "{writes} writes count as made by {run_name} because its journal says so, which is "
                    "not sealed and belongs to {by}{others}.",
                    writes=writes,
                    run_name=journal.run.name,
                    by=by,
                    others=t(" and to whoever else may write to it") if journal.shared else NOTHING,
                ),
                expected=t("A run seals its journal when it ends; a process that was killed could not."),
                why=t("AD does not say who changed a value: not proved. An undo takes these effects back."),
                to_do=t(
                    "If that account could have been used by somebody else, compare the journal with the "
                    "domain controller's security log."
                ),
                values={"run": journal.run.name, "writes": writes, "owner": journal.owner or None},
            )
        )
    return tuple(found)


def require_planning_record(change_folder: Path, run_id: str, digest: str | None) -> None:
    """Refuse an approval whose planning record is not there, or is not the sealed one that was read.

    Raises:
        Refused: ``planning-record-missing`` or ``record-altered``.
    """
    run = change_folder / run_id
    if Path(run_id).name != run_id or not run.is_dir():
        raise Refused(
            t("The record that was read for the approval is not there: {run}.", run=printable(str(run), limit=300)),
            code="planning-record-missing",
            hint=t(
                "Bring that folder back, or approve the plan again with gwb approve. {how_to_close}",
                how_to_close=HOW_TO_CLOSE,
            ),
            values={"run": run_id},
        )
    if digest is None:
        return
    require_unaltered([run], HOW_TO_CLOSE)
    try:
        found = manifest.read(run)["digest"]
    except (FileNotFoundError, DamagedManifest):
        found = None
    if found != digest:
        raise _altered(run, t("MANIFEST.json: not the one that the approval names"), HOW_TO_CLOSE)


def _runs(change_folder: Path) -> list[Path]:
    return sorted(path for path in change_folder.iterdir() if path.is_dir() and not path.is_symlink())


def _altered(run: Path, what: Text, further: str) -> Refused:
    return Refused(
        t("The record {run_name} is not what was sealed: {what}.", run_name=printable(run.name), what=what),
        code="record-altered",
        hint=joined((t("Run gwb verify-record {run}, and find out who changed it.", run=typed(run)), further)),
        values={"run": run.name, "problem": what},
    )
