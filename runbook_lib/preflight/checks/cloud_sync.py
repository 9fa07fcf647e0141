"""Cloud Sync's configurations that write groups: running or not, and their scope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from runbook_lib.cloud_sync.configuration import MOST_CONFIGURATIONS, PREREQUISITES, WITHOUT_GOVERNANCE
from runbook_lib.cloud_sync.service_errors import quarantine_text, quarantine_to_do
from runbook_lib.graph.tenant.jobs import CloudSyncJob, JobKind, JobState, ScopeClause
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import NOTHING, Text, counted, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import CLOUD_SYNC, LICENCES

CLOUD_SYNC_INTERVAL = timedelta(minutes=20)
"""Cloud Sync's schedule for groups ("Group provisioning to Active Directory, prerequisites")."""
CLOUD_SYNC_LATE = 6 * CLOUD_SYNC_INTERVAL
"""Our threshold: six intervals without a success are no longer one slow run."""
PRE_FILTER = frozenset({"securityenabled", "dirsyncenabled", "mailenabled"})
"""What every configuration for groups filters by ("Attribute mapping - Microsoft Entra ID to Active Directory")."""

_B, _U, _W, _I = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING, Severity.INFO
_JOB = 'Microsoft Graph documentation, "synchronizationJob", "synchronizationStatus"'
_STOPPED = {
    JobState.PAUSED: t("is paused"),
    JobState.DISABLED: t("is disabled"),
    JobState.NOT_RUN: t("has never run"),
    JobState.NOT_CONFIGURED: t("is not configured"),
}
_RUNNING = (JobState.ACTIVE, JobState.IN_PROGRESS)


NO_JOB = NothingToCheck(t("No Cloud Sync configuration writes groups."))


def jobs_for_groups(evidence: Evidence) -> tuple[CloudSyncJob, ...]:
    """The jobs that write groups to Active Directory."""
    return evidence[CLOUD_SYNC].writing_groups


def job_name(job: CloudSyncJob) -> Text:
    """How sentences name a job."""
    name = printable(job.configuration) or t("(without a name)")
    return t("The Cloud Sync configuration {name} ({id})", name=name, id=printable(job.id))


def cloud_sync_absent(evidence: Evidence) -> Iterator[Finding]:
    """There is a configuration that writes groups."""
    if jobs_for_groups(evidence):
        return
    read = evidence[CLOUD_SYNC]
    unread = [job.id for job in read.jobs if job.kind is JobKind.OTHER and isinstance(job.scope, Unreadable)]
    # Without its schema a job is known by its id alone, and a newer kind of configuration may have another id.
    hidden = len(unread) + read.unread
    made = evidence.parameters.cloud_sync_create
    yield Finding(
        id="cloud-sync-absent",
        severity=_I if made else _U if hidden else _B,
        seen=t(
            "No Cloud Sync configuration that writes groups to Active Directory was found among "
            "the configurations (jobs: {jobs}) and other service principals ({searched})",
            jobs=len(read.jobs),
            searched=read.searched,
        )
        + (t("; {hidden} could not be looked at.", hidden=hidden) if hidden else t(".")),
        expected=t("A configuration Microsoft Entra ID to AD sync that has groups in scope."),
        why=t("Without it Cloud Sync writes no group."),
        to_do=t("30-enable-writeback makes one, because cloud_sync_create is true.")
        if made
        else t(
            "Let 30-enable-writeback make one (cloud_sync_create), make it in the Entra admin center (Entra Connect, "
            "Cloud sync), or take the route direct."
        ),
        source='Microsoft Entra documentation, "Provision groups to Active Directory using Cloud Sync"',
        values={"configurations": len(read.jobs), "searched": read.searched, "unread": unread, "hidden": hidden},
        acknowledgeable=True,
    )


def states(evidence: Evidence) -> Answers:
    """Every configuration for groups runs."""
    jobs = jobs_for_groups(evidence)
    if not jobs:
        yield NO_JOB
    some_run = any(job.state in _RUNNING for job in jobs)
    for job in jobs:
        if job.state is JobState.QUARANTINE:
            yield _quarantined(job)
        elif job.state in _STOPPED:
            yield _state(
                job,
                "stopped",
                _W if some_run else _B,
                t("{job_name} {stopped}.", job_name=job_name(job), stopped=_STOPPED[job.state]),
            )
        elif job.state is JobState.UNKNOWN:
            yield _state(
                job,
                "unknown",
                _U,
                t("The state of the job is not one that is documented. {job_name}.", job_name=job_name(job)),
            )


def _quarantined(job: CloudSyncJob) -> Finding:
    quarantine = job.quarantine
    parts = [t("{job} is in quarantine", job=job_name(job))]
    if quarantine and quarantine.since:
        parts.append(t(" since {since}", since=to_the_minute(quarantine.since)))
    text = quarantine_text(quarantine)
    seen = joined((joined(parts, ""), text), ": ") if text else joined((*parts, t(".")), "")
    return _state(job, "quarantine", _B, seen, quarantine_to_do(quarantine))


