"""How large Cloud Sync's scopes are against Microsoft's limits, and what arrives empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runbook_lib.cloud_sync.prediction import LARGEST_GROUP
from runbook_lib.graph.tenant.jobs import CloudSyncJob, JobState
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import NOTHING, Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.checks.cloud_sync import NO_JOB, job_name, jobs_for_groups, own_clauses
from runbook_lib.preflight.derived import CloudSyncGroups
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import CLOUD_SYNC, CLOUD_SYNC_GROUPS

_U, _W, _I = Severity.UNKNOWN, Severity.WARNING, Severity.INFO
_OPTIONS = 'Microsoft Entra documentation, "Microsoft Entra provisioning options (Preview)", "Scale limits"'
_HOW = 'Microsoft Entra documentation, "How provisioning to Active Directory works"'


@dataclass(frozen=True, slots=True)
class ScopeLimits:
    """Limits of one way to choose groups (source: ``_OPTIONS``)."""

    groups: int
    members: int


SELECTED = ScopeLimits(10_000, 250_000)
FILTERED = ScopeLimits(20_000, 500_000)
"""All security groups, with at least one attribute filter."""
MOST_USERS, MOST_GROUPS = 200_000, 40_000
"""Of a tenant in which all groups with a filter are supported; a million memberships is the third number, which no call
counts."""
SHOWN_IN_PORTAL = 999
"""Groups that the portal selects and shows."""


def sizes(evidence: Evidence) -> Answers:
    """What each configuration has in scope is within Microsoft's limits."""
    read = evidence[CLOUD_SYNC_GROUPS]
    if not jobs_for_groups(evidence):
        yield NO_JOB
    for job in jobs_for_groups(evidence):
        if isinstance(job.assigned, Unreadable):
            seen = t(
                "What is assigned to a configuration could not be read: {sentence}", sentence=job.assigned.sentence
            )
            yield _size(job, "size-unknown", _U, seen, {"job": job.id})
        elif job.assigned:
            yield from _selected(job, job.assigned, read)
        else:
            yield from _filtered(job, read)


@dataclass(frozen=True, slots=True)
class _Scope:
    """Groups that are, or can be, in a configuration's scope, as far as they were counted."""

    groups: int
    members: int
    large: dict[str, int]
    uncounted: int

    def at_least(self, number: Text) -> Text:
        """A number that is too small where something was not counted."""
        return t("at least {number}", number=number) if self.uncounted else number

    @property
    def values(self) -> dict[str, object]:
        """The numbers, for a finding."""
        return {"groups": self.groups, "members": self.members, "uncounted": self.uncounted}

    def over(self, limits: ScopeLimits) -> Text:
        """What is over the limits, in words; empty: nothing that was counted."""
        parts = []
        if self.groups > limits.groups:
            parts.append(t("{groups:,} groups of {most:,}", groups=self.groups, most=limits.groups))
        if self.members > limits.members:
            parts.append(
                t(
                    "{members} direct members of {most:,}",
                    members=self.at_least(t("{number:,}", number=self.members)),
                    most=limits.members,
                )
            )
        return joined(parts, t(" and "))


def _scope(ids: Sequence[str], read: CloudSyncGroups) -> _Scope:
    counted = {one: read.members[one] for one in ids if one in read.members}
    large = {one: number for one, number in counted.items() if number > LARGEST_GROUP}
    groups = sum(one not in read.no_groups for one in ids)  # people can be assigned too
    return _Scope(groups, sum(counted.values()), large, sum(one in read.uncounted for one in ids))


def _selected(job: CloudSyncJob, chosen: Sequence[str], read: CloudSyncGroups) -> Iterator[Finding]:
    scope = _scope(chosen, read)
    values: dict[str, object] = {"job": job.id, **scope.values}
    over = scope.over(SELECTED)
    if over:
        yield _size(job, "too-large", _W, t("A configuration has {over} in scope.", over=over), values)
    elif scope.uncounted:
        yield _uncounted(job, scope, t("are assigned"), values)
    if scope.large:
        yield _size(
            job, "group-too-large", _W, t("In scope: {large}.", large=_large(scope)), {**values, "large": scope.large}
        )
    if scope.groups > SHOWN_IN_PORTAL and not over:
        seen = t(
            "{groups:,} groups are assigned; the portal selects and shows {shown_in_portal} of them.",
            groups=scope.groups,
            shown_in_portal=SHOWN_IN_PORTAL,
        )
        yield _size(job, "beyond-portal", _I, seen, values)


