"""How descriptors come about: defaults of a class, what a parent hands down, what a client writes.

[MS-ADTS] 6.1.3 for directory objects, [MS-DTYP] 2.5.3.4 for the algorithm. Every object counts as a container.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from runbook_lib.directory.rights.constants import WellKnownSid, expand_generic
from runbook_lib.directory.rights.descriptor import Ace, AceFlag, Acl, Control, OpaqueAce, SecurityDescriptor

_HANDED_DOWN = AceFlag.CONTAINER_INHERIT
_INHERITANCE = AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT | AceFlag.NO_PROPAGATE_INHERIT | AceFlag.INHERIT_ONLY


def inherited(parent: SecurityDescriptor, class_guid: str, owner: str | None, group: str | None) -> Iterator[Ace]:
    """The entries that an object of a class below ``parent`` inherits, in the parent's order."""
    stands_for = {str(WellKnownSid.CREATOR_OWNER): owner, str(WellKnownSid.CREATOR_GROUP): group}
    for ace in parent.entries:
        if not ace.flags & _HANDED_DOWN:
            continue
        goes_on = not ace.flags & AceFlag.NO_PROPAGATE_INHERIT
        kept = ace.flags & (AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT) if goes_on else AceFlag(0)
        further = replace(ace, flags=kept | AceFlag.INHERITED | AceFlag.INHERIT_ONLY)
        creator = stands_for.get(ace.sid)
        if ace.inherited_object_type not in {None, class_guid}:
            if goes_on:
                yield further
        elif creator is not None:
            yield replace(ace, sid=creator, mask=expand_generic(ace.mask), flags=AceFlag.INHERITED)
            if goes_on:
                yield further
        else:
            yield replace(ace, mask=expand_generic(ace.mask), flags=kept | AceFlag.INHERITED)


def effective(wanted: SecurityDescriptor, parent: SecurityDescriptor | None, class_guid: str) -> SecurityDescriptor:
    """A descriptor with its explicit entries in AD's order, and behind them what the parent hands down.

    Inherited entries that a client sends along are not looked at ([MS-ADTS] 6.1.3.3).
    """
    dacl = wanted.dacl
    if dacl is None:
        return wanted
    explicit = [ace for ace in dacl.aces if not ace.flags & AceFlag.INHERITED]
    if wanted.protected or parent is None:
        below: list[Ace] = []
    else:
        below = list(inherited(parent, class_guid, wanted.owner, wanted.group))
    control = wanted.control | Control.DACL_AUTO_INHERITED | Control.DACL_PRESENT | Control.SELF_RELATIVE
    return replace(wanted, dacl=Acl((*_ordered(explicit), *_ordered(below)), dacl.revision), control=control)


def from_creator(default: SecurityDescriptor, owner: str, group: str) -> SecurityDescriptor:
    """A new object's own part: the class's default, with the creator where it says CREATOR OWNER."""
    stands_for = {str(WellKnownSid.CREATOR_OWNER): owner, str(WellKnownSid.CREATOR_GROUP): group}
    aces: list[Ace | OpaqueAce] = []
    for ace in default.entries:
        creator = stands_for.get(ace.sid)
        if creator is None or not ace.applies_here:
            aces.append(ace if not ace.applies_here else replace(ace, mask=expand_generic(ace.mask)))
            continue
        aces.append(replace(ace, sid=creator, mask=expand_generic(ace.mask), flags=ace.flags & ~_INHERITANCE))
        if ace.flags & _HANDED_DOWN:
            aces.append(replace(ace, flags=ace.flags | AceFlag.INHERIT_ONLY))
    return replace(default, owner=default.owner or owner, group=default.group or group, dacl=Acl(tuple(aces)))


def _ordered(aces: Iterable[Ace | OpaqueAce]) -> list[Ace | OpaqueAce]:
    """[MS-ADTS] 6.1.3.1: what denies first, then entries without object types; octets decide among equals.

    A list that is not in canonical order ([MS-DTYP] 2.4.5) stays as it is: its author meant it so.
    """
    listed = list(aces)
    ranks = [_rank(ace) for ace in listed]
    if any(earlier[0] > later[0] for earlier, later in pairwise(ranks)):
        return listed
    return [ace for _, ace in sorted(zip(ranks, listed, strict=True), key=lambda pair: (pair[0], pair[1].to_bytes()))]


def _rank(ace: Ace | OpaqueAce) -> tuple[bool, bool]:
    if isinstance(ace, OpaqueAce):
        return True, True
    return ace.allows, ace.object_type is not None or ace.inherited_object_type is not None
