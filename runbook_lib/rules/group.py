"""The rules of the direct route that refuse one group. Each returns a refusal or None, and has tests of both.

The rules that stop a whole run (OUs, other writers, incomplete reads) are in ``preconditions``; the numbers are in
``policy``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.members import GroupScope, keeps_from_universal, scope_of
from runbook_lib.inventory.states import GroupRow, GroupState, Writer
from runbook_lib.model.change import Refusal
from runbook_lib.model.cloud import CloudKind, Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import is_below, normalize_dn, parent_of
from runbook_lib.model.text import Text, joined, t
from runbook_lib.model.untrusted import whole
from runbook_lib.rules.policy import Policy


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What the rules look at besides the group."""

    inventory: Inventory
    policy: Policy
    protected: frozenset[str]
    """GUIDs of protected and built-in AD groups."""
    to_be_disabled: frozenset[str] = frozenset()
    """Ids of the groups that disable_ids and disable_names name."""


def first_refusal(row: GroupRow, context: RuleContext) -> Refusal | None:
    """The first rule that refuses to write this group, or None."""
    for rule in ENABLE_RULES:
        if found := rule(row, context):
            return found
    return None


def protected_groups(inventory: Inventory) -> frozenset[str]:
    """GUIDs of groups that AD protects (adminCount) or that come with the domain (well-known and built-in SIDs)."""
    return frozenset(
        group.guid
        for group in inventory.directory.groups
        if group.text("adminCount") == "1"
        or (group.sid or "").startswith("S-1-5-32-")
        or _relative_id(group.sid) < _FIRST_ORDINARY_RID
    )


_FIRST_ORDINARY_RID = 1000
"""Below it AD numbers its own principals ("Well-known SIDs", Microsoft Learn)."""


def _relative_id(sid: str | None) -> int:
    return int(sid.rsplit("-", 1)[1]) if sid and sid.startswith("S-1-5-21-") else _FIRST_ORDINARY_RID


def leads_to(group: DirectoryGroup, goal: frozenset[str], inventory: Inventory) -> str | None:
    """DN of a group in ``goal`` that ``group`` is in, directly or through others; None if there is none."""
    seen: set[str] = set()
    open_dns = list(group.member_of)
    while open_dns:
        guid = inventory.index.guid_of_dn(open_dns.pop())
        if guid is None or guid in seen:
            continue
        seen.add(guid)
        parent = inventory.index.groups_by_guid.get(guid)
        if parent is None:
            continue
        if guid in goal:
            return parent.dn
        open_dns.extend(parent.member_of)
    return None


def _kind(row: GroupRow, _context: RuleContext) -> Refusal | None:
    if row.cloud is None:
        return None  # Gone for good, held or unknown: its state says which.
    if row.cloud.on_premises_sync_enabled:
        return _refuse(row, "on-premises", t("AD is its source of authority."), t("Nothing: it is in AD already."))
    if row.cloud.kind in (CloudKind.MAIL_ENABLED_SECURITY, CloudKind.DISTRIBUTION_LIST):
        return _refuse(row, "not-eligible", row.reason, t("Leave it out of the selection."))
    return None


def _state(row: GroupRow, _context: RuleContext) -> Refusal | None:
    to_do = _STATE_TO_DO.get(row.state)
    return _refuse(row, row.state.value, row.reason, to_do) if to_do else None


_FINISH_MOVE = t(
    "Finish the move with route cloud-sync: 30-enable-writeback (cloud_sync_enable: move) hands it over, "
    "40-disable-writeback (cloud_sync_disable: move) takes it back."
)
_STATE_TO_DO = {
    GroupState.WRITTEN_BY_CONNECT: t("Leave it to Connect Sync."),
    GroupState.WRITTEN_BY_CLOUD_SYNC: t("Leave it to Cloud Sync."),
    GroupState.WRITTEN_BY_OTHER: t("Find out who wrote that object before anything else."),
    GroupState.MOVING: _FINISH_MOVE,
    GroupState.CONVERTED: t("Let Cloud Sync provision it, which joins the original, or move the original away first."),
    GroupState.ROLLED_BACK: t("Leave it to the synchronization client: the next synchronization takes it over."),
    GroupState.ORIGINAL_IN_AD: t(
        "Have onPremisesSyncBehavior read (Group-OnPremisesSyncBehavior.ReadWrite.All) to "
        "tell which it is; where it was converted, let Cloud Sync provision it, which joins the original."
    ),
    GroupState.COLLISION: t("Rename or remove what stands in the way, or leave the group out."),
    GroupState.DUPLICATE: t("Remove the objects that should not claim this group."),
    GroupState.SOFT_DELETED: t("Restore it in the cloud, or wait until it is gone for good."),
    GroupState.ORPHAN: t("Retire it with 40-disable-writeback."),
    GroupState.UNKNOWN: t("Give the app registration the right to read this group, then plan again."),
}


