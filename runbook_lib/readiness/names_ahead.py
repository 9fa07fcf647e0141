"""The names that the selected groups would get, and who has them: a part of the evidence. Pure, but for its reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.directory.two_ous import TakenName
from runbook_lib.inventory.naming import DisplayNames, Naming
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.parameters.model import Parameters


@dataclass(frozen=True, slots=True)
class NewName:
    """What one group would be called in AD."""

    group_id: str
    display_name: str
    common_name: str
    account_name: str


@dataclass(frozen=True, slots=True)
class NamesAhead:
    """Names of the selected Microsoft 365 groups, and objects that have one of them.

    Attributes:
        unseen: Ids in select_ids that are not among the tenant's Microsoft 365 groups, so nothing was looked up.
    """

    wanted: tuple[NewName, ...]
    taken: tuple[TakenName, ...]
    unseen: tuple[str, ...] = ()


def wanted_names(groups: Iterable[CloudGroup], parameters: Parameters) -> tuple[tuple[NewName, ...], tuple[str, ...]]:
    """Names of the groups that the parameters select, and selected ids that are not among ``groups``."""
    naming = Naming(parameters.rdn_style, parameters.sam_account_name_pattern)
    ids = {group_id.casefold() for group_id in parameters.select_ids}
    patterns = parameters.select_names if "microsoft-365" in parameters.select_kinds else []
    listed = list(groups)
    everybody = DisplayNames(group.display_name for group in listed)
    picked = frozenset[str]().union(*map(everybody.picked, patterns))
    chosen = [group for group in listed if group.id in ids or group.display_name in picked]
    names = tuple(
        NewName(
            group.id,
            group.display_name,
            naming.common_name(group.id, group.display_name),
            naming.sam_account_name(group.id),
        )
        for group in chosen
    )
    return names, tuple(sorted(ids - {group.id for group in listed}))
