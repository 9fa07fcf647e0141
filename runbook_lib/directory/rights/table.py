"""Whether an account has what each operation needs, with what would help. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    AllowEntry,
    Need,
    ProductOperation,
    Purpose,
    operations,
)
from runbook_lib.model.cloud import Switch
from runbook_lib.model.text import NOTHING, Text, joined, t, verbatim


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


def grant_of(need: Need, situation: Situation) -> AllowEntry:
    """The entry that gives exactly this right: on the OU itself, or on its groups by inheritance."""
    on_groups = need.place in OU_OF
    dn = situation.places[OU_OF.get(need.place, need.place)].dn
    types = types_of(need, situation)
    return AllowEntry(
        dn,
        need.mask,
        need.name,
        types[0] if need.name else None,
        on_groups,
        take_ownership=need.place is Place.DELETED_OBJECTS,
    )


def needed_grants(situation: Situation, *purposes: Purpose) -> tuple[AllowEntry, ...]:
    """What a dedicated account needs for these purposes and nothing else, each entry once.

    Reading is left out: every account of the domain may read what ordinary defaults show. To leave an OU or to delete,
    the right on the OU is taken, which works for groups with a protected list too.
    """
    found: dict[AllowEntry, None] = {}
    for operation in operations(situation.types):
        if operation.purpose in purposes and not operation.id.startswith("read:"):
            found |= {grant_of(row[-1], situation): None for row in operation.needs}
    return tuple(found)


def lacking_on(group: GroupHolder, place: Place, situation: Situation) -> tuple[ProductOperation, ...] | None:
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


def _right(need: Need) -> Text:
    """A right by its name, without the object."""
    match need.mask:
        case AccessMask.CREATE_CHILD:
            return t("create {name} objects", name=need.name)
        case AccessMask.DELETE_CHILD:
            return t("delete {name} objects", name=need.name)
        case AccessMask.LIST_CONTENTS:
            return t("list what stands there")
        case AccessMask.DELETE:
            return t("delete")
        case AccessMask.READ_PROPERTY:
            return t("read {name}", name=need.name)
        case AccessMask.WRITE_PROPERTY:
            return t("write {name}", name=need.name)
        case AccessMask.CONTROL_ACCESS:
            return verbatim(need.name)
    return t("list and read")


def need_title(need: Need, situation: Situation) -> Text:
    """The right and the object, for example ``write member on groups in OU=…``."""
    dn = situation.places[OU_OF.get(need.place, need.place)].dn
    if need.place in OU_OF:
        return t("{right} on groups in {dn}", right=_right(need), dn=dn)
    return t("{right} on {dn}", right=_right(need), dn=dn)


def unread(need: Need, situation: Situation) -> Text:
    """Why nothing answers a need."""
    holder = situation.places[OU_OF.get(need.place, need.place)]
    if holder.descriptor is None:
        return verbatim(holder.why) if holder.why else t("the access list of {dn} was not read", dn=holder.dn)
    if need.place in OU_OF and situation.group_default is None:
        return t("the default access list of the class group was not read")
    return t("the answer hangs on a conditional entry")


def granted_by(need: Need, found: Decision, situation: Situation) -> Text:
    """The right, and by what the account has it."""
    if found.everything:
        how = t("there is no access list, which allows everybody everything")
    elif found.by:
        how = t("by {entries}", entries=joined((describe(ace) for ace in dict.fromkeys(found.by)), " and "))
    else:
        how = t("as owner")
    return t("{right}: {how}", right=need_title(need, situation), how=how)


def refused_by(against: Ace | None) -> Text:
    """What refuses: the entry that denies, or that there is none that allows."""
    return t("denied by {entry}", entry=describe(against)) if against is not None else t("no entry allows it")


def describe(ace: Ace) -> Text:
    """An entry in a few words: what it does, for whom, limited to what, inherited or not."""
    mask = f"0x{int(ace.mask):x}"
    does = t("the entry that allows {mask}", mask=mask) if ace.allows else t("the entry that denies {mask}", mask=mask)
    limited = t(" for {object_type}", object_type=ace.object_type) if ace.object_type else NOTHING
    return does + limited + t(" to {sid}", sid=ace.sid) + (t(", inherited") if ace.inherited else NOTHING)


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
    what: Text
    grant: AllowEntry | None
    against: Ace | None
    on: str


@dataclass(frozen=True, slots=True)
class OperationRight:
    """One row of the table of rights.

    Attributes:
        granted: ``UNKNOWN`` where a descriptor that decides could not be read and nothing else refuses.
        because: By which entries, or what is missing or unread, in words.
    """

    operation: ProductOperation
    granted: Switch
    because: Text
    missing: tuple[Missing, ...] = ()


def rights_table(situation: Situation, wanted: Sequence[ProductOperation] | None = None) -> tuple[OperationRight, ...]:
    """Every operation with its answer, for groups that this account creates.

    Args:
        situation: What the answers depend on.
        wanted: What is asked for; everything that the product does in AD where left out.
    """
    descriptors = deciding_descriptors(situation)
    asked = operations(situation.types) if wanted is None else wanted
    rows = (_row(operation, situation, descriptors) for operation in asked)
    return tuple(_as_seen(row, situation) if row.operation.id == LIST_DELETED else row for row in rows)


def _as_seen(row: OperationRight, situation: Situation) -> OperationRight:
    """What was seen, where the list that decides cannot be read."""
    if row.granted is not Switch.UNKNOWN or situation.listed is Switch.UNKNOWN:
        return row
    need = row.operation.needs[0][0]
    if situation.listed is Switch.ON:
        return replace(
            row, granted=Switch.ON, because=t("{right}: a deleted object was seen", right=need_title(need, situation))
        )
    grant = grant_of(need, situation)
    missing = Missing(need.id, need_title(need, situation), grant, None, grant.dn)
    return replace(
        row, granted=Switch.OFF, because=t("{right}: refused when it was tried", right=missing.what), missing=(missing,)
    )


def _row(
    operation: ProductOperation, situation: Situation, descriptors: Mapping[Place, SecurityDescriptor | None]
) -> OperationRight:
    states: list[Switch] = []
    reasons: list[Text] = []
    missing: list[Missing] = []
    for row in operation.needs:
        answers = [(need, ask(need, situation, descriptors)) for need in row]
        granted = next(((need, found) for need, found in answers if found is not None and found.granted), None)
        unknown = next((need for need, found in answers if found is None), None)
        if granted is not None:
            states.append(Switch.ON)
            reasons.append(granted_by(*granted, situation))
        elif unknown is not None:
            states.append(Switch.UNKNOWN)
            why = unread(unknown, situation)
            reasons.append(t("{right}: unknown, {why}", right=need_title(unknown, situation), why=why))
        elif not row[-1].confirmed:
            states.append(Switch.UNKNOWN)
            right = need_title(row[-1], situation)
            reasons.append(t("{right}: not granted, and it is not confirmed whether AD asks for it", right=right))
        else:
            states.append(Switch.OFF)
            need, found = answers[-1]
            assert found is not None  # noqa: S101 - for the type checker
            missing.append(_missing(need, found, situation, descriptors))
    order = (Switch.OFF, Switch.UNKNOWN, Switch.ON)
    if missing:
        reasons = [t("{right}: {how}", right=one.what, how=refused_by(one.against)) for one in missing]
    distinct = tuple(dict.fromkeys(reasons))
    return OperationRight(operation, min(states, key=order.index), joined(distinct, "; "), tuple(missing))


def _missing(
    need: Need, found: Decision, situation: Situation, descriptors: Mapping[Place, SecurityDescriptor | None]
) -> Missing:
    grant = grant_of(need, situation)
    after = ask(need, situation, _granted(grant, situation, descriptors))
    helps = after is not None and after.granted
    return Missing(need.id, need_title(need, situation), grant if helps else None, found.against, grant.dn)


def _granted(
    grant: AllowEntry, situation: Situation, descriptors: Mapping[Place, SecurityDescriptor | None]
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
