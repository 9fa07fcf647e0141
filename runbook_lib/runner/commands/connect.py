"""``gwb connect``: the collector for a Connect Sync server, and what it wrote there."""

from __future__ import annotations

import json
from pathlib import Path

import click

from runbook_lib.errors import UsageError
from runbook_lib.model.text import t, verbatim
from runbook_lib.runner import console


@click.group()
def connect() -> None:
    """Read a Connect Sync server by a collector.

    Connect Sync has no API. An administrator runs the collector, one read-only script, on its server and brings back
    the one file that it writes; name that file in the parameter connect_evidence.
    """


@connect.command()
@click.option(
    "-o",
    "--output",
    "output",
    type=click.Path(path_type=Path),
    help="File to write; it must not exist.  [default: gwb-connect-collector.ps1]",
)
def collector(output: Path | None) -> None:
    """Write the collector out, with its digest.

    Run it on the Connect server in Windows PowerShell 5.1, as an administrator there. It reads, needs no module beside
    ADSync, and writes one file of JSON. On a server in staging mode it works likewise.
    """
    from runbook_lib.connect.evidence import COLLECTOR_NAME, collector_script, collector_sha256
    from runbook_lib.shown.connect import collector_command

    path = output or Path(COLLECTOR_NAME)
    try:
        with path.open("xb") as file:
            file.write(collector_script())
    except OSError as error:
        reason = t("it exists") if isinstance(error, FileExistsError) else t("{why}", why=error.strerror or "")
        raise UsageError(
            t("{path} cannot be written: {reason}.", path=path, reason=reason),
            code="collector-not-written",
            hint=t("Name another file with --output."),
            values={"path": str(path)},
        ) from None
    console.print_line(t("Collector: {path}", path=path))
    console.print_line(t("SHA-256 (Get-FileHash on the server shows the same): {digest}", digest=collector_sha256()))
    console.print_line(t("On the Connect server: {command}", command=collector_command(path.name)))


@connect.command("read")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The evidence as JSON.")
def read_collected(file: Path, as_json: bool) -> None:
    """Show what the collector wrote into FILE.

    An edited or damaged file is refused. Age and tenant are checked where it is used: in a run that names it in
    connect_evidence.
    """
    from runbook_lib.connect.evidence import read_connect_evidence
    from runbook_lib.model.untrusted import json_text
    from runbook_lib.shown.connect import connect_server_rows
    from runbook_lib.shown.layout import columns, output_width, wrapped

    found = read_connect_evidence(file)
    if as_json:
        told = {"sha256": found.sha256, "evidence": found.evidence.model_dump(mode="json")}
        click.echo(json_text(json.dumps(told, indent=2, ensure_ascii=False)))
        return
    rows = connect_server_rows(found)
    width = min(max(columns(subject) for subject, _ in rows), output_width() // 2)
    for subject, value in rows:
        begin = f"{subject:<{width}}  "
        for line in wrapped(value, output_width(), first=begin, later=" " * columns(begin)):
            console.print_line(verbatim(line))
