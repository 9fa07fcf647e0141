"""Whether an account has what each operation needs, with what would help. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from runbook_lib.directory.rights.constants import AccessMask
from runbook_lib.directory.rights.descriptor import Ace, SecurityDescriptor
from runbook_lib.directory.rights.evaluate import (
    OU_OF,
    Decision,
    GroupHolder,
    Place,
    Situation,
    decide,
    predicted,
    with_entry,
)
from runbook_lib.directory.rights.needs import (
    GROUP_CLASS,
    LIST_DELETED,
    REANIMATE,
    Grant,
    Need,
    Operation,
    Purpose,
    operations,
)
from runbook_lib.model.cloud import Switch


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


@dataclass(frozen=True, slots=True)
class Missing:
    """A right that is not granted.

    Attributes:
        id: As ``Need.id`` has it.
        what: The right in words.
        grant: The entry that would give it; None where an entry that denies would still win.
        against: The entry that denies; None where simply none allows.
        on: DN of the object whose list that is, or would hold the grant.
    """

    id: str
    what: str
    grant: Grant | None
    against: Ace | None
    on: str


@dataclass(frozen=True, slots=True)
class OperationRight:
    """One row of the table of rights.

    Attributes:
        granted: ``UNKNOWN`` where a descriptor that decides could not be read and nothing else refuses.
        because: By which entries, or what is missing or unread, in words.
    """

    operation: Operation
    granted: Switch
    because: str
    missing: tuple[Missing, ...] = ()


def rights_table(situation: Situation) -> tuple[OperationRight, ...]:
    """Every operation with its answer, for groups that this account creates."""
    descriptors = deciding_descriptors(situation)
    rows = (_row(operation, situation, descriptors) for operation in operations(situation.types))
    return tuple(_as_seen(row, situation) if row.operation.id == LIST_DELETED else row for row in rows)


def _as_seen(row: OperationRight, situation: Situation) -> OperationRight:
    """What was seen, where the list that decides cannot be read."""
    if row.granted is not Switch.UNKNOWN or situation.listed is Switch.UNKNOWN:
        return row
    need = row.operation.needs[0][0]
    if situation.listed is Switch.ON:
        return replace(row, granted=Switch.ON, because=f"{words_of(need, situation)}: a deleted object was seen")
    grant = grant_of(need, situation)
    missing = Missing(need.id, words_of(need, situation), grant, None, grant.dn)
    return replace(row, granted=Switch.OFF, because=f"{missing.what}: refused when it was tried", missing=(missing,))


def _row(
    operation: Operation, situation: Situation, descriptors: Mapping[Place, SecurityDescriptor | None]
) -> OperationRight:
    states: list[Switch] = []
    words: list[str] = []
    missing: list[Missing] = []
    for row in operation.needs:
        answers = [(need, ask(need, situation, descriptors)) for need in row]
        granted = next(((need, found) for need, found in answers if found is not None and found.granted), None)
        unknown = next((need for need, found in answers if found is None), None)
        if granted is not None:
            states.append(Switch.ON)
            words.append(granted_by(*granted, situation))
        elif unknown is not None:
            states.append(Switch.UNKNOWN)
            words.append(f"{words_of(unknown, situation)}: unknown, {unread(unknown, situation)}")
        elif not row[-1].confirmed:
            states.append(Switch.UNKNOWN)
            words.append(f"{words_of(row[-1], situation)}: not granted, and it is not confirmed whether AD asks for it")
        else:
            states.append(Switch.OFF)
            need, found = answers[-1]
            assert found is not None  # noqa: S101 - for the type checker
            missing.append(_missing(need, found, situation, descriptors))
    order = (Switch.OFF, Switch.UNKNOWN, Switch.ON)
    if missing:
        words = [f"{one.what}: {refused_by(one.against)}" for one in missing]
    distinct = tuple(dict.fromkeys(words))
    return OperationRight(operation, min(states, key=order.index), "; ".join(distinct), tuple(missing))


def _missing(
    need: Need, found: Decision, situation: Situation, descriptors: Mapping[Place, SecurityDescriptor | None]
) -> Missing:
    grant = grant_of(need, situation)
    after = ask(need, situation, _granted(grant, situation, descriptors))
    helps = after is not None and after.granted
    return Missing(need.id, words_of(need, situation), grant if helps else None, found.against, grant.dn)


def _granted(
    grant: Grant, situation: Situation, descriptors: Mapping[Place, SecurityDescriptor | None]
) -> dict[Place, SecurityDescriptor | None]:
    """The descriptors with one more entry on the object that the grant is for."""
    ace = grant.ace(situation.account.sid)
    places = {
        place: replace(holder, descriptor=with_entry(holder.descriptor, ace))
        if holder.descriptor is not None and holder.dn == grant.dn
        else holder
        for place, holder in situation.places.items()
    }
    return dict(descriptors) | deciding_descriptors(replace(situation, places=places))
