"""Which groups cannot change hands, and why: their kind, who decides about them, their AD object and its scope. Pure.

Sources: Microsoft Entra documentation, "Configure Group Source of Authority", "Preserve a group's organizational unit
and name"; how a group scope can change: Microsoft Learn, "Active Directory security groups".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.members import GroupScope, scope_of
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change import Refusal
from runbook_lib.model.cloud import Authority, CloudGroup, CloudKind
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import same_dn
from runbook_lib.model.enforcement import Leave
from runbook_lib.model.ids import as_group_id
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.authority.facts import AuthorityFacts, AuthoritySettings, ad_object, nesting_levels
from runbook_lib.routes.cloud_sync.planning import Sides

_TAKE_OUT = t("Take it out of the selection.")


def gone_refusal(row: GroupRow) -> Refusal:
    """A group that the tenant does not have any more."""
    why = t("There is no such group in the tenant any more.")
    return Refusal(row.group_id, row.display_name, "not-in-cloud", why, _TAKE_OUT)


def against_conversion(group: CloudGroup, sides: Sides) -> tuple[DirectoryGroup | None, list[Refusal]]:
    """The AD object of a group, and every reason why the group cannot be converted; none: it can."""

    def no(rule: str, why: Text, to_do: Text = _TAKE_OUT) -> Refusal:
        return Refusal(group.id, group.display_name, rule, why, to_do)

    if (kind := _kind_or_authority(group)) is not None:
        return None, [no(*kind)]
    found = [no("dynamic", t("Its members follow a rule, which AD does not know."))] if group.dynamic else []
    own = ad_object(sides.inventory, group)
    if own is None:
        found.append(
            no(
                "no-object",
                t(
                    "No object of this domain has its SID; it comes from {domain}.",
                    domain=printable(group.on_premises_domain or "?", limit=120),
                ),
                t("Take it out of the selection, or name a domain controller of its domain in dc_host."),
            )
        )
    elif own.text("adminCount") == "1":
        found.append(
            no(
                "admin-protected",
                t("{dn} is protected (adminCount is 1): the agent has no rights on it.", dn=printable(own.dn)),
            )
        )
    return own, found


def one_refusal(reasons: Sequence[Refusal]) -> Refusal:
    """One refusal that says every reason, under the rule of the first."""
    to_do = joined(dict.fromkeys(one.to_do for one in reasons))
    return replace(reasons[0], why=joined(dict.fromkeys(one.why for one in reasons)), to_do=to_do)


def _kind_or_authority(group: CloudGroup) -> tuple[str, Text, Text] | None:
    """Why a group is none that can be converted, whatever AD holds: rule, why and what to do."""

    def no(rule: str, why: Text, to_do: Text = _TAKE_OUT) -> tuple[str, Text, Text]:
        return rule, why, to_do

    if group.kind is CloudKind.MICROSOFT_365:
        return no("microsoft-365", t("Microsoft 365 groups are born in the cloud."))
    if group.kind is not CloudKind.SECURITY:
        return no(
            "mail-enabled",
            t(
                "It is mail-enabled: converted, it would be managed in Exchange Online, every mailbox in it would have "
                "to be there, and Cloud Sync would never write it back."
            ),
            t("Take it out of the selection, or take its mail away in AD, let it synchronize, and plan again."),
        )
    match group.authority:
        case Authority.CLOUD:
            return no("born-in-cloud", t("It did not come from AD: the cloud decides about it already."))
        case Authority.PENDING:
            return no(
                "pending",
                t("It was given back to AD, and nothing has synchronized it since."),
                t("Let the synchronization run (Start-ADSyncSyncCycle -PolicyType Delta), then plan again."),
            )
        case Authority.UNKNOWN:
            return no(
                "authority-unknown",
                t("It came from AD, and who decides about it could not be read."),
                t("Grant Group-OnPremisesSyncBehavior.ReadWrite.All, then plan again."),
            )
    return None


def scope_refusals(
    groups: Mapping[str, CloudGroup],
    own: Mapping[str, DirectoryGroup],
    sides: Sides,
    wanted: AuthoritySettings,
    unwritable: Collection[str],
) -> dict[str, Refusal]:
    """Groups whose AD object is not universal and cannot, or shall not, become it.

    Args:
        groups: Of the tenant, by id.
        own: Id of a group to its AD object, for those that are converted.
        sides: Both sides.
        wanted: What the parameters ask for.
        unwritable: objectGUIDs of AD groups whose groupType this account may not write.
    """
    narrow = {one: group for one, group in own.items() if scope_of(group.group_type) is not GroupScope.UNIVERSAL}
    refused: dict[str, Refusal] = {}

    def no(one: str, rule: str, why: Text, to_do: Text) -> None:
        refused[one] = Refusal(as_group_id(one), groups[one].display_name, rule, why, to_do)

    enforcement = sides.inventory.directory.enforcement
    for one, group in narrow.items():
        if not wanted.make_universal:
            no(
                one,
                "not-universal",
                t(
                    "{dn} has {scope} scope: Cloud Sync writes universal groups alone.",
                    dn=printable(group.dn),
                    scope=scope_of(group.group_type).value,
                ),
                t("Set cloud_sync_make_universal: true, and the plan changes it; or change it in AD."),
            )
        elif group.group_type & 1 or scope_of(group.group_type) is GroupScope.UNKNOWN:
            no(one, "built-in", t("{dn} is a built-in group.", dn=printable(group.dn)), _TAKE_OUT)
        elif group.guid in unwritable:
            why = t("This account may not write groupType of {dn}.", dn=printable(group.dn))
            no(one, "no-right", why, t("Have the right to write groupType of it delegated to the account."))
        elif group.governed_by_cloud and enforcement.leave is Leave.REFUSED:
            why = t(
                "{dn} carries msDS-ObjectSoa, and a policy lets this account not change it.", dn=printable(group.dn)
            )
            no(one, "object-enforced", why, t("Have the account's SID put into msDS-Settings of the policy."))
    while True:
        changing = {group.guid for one, group in narrow.items() if one not in refused}
        barred = {
            one: why
            for one, group in narrow.items()
            if one not in refused and (why := bars_universal(group, sides.inventory, changing))
        }
        if not barred:
            return refused
        for one, why in barred.items():
            no(one, "cannot-be-universal", why, t("Change that group first, or take this one out of the selection."))


def is_filled(group: CloudGroup, own: DirectoryGroup, facts: AuthorityFacts) -> bool:
    """Whether the extension holds the distinguished name that the AD object has now."""
    value = dict(group.extensions).get(facts.property) if facts.property else None
    return bool(value) and same_dn(str(value), own.dn)


def unfilled_refusal(group: CloudGroup, facts: AuthorityFacts) -> Refusal:
    """Why a group whose distinguished name the extension does not hold is not converted."""
    value = dict(group.extensions).get(facts.property) if facts.property else None
    why = (
        t("{property} holds another distinguished name: {value}.", property=facts.property, value=printable(str(value)))
        if value
        else t("{property} holds no distinguished name of it yet.", property=facts.property or "GroupDN")
    )
    to_do = (
        t("Wait for the next run of {job}, then plan again.", job=facts.inbound.address.job_id)
        if facts.inbound
        else t("Do what the finding soa-connect-fills says, then plan again; or set cloud_sync_keep_place: false.")
    )
    return Refusal(group.id, group.display_name, "group-dn-stale" if value else "group-dn-missing", why, to_do)


def barred_from_return(group: CloudGroup, sides: Sides) -> Refusal | None:
    """Why a group cannot be given back to AD; None: it can."""
    if group.authority is Authority.CLOUD:
        why = t("It did not come from AD: there is nothing to give it back to.")
        return Refusal(group.id, group.display_name, "born-in-cloud", why, _TAKE_OUT)
    if group.authority is Authority.UNKNOWN:
        return Refusal(
            group.id,
            group.display_name,
            "authority-unknown",
            t("It came from AD, and who decides about it could not be read."),
            t("Grant Group-OnPremisesSyncBehavior.ReadWrite.All, then plan again."),
        )
    if ad_object(sides.inventory, group) is None:
        return Refusal(
            group.id,
            group.display_name,
            "no-object",
            t("No object of this domain has its SID: no synchronization could take it over."),
            t("Restore its AD object first, or name a domain controller of its domain in dc_host."),
        )
    return None


def scope_orders(groups: Sequence[DirectoryGroup], inventory: Inventory) -> dict[str, int]:
    """In which order AD groups can become universal, by objectGUID.

    A global group can while it is no member of a global group: holders first. A domain local group can while it holds
    no domain local group: what it holds first.
    """
    guid_of_dn = inventory.index.guid_of_dn
    by_guid = {group.guid: group for group in groups}
    held = {
        as_group_id(guid): [found for dn in group.members or () if (found := guid_of_dn(dn)) in by_guid]
        for guid, group in by_guid.items()
    }
    level = nesting_levels(by_guid.keys(), {key: [one for one in some if one] for key, some in held.items()})
    local = {guid for guid, group in by_guid.items() if scope_of(group.group_type) is GroupScope.DOMAIN_LOCAL}
    return {guid: level[guid] if guid in local else len(by_guid) - level[guid] for guid in by_guid}


def bars_universal(group: DirectoryGroup, inventory: Inventory, changing: Collection[str]) -> Text:
    """Why AD would not take a group as a universal one, as a sentence; empty: it would.

    Args:
        group: A group of global or domain local scope.
        inventory: Both sides.
        changing: objectGUIDs of the groups that become universal in the same plan.
    """
    index = inventory.index
    if scope_of(group.group_type) is GroupScope.GLOBAL:
        holders = [index.groups_by_guid.get(index.guid_of_dn(dn) or "") for dn in group.member_of]
        standing = [
            one for one in holders if one and scope_of(one.group_type) is GroupScope.GLOBAL and one.guid not in changing
        ]
        if standing:
            where = "; ".join(printable(one.dn, limit=120) for one in standing[:3])
            return t("It is a member of a global group, so AD does not let it become universal: {where}.", where=where)
        return NOTHING
    for dn in group.members or ():
        guid = index.guid_of_dn(dn)
        held = index.groups_by_guid.get(guid or "")
        if held is not None and scope_of(held.group_type) is GroupScope.DOMAIN_LOCAL and held.guid not in changing:
            return t("It holds a domain local group, so AD does not let it become universal: {dn}.", dn=printable(dn))
        if "cn=foreignsecurityprincipals," in dn.casefold():
            return t("It holds an account of another forest, which no universal group can: {dn}.", dn=printable(dn))
    return NOTHING


def bars_restoring(group: DirectoryGroup, scope: GroupScope, inventory: Inventory, restored: Mapping[str, int]) -> Text:
    """Why AD would not give a universal group its former scope back, as a sentence; empty: it would.

    Args:
        group: The group.
        scope: The scope that it had.
        inventory: Both sides.
        restored: objectGUID to groupType of the groups that the same plan gives theirs back.
    """
    index = inventory.index

    def there(dns: Sequence[str]) -> Iterator[tuple[DirectoryGroup, GroupScope]]:
        for dn in dns:
            if found := index.groups_by_guid.get(index.guid_of_dn(dn) or ""):
                yield found, scope_of(restored.get(found.guid, found.group_type))

    if scope is GroupScope.GLOBAL:
        for held, its in there(group.members or ()):
            if its is not GroupScope.GLOBAL:
                return t(
                    "It holds a group that a global one cannot hold, so AD does not make it global again: {dn}.",
                    dn=printable(held.dn),
                )
    else:
        for holder, its in there(group.member_of):
            if its is not GroupScope.DOMAIN_LOCAL:
                return t(
                    "It is in a group that holds no domain local one, so AD does not make it domain local again: {dn}.",
                    dn=printable(holder.dn),
                )
    return NOTHING
