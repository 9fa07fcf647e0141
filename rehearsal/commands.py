"""The commands that the rehearsal adds to ``gwb``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Unpack, cast

import click

from rehearsal.chosen import folder_of, running_rehearsal, where_options
from rehearsal.cloud.faults import KINDS
from rehearsal.connect_commands import connect
from rehearsal.control import ControlRefusal
from rehearsal.folder import HOST
from rehearsal.process import RunningRehearsal, find_rehearsal, start_rehearsal
from rehearsal.start_flags import StartFlags, options_of_flags, start_flags
from runbook_lib.errors import UsageError
from runbook_lib.model.text import t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.paths import project_root


@click.group()
def rehearsal() -> None:
    """Practice environment: Microsoft Graph, sign-in and Active Directory on this machine."""


@rehearsal.command()
@where_options
@start_flags
@click.option("--foreground", is_flag=True, help="Stay until Ctrl-C, then stop it.")
def start(name: str, directory_folder: Path | None, foreground: bool, **flags: Unpack[StartFlags]) -> None:
    """Start a rehearsal; it goes on until it is stopped."""
    folder = folder_of(name, directory_folder)
    options = options_of_flags(flags)
    running = find_rehearsal(folder)
    if running is not None:
        raise UsageError(
            t("The rehearsal {name} is running already (process {state}).", name=name, state=running.state["pid"]),
            code="rehearsal-running",
            hint=t("Use it, or stop it with: gwb rehearsal stop{name_option}", name_option=_name_option(name)),
            values={"name": name},
        )
    records = None if directory_folder else project_root() / "records"
    running = start_rehearsal(folder, options, watch_parent=foreground, records=records)
    _tell(running)
    if foreground:
        _stay(running)
    else:
        click.echo(f"Stop it with: gwb rehearsal stop{_name_option(name)}")


@rehearsal.command()
@where_options
def stop(name: str, directory_folder: Path | None) -> None:
    """Stop a rehearsal."""
    running = running_rehearsal(name, directory_folder)
    running.stop()
    click.echo(f"Stopped the rehearsal {name}.")


@rehearsal.command()
@where_options
@click.option("--json", "as_json", is_flag=True, help="Addresses and counters as JSON.")
def status(name: str, directory_folder: Path | None, as_json: bool) -> None:
    """Say whether a rehearsal runs, and how to reach it."""
    running = running_rehearsal(name, directory_folder)
    counters = running.control.status()
    if as_json:
        click.echo(json.dumps({**running.state, "counters": counters}, indent=2))
        return
    _tell(running)
    for what, address in cast("dict[str, str]", running.state["directory_addresses"]).items():
        click.echo(f"    {what:<20} {address}")
    click.echo(
        f"Graph requests: {counters['graph_requests']} ({counters['resource_units']} resource units, "
        f"{counters['throttled']} throttled), sign-ins: {counters['sign_ins']}"
        + (f", LDAP writes of the runbook: {counters['ldap_writes']}" if "ldap_writes" in counters else "")
    )


@rehearsal.command("edit-group")
@where_options
@click.argument("group")
@click.option("--remove-member", multiple=True, metavar="ACCOUNT", help="sAMAccountName of a member to remove.")
@click.option("--add-member", multiple=True, metavar="ACCOUNT", help="sAMAccountName of an account to add.")
@click.option("--description", metavar="TEXT", help="New description; empty takes it away.")
def edit(
    name: str,
    directory_folder: Path | None,
    group: str,
    remove_member: tuple[str, ...],
    add_member: tuple[str, ...],
    description: str | None,
) -> None:
    """Edit a group by hand, as an administrator of AD."""
    # ldap3 takes a while to load, and every gwb command loads this module.
    from rehearsal.administrator import GroupEdit, edit_group

    wanted = GroupEdit(add_members=add_member, remove_members=remove_member, description=description)
    for sentence in edit_group(running_rehearsal(name, directory_folder), group, wanted):
        click.echo(printable(sentence))


@rehearsal.command("update-recipients")
@where_options
@click.option("--ou", metavar="DN", required=True, help="Groups with an address below this OU.")
def update(name: str, directory_folder: Path | None, ou: str) -> None:
    """Put groups into Exchange's address book."""
    from rehearsal.administrator import update_recipients

    found = update_recipients(running_rehearsal(name, directory_folder), ou)
    click.echo(f"Groups that are in the address book now and were not before: {len(found)}.")


