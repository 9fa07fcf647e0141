"""What was read of the tenant, and which permissions each notebook needs, as rows of tables."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from runbook_lib.cloud_sync.configuration import Notification
from runbook_lib.graph.tenant.jobs import CloudSync, CloudSyncJob, JobKind
from runbook_lib.graph.tenant.parts import (
    P1_PLAN,
    P2_PLAN,
    Agents,
    ConnectReport,
    Domain,
    GrantedPermissions,
    Licences,
    NewGroupDefault,
    Synchronization,
    SynchronizationFeatures,
    WritebackContainers,
)
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.reading import Part, Unreadable
from runbook_lib.model.text import NOTHING, Text, from_table, joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.derived import notification_text
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import (
    AGENTS,
    CLOUD_SYNC,
    CLOUD_SYNC_NOTIFICATIONS,
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
        opens: What it lets the runbook read, or change, in words.
        when: ``parameter=value`` where it is asked for with that value alone; empty: always.
    """

    name: str
    higher: frozenset[str]
    notebooks: tuple[str, ...]
    opens: Text
    when: str = ""

    def granted(self, names: Iterable[str]) -> bool:
        """Whether one of ``names`` is it or a higher one."""
        return not {self.name, *self.higher}.isdisjoint(names)

    def asked(self, parameters: Parameters) -> bool:
        """Whether it is asked for with these parameters."""
        name, _, value = self.when.partition("=")
        return not name or str(getattr(parameters, name)).casefold() == value


@cache
def needed_permissions() -> tuple[Permission, ...]:
    """Every permission that the runbook asks for, whatever the route."""
    return _permissions_of("permissions.csv")


@cache
def cloud_sync_permissions() -> tuple[Permission, ...]:
    """What the notebooks that change something ask for beside those on the route cloud-sync."""
    return _permissions_of("cloud_sync_permissions.csv")


@cache
def connect_sync_permissions() -> tuple[Permission, ...]:
    """The same for the route connect-sync."""
    return _permissions_of("connect_sync_permissions.csv")


def _permissions_of(table: str) -> tuple[Permission, ...]:
    text = files("runbook_lib.preflight").joinpath(table).read_text(encoding="utf-8")
    return tuple(
        Permission(
            row["permission"],
            frozenset(row["higher"].split()),
            tuple(row["notebooks"].split()),
            from_table(row["opens"]),
            row.get("when") or "",
        )
        for row in csv.DictReader(text.splitlines())
    )


def notebooks() -> tuple[str, ...]:
    """Every notebook that needs a permission, in order."""
    return tuple(sorted({name for permission in needed_permissions() for name in permission.notebooks}))


def notebooks_by_cloud_sync() -> tuple[str, ...]:
    """Every notebook that changes a Cloud Sync configuration, in order."""
    return tuple(sorted({name for permission in cloud_sync_permissions() for name in permission.notebooks}))


def notebooks_by_connect_sync() -> tuple[str, ...]:
    """Every notebook that changes something in the tenant on the route connect-sync, in order."""
    return tuple(sorted({name for permission in connect_sync_permissions() for name in permission.notebooks}))


def can_write(name: str) -> bool:
    """Whether a permission, by its name, lets its holder change something."""
    return _WRITES.search(name) is not None


class TenantFact(NamedTuple):
    """One row."""

    subject: Text
    fact: Text
    value: Text


def tenant_facts(evidence: Evidence) -> tuple[TenantFact, ...] | None:
    """Every row; a part that could not be read is one row that says why. None where the tenant could not be read."""
    reading = evidence.get(TENANT)
    if reading is None:
        return None
    rows = [
        TenantFact(t("Tenant"), t("Name"), verbatim(reading.tenant.display_name)),
        TenantFact(t("Tenant"), t("Id"), verbatim(reading.tenant.id)),
        TenantFact(t("Tenant"), t("Cloud"), verbatim(reading.cloud.title)),
    ]
    for part, facts_of in _TOLD.items():
        if unread := evidence.unreadable(part):
            if part.inside is TENANT:  # what is read for one of these has no value for the same reason
                rows.append(TenantFact(part.title, t("Not readable"), unread.clause))
        else:
            rows += [
                TenantFact(part.title, verbatim(fact), verbatim(value)) for fact, value in facts_of(evidence[part])
            ]
    return tuple(rows)


_Rows = Iterator[tuple[str, str]]


def _moment(at: datetime | None) -> Text:
    return t("no value") if at is None else verbatim(to_the_minute(at))


def _or_none(value: object) -> Text:
    return t("no value") if value in (None, "") else verbatim(str(value))


def _synchronization(read: Synchronization) -> _Rows:
    yield t("On"), {True: t("yes"), False: t("no, it was once"), None: t("never was")}[read.enabled]
    yield t("Last synchronization"), _moment(read.last_sync)


def _features(read: SynchronizationFeatures) -> _Rows:
    yield t("Group writeback v1 (unifiedGroupWritebackEnabled)"), read.connect_v1.value
    yield t("Group writeback V2 (groupWriteBackEnabled)"), read.connect_v2.value
    prevention = read.deletion_prevention
    yield t("Protection from deletions"), prevention.kind if prevention else t("no value")
    yield t("Its threshold"), _or_none(prevention.threshold if prevention else None)