def _state(job: CloudSyncJob, state: str, severity: Severity, seen: Text, to_do: Text = NOTHING) -> Finding:
    return Finding(
        id=f"cloud-sync-{state}:{job.id}",
        severity=severity,
        seen=seen,
        expected=t("It is active."),
        why=t(
            "What is not running writes nothing; a job in quarantine runs once a day, and many "
            "deletions are one of the reasons."
        ),
        to_do=joined(
            (
                to_do,
                t(
                    "Open the configuration in the Entra admin center, fix the error that it names, then "
                    "start it. Do not restart it with a reset of its scope: it then reads everything "
                    "again and can trip its own deletion threshold."
                ),
            )
        ),
        source=f'{_JOB}; Microsoft Entra documentation, "Cloud Sync accidental deletes"',
        values={"job": job.id, "state": job.state.value, "reason": job.quarantine.reason if job.quarantine else ""},
        acknowledgeable=True,
    )


def last_runs(evidence: Evidence) -> Answers:
    """Every running configuration for groups has succeeded lately."""
    running = [job for job in jobs_for_groups(evidence) if job.state in _RUNNING]
    if not running:
        yield NothingToCheck(t("No Cloud Sync configuration that writes groups is running."))
    for job in running:
        age = None if job.last_success is None else evidence.at - job.last_success
        if age is not None and age <= CLOUD_SYNC_LATE:
            continue
        minutes = None if age is None else int(age.total_seconds() // 60)
        yield Finding(
            id=f"cloud-sync-late:{job.id}",
            severity=_U if age is None else _W,
            seen=t("{job_name} shows no successful run.", job_name=job_name(job))
            if minutes is None
            else t("{job_name} last succeeded {minutes:,} minutes ago.", job_name=job_name(job), minutes=minutes),
            expected=t("A run every {seconds} minutes.", seconds=CLOUD_SYNC_INTERVAL.seconds // 60),
            why=t("Changes to groups do not arrive while it does not succeed."),
            to_do=t("Read its provisioning log in the Entra admin center, and look at the agents."),
            source=_JOB,
            values={"job": job.id, "minutes": minutes},
            acknowledgeable=True,
        )


def scopes(evidence: Evidence) -> Answers:
    """What each configuration's scope depends on is known, and no writeback state decides in it."""
    jobs = jobs_for_groups(evidence)
    if not jobs:
        yield NO_JOB
    for job in jobs:
        if isinstance(job.scope, Unreadable):
            yield _unread_scope(job, job.scope.clause)
            continue
        clauses = own_clauses(job)
        flags = [clause for clause in clauses if "writeback" in clause.attribute.casefold()]
        if flags:
            yield _by_flag(job, flags)
        elif clauses:
            yield _filtered(job, clauses)


def own_clauses(job: CloudSyncJob) -> list[ScopeClause]:
    """Clauses of the scope of groups beside those that every configuration has."""
    if isinstance(job.scope, Unreadable):
        return []
    return [
        clause
        for part in job.scope
        if part.enabled and part.source.casefold() == "group"
        for group in part.alternatives
        for clause in group
        if clause.attribute.casefold() not in PRE_FILTER
    ]


def _shown(clauses: list[ScopeClause]) -> str:
    texts = (" ".join(filter(None, (one.attribute, one.operator, ", ".join(one.values)))) for one in clauses)
    return printable("; ".join(texts), limit=300)


_TUTORIAL = 'Microsoft Entra documentation, "Tutorial: directory extensions and group provisioning", "Cloud Sync FAQ"'


def _unread_scope(job: CloudSyncJob, why: str) -> Finding:
    return Finding(
        id=f"cloud-sync-scope-unreadable:{job.id}",
        severity=_U,
        seen=t("The scope of a configuration could not be read: {why}. {job_name}.", why=why, job_name=job_name(job)),
        expected=t("Its schema, with the scoping filter."),
        why=t("Which groups it writes is unknown, and whether a writeback state decides about that."),
        to_do=t("Grant Synchronization.Read.All, or look at its scoping filters and acknowledge this finding."),
        source='Microsoft Graph documentation, "synchronizationSchema"',
        values={"job": job.id},
        acknowledgeable=True,
    )


def _by_flag(job: CloudSyncJob, clauses: list[ScopeClause]) -> Finding:
    return Finding(
        id=f"cloud-sync-scope-by-writeback:{job.id}",
        severity=_W,
        seen=t(
            "A writeback state of the group decides in the scoping filter: {shown}. {job_name}.",
            shown=_shown(clauses),
            job_name=job_name(job),
        ),
        expected=t("A scope that no writeback state changes, or people who know that one does."),
        why=t(
            "Here writebackConfiguration counts, although Microsoft's FAQ says that Cloud Sync "
            "ignores it: a change of it adds a group to Active Directory or takes it away at the "
            "next run."
        ),
        to_do=t("Treat every change of writebackConfiguration in this tenant as live."),
        source=_TUTORIAL,
        values={"job": job.id, "filter": [clause.attribute for clause in clauses]},
        acknowledgeable=True,
    )


def _filtered(job: CloudSyncJob, clauses: list[ScopeClause]) -> Finding:
    return Finding(
        id=f"cloud-sync-scope-filter:{job.id}",
        severity=_I,
        seen=t(
            "An attribute of the group decides in the scoping filter: {shown}. {job_name}.",
            shown=_shown(clauses),
            job_name=job_name(job),
        ),
        why=t("A change of that attribute adds a group to Active Directory or takes it away at the next run."),
        source=_TUTORIAL,
        values={"job": job.id, "filter": [clause.attribute for clause in clauses]},
    )


def other_jobs(evidence: Evidence) -> Answers:
    """No job of Cloud Sync writes to Active Directory beside those for groups."""
    read = evidence[CLOUD_SYNC]
    if not read.jobs:
        yield NothingToCheck(t("Cloud Sync has no job."))
    for job in read.jobs:
        if job.kind is JobKind.EXCHANGE_WRITEBACK:
            yield Finding(
                id=f"cloud-sync-exchange-writeback:{job.id}",
                severity=_I,
                seen=t(
                    "A job writes Exchange attributes of cloud-managed recipients to Active Directory. {job_name}.",
                    job_name=job_name(job),
                ),
                why=t(
                    "It writes no group. This runbook reads its state and touches neither the job nor what it writes."
                ),
                source='Microsoft Entra documentation, "Exchange hybrid writeback with cloud sync"',
                values={"job": job.id, "state": job.state.value},
            )


def several(evidence: Evidence) -> Answers:
    """There is one configuration for each domain, and no more than a tenant can have."""
    jobs = jobs_for_groups(evidence)
    if not jobs:
        yield NO_JOB
    if len(jobs) < 2:
        return
    times = Counter(one for job in jobs if not isinstance(job.assigned, Unreadable) for one in job.assigned)
    shared = sorted(one for one, count in times.items() if count > 1)
    domains = Counter(job.domain for job in jobs)
    twice = sorted(domain for domain, count in domains.items() if domain and count > 1)
    overlaps = (
        [t(" Assigned to more than one of them: {shared}.", shared=counted(len(shared), "object"))] if shared else []
    )
    overlaps += [t(" More than one is for {domains}.", domains=printable(", ".join(twice), limit=200))] if twice else []
    limits = []
    licences = evidence.get(LICENCES)
    if len(jobs) > WITHOUT_GOVERNANCE and not (licences and licences.governance):
        limits.append(t("new ones beyond the first {count} need ID Governance", count=WITHOUT_GOVERNANCE))
    if len(jobs) > MOST_CONFIGURATIONS:
        limits.append(t("a tenant can have {count}", count=MOST_CONFIGURATIONS))
    # Each for a domain of its own is what the documentation asks for; a domain that is not named proves nothing.
    apart = not twice and not domains[""] and not limits
    yield Finding(
        id="cloud-sync-several",
        severity=_I if apart else _W,
        seen=t(
            "{jobs} Cloud Sync configurations write groups.{overlaps}",
            jobs=len(jobs),
            overlaps=joined(overlaps, ""),
        ),
        expected=t("One configuration for each Active Directory domain, with scopes that do not overlap")
        + (t("; {limits}.", limits=joined(limits, ", and ")) if limits else t(".")),
        why=t("Two configurations that write one group into one domain overwrite each other."),
        to_do=NOTHING
        if apart
        else t("Compare their domains and scopes in the Entra admin center, then acknowledge this finding."),
        source=t('{prerequisites}; "Microsoft Entra provisioning options (Preview)"', prerequisites=PREREQUISITES),
        values={"jobs": [job.id for job in jobs], "shared": shared, "twice": twice},
        acknowledgeable=True,
    )


_NEEDS = (CLOUD_SYNC,)

CHECKS: tuple[Check, ...] = (
    Check("cloud-sync", t("A Cloud Sync configuration writes groups"), _NEEDS, on(cloud_sync=_B), cloud_sync_absent),
    Check("cloud-sync-state", t("Cloud Sync's configurations run"), _NEEDS, on(cloud_sync=_B), states),
    Check("cloud-sync-last-run", t("Cloud Sync succeeded lately"), _NEEDS, on(cloud_sync=_W), last_runs),
    Check(
        "cloud-sync-scope",
        t("No writeback state decides in Cloud Sync's scope"),
        _NEEDS,
        on(direct=_I, cloud_sync=_U, connect_sync=_I),
        scopes,
    ),
    Check(
        "cloud-sync-other-jobs",
        t("Cloud Sync writes nothing else to Active Directory"),
        _NEEDS,
        on(direct=_I, cloud_sync=_I, connect_sync=_I),
        other_jobs,
    ),
    Check("cloud-sync-several", t("One Cloud Sync configuration writes groups"), _NEEDS, on(cloud_sync=_W), several),
)
