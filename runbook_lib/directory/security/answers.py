"""What the descriptors of a situation answer to one need. Pure.

Groups that do not exist yet are judged by the descriptor that they would have.
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.directory.security.access import Decision, decide, predicted
from runbook_lib.directory.security.descriptor import SecurityDescriptor
from runbook_lib.directory.security.grants import GROUP_CLASS, REANIMATE
from runbook_lib.directory.security.operations import Need
from runbook_lib.directory.security.rights import AccessMask
from runbook_lib.directory.security.situation import OU_OF, Place, Situation


def deciding_descriptors(situation: Situation) -> dict[Place, SecurityDescriptor | None]:
    """What decides at each place, and for groups that the account would create there; None where unknown."""
    found = {place: holder.descriptor for place, holder in situation.places.items()}
    for group, ou in OU_OF.items():
        above, default = found.get(ou), situation.group_default
        readable = above is not None and default is not None
        found[group] = predicted(above, default, GROUP_CLASS, situation.account.creates_as) if readable else None  # type: ignore[arg-type]
    return found


def types_of(need: Need, situation: Situation) -> tuple[str, ...]:
    """GUIDs that the question is about, for ``decide``."""
    if need.name == "group" or (need.place in OU_OF and not need.name):
        return (GROUP_CLASS,)
    if need.mask & AccessMask.CONTROL_ACCESS:
        return (REANIMATE,)
    return (*situation.types[need.name], GROUP_CLASS) if need.name else ()


def ask(
    need: Need,
    situation: Situation,
    descriptors: Mapping[Place, SecurityDescriptor | None],
    own_sid: str | None = None,
) -> Decision | None:
    """What a need's descriptor decides for the account; None where it is unknown.

    Args:
        descriptors: As ``deciding_descriptors`` gives them, or with others in their place.
        own_sid: SID of the object itself, for entries that mean it.
    """
    descriptor = descriptors.get(need.place)
    if descriptor is None:
        return None
    return decide(descriptor, situation.account.token, need.mask, types_of(need, situation), own_sid=own_sid)
