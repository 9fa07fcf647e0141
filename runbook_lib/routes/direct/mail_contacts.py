"""Mail for groups of the route direct, which writes no address: contacts that people make, and remove again. Pure.

What is to be done is handed over with the plan; the same look at AD in the next run proves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runbook_lib.files import HAND_OFFS
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.mail_contacts import ContactState, GroupContact, group_contacts, routing_domain_of
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.finding import Finding, HandOff, Severity
from runbook_lib.model.text import Text, counted, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.hand_off import MailContact, MakeMailContacts, RemoveMailContacts, StandingContact
from runbook_lib.routes.direct.payload import DirectPlan
from runbook_lib.routes.direct.selection import named
from runbook_lib.rules.policy import Policy

_SOURCE = 'timmcmic, "Office 365: A different approach to handling Office 365 group mail flow" (Microsoft, 2018)'
MOST_CONTACTS = 50
"""Groups whose lines a finding holds, and a notebook shows; the record's file has those of all."""
_EXCHANGE_HAS = "mailNickname"
"""An attribute that groups have only in a schema that Exchange has extended: elsewhere nobody could make a contact."""


@dataclass(frozen=True, slots=True)
class PlanContacts:
    """Contacts of the groups of one plan.

    Attributes:
        staying: Of groups that are written, or stay written.
        leaving: Of groups that are retired or deleted, or were before.
    """

    staying: tuple[GroupContact, ...] = ()
    leaving: tuple[GroupContact, ...] = ()

    @property
    def all(self) -> tuple[GroupContact, ...]:
        """Both."""
        return (*self.staying, *self.leaving)

    @property
    def hand_offs(self) -> tuple[HandOff, ...]:
        """The lines for all of them; findings have those for the first."""
        made, left = _to_make(self.staying), _to_remove(self.leaving)
        return (*((made,) if made.has_lines else ()), *((left,) if left.has_lines else ()))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is to be done about them."""
        found = (_offered(self.staying), _wrong(self.staying), _left(self.leaving))
        return tuple(one for one in found if one is not None)


def contacts_in(inventory: Inventory, group_ids: Iterable[str]) -> tuple[GroupContact, ...]:
    """How the contacts of these groups stand; none without Exchange in the forest, or without a routing domain."""
    if _EXCHANGE_HAS not in inventory.directory.group_attributes:
        return ()
    wanted = set(group_ids)
    routing, _ = routing_domain_of(inventory.cloud.tenant.verified_domains)
    known = {group.id: group for group in (*inventory.cloud.groups, *inventory.cloud.deleted_groups)}
    return group_contacts((group for id_, group in known.items() if id_ in wanted), inventory.index, routing)


def contacts_of_plan(inventory: Inventory, plan: DirectPlan, policy: Policy) -> PlanContacts:
    """Contacts of everything that a plan is about, groups that are in step included.

    Args:
        inventory: Both sides, as the plan was made from.
        plan: The plan; the way back of a change has only what it changes.
        policy: Whose selection the plan was made from.
    """
    away: set[str] = {c.group_id for c in plan.changes if c.kind in (ChangeKind.RETIRE, ChangeKind.DELETE)}
    if plan.operation is Operation.DISABLE:
        away |= named(inventory.rows, policy.disable_ids, policy.disable_names)
        refused = {one.group_id for one in plan.refusals}
        return PlanContacts(leaving=contacts_in(inventory, away - refused))
    back = {c.group_id for c in plan.changes} | {one.group_id for one in plan.members}
    return PlanContacts(contacts_in(inventory, back - away), contacts_in(inventory, away))


def _offered(contacts: Sequence[GroupContact]) -> Finding | None:
    """Groups that have no contact, and can have one."""
    missing = [one for one in contacts if one.state is ContactState.MISSING]
    unlisted = [one for one in contacts if one.state is ContactState.UNLISTED]
    standing = sum(one.state.forwards for one in contacts)
    if not missing and not unlisted:
        return None
    hidden = t(
        " {count} not shown by address lists: {names}.",
        count=counted(len(unlisted), "contact"),
        names=_named(unlisted),
    )
    return Finding(
        id="mail-contacts",
        severity=Severity.INFO,
        seen=t(
            "The route direct writes no address. {count} without a mail contact on premises, {standing} with one.",
            count=counted(len(missing), "group"),
            standing=standing,
        )
        + (hidden if unlisted else t("")),
        expected=t("A contact for each group that people on premises write to; none is needed for rights."),
        why=t("Mail from on premises finds such a group by its contact, and the address book shows it."),
        to_do=t(
            "Where mail is wanted, carry out the hand-off ({file} in the record has the lines for all groups) and run "
            "this notebook again: it looks at each contact. 40-disable-writeback hands over its removal.",
            file=HAND_OFFS,
        ),
        source=_SOURCE,
        values={"count": len(contacts), "groups": _as_json(contacts)},
        hand_offs=(_to_make(missing[:MOST_CONTACTS]),) if missing else (),
    )


def _wrong(contacts: Sequence[GroupContact]) -> Finding | None:
    """Contacts that do not lead to their group, and addresses that keep one from being made."""
    wrong = [one for one in contacts if one.state in (ContactState.WRONG, ContactState.TAKEN)]
    if not wrong:
        return None
    shown = [f"{printable(one.display_name, limit=80)}: {one.why}" for one in wrong]
    return Finding(
        id="mail-contact-wrong",
        severity=Severity.WARNING,
        seen=t(
            "{count} whose mail contact is not right: {shown}",
            count=counted(len(wrong), "group"),
            shown=first_of(shown, 5, " "),
        ),
        expected=t("One contact for each group, with its address, that forwards to its address in the routing domain."),
        why=t("Mail to the group's address goes elsewhere, or nowhere."),
        to_do=t("Correct it with Set-MailContact, or remove it and let the hand-off make it anew."),
        source=_SOURCE,
        values={"count": len(wrong), "groups": _as_json(wrong)},
    )


def _left(contacts: Sequence[GroupContact]) -> Finding | None:
    """Contacts of groups that are written no longer."""
    left = [one for one in contacts if one.state.forwards]
    if not left:
        return None
    return Finding(
        id="mail-contacts-left",
        severity=Severity.WARNING,
        seen=t(
            "{contacts} for groups that are disabled: {names}.",
            contacts=counted(len(left), "mail contact"),
            names=_named(left),
        ),
        expected=t("No contact for a group that is not written."),
        why=t("Mail on premises still goes to the group in the cloud, and the address book still shows it."),
        to_do=t(
            "Carry out the hand-off when the groups are disabled ({file} in the record has all lines), and run this "
            "notebook again: it looks whether the contacts are gone. Leave those that people shall go on writing to.",
            file=HAND_OFFS,
        ),
        source=_SOURCE,
        values={"count": len(left), "groups": _as_json(left)},
        hand_offs=(_to_remove(left[:MOST_CONTACTS]),),
    )


def _to_make(contacts: Sequence[GroupContact]) -> MakeMailContacts:
    missing = (one for one in contacts if one.state is ContactState.MISSING)
    return MakeMailContacts(tuple(MailContact(one.display_name, one.address, one.routing) for one in missing))


def _to_remove(contacts: Sequence[GroupContact]) -> RemoveMailContacts:
    left = (one for one in contacts if one.state.forwards)
    return RemoveMailContacts(tuple(StandingContact(one.dn, one.address) for one in left))


def _named(contacts: Sequence[GroupContact]) -> Text:
    return first_of([printable(one.address, limit=80) for one in contacts], 5)


def _as_json(contacts: Sequence[GroupContact]) -> list[dict[str, str]]:
    return [
        {
            "group_id": one.group_id,
            "address": one.address,
            "forwards_to": one.routing,
            "contact": one.dn,
            "state": one.state.value,
        }
        for one in contacts[:MOST_CONTACTS]
    ]
