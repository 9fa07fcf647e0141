"""A rehearsal of 10,000 groups, 20,000 users, 100,000 memberships: its start, its memory, how fast strangers read it.

The strangers are plain requests (999 groups a page) and ldap3 (LDAPS, 1,000 objects a page); the product reads the same
beside them, everything in one run, so that ratios and processor time hold on a machine that is busy with other work.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import ldap3

from rehearsal.contoso import names
from rehearsal.contoso.size import Size
from rehearsal.options import StartOptions
from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.directory.sign_in.bind import VerifiedTls, client_context
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.parameters.load import load_parameters
from tests.support.cloud_client import CloudClient, signed_in

WANTED = Size(10_000, 20_000, 100_000)
PAGE = 1000
"""Objects of one answer: AD's MaxPageSize."""


@dataclass(frozen=True)
class Figure:
    """One thing measured.

    Attributes:
        bound: What it has to stay under; None where nothing was promised.
        processor: Seconds that server and client computed for it; None where the system does not tell.
    """

    what: str
    value: float
    unit: str
    bound: float | None = None
    processor: float | None = None


def measure(folder: Path, wanted: Size, runs: int) -> list[Figure]:
    """Start a rehearsal of this size in ``folder`` and read it ``runs`` times; the best of each part counts."""
    begun = time.perf_counter()
    with start_rehearsal(folder / "size", options=StartOptions(size=wanted)) as running:
        started = time.perf_counter() - begun
        server = _Server(int(str(running.state["pid"])))
        figures = [Figure("start", started, "s", 15, server.processor()), server.memory("memory at rest")]
        figures += _graph(running, server, wanted, runs)
        figures += _directory(running, server, wanted, runs)
        return [*figures, server.memory("memory after reading")]


def report(figures: list[Figure], title: str = "a large rehearsal") -> str:
    """A table of the figures, with the bound and the share of it that was used."""
    lines = [f"{title:<36}{'measured':>14}{'processor s':>13}{'bound':>8}{'used':>7}"]
    for one in figures:
        computed = f"{one.processor:.2f}" if one.processor is not None else ""
        bound = f"{one.bound:>8g}{one.value / one.bound:>7.0%}" if one.bound else ""
        lines.append(f"{one.what:<36}{f'{one.value:.2f} {one.unit}':>14}{computed:>13}{bound}".rstrip())
    return "\n".join(lines)


def _graph(running: RunningRehearsal, server: _Server, wanted: Size, runs: int) -> list[Figure]:
    stranger = signed_in(running)
    told = load_parameters([running.parameters_file], {}, project_root=running.folder.path).parameters
    with stranger.session, open_graph(told, environment={}, clock=_now, sleep=time.sleep) as client:
        groups = server.best(
            runs, "Graph: list groups, requests", lambda: _list_groups(stranger, wanted.groups), bound=1
        )
        tenant = server.best(
            runs, "Graph: whole tenant, the product", lambda: read_cloud(client, told.tenant_id, clock=_now)
        )
    return [groups, tenant, Figure("  as a multiple of the list", tenant.value / groups.value, "x")]


def _directory(running: RunningRehearsal, server: _Server, wanted: Size, runs: int) -> list[Figure]:
    told = load_parameters([running.parameters_file], {}, project_root=running.folder.path).parameters
    groups = server.best(runs, "LDAPS: groups and members, ldap3", lambda: _read_groups(running, wanted), bound=5)
    with open_directory(told, environment={}, clock=_now) as directory:
        domain = server.best(
            runs,
            "LDAPS: whole domain, the product",
            lambda: read_directory(directory, told.target_ou, told.retired_ou, clock=_now),
        )
    return [groups, domain, Figure("  as a multiple of the groups", domain.value / groups.value, "x")]


def _list_groups(client: CloudClient, wanted: int) -> None:
    _expect("groups of the tenant", sum(len(page) for page in client.pages("/v1.0/groups?$top=999")), wanted)


def _read_groups(running: RunningRehearsal, wanted: Size) -> None:
    """Groups and members by pages, binding included; ldap3 follows the ranges of large groups by itself."""
    port = int(str(running.state["ldap_port"]))
    tls = VerifiedTls(client_context(str(running.folder.ca)))
    server = ldap3.Server("localhost", port=port, use_ssl=True, tls=tls, get_info=ldap3.NONE)
    password = running.folder.bind_password.read_text(encoding="utf-8").strip()
    with ldap3.Connection(server, names.BIND_USER, password) as connection:
        found = connection.extend.standard.paged_search(
            names.BASE_DN, "(objectClass=group)", attributes=["cn", "groupType", "member"], paged_size=PAGE
        )
        entries = [entry["attributes"] for entry in found if entry["type"] == "searchResEntry"]
    _expect("groups of the domain", len(entries), wanted.groups)
    _expect("member values", sum(len(one.get("member", ())) for one in entries), wanted.memberships)


def _expect(what: str, found: int, least: int) -> None:
    if found < least:
        raise RuntimeError(f"{what}: {found} read, {least} asked for")


@dataclass(frozen=True)
class _Server:
    """The one process of both servers, as Linux shows it; other systems tell nothing."""

    pid: int

    def processor(self) -> float | None:
        """Seconds that it computed so far."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.is_file():
            return None
        fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, what: str) -> Figure:
        """MiB that it holds in memory; not a number where the system does not tell."""
        status = Path(f"/proc/{self.pid}/status")
        lines = status.read_text(encoding="utf-8").splitlines() if status.is_file() else []
        held = next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), float("nan"))
        return Figure(what, held, "MiB", 700)

    def best(self, runs: int, what: str, work: Callable[[], object], *, bound: float | None = None) -> Figure:
        """The quickest of ``runs`` runs."""
        return min((self._timed(what, work, bound) for _ in range(runs)), key=lambda figure: figure.value)

    def _timed(self, what: str, work: Callable[[], object], bound: float | None) -> Figure:
        before, own, begun = self.processor(), time.process_time(), time.perf_counter()
        work()
        seconds, own = time.perf_counter() - begun, time.process_time() - own
        after = self.processor()
        both = None if before is None or after is None else after - before + own
        return Figure(what, seconds, "s", bound, both)


def _now() -> datetime:
    return datetime.now(UTC)
