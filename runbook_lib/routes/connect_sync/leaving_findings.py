"""What has to be known before v1 is switched off: what cannot be undone, how long something comes back, what is unsure.

Sources: Microsoft Entra documentation, "Disable Microsoft Entra Connect group writeback", "Modify group writeback in
Microsoft Entra Connect", "Prevent accidental deletes" (the threshold of 500; what it says is about exports to the
cloud), "Microsoft Entra AD object enforcement (Preview)"; [MS-ADTS] 3.1.1.5.5.6 (what a tombstone keeps).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runbook_lib.connect.removed import Removal
from runbook_lib.connect.settings import WritebackSettings
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DeletedObjects
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.predicted import Known
from runbook_lib.model.text import Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable

DELETION_THRESHOLD = 500
"""Deletions in one export that stop it where nobody set another number ("Prevent accidental deletes")."""
_THRESHOLD = "Microsoft.OptionalFeature.ExportDeletionThreshold"
_DISABLE = 'Microsoft Entra documentation, "Disable Microsoft Entra Connect group writeback"'


def leaving_findings(
    removals: Sequence[Removal], settings: WritebackSettings, deleted: DeletedObjects
) -> Iterator[Finding]:
    """Everything that a reader of the plan has to know beside the groups themselves.

    Args:
        removals: What goes, or may go.
        settings: What decides about v1.
        deleted: The forest's Recycle Bin, and what of the deleted objects this account sees.
    """
    yield from _state(settings)
    if settings.choosing:
        yield rules_stay(settings.choosing)
    if not removals:
        return
    yield _gone(len(removals))
    yield from _recycle_bin(deleted)
    if deleted.listable is not Switch.ON:
        yield _not_listable(deleted.listable)
    if unsure := [one for one in removals if one.certain is not Known.YES]:
        yield _unsure(unsure)
    if len(removals) > (limit := deletions_at_once(settings)):
        yield _threshold(len(removals), limit)
    if marked := [one for one in removals if one.present.governed_by_cloud]:
        yield _enforced(marked)


def rules_stay(names: Sequence[str]) -> Finding:
    """Rules of somebody's own that choose groups stay on the server when v1 goes; ``names`` is empty: not read."""
    return Finding(
        id="connect-rules-stay",
        severity=Severity.WARNING,
        seen=t(
            "Rules of somebody's own choose among the groups, and they stay on the Connect server: {names}.",
            names=first_of([printable(name, limit=80) for name in names], 5) or t("which ones was not read"),
        ),
        expected=t("No such rule, once v1 is off."),
        why=t("Where v1 is switched on again, they choose again, whatever was meant by then."),
        to_do=t("Delete them there in the Synchronization Rules Editor when v1 is off, unless it is to come back so."),
        values={"rules": list(names)},
    )


def named_without_effect(groups: int) -> Finding:
    """The parameters name groups to be disabled, and v1 deletes all of them; ``groups``: how many AD groups go."""
    return Finding(
        id="connect-sync-disable-names",
        severity=Severity.BLOCKING,
        seen=t(
            "The parameters name groups to be disabled (disable_ids, disable_names), and with v1 all of them go: "
            "{groups}.",
            groups=counted(groups, "AD group"),
        ),
        expected=t("No names: v1 writes all Microsoft 365 groups or none."),
        why=t("Whoever names a few groups does not expect all of them to be deleted."),
        to_do=t("Empty disable_ids and disable_names, or acknowledge this finding."),
        source='Microsoft Entra documentation, "Group source of authority guidance"',
        values={"groups": groups},
        acknowledgeable=True,
    )


def deletions_at_once(settings: WritebackSettings) -> int:
    """Objects that one export may delete before it is stopped, by the server's evidence; else the default."""
    told = settings.evidence.setting(f"{_THRESHOLD}Value") if settings.evidence else None
    return int(told) if told and told.isascii() and told.isdigit() else DELETION_THRESHOLD


def _state(settings: WritebackSettings) -> Iterator[Finding]:
    if settings.v1 is Switch.UNKNOWN:
        yield Finding(
            id="connect-v1-unknown",
            severity=Severity.UNKNOWN,
            seen=t("Whether group writeback v1 is on is not known: neither Graph nor the Connect server says so."),
            why=t("Where it is off already, the wizard has nothing to be cleared, and the cycle alone is missing."),
            to_do=t("Run the collector on the Connect server and name its file in connect_evidence."),
        )
    if settings.v2 is Switch.ON:
        yield Finding(
            id="connect-v2-on-while-leaving",
            severity=Severity.WARNING,
            seen=t("Group writeback V2 is on. This plan does not touch it."),
            why=t(
                "V2 goes off by a cmdlet of its own and never on again; what it wrote stays or goes by its own rules."
            ),
            to_do=t("Decide about V2 by itself, with Microsoft's page on the move from V2."),
            source=_DISABLE,
        )


