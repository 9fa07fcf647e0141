"""What has to be in order before v1 is switched on or off: rights of Connect's account, what waits, the Recycle Bin."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.connect.document import Pending
from runbook_lib.connect.evidence import AD, ConnectEvidence
from runbook_lib.directory.rights.connector import ConnectorRights
from runbook_lib.directory.rights.needs import AllowEntry
from runbook_lib.directory.rights.table import OperationRight
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import NOTHING, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.checks.connect_evidence import with_evidence
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import GrantConnectorRights, GrantRights
from runbook_lib.preflight.hand_off.templates import dsacls_lines
from runbook_lib.preflight.parts import CONNECT_RIGHTS, CONNECT_SERVER, FOREST

_B, _U, _W, _I = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING, Severity.INFO
_PERMISSIONS = (
    'Microsoft Entra documentation, "Microsoft Entra Connect: Configure AD DS Connector Account Permissions"; '
    "[MS-ADTS] 3.1.1.5 and 5.1.3"
)
_EXPORTS = 'Microsoft Entra documentation, "Microsoft Entra Connect: ADSync PowerShell Reference"'
_WAITING = {"ExportAdds": t("additions"), "ExportUpdates": t("changes"), "ExportDeletes": t("deletions")}
"""Counters of ``Get-ADSyncConnectorStatistics`` that wait to be exported."""


def connector_rights(evidence: Evidence) -> Answers:
    """Connect's account may do in the OU of written groups what v1 does there."""
    found = evidence[CONNECT_RIGHTS]
    if found is None:
        yield NothingToCheck(
            t("No evidence of the Connect server was given (connect_evidence), and it alone names Connect's account.")
        )
        return
    lacking = [row for row in found.rows if row.granted is Switch.OFF]
    unknown = [row for row in found.rows if row.granted is Switch.UNKNOWN]
    if lacking:
        yield _lacking(found, lacking)
    if unknown:
        why = list(dict.fromkeys(row.because for row in unknown))
        yield Finding(
            id="connect-rights-unknown",
            severity=_U,
            seen=t(
                "For {operations} it cannot be determined whether {account} may do them: {why}.",
                operations=counted(len(unknown), "operation"),
                account=printable(found.account.name, limit=80),
                why=joined(why[:4], "; "),
            ),
            expected=t("The access list of the OU and the default of the class group can be read."),
            why=t("An export that is refused shows as error 8344, group by group, after v1 was switched on."),
            to_do=t("Let this program's account read the access list (RC) of the OU, or look with dsacls."),
            source=_PERMISSIONS,
            values={"operations": [row.operation.id for row in unknown], "ou": found.ou},
            acknowledgeable=True,
        )


def _lacking(found: ConnectorRights, lacking: list[OperationRight]) -> Finding:
    missing = list({one.id: one for row in lacking for one in row.missing}.values())
    grants: tuple[AllowEntry, ...] = tuple(dict.fromkeys(one.grant for one in missing if one.grant))
    lines = dsacls_lines(grants, found.account.name)
    denied = [one for one in missing if one.grant is None]
    creates = any(row.operation.id == "connect-create" for row in lacking)
    what = first_of([row.operation.title for row in lacking], 3, "; ")
    return Finding(
        id="connect-rights-missing",
        severity=_B,
        seen=t(
            "{account} may not do this in {ou}: {what}.",
            account=printable(found.account.name, limit=80),
            ou=printable(found.ou),
            what=what,
        ),
        expected=t("Connect's account creates, changes, renames and deletes groups in the OU."),
        why=joined(
            (
                t("Without it the export to AD ends with error 8344 for every group."),
                t(
                    "The entry that Microsoft's cmdlet writes is for the groups below the OU: whether it also lets the "
                    "account create them is not documented, so look again afterwards."
                )
                if creates
                else NOTHING,
            )
        ),
        to_do=joined(
            (
                t(
                    "Let an administrator of the domain run the lines of one of the hand-offs: Microsoft's cmdlet on "
                    "the Connect server, or the entries that are missing and no more."
                ),
                t(
                    "Remove the entries that deny: {denied}.",
                    denied=first_of([printable(one.what) for one in denied], 3, "; "),
                )
                if denied
                else NOTHING,
            )
        ),
        source=_PERMISSIONS,
        values={
            "account": found.account.name,
            "ou": found.ou,
            "operations": [row.operation.id for row in lacking],
            "dsacls": list(lines),
        },
        hand_offs=(
            GrantConnectorRights(found.dn, "", found.ou),
            *((GrantRights(t("what Connect writes"), found.account.name, grants),) if grants else ()),
        ),
        acknowledgeable=True,
    )