@rehearsal.command("approve-device")
@where_options
@click.argument("code")
@click.option("--user", metavar="UPN", help="Who signs in. Default: the operator, Robin Operator.")
@click.option("--deny", is_flag=True, help="Decline instead, as somebody who did not start the sign-in.")
@click.option("--blocked", is_flag=True, help="Let a Conditional Access policy block it instead.")
def approve_device(
    name: str, directory_folder: Path | None, code: str, user: str | None, deny: bool, blocked: bool
) -> None:
    """Answer a device code, as a person on its page."""
    if deny and blocked:
        raise UsageError(t("--deny and --blocked exclude each other."), code="usage", hint=t("Give one of them."))
    running = running_rehearsal(name, directory_folder)
    outcome = "denied" if deny else "blocked" if blocked else "approved"
    try:
        answer = running.control.approve_device(code, user=user, outcome=outcome)
    except ControlRefusal as refusal:
        raise _device_code_refused(running, refusal) from None
    application, shown = printable(str(answer["application"])), answer["code"]
    who = f"{printable(str(answer['display_name']))} ({printable(str(answer['user']))})"
    click.echo(
        {
            "approved": f"{who} signed in to {application} with the code {shown}.",
            "denied": f"Declined the sign-in to {application} with the code {shown}.",
            "blocked": f"Conditional Access blocked the sign-in to {application} with the code {shown} (AADSTS53003).",
        }[outcome]
    )


@rehearsal.command()
@where_options
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--path", default="", metavar="TEXT", help="Only requests whose path holds this text.")
@click.option("--skip", type=click.IntRange(0), default=0, help="So many of these requests pass unharmed first.")
@click.option("--count", type=click.IntRange(1), default=1, help="So many of them meet the fault then.")
@click.option("--retry-after", type=click.IntRange(0), help="Seconds in the Retry-After header of 429 and 503.")
def fault(
    name: str, directory_folder: Path | None, kind: str, path: str, skip: int, count: int, retry_after: int | None
) -> None:
    """Let requests of Graph meet a fault.

    Throttling, a permission that is missing, an outage, a lost connection.
    """
    armed = {"path": path, "skip": skip, "count": count, "retry_after": retry_after}
    running_rehearsal(name, directory_folder).control.fault(kind, **armed)
    which = f"requests whose path holds {printable(path)!r}" if path else "requests of Graph"
    passing = f", after {skip} that pass" if skip else ""
    click.echo(f"Of the next {which}, {count} will meet {kind}{passing}.")


@rehearsal.group("cloud-sync")
def cloud_sync() -> None:
    """Cloud Sync: run its jobs, take its agents away."""


@cloud_sync.command("run")
@where_options
def run_cloud_sync(name: str, directory_folder: Path | None) -> None:
    """Run every started job once; say what it wrote to AD.

    Microsoft's service runs them every twenty minutes; a rehearsal does by this command, or every few seconds where it
    was started with --cloud-sync-runs.
    """
    jobs = cast("dict[str, Any]", running_rehearsal(name, directory_folder).control.cloud_sync("run")["jobs"])
    if not jobs:
        click.echo("No job is started, or those that are wait for a restart.")
    for job_id, done in jobs.items():
        if done["error"]:
            code, reason = done["error"]
            click.echo(f"{job_id}: {code}, in quarantine. {printable(reason)}")
            continue
        click.echo(f"{job_id}: {done['entitled']} groups in scope, {len(done['results'])} changed.")
        for one in done["results"]:
            why = f": {one['code']}, {one['reason']}" if one["code"] else ""
            click.echo(printable(f"  {one['action']:<7} {one['status']:<8} {one['name']}{why}"))


