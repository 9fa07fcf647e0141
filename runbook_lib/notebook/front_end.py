"""What a cell shows to whoever is in front of it: static HTML, progress, a sign-in, and what its error means.

HTML stays in the executed notebook. A device code stands in a display that is replaced as soon as sign-in has ended,
however it ended, so that no saved notebook and no record keeps it. Under ``gwb run`` it goes to the terminal alone.
Where neither is read by anybody there is no prompt, and sign-in says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from IPython.core.getipython import get_ipython
from IPython.display import display

from runbook_lib.errors import AwaitingApproval, RunbookError
from runbook_lib.files import RUN_MIME
from runbook_lib.graph.sign_in.device_code import DeviceCode, SignInPrompt
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.notebook.lab import StoppedHere
from runbook_lib.record.cells import run_mark_of
from runbook_lib.record.folder import RecordFolder
from runbook_lib.shown.html import View, line_html
from runbook_lib.shown.pace import Pace
from runbook_lib.shown.sign_in import NOTICE_TYPE, NOTICES_VARIABLE, sign_in_code_html, sign_in_text

_SECONDS_BETWEEN_UPDATES = 0.25
_NOTHING_SHOWN = {"text/html": "", "text/plain": ""}


def show(view: View, mark: Mapping[str, str]) -> None:
    """Show HTML with a plain text for terminals and the mark of its run; nothing outside IPython."""
    if get_ipython() is not None:
        data = {"text/html": str(view.html), "text/plain": printable(view.text), RUN_MIME: dict(mark)}
        display(data, raw=True)  # type: ignore[no-untyped-call]


def show_mark(mark: Mapping[str, str]) -> None:
    """Mark a cell that ended with an error as one of this run; people see nothing of it."""
    if get_ipython() is not None:
        display({"text/plain": "", RUN_MIME: dict(mark)}, raw=True)  # type: ignore[no-untyped-call]


def show_widget(widget: Any) -> None:
    """Show a widget for people in front of JupyterLab; nothing outside IPython. It is missing from every record."""
    if get_ipython() is not None:
        display(widget)  # type: ignore[no-untyped-call]


class TextLine(Protocol):
    """Where a form says in static text what became of it; a ``ProgressLine`` in a notebook."""

    def show(self, text: Text) -> None:
        """Replace what was said before."""


class TopLine:
    """A place at the top of a notebook in JupyterLab, which later cells of the run write to.

    *Run All* leaves a reader at the end of the notebook or at its beginning; where it stopped is said here.
    """

    def __init__(self) -> None:
        self._handle: Any = None
        self._empty = True

    def open(self) -> None:
        """Take the place, in the output of the cell that runs now."""
        if get_ipython() is not None:
            self._handle = display(_NOTHING_SHOWN, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def show(self, view: View) -> None:
        """Say this in the place of what was said before; nothing where no place was taken."""
        if self._handle is not None:
            self._empty = False
            self._handle.update({"text/html": str(view.html), "text/plain": printable(view.text)}, raw=True)

    def clear(self) -> None:
        """Say nothing any more."""
        if self._handle is not None and not self._empty:
            self._empty = True
            self._handle.update(_NOTHING_SHOWN, raw=True)


class ProgressLine:
    """One line of progress. Its last text stays in the record, so it ends with what was reached."""

    def __init__(self, title: Text) -> None:
        self._title = title
        self._handle: Any = None
        self._shown_at = 0.0
        self._pace = Pace()

    def __call__(self, what: Text, done: int, total: int | None) -> None:
        """Report ``done`` of ``total`` (None: unknown) of ``what``; how fast, and how long the rest will take."""
        now = time.monotonic()
        text = self._pace.text(what, done, total, now)
        if done != total and now - self._shown_at < _SECONDS_BETWEEN_UPDATES:
            return
        self._shown_at = now
        self.show(text)

    def show(self, text: Text) -> None:
        """Show this text now."""
        if get_ipython() is None:
            return
        line = t("{title}: {text}", title=self._title, text=text)
        data = {"text/html": str(line_html(line)), "text/plain": printable(line)}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(data, raw=True)


def watch_opening(*, in_front: bool) -> None:
    """Say what an error means that ends a cell before there is a run; a run of this kernel that is watched stays so.

    Where a person sits in front of it (``in_front``), JupyterLab brings them to that cell.
    """
    shell: Any = get_ipython()
    if shell is None or any(getattr(one, "watches_runs", False) for one in shell.events.callbacks["post_run_cell"]):
        return
    _watch(shell, {}, lambda _: None, in_front=in_front)


def watch_cells(folder: RecordFolder, on_error: Callable[[BaseException], None], *, in_front: bool) -> None:
    """Mark a cell of this kernel that ends with an error as one of this run, and tell ``on_error``.

    Replaces the watch of an earlier run. Where a person sits in front of it (``in_front``), JupyterLab brings them to
    that cell: *Run All* stops there, and leaves them at the last one.
    """
    shell: Any = get_ipython()
    if shell is not None:
        _watch(shell, run_mark_of(folder), on_error, in_front=in_front)


def _watch(shell: Any, mark: Mapping[str, str], on_error: Callable[[BaseException], None], *, in_front: bool) -> None:
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
        if in_front and not isinstance(error, AwaitingApproval):  # the gate's form brings people to itself
            show_widget(StoppedHere().widget)
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


def prompt_for(environment: Mapping[str, str], *, interactive: bool) -> SignInPrompt | None:
    """How a code is shown in this kernel; None where nobody would see it."""
    if interactive:
        return NotebookPrompt()
    return TerminalNotice() if environment.get(NOTICES_VARIABLE) else None


class NotebookPrompt:
    """Shows the code in the cell's output until sign-in has ended."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, code: DeviceCode) -> None:
        """Code and address, large enough to type from."""
        data = {"text/html": str(sign_in_code_html(code)), "text/plain": printable(sign_in_text(code))}
        # First the place, then the code: an interrupt in between must not leave a code that nothing replaces.
        self._handle = display({"text/plain": t("Sign-in")}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._handle.update(data, raw=True)

    def close(self, text: str) -> None:
        """How it ended, in the place where the code was."""
        data = {"text/html": str(line_html(text)), "text/plain": printable(text)}
        if self._handle is not None:
            self._handle.update(data, raw=True)
            self._handle = None


class TerminalNotice:
    """Sends the code to the terminal that ``gwb run`` runs in; the notebook only keeps how it ended."""

    def show(self, code: DeviceCode) -> None:
        """What to do, as a notice."""
        display({NOTICE_TYPE: {"text": sign_in_text(code)}}, raw=True)  # type: ignore[no-untyped-call]

    def close(self, text: str) -> None:
        """How it ended, to both."""
        display({NOTICE_TYPE: {"text": text}}, raw=True)  # type: ignore[no-untyped-call]
        title, _, rest = text.partition(": ")
        ProgressLine(verbatim(title)).show(verbatim(rest))
