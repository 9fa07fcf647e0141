"""What the Connect server says about itself (the collector's evidence), and where it contradicts the tenant."""

from __future__ import annotations

from collections.abc import Callable

from runbook_lib.connect.document import Connector
from runbook_lib.connect.evidence import AD, ConnectEvidence
from runbook_lib.graph.tenant.parts import ConnectReport
from runbook_lib.model.cloud import Switch
from runbook_lib.model.dn import MalformedDnError, same_dn
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.checks.connect_server import MINIMUM, build_text
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import CONNECT, CONNECT_SERVER, CONTAINERS, FEATURES

_B, _U, _W, _I = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING, Severity.INFO
_NO_EVIDENCE = NothingToCheck(t("No evidence of the Connect server was given (connect_evidence)."))
_SCHEDULER = 'Microsoft Entra documentation, "Connect Sync: scheduler"'
_REFERENCE = 'Microsoft Entra documentation, "Microsoft Entra Connect: ADSync PowerShell Reference"'
_ON_OFF = {True: t("on"), False: t("off")}
_Look = Callable[[ConnectEvidence, Evidence], Answers]


def with_evidence(look: _Look) -> Callable[[Evidence], Answers]:
    """A check that looks at evidence of the server, and has nothing to look at where none was given."""

    def run(evidence: Evidence) -> Answers:
        read = evidence[CONNECT_SERVER]
        if read is None:
            yield _NO_EVIDENCE
        else:
            yield from look(read, evidence)

    return run


def forests(read: ConnectEvidence) -> tuple[Connector, ...]:
    """Its connectors of AD forests."""
    return tuple(one for one in read.evidence.connectors or () if one.kind == AD)


def not_collected(read: ConnectEvidence, _: Evidence) -> Answers:
    """The collector read everything, and is the one of this version."""
    for one in read.evidence.unread:
        yield Finding(
            id=f"connect-evidence-unread:{one.part}",
            severity=_U,
            seen=t("The collector did not read {part}: {why}", part=one.part, why=printable(one.why, limit=300)),
            expected=t("Every part is read."),
            why=t("What was not read is unknown, and never fine."),
            to_do=t("Run the collector as an administrator of the server, a member of ADSyncAdmins."),
            source=_REFERENCE,
            values={"part": one.part},
            acknowledgeable=True,
        )
    if not read.collector_known:
        yield Finding(
            id="connect-evidence-collector",
            severity=_W,
            seen=t("The evidence is not by this version's collector, or somebody changed the collector."),
            expected=t("The collector as gwb connect collector writes it, with the same SHA-256."),
            why=t("Evidence is worth what its collector is worth."),
            to_do=t("Write the collector out anew, compare its SHA-256 on the server, and run it again."),
            values={"script_sha256": read.evidence.script_sha256},
            acknowledgeable=True,
        )


def mode(read: ConnectEvidence, _: Evidence) -> Answers:
    """The server exports: not in staging mode, its schedule on."""
    scheduler = read.evidence.scheduler
    if scheduler is None:
        yield NothingToCheck(t("The schedule of the server was not read."))
        return
    server = printable(read.evidence.server, limit=80)
    if scheduler.staging:
        yield Finding(
            id="connect-server-staging",
            severity=_B,
            seen=t("{server} is in staging mode: it exports nothing.", server=server),
            expected=t("Evidence of the active server."),
            why=t("What a staging server is set up to do, it does only when it becomes the active one."),
            to_do=t("Run the collector on the active server too. If there is none, nothing is written back."),
            source='Microsoft Entra documentation, "Microsoft Entra Connect: Staging server and disaster recovery"',
            values={"server": read.evidence.server},
            acknowledgeable=True,
        )
    if not scheduler.cycle_enabled or scheduler.suspended:
        off = t("its schedule is suspended, as while the wizard is open")
        yield Finding(
            id="connect-server-schedule",
            severity=_B,
            seen=t(
                "On {server} {state}.",
                server=server,
                state=off if scheduler.suspended else t("SyncCycleEnabled is False"),
            ),
            expected=t("Cycles run by themselves."),
            why=t("Without a cycle no group is written, changed or removed."),
            to_do=t("Close the wizard; or Set-ADSyncScheduler -SyncCycleEnabled $true on the server."),
            source=_SCHEDULER,
            values={"suspended": scheduler.suspended, "cycle_enabled": scheduler.cycle_enabled},
            acknowledgeable=True,
        )