def _also_disabled(row: GroupRow, context: RuleContext) -> Refusal | None:
    """One file serves 30 and 40: a group in both selections would come back with the next run of 30."""
    if row.group_id not in context.to_be_disabled:
        return None
    return _refuse(
        row,
        "also-disabled",
        t("It is also named to be disabled, in disable_ids or disable_names."),
        t("Take it out of one of the two selections."),
    )


def _connect_v1(row: GroupRow, context: RuleContext) -> Refusal | None:
    if row.cloud and row.cloud.kind is CloudKind.MICROSOFT_365 and context.policy.connect_v1 is Switch.ON:
        return _refuse(
            row,
            "connect-v1-on",
            t("Connect Sync group writeback (v1) is on: it writes every Microsoft 365 group, this one too."),
            t("Use Connect Sync for Microsoft 365 groups, or turn its writeback off first."),
        )
    return None


def _unwritable(row: GroupRow, _context: RuleContext) -> Refusal | None:
    """What was read is whole; this holds for groups from anywhere else."""
    group = row.cloud
    texts = {t("display name"): group.display_name, t("description"): group.description or ""} if group else {}
    bad = [name for name, text in texts.items() if whole(text) != text]
    if not bad:
        return None
    return _refuse(
        row,
        "text-unwritable",
        t(
            "Its {bad} holds what is no character (half an emoji, NUL); no directory can hold it.",
            bad=joined(bad, t(" and ")),
        ),
        t("Correct it in the cloud."),
    )


def _role_assignable(row: GroupRow, context: RuleContext) -> Refusal | None:
    if row.cloud and row.cloud.role_assignable and not context.policy.allow_role_assignable:
        return _refuse(
            row, "role-assignable", t("It can hold Entra roles."), t("Set allow_role_assignable if that is intended.")
        )
    return None


def _hidden_membership(row: GroupRow, context: RuleContext) -> Refusal | None:
    if row.cloud and row.cloud.hidden_membership and not context.policy.allow_hidden_membership:
        return _refuse(
            row,
            "hidden-membership",
            t("The cloud hides its members; in AD every authenticated user could normally read them."),
            t("Set allow_hidden_membership if that is intended."),
        )
    return None


def _members_unknown(row: GroupRow, _context: RuleContext) -> Refusal | None:
    if row.cloud and row.cloud_members is None:
        return _refuse(
            row,
            "members-unreadable",
            t("Its members could not be read, so none can be written or removed."),
            t("Give the app registration the permission to read them (Member.Read.Hidden for hidden membership)."),
        )
    return None


def _security(row: GroupRow, context: RuleContext) -> Refusal | None:
    group = row.cloud
    if group is None or not context.policy.security:
        return None
    if group.public:
        return _refuse(
            row,
            "security-public",
            t("Anybody can join a public group, and a security group grants rights in AD."),
            t("Write it as a distribution group."),
        )
    if group.dynamic and not context.policy.allow_dynamic_security:
        return _refuse(
            row,
            "security-dynamic",
            t("A rule decides who is in it, and a security group grants rights in AD."),
            t("Set allow_dynamic_security, or write it as a distribution group."),
        )
    return None


def _protected(row: GroupRow, context: RuleContext) -> Refusal | None:
    if row.ad is None or not (context.policy.security or row.ad.is_security):
        return None
    return _leads(row, row.ad, context)


