"""What a written group should look like in AD, as far as the cloud decides it."""

from __future__ import annotations

from runbook_lib.inventory.naming import Naming, cut_units, written_description
from runbook_lib.model.anchor import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE, RETIRED_MARK, anchor_of, mark_of
from runbook_lib.model.change import AttributeDelta
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.model.directory import DirectoryGroup

DISPLAY_NAME_UNITS = 256


def followed_attributes(group: CloudGroup, group_type: int) -> dict[str, str | None]:
    """Single-valued attributes that follow the cloud for as long as the group is written; None means absent."""
    return {
        "displayName": cut_units(group.display_name, DISPLAY_NAME_UNITS) or None,
        "description": written_description(group.description),
        "groupType": str(group_type),
    }


def new_attributes(group: CloudGroup, tenant_id: str, group_type: int, naming: Naming) -> tuple[AttributeDelta, ...]:
    """Everything that a create writes in its one operation, anchor and mark included, sorted by name."""
    values: dict[str, str | None] = {
        **followed_attributes(group, group_type),
        "sAMAccountName": naming.sam_account_name(group.id),
        ANCHOR_ATTRIBUTE: anchor_of(group.id),
        MARK_ATTRIBUTE: mark_of(tenant_id, group.id),
    }
    return tuple(AttributeDelta(name, added=(value,)) for name, value in sorted(values.items()) if value is not None)


def differences(ad: DirectoryGroup, wanted: dict[str, str | None]) -> tuple[AttributeDelta, ...]:
    """Deltas that bring the AD object's attributes to ``wanted``, sorted by name; empty where it is in step."""
    deltas = []
    for name, value in sorted(wanted.items()):
        seen = ad.attributes.get(name, ())
        goal = () if value is None else (value,)
        if seen != goal:
            deltas.append(AttributeDelta(name, removed=seen, added=goal))
    return tuple(deltas)


def retired_mark(ad: DirectoryGroup, *, present: bool) -> tuple[AttributeDelta, ...]:
    """The delta that sets or takes the retired mark; empty where it is as wanted."""
    has = RETIRED_MARK in ad.attributes.get(MARK_ATTRIBUTE, ())
    if has == present:
        return ()
    mark = (RETIRED_MARK,)
    return (AttributeDelta(MARK_ATTRIBUTE, added=mark) if present else AttributeDelta(MARK_ATTRIBUTE, removed=mark),)
