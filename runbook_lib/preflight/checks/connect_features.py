"""Connect's switches in the tenant: writeback v1 and V2, deletion prevention, the default for new groups."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from runbook_lib.connect.evidence import ConnectEvidence
from runbook_lib.graph.tenant.parts import DeletionPrevention, WrittenByDefault
from runbook_lib.model.cloud import OtherWriters, Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import NOTHING, Text, t, verbatim
from runbook_lib.preflight.assess import Answers, Check, on
from runbook_lib.preflight.checks.connect_sources import SETTINGS_TOLD, TOLD_BY_THE_SERVER, V2_TOLD, server_of
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import LookAtConnectServer
from runbook_lib.preflight.parts import CONNECT, CONNECT_SERVER, FEATURES, NEW_GROUPS, TENANT
from runbook_lib.rules.obstacles import HOW_TO_ATTEST, NO_V2_PATCH, connect_v1_of, connect_v2_on

DELETIONS = 500
"""Objects: Connect's default threshold ("Prevent accidental deletes")."""

_FEATURES = 'Microsoft Graph documentation, "onPremisesDirectorySynchronizationFeature"'
_ENABLE = 'Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback"'


def _not_told(evidence: Evidence) -> Text:
    """Why a flag is unknown, without a full stop."""
    unread = evidence.unreadable(FEATURES)
    return verbatim(unread.clause) if unread else t("Graph's answer does not hold the flag")


class Said(Enum):
    """Who says whether v1 is on."""

    TENANT = "tenant"
    SERVER = "server"
    PERSON = "person"


def v1_state(evidence: Evidence) -> tuple[Switch, Said]:
    """State of v1, and who says so: the tenant; where Graph does not, the Connect server; after both a person."""
    features, said = evidence.get(FEATURES), Said.TENANT
    read = features.connect_v1 if features else Switch.UNKNOWN
    if read is Switch.UNKNOWN and (collected := evidence.get(CONNECT_SERVER)) and collected.v1 is not Switch.UNKNOWN:
        read, said = collected.v1, Said.SERVER
    after = connect_v1_of(evidence.parameters, OtherWriters(connect_v1=read), evidence.at.date())
    return after, said if after is read else Said.PERSON


def v1_as_other_writer(evidence: Evidence) -> Iterator[Finding]:
    """Connect does not write the Microsoft 365 groups that the direct route is to write."""
    state, said = v1_state(evidence)
    if state is Switch.ON:
        yield Finding(
            id="connect-v1-on",
            severity=Severity.BLOCKING,
            seen=t("Group writeback v1 is on, as the evidence of the Connect server says.")
            if said is Said.SERVER
            else t("Group writeback v1 is on in the tenant (features.unifiedGroupWritebackEnabled)."),
            expected=t("No other writer for Microsoft 365 groups."),
            why=t(
                "Connect writes every Microsoft 365 group, and nobody can choose which: each would "
                "exist twice. This runbook refuses to write them."
            ),
            to_do=t("Use the route connect-sync for them, or turn v1 off first: then Connect deletes what it wrote."),
            source=f"{_FEATURES}; {_ENABLE}",
            values={"attested": False},
            # Security groups are not v1's, so a run for them alone can go on.
            acknowledgeable=True,
        )
    elif state is Switch.UNKNOWN:
        yield Finding(
            id="connect-v1-unknown",
            severity=Severity.UNKNOWN,
            seen=t("Whether group writeback v1 is on is not readable: {not_told}.", not_told=_not_told(evidence)),
            expected=t("A reading, or a person's attestation that it is off."),
            why=t(
                "Not readable is not off. Without one of the two this runbook refuses to write Microsoft 365 groups."
            ),
            to_do=t(
                "{how_to_attest} Or sign in as a person (sign_in: device-code). Acknowledge it only "
                "where no Microsoft 365 group is to be written.",
                how_to_attest=HOW_TO_ATTEST,
            ),
            source='Microsoft Graph documentation, "Get onPremisesDirectorySynchronization"',
            hand_offs=(LookAtConnectServer(),),
            acknowledgeable=True,
        )
    elif said is Said.PERSON:
        parameters = evidence.parameters
        until = parameters.attest_connect_v1_off_until
        yield Finding(
            id="connect-v1-attested",
            severity=Severity.INFO,
            seen=t(
                "Whether group writeback v1 is on is not readable; {attest_connect_v1_off_by} "
                "attests until {until} that it is off.",
                attest_connect_v1_off_by=parameters.attest_connect_v1_off_by,
                until=until,
            ),
            values={"by": parameters.attest_connect_v1_off_by, "until": until},
        )


