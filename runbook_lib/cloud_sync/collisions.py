"""What stands in AD already, and what the names of predicted groups meet there and among each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from runbook_lib.cloud_sync.predicted import PredictedGroup
from runbook_lib.model.directory import DirectoryGroup, DirectorySnapshot
from runbook_lib.model.dn import normalize_foreign_dn
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, group_id_of_anchor
from runbook_lib.model.name_collisions import name_troubles


class OccupiedNames:
    """What stands in AD already: by anchor, by SID, by place and name, by account name."""

    def __init__(self, directory: DirectorySnapshot) -> None:
        self.by_sid = {group.sid: group for group in directory.groups if group.sid}
        self.by_external: defaultdict[str, list[DirectoryGroup]] = defaultdict(list)
        for group in directory.groups:
            owner = group_id_of_anchor(group.text(EXTERNAL_ID_ATTRIBUTE) or "")
            if owner:
                self.by_external[owner].append(group)
        self.at = {key: item.guid for item in directory.objects if (key := normalize_foreign_dn(item.dn))}
        self.accounts: defaultdict[str, set[str]] = defaultdict(set)
        for item in directory.objects:
            if item.sam_account_name:
                self.accounts[item.sam_account_name.casefold()].add(item.guid)


def with_collisions(groups: Sequence[PredictedGroup], present: OccupiedNames) -> tuple[PredictedGroup, ...]:
    """The same groups with what their names meet: in AD, and among each other."""
    found = name_troubles(groups, present.at, present.accounts)
    return tuple(
        replace(group, troubles=(*group.troubles, *troubles)) for group, troubles in zip(groups, found, strict=True)
    )