def pending_exports(read: ConnectEvidence, _: Evidence) -> Answers:
    """Nothing waits on the server to be exported."""
    if read.evidence.pending is None:
        yield NothingToCheck(t("The collector did not read what waits to be exported."))
        return
    kinds = {one.name: one.kind for one in read.evidence.connectors or ()}
    for waiting in read.evidence.pending:
        numbers = {name: waiting.counters.get(name, 0) for name in _WAITING}
        if any(numbers.values()):
            yield _pending(waiting, numbers, into_ad=kinds.get(waiting.connector) == AD)


def _pending(waiting: Pending, numbers: dict[str, int], *, into_ad: bool) -> Finding:
    told = [t("{what} {number:,}", number=number, what=_WAITING[name]) for name, number in numbers.items() if number]
    deletes = bool(numbers["ExportDeletes"])
    return Finding(
        id=f"connect-server-pending:{printable(waiting.connector, limit=80)}",
        severity=_W if deletes else _I,
        seen=t(
            "What waits on the server to be exported to {connector}: {told}.",
            told=joined(told, ", "),
            connector=printable(waiting.connector, limit=80),
        ),
        expected=t("Nothing waits, before writeback is changed."),
        why=t("What is deleted in AD by the next cycle takes its SID and its memberships with it.")
        if into_ad
        else t("What is deleted in the cloud is lost as a member of every group that is written."),
        to_do=t("Look at the pending exports in Synchronization Service Manager, or with csexport, first."),
        source=_EXPORTS,
        values={"connector": waiting.connector, **numbers},
        acknowledgeable=True,
    )


def cycle_idle(read: ConnectEvidence, _: Evidence) -> Answers:
    """No cycle ran while the evidence was collected."""
    scheduler = read.evidence.scheduler
    if scheduler is None:
        yield NothingToCheck(t("The schedule of the server was not read."))
    elif scheduler.in_progress:
        yield Finding(
            id="connect-server-cycle",
            severity=_W,
            seen=t("A cycle ran while the evidence was collected."),
            expected=t("Evidence of a server that rests."),
            why=t("What it says of exports and errors is of the middle of a cycle."),
            to_do=t("Wait until Get-ADSyncConnectorRunStatus shows nothing, and run the collector again."),
            source='Microsoft Entra documentation, "Connect Sync: scheduler"',
            acknowledgeable=True,
        )


def recycle_bin_for_v1(evidence: Evidence) -> Iterator[Finding]:
    """What v1 deletes can be brought back with its SID."""
    forest = evidence[FOREST]
    if forest.recycle_bin is Switch.ON:
        return
    off = forest.recycle_bin is Switch.OFF
    yield Finding(
        id="connect-recycle-bin-off" if off else "connect-recycle-bin-unknown",
        severity=_W if off else _U,
        seen=t("The forest's Recycle Bin is off.") if off else t("Whether the forest's Recycle Bin is on is not read."),
        expected=t("The Recycle Bin is on before v1 is switched on."),
        why=t(
            "Switching v1 off deletes every group that it wrote. Only with the Recycle Bin do they come back with SID "
            "and members, and v1 joins them again; else new ones are made."
        ),
        to_do=t("Enable-ADOptionalFeature, where the forest may have it: it cannot be switched off again."),
        source='Microsoft Entra documentation, "Modify group writeback"; [MS-ADTS] 3.1.1.9.1',
        values={"state": forest.recycle_bin.value},
        acknowledgeable=True,
    )


CHECKS: tuple[Check, ...] = (
    Check(
        "connect-rights",
        t("Connect's account has its rights on the OU"),
        (CONNECT_RIGHTS,),
        on(connect_sync=_B),
        connector_rights,
    ),
    Check(
        "connect-server-pending",
        t("Nothing waits on the Connect server to be exported"),
        (CONNECT_SERVER,),
        on(direct=_I, cloud_sync=_I, connect_sync=_W),
        with_evidence(pending_exports),
    ),
    Check(
        "connect-server-cycle",
        t("The Connect server rested while it was looked at"),
        (CONNECT_SERVER,),
        on(connect_sync=_W),
        with_evidence(cycle_idle),
    ),
    Check(
        "connect-recycle-bin",
        t("What v1 deletes can be brought back"),
        (FOREST,),
        on(connect_sync=_W),
        recycle_bin_for_v1,
    ),
)
