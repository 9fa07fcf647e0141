"""What becomes of the members of a group that one of Microsoft's own writers will write: the same for both of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import GroupMembers, LeftOut
from runbook_lib.model.ids import GroupId
from runbook_lib.model.predicted import Known, PredictedMember


class _WithMembers(Protocol):
    """A predicted group, as far as its members go."""

    @property
    def group_id(self) -> GroupId:
        """The cloud group."""

    @property
    def display_name(self) -> str:
        """For people."""

    @property
    def members(self) -> Sequence[PredictedMember]:
        """Its direct members."""


def accounts_of(inventory: Inventory) -> dict[str, str]:
    """Principal id to the GUID of its AD object."""
    return {key: principal.guid for key, principal in inventory.principals.items() if principal.guid}


def in_ad(inventory: Inventory, guid: str) -> frozenset[str]:
    """GUIDs of the members that an AD group has now; empty where there is no such group."""
    group = inventory.index.groups_by_guid.get(guid)
    found = (inventory.index.guid_of_dn(dn) for dn in (group.members or ())) if group else ()
    return frozenset(one for one in found if one)


def members_of(group: _WithMembers, there: frozenset[str], accounts: Mapping[str, str]) -> GroupMembers:
    """What becomes of the members of a predicted group.

    Args:
        group: The prediction.
        there: GUIDs of the members that its AD object has now.
        accounts: Member id to GUID.
    """
    sure = [one for one in group.members if one.answer.known is Known.YES]
    already = sum(accounts.get(one.id) in there for one in sure)
    left_out = tuple(
        LeftOut(one.id, one.name, one.type, one.answer.code, one.answer.why)
        for one in group.members
        if one.answer.known is not Known.YES
    )
    return GroupMembers(
        group_id=group.group_id,
        display_name=group.display_name,
        in_cloud=len(group.members),
        already=already,
        added=len(sure) - already,
        removed=0,
        left_out=left_out,
    )
