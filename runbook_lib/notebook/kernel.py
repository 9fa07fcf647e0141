"""Errors of cells become the run's verdict, also when nobody looks at the kernel any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.getipython import get_ipython

from runbook_lib.errors import RunbookError
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.untrusted import printable
from runbook_lib.notebook.face import show_mark
from runbook_lib.record.cells import mark_of
from runbook_lib.record.folder import RecordFolder


def watch_opening() -> None:
    """Say what an error means that ends a cell before there is a run; a run of this kernel that is watched stays so."""
    shell: Any = get_ipython()
    if shell is None or any(getattr(one, "watches_runs", False) for one in shell.events.callbacks["post_run_cell"]):
        return
    _watch(shell, {}, lambda _: None)


def watch_cells(folder: RecordFolder, on_error: Callable[[BaseException], None]) -> None:
    """Mark a cell of this kernel that ends with an error as one of this run, and tell ``on_error``.

    Replaces the watch of an earlier run.
    """
    shell: Any = get_ipython()
    if shell is not None:
        _watch(shell, mark_of(folder), on_error)


def _watch(shell: Any, mark: Mapping[str, str], on_error: Callable[[BaseException], None]) -> None:
    # Minimal: a traceback must never show argument values, which may be secrets.
    shell.InteractiveTB.set_mode("Minimal")
    for callback in list(shell.events.callbacks["post_run_cell"]):
        if getattr(callback, "watches_runs", False):
            shell.events.unregister("post_run_cell", callback)

    def after_cell(result: Any) -> None:
        error = result.error_in_exec or result.error_before_exec
        if error is None:
            return
        # What an error means is told as data: its text is not ours alone, and anybody's class may have our titles.
        show_mark({**mark, **meaning_of(error)})
        on_error(error)

    after_cell.watches_runs = True  # type: ignore[attr-defined]
    shell.events.register("post_run_cell", after_cell)


def outcome_of(error: BaseException) -> Outcome:
    """The outcome that an error in a cell means."""
    if isinstance(error, RunbookError):
        return error.outcome
    return Outcome.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Outcome.BUG


def meaning_of(error: BaseException) -> dict[str, str]:
    """What the mark of a cell says about the error that ended it."""
    if not isinstance(error, RunbookError):
        return {"outcome": outcome_of(error).value}
    return {
        "outcome": error.outcome.value,
        "code": error.code,
        "message": printable(error.message),
        "hint": printable(error.hint),
    }