def server_build(read: ConnectEvidence, evidence: Evidence) -> Answers:
    """The build of the server synchronizes, and is the one that the tenant knows."""
    told = read.evidence.build
    if told is None:
        yield NothingToCheck(t("The build of the server was not read."))
        return
    found = ConnectReport(version=told).build
    if found is None or found < MINIMUM:
        yield Finding(
            id="connect-server-build",
            severity=_U if found is None else _B,
            seen=t("The server has build {build}.", build=printable(told, limit=80)),
            expected=t("Build {build_text} or later.", build_text=build_text(MINIMUM)),
            why=t("All synchronization services of earlier builds stopped on 30 September 2026."),
            to_do=t(
                "Upgrade it with the installer of the Entra admin center; it needs .NET Framework 4.7.2 and TLS 1.2."
            ),
            source='Microsoft Entra documentation, "Security hardening to the autoupgrade process for Microsoft Entra '
            'Connect"',
            values={"build": told},
            acknowledgeable=True,
        )
        return
    report = evidence.get(CONNECT)
    if report is not None and report.version and report.version != told:
        yield _contradicts(
            "build", t("The server has build {build}; the tenant knows {version}.", build=told, version=report.version)
        )


def features(read: ConnectEvidence, evidence: Evidence) -> Answers:
    """Server and tenant say the same about v1 and its container."""
    here = read.evidence.features
    there = evidence.get(FEATURES)
    if here is not None and there is not None and here.v1 is not None and there.connect_v1 is not Switch.UNKNOWN:
        tenant_on = there.connect_v1 is Switch.ON
        if here.v1 is not tenant_on:
            yield _contradicts(
                "v1",
                t(
                    "v1 is {here} on the server and {there} in the tenant.",
                    here=_ON_OFF[here.v1],
                    there=_ON_OFF[tenant_on],
                ),
            )
    v2 = there.connect_v2 if there is not None else Switch.UNKNOWN
    if here is not None and here.v2 is not None and v2 is not Switch.UNKNOWN and here.v2 is not (v2 is Switch.ON):
        yield _contradicts(
            "v2",
            t(
                "V2 is {here} on the server and {there} in the tenant.",
                here=_ON_OFF[here.v2],
                there=_ON_OFF[v2 is Switch.ON],
            ),
        )
    yield from _thresholds(read, evidence)
    wizard = read.setting("Microsoft.OptionalFeature.GroupWriteBack")
    if here is not None and here.v1 is not None and wizard is not None and (wizard.casefold() == "true") is not here.v1:
        yield _contradicts(
            "wizard",
            t(
                "The wizard's setting GroupWriteBack is {wizard}, and the feature v1 is {v1}.",
                wizard=printable(wizard, limit=80),
                v1=here.v1,
            ),
        )
    reported = evidence.get(CONTAINERS)
    for forest in forests(read):
        container = forest.writeback_container
        if container and reported and reported.unified_groups and not _same(container, reported.unified_groups):
            yield _contradicts(
                "container",
                t(
                    "The connector writes groups to {here}; the tenant knows {there}.",
                    here=printable(container),
                    there=printable(reported.unified_groups),
                ),
            )


def _thresholds(read: ConnectEvidence, evidence: Evidence) -> Answers:
    """Server and tenant say the same about the number of deletions that an export may hold."""
    here = read.deletion_threshold
    told, report = evidence.get(FEATURES), evidence.get(CONNECT)
    there = (told.deletion_prevention if told else None) or (report.deletion_prevention if report else None)
    if here is None or there is None or there.kind.casefold() not in ("disabled", "enabledforcount"):
        return
    other = there.threshold if there.kind.casefold() == "enabledforcount" else 0
    if other is not None and other != here:
        yield _contradicts(
            "threshold",
            t(
                "The server stops an export at {here:,} deletions, the tenant says {there:,} (0: never).",
                here=here,
                there=other,
            ),
        )


def _contradicts(what: str, seen: Text) -> Finding:
    return Finding(
        id=f"connect-server-contradicts:{what}",
        severity=_U,
        seen=seen,
        expected=t("Server and tenant say the same."),
        why=t("One of the two is of another time or another server; nothing is concluded from either."),
        to_do=t("Wait for a cycle, run the collector again on the active server, and compare once more."),
        source='Microsoft Graph documentation (beta), "onPremisesDirectorySynchronizationConfiguration"; ' + _REFERENCE,
        acknowledgeable=True,
    )


def _same(first: str, second: str) -> bool:
    try:
        return same_dn(first, second)
    except MalformedDnError:
        return False


_ON = on(direct=_I, cloud_sync=_I, connect_sync=_B)
_LESS = on(direct=_I, connect_sync=_U)

CHECKS: tuple[Check, ...] = (
    Check(
        "connect-server-evidence",
        t("The evidence of the Connect server is whole"),
        (CONNECT_SERVER,),
        on(direct=_I, cloud_sync=_I, connect_sync=_U),
        with_evidence(not_collected),
    ),
    Check("connect-server-mode", t("The Connect server exports"), (CONNECT_SERVER,), _ON, with_evidence(mode)),
    Check(
        "connect-server-build",
        t("The build of the Connect server synchronizes"),
        (CONNECT_SERVER,),
        _ON,
        with_evidence(server_build),
    ),
    Check(
        "connect-server-tenant",
        t("The Connect server and the tenant say the same"),
        (CONNECT_SERVER,),
        _LESS,
        with_evidence(features),
    ),
)
