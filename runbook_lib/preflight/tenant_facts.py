"""What was read of the tenant, and which permissions each notebook needs, as rows of tables."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from runbook_lib.graph.tenant import CloudSyncJob, JobKind, TenantReading, Unreadable
from runbook_lib.graph.tenant.parts import P1_PLAN, P2_PLAN
from runbook_lib.preflight.evidence import TITLES

_WRITES = re.compile(r"\.(?:ReadWrite|Write|Create|Delete|Send|Manage|FullControl|AccessAsUser|Invite)(?:\.|$)")


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission that the runbook asks for.

    Attributes:
        name: As Graph names it, application and delegated alike.
        higher: Those that Graph accepts as well.
        notebooks: The notebooks that do not do their work without it; empty: asked for in special cases only.
        opens: What it lets the runbook read, in words.
    """

    name: str
    higher: frozenset[str]
    notebooks: tuple[str, ...]
    opens: str

    def granted(self, names: Iterable[str]) -> bool:
        """Whether one of ``names`` is it or a higher one."""
        return not {self.name, *self.higher}.isdisjoint(names)


@cache
def needed_permissions() -> tuple[Permission, ...]:
    """Every permission that the runbook asks for."""
    text = files("runbook_lib.preflight").joinpath("permissions.csv").read_text(encoding="utf-8")
    return tuple(
        Permission(row["permission"], frozenset(row["higher"].split()), tuple(row["notebooks"].split()), row["opens"])
        for row in csv.DictReader(text.splitlines())
    )


def notebooks() -> tuple[str, ...]:
    """Every notebook that needs a permission, in order."""
    return tuple(sorted({name for permission in needed_permissions() for name in permission.notebooks}))


def can_write(name: str) -> bool:
    """Whether a permission, by its name, lets its holder change something."""
    return _WRITES.search(name) is not None


class TenantFact(NamedTuple):
    """One row."""

    subject: str
    fact: str
    value: str


def tenant_facts(reading: TenantReading) -> tuple[TenantFact, ...]:
    """Every row; a part that could not be read is one row that says why."""
    rows = [
        TenantFact("Tenant", "Name", reading.tenant.display_name),
        TenantFact("Tenant", "Id", reading.tenant.id),
        TenantFact("Tenant", "Cloud", reading.cloud.title),
    ]
    for field, told in _PARTS.items():
        subject = TITLES[f"tenant.{field}"]
        value = getattr(reading, field)
        if isinstance(value, Unreadable):
            rows.append(TenantFact(subject, "Not readable", value.why))
        else:
            rows += [TenantFact(subject, fact, shown) for fact, shown in told(reading)]
    return tuple(rows)


_Rows = Iterator[tuple[str, str]]


def _moment(at: datetime | None) -> str:
    return "no value" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def _or_none(value: object) -> str:
    return "no value" if value in (None, "") else str(value)


def _synchronization(reading: TenantReading) -> _Rows:
    if not isinstance(read := reading.synchronization, Unreadable):
        yield "On", {True: "yes", False: "no, it was once", None: "never was"}[read.enabled]
        yield "Last synchronization", _moment(read.last_sync)


def _features(reading: TenantReading) -> _Rows:
    if not isinstance(read := reading.features, Unreadable):
        yield "Group writeback v1 (unifiedGroupWritebackEnabled)", read.connect_v1.value
        yield "Group writeback V2 (groupWriteBackEnabled)", read.connect_v2.value
        prevention = read.deletion_prevention
        yield "Protection from deletions", prevention.kind if prevention else "no value"
        yield "Its threshold", _or_none(prevention.threshold if prevention else None)


def _containers(reading: TenantReading) -> _Rows:
    if not isinstance(read := reading.containers, Unreadable):
        yield "Container of Microsoft 365 groups", _or_none(read.unified_groups)
        yield "Container of users", _or_none(read.users)


