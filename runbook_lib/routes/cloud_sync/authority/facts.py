"""What a change of the source of authority is planned from, and what follows from it: order, memberships. Pure.

Sources: Microsoft Entra documentation, "Guidance for using Group Source of Authority" (one group at a time, from the
lowest of the hierarchy upwards; a parent left in AD loses the reference to a converted child), "Configure Group Source
of Authority" (limitations, roll back), "How provisioning to Active Directory works" (nested groups by the source of
authority of both); Microsoft Learn, "Active Directory security groups" (how a group scope can change).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from runbook_lib.cloud_sync.configuration import Document
from runbook_lib.cloud_sync.group_dn import Placement
from runbook_lib.graph.tenant.authority import GroupDnExtension, InboundJob
from runbook_lib.graph.tenant.parts import ConnectReport
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Plan
from runbook_lib.model.cloud import Authority, CloudGroup
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import GroupId, as_group_id
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import NOTHING, Text, counted, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.authority.actions import SetCloudManaged
from runbook_lib.routes.cloud_sync.payload import CloudSyncPlan
from runbook_lib.routes.cloud_sync.planning import require_within
from runbook_lib.rules.policy import Policy

EXTENSION_ATTRIBUTES = tuple(f"extensionAttribute{number}" for number in range(1, 16))
"""What a group loses in the cloud ("Extension attributes 1 - 15 aren't supported on cloud security groups")."""


@dataclass(frozen=True, slots=True)
class AuthorityFacts:
    """What was read beside both sides and the configuration.

    Attributes:
        extension: The directory extension of Cloud Sync's own application, as far as it exists.
        property: Full name of the property that distinguished names are taken from; empty: there is none yet.
        own_property: Whether the operator named it: then this runbook makes and fills none.
        inbound: The job of Cloud Sync that synchronizes the domain to the cloud; None: Connect Sync does.
        extension_attributes: objectGUID of an AD group to its values of ``EXTENSION_ATTRIBUTES``.
        connect: What Connect Sync reported about itself.
        catalogs: Group id to the catalogs of entitlement management that it is in.
        sources: Target attribute to the ``attributeMappingSource`` that keeps OU and name; empty: nothing to change.
        unwritable: objectGUIDs of AD groups whose groupType this account may not write.
    """

    extension: GroupDnExtension
    property: str
    own_property: bool
    inbound: InboundJob | None
    extension_attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    connect: ConnectReport | Unreadable | None = None
    catalogs: Mapping[str, tuple[str, ...]] | Unreadable = field(default_factory=dict)
    sources: Mapping[str, Document] = field(default_factory=dict)
    unwritable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AuthoritySettings:
    """What the parameters ask of a change of the source of authority.

    Attributes:
        most: Groups whose source of authority one plan may change.
        make_universal: Whether the scope of an AD group may be changed to universal.
        with_nested: Whether groups nested in the selected ones are changed too.
        keep_place: Whether OU and name are kept.
    """

    most: int
    make_universal: bool = False
    with_nested: bool = True
    keep_place: bool = True

    def limits(self, policy: Policy) -> dict[str, int]:
        """The limits of the plan, which its digest covers."""
        return {**policy.limits.as_json(), "conversions": self.most}


@dataclass(frozen=True, slots=True)
class PlannedAuthority:
    """A plan, what was found while making it, and what is looked at afterwards.

    Attributes:
        watched: Id of a group to whether the cloud is to be its source of authority afterwards.
        fills: Id of a group to the distinguished name that is waited for in the extension.
        placements: Id of a group that is converted to where its AD object will be.
    """

    plan: Plan
    findings: tuple[Finding, ...]
    watched: Mapping[str, bool] = field(default_factory=dict)
    fills: Mapping[str, str] = field(default_factory=dict)
    placements: Mapping[str, Placement] = field(default_factory=dict)


def watched_of(plan: CloudSyncPlan) -> dict[str, bool]:
    """Group id to whether the cloud is to be its source of authority when a plan is carried out."""
    acts = {change.group_id: change.payload.action for change in plan.changes}
    found = {one: act.managed for one, act in acts.items() if isinstance(act, SetCloudManaged)}
    return dict(sorted(found.items()))


def require_limit(count: int, wanted: AuthoritySettings) -> None:
    """Refuse a plan that changes more groups than one plan may.

    Raises:
        Refused: ``limit-conversions``.
    """
    what = t("The plan changes the source of authority of {groups}", groups=counted(count, "group"))
    require_within({"conversions": wanted.most}, "conversions", count, what)


def cloud_groups(inventory: Inventory) -> dict[str, CloudGroup]:
    """Groups of the tenant by id."""
    return {group.id: group for group in inventory.cloud.groups}


def ad_object(inventory: Inventory, group: CloudGroup) -> DirectoryGroup | None:
    """The AD group that a cloud group came from, by its SID; None where this domain has none."""
    guids = inventory.index.guids_by_sid.get(group.on_premises_sid or "", [])
    return inventory.index.groups_by_guid.get(guids[0]) if len(guids) == 1 else None


def with_nested(
    inventory: Inventory, chosen: Collection[str], wanted: Authority, left_alone: Collection[str] = ()
) -> list[str]:
    """The chosen groups and those nested in them at any depth that are of the wanted authority, sorted.

    Args:
        inventory: Both sides.
        chosen: Ids of groups.
        wanted: Only groups in this state are added.
        left_alone: Ids of groups that are never added, and not looked into.
    """
    groups = cloud_groups(inventory)
    found, ahead = set(chosen), list(chosen)
    while ahead:
        for member in inventory.cloud.members.get(as_group_id(ahead.pop()), ()):
            group = groups.get(member)
            if group is not None and group.authority is wanted and member not in found and member not in left_alone:
                found.add(group.id)
                ahead.append(group.id)
    return sorted(found)


def nesting_levels(chosen: Collection[str], members: Mapping[GroupId, Sequence[str]]) -> dict[str, int]:
    """A level for each chosen group, from 0: a group stands above everything that it holds.

    Groups that hold each other in a circle, as AD allows, stand above each other in the order of their ids.

    Args:
        chosen: Ids of groups.
        members: Group id to the ids of its direct members.
    """
    held = {one: {member for member in members.get(as_group_id(one), ()) if member in chosen} - {one} for one in chosen}
    found: dict[str, int] = {}
    while len(found) < len(held):
        ready = sorted(one for one in held if one not in found and held[one] <= found.keys())
        if not ready:
            left = [one for one in held if one not in found]
            ready = [min(left, key=lambda one: (len(_reached(one, held)), one))]
        for one in ready:
            found[one] = 1 + max((found[member] for member in held[one] if member in found), default=-1)
    return found


def _reached(start: str, held: Mapping[str, Collection[str]]) -> set[str]:
    found, ahead = {start}, [start]
    while ahead:
        new = set(held.get(ahead.pop(), ())) - found
        found |= new
        ahead += new
    return found


@dataclass(frozen=True, slots=True)
class Reference:
    """A membership that is lost or no longer followed: who is in which group, and why."""

    group: str
    member: str
    why: Text = NOTHING

    @property
    def line(self) -> str:
        """For people."""
        both = f"{printable(self.member, limit=80)} in {printable(self.group, limit=80)}"
        return f"{both} ({self.why})" if self.why else both


def nested_that_stay(inventory: Inventory, converted: Collection[str]) -> list[Reference]:
    """Groups that AD decides about, nested in converted ones: Cloud Sync writes no reference to them."""
    groups = cloud_groups(inventory)
    return [
        Reference(groups[one].display_name, groups[member].display_name)
        for one in sorted(converted)
        for member in inventory.cloud.members.get(as_group_id(one), ())
        if member in groups and member not in converted and groups[member].authority is Authority.AD
    ]


def parents_that_stay(inventory: Inventory, converted: Collection[str]) -> list[Reference]:
    """Groups that AD decides about and that hold converted ones: their membership in the cloud loses these."""
    groups = cloud_groups(inventory)
    return [
        Reference(group.display_name, groups[member].display_name)
        for group in groups.values()
        if group.authority is Authority.AD and group.id not in converted
        for member in inventory.cloud.members.get(group.id, ())
        if member in converted
    ]


def lost_at_take_over(inventory: Inventory, returning: Collection[str]) -> list[Reference]:
    """Members that groups lose in the cloud when AD takes them over: all that their AD objects do not hold.

    "After the object is taken over, any modifications made in the cloud are overridden"; cloud users have to be removed
    before.
    """
    groups, principals = cloud_groups(inventory), inventory.principals
    found = []
    for one in sorted(returning):
        own = ad_object(inventory, groups[one])
        there = {inventory.index.guid_of_dn(dn) for dn in (own.members or ())} if own else set()
        for member in inventory.cloud.members.get(as_group_id(one), ()):
            nested, person = groups.get(member), principals.get(member)
            name = nested.display_name if nested else (person.name if person else member)
            if why := _not_in_ad(member, nested, person.guid if person else "", there, returning):
                found.append(Reference(groups[one].display_name, name, why))
            elif nested is None and member not in principals:
                found.append(Reference(groups[one].display_name, name, t("its account in AD is not known")))
    return found


def _not_in_ad(
    member: str, nested: CloudGroup | None, guid: str, there: Collection[str | None], returning: Collection[str]
) -> Text:
    if nested is not None and nested.authority is Authority.CLOUD:
        return t("group born in the cloud")
    if nested is not None and nested.authority is Authority.CONVERTED and member not in returning:
        return t("group that stays with the cloud")
    if not guid:
        return t("no account in AD")
    return NOTHING if guid in there else t("not in the AD group")
