"""What a descriptor grants an account, and what an object that does not exist yet would grant: pure.

The access check is that of [MS-ADTS] 5.1.3.3.3 over [MS-DTYP] 2.5.3.2: entries in the order in which they are stored,
the first that names a bit decides on it, and an entry with an object type counts where that type is asked for. What a
new object inherits follows [MS-DTYP] 2.5.3.4 and [MS-ADTS] 6.1.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from runbook_lib.directory.rights.constants import AccessMask, WellKnownSid, expand_generic
from runbook_lib.directory.rights.descriptor import Ace, AceFlag, Acl, Control, OpaqueAce, SecurityDescriptor

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
