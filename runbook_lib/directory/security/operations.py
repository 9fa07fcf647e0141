"""What each operation of this product needs in AD, and whether an account has it. Pure.

The needs follow [MS-ADTS]: 3.1.1.5.2.1 (add), 3.1.1.5.3.1 (modify), 3.1.1.5.3.7.1 (undelete), 3.1.1.5.4.1.1 (modify
DN), 3.1.1.5.5.2 (delete). Values that a create sets need no right of their own. Groups that do not exist yet are judged
by the descriptor that they would have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from runbook_lib.directory.security.access import Decision, Token, decide, predicted, with_entry
from runbook_lib.directory.security.descriptor import Ace, SecurityDescriptor
from runbook_lib.directory.security.grants import GROUP_CLASS, REANIMATE, Grant, letters
from runbook_lib.directory.security.rights import AccessMask
from runbook_lib.model.anchor import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import FOLLOWED_ATTRIBUTES, GROUP_ATTRIBUTES, MAIL_ATTRIBUTES, RESTORED_ATTRIBUTES

_WRITE, _READ = AccessMask.WRITE_PROPERTY, AccessMask.READ_PROPERTY
_RENAMED = ("name", "cn")
_LIST_DELETED = "list-deleted"
UNDELETED = ("isDeleted", "distinguishedName")
"""What the modify names that brings an object back ([MS-ADTS] 3.1.1.5.3.7). Public texts ask for the right to write
each attribute that is updated; whether these two count is not said."""
READ_ATTRIBUTES = ("cn", "name", "member", *UNDELETED, *GROUP_ATTRIBUTES)
"""Attributes whose GUIDs a situation needs."""


class Place(Enum):
    """An object whose descriptor decides."""

    TARGET = "target"
    RETIRED = "retired"
    TARGET_GROUP = "target-group"
    """A group that this account created in the target OU."""
    RETIRED_GROUP = "retired-group"
    """The same group after it was moved to the retired OU."""
    DOMAIN = "domain"
    DELETED_OBJECTS = "deleted-objects"


_OU_OF = {Place.TARGET_GROUP: Place.TARGET, Place.RETIRED_GROUP: Place.RETIRED}
_GROUP_IN = {ou: group for group, ou in _OU_OF.items()}


class Purpose(Enum):
    """What an operation is for, which decides how much it matters that it is not allowed."""

    WRITE = "write"
    MAIL = "mail"
    """Clearing mail attributes, which only groups of another making carry."""
    DELETE = "delete"
    """Deleting and bringing back: only where disable_by says delete."""


@dataclass(frozen=True, slots=True)
class Holder:
    """An object with its descriptor; without one ``why`` says what stood in the way."""

    dn: str
    descriptor: SecurityDescriptor | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class GroupHolder:
    """A group of ours that exists; ``descriptor`` is None where it could not be read."""

    dn: str
    sid: str | None
    descriptor: SecurityDescriptor | None


@dataclass(frozen=True, slots=True)
class Account:
    """The account that writes.

    Attributes:
        name: ``DOMAIN\\name`` for dsacls; the SID where the name is not known.
        sid: Its SID.
        token: Its own SID, those of all its groups in this domain, and those that everybody has.
        creates_as: SID that owns what it creates: its own, or Domain Admins ([MS-ADTS] 6.1.3.5).
    """

    name: str
    sid: str
    token: Token
    creates_as: str


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that the answers depend on.

    Attributes:
        group_default: defaultSecurityDescriptor of the class group; None where it could not be read or understood.
        types: Attribute (as spelled in this project) to its GUID and, if it has one, its property set's, from the
            forest's own schema. An attribute that is not here does not exist.
        groups: Groups of ours in the two OUs.
        listed: Whether this account was seen to list deleted objects, or to be refused. By default not even
            administrators may read the access list of their container.
    """

    account: Account
    places: Mapping[Place, Holder]
    group_default: SecurityDescriptor | None
    types: Mapping[str, tuple[str, ...]]
    groups: tuple[GroupHolder, ...] = ()
    listed: Switch = Switch.UNKNOWN