def _filtered(job: CloudSyncJob, read: CloudSyncGroups) -> Iterator[Finding]:
    """Which groups a filter takes is not worked out: those that every configuration starts from are the most."""
    scope = _scope(read.candidates or (), read)
    written = sum(number for kind, number in job.counts.items() if "group" in kind.casefold())
    values: dict[str, object] = {"job": job.id, **scope.values, "written": written}
    most = t(
        "Up to {groups} can be in scope, with {members}",
        groups=counted(scope.groups, "security group"),
        members=scope.at_least(counted(scope.members, "direct member")),
    )
    if written > FILTERED.groups:
        seen = t(
            "A configuration has {written:,} groups of {groups:,} in scope.", written=written, groups=FILTERED.groups
        )
        yield _size(job, "too-large", _W, seen, values)
    elif scope.over(FILTERED):
        seen = t(
            "{most}; how many of them its filter takes was not worked out, the job reports {written:,}.",
            most=most,
            written=written,
        )
        yield _size(job, "size-unknown", _U, seen, values)
    elif scope.uncounted:
        yield _uncounted(job, scope, t("can be in scope"), values)
    if scope.large:
        yield _size(
            job,
            "group-too-large",
            _U,
            t("Can be in scope: {large}.", large=_large(scope)),
            {**values, "large": scope.large},
        )
    if not own_clauses(job) and not isinstance(job.scope, Unreadable):
        seen = t("No group is assigned and no attribute filters: all of these, or none. {most}.", most=most)
        yield _size(job, "unbounded", _I, seen, values)
    yield from _tenant(job, read)


def _tenant(job: CloudSyncJob, read: CloudSyncGroups) -> Iterator[Finding]:
    numbers = ((t("users"), read.tenant_users, MOST_USERS), (t("groups"), read.tenant_groups, MOST_GROUPS))
    values: dict[str, object] = {"job": job.id, "users": read.tenant_users, "groups": read.tenant_groups}
    over = joined(
        (t("{n:,} {what}", n=n, what=what) for what, n, most in numbers if n is not None and n >= most), t(" and ")
    )
    unread = joined((what for what, n, _ in numbers if n is None), t(" and "))
    rule = t(
        "All groups with a filter is for tenants below {most_users:,} users, {most_groups:,} groups and "
        "1,000,000 memberships",
        most_users=MOST_USERS,
        most_groups=MOST_GROUPS,
    )
    if over:
        yield _size(job, "tenant-too-large", _W, t("The tenant has {over}. {rule}.", over=over, rule=rule), values)
    elif unread:
        yield _size(
            job,
            "tenant-size-unknown",
            _U,
            t("The {unread} of the tenant were not counted. {rule}.", unread=unread, rule=rule),
            values,
        )


def _large(scope: _Scope) -> Text:
    some = ", ".join(f"{one} ({number:,})" for one, number in sorted(scope.large.items())[:5])
    return t(
        "{large} of more than {largest_group:,} direct members: {some}",
        large=counted(len(scope.large), "group"),
        largest_group=LARGEST_GROUP,
        some=some,
    )


def _uncounted(job: CloudSyncJob, scope: _Scope, what: Text, values: dict[str, object]) -> Finding:
    seen = t(
        "The members of {uncounted:,} of {groups} that {what} were not counted; {members:,} are the least.",
        uncounted=scope.uncounted,
        groups=counted(scope.groups, "group"),
        what=what,
        members=scope.members,
    )
    return _size(job, "members-not-counted", _U, seen, values)


