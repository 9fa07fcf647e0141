"""The inventory: every group of either side, and the members of each with their AD objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.bulk import many_values
from runbook_lib.inventory.index import DirectoryIndex, came_from_ad, collision, is_cloud_syncs, writer_of
from runbook_lib.inventory.members import Principal, memberships, resolve_principals
from runbook_lib.inventory.naming import Naming
from runbook_lib.inventory.states import GroupRow, GroupState, Writer, route_of
from runbook_lib.model.cloud import Authority, CloudGroup, CloudKind, CloudSnapshot, Owner, Presence, Switch
from runbook_lib.model.directory import DirectoryGroup, DirectorySnapshot
from runbook_lib.model.dn import is_below
from runbook_lib.model.ids import MARK_ATTRIBUTE, RETIRED_MARK, GroupId
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, t


@dataclass(frozen=True)
class Inventory:
    """Both sides joined.

    Attributes:
        rows: One ``GroupRow`` per group, in group id order.
        members: Direct members of each group whose members were read, by group id, in the order of their ids.
        principals: Every principal and group of the tenant, by id.
        owners: Owners of each cloud group whose owners were read; None where nobody asked for them.
    """

    cloud: CloudSnapshot
    directory: DirectorySnapshot
    index: DirectoryIndex
    naming: Naming
    rows: tuple[GroupRow, ...]
    members: Mapping[str, tuple[Principal, ...]]
    principals: Mapping[str, Principal]
    owners: Mapping[GroupId, tuple[Owner, ...]] | None = None


def group_ids_to_probe(cloud: CloudSnapshot, index: DirectoryIndex) -> list[GroupId]:
    """Group ids that AD objects claim and the tenant's lists lack: whether they are gone has to be asked one by one."""
    known = {group.id for group in cloud.groups} | {group.id for group in cloud.deleted_groups}
    return sorted(set(index.groups_by_anchor) - known)


@many_values()
def build_inventory(
    cloud: CloudSnapshot,
    directory: DirectorySnapshot,
    presence: Mapping[GroupId, Presence],
    *,
    index: DirectoryIndex,
    naming: Naming,
    connect_v1: Switch,
) -> Inventory:
    """Join both sides.

    Args:
        cloud: The tenant.
        directory: The domain.
        presence: For the ids of ``group_ids_to_probe``: whether the tenant still has them.
        index: Of ``directory``, as ``index_directory`` makes it: once for each reading.
        naming: How new objects would be named, for the search for collisions.
        connect_v1: Whether Connect Sync group writeback is on, after attestation.
    """
    principals = resolve_principals(cloud, directory, index)
    members = memberships(cloud, principals)
    representable = {key: sum(not member.code for member in some) for key, some in members.items()}
    context = _Context(cloud, directory, index, naming, connect_v1, representable)
    rows = [context.cloud_row(group, Presence.PRESENT) for group in cloud.groups]
    rows += [context.cloud_row(group, Presence.SOFT_DELETED) for group in cloud.deleted_groups]
    seen = {row.group_id for row in rows}
    rows += [
        context.anchor_row(group_id, presence.get(group_id, Presence.UNKNOWN))
        for group_id in sorted(set(index.groups_by_anchor) - seen)
    ]
    rows.sort(key=lambda row: row.group_id)
    return Inventory(cloud, directory, index, naming, tuple(rows), members, principals)