def _leads(row: GroupRow, ad: DirectoryGroup, context: RuleContext) -> Refusal | None:
    if found := leads_to(ad, context.protected, context.inventory):
        return _refuse(
            row,
            "leads-to-protected",
            t("Its AD group {ad_dn} leads to {found}: its members would gain those rights.", ad_dn=ad.dn, found=found),
            t("Take it out of that group first."),
        )
    return None


def _scope(row: GroupRow, context: RuleContext) -> Refusal | None:
    """Somebody changed the scope of its AD object, and AD would not change it back."""
    hindering = keeps_from_universal(row.ad, context.inventory.index) if row.ad is not None else None
    if row.ad is None or hindering is None:
        return None
    scope = scope_of(row.ad.group_type).value
    holds = scope_of(row.ad.group_type) is GroupScope.DOMAIN_LOCAL
    return _refuse(
        row,
        "scope-fixed",
        t(
            "Its AD group {ad_dn} is {scope} now and {link} {hindering}, which is {scope} too: "
            "AD does not turn it into a universal group.",
            ad_dn=row.ad.dn,
            scope=scope,
            link=t("holds") if holds else t("is a member of"),
            hindering=hindering,
        ),
        t("Take that group out of it first.") if holds else t("Take it out of that group first."),
    )


def refuse_putting_back(row: GroupRow, context: RuleContext, *, restored: bool, security: bool) -> Refusal | None:
    """Rules 2 and 8 for an undo that puts something back into an object of ours.

    Args:
        row: The group; its object stands in AD.
        context: What the rules look at.
        restored: Whether the undo takes the group back into use.
        security: Whether the group grants rights afterwards.
    """
    if restored and (refused := _connect_v1(row, context)):
        return refused
    return _leads(row, row.ad, context) if security and row.ad is not None else None


def outside_ours(row: GroupRow, context: RuleContext) -> Refusal | None:
    """Refuse an object of ours that somebody moved out of both OUs: nothing else is ever written to."""
    if row.ad is None or row.writer is not Writer.OURS:
        return None
    parent = normalize_dn(parent_of(row.ad.dn))
    snapshot = context.inventory.directory
    if parent in {normalize_dn(c.dn) for c in (snapshot.target, snapshot.retired) if c.exists}:
        return None
    return _refuse(
        row,
        "moved-away",
        t("Somebody moved its AD object to {parent_of}.", parent_of=parent_of(row.ad.dn)),
        t("Move it back to the target OU."),
    )


def protected_ou(row: GroupRow, context: RuleContext) -> Refusal | None:
    """Refuse an object below an OU that the parameters protect."""
    if row.ad is None:
        return None
    for ou in context.policy.protected_ous:
        if is_below(row.ad.dn, ou):
            return _refuse(
                row,
                "protected-ou",
                t("Its AD object {ad_dn} stands below the protected OU {ou}.", ad_dn=row.ad.dn, ou=ou),
                t("Move it back to the target OU, or change protected_ous."),
            )
    return None


ENABLE_RULES: tuple[Callable[[GroupRow, RuleContext], Refusal | None], ...] = (
    _also_disabled,
    _kind,
    _unwritable,
    _state,
    _connect_v1,
    _role_assignable,
    _hidden_membership,
    _members_unknown,
    _security,
    _protected,
    _scope,
    protected_ou,
    outside_ours,
)


def refuse_not_ours(row: GroupRow, context: RuleContext) -> Refusal | None:
    """Rule of every plan that touches an existing object: anchor and mark, both, or hands off."""
    if row.state is GroupState.MOVING:
        return _refuse(row, row.state.value, row.reason, _FINISH_MOVE)
    if row.writer is Writer.OURS and row.ad is not None:
        return protected_ou(row, context) or outside_ours(row, context)
    if row.ad is None and row.state is not GroupState.DUPLICATE:
        return _refuse(
            row, "not-written", t("It has no AD object of this runbook."), t("Leave it out of the selection.")
        )
    return _refuse(
        row,
        "not-ours",
        t("Its AD object was not written by this runbook. {row_reason}", row_reason=row.reason),
        t("Leave it alone."),
    )


def _refuse(row: GroupRow, rule: str, why: Text, to_do: Text) -> Refusal:
    return Refusal(row.group_id, row.display_name, rule, why, to_do)
