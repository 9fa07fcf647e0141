"""Which rehearsal a command means, and the running one of that name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from rehearsal.folder import RehearsalFolder
from rehearsal.process import RunningRehearsal, find_rehearsal
from runbook_lib.errors import UsageError
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.paths import project_root

FOLDER_NAME = ".rehearsal"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")

_Command = TypeVar("_Command", bound=Callable[..., None])


def where_options(command: _Command) -> _Command:
    """Options that every command has: which rehearsal, and where its files lie."""
    command = click.option(
        "--directory-folder",
        type=click.Path(path_type=Path, file_okay=False),
        help=f"Folder that holds the rehearsals. Default: {FOLDER_NAME} in the project.",
    )(command)
    return click.option("--name", default="default", show_default=True, help="Name of the rehearsal.")(command)


def folder_of(name: str, directory_folder: Path | None) -> Path:
    """Folder of a rehearsal, there or not.

    Raises:
        UsageError: Code ``rehearsal-name``.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            t("{name!r} cannot name a rehearsal.", name=printable(name)),
            code="rehearsal-name",
            hint=t("Use up to 40 letters, digits, hyphens and underscores."),
        )
    return (directory_folder or project_root() / FOLDER_NAME).absolute() / name


def running_rehearsal(name: str, directory_folder: Path | None) -> RunningRehearsal:
    """The rehearsal of that name.

    Raises:
        UsageError: Code ``rehearsal-not-running`` or ``rehearsal-name``.
    """
    folder = folder_of(name, directory_folder)
    running = find_rehearsal(folder)
    if running is not None:
        return running
    others = sorted(path.name for path in folder.parent.glob("*") if RehearsalFolder(path).state.is_file())
    others = [other for other in others if find_rehearsal(folder.parent / other) is not None]
    raise UsageError(
        t("No rehearsal called {name} is running.", name=name),
        code="rehearsal-not-running",
        hint=t("Running: {others}.", others=", ".join(others)) if others else t("Start one with: gwb rehearsal start"),
        values={"name": name, "running": others},
    )