def _gone(number: int) -> Finding:
    return Finding(
        id="leaving-is-not-undone",
        severity=Severity.WARNING,
        seen=t(
            "The next cycle deletes {groups}. Switching v1 on again does not bring them back: it makes new objects "
            "with other SIDs.",
            groups=counted(number, "AD group"),
        ),
        expected=t("60-undo-change brings the same objects back before v1 is switched on again."),
        why=t(
            "Memberships in groups of other domains, address-book entries that Update-Recipient made, and everything "
            "that people changed meanwhile do not come back with them."
        ),
        to_do=t("Switch v1 on again with 60-undo-change alone, while the deleted objects are there."),
        source='Microsoft Entra documentation, "Modify group writeback in Microsoft Entra Connect"',
        values={"groups": number},
    )


def _recycle_bin(deleted: DeletedObjects) -> Iterator[Finding]:
    days = t(
        "A deleted object can come back for {days} days ({source}).",
        days=deleted.lifetime_days,
        source=deleted.lifetime_source,
    )
    if deleted.recycle_bin is Switch.ON:
        yield Finding(
            id="recycle-bin-on-while-leaving",
            severity=Severity.INFO,
            seen=t("The Recycle Bin is on. {days}", days=days),
            values={"days": deleted.lifetime_days, "source": deleted.lifetime_source},
        )
        return
    state = t("off") if deleted.recycle_bin is Switch.OFF else t("not readable")
    yield Finding(
        id="recycle-bin-not-on-while-leaving",
        severity=Severity.BLOCKING,
        seen=t("The Recycle Bin is {state}. {days}", state=state, days=days),
        expected=t("It is on, so that a group comes back with its members and with the groups that it was in."),
        why=t("Without it a deleted group keeps SID, GUID and type, and loses members, memberships and other values."),
        to_do=t(
            "Enable-ADOptionalFeature 'Recycle Bin Feature' before anything is deleted (it cannot be switched off "
            "again), or acknowledge this finding: backup.ldif holds what is lost."
        ),
        source="[MS-ADTS] 3.1.1.5.5.6",
        values={"state": deleted.recycle_bin.value, "days": deleted.lifetime_days},
        acknowledgeable=True,
    )


def _not_listable(listable: Switch) -> Finding:
    off = listable is Switch.OFF
    return Finding(
        id="deleted-objects-not-listable-while-leaving",
        severity=Severity.BLOCKING if off else Severity.UNKNOWN,
        seen=t("This account may not list the deleted objects.")
        if off
        else t("Whether this account may list the deleted objects is not known: it sees none, and there may be none."),
        expected=t("It may list them and bring them back, so that 60-undo-change can."),
        why=t("Otherwise somebody else has to bring the groups back by hand before v1 is switched on again."),
        to_do=t(
            "Have the right to list CN=Deleted Objects and the right Reanimate-Tombstones on the domain's root "
            "delegated, or acknowledge this finding."
        )
        if off
        else t("Have an administrator look, with Get-ADObject -IncludeDeletedObjects as this account."),
        values={"listable": listable.value},
        acknowledgeable=True,
    )


def _unsure(unsure: Sequence[Removal]) -> Finding:
    whys: list[Text] = sorted({one.why for one in unsure})
    names = first_of([printable(one.display_name, limit=80) for one in unsure], 5)
    return Finding(
        id="leaving-not-certain",
        severity=Severity.UNKNOWN,
        seen=t(
            "Of {groups} it is not certain that they go: {names}. {why}",
            groups=counted(len(unsure), "AD group"),
            names=names,
            why=joined(whys),
        ),
        why=t("They count among those that go, and are backed up; the next run does not wait for them."),
        values={"groups": len(unsure)},
    )


def _threshold(number: int, limit: int) -> Finding:
    return Finding(
        id="leaving-above-threshold",
        severity=Severity.WARNING,
        seen=t(
            "{groups} go in one cycle, and an export that deletes more than {limit} objects is stopped.",
            groups=counted(number, "AD group"),
            limit=limit,
        ),
        expected=t(
            "The threshold is described for exports to the cloud; whether exports to AD count is not documented."
        ),
        why=t("A stopped export deletes nothing until somebody lets it: stopped-deletion-threshold-exceeded."),
        to_do=t(
            "Where it stops, raise the threshold for this one cycle with Enable-ADSyncExportDeletionThreshold and set "
            "it back; never switch the protection off."
        ),
        source='Microsoft Entra documentation, "Prevent accidental deletes"',
        values={"groups": number, "limit": limit},
    )


def _enforced(marked: Sequence[Removal]) -> Finding:
    return Finding(
        id="leaving-marked-objects",
        severity=Severity.WARNING,
        seen=t(
            "{groups} carry msDS-ObjectSoa: where AD object enforcement is on, a domain controller deletes them and "
            "refuses to bring them back.",
            groups=counted(len(marked), "AD group"),
        ),
        why=t("What is deleted then stays deleted."),
        to_do=t("Have the account's SID put into msDS-Settings of the policy before they are deleted."),
        source='Microsoft Entra documentation, "Microsoft Entra AD object enforcement (Preview)"',
        values={"groups": len(marked)},
    )
