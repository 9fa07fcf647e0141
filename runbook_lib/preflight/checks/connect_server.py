"""What Connect Sync reported about itself: its build, pending deletions, and whether another engine took its place."""

from __future__ import annotations

from datetime import date

from runbook_lib.graph.tenant.jobs import CloudSyncJob, JobKind, JobState
from runbook_lib.graph.tenant.parts import ConnectReport
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.checks.connect_sources import BUILD_TOLD, PENDING_TOLD, TOLD_BY_THE_SERVER, server_of
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import LookAtConnectServer
from runbook_lib.preflight.parts import CLOUD_SYNC, CONNECT, FEATURES, TENANT

ConnectBuild = tuple[int, int, int, int]

MINIMUM: ConnectBuild = (2, 5, 79, 0)
"""Build below which Connect Sync stops."""
STOPS = date(2026, 9, 30)
"""All synchronization of lower builds stops ("Security hardening to the autoupgrade process for Microsoft Entra
Connect", learn.microsoft.com/entra/identity/hybrid/connect/security-updates-pks)."""
END_OF_SUPPORT: dict[ConnectBuild, date] = {
    (2, 5, 79, 0): date(2026, 10, 23),
    (2, 5, 190, 0): date(2027, 2, 2),
    (2, 6, 1, 0): date(2027, 3, 10),
    (2, 6, 3, 0): date(2027, 7, 7),
    (2, 6, 84, 0): date(2027, 9, 16),
    (2, 6, 91, 0): date(2027, 9, 23),
}
"""Of a third party's table of October 2026; Microsoft's rule is twelve months after the next release."""
RECALLED: ConnectBuild = (2, 6, 79, 0)
"""Build that the same table calls recalled."""

_B, _U, _W, _I = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING, Severity.INFO
_HARDENING = (
    'Microsoft Entra documentation, "Security hardening to the autoupgrade process for Microsoft Entra Connect"'
)
_REPORT = 'Microsoft Graph documentation (beta), "onPremisesDirectorySynchronizationConfiguration"'
_EXPORT = 'Microsoft Graph documentation (beta), "onPremisesCurrentExportData"'
_NOT_CONFIGURED = NothingToCheck(t("Connect Sync is not configured."))
_SERVER = (LookAtConnectServer(),)


def build_text(build: ConnectBuild) -> str:
    """``2.5.79.0``."""
    return ".".join(map(str, build))


def _configured(evidence: Evidence) -> bool:
    features = evidence.get(FEATURES)
    return features is None or features.configured


def build(evidence: Evidence) -> Answers:
    """The build that Connect Sync reported still synchronizes."""
    report = evidence.get(CONNECT)
    if not _configured(evidence):
        yield _NOT_CONFIGURED
        return
    if report is None or (report.version is None and BUILD_TOLD(evidence)):
        yield TOLD_BY_THE_SERVER
        return
    if report.build is None:
        shown = (
            t("no build")
            if report.version is None
            else t("{version}, which is no build", version=printable(report.version, limit=80))
        )
        yield _build_finding("unknown", _U, t("The tenant shows {shown} of Connect Sync.", shown=shown), report)
    elif report.build < MINIMUM:
        stopped = evidence.at.date() >= STOPS
        day = STOPS.isoformat()
        state = t("stopped on {day}", day=day) if stopped else t("will stop on {day}", day=day)
        seen = t(
            "Connect Sync reported build {build_text}; its synchronization {state}.",
            build_text=build_text(report.build),
            state=state,
        )
        yield _build_finding("stopped" if stopped else "stopping", _B if stopped else _W, seen, report)


def _build_finding(state: str, severity: Severity, seen: Text, report: ConnectReport) -> Finding:
    return Finding(
        id=f"connect-build-{state}",
        severity=severity,
        seen=seen,
        expected=t("Build {build_text} or later.", build_text=build_text(MINIMUM)),
        why=t(
            "Below it all synchronization services of Connect fail from {stops} on: nothing is "
            "written back, and users and keys that came since are unknown to the cloud.",
            stops=STOPS.isoformat(),
        ),
        to_do=t(
            "Look at the build on the Connect server (hand-off), and upgrade it with the "
            "installer of the Entra admin center; it needs .NET Framework 4.7.2 and TLS 1.2."
        ),
        source=f"{_HARDENING}; {_REPORT}",
        values={"version": report.version, "minimum": build_text(MINIMUM)},
        hand_offs=_SERVER,
        acknowledgeable=True,
    )


def connect_build_support(evidence: Evidence) -> Answers:
    """The build that Connect Sync reported is supported, as far as a third party's table tells."""
    report, server = evidence.get(CONNECT), server_of(evidence)
    found = report.build if report else None
    if found is None and server is not None:
        found = ConnectReport(version=server.evidence.build).build
    if found is None or found < MINIMUM:
        yield (
            NothingToCheck(t("No build is known that still synchronizes."))
            if _configured(evidence)
            else _NOT_CONFIGURED
        )
        return
    ended = END_OF_SUPPORT.get(found)
    if found == RECALLED:
        seen = t("Connect Sync has build {build_text}, which was recalled.", build_text=build_text(found))
    elif ended is not None and ended <= evidence.at.date():
        seen = t(
            "Connect Sync has build {build_text}, whose support ended on {ended}.",
            build_text=build_text(found),
            ended=ended.isoformat(),
        )
    else:
        return
    yield Finding(
        id="connect-build-unsupported",
        severity=_W,
        seen=seen,
        expected=t("A build that is supported: until twelve months after the next one."),
        why=t(
            "Microsoft helps with a supported build only. The date is a third party's; no page "
            "of Microsoft's was read that has it."
        ),
        to_do=t("Compare with the version history of Microsoft Entra Connect, and upgrade."),
        source="A third party's table of builds (October 2026); Microsoft Entra documentation, "
        '"Microsoft Entra Connect: version release history"',
        values={"version": build_text(found), "ended": None if ended is None else ended.isoformat()},
        hand_offs=_SERVER,
        acknowledgeable=True,
    )


