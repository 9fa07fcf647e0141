"""AD as it is now beside AD as v1 was predicted to make it, group by group. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from runbook_lib.connect.predicted import ConnectGroup, ConnectPrediction, Standing
from runbook_lib.directory.search import generalized_time
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import normalize_foreign_dn
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE
from runbook_lib.model.predicted import (
    NOTHING_ARRIVED,
    Difference,
    Known,
    member_differences,
    object_differences,
    place_differences,
    several_objects,
)
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable


class ArrivalState(Enum):
    """Where a group stands after a cycle."""

    AS_PREDICTED = "as-predicted"
    DIFFERENT = "different"
    NOT_YET = "not-yet"
    UNEXPECTED = "unexpected"

    @property
    def title(self) -> Text:
        """In words."""
        return _STATES[self]


_STATES = {
    ArrivalState.AS_PREDICTED: t("as predicted"),
    ArrivalState.DIFFERENT: t("otherwise than predicted"),
    ArrivalState.NOT_YET: t("not yet"),
    ArrivalState.UNEXPECTED: t("not predicted"),
}


@dataclass(frozen=True, slots=True)
class ConnectArrival:
    """One group, and what AD holds of it now.

    Attributes:
        group_id: The cloud group.
        display_name: For people.
        state: As predicted, differently, not yet or unexpectedly.
        group: The prediction; None for what was not predicted.
        present: Its AD object; None: there is none, or several.
        differences: What is otherwise, or is missing still.
    """

    group_id: str
    display_name: str
    state: ArrivalState
    group: ConnectGroup | None
    present: DirectoryGroup | None
    differences: tuple[Difference, ...] = ()

    @property
    def awaited(self) -> bool:
        """Whether it is sure to come still, below v1's container.

        A group of which it is not known whether v1 writes it need not come; nor one with an object elsewhere in AD,
        which v1 may join where it stands.
        """
        if self.state is not ArrivalState.NOT_YET or self.group is None or self.group.scope.known is not Known.YES:
            return False
        return self.present is not None or self.group.standing not in (Standing.ADOPTED, Standing.UNCLEAR)


def made_since(present: DirectoryGroup, since: datetime | None) -> bool:
    """Whether an object was made after a moment, by its controller's clock; no, where that is not known.

    Args:
        present: The object.
        since: UTC; None: no moment is known.
    """
    try:
        # AD keeps whole seconds.
        return since is not None and generalized_time(present.text("whenCreated") or "") >= since.replace(microsecond=0)
    except ValueError:
        return False


_COMES_WITH_A_CYCLE = frozenset({"not-there", "members-missing"})


def connect_arrivals(
    prediction: ConnectPrediction,
    present: Mapping[str, Sequence[DirectoryGroup]],
    guid_of_dn: Callable[[str], str | None],
    accounts: Mapping[str, str],
    *,
    exported: bool,
    since: datetime | None = None,
) -> tuple[ConnectArrival, ...]:
    """Compare every group with its prediction; predicted ones by id, then those that were not predicted.

    Args:
        prediction: As it was shown and approved.
        present: Cloud group id to the AD objects with Connect's anchor now.
        guid_of_dn: The GUID of an object by its DN; None where it was not read.
        accounts: Member id to the GUID of its AD account, for those that have one in the domain.
        exported: Whether an export to AD is proved since the hand-over: before, what is otherwise can still change.
        since: When the wizard was handed over; None: v1 was on before. What was made since has its name from v1.
    """
    predicted = {group.group_id: group for group in prediction.groups}
    known_before = {one.guid for one in prediction.leftovers}
    found = [
        _compared(group, present.get(group.group_id, ()), guid_of_dn, accounts, exported=exported, since=since)
        for group in prediction.groups
    ]
    for group_id, objects in sorted(present.items()):
        if group_id not in predicted:
            found += [_unexpected(group_id, one) for one in objects if one.guid not in known_before]
    return tuple(found)


def _unexpected(group_id: str, present: DirectoryGroup) -> ConnectArrival:
    what = Difference("not-predicted", t("{dn} was not predicted.", dn=printable(present.dn)))
    name = present.text("displayName") or present.text("cn") or present.dn
    return ConnectArrival(group_id, name, ArrivalState.UNEXPECTED, None, present, (what,))


def _compared(
    group: ConnectGroup,
    objects: Sequence[DirectoryGroup],
    guid_of_dn: Callable[[str], str | None],
    accounts: Mapping[str, str],
    *,
    exported: bool,
    since: datetime | None,
) -> ConnectArrival:
    # The object that v1 makes a second one of keeps its anchor: it is not what arrives.
    mine = [one for one in objects if group.standing is not Standing.DOUBLED or one.guid != group.present_guid]
    present = mine[0] if len(mine) == 1 else None
    if len(mine) > 1:
        several = (several_objects([one.dn for one in mine]),)
        return ConnectArrival(group.group_id, group.display_name, ArrivalState.DIFFERENT, group, None, several)
    if present is None:
        return ConnectArrival(group.group_id, group.display_name, ArrivalState.NOT_YET, group, None, (NOTHING_ARRIVED,))
    there_before = present.guid == group.present_guid and not made_since(present, since)
    found = tuple(_differences(group, present, guid_of_dn, accounts, there_before=there_before))
    state = ArrivalState.AS_PREDICTED
    if found:
        comes = there_before or all(one.code in _COMES_WITH_A_CYCLE for one in found)
        state = ArrivalState.NOT_YET if comes and not exported else ArrivalState.DIFFERENT
    return ConnectArrival(group.group_id, group.display_name, state, group, present, found)


def _differences(
    group: ConnectGroup,
    present: DirectoryGroup,
    guid_of_dn: Callable[[str], str | None],
    accounts: Mapping[str, str],
    *,
    there_before: bool,
) -> Iterator[Difference]:
    yield from object_differences(group.guid, present.guid, present.sid)
    # Whether v1 moves and renames an object that it finds is not documented: it may stay as it was.
    if not there_before or normalize_foreign_dn(present.dn) != normalize_foreign_dn(group.present_dn):
        yield from place_differences(group.cn, group.container, present.dn)
    for name, expected in group.attributes.items():
        values = present.attributes.get(name, ())
        if name == ANCHOR_ATTRIBUTE or not expected.value or expected.value in values:
            continue
        if name == "groupType":
            yield Difference("type", t("Its groupType is {value}.", value=present.group_type))
            continue
        shown = printable(values[0], limit=80) if values else t("empty")
        yield Difference("attribute", t("Its {name} is {value}.", name=name, value=shown))
    there, strangers = _members(present.members or (), guid_of_dn)
    # Accounts of other domains of the forest are written, and cannot be told apart here: their number is compared.
    elsewhere = sum(
        one.answer.known is not Known.NO and one.id not in accounts and one.type == "user" for one in group.members
    )
    kept: Collection[str] = strangers if len(strangers) <= elsewhere else ()
    yield from member_differences(group.members, there | strangers, accounts, kept)


def _members(dns: Sequence[str], guid_of_dn: Callable[[str], str | None]) -> tuple[set[str], set[str]]:
    """GUIDs of the members that were read, and DNs of those that were not."""
    guids, strangers = set(), set()
    for dn in dns:
        if guid := guid_of_dn(dn):
            guids.add(guid)
        else:
            strangers.add(dn)
    return guids, strangers
