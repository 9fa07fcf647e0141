"""What a rehearsal can be told when it starts: one value from the command line down to the world, checked when made."""

from __future__ import annotations

import argparse
from dataclasses import astuple, dataclass

from rehearsal.cloud.throttling import SIZES
from rehearsal.contoso import names
from rehearsal.contoso.exchange import releases
from rehearsal.contoso.people import STAFF
from rehearsal.contoso.size import Size
from runbook_lib.errors import UsageError
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable

DIRECTORIES = ("embedded", "samba")
MOST_DOMAINS = 2
MOST_LATENCY_MS = 60_000
MOST_REPLICATION_SECONDS = 600
LEAST_STAFF = 210
"""Whom Contoso's groups need, rounded up."""
_SAMBA_EXCHANGES = ("se", "none")


def exchanges() -> tuple[str, ...]:
    """What AD can hold of Exchange: a state, or any release."""
    return (*names.EXCHANGES, *releases())


def _require_known(option: str, value: object, known: bool) -> None:
    if not known:
        raise UsageError(
            t("A rehearsal has no {option} {value}.", option=option, value=printable(str(value))),
            code="rehearsal-options",
            hint=t("The values that there are: gwb rehearsal start --help"),
            values={"option": option, "value": value},
        )


@dataclass(frozen=True, slots=True)
class StartOptions:
    """Ports, and what the world is like.

    Attributes:
        graph_port: Port of Graph, sign-in and control; 0 for any free one.
        ldap_port: Port of LDAPS; 0 for any free one.
        dns_port: Port of DNS; 0 for any free one.
        exchange: What ``contoso.exchange.state_of`` takes.
        mail_flow: One of ``names.MAIL_FLOWS``.
        throttle: ``small``, ``medium`` or ``large``: Graph throttles as in a tenant of that size. Empty: it does not.
        latency_ms: Milliseconds that every answer of Graph takes longer.
        domains: 1, or 2 for a child domain beside contoso.com.
        recycle_bin: Whether deleted objects keep everything, as with AD's Recycle Bin switched on.
        size: How large; None for Contoso as it always is.
        staff: Ordinary people of Contoso; fewer make a rehearsal that starts and is read faster, whose group of
            everybody is smaller. Only without ``size``.
        directory: ``embedded``, or ``samba`` for a real controller (Linux, root).
        cloud_sync_runs: Whether Cloud Sync's jobs run by themselves every few seconds; else by command alone.
        replication_seconds: How long an application made from a template is not found by those who ask for it.

    Raises:
        UsageError: A value is none that a rehearsal knows, or one that Samba cannot have.
    """

    graph_port: int = 0
    ldap_port: int = 0
    dns_port: int = 0
    exchange: str = "se"
    mail_flow: str = "good"
    throttle: str = ""
    latency_ms: int = 0
    domains: int = 1
    recycle_bin: bool = False
    size: Size | None = None
    staff: int = STAFF
    directory: str = "embedded"
    cloud_sync_runs: bool = False
    replication_seconds: int = 2

    def __post_init__(self) -> None:
        _require_known("--exchange", self.exchange, self.exchange in exchanges())
        _require_known("--mailflow", self.mail_flow, self.mail_flow in names.MAIL_FLOWS)
        _require_known("--throttle", self.throttle, self.throttle in ("", *SIZES))
        _require_known("--latency-ms", self.latency_ms, 0 <= self.latency_ms <= MOST_LATENCY_MS)
        _require_known("--staff", self.staff, LEAST_STAFF <= self.staff <= STAFF)
        _require_known("--staff beside a size:", self.staff, self.size is None or self.staff == STAFF)
        _require_known("--domains", self.domains, 1 <= self.domains <= MOST_DOMAINS)
        _require_known(
            "--replication-seconds", self.replication_seconds, 0 <= self.replication_seconds <= MOST_REPLICATION_SECONDS
        )
        _require_known("--directory", self.directory, self.directory in DIRECTORIES)
        if self.directory == "samba":
            self._require_samba_can()

    def _require_samba_can(self) -> None:
        told = {
            "--domains": self.domains != 1,
            "--recycle-bin": self.recycle_bin,
            "--mailflow": self.mail_flow != "good",
            "--exchange": self.exchange not in _SAMBA_EXCHANGES,
            "--groups, --users, --memberships": self.size is not None,
            "--staff": self.staff != STAFF,
        }
        wrong = [option for option, given in told.items() if given]
        if wrong:
            raise UsageError(
                t("Only the embedded directory takes {wrong}.", wrong=", ".join(wrong)),
                code="rehearsal-samba-options",
                hint=t("Leave that out, or leave --directory samba out. With Samba, --exchange is se or none."),
            )

    def as_arguments(self) -> list[str]:
        """The command line that ``add_arguments`` and ``options_of`` read back."""
        told = ["--graph-port", str(self.graph_port), "--ldap-port", str(self.ldap_port)]
        told += ["--dns-port", str(self.dns_port), "--exchange", self.exchange, "--mail-flow", self.mail_flow]
        told += ["--throttle", self.throttle] if self.throttle else []
        told += ["--latency-ms", str(self.latency_ms), "--domains", str(self.domains)]
        told += ["--recycle-bin", "on" if self.recycle_bin else "off", "--directory", self.directory]
        told += ["--staff", str(self.staff), "--replication-seconds", str(self.replication_seconds)]
        told += ["--cloud-sync-runs"] if self.cloud_sync_runs else []
        return told + (["--size", *map(str, astuple(self.size))] if self.size else [])


DEFAULTS = StartOptions()
"""Contoso as it always is, on free ports."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a parser take them; what a value may be is for ``StartOptions`` to say."""
    parser.add_argument("--graph-port", type=int, default=DEFAULTS.graph_port)
    parser.add_argument("--ldap-port", type=int, default=DEFAULTS.ldap_port)
    parser.add_argument("--dns-port", type=int, default=DEFAULTS.dns_port)
    parser.add_argument("--exchange", default=DEFAULTS.exchange)
    parser.add_argument("--mail-flow", default=DEFAULTS.mail_flow)
    parser.add_argument("--throttle", default=DEFAULTS.throttle)
    parser.add_argument("--latency-ms", type=int, default=DEFAULTS.latency_ms)
    parser.add_argument("--domains", type=int, default=DEFAULTS.domains)
    parser.add_argument("--recycle-bin", choices=("on", "off"), default="off")
    parser.add_argument("--size", type=int, nargs=4)
    parser.add_argument("--staff", type=int, default=DEFAULTS.staff)
    parser.add_argument("--directory", default=DEFAULTS.directory)
    parser.add_argument("--cloud-sync-runs", action="store_true")
    parser.add_argument("--replication-seconds", type=int, default=DEFAULTS.replication_seconds)


def options_of(told: argparse.Namespace) -> StartOptions:
    """What a parser has read.

    Raises:
        UsageError: As ``StartOptions``.
    """
    return StartOptions(
        graph_port=told.graph_port,
        ldap_port=told.ldap_port,
        dns_port=told.dns_port,
        exchange=told.exchange,
        mail_flow=told.mail_flow,
        throttle=told.throttle,
        latency_ms=told.latency_ms,
        domains=told.domains,
        recycle_bin=told.recycle_bin == "on",
        size=Size(*told.size) if told.size else None,
        staff=told.staff,
        directory=told.directory,
        cloud_sync_runs=told.cloud_sync_runs,
        replication_seconds=told.replication_seconds,
    )
