"""``gwb schedule``: the unit of a scheduled run for cron, systemd or Task Scheduler, shown and not installed."""

from __future__ import annotations

import os
import re
import sys
from datetime import datetime
from pathlib import Path

import click

from runbook_lib.errors import UsageError
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.runner import console


@click.command()
@click.argument("notebook")
@click.option("-f", "--file", "files", multiple=True, required=True, metavar="FILE", help="Parameters file.")
@click.option("--at", required=True, metavar="HH:MM", help="When, on the clock of this machine.")
@click.option("--days", default="daily", show_default=True, metavar="DAYS", help="Mon-Fri, or Sat,Sun.")
@click.option(
    "--kind", type=click.Choice(("cron", "systemd", "task-scheduler")), help="Otherwise what this system has."
)
@click.option("--account", default="gwb-run", show_default=True, help="Account that it runs as.")
@click.option("--name", default="", help="What the unit is called; otherwise gwb- and the notebook.")
@click.option("--write", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Write the files there.")
def schedule(
    notebook: str,
    files: tuple[str, ...],
    at: str,
    days: str,
    kind: str | None,
    account: str,
    name: str,
    folder: Path | None,
) -> None:
    """Show the unit that runs NOTEBOOK at a time of day.

    It is for cron, systemd or Windows Task Scheduler, with the lines that install it; nothing is installed. The account
    needs the secrets that the parameters files name: a service has none of a person's environment.
    """
    from runbook_lib.model.change_window import MalformedWindow, parse_window
    from runbook_lib.parameters.paths import project_root
    from runbook_lib.runner.units import ScheduledRun, cron_files, install_lines, systemd_files, task_files

    try:
        window = parse_window(f"{days} {at}-24:00 UTC")
    except MalformedWindow as error:
        raise _wrong(t("--at or --days {why}.", why=error.why)) from None
    unit = name or f"gwb-{Path(notebook).stem}"
    words = (notebook, *files, account, str(project_root()), sys.prefix)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", unit):
        raise _wrong(t("The name {name} has other characters than letters, digits and hyphens.", name=unit))
    if any(not char.isprintable() for word in words for char in word):
        raise _wrong(t("A name or path holds a character that no unit can hold."))
    if not re.fullmatch(r"[A-Za-z0-9_.@\\$-]+", account):
        raise _wrong(t("The account {account} is not a name of one.", account=account))
    on_windows = os.name == "nt"
    has_systemd = Path("/run/systemd/system").is_dir()
    kind = kind or ("task-scheduler" if on_windows else "systemd" if has_systemd else "cron")
    program = Path(sys.prefix) / ("Scripts/gwb.exe" if on_windows else "bin/gwb")
    arguments = ["run", notebook]
    for file in files:
        arguments += ["-f", str(Path(file).absolute())]
    run = ScheduledRun(
        name=unit,
        folder=str(project_root()),
        program=str(program),
        arguments=(*arguments, "--quiet", "--detailed-exitcode"),
        hour=window.begin // 60,
        minute=window.begin % 60,
        days=window.days,
        account=account,
    )
    made = {
        "cron": lambda: cron_files(run),
        "systemd": lambda: systemd_files(run),
        "task-scheduler": lambda: task_files(run, datetime.now().astimezone().date()),
    }[kind]()
    for file_name, text in made.items():
        console.print_line(t("# {name}", name=file_name))
        for line in text.splitlines():
            console.print_line(verbatim(line))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for file_name, text in made.items():
            (folder / file_name).write_text(text, encoding="utf-8", newline="\n")
    console.print_line(t("Nothing is installed. Read it, write it with --write DIR, then in that folder:"))
    for line in install_lines(kind, run):
        console.print_line(verbatim(line))


def _wrong(text: Text) -> UsageError:
    return UsageError(text, code="schedule", hint=t("gwb schedule --help shows what is taken."))
