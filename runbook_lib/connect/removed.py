"""What the next cycle deletes once v1 is switched off. Pure.

Source: Microsoft Entra documentation, "Disable Microsoft Entra Connect group writeback": the next cycle deletes every
group that the feature has written. That objects which v1 took over go too is an inference: they are UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from runbook_lib.connect.settings import WritebackSettings
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.index import writer_of
from runbook_lib.inventory.states import Writer
from runbook_lib.model.cloud import CloudKind
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import is_below
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, GroupId, group_id_of_anchor
from runbook_lib.model.predicted import Known
from runbook_lib.model.text import NOTHING, Text, t


@dataclass(frozen=True, slots=True)
class Removal:
    """An AD group that the next cycle deletes, or may delete.

    Attributes:
        group_id: Cloud group of its anchor.
        display_name: For people.
        present: The object as it stands there.
        certain: YES, or UNKNOWN with the reason.
        why: Why it is not certain; empty where it is.
    """

    group_id: GroupId
    display_name: str
    present: DirectoryGroup
    certain: Known
    why: Text = NOTHING


_TAKEN_OVER = t("This runbook wrote it, and Connect sees it: if v1 has taken it over, it goes too.")
_MAY_BE_TAKEN_OVER = t("This runbook wrote it; whether Connect sees it is not known, for its OU filter was not read.")
_OUTSIDE = t("It stands outside of v1's container: whether Connect still counts it as its own is not known.")
_LEFT_BEHIND = t(
    "Its cloud group is none of the tenant's Microsoft 365 groups now: whether Connect still counts it as its own is "
    "not known."
)
_NO_CONTAINER = t("It carries Connect's anchor, and v1's container is not known.")


def next_cycle_deletes(inventory: Inventory, settings: WritebackSettings) -> tuple[Removal, ...]:
    """Every AD group that goes, or may go, with v1; sorted by DN.

    Args:
        inventory: Both sides, read completely.
        settings: What decides about v1 while it is on.
    """
    living = {group.id for group in inventory.cloud.groups if group.kind is CloudKind.MICROSOFT_365}
    found = (_removal(group, inventory, settings, living) for group in inventory.directory.groups)
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.present.dn.casefold()))


def _removal(
    group: DirectoryGroup, inventory: Inventory, settings: WritebackSettings, living: Collection[str]
) -> Removal | None:
    group_id = group_id_of_anchor(group.text(ANCHOR_ATTRIBUTE) or "")
    if group_id is None:
        return None
    writer = writer_of(group, group_id, inventory.cloud.tenant.id)
    container = settings.container
    below = container.known and is_below(group.dn, container.value)
    name = group.text("displayName") or group.text("cn") or group.dn
    if writer is Writer.CONNECT:
        if below and group_id not in living:
            return Removal(group_id, name, group, Known.UNKNOWN, _LEFT_BEHIND)
        if below:
            return Removal(group_id, name, group, Known.YES)
        return Removal(group_id, name, group, Known.UNKNOWN, _OUTSIDE if container.known else _NO_CONTAINER)
    seen = True if below else settings.sees(group.dn)
    if writer is not Writer.OURS or seen is False:
        return None
    return Removal(group_id, name, group, Known.UNKNOWN, _TAKEN_OVER if seen else _MAY_BE_TAKEN_OVER)
