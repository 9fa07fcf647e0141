"""The groups of Cloud Sync's configurations as both sides show them: how large, and which arrived empty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.empty_groups import read_empty_groups
from runbook_lib.graph.groups import count_members, synchronized_members
from runbook_lib.graph.tenant import CloudSyncJob, Unreadable
from runbook_lib.graph.transport import GraphClient

MOST_COUNTED = 1_000
"""Groups whose members are counted; of more it is said that they were not."""
MOST_LOOKED_AT = 100
"""Groups that are empty in AD and looked up in the cloud."""


@dataclass(frozen=True, slots=True)
class CloudSyncGroups:
    """What was read.

    Attributes:
        members: Group id to direct members in the cloud, of what is assigned to a configuration.
        uncounted: Assigned groups that were not counted.
        empty: Group id to DN in AD, of groups that Cloud Sync's anchor names and that have no member there, as far as
            they were looked up in the cloud.
        synchronized: Of these, whether synchronized users are among the members in the cloud; None: not readable.
    """

    members: Mapping[str, int] = field(default_factory=dict)
    uncounted: int = 0
    empty: Mapping[str, str] = field(default_factory=dict)
    synchronized: Mapping[str, bool | None] = field(default_factory=dict)


def read_cloud_sync_groups(
    jobs: Sequence[CloudSyncJob],
    graph: Callable[[], GraphClient],
    directory: Callable[[], Directory],
    progress: Callable[[int, int], None],
) -> CloudSyncGroups:
    """Read both sides; nothing is asked where no configuration writes groups.

    Raises:
        RunbookError: One of the sides does not answer, or members may not be counted.
    """
    if not jobs:
        return CloudSyncGroups()
    assigned = sorted({one for job in jobs if not isinstance(job.assigned, Unreadable) for one in job.assigned})
    asked = assigned[:MOST_COUNTED]
    members, uncounted = count_members(graph(), asked, progress) if asked else ({}, 0)
    # Without an assignment everything with the anchor counts; what is empty in the cloud too is as it should be.
    empty = read_empty_groups(directory())
    looked_at = {one: dn for one, dn in empty.items() if members.get(one, 0 if members else 1) > 0}
    some = dict(list(looked_at.items())[:MOST_LOOKED_AT])
    return CloudSyncGroups(
        members, uncounted + len(assigned) - len(asked), some, synchronized_members(graph(), list(some)) if some else {}
    )
