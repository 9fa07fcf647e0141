"""``gwb connect``: the collector for a Connect Sync server, and what it wrote there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_lib.errors import UsageError
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.runner import console

if TYPE_CHECKING:
    from runbook_lib.connect.evidence import ConnectEvidence


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
    _write_new(path, collector_script(), code="collector-not-written")
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

    found = read_connect_evidence(file)
    if as_json:
        told = {"sha256": found.sha256, "evidence": found.evidence.model_dump(mode="json")}
        click.echo(json_text(json.dumps(told, indent=2, ensure_ascii=False)))
        return
    _show(found)


@connect.command()
@click.argument("server")
@click.option(
    "-o",
    "--output",
    "output",
    type=click.Path(path_type=Path),
    help="File to write; it must not exist.  [default: connect-evidence.json]",
)
@click.option(
    "--user",
    default="",
    help="Sign in as this account, with the password in GWB_WINRM_PASSWORD. Without it: by the ticket of whoever runs "
    "this.",
)
@click.option(
    "--ntlm",
    is_flag=True,
    help="With --user: let NTLM sign in where Kerberos cannot. It proves no server, so nothing else asks for it.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=5986, show_default=True, help="WinRM over HTTPS.")
@click.option(
    "--ca-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="PEM file of the CA of the server's certificate.  [default: those of this system]",
)
def collect(server: str, output: Path | None, user: str, port: int, ca_file: Path | None, *, ntlm: bool) -> None:
    """Run the collector on SERVER from here.

    Over PowerShell remoting (WinRM over HTTPS): needs the extra [winrm] and an account that may use remoting there.
    Running the collector by hand is always enough. SERVER is the name in the server's certificate.
    """
    from runbook_lib.connect.evidence import KEPT_EVIDENCE
    from runbook_lib.connect.remote import collect_remotely
    from runbook_lib.secrets.sources import secret_variable
    from runbook_lib.winrm import PASSWORD_VARIABLE, WinRMServer, winrm_shell

    if ntlm and not user:
        raise UsageError(
            t("--ntlm goes with --user: a ticket is Kerberos."),
            code="winrm-ntlm-without-user",
            hint=t("Leave --ntlm out, or name the account with --user."),
        )
    path = output or Path(KEPT_EVIDENCE)
    _require_new(path, code="connect-evidence-not-written")
    password = (
        secret_variable(PASSWORD_VARIABLE, os.environ, what=t("password for {user}", user=user)) if user else None
    )
    with winrm_shell(WinRMServer(server, port, user, str(ca_file or ""), ntlm=ntlm), password) as shell:
        found = collect_remotely(shell)
    _write_new(path, found.file, code="connect-evidence-not-written")
    _show(found)
    console.print_line(t("Evidence: {path}. Name it in connect_evidence.", path=path))


def _require_new(path: Path, *, code: str) -> None:
    if path.exists() or path.is_symlink():
        raise _not_written(path, t("it exists"), code)


def _write_new(path: Path, data: bytes, *, code: str) -> None:
    """Write a file that must not exist."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError as error:
        reason = t("it exists") if isinstance(error, FileExistsError) else t("{why}", why=error.strerror or "")
        raise _not_written(path, reason, code) from None


def _not_written(path: Path, reason: Text, code: str) -> UsageError:
    return UsageError(
        t("{path} cannot be written: {reason}.", path=path, reason=reason),
        code=code,
        hint=t("Name another file with --output."),
        values={"path": str(path)},
    )


def _show(found: ConnectEvidence) -> None:
    """What a server said about itself, as rows."""
    from runbook_lib.shown.connect import connect_server_rows
    from runbook_lib.shown.layout import columns, output_width, wrapped

    rows = connect_server_rows(found)
    width = min(max(columns(subject) for subject, _ in rows), output_width() // 2)
    for subject, value in rows:
        begin = f"{subject:<{width}}  "
        for line in wrapped(value, output_width(), first=begin, later=" " * columns(begin)):
            console.print_line(verbatim(line))
