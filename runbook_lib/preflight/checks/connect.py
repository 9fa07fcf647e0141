"""Connect Sync as the tenant shows it: running or not, and what only its server knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Check, on
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import LookAtConnectServer
from runbook_lib.preflight.parts import CONNECT, CONNECT_SERVER, CONTAINERS, SYNCHRONIZATION, TENANT

CONNECT_INTERVAL = timedelta(minutes=30)
"""Connect's default interval ("Connect Sync: scheduler")."""
CONNECT_LATE = 6 * CONNECT_INTERVAL
"""Our threshold: six intervals without a run are no longer one slow run."""
STALE = timedelta(days=7)
"""A delta synchronization must run at least this often (same page)."""
AHEAD = timedelta(minutes=10)
"""Our threshold: clocks that differ by more make ages meaningless."""
_SCHEDULER = 'Microsoft Entra documentation, "Connect Sync: scheduler"'


def synchronization_off(evidence: Evidence) -> Iterator[Finding]:
    """The tenant synchronizes from Active Directory."""
    enabled = evidence[SYNCHRONIZATION].enabled
    if enabled is True:
        return
    never = t("The tenant was never synchronized from Active Directory (onPremisesSyncEnabled is not set).")
    was = t("Synchronization of the tenant is off (onPremisesSyncEnabled is false); it was on once.")
    yield Finding(
        id="synchronization-off",
        severity=Severity.BLOCKING,
        seen=never if enabled is None else was,
        expected=t("Users of Active Directory are synchronized to the tenant."),
        why=t(
            "Members of a cloud group are found in Active Directory by what synchronization left "
            "on them; without it groups arrive without members. Connect Sync is not running at "
            "all."
        ),
        to_do=t(
            "Set up synchronization of users, or write only groups whose members have no account in this directory."
        ),
        source='Microsoft Graph documentation, "organization resource type"',
        values={"enabled": enabled},
        acknowledgeable=True,
    )


def synchronization_age(evidence: Evidence) -> Iterator[Finding]:
    """The last synchronization is recent."""
    read = evidence[SYNCHRONIZATION]
    if read.enabled is not True:
        return
    age = read.age(evidence.at)
    if age is None:
        yield _age("never", Severity.UNKNOWN, t("Synchronization is on, and the tenant shows no time of a run."), None)
    elif age < -AHEAD:
        seen = t("The last synchronization lies in the future by {age}: a clock is wrong.", age=_age_text(-age))
        yield _age("future", Severity.UNKNOWN, seen, age)
    elif age > STALE:
        seen = t(
            "The last synchronization was {age} ago, longer than the {stale_days} days that Connect allows.",
            age=_age_text(age),
            stale_days=STALE.days,
        )
        yield _age("stale", Severity.BLOCKING, seen, age)
    elif age > CONNECT_LATE:
        yield _age("late", Severity.WARNING, t("The last synchronization was {age} ago.", age=_age_text(age)), age)


def _age(state: str, severity: Severity, seen: Text, age: timedelta | None) -> Finding:
    return Finding(
        id=f"synchronization-{state}",
        severity=severity,
        seen=seen,
        expected=t(
            "A run every {seconds} minutes (Connect's default), and at least every {stale_days} days.",
            seconds=CONNECT_INTERVAL.seconds // 60,
            stale_days=STALE.days,
        ),
        why=t(
            "Users and keys that came since are unknown to the cloud, so members are missing; "
            "after {stale_days} days without a delta run Connect needs a full synchronization.",
            stale_days=STALE.days,
        ),
        to_do=t(
            "Look at Get-ADSyncScheduler on the Connect server: SyncCycleEnabled, StagingModeEnabled, the next run."
        ),
        source=_SCHEDULER,
        values={
            "state": state,
            "age_seconds": None if age is None else int(age.total_seconds()),
        },
        hand_offs=(LookAtConnectServer(),),
        acknowledgeable=True,
    )


def _age_text(age: timedelta) -> Text:
    hours = int(age.total_seconds() // 3600)
    if age.days > 1:
        return t("{days} days", days=age.days)
    return t("{hours} hours", hours=hours) if hours else t("{minutes} minutes", minutes=age.seconds // 60)


def server_unread(evidence: Evidence) -> Iterator[Finding]:
    """What only the Connect server knows."""
    if evidence.get(CONNECT_SERVER) is not None:
        return
    if evidence.unreadable(CONNECT_SERVER) is not None and evidence.parameters.connect_evidence:
        # Evidence was given and does not count: the finding about that part says why, and what to do.
        return
    if unread := evidence.unreadable(CONNECT):
        seen = t(
            "Build, target OU, scope and rules of Connect Sync were not read: {sentence}", sentence=unread.sentence
        )
    else:
        report, containers = evidence[CONNECT], evidence.get(CONTAINERS)
        place = containers.unified_groups if containers else None
        seen = t(
            "Connect Sync reported {version} and {place} for groups; its scope and its rules "
            "cannot be read over Microsoft Graph.",
            version=printable(report.version, limit=80) if report.version else t("no build"),
            place=printable(place) if place else t("no container"),
        )
    yield Finding(
        id="connect-server-unread",
        severity=Severity.WARNING,
        seen=seen,
        expected=t("A supported build, not in staging mode, whose scope holds the OU of written groups."),
        why=t("A flag in the tenant says nothing about what the server does."),
        to_do=t(
            "Run the collector on the Connect server (gwb connect collector) and name its file in connect_evidence; or "
            "run the hand-off there and acknowledge this finding."
        ),
        source='Microsoft Entra documentation, "Verify your version of cloud sync or connect sync"; Microsoft Graph '
        'documentation (beta), "onPremisesDirectorySynchronizationConfiguration"',
        hand_offs=(LookAtConnectServer(),),
        acknowledgeable=True,
    )


_B, _W = Severity.BLOCKING, Severity.WARNING

CHECKS: tuple[Check, ...] = (
    Check(
        "synchronization-on",
        t("The tenant is synchronized from Active Directory"),
        (SYNCHRONIZATION,),
        on(direct=_W, cloud_sync=_W, connect_sync=_B),
        synchronization_off,
    ),
    Check(
        "synchronization-age",
        t("The last synchronization is recent"),
        (SYNCHRONIZATION,),
        on(direct=_W, cloud_sync=_W, connect_sync=_B),
        synchronization_age,
    ),
    Check("connect-server", t("The Connect server was looked at"), (TENANT,), on(connect_sync=_W), server_unread),
)
