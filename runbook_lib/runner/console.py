"""What commands print: lines, progress, errors; streams that may be closed are no reason to break off."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import click

from runbook_lib.errors import AwaitingApproval, RunbookError
from runbook_lib.model.finding import Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import NOTHING, Text, and_more, joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.runner.kernel.execution import CellStep
from runbook_lib.shown.layout import cut
from runbook_lib.shown.pace import Pace

_GONE = (errno.EPIPE, errno.EINVAL) if sys.platform == "win32" else (errno.EPIPE,)
"""What the system says of a pipe that nobody reads."""


class _Leaving(io.FileIO):
    """A descriptor that becomes the null device when its reader has gone."""

    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            if error.errno not in _GONE:
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(memoryview(data).cast("B"))  # type: ignore[arg-type]


def lenient_output() -> None:
    """Make both streams such that writing to them does not fail for want of a character or of a reader."""
    sys.stdout, sys.stderr = _lenient(sys.stdout), _lenient(sys.stderr)


def _lenient(stream: TextIO) -> TextIO:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is None:
        return stream
    reconfigure(errors="backslashreplace")
    try:
        descriptor = stream.fileno()
        # A console has no reader that leaves, and Windows wants its own kind of file there.
        if stream.isatty() or isinstance(getattr(getattr(stream, "buffer", None), "raw", None), _Leaving):
            return stream
    except (OSError, ValueError):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Leaving(descriptor, "w", closefd=False)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=getattr(stream, "line_buffering", False),
    )


_COLOURS = {Severity.BLOCKING: "red", Severity.UNKNOWN: "magenta", Severity.WARNING: "yellow", Severity.INFO: "blue"}


@contextmanager
def told_at_interrupt(how_far: Callable[[], Text]) -> Iterator[None]:
    """Where Ctrl-C ends the block, say what was and what was not done, and end the command.

    Raises:
        Exit: The command is over, with the exit code of what was interrupted (click's own way to say so).
    """
    try:
        yield
    except KeyboardInterrupt:
        warn(how_far())
        raise click.exceptions.Exit(Outcome.INTERRUPTED.exit_code) from None


def print_line(text: Text, severity: Severity | None = None, *, coloured: bool = False) -> None:
    """One line on standard output; with a severity, which its text names too, in that one's colour."""
    shown = printable(text)
    if coloured and severity is not None:
        # click would take colours away from what is no terminal; whether they are wanted is decided already.
        click.echo(click.style(shown, fg=_COLOURS[severity], bold=severity is Severity.BLOCKING), color=True)
    else:
        click.echo(shown)


def table_row(cells: Sequence[str], widths: Sequence[int]) -> Text:
    """A row of a table, each cell as wide as its column."""
    return verbatim("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def warn(text: Text) -> None:
    """One line on standard error."""
    click.echo(printable(text), err=True)


_MOST_NOTES = 20
"""Sentences about what may be a mistake that are shown."""


def show_notes(notes: Sequence[Text]) -> None:
    """What may be a mistake, a line each on standard error."""
    for note in notes[:_MOST_NOTES]:
        warn(t("Note: {note}", note=note))
    if len(notes) > _MOST_NOTES:
        warn(t("  {text}", text=and_more(len(notes) - _MOST_NOTES)))


def show_error(error: RunbookError) -> None:
    """An error in one or two lines; several problems in the parameters get a line each."""
    problems = error.values.get("problems")
    if isinstance(problems, list) and len(problems) > 1:
        more = error.values.get("more")
        more = more if isinstance(more, int) else 0
        warn(
            t(
                "{outcome}: {number:,} things are wrong in the parameters.",
                outcome=error.outcome.title,
                number=len(problems) + more,
            )
        )
        for problem in problems:
            text = joined((problem["text"], problem["hint"]))
            warn(
                t("  {where}: {text}", where=problem["where"], text=text)
                if problem["where"]
                else t("  {text}", text=text)
            )
        if more:
            warn(t("  {text}", text=and_more(more)))
        return
    warn(t("{outcome}: {message}", outcome=error.outcome.title, message=error.message))
    if error.hint:
        warn(t("What to do: {hint}", hint=error.hint))
    for line in error.choices:
        warn(t("  {text}", text=line))


def show_defect(error: BaseException) -> None:
    """An unexpected error: a short message and the file with its traceback, from which secrets are gone."""
    from runbook_lib.secrets.redact import Redactor, variable_secrets

    text = Redactor(variable_secrets(os.environ)).text("".join(traceback.format_exception(error)), "traceback")
    warn(t("This is a defect of the runbook: an unexpected {error_type}.", error_type=type(error).__name__))
    try:
        handle, name = tempfile.mkstemp(prefix="gwb-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError:
        return
    warn(t("Please report it with the file {file}", file=name))


def shown_path(path: Path) -> str:
    """A path as short as it can be said from the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


class CellProgress:
    """Which cell runs: one line that is overwritten on a terminal, plain lines elsewhere, nothing when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._pending = False
        self._cell = NOTHING

    def __call__(self, step: CellStep) -> None:
        """Show a step."""
        if self._quiet:
            return
        text = t("  cell {number} of {total}", number=step.number, total=step.total)
        if step.heading:
            text = t("{cell}: {heading}", cell=text, heading=printable(step.heading, limit=80))
        self._cell = text
        if not self._terminal:
            click.echo(text, err=True)
            return
        self._overwrite(text)

    def detail(self, text: Text) -> None:
        """Show what goes on within the step; on a terminal alone, where it is overwritten by what comes next."""
        if self._terminal and not self._quiet:
            said = printable(text)
            self._overwrite(t("{cell}, {said}", cell=self._cell, said=said) if self._cell else said)

    def _overwrite(self, text: str) -> None:
        width = max(shutil.get_terminal_size().columns - 1, 20)
        click.echo(f"\r{cut(text, width)}", nl=False, err=True)
        self._pending = True

    def notice(self, text: Text) -> None:
        """Something that the person at the terminal has to do now; shown also when quiet."""
        self.close()
        warn(text)

    @property
    def notices(self) -> Callable[[Text], None] | None:
        """``notice`` if a person can read it: nobody types a code that went to a log."""
        return self.notice if self._terminal else None

    def close(self) -> None:
        """Take the overwritten line away."""
        if self._pending:
            width = max(shutil.get_terminal_size().columns - 1, 20)
            click.echo(f"\r{'':<{width}}\r", nl=False, err=True)
            self._pending = False


class Status:
    """What goes on now: one line on standard error, overwritten on a terminal; nothing elsewhere or when quiet."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._shown = not quiet and sys.stderr.isatty()
        self._pace = Pace()

    def show(self, text: str) -> None:
        """Show this instead of what was shown before."""
        self._write(f"{printable(text)} …")

    def __call__(self, what: Text, done: int, total: int | None) -> None:
        """Show how much of ``what`` is done, how fast it goes and how long the rest will take (a ``Progress``)."""
        self.show(self._pace.text(what, done, total, time.monotonic()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("")
        if self._shown:
            click.echo("\r", nl=False, err=True)

    def _write(self, text: str) -> None:
        if self._shown:
            width = max(shutil.get_terminal_size().columns - 1, 20)
            click.echo(f"\r{cut(text, width)}", nl=False, err=True)


def typed_phrase(lines: Sequence[Text], expected: str) -> str:
    """Show what would be approved and ask for its phrase.

    Raises:
        AwaitingApproval: Nobody is there to type it.
    """
    for line in lines:
        print_line(line)
    if not sys.stdin.isatty():
        raise AwaitingApproval(
            t("Nothing is approved yet."),
            code="phrase-missing",
            hint=t('Read the plan, then add: --phrase "{expected}"', expected=expected),
            values={"phrase": expected},
        )
    print_line(t("To approve, type: {expected}", expected=expected))
    return str(click.prompt(t("Phrase"), prompt_suffix=": ", default="", show_default=False))
