"""How large Cloud Sync's scopes are against Microsoft's limits, what arrives empty, how written groups are named."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.graph.tenant import CloudSyncJob, JobState, Unreadable
from runbook_lib.model.enforcement import SOA_ATTRIBUTE
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.checks.cloud_sync import NO_JOB, job_name, jobs_for_groups, own_clauses
from runbook_lib.preflight.evidence import Evidence, known

_U, _W, _I = Severity.UNKNOWN, Severity.WARNING, Severity.INFO
_OPTIONS = 'Microsoft Entra documentation, "Microsoft Entra provisioning options (Preview)", "Scale limits"'
_MAPPING = 'Microsoft Entra documentation, "Configure Microsoft Entra ID to Active Directory provisioning"'
_HOW = 'Microsoft Entra documentation, "How provisioning to Active Directory works"'


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one way to choose groups (source: ``_OPTIONS``)."""

    groups: int
    members: int


SELECTED = Limits(10_000, 250_000)
FILTERED = Limits(20_000, 500_000)
"""All security groups, with at least one attribute filter."""
LARGEST_GROUP = 50_000
SHOWN_IN_PORTAL = 999


def sizes(evidence: Evidence) -> Answers:
    """What each configuration has in scope is within Microsoft's limits."""
    read = known(evidence.cloud_sync_groups)
    if not jobs_for_groups(evidence):
        yield NO_JOB
    for job in jobs_for_groups(evidence):
        chosen = () if isinstance(job.assigned, Unreadable) else job.assigned
        counted = {one: read.members[one] for one in chosen if one in read.members}
        limits = SELECTED if chosen else FILTERED
        groups = len(chosen) if chosen else sum(n for kind, n in job.counts.items() if "group" in kind.casefold())
        members = sum(counted.values())
        over = [
            f"{number:,} {what} of {most:,}"
            for number, what, most in ((groups, "groups", limits.groups), (members, "direct members", limits.members))
            if number > most
        ]
        values = {"job": job.id, "groups": groups, "members": members, "uncounted": read.uncounted}
        if over:
            yield _size(job, "too-large", _W, f"A configuration has {' and '.join(over)} in scope.", values)
        large = {one: number for one, number in counted.items() if number > LARGEST_GROUP}
        if large:
            some = ", ".join(f"{one} ({number:,})" for one, number in sorted(large.items())[:5])
            seen = f"{len(large)} groups in scope have more than {LARGEST_GROUP:,} direct members: {some}."
            yield _size(job, "group-too-large", _W, seen, {**values, "large": large})
        if len(chosen) > SHOWN_IN_PORTAL and not over:
            seen = f"{len(chosen):,} groups are assigned; the portal selects and shows {SHOWN_IN_PORTAL} of them."
            yield _size(job, "beyond-portal", _I, seen, values)
        if not chosen and not isinstance(job.assigned, Unreadable) and not own_clauses(job):
            seen = "No group is assigned and no attribute filters: every security group of the tenant, or none."
            yield _size(job, "unbounded", _I, seen, values)
    if read.uncounted:
        yield Finding(
            id="cloud-sync-members-not-counted",
            severity=_I,
            seen=f"The members of {read.uncounted:,} assigned groups were not counted.",
            why="Whether the configurations are within Microsoft's limits is known for the others alone.",
            source=_OPTIONS,
            values={"uncounted": read.uncounted},
        )


def _size(job: CloudSyncJob, state: str, severity: Severity, seen: str, values: dict[str, object]) -> Finding:
    return Finding(
        id=f"cloud-sync-{state}:{job.id}",
        severity=severity,
        seen=f"{seen} {job_name(job)}.",
        expected=f"Selected: up to {SELECTED.groups:,} groups and {SELECTED.members:,} direct members. All with a "
        f"filter: up to {FILTERED.groups:,} and {FILTERED.members:,}. No group of more than {LARGEST_GROUP:,} members.",
        why="Beyond the limits runs become slow and end with errors; nothing refuses the configuration. A larger "
        "group is not supported.",
        to_do="" if severity is _I else "Take groups out of the scope; one domain cannot be split over configurations.",
        source=_OPTIONS,
        values=values,
        acknowledgeable=severity is not _I,
    )


