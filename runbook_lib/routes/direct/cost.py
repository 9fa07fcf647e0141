"""What the writes of the direct route ask of the domain controller. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.change.cost import Effort
from runbook_lib.change.step import PlannedStep, in_batches
from runbook_lib.routes.direct.payload import DirectChange
from runbook_lib.routes.direct.writes import writes_of

_ONCE = 3
"""Requests of a run: the two OUs, and what the schema indexes."""


def effort_of(changes: Sequence[DirectChange]) -> Effort:
    """The LDAP requests of changes: the backup, a look at each batch, the writes, the GUIDs of new objects."""
    saved = len({change.payload.object_guid for change in changes} - {""})
    return Effort(directory_operations=saved + sum(map(_of_batch, in_batches(writes_of(changes)))) + _ONCE)


def _of_batch(batch: Sequence[PlannedStep]) -> int:
    """Looks, writes and what is read afterwards, of writes that are carried out together."""
    around = 3 if batch[0].makes_object else 1
    return len(batch) + around