def _connect(reading: TenantReading) -> _Rows:
    if not isinstance(read := reading.connect, Unreadable):
        yield "Build", _or_none(read.version)
        pending = (read.pending_additions, read.pending_updates, read.pending_deletions)
        yield "Waiting to be exported: added, updated, deleted", ", ".join(map(_or_none, pending))
        yield "Objects", _or_none(read.objects)


def _agents(reading: TenantReading) -> _Rows:
    if not isinstance(read := reading.agents, Unreadable):
        yield "Domains with agents", ", ".join(sorted(read.domains)) or "none"
        for agent in read.all:
            domains = f" for {', '.join(sorted(agent.domains))}" if agent.domains else ""
            yield agent.machine or "(without a name)", f"{agent.status or 'no state'}{domains}"


def _licences(reading: TenantReading) -> _Rows:
    if not isinstance(read := reading.licences, Unreadable):
        yield "P1 in force", "yes" if read.p1 else "no"
        yield "P2 in force", "yes" if read.p2 else "no"
        for licence in read.all:
            if licence.plans & {P1_PLAN, P2_PLAN}:
                units = f"{_or_none(licence.enabled_units)} enabled, {_or_none(licence.consumed_units)} used"
                yield licence.part_number, f"{licence.status}: {units}"


def _new_groups(reading: TenantReading) -> _Rows:
    if not isinstance(read := reading.new_groups, Unreadable):
        yield "NewUnifiedGroupWritebackDefault", f"{read.words}."


def _domains(reading: TenantReading) -> _Rows:
    if not isinstance(read := reading.domains, Unreadable):
        for domain in read:
            state = "verified" if domain.verified else "not verified"
            roles = [word for word, on in (("default", domain.default), ("initial", domain.initial)) if on]
            yield domain.name, ", ".join([state, *roles, domain.authentication, *domain.services])


def _cloud_sync(reading: TenantReading) -> _Rows:
    if not isinstance(read := reading.cloud_sync, Unreadable):
        yield "Jobs", str(len(read.jobs))
        unread = f", {read.unread} not readable" if read.unread else ""
        yield "Other service principals looked at", f"{read.searched}{unread}"
        for job in read.jobs:
            yield job.id, _job(job)


def _job(job: CloudSyncJob) -> str:
    kind = "writes groups to AD" if job.writes_groups_to_ad else "does not write groups to AD"
    kind += ", writes Exchange attributes" if job.kind is JobKind.EXCHANGE_WRITEBACK else ""
    domain = f"for {job.domain}" if job.domain else ""
    parts = [job.configuration, domain, kind, job.state.value, f"last success {_moment(job.last_success)}"]
    if job.quarantine:
        parts.append(f"quarantine: {job.quarantine.reason or 'no reason'} since {_moment(job.quarantine.since)}")
    if isinstance(job.scope, Unreadable):
        parts.append(f"scope not readable: {job.scope.why}")
    else:
        for scope in job.scope:
            filters = " or ".join(
                " and ".join(" ".join((one.attribute, one.operator, *one.values)).strip() for one in clauses)
                for clauses in scope.alternatives
            )
            parts.append(f"{scope.source} where {filters or 'nothing filters'}")
            if scope.container:
                parts.append(f"into {scope.container}")
    count = f"not readable: {job.assigned.why}" if isinstance(job.assigned, Unreadable) else str(len(job.assigned))
    return "; ".join([*filter(None, parts), f"assigned: {count}"])


def _permissions(reading: TenantReading) -> _Rows:
    if not isinstance(read := reading.permissions, Unreadable):
        yield "Signed in as", (read.account or "a person") if read.delegated else "an app"
        yield "Granted", ", ".join(read.names) or "nothing"


_PARTS: dict[str, Callable[[TenantReading], _Rows]] = {
    "synchronization": _synchronization,
    "features": _features,
    "containers": _containers,
    "connect": _connect,
    "licences": _licences,
    "new_groups": _new_groups,
    "domains": _domains,
    "cloud_sync": _cloud_sync,
    "agents": _agents,
    "permissions": _permissions,
}
