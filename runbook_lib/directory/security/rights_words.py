"""Needs, answers and entries in words. Pure."""

from __future__ import annotations

from runbook_lib.directory.security.access import Decision
from runbook_lib.directory.security.descriptor import Ace
from runbook_lib.directory.security.operations import Need
from runbook_lib.directory.security.rights import AccessMask
from runbook_lib.directory.security.situation import OU_OF, Situation

_MASK_WORDS = {
    AccessMask.CREATE_CHILD: "create {name} objects",
    AccessMask.DELETE_CHILD: "delete {name} objects",
    AccessMask.LIST_CONTENTS: "list what stands there",
    AccessMask.LIST_CONTENTS | AccessMask.READ_PROPERTY: "list and read",
    AccessMask.CONTROL_ACCESS: "{name}",
    AccessMask.DELETE: "delete",
    AccessMask.READ_PROPERTY: "read {name}",
    AccessMask.WRITE_PROPERTY: "write {name}",
}


def words_of(need: Need, situation: Situation) -> str:
    """The right and the object, for example ``write member on groups in OU=…``."""
    on = situation.places[OU_OF.get(need.place, need.place)].dn
    where = f"groups in {on}" if need.place in OU_OF else on
    return f"{_MASK_WORDS[need.mask].format(name=need.name)} on {where}"


def unread(need: Need, situation: Situation) -> str:
    """Why nothing answers a need."""
    holder = situation.places[OU_OF.get(need.place, need.place)]
    if holder.descriptor is None:
        return holder.why or f"the access list of {holder.dn} was not read"
    if need.place in OU_OF and situation.group_default is None:
        return "the default access list of the class group was not read"
    return "the answer hangs on a conditional entry"


def granted_by(need: Need, found: Decision, situation: Situation) -> str:
    """The right, and by what the account has it."""
    if found.everything:
        how = "there is no access list, which allows everybody everything"
    elif found.by:
        how = "by " + " and ".join(describe(ace) for ace in dict.fromkeys(found.by))
    else:
        how = "as owner"
    return f"{words_of(need, situation)}: {how}"


def refused_by(against: Ace | None) -> str:
    """What refuses: the entry that denies, or that there is none that allows."""
    return f"denied by {describe(against)}" if against is not None else "no entry allows it"


def describe(ace: Ace) -> str:
    """An entry in a few words: what it does, for whom, limited to what, inherited or not."""
    verb = "allows" if ace.allows else "denies"
    limited = f" for {ace.object_type}" if ace.object_type else ""
    origin = ", inherited" if ace.inherited else ""
    return f"the entry that {verb} 0x{int(ace.mask):x}{limited} to {ace.sid}{origin}"
