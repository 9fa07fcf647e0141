"""``gwb init``: from nothing to the two parameters files of one's own tenant, question by question."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.model.text import Text, and_more, joined, t, verbatim
from runbook_lib.model.untrusted import typed
from runbook_lib.runner import console
from runbook_lib.runner.commands.check import check
from runbook_lib.runner.options import TakesParameters, overrides_of, parameter_option

if TYPE_CHECKING:
    from runbook_lib.setup.dialog import SetupDialog
    from runbook_lib.setup.questions import SetupQuestion, ToShow

_MOST_OFFERED = 12
"""Answers of a list that are shown at once; a typed word makes it shorter."""


@click.command("init", cls=TakesParameters)
@click.argument("folder", required=False, default="my-tenant", type=click.Path(path_type=Path, file_okay=False))
@parameter_option()
@click.option(
    "--answers", type=click.Path(path_type=Path), metavar="FILE", help="Take all answers from this file; ask nothing."
)
@click.option("--overwrite", is_flag=True, help="With --answers: replace parameters files that are there and differ.")
@click.pass_context
def init(
    ctx: click.Context, folder: Path, given: Sequence[tuple[str, str]], answers: Path | None, overwrite: bool
) -> int:
    """Set up for your own tenant, question by question.

    FOLDER, my-tenant unless named, gets environment.yaml (once per tenant), change.yaml (one change), the app's key and
    what else belongs to them. Every answer is checked when it is given and kept, so that it can be stopped at any time;
    the next time it is the default. What -p gives is not asked for. Nothing is written to the tenant or to AD. Where
    the pre-flight was run, the exit code is that of gwb check.
    """
    from runbook_lib.parameters.load import load_parameters
    from runbook_lib.parameters.paths import project_root, resolve
    from runbook_lib.setup.dialog import answered
    from runbook_lib.setup.files import read_answers
    from runbook_lib.setup.session import SetupSession
    from runbook_lib.setup.steps import SETUP_STEPS

    root = project_root()
    told = load_parameters([], overrides_of(given), project_root=root).given
    if answers is None and not _is_terminal():
        raise UsageError(
            t("Nobody is here to answer: this is no terminal."),
            code="no-terminal",
            hint=t("Run gwb init in a terminal, or give every answer in a file: gwb init --answers FILE."),
        )
    written = None if answers is None else read_answers(answers)
    session = SetupSession(
        resolve(str(folder), root),
        root,
        SETUP_STEPS,
        given=told,
        environment=os.environ,
        clock=lambda: datetime.now(UTC),
        resume=written is None,
    )
    try:
        if written is None:
            _converse(session.dialog)
            overwrite = _may_replace(session.differing)
        else:
            for question, shown in answered(session.dialog, written):
                console.print_line(t("{title}: answered", title=question.title))
                _show(shown)
        files = session.write(replace=overwrite)
    finally:
        session.close()
    for path in files:
        console.print_line(t("Written: {path}", path=console.shown_path(path)))
    return _pre_flight(ctx, session.dialog, files)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _converse(dialog: SetupDialog) -> None:
    """Ask a person, until everything is answered."""
    console.print_line(t("Enter takes what stands in brackets. Ctrl-C stops; answers are kept for the next time."))
    while (question := dialog.question) is not None:
        behind, steps = dialog.done
        console.print_line(verbatim(""))
        console.print_line(t("[{number}/{steps}] {title}", number=behind + 1, steps=steps, title=question.title))
        if question.explanation:
            console.print_line(t("  {text}", text=question.explanation))
        text = _ask(question)
        try:
            with console.Status(quiet=False) as status:
                status.show(t("Checking"))
                shown = dialog.answer(text)
            _show(shown)
        except RunbookError as error:
            console.show_error(error)


def _ask(question: SetupQuestion) -> str:
    """What a person answers; numbers and words of a list are what they stand for."""
    from runbook_lib.setup.dialog import matching

    values = [one.value for one in question.offered]
    titles = {one.value: joined((one.value, one.title), "  ") for one in question.offered}
    shown = values
    while True:
        _list(shown, titles)
        text = str(
            click.prompt(
                t("Answer"),
                default=question.default,
                show_default=bool(question.default),
                hide_input=question.secret,
                prompt_suffix=": ",
            )
        )
        if question.secret or not values or text.strip() in ("", question.default, *values):
            return text
        if text.strip().isdecimal() and 1 <= int(text) <= min(len(shown), _MOST_OFFERED):
            return shown[int(text) - 1]
        found = matching(values, text)
        if not found or "=" in text:
            return text
        shown = found


def _list(values: Sequence[str], titles: Mapping[str, Text]) -> None:
    for number, value in enumerate(values[:_MOST_OFFERED], 1):
        console.print_line(t("  {number}  {title}", number=number, title=titles[value]))
    if len(values) > _MOST_OFFERED:
        console.print_line(t("  {text}", text=and_more(len(values) - _MOST_OFFERED)))
        console.print_line(t("  Type a part of the name to see those that hold it."))


def _show(shown: Sequence[ToShow]) -> None:
    for one in shown:
        if isinstance(one, Text):
            console.print_line(t("  {text}", text=one))
        else:
            console.print_line(t("  {title}:", title=one.title))
            for line in one.lines.splitlines():
                console.print_line(t("    {line}", line=verbatim(line)))


def _may_replace(differing: Sequence[Path]) -> bool:
    """Whether files that differ may be replaced; True where there are none."""
    names = ", ".join(console.shown_path(path) for path in differing)
    return not differing or click.confirm(t("Replace {names}?", names=names), default=False)


def _pre_flight(ctx: click.Context, dialog: SetupDialog, files: Sequence[Path]) -> int:
    named = " ".join(f"-f {typed(console.shown_path(path))}" for path in files)
    if not dialog.state.pre_flight:
        console.print_line(t("Next: gwb check {files}", files=named))
        return 0
    console.print_line(t("Pre-flight: gwb check {files}", files=named))
    code = ctx.invoke(check, files=tuple(files))
    console.print_line(t("Next: gwb run 20-inventory-groups {files}", files=named))
    return int(code)
