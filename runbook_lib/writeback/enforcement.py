"""What AD object enforcement refuses of a plan. Pure functions; ``model.enforcement`` has the source."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Change, ChangeKind, Refusal
from runbook_lib.model.enforcement import Leave

PASSES = frozenset({ChangeKind.CREATE, ChangeKind.DELETE})
"""An LDAP add and a delete are permitted; every other kind is a modify, a modify DN or a restore."""


def refuse_enforced(changes: Sequence[Change], inventory: Inventory) -> tuple[list[Change], list[Refusal]]:
    """The changes that a domain controller lets through, and a refusal for each group that it does not.

    Only where it is known that this account may not change marked objects; where that is unknown the pre-flight says
    so, and the controller decides.
    """
    snapshot = inventory.directory
    if snapshot.enforcement.leave is not Leave.REFUSED:
        return list(changes), []
    marked = {group.guid for group in snapshot.groups if group.governed_by_cloud}
    marked |= {item.guid for item in snapshot.deleted.objects if item.governed_by_cloud}
    passing = [change for change in changes if change.kind in PASSES or change.object_guid not in marked]
    refused = {change.group_id: change for change in changes if change not in passing}
    policies = "; ".join(policy.dn for policy in snapshot.enforcement.policies)
    return passing, [
        Refusal(
            group_id,
            change.display_name,
            "object-enforced",
            f"{change.dn} carries msDS-ObjectSoa, and a policy of this domain ({policies}) lets this account neither "
            f"modify, move nor restore such objects: {change.kind.value} would be refused.",
            "Change it in the cloud, or have the account's SID put into msDS-Settings of the policy. Creating and "
            "deleting are not restricted.",
        )
        for group_id, change in refused.items()
    ]
