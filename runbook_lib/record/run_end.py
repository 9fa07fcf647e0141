"""What a run's journal says was written, and how a run ended that had no time to say so or was stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.change.journal import CARRIED_OUT
from runbook_lib.errors import BrokeOff, RunbookError, ServiceFailed
from runbook_lib.files import JOURNAL
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import NOTHING, Text, counted, joined, t
from runbook_lib.record.folder import RecordFolder
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain


@dataclass(frozen=True, slots=True)
class WrittenJournal:
    """One journal.

    Attributes:
        opened: Its first line: plan digest, digests of the approved changes, run that it resumes; empty if unreadable.
        begun: Identifiers of the writes that were begun.
        done: Identifiers of the writes that were done, or found to be done already.
        changed: How many writes changed something.
        closed: Whether it ended: nothing is left to be resumed.
        unreadable: How many lines could not be read.
        carried_out: Whether it ended because every approved change was carried out.
    """

    opened: Mapping[str, Any]
    begun: frozenset[str]
    done: frozenset[str]
    changed: int
    closed: bool
    unreadable: int
    carried_out: bool = False

    @property
    def anything(self) -> bool:
        """Whether something was written, or may have been: a write was begun and nothing says that it had no effect."""
        return bool(self.changed or self.unreadable or (self.begun and not self.closed))

    @property
    def approved(self) -> tuple[str, ...]:
        """Digests of the approved changes."""
        found = self.opened.get("approved")
        return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()


def written_by(run: Path) -> WrittenJournal | None:
    """What the run in this folder wrote; None where it has no journal.

    A journal that cannot be read at all counts as one unreadable line: nobody can say that nothing was written.
    """
    try:
        lines = read_plain(run / JOURNAL, largest=LARGEST_PLAN).data.split(b"\n")
    except FileNotFoundError:
        return None
    except Unfit:
        return WrittenJournal({}, frozenset(), frozenset(), 0, closed=False, unreadable=1)
    entries: list[dict[str, Any]] = []
    unreadable = 0
    for line in filter(None, lines):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            unreadable += 1
            continue
        if isinstance(entry, dict):
            entries.append(entry)
        else:
            unreadable += 1
    of = {kind: [entry for entry in entries if entry.get("entry") == kind] for kind in ("open", "begin", "done")}
    return WrittenJournal(
        opened=of["open"][0] if of["open"] else {},
        begun=frozenset(str(entry.get("write")) for entry in of["begin"]),
        done=frozenset(str(entry.get("write")) for entry in of["done"]),
        changed=sum(bool(entry.get("effect")) for entry in of["done"]),
        closed=any(entry.get("entry") == "closed" for entry in entries),
        unreadable=unreadable,
        carried_out=any(entry.get("entry") == "closed" and entry.get("why") == CARRIED_OUT for entry in entries),
    )


RESUME = t("Run the same notebook with the same change id again: it resumes.")
_BEGUN = re.compile(rb'"entry": *"(begin|done)"')
"""Not the word alone: an approver may be called that. Inside a text the quotation marks are escaped."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """An outcome and the error that explains it; a defect in a cell has none, its traceback is in the notebook."""

    outcome: Outcome
    error: RunbookError | None


def broken(text: Text, code: str, *, begun: bool) -> RunEnd:
    """The end of a run that something stopped: midway after a write was begun, else before any."""
    if begun:
        return RunEnd(Outcome.PARTIAL, BrokeOff(text, code=code, hint=RESUME))
    return RunEnd(Outcome.FAILED, ServiceFailed(text, code=code, hint=t("Nothing was written. Run it again.")))


def interrupted(folder: RecordFolder) -> RunEnd:
    """The end by Ctrl-C. It counts only before the first write: afterwards what matters is a half-changed AD."""
    if writes_begun(folder):
        return broken(
            joined((t("The run was interrupted after its first write."), what_was_done(written_by(folder.path)))),
            "interrupted",
            begun=True,
        )
    error = RunbookError(t("The run was interrupted."), code="interrupted", hint=t("Nothing was written."))
    return RunEnd(Outcome.INTERRUPTED, error)


def what_was_done(written: WrittenJournal | None) -> Text:
    """What of the approved changes a journal says was done and what was not; nothing where it cannot be believed."""
    if written is None or written.unreadable or not written.approved:
        return NOTHING
    open_writes = written.begun - written.done
    touched = {write.rpartition("/")[0] for write in written.begun | written.done}
    untouched = sum(digest not in touched for digest in written.approved)
    return t(
        "Done: {done}. Begun and not answered: {unanswered}. Not begun: {untouched} of {approved}.",
        done=counted(len(written.done), "write"),
        unanswered=counted(len(open_writes), "write"),
        untouched=untouched,
        approved=counted(len(written.approved), "change"),
    )


def decided(folder: RecordFolder, *, interrupted: bool) -> Outcome:
    """The verdict of a run that gave none: it depends on whether a write was begun."""
    if writes_begun(folder):
        return Outcome.PARTIAL
    return Outcome.INTERRUPTED if interrupted else Outcome.FAILED


def writes_begun(folder: RecordFolder) -> bool:
    """Whether the journal holds a ``begin`` or ``done`` line, or may have held one.

    The text is searched, not parsed: the last line may be torn, and a torn ``begin`` line counts as a begun write. A
    folder that is gone or cannot be read (a share that vanished) counts too: nobody can say that nothing was written.
    """
    try:
        journal = read_plain(folder.file(JOURNAL), largest=LARGEST_PLAN).data
    except FileNotFoundError:
        return not folder.path.is_dir()
    except Unfit:
        return True
    return _BEGUN.search(journal) is not None
