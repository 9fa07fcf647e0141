"""``gwb run``: a notebook without anybody in front of it, its record sealed at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from runbook_lib.model.duration import duration_text
from runbook_lib.model.outcome import NOTHING_TO_DO_DETAILED, Outcome
from runbook_lib.model.text import t
from runbook_lib.runner import console
from runbook_lib.runner.chosen_record import chosen_undo
from runbook_lib.runner.options import (
    USUAL_TIME_LIMIT,
    TakesParameters,
    TimeLimit,
    files_option,
    overrides_of,
    parameter_option,
)

if TYPE_CHECKING:
    from runbook_lib.runner.run import RunResult


def _notebooks(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the project's notebooks, and files."""
    from runbook_lib.parameters.paths import project_root

    names = sorted(path.stem for path in (project_root() / "notebooks").glob("*.ipynb"))
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


@click.command(cls=TakesParameters)
@click.argument("notebook", shell_complete=_notebooks)
@files_option()
@parameter_option()
@click.option(
    "--records",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the records; default: records_dir.",
)
@click.option(
    "--timeout",
    type=TimeLimit(),
    default=USUAL_TIME_LIMIT,
    show_default=True,
    help="Stop the run after this time: seconds, or for example 30m, 4h.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit code 3 instead of 0 when there was nothing to do.")
@click.option("--quiet", is_flag=True, help="No progress, only the last line.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON instead of the last line.")
def run(
    notebook: str,
    files: Sequence[Path],
    given: Sequence[tuple[str, str]],
    records: Path | None,
    timeout: float,
    detailed_exitcode: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Run NOTEBOOK headless and seal its record.

    NOTEBOOK is a path, or the bare name of one in notebooks/, for example 20-inventory-groups. The exit code says how
    it ended: 0 done or nothing to do, 2 usage error, 4 awaiting approval, 5 refused or drift found, 6 stopped midway,
    7 verification failed, 8 no access, 9 failed before any write, 10 waiting for another system, 11 waiting for its
    change window, 70 a defect, 130 interrupted.
    """
    overrides = overrides_of(given)
    progress = console.CellProgress(quiet=quiet)
    result = run_with_progress(notebook, files, overrides, records=records, timeout=timeout, progress=progress)
    if as_json:
        click.echo(json.dumps(result_json(result), ensure_ascii=True, sort_keys=True))
    else:
        show_result(result)
    if detailed_exitcode and result.outcome is Outcome.NOTHING_TO_DO:
        return NOTHING_TO_DO_DETAILED
    return result.exit_code


def result_json(result: RunResult) -> dict[str, object]:
    """How a run ended, for programs."""
    return {
        "outcome": result.outcome.value,
        "exit_code": result.exit_code,
        "title": result.title,
        "code": result.code,
        "message": result.message,
        "hint": result.hint,
        "record": str(result.record) if result.record else None,
        "sealed": result.sealed,
        "changes_done": result.changes_done,
        "seconds": round(result.seconds, 3),
    }


def show_result(result: RunResult) -> None:
    """The last line of a run; and, where it did not end as asked, why and what to do."""
    done = result.changes_done
    console.print_line(
        t(
            "{ending}: {changes}, {duration}, record {record}",
            ending=result.title,
            changes=t("1 change") if done == 1 else t("{done} changes", done=done),
            duration=duration_text(result.seconds),
            record=console.shown_path(result.record) if result.record else t("none"),
        )
    )
    if result.message:
        console.warn(result.message)
    if result.hint:
        console.warn(t("What to do: {hint}", hint=result.hint))


def run_with_progress(
    notebook: str,
    files: Sequence[Path],
    overrides: dict[str, str],
    *,
    progress: console.CellProgress,
    records: Path | None = None,
    timeout: float | None = None,
) -> RunResult:
    """What ``gwb run`` does before it shows the result. ``progress`` is closed at the end; ``timeout`` in seconds."""
    from dataclasses import replace
    from datetime import timedelta

    from runbook_lib.parameters.check import notes
    from runbook_lib.parameters.load import load_parameters
    from runbook_lib.parameters.paths import absolute_paths, project_root
    from runbook_lib.parameters.validate import require
    from runbook_lib.record.needs import UNDO, find_notebook, require_needs

    root = project_root()
    found = find_notebook(notebook, root)
    # Bad parameters are told before the seconds that importing papermill takes.
    if records is not None:
        overrides = {**overrides, "records_dir": str(records.absolute())}
    loaded = load_parameters(files, overrides, project_root=root)
    parameters = loaded.parameters
    require(parameters, "change_id")
    console.show_notes((*loaded.notes, *notes(parameters, root)))
    complete = absolute_paths(parameters, root)
    if found.stem == UNDO and not complete.undo_record and (chosen := chosen_undo(Path(complete.records_dir))):
        told = {"undo_record": str(chosen)}
        complete, parameters = complete.model_copy(update=told), parameters.model_copy(update=told)
        sources = {**loaded.sources, "undo_record": t("command line")}
        loaded = replace(loaded, parameters=parameters, given={**loaded.given, **told}, sources=sources)
    require_needs(found.stem, complete)

    from runbook_lib.runner.run import run_notebook

    try:
        return run_notebook(
            found,
            loaded,
            project_root=root,
            environment=os.environ,
            clock=lambda: datetime.now(UTC),
            progress=progress,
            detail=progress.detail,
            notice=progress.notices,
            time_limit=timedelta(seconds=timeout) if timeout else None,
        )
    finally:
        progress.close()
