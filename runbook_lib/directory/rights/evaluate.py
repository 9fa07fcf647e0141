"""What an account's rights are judged by, and what a descriptor grants it, on objects to come too. Pure.

The access check is that of [MS-ADTS] 5.1.3.3.3 over [MS-DTYP] 2.5.3.2: entries in the order in which they are stored,
the first that names a bit decides on it, and an entry with an object type counts where that type is asked for. What a
new object inherits follows [MS-DTYP] 2.5.3.4 and [MS-ADTS] 6.1.3.

Groups that do not exist yet stand in the target or the retired OU in thought; ``Place`` names them like the objects
that exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from runbook_lib.directory.rights.constants import AccessMask, WellKnownSid, expand_generic
from runbook_lib.directory.rights.descriptor import Ace, AceFlag, Acl, Control, OpaqueAce, SecurityDescriptor
from runbook_lib.model.cloud import Switch
from runbook_lib.model.text import NOTHING, Text

Token = frozenset[str]
"""SIDs of an account: its own, those of its groups, and those that every account has that signs in."""

_OWNER_MAY = AccessMask.READ_CONTROL | AccessMask.WRITE_DAC
_NOTHING = AccessMask(0)
_CONDITIONAL_ALLOW, _CONDITIONAL_DENY = frozenset({9, 11}), frozenset({10, 12})
"""Types of callback entries ([MS-DTYP] 2.4.4.1), whose conditions look at claims that only the server knows."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one question.

    Attributes:
        granted: Whether every bit is.
        by: The entries that granted bits, in the order in which they were met.
        as_owner: Whether ownership granted a bit.
        everything: Whether the null DACL did, which allows everybody everything.
        missing: Bits that are not granted.
        against: The entry that denied; None where no entry decided on the missing bits.
    """

    granted: bool
    by: tuple[Ace, ...] = ()
    as_owner: bool = False
    everything: bool = False
    missing: AccessMask = _NOTHING
    against: Ace | None = None


def decide(
    descriptor: SecurityDescriptor,
    token: Token,
    wanted: AccessMask,
    types: Sequence[str] = (),
    *,
    own_sid: str | None = None,
) -> Decision | None:
    """Whether ``token`` has every bit of ``wanted``; None where that is unknown.

    Unknown is a list that was not read, and one whose answer hangs on a conditional entry.

    Args:
        types: GUIDs that the question is about: attribute, property set and class of the object for its attributes;
            the class of a child; an extended right. Entries limited to anything else are passed over.
        own_sid: objectSid of the object, which entries for SELF mean; None where it has none.
    """
    if descriptor.dacl is None:
        return Decision(granted=True, everything=True) if descriptor.control & Control.DACL_PRESENT else None
    decision = _decide(descriptor, token, wanted, types, own_sid)
    turning = _CONDITIONAL_DENY if decision.granted else _CONDITIONAL_ALLOW
    conditional = any(isinstance(ace, OpaqueAce) and ace.type in turning for ace in descriptor.dacl.aces)
    return None if conditional else decision


def _decide(
    descriptor: SecurityDescriptor, token: Token, wanted: AccessMask, types: Sequence[str], own_sid: str | None
) -> Decision:
    owner = descriptor.owner is not None and descriptor.owner in token
    as_owner = wanted & _OWNER_MAY if owner and not _owner_is_limited(descriptor) else _NOTHING
    open_bits = wanted & ~as_owner
    by: list[Ace] = []
    for ace in descriptor.entries:
        if not open_bits:
            break
        bits = expand_generic(ace.mask) & open_bits
        if not bits or not ace.applies_here or not _is_about(ace, token, own_sid, owner=owner):
            continue
        if ace.object_type is not None and ace.object_type not in types:
            continue
        if not ace.allows:
            return Decision(granted=False, by=tuple(by), as_owner=bool(as_owner), missing=open_bits, against=ace)
        by.append(ace)
        open_bits &= ~bits
    return Decision(granted=not open_bits, by=tuple(by), as_owner=bool(as_owner), missing=open_bits)


def _owner_is_limited(descriptor: SecurityDescriptor) -> bool:
    return any(ace.sid == WellKnownSid.OWNER_RIGHTS and ace.applies_here for ace in descriptor.entries)


def _is_about(ace: Ace, token: Token, own_sid: str | None, *, owner: bool) -> bool:
    if ace.sid == WellKnownSid.SELF:
        return own_sid is not None and own_sid in token
    if ace.sid == WellKnownSid.OWNER_RIGHTS:
        return owner
    return ace.sid in token


def predicted(
    parent: SecurityDescriptor, default: SecurityDescriptor, class_guid: str, owner: str
) -> SecurityDescriptor | None:
    """The descriptor of an object that ``owner`` creates below ``parent``; None where the parent's list was not read.

    Only entries that say something about the object itself are in it, which is what an access check looks at.
    Conditional entries of the parent that are handed down are kept as they are: what hangs on them stays unknown.

    Args:
        default: The class's defaultSecurityDescriptor.
        class_guid: schemaIDGUID of the class, lower case.
        owner: SID that will own it; entries for CREATOR OWNER mean it.
    """
    if parent.dacl is None and not parent.control & Control.DACL_PRESENT:
        return None
    own = [_as_creator(ace, owner) for ace in default.entries if ace.applies_here]
    below = [] if default.protected else list(_handed_down(parent, class_guid, owner))
    return replace(default, owner=default.owner or owner, dacl=Acl((*own, *below)))


def _handed_down(parent: SecurityDescriptor, class_guid: str, owner: str) -> Iterator[Ace | OpaqueAce]:
    for ace in parent.dacl.aces if parent.dacl is not None else ():
        if isinstance(ace, OpaqueAce):
            if ace.flags & AceFlag.CONTAINER_INHERIT:
                yield ace
            continue
        # Every object of a directory can hold others, so only CONTAINER INHERIT hands down to it.
        if ace.flags & AceFlag.CONTAINER_INHERIT and ace.inherited_object_type in {None, class_guid}:
            yield replace(_as_creator(ace, owner), flags=AceFlag.INHERITED)


def _as_creator(ace: Ace, owner: str) -> Ace:
    return replace(ace, sid=owner) if ace.sid == WellKnownSid.CREATOR_OWNER else ace


def with_entry(descriptor: SecurityDescriptor, ace: Ace) -> SecurityDescriptor:
    """The descriptor with one more explicit entry where a tool such as dsacls puts it.

    The canonical order ([MS-DTYP] 2.4.5): explicit entries that deny, explicit ones that allow, inherited ones.
    """
    entries = list(descriptor.dacl.aces) if descriptor.dacl is not None else []
    at = 0
    if ace.allows:
        denying = [n for n, one in enumerate(entries) if isinstance(one, Ace) and not one.inherited and not one.allows]
        at = denying[-1] + 1 if denying else 0
    revision = descriptor.dacl.revision if descriptor.dacl is not None else Acl().revision
    return replace(descriptor, dacl=Acl((*entries[:at], ace, *entries[at:]), revision))


def protects_from_deletion(descriptor: SecurityDescriptor) -> bool:
    """Whether Everyone is denied DELETE on the object itself: "Protect object from accidental deletion"."""
    return any(
        not ace.allows
        and ace.applies_here
        and ace.sid == WellKnownSid.EVERYONE
        and ace.object_type is None
        and expand_generic(ace.mask) & AccessMask.DELETE
        for ace in descriptor.entries
    )


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


OU_OF = {Place.TARGET_GROUP: Place.TARGET, Place.RETIRED_GROUP: Place.RETIRED}
GROUP_IN = {ou: group for group, ou in OU_OF.items()}


@dataclass(frozen=True, slots=True)
class Holder:
    """An object with its descriptor; without one ``why`` says what stood in the way."""

    dn: str
    descriptor: SecurityDescriptor | None = None
    why: Text = NOTHING


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
