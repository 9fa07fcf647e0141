"""Closing by hand a change that broke off and cannot be finished: a file beside the runs, and nothing else.

Nothing is lost and nothing is written to AD: the next run under the change id plans from what is there now and asks for
an approval of that. A closing names the very bytes of each journal, so a journal that is written on is open again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from runbook_lib.change.approvals.file import said, written_time
from runbook_lib.errors import Refused, UsageError
from runbook_lib.files import CLOSINGS
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.strict_file import (
    LARGEST_APPROVAL,
    LARGEST_PLAN,
    Unfit,
    read_plain,
    strict_json,
    whole_text,
    write_whole,
)

CLOSING_SCHEMA = "group-writeback-closing/1"
HOW_TO_CLOSE = t(
    "If it cannot be finished: gwb close RECORD --as NAME --reason TEXT. The next run then plans what is left anew and "
    "asks for an approval of that; no file is lost."
)


_Typed = Annotated[str, AfterValidator(said), Field(json_schema_extra={"minLength": 1})]
_Time = Annotated[
    str,
    AfterValidator(written_time),
    Field(
        json_schema_extra={
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$",
        }
    ),
]


class ClosingFile(BaseModel):
    """One file that gwb close writes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_: Literal["group-writeback-closing/1"] = Field(alias="schema", description="Name and version of this format")
    change_id: str = Field(description="Change that the run belongs to")
    run_id: str = Field(description="Run whose journal is closed")
    journal_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of that journal as it was; one that is written on is open again"
    )
    by: _Typed = Field(description="Who closed it")
    reason: _Typed = Field(description="Why it is not finished")
    at: _Time = Field(description="When, UTC")


def close_by_hand(
    change_folder: Path, runs: Iterable[str], *, by: str, reason: str, clock: Callable[[], datetime]
) -> list[Path]:
    """Write a closing for the journal of each of these runs and return the files.

    Args:
        change_folder: Folder of the change.
        runs: Names of the runs whose journals are open or damaged.
        by: Who closes them.
        reason: Why they are not finished.
        clock: Gives the present time, UTC.

    Raises:
        UsageError: No name, no reason, or nothing to close (``nothing-to-close``).
        Refused: A journal is a link, a pipe or a folder, so there are no bytes to name (``closing-journal``).
        ServiceFailed: A file cannot be written (``closing-write``).
    """
    for value, option in ((by, "--as"), (reason, "--reason")):
        if not value.strip():
            raise UsageError(
                t("{option} is empty.", option=option), code="closing-words", hint=t("Say who closes it and why.")
            )
    written = []
    for run in runs:
        content = {
            "schema": CLOSING_SCHEMA,
            "change_id": change_folder.name,
            "run_id": run,
            "journal_sha256": _journal_digest(change_folder / run / "journal.jsonl"),
            "by": by.strip(),
            "reason": reason.strip(),
            "at": iso_seconds(clock()),
        }
        path = change_folder / CLOSINGS / f"{run}.json"
        hint = t("Check free space and rights of the records folder, then try again.")
        write_whole(path, whole_text(content), what="closing", code="closing-write", hint=hint)
        written.append(path)
    if not written:
        raise UsageError(
            t("Nothing of the change {change_folder_name} stopped midway.", change_folder_name=change_folder.name),
            code="nothing-to-close",
            hint=t("Only a change that stopped midway, or whose journal is damaged, can be closed."),
        )
    return written


def _journal_digest(path: Path) -> str:
    try:
        return read_plain(path, largest=LARGEST_PLAN).sha256
    except (FileNotFoundError, Unfit) as error:
        why = error.why if isinstance(error, Unfit) else t("it is not there")
        raise Refused(
            t("The journal {path} cannot be closed: {why}.", path=path, why=why),
            code="closing-journal",
            hint=t("Find out who put that there. Bring the journal back from a copy or remove what is in its place."),
            values={"path": str(path)},
        ) from None


def closed_by_hand(change_folder: Path, run: str) -> str:
    """SHA-256 of the journal that a closing of this run names; empty where there is none.

    Raises:
        Refused: ``closing-damaged``: the file is not what ``gwb close`` writes.
    """
    path = change_folder / CLOSINGS / f"{run}.json"
    try:
        found = ClosingFile.model_validate(strict_json(read_plain(path, largest=LARGEST_APPROVAL).data))
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (Unfit, ValidationError) as error:
        why = error.why if isinstance(error, Unfit) else t("it is not what gwb close writes")
        raise _damaged(path, why) from None
    if (found.change_id, found.run_id) != (change_folder.resolve().name, run):
        raise _damaged(
            path,
            t(
                "it was written for {change_id}/{run_id}",
                change_id=printable(found.change_id),
                run_id=printable(found.run_id),
            ),
        )
    return found.journal_sha256


def _damaged(path: Path, why: str) -> Refused:
    return Refused(
        t("{path} is not a closing of this run: {why}.", path=path, why=printable(why, limit=200)),
        code="closing-damaged",
        hint=t("Remove that file, and run gwb close again if the change is to be closed."),
        values={"path": str(path)},
    )
