"""What is not sealed, and why: sealed before, still running, no plain files, at odds with its journal."""

from __future__ import annotations

from typing import Any

from runbook_lib.change.journal_lines import broken_at
from runbook_lib.change.lock import holds, lock_path
from runbook_lib.change.plan_file import read_plan
from runbook_lib.errors import Refused, RunbookError, UsageError
from runbook_lib.files import JOURNAL, MANIFEST, PAGE, PLAN, RECORD
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import typed
from runbook_lib.record import manifest
from runbook_lib.record.contradictions import record_contradictions
from runbook_lib.record.folder import RecordFolder
from runbook_lib.routes.registry import ROUTES
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain


def refuse_sealed(folder: RecordFolder) -> None:
    """A sealed record never changes.

    Raises:
        UsageError: ``record-sealed``.
    """
    if folder.sealed:
        raise UsageError(
            t("The record {path} is sealed already.", path=folder.path),
            code="record-sealed",
            hint=t("A sealed record never changes. To check it: gwb verify-record {path}", path=typed(folder.path)),
            values={"path": str(folder.path)},
        )


def refuse_sealed_once(folder: RecordFolder) -> None:
    """A run whose manifest was taken away is not sealed anew: a later run names it.

    Raises:
        Refused: ``record-altered``.
    """
    followers = manifest.named_by_followers(folder.change_folder, folder.run_id)
    if followers:
        raise Refused(
            t(
                "The record {path} was sealed before: {followers} names its manifest, which is gone.",
                path=folder.path,
                followers=followers[0][0],
            ),
            code="record-altered",
            hint=t("Bring its {manifest} back from a copy, and find out who took it away.", manifest=MANIFEST),
            values={"path": str(folder.path), "sealed_after": followers[0][0]},
        )


def refuse_contradiction(folder: RecordFolder, facts: dict[str, Any]) -> None:
    """record.json has to say what the journal says, and the journal has to be whole.

    Raises:
        Refused: ``record-contradicts-journal``.
    """
    found = [*record_contradictions(folder.path, facts), *_altered_journal(folder)]
    if found:
        raise Refused(
            t("The record {path} is not sealed: {found}.", path=folder.path, found="; ".join(found)),
            code="record-contradicts-journal",
            hint=t(
                "The journal says what was written. Keep the folder as it is, and run the notebook "
                "again with the same change id: it compares both sides and makes a record of its own."
            ),
            values={"path": str(folder.path), "contradictions": found},
        )


def _altered_journal(folder: RecordFolder) -> list[Text]:
    """Whether the journal's lines follow each other; one that is damaged in another way is sealed as it is."""
    try:
        lines = read_plain(folder.file(JOURNAL), largest=LARGEST_PLAN).data
        return (
            [t("{journal}: line {number} does not follow the line before it", journal=JOURNAL, number=number)]
            if (number := broken_at(lines))
            else []
        )
    except (FileNotFoundError, Unfit):
        return []


def refuse_no_plain_file(folder: RecordFolder) -> None:
    """A pipe would be waited for and a link leads elsewhere: no digest of either is one of this record.

    Raises:
        Refused: ``record-not-plain``.
    """
    own = [(name, path) for name in (RECORD, PLAN, JOURNAL, PAGE) if (path := folder.file(name)).is_dir()]
    for name, path in [*own, *sorted(manifest.plain_files(folder.path))]:
        if path.is_symlink() or not path.is_file():
            raise Refused(
                t(
                    "The record {path} is not sealed: {name} is a link or no ordinary file.",
                    path=folder.path,
                    name=name,
                ),
                code="record-not-plain",
                hint=t("Find out who put it there, and remove it. Then seal the record."),
                values={"path": str(path)},
            )


def refuse_running(folder: RecordFolder) -> None:
    """A record is final, so a run that may still write is not sealed; its lock ends with its process.

    Raises:
        Refused: ``run-not-ended``.
    """
    try:
        plan, target = read_plan(folder.path, ROUTES), folder.read_json(RECORD).get("target")
    except RunbookError:
        return
    invocation_id = target.get("invocation_id") if isinstance(target, dict) else None
    if plan is None or not isinstance(invocation_id, str):
        return
    try:
        path = lock_path(invocation_id, plan.target.locked)
    except Refused:
        return
    if holds(path, f"{folder.change_id}/{folder.run_id} "):
        raise Refused(
            t("The run of {path} has not ended: its process holds the lock of the target OU.", path=folder.path),
            code="run-not-ended",
            hint=t("Run its last cell, or wait until it has ended. Then seal it."),
            values={"path": str(folder.path)},
        )
