"""Whom Cloud Sync tells of trouble, at how many deletions it stops, how written groups are
named and marked, which groups the cloud took over from AD."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runbook_lib.model.cloud import Authority, CloudGroup
from runbook_lib.model.enforcement import SOA_ATTRIBUTE
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import NOTHING, Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.checks.cloud_sync import NO_JOB, job_name, jobs_for_groups
from runbook_lib.preflight.derived import notification_text
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import CLOUD_SYNC, CLOUD_SYNC_NOTIFICATIONS, GROUPS_FROM_AD

_U, _W, _I = Severity.UNKNOWN, Severity.WARNING, Severity.INFO
_MAPPING = 'Microsoft Entra documentation, "Configure Microsoft Entra ID to Active Directory provisioning"'
_AUTHORITY = (
    'Microsoft Graph documentation, "Get onPremisesSyncBehavior"; Microsoft Entra documentation, "Group source of '
    'authority"'
)


def notifications(evidence: Evidence) -> Answers:
    """Every configuration tells somebody of trouble and stops at many deletions."""
    jobs = jobs_for_groups(evidence)
    if not jobs:
        yield NO_JOB
    read = evidence[CLOUD_SYNC_NOTIFICATIONS]
    for job in jobs:
        one = read.get(job.id)
        if isinstance(one, Unreadable):
            yield Finding(
                id=f"cloud-sync-notification-unread:{job.id}",
                severity=_U,
                seen=t(
                    "Notification and deletion threshold of a configuration are not known: {why}. {job_name}.",
                    why=one.clause,
                    job_name=job_name(job),
                ),
                expected=t("An address, and a number of deletions at which a run stops."),
                why=t("A run that deletes many groups stops at the threshold, and the notification tells of it."),
                to_do=t(
                    "Look at both in the Entra admin center (Cloud Sync, the configuration, Properties), then "
                    "acknowledge this finding; or run with Synchronization.ReadWrite.All, which reads them too."
                ),
                source=_NOTIFICATION,
                values={"job": job.id},
                acknowledgeable=True,
            )
            continue
        missing = []
        if one is None or not one.enabled or not one.recipients.strip():
            missing.append(t("nobody is told of trouble"))
        if one is None or one.threshold is None:
            missing.append(t("no deletion threshold is set"))
        if missing:
            yield Finding(
                id=f"cloud-sync-notification-missing:{job.id}",
                severity=_W,
                seen=t(
                    "Missing: {missing} ({now}). {job_name}.",
                    missing=joined(missing, t(" and ")),
                    now=notification_text(one),
                    job_name=job_name(job),
                ),
                expected=t("An address, and a number of deletions at which a run stops."),
                why=t("A run that deletes many groups stops at the threshold, and the notification tells of it."),
                to_do=t("Set cloud_sync_notify and cloud_sync_delete_threshold and run 30-enable-writeback."),
                source=_NOTIFICATION,
                values={"job": job.id, "threshold": one.threshold if one else None},
                acknowledgeable=True,
            )


_NOTIFICATION = 'Microsoft Entra documentation, "Cloud Sync accidental deletes"'


def authorities(evidence: Evidence) -> Answers:
    """Of every group that came from AD it is settled who decides about it."""
    groups = evidence[GROUPS_FROM_AD]
    if not groups:
        yield NothingToCheck(t("No security group came from AD and is not synchronized now."))
    for authority, make in _OF_AUTHORITY.items():
        found = [group for group in groups if group.authority is authority]
        if found:
            yield from make(found)


def _converted(found: Sequence[CloudGroup]) -> Iterator[Finding]:
    yield _authority(
        "groups-converted",
        _I,
        t(
            "The cloud is the source of authority of {groups} from AD: {some}.",
            groups=_number(found),
            some=_some(found),
        ),
        t(
            "What is changed in AD no longer reaches the cloud. In the scope of a configuration Cloud Sync writes them "
            "back to their AD objects; where its mapping does not keep OU and name, it moves and renames them."
        ),
        NOTHING,
        found,
    )


def _pending(found: Sequence[CloudGroup]) -> Iterator[Finding]:
    yield _authority(
        "groups-roll-back-pending",
        _W,
        t(
            "Given back to AD and not taken over by a synchronization yet: {groups}: {some}.",
            groups=_number(found),
            some=_some(found),
        ),
        t("Until the next synchronization takes them over they are neither converted nor synchronized."),
        t("See that the AD groups are in the scope of the synchronization and wait for its next cycle."),
        found,
    )


def _unknown(found: Sequence[CloudGroup]) -> Iterator[Finding]:
    yield _authority(
        "groups-authority-unknown",
        _U,
        t(
            "Whether the cloud or AD decides about {groups} from AD is not known: {some}.",
            groups=_number(found),
            some=_some(found),
        ),
        t("onPremisesSyncBehavior alone tells that, and it could not be read."),
        t("Grant Group-OnPremisesSyncBehavior.ReadWrite.All for this reading, or acknowledge this finding."),
        found,
    )


_OF_AUTHORITY = {Authority.CONVERTED: _converted, Authority.PENDING: _pending, Authority.UNKNOWN: _unknown}


def _number(found: Sequence[CloudGroup]) -> Text:
    return counted(len(found), "group")


def _some(found: Sequence[CloudGroup]) -> Text:
    return first_of([printable(group.display_name, limit=80) for group in found], 5, "; ")


def _authority(
    identifier: str, severity: Severity, seen: Text, why: Text, to_do: Text, found: Sequence[CloudGroup]
) -> Finding:
    return Finding(
        id=identifier,
        severity=severity,
        seen=seen,
        expected=t("Groups of which it is known whether the cloud or AD decides about them."),
        why=why,
        to_do=to_do,
        source=_AUTHORITY,
        values={"groups": {group.id: group.display_name for group in found}},
        acknowledgeable=severity is not _I,
    )


def mappings(evidence: Evidence) -> Answers:
    """What a configuration's mapping of groups leaves to Active Directory, and whether it marks groups."""
    jobs = jobs_for_groups(evidence)
    shown = [(job, part) for job in jobs for part in job.of_groups if part.enabled and part.mapped]
    if not shown:
        yield NothingToCheck(t("No configuration shows a mapping of groups.")) if jobs else NO_JOB
    for job, part in shown:
        if "samaccountname" not in part.mapped:
            yield Finding(
                id=f"cloud-sync-random-account-names:{job.id}",
                severity=_I,
                seen=t(
                    "sAMAccountName is not mapped, so Active Directory makes a random one. {job_name}.",
                    job_name=job_name(job),
                ),
                why=t("File servers, scripts and Windows dialogs show that name."),
                source=_MAPPING,
                values={"job": job.id},
            )
        if SOA_ATTRIBUTE.casefold() in part.mapped:
            yield Finding(
                id=f"cloud-sync-marks-groups:{job.id}",
                severity=_I,
                seen=t(
                    "msDS-ObjectSoa is mapped: groups are marked as governed by the cloud. {job_name}.",
                    job_name=job_name(job),
                ),
                why=t("Where a policy of AD object enforcement is on, only accounts on its list change them."),
                source='Microsoft Entra documentation, "Microsoft Entra AD object enforcement (Preview)"',
                values={"job": job.id, "expression": part.mapped[SOA_ATTRIBUTE.casefold()]},
            )


CHECKS: tuple[Check, ...] = (
    Check(
        "cloud-sync-notification",
        t("Cloud Sync tells somebody of trouble and stops at many deletions"),
        (CLOUD_SYNC, CLOUD_SYNC_NOTIFICATIONS),
        on(cloud_sync=_W),
        notifications,
    ),
    Check(
        "groups-authority",
        t("It is settled who decides about groups from AD"),
        (GROUPS_FROM_AD,),
        on(direct=_I, cloud_sync=_W),
        authorities,
    ),
    Check(
        "cloud-sync-mapping",
        t("Cloud Sync's mapping names groups and marks none"),
        (CLOUD_SYNC,),
        on(cloud_sync=_I),
        mappings,
    ),
)
