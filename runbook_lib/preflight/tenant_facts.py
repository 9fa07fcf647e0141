"""What was read of the tenant, and which permissions each notebook needs, as rows of tables."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from runbook_lib.graph.tenant import (
    Agents,
    CloudSync,
    CloudSyncJob,
    ConnectReport,
    Domain,
    GrantedPermissions,
    JobKind,
    Licences,
    NewGroupDefault,
    Synchronization,
    SynchronizationFeatures,
    WritebackContainers,
)
from runbook_lib.graph.tenant.parts import P1_PLAN, P2_PLAN
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.reading import Part, Unreadable
from runbook_lib.model.text import Text, from_table
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import (
    AGENTS,
    CLOUD_SYNC,
    CONNECT,
    CONTAINERS,
    DOMAINS,
    FEATURES,
    LICENCES,
    NEW_GROUPS,
    PERMISSIONS,
    SYNCHRONIZATION,
    TENANT,
)

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
    opens: Text

    def granted(self, names: Iterable[str]) -> bool:
        """Whether one of ``names`` is it or a higher one."""
        return not {self.name, *self.higher}.isdisjoint(names)


@cache
def needed_permissions() -> tuple[Permission, ...]:
    """Every permission that the runbook asks for."""
    text = files("runbook_lib.preflight").joinpath("permissions.csv").read_text(encoding="utf-8")
    return tuple(
        Permission(
            row["permission"],
            frozenset(row["higher"].split()),
            tuple(row["notebooks"].split()),
            from_table(row["opens"]),
        )
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


def tenant_facts(evidence: Evidence) -> tuple[TenantFact, ...] | None:
    """Every row; a part that could not be read is one row that says why. None where the tenant could not be read."""
    reading = evidence.get(TENANT)
    if reading is None:
        return None
    rows = [
        TenantFact("Tenant", "Name", reading.tenant.display_name),
        TenantFact("Tenant", "Id", reading.tenant.id),
        TenantFact("Tenant", "Cloud", reading.cloud.title),
    ]
    for part, facts_of in _TOLD.items():
        if unread := evidence.unreadable(part):
            rows.append(TenantFact(part.title, "Not readable", unread.clause))
        else:
            rows += [TenantFact(part.title, fact, shown) for fact, shown in facts_of(evidence[part])]
    return tuple(rows)


_Rows = Iterator[tuple[str, str]]


def _moment(at: datetime | None) -> str:
    return "no value" if at is None else to_the_minute(at)


def _or_none(value: object) -> str:
    return "no value" if value in (None, "") else str(value)


def _synchronization(read: Synchronization) -> _Rows:
    yield "On", {True: "yes", False: "no, it was once", None: "never was"}[read.enabled]
    yield "Last synchronization", _moment(read.last_sync)


def _features(read: SynchronizationFeatures) -> _Rows:
    yield "Group writeback v1 (unifiedGroupWritebackEnabled)", read.connect_v1.value
    yield "Group writeback V2 (groupWriteBackEnabled)", read.connect_v2.value
    prevention = read.deletion_prevention
    yield "Protection from deletions", prevention.kind if prevention else "no value"
    yield "Its threshold", _or_none(prevention.threshold if prevention else None)


def _containers(read: WritebackContainers) -> _Rows:
    yield "Container of Microsoft 365 groups", _or_none(read.unified_groups)
    yield "Container of users", _or_none(read.users)


def _connect(read: ConnectReport) -> _Rows:
    yield "Build", _or_none(read.version)
    pending = (read.pending_additions, read.pending_updates, read.pending_deletions)
    yield "Waiting to be exported: added, updated, deleted", ", ".join(map(_or_none, pending))
    yield "Objects", _or_none(read.objects)


def _agents(read: Agents) -> _Rows:
    yield "Domains with agents", ", ".join(sorted(read.domains)) or "none"
    for agent in read.all:
        domains = f" for {', '.join(sorted(agent.domains))}" if agent.domains else ""
        yield agent.machine or "(without a name)", f"{agent.status or 'no state'}{domains}"


def _licences(read: Licences) -> _Rows:
    yield "P1 in force", "yes" if read.p1 else "no"
    yield "P2 in force", "yes" if read.p2 else "no"
    for licence in read.all:
        if licence.plans & {P1_PLAN, P2_PLAN}:
            units = f"{_or_none(licence.enabled_units)} enabled, {_or_none(licence.consumed_units)} used"
            yield licence.part_number, f"{licence.status}: {units}"


def _new_groups(read: NewGroupDefault) -> _Rows:
    yield "NewUnifiedGroupWritebackDefault", f"{read.text}."


def _domains(read: tuple[Domain, ...]) -> _Rows:
    for domain in read:
        state = "verified" if domain.verified else "not verified"
        roles = [word for word, on in (("default", domain.default), ("initial", domain.initial)) if on]
        yield domain.name, ", ".join([state, *roles, domain.authentication, *domain.services])


def _cloud_sync(read: CloudSync) -> _Rows:
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
        reason = job.quarantine.reason or job.quarantine.code or "no reason"
        parts.append(f"quarantine: {reason} since {_moment(job.quarantine.since)}")
    elif job.error:
        parts.append(f"last error: {job.error.code or job.error.message}")
    if isinstance(job.scope, Unreadable):
        parts.append(f"scope not readable: {job.scope.clause}")
    else:
        for scope in job.scope:
            filters = " or ".join(
                " and ".join(" ".join((one.attribute, one.operator, *one.values)).strip() for one in clauses)
                for clauses in scope.alternatives
            )
            parts.append(f"{scope.source} where {filters or 'nothing filters'}")
            if scope.container:
                parts.append(f"into {scope.container}")
    count = f"not readable: {job.assigned.clause}" if isinstance(job.assigned, Unreadable) else str(len(job.assigned))
    return "; ".join([*filter(None, parts), f"assigned: {count}"])


def _permissions(read: GrantedPermissions) -> _Rows:
    yield "Signed in as", (read.account or "a person") if read.delegated else "an app"
    yield "Granted", ", ".join(read.names) or "nothing"


_TOLD: dict[Part[Any, Any], Callable[[Any], _Rows]] = {
    SYNCHRONIZATION: _synchronization,
    FEATURES: _features,
    CONTAINERS: _containers,
    CONNECT: _connect,
    LICENCES: _licences,
    NEW_GROUPS: _new_groups,
    DOMAINS: _domains,
    CLOUD_SYNC: _cloud_sync,
    AGENTS: _agents,
    PERMISSIONS: _permissions,
}
"""What is told of each part of the tenant."""