def _containers(read: WritebackContainers) -> _Rows:
    yield t("Container of Microsoft 365 groups"), _or_none(read.unified_groups)
    yield t("Container of users"), _or_none(read.users)


def _connect(read: ConnectReport) -> _Rows:
    yield t("Build"), _or_none(read.version)
    pending = (read.pending_additions, read.pending_updates, read.pending_deletions)
    yield t("Waiting to be exported: added, updated, deleted"), joined(map(_or_none, pending), ", ")
    yield t("Objects"), _or_none(read.objects)


def _agents(read: Agents) -> _Rows:
    yield t("Domains with agents"), ", ".join(sorted(read.domains)) or t("none")
    for agent in read.all:
        status = verbatim(agent.status) or t("no state")
        domains = ", ".join(sorted(agent.domains))
        shown = t("{status} for {domains}", status=status, domains=domains) if domains else status
        yield agent.machine or t("(without a name)"), shown


def _licences(read: Licences) -> _Rows:
    yield t("P1 in force"), t("yes") if read.p1 else t("no")
    yield t("P2 in force"), t("yes") if read.p2 else t("no")
    for licence in read.all:
        if licence.plans & {P1_PLAN, P2_PLAN}:
            yield (
                licence.part_number,
                t(
                    "{status}: {enabled} enabled, {used} used",
                    status=licence.status,
                    enabled=_or_none(licence.enabled_units),
                    used=_or_none(licence.consumed_units),
                ),
            )


def _new_groups(read: NewGroupDefault) -> _Rows:
    yield "NewUnifiedGroupWritebackDefault", t("{text}.", text=read.text)


def _domains(read: tuple[Domain, ...]) -> _Rows:
    for domain in read:
        state = t("verified") if domain.verified else t("not verified")
        roles = [role for role, on in ((t("default"), domain.default), (t("initial"), domain.initial)) if on]
        yield domain.name, joined([state, *roles, domain.authentication, *domain.services], ", ")


def _cloud_sync(read: CloudSync) -> _Rows:
    yield t("Jobs"), str(len(read.jobs))
    searched = t("{searched}, {unread} not readable", searched=read.searched, unread=read.unread)
    yield t("Other service principals looked at"), searched if read.unread else str(read.searched)
    for job in read.jobs:
        yield job.id, _job(job)


def _job(job: CloudSyncJob) -> Text:
    kind = t("writes groups to AD") if job.writes_groups_to_ad else t("does not write groups to AD")
    writeback = t("writes Exchange attributes") if job.kind is JobKind.EXCHANGE_WRITEBACK else NOTHING
    domain = t("for {domain}", domain=job.domain) if job.domain else NOTHING
    parts = [
        job.configuration,
        domain,
        joined((kind, writeback), ", "),
        job.state.value,
        t("last success {moment}", moment=_moment(job.last_success)),
    ]
    if job.quarantine:
        reason = job.quarantine.reason or job.quarantine.code or t("no reason")
        parts.append(t("quarantine: {reason} since {moment}", reason=reason, moment=_moment(job.quarantine.since)))
    elif job.error:
        parts.append(t("last error: {code}", code=job.error.code or job.error.message))
    if isinstance(job.scope, Unreadable):
        parts.append(t("scope not readable: {clause}", clause=job.scope.clause))
    else:
        for scope in job.scope:
            filters = joined(
                (
                    joined(
                        (" ".join((one.attribute, one.operator, *one.values)).strip() for one in clauses), t(" and ")
                    )
                    for clauses in scope.alternatives
                ),
                t(" or "),
            )
            parts.append(t("{source} where {filters}", source=scope.source, filters=filters or t("nothing filters")))
            if scope.container:
                parts.append(t("into {container}", container=scope.container))
            if scope.of_groups and scope.mapped:
                parts += [_mapped(scope.mapped, name) for name in ("cn", "sAMAccountName")]
    count = (
        t("not readable: {clause}", clause=job.assigned.clause)
        if isinstance(job.assigned, Unreadable)
        else str(len(job.assigned))
    )
    return joined([*parts, t("assigned: {count}", count=count)], "; ")


def _mapped(mapped: Mapping[str, str], name: str) -> Text:
    """What fills an attribute; AD chooses a sAMAccountName that nothing fills."""
    if name.casefold() in mapped:
        return t("{name} = {expression}", name=name, expression=printable(mapped[name.casefold()], limit=200))
    return t("{name} not mapped", name=name)


def _notifications(read: Mapping[str, Notification | Unreadable | None]) -> _Rows:
    for job, one in read.items():
        yield job, one.clause if isinstance(one, Unreadable) else notification_text(one)


def _permissions(read: GrantedPermissions) -> _Rows:
    yield t("Signed in as"), (read.account or t("a person")) if read.delegated else t("an app")
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
    CLOUD_SYNC_NOTIFICATIONS: _notifications,
    AGENTS: _agents,
    PERMISSIONS: _permissions,
}
"""What is told of each part of the tenant."""
