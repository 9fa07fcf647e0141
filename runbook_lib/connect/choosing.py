"""Choosing some Microsoft 365 groups under v1 by rules of one's own: what a server in staging mode proves of it. Pure.

v1 writes all Microsoft 365 groups or none. A pair of rules that keeps groups from being written (``cloudNoFlow``) is
documented for the move of security groups from V2 to Cloud Sync ("Migrate Microsoft Entra Connect Sync group writeback
V2 to Microsoft Entra Cloud Sync"); that it chooses among Microsoft 365 groups under v1, no public text says. So nothing
is concluded from the rules: only what a server in staging mode would export counts, which is what it lists as pending
after a whole synchronization.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.connect.document import PendingExport
from runbook_lib.connect.evidence import ConnectEvidence
from runbook_lib.connect.settings import NO_FLOW, writeback_settings
from runbook_lib.model.ids import GroupId, group_id_of_anchor
from runbook_lib.model.text import NOTHING, Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable

RULE_CHANGED = 2510
"""Number of the Windows event of a rule that was made, changed or deleted ("Admin audit logging")."""


@dataclass(frozen=True, slots=True)
class ChoiceProof:
    """What the pending exports of a server in staging mode say about a choice of groups.

    Attributes:
        unproved: Why the evidence proves nothing, as a sentence; empty where it does.
        exported: Groups that would be written or changed.
        deleted: Groups whose AD object would be deleted.
        missing: Chosen groups that are neither in AD nor would be written.
        unwanted: Groups that nobody chose and that would be written or changed.
        unnamed: Names in AD of exports whose anchor names no cloud group.
    """

    unproved: Text = NOTHING
    exported: tuple[GroupId, ...] = ()
    deleted: tuple[GroupId, ...] = ()
    missing: tuple[GroupId, ...] = ()
    unwanted: tuple[GroupId, ...] = ()
    unnamed: tuple[str, ...] = ()

    @property
    def as_chosen(self) -> bool:
        """Whether the server would write the chosen groups and no other one; deletions are no part of it."""
        return not (self.unproved or self.missing or self.unwanted or self.unnamed)

    @property
    def may_leave_staging(self) -> bool:
        """Whether it would write the chosen groups, no other one, and delete nothing."""
        return self.as_chosen and not self.deleted

    def in_words(self, names: Mapping[GroupId, str]) -> Text:
        """Why it proves nothing, or what would be written, deleted and left out otherwise than chosen.

        Args:
            names: Display names of the groups; one without is shown by its id.
        """
        if self.unproved:
            return self.unproved
        return joined(
            (
                t(
                    "The server in staging mode would write or change {written} and delete {deleted}.",
                    written=counted(len(self.exported), "group"),
                    deleted=counted(len(self.deleted), "group"),
                ),
                _told(t("not chosen, and written"), [names.get(one, one) for one in self.unwanted]),
                _told(t("chosen, and not written"), [names.get(one, one) for one in self.missing]),
                _told(t("without an anchor of a cloud group"), self.unnamed),
                _told(t("deleted in AD"), [names.get(one, one) for one in self.deleted]),
            )
        )


def _told(what: Text, names: Sequence[str]) -> Text:
    if not names:
        return NOTHING
    shown = first_of([printable(name, limit=80) for name in names], 5)
    return t("{number:,} {what}: {names}.", number=len(names), what=what, names=shown)


def prove_choice(evidence: ConnectEvidence, chosen: Collection[GroupId], there: Collection[GroupId]) -> ChoiceProof:
    """What a server in staging mode would do to AD.

    Args:
        evidence: The server's, collected with the pending exports.
        chosen: Groups that are to be written.
        there: Groups that have an object of v1 in AD already.
    """
    if why := _unproved(evidence):
        return ChoiceProof(why)
    written, deleted = set[GroupId](), set[GroupId]()
    unnamed = []
    for one in evidence.evidence.pending_exports or ():
        group = _group_of(one)
        if group is None:
            unnamed.append(one.dn)
        elif one.operation.casefold() == "delete":
            deleted.add(group)
        else:
            written.add(group)
    wanted = set(chosen)
    return ChoiceProof(
        exported=tuple(sorted(written)),
        deleted=tuple(sorted(deleted)),
        missing=tuple(sorted(wanted - written - (set(there) - deleted))),
        unwanted=tuple(sorted(written - wanted)),
        unnamed=tuple(sorted(unnamed)),
    )


def _group_of(one: PendingExport) -> GroupId | None:
    return group_id_of_anchor(one.anchor or "")


def _unproved(evidence: ConnectEvidence) -> Text:
    """Why pending exports of this evidence say nothing about the choice; empty where they do."""
    read = evidence.evidence
    if read.scheduler is None:
        return t("The schedule of the server was not read, so whether it is in staging mode is not known.")
    if not read.scheduler.staging:
        return t("The server is not in staging mode: it exports what it finds, and leaves nothing to be looked at.")
    if read.features is None or not read.features.v1:
        return t("Group writeback v1 is not on there, or that was not read.")
    if not writeback_settings(evidence).choosing:
        return t("No enabled rule of somebody's own sets {attribute} there.", attribute=NO_FLOW)
    if read.pending_exports is None:
        return t("The pending exports were not collected: run the collector there with -PendingExports.")
    if read.runs is None or read.audit is None:
        return t("The runs or the audit events of the server were not read.")
    changed = max((event.at for event in read.audit if event.id == RULE_CHANGED and event.at), default="")
    entra = {one.name for one in read.connectors or () if one.kind == "Extensible2"}
    begun = [
        run.started
        for run in read.runs
        if run.connector in entra and run.complete and run.started and run.result == "success"
        if "synchronization" in run.profile.casefold()
    ]
    if not begun or max(begun) <= changed:
        return t("The server has not synchronized the tenant's connector since its rules were changed.")
    return NOTHING
