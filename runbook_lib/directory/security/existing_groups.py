"""What the account may not do with a group that exists, whose own list can differ from the default. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.directory.security.answers import ask, deciding_descriptors
from runbook_lib.directory.security.descriptor import SecurityDescriptor
from runbook_lib.directory.security.operations import Need, Operation, Purpose, operations
from runbook_lib.directory.security.situation import OU_OF, GroupHolder, Place, Situation


def lacking_on(group: GroupHolder, place: Place, situation: Situation) -> tuple[Operation, ...] | None:
    """Operations that this account may not carry out on a group that exists; None where its list was not read.

    Args:
        place: ``TARGET_GROUP`` or ``RETIRED_GROUP``, after the OU that it stands in.
    """
    if group.descriptor is None:
        return None
    descriptors = {**deciding_descriptors(situation), place: group.descriptor}
    found = []
    for operation in operations(situation.types):
        rows = [row for row in operation.needs if any(need.place is place for need in row)]
        if operation.purpose is Purpose.WRITE and any(_refused(row, group, situation, descriptors) for row in rows):
            found.append(operation)
    return tuple(found)


def _refused(
    row: tuple[Need, ...],
    group: GroupHolder,
    situation: Situation,
    descriptors: Mapping[Place, SecurityDescriptor | None],
) -> bool:
    for need in row:
        own = group.sid if need.place in OU_OF else None
        found = ask(need, situation, descriptors, own)
        if found is None or found.granted:
            return False
    return True