def _size(job: CloudSyncJob, state: str, severity: Severity, seen: Text, values: dict[str, object]) -> Finding:
    return Finding(
        id=f"cloud-sync-{state}:{job.id}",
        severity=severity,
        seen=t("{seen} {job_name}.", seen=seen, job_name=job_name(job)),
        expected=t(
            "Selected: up to {groups:,} groups and {members:,} direct members. All with a "
            "filter: up to {filtered_groups:,} and {filtered_members:,}. No group of more than {largest_group:,} "
            "members.",
            groups=SELECTED.groups,
            members=SELECTED.members,
            filtered_groups=FILTERED.groups,
            filtered_members=FILTERED.members,
            largest_group=LARGEST_GROUP,
        ),
        why=t(
            "Beyond the limits runs become slow and end with errors; nothing refuses the "
            "configuration. A larger group is not supported."
        ),
        to_do=_TO_DO[severity],
        source=_OPTIONS,
        values=values,
        acknowledgeable=severity is not _I,
    )


_TO_DO = {
    _I: NOTHING,
    _U: t("Compare the number of groups in the job's provisioning log with the limits, then acknowledge this finding."),
    _W: t("Take groups out of the scope; one domain cannot be split over configurations."),
}


def arrive_empty(evidence: Evidence) -> Answers:
    """No group that Cloud Sync writes is empty in Active Directory while its members are there."""
    if not any(job.state in (JobState.ACTIVE, JobState.IN_PROGRESS) for job in jobs_for_groups(evidence)):
        yield NothingToCheck(t("No Cloud Sync configuration that writes groups is running."))
        return
    read = evidence[CLOUD_SYNC_GROUPS]
    if read.not_looked_up:
        yield Finding(
            id="cloud-sync-groups-empty-not-all",
            severity=_U,
            seen=t(
                "{looked_at:,} of {all_empty:,} groups of Cloud Sync that have no member "
                "in Active Directory were looked up in the cloud.",
                looked_at=len(read.empty),
                all_empty=len(read.empty) + read.not_looked_up,
            ),
            expected=t("All of them."),
            why=t("Of the others it is not known whether members are missing."),
            to_do=t("Look at what is found for those first: the cause is usually the same. Then run again."),
            source=_HOW,
            values={"looked_up": len(read.empty), "not_looked_up": read.not_looked_up},
            acknowledgeable=True,
        )
    hit = [one for one, found in read.synchronized.items() if found]
    unclear = [one for one, found in read.synchronized.items() if found is None]
    for ids, severity, what in (
        (hit, _W, t("synchronized users among their members in the cloud")),
        (unclear, _U, t("members in the cloud, and whether synchronized users are among them is not known")),
    ):
        if ids:
            some = first_of([read.empty[one] for one in ids], 5, "; ")
            yield Finding(
                id="cloud-sync-groups-empty" if severity is _W else "cloud-sync-groups-empty-unknown",
                severity=severity,
                seen=t(
                    "No member in Active Directory, {groups} of Cloud Sync, and {what}: {some}.",
                    groups=counted(len(ids), "group"),
                    what=what,
                    some=printable(some, limit=400),
                ),
                expected=t("Members that have an account here."),
                why=t(
                    'Cloud Sync writes synchronized users as members only where "Provision membership to '
                    'on-premises users" is on, and it is off by default. Graph does not show it; this is '
                    "what it looks like."
                ),
                to_do=t(
                    "Look at that switch in the configuration, or convert the source of authority of "
                    "these groups, which Microsoft recommends."
                ),
                source=f"{_HOW}; {_OPTIONS}",
                values={"groups": {one: read.empty[one] for one in ids}},
                acknowledgeable=True,
            )


CHECKS: tuple[Check, ...] = (
    Check(
        "cloud-sync-size",
        t("Cloud Sync's scopes are within Microsoft's limits"),
        (CLOUD_SYNC, CLOUD_SYNC_GROUPS),
        on(cloud_sync=_W),
        sizes,
    ),
    Check(
        "cloud-sync-empty",
        t("Cloud Sync's groups arrive with their members"),
        (CLOUD_SYNC, CLOUD_SYNC_GROUPS),
        on(cloud_sync=_U),
        arrive_empty,
    ),
)
