"""Whether a token is granted a right by a descriptor: the access check of [MS-ADTS], section 5.1.3.3.

Entries are looked at in the order in which they are stored; the first that names a bit decides on it. An entry with an
object type counts where that type is among the asked-for ones: an attribute, its property set, the class of the object.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runbook_lib.directory.rights.constants import AccessMask, WellKnownSid, expand_generic
from runbook_lib.directory.rights.descriptor import Ace, Control, SecurityDescriptor

Token = frozenset[str]
"""SIDs of an account, of its groups, nested ones included, and those that every authenticated account has."""
_OWNERS_MAY = AccessMask.READ_CONTROL | AccessMask.WRITE_DAC


@dataclass(slots=True)
class Decisions:
    """What one descriptor grants one token. Answers are kept, so a second question costs a look-up.

    Attributes:
        entries: Whether it allows, the bits, the object type; only what applies to the token and to the object itself.
        granted: Bits that need no entry: what owners and privileges bring.
        everything: The null DACL, which allows everybody everything.
    """

    entries: tuple[tuple[bool, int, str | None], ...]
    granted: int
    everything: bool = False
    _answers: dict[tuple[int, tuple[str, ...]], bool] = field(default_factory=dict)

    def allow(self, mask: int, *types: str) -> bool:
        """Whether every bit of ``mask`` is granted for these object types."""
        key = (mask, types)
        known = self._answers.get(key)
        if known is None:
            known = self._answers[key] = self.everything or self._decide(mask & ~self.granted, types)
        return known

    def _decide(self, wanted: int, types: tuple[str, ...]) -> bool:
        for allows, bits, object_type in self.entries:
            hit = bits & wanted if object_type is None or object_type in types else 0
            if hit and not allows:
                return False
            wanted &= ~hit
        return not wanted

    def allow_all(self, mask: int, kind: str) -> bool:
        """Whether every attribute of an object of class ``kind`` is granted: by one entry, with none against it."""
        key = (mask, (kind, "every attribute"))
        known = self._answers.get(key)
        if known is None:
            denied = any(not allows and bits & mask for allows, bits, _ in self.entries)
            known = self._answers[key] = self.everything or (not denied and self._decide(mask, (kind,)))
        return known


def decisions(descriptor: SecurityDescriptor, token: Token, own_sid: str | None) -> Decisions:
    """The answers for a token; ``own_sid`` is the SID of the object itself, which entries for SELF mean."""
    owner = descriptor.owner in token
    limited = any(ace.sid == WellKnownSid.OWNER_RIGHTS and ace.applies_here for ace in descriptor.entries)
    granted = int(_OWNERS_MAY) if owner and not limited else 0
    if WellKnownSid.ADMINISTRATORS in token:  # the privileges to take ownership and to manage auditing
        granted |= AccessMask.WRITE_OWNER | AccessMask.ACCESS_SYSTEM_SECURITY
    null = descriptor.dacl is None and bool(descriptor.control & Control.DACL_PRESENT)
    entries = tuple(
        (ace.allows, int(expand_generic(ace.mask)), ace.object_type)
        for ace in descriptor.entries
        if ace.applies_here and _is_about(ace, token, own_sid, owner=owner)
    )
    return Decisions(entries, granted, null)


def _is_about(ace: Ace, token: Token, own_sid: str | None, *, owner: bool) -> bool:
    if ace.sid == WellKnownSid.SELF:
        return own_sid is not None and own_sid in token
    return owner if ace.sid == WellKnownSid.OWNER_RIGHTS else ace.sid in token
