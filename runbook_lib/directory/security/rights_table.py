"""Whether an account has what each operation needs: the table of rights, with what would help. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from runbook_lib.directory.security.access import Decision, with_entry
from runbook_lib.directory.security.answers import ask, deciding_descriptors
from runbook_lib.directory.security.descriptor import Ace, SecurityDescriptor
from runbook_lib.directory.security.grants import Grant
from runbook_lib.directory.security.needed_grants import grant_of
from runbook_lib.directory.security.operations import LIST_DELETED, Need, Operation, operations
from runbook_lib.directory.security.rights_words import granted_by, refused_by, unread, words_of
from runbook_lib.directory.security.situation import Place, Situation
from runbook_lib.model.cloud import Switch


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
