"""The flags of ``gwb rehearsal start`` that say what the world is like."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, TypeVar

import click

from rehearsal.cloud.throttling import SIZES
from rehearsal.contoso import names
from rehearsal.contoso.people import STAFF
from rehearsal.contoso.size import (
    LEAST_GROUPS,
    LEAST_MEMBERSHIPS,
    LEAST_USERS,
    MOST_GROUPS,
    MOST_MEMBERSHIPS,
    MOST_USERS,
    size_of,
)
from rehearsal.folder import DEFAULT_DNS_PORT, DEFAULT_GRAPH_PORT, DEFAULT_LDAP_PORT
from rehearsal.options import (
    DEFAULTS,
    DIRECTORIES,
    LEAST_STAFF,
    MOST_DOMAINS,
    MOST_LATENCY_MS,
    MOST_REPLICATION_SECONDS,
    StartOptions,
    exchanges,
)

_Command = TypeVar("_Command", bound=Callable[..., None])


class StartFlags(TypedDict):
    """The flags as click hands them over."""

    graph_port: int
    ldap_port: int
    dns_port: int
    free_ports: bool
    exchange: str
    mail_flow: str
    throttle: str | None
    latency_ms: int
    domains: int
    recycle_bin: str
    staff: int
    groups: int | None
    users: int | None
    memberships: int | None
    seed: int | None
    directory: str
    cloud_sync_runs: bool
    replication_seconds: int


_FLAGS = (
    click.option("--graph-port", default=DEFAULT_GRAPH_PORT, show_default=True, help="Port of Graph and sign-in."),
    click.option("--ldap-port", default=DEFAULT_LDAP_PORT, show_default=True, help="Port of LDAPS."),
    click.option("--dns-port", default=DEFAULT_DNS_PORT, show_default=True, help="Port of DNS."),
    click.option("--free-ports", is_flag=True, help="Take any free ports instead."),
    click.option(
        "--exchange",
        type=click.Choice(exchanges()),
        default=DEFAULTS.exchange,
        show_default=True,
        metavar="STATE",
        help=f"Exchange in AD: {', '.join(names.EXCHANGES)}, or any release, such as 2013-cu23.",
    ),
    click.option(
        "--mailflow",
        "mail_flow",
        type=click.Choice(names.MAIL_FLOWS),
        default=DEFAULTS.mail_flow,
        show_default=True,
        help="Whether mail between the two sides works.",
    ),
    click.option(
        "--throttle",
        type=click.Choice(tuple(SIZES)),
        help="Let Graph throttle as in a tenant of this size. Default: it does not.",
    ),
    click.option(
        "--latency-ms",
        type=click.IntRange(0, MOST_LATENCY_MS),
        default=0,
        metavar="N",
        help="Let every answer of Graph take N milliseconds longer.",
    ),
    click.option(
        "--domains",
        type=click.IntRange(1, MOST_DOMAINS),
        default=1,
        show_default=True,
        help="2: emea.contoso.com beside contoso.com.",
    ),
    click.option(
        "--recycle-bin",
        type=click.Choice(("on", "off")),
        default="off",
        show_default=True,
        help="Whether AD's Recycle Bin keeps everything of deleted objects. AD itself begins without.",
    ),
    click.option(
        "--staff",
        type=click.IntRange(LEAST_STAFF, STAFF),
        default=STAFF,
        show_default=True,
        help="Ordinary people of Contoso: with fewer it starts and is read faster. Not beside the next three.",
    ),
    click.option(
        "--groups",
        type=int,
        metavar="N",
        help=f"Groups of the tenant, and of the domain ({LEAST_GROUPS} to {MOST_GROUPS}). Contoso stays as it is "
        "without this and the next two; one of them alone brings what fits it.",
    ),
    click.option("--users", type=int, metavar="N", help=f"Users of the tenant ({LEAST_USERS} to {MOST_USERS})."),
    click.option(
        "--memberships",
        type=int,
        metavar="N",
        help=f"Direct members of all groups together ({LEAST_MEMBERSHIPS} to {MOST_MEMBERSHIPS}), on each side.",
    ),
    click.option("--seed", type=int, metavar="N", help="Draw other people, groups and memberships of that number."),
    click.option(
        "--directory",
        type=click.Choice(DIRECTORIES),
        default=DEFAULTS.directory,
        show_default=True,
        help="samba: a real Samba AD DC in the place of the embedded directory (Linux, root; takes about a minute).",
    ),
    click.option(
        "--cloud-sync-runs",
        is_flag=True,
        help="Let Cloud Sync's jobs run every few seconds. Default: only by gwb rehearsal cloud-sync run.",
    ),
    click.option(
        "--replication-seconds",
        type=click.IntRange(0, MOST_REPLICATION_SECONDS),
        default=DEFAULTS.replication_seconds,
        show_default=True,
        metavar="N",
        help="Let an application made from a template be found only after N seconds, as in Microsoft Entra ID.",
    ),
)


def start_flags(command: _Command) -> _Command:
    """Give a command these flags; it takes them as ``StartFlags``."""
    for flag in reversed(_FLAGS):
        command = flag(command)
    return command


def options_of_flags(flags: StartFlags) -> StartOptions:
    """What the flags ask for.

    Raises:
        UsageError: As ``size_of`` and ``StartOptions``.
    """
    free = flags["free_ports"]
    size = size_of(flags["groups"], flags["users"], flags["memberships"], flags["seed"])
    return StartOptions(
        graph_port=0 if free else flags["graph_port"],
        ldap_port=0 if free else flags["ldap_port"],
        dns_port=0 if free else flags["dns_port"],
        exchange=flags["exchange"],
        mail_flow=flags["mail_flow"],
        throttle=flags["throttle"] or "",
        latency_ms=flags["latency_ms"],
        domains=flags["domains"],
        recycle_bin=flags["recycle_bin"] == "on",
        size=size,
        staff=flags["staff"],
        directory=flags["directory"],
        cloud_sync_runs=flags["cloud_sync_runs"],
        replication_seconds=flags["replication_seconds"],
    )