@dataclass(frozen=True, slots=True)
class _Context:
    cloud: CloudSnapshot
    directory: DirectorySnapshot
    index: DirectoryIndex
    naming: Naming
    connect_v1: Switch
    representable: Mapping[str, int]

    def cloud_row(self, group: CloudGroup, presence: Presence) -> GroupRow:
        """The row of a group that the tenant lists, alive or soft-deleted."""
        claimants = self.index.groups_by_anchor.get(group.id, [])
        ad = claimants[0] if len(claimants) == 1 else None
        writer = writer_of(ad, group.id, self.cloud.tenant.id) if ad else None
        route, code, reason = route_of(group, writer, self.connect_v1)
        state, state_code, state_reason = self._state(group, presence, claimants, writer)
        members = self.cloud.members.get(group.id)
        return GroupRow(
            group_id=group.id,
            display_name=group.display_name,
            state=state,
            route=Route.NONE if state in _NO_ROUTE else route,
            reason_code=state_code or code,
            reason=state_reason or reason,
            presence=presence,
            cloud=group,
            ad=ad,
            writer=writer,
            cloud_members=None if members is None else len(members),
            representable=None if members is None else self.representable.get(group.id, 0),
        )

    def anchor_row(self, group_id: GroupId, presence: Presence) -> GroupRow:
        """The row of an AD object whose cloud group the tenant does not list."""
        claimants = self.index.groups_by_anchor[group_id]
        ad = claimants[0] if len(claimants) == 1 else None
        writer = writer_of(ad, group_id, self.cloud.tenant.id) if ad else None
        state, code, reason = _ABSENT[presence]
        route = Route.DIRECT if writer is Writer.OURS else Route.NONE
        name = claimants[0].text("displayName") or claimants[0].text("cn") or claimants[0].dn
        return GroupRow(group_id, name, state, route, code, reason, presence, ad=ad, writer=writer)

    def _state(
        self, group: CloudGroup, presence: Presence, claimants: list[DirectoryGroup], writer: Writer | None
    ) -> tuple[GroupState, str, Text]:
        if presence is Presence.SOFT_DELETED:
            return _ABSENT[presence]
        if group.authority is Authority.AD:
            return GroupState.ON_PREMISES, "", NOTHING
        if group.authority is Authority.PENDING:
            return GroupState.ROLLED_BACK, "rolled-back", _ROLLED_BACK
        if len(claimants) > 1:
            places = "; ".join(sorted(claimant.dn for claimant in claimants))
            return GroupState.DUPLICATE, "several-ad-objects", t("Several AD objects claim it: {places}", places=places)
        if writer is not None:
            state = _WRITTEN[writer]
            if state is GroupState.WRITTEN and self._retired(claimants[0]):
                return GroupState.RETIRED, "retired", t("This runbook wrote it and retired it.")
            if state is GroupState.WRITTEN and is_cloud_syncs(claimants[0], group.id):
                return GroupState.MOVING, "between-routes", _MOVING
            if state is GroupState.WRITTEN_BY_OTHER:
                claimed = t(
                    "{dn} claims it for another tenant, beside another group, or without an anchor.", dn=claimants[0].dn
                )
                return state, "claimed-otherwise", claimed
            return state, "", NOTHING
        if group.kind in (CloudKind.MAIL_ENABLED_SECURITY, CloudKind.DISTRIBUTION_LIST):
            return GroupState.NOT_ELIGIBLE, "", NOTHING
        if found := came_from_ad(group, self.index):
            return found
        if taken := collision(group, self.directory, self.index, self.naming):
            return GroupState.COLLISION, "collision", taken
        return GroupState.NOT_WRITTEN, "", NOTHING

    def _retired(self, ad: DirectoryGroup) -> bool:
        marked = RETIRED_MARK in ad.attributes.get(MARK_ATTRIBUTE, ())
        return marked or bool(self.directory.retired.dn and is_below(ad.dn, self.directory.retired.dn))


_NO_ROUTE = frozenset(
    {
        GroupState.SOFT_DELETED,
        GroupState.DUPLICATE,
        GroupState.CONVERTED,
        GroupState.ROLLED_BACK,
        GroupState.ORIGINAL_IN_AD,
        GroupState.COLLISION,
        GroupState.MOVING,
    }
)

_ROLLED_BACK = t(
    "Its source of authority was given back to AD, and the synchronization client has not taken it over yet."
)

_MOVING = t(
    "Its AD object carries this runbook's mark and Cloud Sync's anchor: it is on its way from one route to the other."
)

_WRITTEN = {
    Writer.OURS: GroupState.WRITTEN,
    Writer.CONNECT: GroupState.WRITTEN_BY_CONNECT,
    Writer.CLOUD_SYNC: GroupState.WRITTEN_BY_CLOUD_SYNC,
    Writer.OTHER: GroupState.WRITTEN_BY_OTHER,
}

_ABSENT: dict[Presence, tuple[GroupState, str, Text]] = {
    Presence.SOFT_DELETED: (
        GroupState.SOFT_DELETED,
        "soft-deleted",
        t("Soft-deleted in the cloud: it can come back for 30 days, so nothing is done in AD."),
    ),
    Presence.GONE: (
        GroupState.ORPHAN,
        "gone",
        t("Its cloud group is gone: GET by id answers 404 and it is not deleted softly."),
    ),
    Presence.UNKNOWN: (
        GroupState.UNKNOWN,
        "presence-unknown",
        t("Whether its cloud group still exists could not be read."),
    ),
    Presence.PRESENT: (
        GroupState.UNKNOWN,
        "not-listed",
        t("The tenant answers for its id but does not list it: it is brand new, or this account may not list it."),
    ),
}