def arrive_empty(evidence: Evidence) -> Answers:
    """No group that Cloud Sync writes is empty in Active Directory while its members are there."""
    if not any(job.state in (JobState.ACTIVE, JobState.IN_PROGRESS) for job in jobs_for_groups(evidence)):
        yield NothingToCheck("No Cloud Sync configuration that writes groups is running.")
        return
    read = known(evidence.cloud_sync_groups)
    hit = [one for one, found in read.synchronized.items() if found]
    unclear = [one for one, found in read.synchronized.items() if found is None]
    for ids, severity, what in (
        (hit, _W, "synchronized users among their members in the cloud"),
        (unclear, _U, "users among their members in the cloud, and whether those are synchronized is not readable"),
    ):
        if ids:
            some = "; ".join(read.empty[one] for one in ids[:5]) + ("; …" if len(ids) > 5 else "")
            yield Finding(
                id="cloud-sync-groups-empty" if severity is _W else "cloud-sync-groups-empty-unknown",
                severity=severity,
                seen=f"{len(ids)} groups of Cloud Sync have no member in Active Directory and {what}: "
                f"{printable(some, limit=400)}.",
                expected="Members that have an account here.",
                why='Cloud Sync writes synchronized users as members only where "Provision membership to on-premises '
                'users" is on, and it is off by default. Graph does not show it; this is what it looks like.',
                to_do="Look at that switch in the configuration, or convert the source of authority of these groups, "
                "which Microsoft recommends.",
                source=f"{_HOW}; {_OPTIONS}",
                values={"groups": {one: read.empty[one] for one in ids}},
                acknowledgeable=True,
            )


def mappings(evidence: Evidence) -> Answers:
    """What a configuration's mapping of groups leaves to Active Directory, and whether it marks groups."""
    jobs = jobs_for_groups(evidence)
    shown = [(job, part) for job in jobs for part in job.of_groups if part.enabled and part.mapped]
    if not shown:
        yield NothingToCheck("No configuration shows a mapping of groups.") if jobs else NO_JOB
    for job, part in shown:
        if "samaccountname" not in part.mapped:
            yield Finding(
                id=f"cloud-sync-random-account-names:{job.id}",
                severity=_I,
                seen=f"sAMAccountName is not mapped, so Active Directory makes a random one. {job_name(job)}.",
                why="File servers, scripts and Windows dialogs show that name.",
                source=_MAPPING,
                values={"job": job.id},
            )
        if SOA_ATTRIBUTE.casefold() in part.mapped:
            yield Finding(
                id=f"cloud-sync-marks-groups:{job.id}",
                severity=_I,
                seen=f"msDS-ObjectSoa is mapped: groups are marked as governed by the cloud. {job_name(job)}.",
                why="Where a policy of AD object enforcement is on, only accounts on its list change them.",
                source='Microsoft Entra documentation, "Microsoft Entra AD object enforcement (Preview)"',
                values={"job": job.id, "expression": part.mapped[SOA_ATTRIBUTE.casefold()]},
            )


CHECKS: tuple[Check, ...] = (
    Check(
        "cloud-sync-size",
        "Cloud Sync's scopes are within Microsoft's limits",
        ("tenant.cloud_sync", "cloud_sync_groups"),
        on(cloud_sync=_W),
        sizes,
    ),
    Check(
        "cloud-sync-empty",
        "Cloud Sync's groups arrive with their members",
        ("tenant.cloud_sync", "cloud_sync_groups"),
        on(cloud_sync=_U),
        arrive_empty,
    ),
    Check(
        "cloud-sync-mapping",
        "Cloud Sync's mapping names groups and marks none",
        ("tenant.cloud_sync",),
        on(cloud_sync=_I),
        mappings,
    ),
)