def v1_as_route(evidence: Evidence) -> Iterator[Finding]:
    """Connect's writeback of Microsoft 365 groups is on."""
    state, said = v1_state(evidence)
    if state is Switch.ON:
        yield Finding(
            id="connect-v1-writes-all",
            severity=Severity.INFO,
            seen=t("Group writeback v1 is on: Connect writes every Microsoft 365 group of the tenant."),
            why=t("Which groups cannot be chosen; writebackConfiguration of a group counts only under V2."),
            source='Microsoft Entra documentation, "Group source of authority guidance"',
        )
        return
    features = evidence.get(FEATURES)
    unset = features is not None and not features.configured
    flag = (
        t("Connect Sync is not configured (HTTP 404)") if unset else t("the flag unifiedGroupWritebackEnabled is false")
    )
    whys = {Said.TENANT: flag, Said.SERVER: t("the Connect server says so"), Said.PERSON: t("a person attests it")}
    off = state is Switch.OFF
    yield Finding(
        id="connect-v1-off" if off else "connect-v1-not-readable",
        severity=Severity.BLOCKING if off else Severity.UNKNOWN,
        seen=t("Group writeback v1 is off: {why}.", why=whys[said])
        if off
        else t("Whether group writeback v1 is on is not readable: {not_told}.", not_told=_not_told(evidence)),
        expected=t("v1 is on, in the tenant and on the Connect server."),
        why=t("Without it Connect writes no group to Active Directory."),
        to_do=t(
            "Run 30-enable-writeback with route: connect-sync: it hands over the steps of Connect's wizard (target OU, "
            "rights of the connector account). Setting the flag by Graph is not known to configure a server."
        )
        if off
        else t("Sign in as a person (sign_in: device-code), or look at Get-ADSyncAADCompanyFeature on the server."),
        source=_ENABLE,
        values={"attested": said is Said.PERSON and off},
        hand_offs=(LookAtConnectServer(),),
        acknowledgeable=not off,
    )


def v2_on(evidence: Evidence) -> Iterator[Finding]:
    """Group writeback V2 is not on."""
    features, server = evidence.get(FEATURES), server_of(evidence)
    read = features.connect_v2 if features else Switch.UNKNOWN
    told = server.evidence.features if server else None
    if read is Switch.ON or (read is Switch.UNKNOWN and told is not None and told.v2):
        yield connect_v2_on()


def v2_unknown(evidence: Evidence) -> Answers:
    """Whether V2 is on is told, by the tenant or by the Connect server."""
    features = evidence.get(FEATURES)
    if features is None or (features.connect_v2 is Switch.UNKNOWN and V2_TOLD(evidence)):
        yield TOLD_BY_THE_SERVER
    elif features.connect_v2 is Switch.UNKNOWN:
        yield Finding(
            id="connect-v2-unknown",
            severity=Severity.UNKNOWN,
            seen=t("Graph's answer does not say whether group writeback V2 is on (features.groupWriteBackEnabled)."),
            expected=t("True or false."),
            why=t("V2 would be a further writer. {no_v2_patch}", no_v2_patch=NO_V2_PATCH),
            to_do=t("Look at GroupWritebackV2 in Get-ADSyncAADCompanyFeature on the Connect server."),
            source=_FEATURES,
            hand_offs=(LookAtConnectServer(),),
            acknowledgeable=True,
        )


def _threshold(threshold: int | None, *, count: bool) -> Text:
    if threshold is None:
        return t("an unknown number of objects") if count else t("an unknown number of percent of the objects")
    if count:
        return t("{threshold} objects", threshold=threshold)
    return t("{threshold} percent of the objects", threshold=threshold)


def _threshold_of(server: ConnectEvidence | None) -> DeletionPrevention | None:
    """The server's own threshold, which counts objects; None where its settings do not show it."""
    number = server.deletion_threshold if server else None
    if number is None:
        return None
    return DeletionPrevention("enabledForCount", number) if number else DeletionPrevention("disabled", None)


