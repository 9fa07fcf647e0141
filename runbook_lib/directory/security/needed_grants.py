"""Which entries give what an operation needs: one for one need, and all for a dedicated account. Pure."""

from __future__ import annotations

from runbook_lib.directory.security.answers import types_of
from runbook_lib.directory.security.grants import Grant
from runbook_lib.directory.security.operations import Need, Purpose, operations
from runbook_lib.directory.security.situation import OU_OF, Place, Situation


def grant_of(need: Need, situation: Situation) -> Grant:
    """The entry that gives exactly this right: on the OU itself, or on its groups by inheritance."""
    on_groups = need.place in OU_OF
    dn = situation.places[OU_OF.get(need.place, need.place)].dn
    types = types_of(need, situation)
    return Grant(
        dn,
        need.mask,
        need.name,
        types[0] if need.name else None,
        on_groups,
        take_ownership=need.place is Place.DELETED_OBJECTS,
    )


def needed_grants(situation: Situation, *purposes: Purpose) -> tuple[Grant, ...]:
    """What a dedicated account needs for these purposes and nothing else, each entry once.

    Reading is left out: every account of the domain may read what ordinary defaults show. To leave an OU or to delete,
    the right on the OU is taken, which works for groups with a protected list too.
    """
    found: dict[Grant, None] = {}
    for operation in operations(situation.types):
        if operation.purpose in purposes and not operation.id.startswith("read:"):
            found |= {grant_of(row[-1], situation): None for row in operation.needs}
    return tuple(found)