def pending_deletions(evidence: Evidence) -> Answers:
    """Connect Sync holds no deletion that it has not exported."""
    report = evidence.get(CONNECT)
    pending = report.pending_deletions if report else None
    if pending is None and _configured(evidence) and PENDING_TOLD(evidence):
        yield TOLD_BY_THE_SERVER
        return
    if pending is None:
        none = NothingToCheck(t("Connect Sync reported no number of pending deletions."))
        yield none if _configured(evidence) else _NOT_CONFIGURED
    if report is not None and pending:
        yield Finding(
            id="connect-pending-deletions",
            severity=_W,
            seen=t("Connect Sync reported {pending:,} deletions that wait to be exported to the cloud", pending=pending)
            + (t(".") if report.objects is None else t(", of {objects:,} objects.", objects=report.objects)),
            expected=t("None, before its writeback is changed or groups are written."),
            why=t(
                "What is deleted in the cloud is lost as a member, and a change of Connect's "
                "writeback starts the full synchronization that exports them."
            ),
            to_do=t("Look at the pending exports in Synchronization Service Manager on the Connect server first."),
            source=_EXPORT,
            values={
                "deletions": pending,
                "additions": report.pending_additions,
                "updates": report.pending_updates,
                "objects": report.objects,
            },
            hand_offs=_SERVER,
            acknowledgeable=True,
        )


def transition(evidence: Evidence) -> Answers:
    """No guided transition to Cloud Sync has put Connect Sync into staging mode, as far as the tenant tells."""
    running = (JobState.ACTIVE, JobState.IN_PROGRESS, JobState.QUARANTINE)
    from_ad = [one for one in evidence[CLOUD_SYNC].jobs if one.kind is JobKind.FROM_AD and one.state in running]
    report, features = evidence.get(CONNECT), evidence.get(FEATURES)
    if not from_ad or not _configured(evidence) or (report is not None and report.version is None):
        return
    v1 = features.connect_v1 if features else Switch.UNKNOWN
    yield Finding(
        id="connect-in-transition",
        severity=_U,
        seen=t("Cloud Sync synchronizes from Active Directory ({named}), and ", named=_named(from_ad))
        + (
            t("whether Connect Sync does too cannot be read: {sentence}", sentence=unread.sentence)
            if (unread := evidence.unreadable(CONNECT))
            else t("Connect Sync has reported itself to the tenant too.")
        )
        + t(" Whether Connect Sync is in staging mode, Graph does not show."),
        expected=t("One engine, or a transition that somebody follows."),
        why=t("The guided transition to Cloud Sync ends with Connect Sync in staging mode. It then exports nothing: ")
        + {
            Switch.ON: t("v1 is on, so the groups that it wrote stay in Active Directory as they were, silently."),
            Switch.OFF: t("v1 is off, so no written group depends on it."),
            Switch.UNKNOWN: t("where v1 is on, the groups that it wrote stay as they were, silently."),
        }[v1],
        to_do=t(
            "Look at StagingModeEnabled of Get-ADSyncScheduler on the Connect server (hand-off), "
            "and ask who moves the tenant. Leave what the transition made alone."
        ),
        source='Microsoft Entra documentation, "Migrate from Connect Sync to Cloud Sync"; "Connect Sync: scheduler"',
        values={"jobs": [one.id for one in from_ad], "v1": v1.value},
        hand_offs=_SERVER,
        acknowledgeable=True,
    )


def _named(jobs: list[CloudSyncJob]) -> str:
    return printable("; ".join(sorted({job.domain or job.configuration or job.id for job in jobs})), limit=200)


CHECKS: tuple[Check, ...] = (
    Check(
        "connect-build",
        t("The build of Connect Sync synchronizes"),
        (CONNECT,),
        on(direct=_W, cloud_sync=_W, connect_sync=_B),
        build,
        BUILD_TOLD,
    ),
    Check(
        "connect-build-support",
        t("The build of Connect Sync is supported"),
        (CONNECT,),
        on(connect_sync=_W),
        connect_build_support,
        BUILD_TOLD,
    ),
    Check(
        "connect-pending-deletions",
        t("Connect Sync holds back no deletions"),
        (CONNECT,),
        on(direct=_I, cloud_sync=_I, connect_sync=_W),
        pending_deletions,
        PENDING_TOLD,
    ),
    Check(
        "connect-transition",
        t("No transition to Cloud Sync is under way"),
        (CLOUD_SYNC, TENANT),
        on(direct=_W, cloud_sync=_W, connect_sync=_U),
        transition,
    ),
)