def deletion_prevention(evidence: Evidence) -> Iterator[Finding]:
    """Connect's protection from accidental deletions is on."""
    features, report = evidence.get(FEATURES), evidence.get(CONNECT)
    if features is not None and not features.configured:
        return
    # v1.0 and beta hold it, and the server has its own setting: whichever tells.
    read = (features.deletion_prevention if features else None) or (report.deletion_prevention if report else None)
    read = read or _threshold_of(server_of(evidence))
    source = (
        'Microsoft Entra documentation, "Prevent accidental deletes"; Microsoft Graph documentation, '
        '"onPremisesAccidentalDeletionPrevention"'
    )
    limit = t("It is documented for exports to Entra ID. That it also counts groups deleted in AD, nobody says.")
    values = {"type": read.kind if read else None, "threshold": read.threshold if read else None}
    state, severity, seen = "on", Severity.INFO, NOTHING
    kind = read.kind.casefold() if read else ""
    if kind in ("enabledforcount", "enabledforpercentage"):
        shown = _threshold(read.threshold if read else None, count=kind == "enabledforcount")
        seen = t("Protection from accidental deletions stops an export that deletes {shown} or more.", shown=shown)
        high = kind == "enabledforcount" and (not read or read.threshold is None or read.threshold > DELETIONS)
        state, severity = ("high", Severity.WARNING) if high else ("on", Severity.INFO)
    elif kind == "disabled":
        state, severity, seen = "off", Severity.WARNING, t("Protection from accidental deletions is off.")
    else:
        answer = t("an unknown type, {kind!r}", kind=read.kind) if read else t("nothing")
        state, severity = "unknown", Severity.UNKNOWN
        seen = t("Graph tells {answer} about protection from accidental deletions.", answer=answer)
    yield Finding(
        id=f"deletion-prevention-{state}",
        severity=severity,
        seen=seen,
        expected=t("On, with the default threshold of {deletions} objects or less.", deletions=DELETIONS),
        why=limit,
        to_do=NOTHING
        if severity is Severity.INFO
        else t(
            "Enable-ADSyncExportDeletionThreshold on the Connect server; and back up written "
            "groups before v1 is turned off, because the next cycle then deletes all of them."
        ),
        source=source,
        values=values,
        acknowledgeable=True,
    )


def new_group_default(evidence: Evidence) -> Iterator[Finding]:
    """What the tenant's default for new groups says, and whether that means anything."""
    default = evidence[NEW_GROUPS]
    features = evidence.get(FEATURES)
    v2 = features.connect_v2 if features else Switch.UNKNOWN
    meaning = {
        Switch.OFF: t("V2 is off, so this has no effect: v1 writes every Microsoft 365 group whatever it says."),
        Switch.UNKNOWN: t("It decides under V2 alone, and whether V2 is on is not readable."),
        Switch.ON: t("V2 is on, so this is the writeback state that every new Microsoft 365 group gets."),
    }[v2]
    severity = Severity.INFO
    if v2 is Switch.ON and default.state is WrittenByDefault.OTHER:
        severity = Severity.UNKNOWN
    elif v2 is Switch.ON and default.written is Switch.ON:
        severity = Severity.WARNING
    yield Finding(
        id=f"new-group-default:{default.state.value}",
        severity=severity,
        seen=t("{state}. {meaning}", state=default.text, meaning=meaning),
        expected=t("False under V2 where groups are chosen one by one; without V2, anything."),
        why=t("An operator who sets it expects an effect that it has under V2 alone."),
        to_do=NOTHING
        if severity is Severity.INFO
        else t("Set NewUnifiedGroupWritebackDefault to false, sending all values."),
        source='Microsoft Entra documentation, "Group writeback V2"; Microsoft Graph documentation, "Update '
        'groupSetting"',
        values={"state": default.state.value, "value": default.value, "v2": v2.value},
        acknowledgeable=True,
    )


_B, _W = Severity.BLOCKING, Severity.WARNING

CHECKS: tuple[Check, ...] = (
    Check("connect-v1-other", t("Connect writes no Microsoft 365 group"), (TENANT,), on(direct=_B), v1_as_other_writer),
    Check("connect-v1", t("Connect writes Microsoft 365 groups (v1)"), (TENANT,), on(connect_sync=_B), v1_as_route),
    Check(
        "connect-v2",
        t("Group writeback V2 is not on"),
        (TENANT,),
        on(direct=_B, cloud_sync=_W, connect_sync=_W),
        v2_on,
    ),
    Check(
        "connect-v2-readable",
        t("The synchronization features can be read"),
        (FEATURES,),
        on(direct=_W, cloud_sync=_W, connect_sync=_W),
        v2_unknown,
        V2_TOLD,
    ),
    Check(
        "deletion-prevention",
        t("Connect protects from accidental deletions"),
        (FEATURES,),
        on(connect_sync=_W),
        deletion_prevention,
        SETTINGS_TOLD,
    ),
    Check(
        "new-group-default",
        t("The default for new groups is known"),
        (NEW_GROUPS, TENANT),
        on(direct=_W, connect_sync=_W),
        new_group_default,
    ),
)
