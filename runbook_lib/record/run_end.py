"""How a run ended that had no time to say so, or was stopped: an outcome and the error that explains it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook_lib.change.strict_file import LARGEST_PLAN, Unfit, read_plain
from runbook_lib.errors import BrokeOff, RunbookError, ServiceFailed
from runbook_lib.model.file_names import JOURNAL
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import Text, t
from runbook_lib.record.folder import RecordFolder

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


def interrupted(*, begun: bool) -> RunEnd:
    """The end by Ctrl-C. It counts only before the first write: afterwards what matters is a half-changed AD."""
    if begun:
        return broken(t("The run was interrupted after its first write."), "interrupted", begun=True)
    error = RunbookError(t("The run was interrupted."), code="interrupted", hint=t("Nothing was written."))
    return RunEnd(Outcome.INTERRUPTED, error)


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