@cloud_sync.command("agent")
@where_options
@click.argument("state", type=click.Choice(("up", "down")))
def cloud_sync_agent(name: str, directory_folder: Path | None, state: str) -> None:
    """Let every provisioning agent answer (up) or be inactive (down).

    While they are inactive, jobs go into quarantine with HybridIdentityServiceNoActiveAgents.
    """
    reported = {"up": "active", "down": "inactive"}[state]
    count = running_rehearsal(name, directory_folder).control.cloud_sync("agents", state=reported)["agents"]
    click.echo(f"Agents that are {reported} now: {count}.")


@cloud_sync.command("members")
@where_options
@click.argument("switch", type=click.Choice(("on", "off")))
def cloud_sync_members(name: str, directory_folder: Path | None, switch: str) -> None:
    """Provision membership to on-premises users, or not.

    That is a switch of Microsoft's wizard, off at the start, which Graph does not show. While it is off, no
    synchronized user is written as a member.
    """
    running_rehearsal(name, directory_folder).control.cloud_sync("members", on=switch == "on")
    click.echo(
        f"Membership of on-premises users is {'' if switch == 'on' else 'not '}provisioned from the next run on."
    )


CONFIGURATIONS = ("classic", "other-template", "unknown-template", "exchange-writeback", "from-ad", "from-own-ad")
"""Kinds of configurations that can stand beside Contoso's own."""


@cloud_sync.command("add")
@where_options
@click.argument("kind", type=click.Choice(CONFIGURATIONS))
def add_configuration(name: str, directory_folder: Path | None, kind: str) -> None:
    """Add a configuration beside Contoso's own.

    from-own-ad synchronizes Contoso's own AD to the cloud, and fills directory extensions: a change of the source of
    authority is practised with it. The others show the pre-flight what it is to find, or to leave alone.
    """
    added = running_rehearsal(name, directory_folder).control.edit_cloud("add-configuration", kind=kind)
    click.echo(printable(f"Added a configuration ({kind}); its job is {added['id']}."))


rehearsal.add_command(connect)


def _device_code_refused(running: RunningRehearsal, refusal: ControlRefusal) -> UsageError:
    """What was wrong with a code or a user, and what would have been right."""
    there = running.control.device_codes()
    waiting, users = cast("list[dict[str, object]]", there["waiting"]), cast("list[str]", there["users"])
    lines = [f"{one['code']} ({one['application']}, {int(str(one['seconds'])) // 60} min left)" for one in waiting]
    codes = f"Waiting: {', '.join(lines)}." if lines else "No sign-in waits; start one that uses a device code first."
    return UsageError(
        verbatim(refusal.reason),
        code="device-code",
        hint=t(
            "{codes} Administrators: {users}; any other user of the tenant can sign in too.",
            codes=codes,
            users=", ".join(users),
        ),
        values={"waiting": waiting},
    )


def _name_option(name: str) -> str:
    return "" if name == "default" else f" --name {name}"


def _tell(running: RunningRehearsal) -> None:
    state = running.state
    click.echo(f"Rehearsal {running.folder.name}, process {state['pid']}")
    click.echo(f"  Graph and sign-in  {state['graph_url']} (device codes: /devicelogin)")
    click.echo(f"  Active Directory   ldaps://{HOST}:{state['ldap_port']}")
    click.echo(f"  DNS                127.0.0.1:{state['dns_port']}, UDP")
    click.echo(f"  Parameters file    {running.parameters_file}")
    click.echo(f"    for cloud-sync   {running.folder.cloud_sync_parameters}")
    click.echo(f"    for connect-sync {running.folder.connect_sync_parameters}")


def _stay(running: RunningRehearsal) -> None:
    click.echo("Ctrl-C stops it.")
    try:
        if running.process is not None:
            running.process.wait()
    except KeyboardInterrupt:
        running.stop()
        click.echo("Stopped.")