@dataclass(frozen=True, slots=True)
class Need:
    """A right on one object.

    Attributes:
        name: An attribute, the class ``group`` or the extended right; empty for none.
        confirmed: Whether it is certain that AD asks for it. Where it is not, lacking it makes the answer unknown.
    """

    place: Place
    mask: AccessMask
    name: str = ""
    confirmed: bool = True

    @property
    def id(self) -> str:
        """Stable name, for example ``target-group:WP:member``."""
        return ":".join(filter(None, (self.place.value, letters(self.mask), self.name.lower().replace(" ", "-"))))


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that the product does. Every row of ``needs`` must hold; of the needs in a row one is enough."""

    id: str
    title: str
    purpose: Purpose
    needs: tuple[tuple[Need, ...], ...]


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


def operations(attributes: Mapping[str, object]) -> tuple[Operation, ...]:
    """Everything that the product does in AD, as far as the schema has the attributes (names as in ``types``)."""
    return tuple(_all(frozenset(attributes)))


def _all(known: frozenset[str]) -> Iterator[Operation]:
    where = {Place.TARGET: "the target OU", Place.RETIRED: "the retired OU"}
    changed = (*FOLLOWED_ATTRIBUTES, MARK_ATTRIBUTE)
    for ou, words in where.items():
        group, tail = _GROUP_IN[ou], ou.value
        read = [name for name in (ANCHOR_ATTRIBUTE, *changed, "member") if name in known]
        yield Operation(
            f"read:{tail}",
            f"List {words} and read its groups",
            Purpose.WRITE,
            ((Need(ou, AccessMask.LIST_CONTENTS),), *((Need(group, _READ, name),) for name in read)),
        )
        for name in (*changed, "member", *MAIL_ATTRIBUTES):
            if name in known:
                purpose = Purpose.MAIL if name in MAIL_ATTRIBUTES else Purpose.WRITE
                title = "Add and remove members" if name == "member" else f"Change {name}"
                yield Operation(f"write:{tail}:{name}", f"{title} in {words}", purpose, ((Need(group, _WRITE, name),),))
        yield Operation(f"delete:{tail}", f"Delete a group from {words}", Purpose.DELETE, (_leave(ou),))
        yield Operation(
            f"undelete:{tail}", f"Bring a deleted group back to {words}", Purpose.DELETE, _undelete(ou, known)
        )
        rest = [name for name in RESTORED_ATTRIBUTES if name in known and name not in (*changed, *MAIL_ATTRIBUTES)]
        yield Operation(
            f"put-back:{tail}",
            f"Put back what a deleted group of {words} had",
            Purpose.DELETE,
            tuple((Need(group, _WRITE, name),) for name in rest),
        )
    yield Operation("create", "Create a group in the target OU", Purpose.WRITE, (_enter(Place.TARGET),))
    yield Operation("retire", "Move a group to the retired OU", Purpose.WRITE, _move(Place.TARGET, Place.RETIRED))
    yield Operation("restore", "Move a group back to the target OU", Purpose.WRITE, _move(Place.RETIRED, Place.TARGET))
    listing = AccessMask.LIST_CONTENTS | _READ
    yield Operation("list-deleted", "List deleted objects", Purpose.DELETE, ((Need(Place.DELETED_OBJECTS, listing),),))


def _enter(ou: Place) -> tuple[Need, ...]:
    return (Need(ou, AccessMask.CREATE_CHILD, "group"),)


def _leave(ou: Place) -> tuple[Need, ...]:
    return Need(_GROUP_IN[ou], AccessMask.DELETE), Need(ou, AccessMask.DELETE_CHILD, "group")


def _move(start: Place, end: Place) -> tuple[tuple[Need, ...], ...]:
    renamed = tuple((Need(_GROUP_IN[start], _WRITE, name),) for name in _RENAMED)
    return _leave(start), *renamed, _enter(end)


def _undelete(ou: Place, known: frozenset[str]) -> tuple[tuple[Need, ...], ...]:
    """Beside the right to reanimate: the new name, anchor and mark in the same modify, a place to stand."""
    written = (*_RENAMED, ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE)
    values = tuple((Need(_GROUP_IN[ou], _WRITE, name),) for name in written)
    special = tuple((Need(_GROUP_IN[ou], _WRITE, name, confirmed=False),) for name in UNDELETED if name in known)
    reanimate = (Need(Place.DOMAIN, AccessMask.CONTROL_ACCESS, "Reanimate Tombstones"),)
    return reanimate, *values, *special, _enter(ou)


def rights_table(situation: Situation) -> tuple[OperationRight, ...]:
    """Every operation with its answer, for groups that this account creates."""
    descriptors = _descriptors(situation)
    rows = (_row(operation, situation, descriptors) for operation in operations(situation.types))
    return tuple(_as_seen(row, situation) if row.operation.id == _LIST_DELETED else row for row in rows)


def _as_seen(row: OperationRight, situation: Situation) -> OperationRight:
    """What was seen, where the list that decides cannot be read."""
    if row.granted is not Switch.UNKNOWN or situation.listed is Switch.UNKNOWN:
        return row
    need = row.operation.needs[0][0]
    if situation.listed is Switch.ON:
        return replace(row, granted=Switch.ON, because=f"{_words(need, situation)}: a deleted object was seen")
    grant = grant_of(need, situation)
    missing = Missing(need.id, _words(need, situation), grant, None, grant.dn)
    return replace(row, granted=Switch.OFF, because=f"{missing.what}: refused when it was tried", missing=(missing,))


def _descriptors(situation: Situation) -> dict[Place, SecurityDescriptor | None]:
    found = {place: holder.descriptor for place, holder in situation.places.items()}
    for group, ou in _OU_OF.items():
        above, default = found.get(ou), situation.group_default
        readable = above is not None and default is not None
        found[group] = predicted(above, default, GROUP_CLASS, situation.account.creates_as) if readable else None  # type: ignore[arg-type]
    return found


def types_of(need: Need, situation: Situation) -> tuple[str, ...]:
    """GUIDs that the question is about, for ``decide``."""
    if need.name == "group" or (need.place in _OU_OF and not need.name):
        return (GROUP_CLASS,)
    if need.mask & AccessMask.CONTROL_ACCESS:
        return (REANIMATE,)
    return (*situation.types[need.name], GROUP_CLASS) if need.name else ()


def _row(
    operation: Operation, situation: Situation, descriptors: Mapping[Place, SecurityDescriptor | None]
) -> OperationRight:
    states: list[Switch] = []
    words: list[str] = []
    missing: list[Missing] = []
    for row in operation.needs:
        answers = [(need, _ask(need, situation, descriptors)) for need in row]
        granted = next(((need, found) for need, found in answers if found is not None and found.granted), None)
        unknown = next((need for need, found in answers if found is None), None)
        if granted is not None:
            states.append(Switch.ON)
            words.append(_by(*granted, situation))
        elif unknown is not None:
            states.append(Switch.UNKNOWN)
            words.append(f"{_words(unknown, situation)}: unknown, {_unread(unknown, situation)}")
        elif not row[-1].confirmed:
            states.append(Switch.UNKNOWN)
            words.append(f"{_words(row[-1], situation)}: not granted, and it is not confirmed whether AD asks for it")
        else:
            states.append(Switch.OFF)
            need, found = answers[-1]
            assert found is not None  # noqa: S101 - for the type checker
            missing.append(_missing(need, found, situation, descriptors))
    order = (Switch.OFF, Switch.UNKNOWN, Switch.ON)
    if missing:
        words = [f"{one.what}: {_why(one)}" for one in missing]
    distinct = tuple(dict.fromkeys(words))
    return OperationRight(operation, min(states, key=order.index), "; ".join(distinct), tuple(missing))


def _ask(need: Need, situation: Situation, descriptors: Mapping[Place, SecurityDescriptor | None]) -> Decision | None:
    descriptor = descriptors.get(need.place)
    if descriptor is None:
        return None
    return decide(descriptor, situation.account.token, need.mask, types_of(need, situation))


def _missing(
    need: Need, found: Decision, situation: Situation, descriptors: Mapping[Place, SecurityDescriptor | None]
) -> Missing:
    grant = grant_of(need, situation)
    after = _ask(need, situation, _granted(grant, situation, descriptors))
    helps = after is not None and after.granted
    return Missing(need.id, _words(need, situation), grant if helps else None, found.against, grant.dn)


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
    return dict(descriptors) | _descriptors(replace(situation, places=places))


def grant_of(need: Need, situation: Situation) -> Grant:
    """The entry that gives exactly this right: on the OU itself, or on its groups by inheritance."""
    on_groups = need.place in _OU_OF
    dn = situation.places[_OU_OF.get(need.place, need.place)].dn
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
    descriptors = {**_descriptors(situation), place: group.descriptor}
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
        descriptor = descriptors.get(need.place)
        if descriptor is None:
            return False
        own = group.sid if need.place in _OU_OF else None
        found = decide(descriptor, situation.account.token, need.mask, types_of(need, situation), own_sid=own)
        if found is None or found.granted:
            return False
    return True


_MASK_WORDS = {
    AccessMask.CREATE_CHILD: "create {name} objects",
    AccessMask.DELETE_CHILD: "delete {name} objects",
    AccessMask.LIST_CONTENTS: "list what stands there",
    AccessMask.LIST_CONTENTS | _READ: "list and read",
    AccessMask.CONTROL_ACCESS: "{name}",
    AccessMask.DELETE: "delete",
    _READ: "read {name}",
    _WRITE: "write {name}",
}


def _words(need: Need, situation: Situation) -> str:
    on = situation.places[_OU_OF.get(need.place, need.place)].dn
    where = f"groups in {on}" if need.place in _OU_OF else on
    return f"{_MASK_WORDS[need.mask].format(name=need.name)} on {where}"


def _unread(need: Need, situation: Situation) -> str:
    holder = situation.places[_OU_OF.get(need.place, need.place)]
    if holder.descriptor is None:
        return holder.why or f"the access list of {holder.dn} was not read"
    if need.place in _OU_OF and situation.group_default is None:
        return "the default access list of the class group was not read"
    return "the answer hangs on a conditional entry"


def _by(need: Need, found: Decision, situation: Situation) -> str:
    if found.everything:
        how = "there is no access list, which allows everybody everything"
    elif found.by:
        how = "by " + " and ".join(describe(ace) for ace in dict.fromkeys(found.by))
    else:
        how = "as owner"
    return f"{_words(need, situation)}: {how}"


def _why(missing: Missing) -> str:
    if missing.against is not None:
        return f"denied by {describe(missing.against)}"
    return "no entry allows it"


def describe(ace: Ace) -> str:
    """An entry in a few words: what it does, for whom, limited to what, inherited or not."""
    verb = "allows" if ace.allows else "denies"
    limited = f" for {ace.object_type}" if ace.object_type else ""
    origin = ", inherited" if ace.inherited else ""
    return f"the entry that {verb} 0x{int(ace.mask):x}{limited} to {ace.sid}{origin}"
