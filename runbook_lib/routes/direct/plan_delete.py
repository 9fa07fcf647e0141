"""Deleting one AD object of ours: what stands against it, what it takes away, what could come back. Pure functions.

The change names every value and member that leaves, so the approver reads them, the write is refused when any of them
changed, and the undo finds them in the plan.
"""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change import AttributeDelta, Change, ChangeKind, Deletion, MemberRef, Refusal
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import RESTORED_ATTRIBUTES, DirectoryGroup
from runbook_lib.model.dn import is_below, normalize_dn, rdn_of
from runbook_lib.model.finding import Finding
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import counted
from runbook_lib.routes.direct.membership import Membership
from runbook_lib.routes.direct.plan_findings import unaccounted_finding
from runbook_lib.routes.direct.planning import existing
from runbook_lib.rules.group import RuleContext


def refuse_deletion(row: GroupRow, ad: DirectoryGroup, context: RuleContext) -> Refusal | None:
    """Refuse to delete an object that is protected, holds others, or that no undo could put together again."""
    inventory = context.inventory
    if ad.guid in context.protected or ad.text("isCriticalSystemObject") == "TRUE":
        return _refuse(row, "delete-protected", t("{ad_dn} is protected by AD or comes with the domain.", ad_dn=ad.dn))
    # The index has every name in comparable form already: normalizing all of them again for each group takes minutes.
    end = f",{normalize_dn(ad.dn)}"
    below = sorted(
        inventory.index.by_guid[guid].dn for dn, guid in inventory.index.guid_by_dn.items() if dn.endswith(end)
    )
    if below:
        return _refuse(
            row,
            "delete-not-empty",
            t(
                "Below {ad_dn}: {objects}, {below} first.",
                ad_dn=ad.dn,
                objects=counted(len(below), "object"),
                below=below[0],
            ),
            _MOVE_THEM,
        )
    if ad.members is None:
        return _refuse(row, "delete-members-unread", t("The members of {ad_dn} could not be read.", ad_dn=ad.dn))
    unknown = [dn for dn in ad.members if inventory.index.guid_of_dn(dn) is None]
    if unknown:
        return _refuse(
            row,
            "delete-member-unknown",
            t(
                "{unknown_count} of {members} members of {ad_dn} cannot be identified by "
                "GUID, {unknown} first, so an undo could not bring them back.",
                unknown_count=len(unknown),
                members=len(ad.members),
                ad_dn=ad.dn,
                unknown=unknown[0],
            ),
        )
    return None


_MOVE_THEM = t("Move them elsewhere first, or retire the group: disable_by: retire.")
_RETIRE = t("Retire it instead: disable_by: retire.")


def _refuse(row: GroupRow, rule: str, why: Text, to_do: Text = _RETIRE) -> Refusal:
    return Refusal(row.group_id, row.display_name, rule, why, to_do)


def deletion(row: GroupRow, ad: DirectoryGroup, inventory: Inventory) -> Change:
    """The change that deletes one object of ours; ``refuse_deletion`` had nothing against it."""
    snapshot = inventory.directory
    parent = snapshot.target if is_below(ad.dn, snapshot.target.dn) else snapshot.retired
    deltas = [
        AttributeDelta(name, removed=ad.attributes[name]) for name in RESTORED_ATTRIBUTES if name in ad.attributes
    ]
    why = t("Selected to be deleted (disable_by: delete).")
    return replace(
        existing(ChangeKind.DELETE, row, ad, "selected", why),
        rdn=rdn_of(ad.dn),
        parent_guid=parent.guid,
        attributes=tuple(sorted(deltas, key=lambda delta: delta.name)),
        members_removed=_refs(ad.members or (), inventory),
        deletion=deletion_facts(ad, inventory),
    )


def deletion_facts(ad: DirectoryGroup, inventory: Inventory) -> Deletion:
    """What the forest says about bringing this object back."""
    deleted = inventory.directory.deleted
    return Deletion(
        sid=ad.sid or "",
        security=ad.is_security,
        member_of=_refs(ad.member_of, inventory),
        recycle_bin=deleted.recycle_bin.value,
        lifetime_days=deleted.lifetime_days,
        lifetime_source=deleted.lifetime_source,
        may_list=deleted.listable.value,
        # Nothing that an ordinary account may read proves it: the right stands in the access list of the domain's root.
        may_reanimate=Switch.UNKNOWN.value,
    )


def unaccounted_members(row: GroupRow, ad: DirectoryGroup, membership: Membership) -> list[Finding]:
    """A finding where AD members map to nothing in the cloud: somebody put them there, and they leave as well."""
    unaccounted = membership.changes(row.group_id, ad, frozenset()).unaccounted
    return [unaccounted_finding(row, unaccounted)] if unaccounted else []


def _refs(dns: tuple[str, ...], inventory: Inventory) -> tuple[MemberRef, ...]:
    refs = (MemberRef(inventory.index.guid_of_dn(dn) or "", dn) for dn in dns)
    return tuple(sorted(refs, key=lambda ref: (ref.guid, ref.dn)))
