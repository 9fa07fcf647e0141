"""``gwb rehearsal connect``: the wizard and the cycle of Connect Sync, as people meet them on its server."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from rehearsal.chosen import running_rehearsal, where_options
from rehearsal.contoso import names
from rehearsal.control import ControlRefusal
from rehearsal.process import RunningRehearsal
from runbook_lib.errors import UsageError
from runbook_lib.model.text import t, verbatim
from runbook_lib.model.untrusted import printable

_COUNTED = {
    "ExportAdd": "made",
    "ExportUpdate": "changed",
    "ExportRename": "renamed",
    "ExportDelete": "deleted",
    "ExportFailure": "refused",
}


@click.group()
def connect() -> None:
    """Connect Sync: its wizard, its cycle, its collector.

    Group writeback v1 writes every Microsoft 365 group of the tenant to one OU.
    """


@connect.command()
@where_options
@click.option("--ou", metavar="DN", help="OU of written groups. Default: the one that it had.")
@click.option("--display-names", is_flag=True, help="Name groups after their display name; only now, not later.")
def enable(name: str, directory_folder: Path | None, ou: str | None, display_names: bool) -> None:
    """Tick group writeback; the next cycle writes the groups."""
    running = running_rehearsal(name, directory_folder)
    told = _asked(running, "enable", container=ou or "", display_names=display_names)
    click.echo(f"Group writeback is on: {printable(str(told['container']))}. The next cycle writes the groups.")


@connect.command()
@where_options
def disable(name: str, directory_folder: Path | None) -> None:
    """Clear the box; the next cycle deletes its groups."""
    _asked(running_rehearsal(name, directory_folder), "disable")
    click.echo("Group writeback is off. The next cycle deletes every group that it wrote.")


@connect.command()
@where_options
@click.argument("switch", type=click.Choice(("on", "off")))
def stage(name: str, directory_folder: Path | None, switch: str) -> None:
    """Staging mode: what would be exported is pending."""
    _asked(running_rehearsal(name, directory_folder), "stage", on=switch == "on")
    click.echo(f"Staging mode is {switch}.")


@connect.command()
@where_options
@click.argument("switch", type=click.Choice(("on", "off")))
def v2(name: str, directory_folder: Path | None, switch: str) -> None:
    """Group writeback V2, as it stayed on in some tenants.

    Under it the setting of each group counts (writebackConfiguration). Microsoft lets nobody switch it on any more.
    """
    _asked(running_rehearsal(name, directory_folder), "v2", on=switch == "on")
    click.echo(f"Group writeback V2 is {switch}.")


@connect.command("filter")
@where_options
@click.option("--leave-out", multiple=True, metavar="DN", help="OU outside the OU filter; none: all are inside.")
def ou_filter(name: str, directory_folder: Path | None, leave_out: tuple[str, ...]) -> None:
    """Set the OU filter."""
    _asked(running_rehearsal(name, directory_folder), "leave-out", ous=list(leave_out))
    click.echo(f"OUs outside the OU filter: {len(leave_out)}.")


@connect.command()
@where_options
@click.option("--ou", metavar="DN", default=names.CONNECT_OU, show_default=True, help="OU of written groups.")
@click.argument("switch", type=click.Choice(("on", "off")))
def rights(name: str, directory_folder: Path | None, ou: str, switch: str) -> None:
    """Give the connector account its rights, or take them away.

    Without them the export is refused with 8344.
    """
    from rehearsal.administrator import let_connector_write

    let_connector_write(running_rehearsal(name, directory_folder), ou, allowed=switch == "on")
    click.echo(f"The connector account may {'' if switch == 'on' else 'not '}write groups below {printable(ou)}.")


@connect.command("prevent-deletes")
@where_options
@click.argument("threshold", type=click.IntRange(0))
def prevent_deletes(name: str, directory_folder: Path | None, threshold: int) -> None:
    """Let THRESHOLD deletions stop an export.

    So many or more; 500 at the start, and 0: none do.
    """
    _asked(running_rehearsal(name, directory_folder), "prevent-deletes", threshold=threshold)
    click.echo(
        f"An export of {threshold} deletions or more is stopped." if threshold else "No deletion stops an export."
    )


@connect.command("keep-out")
@where_options
@click.argument("groups", nargs=-1, metavar="GROUP_IDS")
def keep_out(name: str, directory_folder: Path | None, groups: tuple[str, ...]) -> None:
    """Keep GROUP_IDS out by rules of somebody's own.

    Without one there are no such rules. Only in staging mode: that such rules choose among Microsoft 365 groups, no
    public text says.
    """
    _asked(running_rehearsal(name, directory_folder), "keep-out", groups=list(groups))
    click.echo(f"Groups that rules keep out: {len(groups)}.")


@connect.command()
@where_options
@click.option(
    "--at-most", type=click.IntRange(0), metavar="NUMBER", help="Lose the connection to AD after NUMBER objects."
)
def cycle(name: str, directory_folder: Path | None, at_most: int | None) -> None:
    """Let Connect Sync run one cycle, and say what it exported.

    Groups whose source of authority was given back to AD are taken over: until then such a group is pending, neither
    the cloud's nor synchronized. Members of the cloud alone are lost.
    """
    told = {} if at_most is None else {"at_most": at_most}
    done = _asked(running_rehearsal(name, directory_folder), "cycle", **told)
    counters = cast("dict[str, int]", done["counters"])
    counted = ", ".join(f"{counters.get(key, 0)} {words}" for key, words in _COUNTED.items())
    click.echo(f"{'Pending, in staging mode' if done['staging'] else 'Exported'}: {counted}.")
    if done["result"]:
        click.echo(f"The export ended before its end ({done['result']}); objects that wait: {done['left']}.")
    for one in cast("list[dict[str, str]]", done["refused"]):
        click.echo(printable(f"  refused {one['code']}: {one['dn']}"))
    click.echo(f"Groups that AD manages again: {len(cast('list[str]', done['groups']))}.")


@connect.command()
@where_options
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write over FILE where it exists.")
def collect(name: str, directory_folder: Path | None, file: Path, force: bool) -> None:
    """Write FILE as the collector would on the Connect server.

    Name it in connect_evidence, or look at it with gwb connect read.
    """
    text = str(_asked(running_rehearsal(name, directory_folder), "evidence")["file"])
    try:
        with file.open("w" if force else "x", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
    except OSError as error:
        reason = t("it exists") if isinstance(error, FileExistsError) else t("{why}", why=error.strerror or "")
        raise UsageError(
            t("{path} cannot be written: {reason}.", path=file, reason=reason),
            code="evidence-not-written",
            hint=t("Name another file; or write over it with --force."),
            values={"path": str(file)},
        ) from None
    click.echo(f"Evidence of the Connect server: {file}")


def _asked(running: RunningRehearsal, action: str, **arguments: object) -> dict[str, object]:
    """What the server answers.

    Raises:
        UsageError: Code ``connect-wizard``: it refuses, as the wizard would.
    """
    try:
        return running.control.connect_sync(action, **arguments)
    except ControlRefusal as refusal:
        raise UsageError(
            verbatim(refusal.reason),
            code="connect-wizard",
            hint=t("gwb rehearsal connect --help says what there is."),
        ) from None
