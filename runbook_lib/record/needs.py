"""Which notebook is meant and what it cannot do without, said before anything is read; which records can be undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.change.journal import journals_of
from runbook_lib.change.journal_check import done_by
from runbook_lib.errors import Refused, RunbookError, UsageError
from runbook_lib.files import JOURNAL, RECORD
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, counted, joined, t, verbatim
from runbook_lib.model.untrusted import printable, typed
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.validate import require_group_type
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.mappings import mapping_in
from runbook_lib.routes.cloud_sync.desired import require_fit
from runbook_lib.routes.connect_sync.planning import require_connect_fit
from runbook_lib.routes.direct.selection import require_selection
from runbook_lib.routes.registry import ROUTES
from runbook_lib.strict_file import LARGEST_PLAN, read_plain

LISTED = 10
"""Records that a message lists; records/index.html has all."""


@dataclass(frozen=True, slots=True)
class Undoable:
    """A sealed run that finished a change and wrote something.

    Attributes:
        record: Its folder.
        started: ISO 8601, UTC.
        operation: ``enable``, ``disable`` or ``undo``.
        groups: How many groups its plan touched.
        outcome: As record.json says it.
        reason: Why the change was made, as its run was told; may be empty.
    """

    record: Path
    started: str
    operation: str
    groups: int
    outcome: str
    reason: str = ""

    @property
    def _minute(self) -> str:
        return self.started[:16].replace("T", " ")

    @property
    def said(self) -> Text:
        """What the record is, for a list of them: when, what it did to how many groups, for which change and why."""
        change = self.record.parent.name
        return t(
            "{time} UTC: {operation}, {groups}, {outcome}; {change}",
            time=self._minute,
            operation=self.operation,
            groups=counted(self.groups, "group"),
            outcome=self.outcome,
            change=joined((verbatim(change), verbatim(printable(self.reason, limit=60))), ": "),
        )

    @property
    def line(self) -> str:
        """The line for the parameters file, and what the record is, as a comment."""
        noun = "group" if self.groups == 1 else "groups"
        path = json.dumps(self.record.as_posix(), ensure_ascii=False)
        return f"undo_record: {path}  # {self._minute} UTC, {self.operation}, {self.groups} {noun}, {self.outcome}"


def undoable(records: Path) -> list[Undoable]:
    """Every record below ``records`` that can be undone, newest first; what cannot be read is none."""
    folders = [path for path in records.iterdir() if path.is_dir()] if records.is_dir() else []
    found = [item for folder in folders for item in _of_change(folder)]
    return sorted(found, key=lambda item: (item.started, item.record.name), reverse=True)


def require_undoable(parameters: Parameters) -> None:
    """Insist that ``undo_record`` names a record that can be undone, and list those that can.

    Args:
        parameters: With absolute paths.

    Raises:
        UsageError: It is missing, no record, the folder of a change, or not sealed.
        Refused: It wrote nothing (``nothing-was-written``) or is not finished (``change-open``).
    """
    records = Path(parameters.records_dir)
    if not parameters.undo_record:
        raise _with_choices(
            UsageError(t("The parameter undo_record is not given: which change is to be undone?"), code="undo-missing"),
            undoable(records),
            records,
        )
    record = Path(parameters.undo_record)
    try:
        _require_record(record)
        done_by(record, ROUTES)
    except (UsageError, Refused) as error:
        here = record if error.code == "undo-is-a-change" else records
        raise _with_choices(error, _of_change(record) if here == record else undoable(records), here) from None


def _of_change(folder: Path) -> list[Undoable]:
    try:
        return list(_finished(folder))
    except (RunbookError, OSError, ValueError, KeyError, TypeError):
        return []  # A damaged neighbour must not hide the others; gwb verify-record says what is wrong with it.


def _finished(folder: Path) -> Iterator[Undoable]:
    for journal in journals_of(folder, ROUTES):
        if not (journal.closed and journal.effects and RecordFolder(journal.run).sealed):
            continue
        facts: dict[str, Any] = json.loads(read_plain(journal.run / RECORD, largest=LARGEST_PLAN).data)
        plan = facts["plan"]
        yield Undoable(
            journal.run,
            str(facts["started"]),
            str(plan["operation"]),
            int(plan["groups"]),
            str(facts["outcome"]),
            str(mapping_in(facts.get("parameters")).get("reason") or ""),
        )


def _require_record(record: Path) -> None:
    if not record.is_dir():
        raise UsageError(
            t("undo_record names {record}, and there is no such folder.", record=record), code="undo-not-found"
        )
    if not (record / RECORD).is_file():
        if any(record.glob(f"*/{RECORD}")):
            text = t("undo_record names {record}, which is the folder of a change, not one of its runs.", record=record)
            raise UsageError(text, code="undo-is-a-change")
        raise UsageError(
            t(
                "undo_record names {record}, which holds no {file_name}: it is no record.",
                record=record,
                file_name=RECORD,
            ),
            code="undo-no-record",
        )
    if not RecordFolder(record).sealed and (record / JOURNAL).is_file():
        raise UsageError(
            t("The record {record} is not sealed, so nothing shows whether it is what the run left.", record=record),
            code="undo-not-sealed",
            hint=t("Seal it first, with the notebook that ran (gwb seal {record} NOTEBOOK).", record=typed(record)),
        )


def _with_choices(error: RunbookError, found: list[Undoable], where: Path) -> RunbookError:
    """The same error with the records that can be undone."""
    lines = [item.line for item in found[:LISTED]]
    if len(found) > LISTED:
        lines.append(t("and {number} older ones; records/index.html lists every run", number=len(found) - LISTED))
    choices = (
        t("Put one of these lines into the parameters file (newest first).")
        if lines
        else t(
            "No record in {where} can be undone: none of its runs has written something, is finished and sealed.",
            where=where,
        )
    )
    kind: type[RunbookError] = Refused if isinstance(error, Refused) else UsageError
    return kind(
        error.message,
        code=error.code,
        # A hint that ends with a command stands last, and a list of lines follows what introduces it.
        hint=joined((error.hint, choices) if lines else (choices, error.hint)),
        values={**error.values, "choices": lines},
    )


ENABLE, DISABLE, UNDO = "30-enable-writeback", "40-disable-writeback", "60-undo-change"


def require_needs(notebook: str, parameters: Parameters) -> None:
    """Insist on the parameters that this notebook alone needs; a notebook of another name needs none.

    Args:
        notebook: Its name without ending.
        parameters: With absolute paths.

    Raises:
        UsageError: What the groups are for is not said, or a mapping expression is not well formed (30); no record is
            named that can be undone (60).
        Refused: The notebook does not carry out the route (40, 60), no group is selected (30, but where all that differ
            are meant), none is named to be disabled (40), nothing was written (60).
    """
    direct = parameters.route == Route.DIRECT.value
    if parameters.route == Route.CONNECT_SYNC.value:
        _require_connect_needs(notebook, parameters)
        return
    if notebook == ENABLE:
        if direct:
            require_group_type(parameters)
        else:
            require_fit(parameters)
        if direct or parameters.cloud_sync_enable == "scope":
            require_selection(parameters.select_ids, parameters.select_names, "select")
    elif notebook == DISABLE:
        if direct or parameters.cloud_sync_disable in ("scope", "move", "roll-back"):
            require_selection(parameters.disable_ids, parameters.disable_names, "disable")
    elif notebook == UNDO:
        require_undoable(parameters)


def _require_connect_needs(notebook: str, parameters: Parameters) -> None:
    if notebook == ENABLE:
        require_connect_fit(parameters)
    elif notebook == UNDO:
        require_undoable(parameters)


def find_notebook(text: str, project_root: Path) -> Path:
    """The notebook that ``text`` names: a path, or the bare name of one in ``notebooks/``.

    Raises:
        UsageError: Code ``notebook-missing``, naming the notebooks there are.
    """
    folder = project_root / "notebooks"
    given = Path(text)
    candidates = [given, project_root / given]
    if given.name == text:
        candidates += [folder / text, folder / f"{text}.ipynb"]
    for candidate in candidates:
        if candidate.suffix == ".ipynb" and candidate.is_file():
            return candidate.resolve()
    known = sorted(path.stem for path in folder.glob("*.ipynb")) if folder.is_dir() else []
    raise UsageError(
        t("There is no notebook {text!r}.", text=text[:200]),
        code="notebook-missing",
        hint=t("Name one of: {known}.", known=", ".join(known)) if known else t("Name the path of an .ipynb file."),
        values={"notebook": text[:200], "known": known},
    )
