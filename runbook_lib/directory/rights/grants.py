"""One entry that would give a right to an account: as ``dsacls`` writes it, and as it stands in a descriptor.

``dsacls`` (Microsoft Learn, "Dsacls"): ``/G account:rights;class, attribute or right;inheriting class``; without ``/I``
the entry is for the object alone, with ``/I:S`` for what stands below it.
"""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.directory.rights.constants import AccessMask, GuidKind, guid_of
from runbook_lib.directory.rights.descriptor import Ace, AceFlag, AceType

GROUP_CLASS = guid_of(GuidKind.CLASS, "group")
REANIMATE = guid_of(GuidKind.EXTENDED_RIGHT, "Reanimate-Tombstones")
_LETTERS = (
    (AccessMask.CREATE_CHILD, "CC"),
    (AccessMask.DELETE_CHILD, "DC"),
    (AccessMask.LIST_CONTENTS, "LC"),
    (AccessMask.READ_PROPERTY, "RP"),
    (AccessMask.WRITE_PROPERTY, "WP"),
    (AccessMask.CONTROL_ACCESS, "CA"),
    (AccessMask.DELETE, "SD"),
    (AccessMask.READ_CONTROL, "RC"),
)


def letters(mask: AccessMask) -> str:
    """A mask as dsacls writes it, for example ``LCRP``."""
    return "".join(text for bit, text in _LETTERS if mask & bit)


@dataclass(frozen=True, slots=True)
class Grant:
    """An entry that allows.

    Attributes:
        dn: The object that is to hold it.
        mask: What it allows.
        name: Class, attribute or extended right that it is limited to, as dsacls knows it; empty for none.
        object_type: The GUID of ``name``.
        on_groups: Whether it is for the groups below ``dn``, and not for ``dn`` itself.
        take_ownership: Whether the object has to be taken over first: nobody may change its list otherwise.
    """

    dn: str
    mask: AccessMask
    name: str = ""
    object_type: str | None = None
    on_groups: bool = False
    take_ownership: bool = False

    def ace(self, sid: str) -> Ace:
        """The entry that dsacls would write for the account with this SID."""
        flags = AceFlag.CONTAINER_INHERIT | AceFlag.INHERIT_ONLY if self.on_groups else AceFlag(0)
        limited = self.object_type is not None or self.on_groups
        kind = AceType.ALLOWED_OBJECT if limited else AceType.ALLOWED
        return Ace(kind, sid, self.mask, flags, self.object_type, GROUP_CLASS if self.on_groups else None)

    def rights(self) -> str:
        """What follows ``account:`` in dsacls, for example ``WP;member;group``."""
        rights = letters(self.mask)
        if self.on_groups:
            return f"{rights};{self.name};group"
        return f"{rights};{self.name}" if self.name else rights
