"""The binary form of security descriptors ([MS-DTYP] 2.4.4 to 2.4.6): read, written, unchanged on the way.

Entries of types that say nothing about access here (audit, mandatory label, claims) are kept as they are. Generic bits
of masks stay as they are too; ``expand_generic`` translates them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from runbook_lib.directory.rights.constants import AccessMask
from runbook_lib.directory.search import guid_bytes, guid_text, sid_bytes, sid_text
from runbook_lib.model.text import t

_HEADER = struct.Struct("<BBHIIII")
_ACL_HEADER = struct.Struct("<BBHHH")
_ACE_HEADER = struct.Struct("<BBH")
_OBJECT_TYPE_PRESENT, _INHERITED_OBJECT_TYPE_PRESENT = 1, 2
"""Flags of an object entry ([MS-DTYP] 2.4.4.3)."""
_ACL_REVISION, _ACL_REVISION_DS = 2, 4
"""Versions of an ACL, the second with object entries ([MS-DTYP] 2.4.5)."""
_LONGEST = 0xFFFF
"""Octets of an ACL, and of an entry: their sizes are 16-bit numbers."""


class Control(IntFlag):
    """Header flags of a descriptor ([MS-DTYP] 2.4.6); the DACL's and the SACL's come in pairs."""

    OWNER_DEFAULTED = 0x1
    GROUP_DEFAULTED = 0x2
    DACL_PRESENT = 0x4
    DACL_DEFAULTED = 0x8
    SACL_PRESENT = 0x10
    SACL_DEFAULTED = 0x20
    DACL_AUTO_INHERIT_REQUIRED = 0x100
    SACL_AUTO_INHERIT_REQUIRED = 0x200
    DACL_AUTO_INHERITED = 0x400
    SACL_AUTO_INHERITED = 0x800
    DACL_PROTECTED = 0x1000
    """The object takes no entries from its parent."""
    SACL_PROTECTED = 0x2000
    RM_CONTROL_VALID = 0x4000
    SELF_RELATIVE = 0x8000


class AceType(IntEnum):
    """Entries that decide on access ([MS-DTYP] 2.4.4.1)."""

    ALLOWED = 0
    DENIED = 1
    ALLOWED_OBJECT = 5
    DENIED_OBJECT = 6


_PLAIN = frozenset({AceType.ALLOWED, AceType.DENIED})
_OBJECT = frozenset({AceType.ALLOWED_OBJECT, AceType.DENIED_OBJECT})


class AceFlag(IntFlag):
    """How an entry is handed down ([MS-DTYP] 2.4.4.1)."""

    OBJECT_INHERIT = 0x1
    CONTAINER_INHERIT = 0x2
    NO_PROPAGATE_INHERIT = 0x4
    INHERIT_ONLY = 0x8
    """The entry says nothing about the object that holds it."""
    INHERITED = 0x10
    SUCCESSFUL_ACCESS = 0x40
    FAILED_ACCESS = 0x80


_NO_FLAG, _NO_CONTROL = AceFlag(0), Control(0)


@dataclass(frozen=True, slots=True)
class Ace:
    """An entry that allows or denies.

    Attributes:
        sid: Whom it is about, as text.
        object_type: Lower-case GUID of the class, attribute, property set or right that it is limited to; None for all.
        inherited_object_type: Lower-case GUID of the only class that inherits the entry; None for all.
    """

    type: AceType
    sid: str
    mask: AccessMask
    flags: AceFlag = _NO_FLAG
    object_type: str | None = None
    inherited_object_type: str | None = None

    @property
    def allows(self) -> bool:
        """Whether it allows; otherwise it denies."""
        return self.type in {AceType.ALLOWED, AceType.ALLOWED_OBJECT}

    @property
    def inherited(self) -> bool:
        """Whether it came from the parent."""
        return bool(self.flags & AceFlag.INHERITED)

    @property
    def applies_here(self) -> bool:
        """Whether it says something about the object that holds it."""
        return not self.flags & AceFlag.INHERIT_ONLY

    def to_bytes(self) -> bytes:
        """The binary form; raises ValueError for object types in an entry whose type has no place for them."""
        body = struct.pack("<I", self.mask)
        if self.type in _OBJECT:
            present = [self.object_type is not None, self.inherited_object_type is not None]
            body += struct.pack("<I", present[0] * _OBJECT_TYPE_PRESENT + present[1] * _INHERITED_OBJECT_TYPE_PRESENT)
            body += b"".join(guid_bytes(guid) for guid in (self.object_type, self.inherited_object_type) if guid)
        elif self.object_type is not None or self.inherited_object_type is not None:
            raise ValueError(f"an entry of type {self.type.name} has no place for object types")
        return _entry(self.type, self.flags, body + sid_bytes(self.sid))


@dataclass(frozen=True, slots=True)
class OpaqueAce:
    """An entry of another type, for example of an audit; kept octet by octet."""

    type: int
    flags: AceFlag
    body: bytes

    def to_bytes(self) -> bytes:
        """The binary form."""
        return _entry(self.type, self.flags, self.body)


@dataclass(frozen=True, slots=True)
class Acl:
    """Entries in the order in which they are looked at. Without any, nobody is allowed anything."""

    aces: tuple[Ace | OpaqueAce, ...] = ()
    revision: int = _ACL_REVISION_DS

    def to_bytes(self) -> bytes:
        """The binary form; raises ValueError if it is longer than an ACL may be (64 KiB)."""
        body = b"".join(ace.to_bytes() for ace in self.aces)
        size = _ACL_HEADER.size + len(body)
        if size > _LONGEST:
            raise ValueError(f"an access control list of {size} octets is longer than {_LONGEST}")
        return _ACL_HEADER.pack(self.revision, 0, size, len(self.aces), 0) + body


@dataclass(frozen=True, slots=True)
class SecurityDescriptor:
    """Who owns an object and who may do what to it.

    Attributes:
        owner: SID as text, None if absent (or not asked for: the SD flags control reads parts).
        dacl: None if absent. ``control`` tells whether there is none (no DACL_PRESENT: it was not read) or whether it
            is the null DACL, which allows everybody everything.
        resource_manager: The octet that RM_CONTROL_VALID gives a meaning to.
    """

    owner: str | None = None
    group: str | None = None
    dacl: Acl | None = None
    sacl: Acl | None = None
    control: Control = _NO_CONTROL
    resource_manager: int = 0

    @property
    def protected(self) -> bool:
        """Whether the DACL takes no entries from the parent."""
        return bool(self.control & Control.DACL_PROTECTED)

    @property
    def entries(self) -> tuple[Ace, ...]:
        """The entries of the DACL that allow or deny, in order."""
        return tuple(ace for ace in self.dacl.aces if isinstance(ace, Ace)) if self.dacl is not None else ()

    def to_bytes(self) -> bytes:
        """The self-relative form in Windows' order: header, SACL, DACL, owner, group."""
        present = (self.dacl is not None) * Control.DACL_PRESENT | (self.sacl is not None) * Control.SACL_PRESENT
        parts = (
            self.sacl.to_bytes() if self.sacl is not None else b"",
            self.dacl.to_bytes() if self.dacl is not None else b"",
            sid_bytes(self.owner) if self.owner is not None else b"",
            sid_bytes(self.group) if self.group is not None else b"",
        )
        offsets, end = [], _HEADER.size
        for part in parts:
            offsets.append(end if part else 0)
            end += len(part)
        sacl, dacl, owner, group = offsets
        control = self.control | present | Control.SELF_RELATIVE
        return _HEADER.pack(1, self.resource_manager, control, owner, group, sacl, dacl) + b"".join(parts)


def parse_security_descriptor(value: bytes) -> SecurityDescriptor:
    """Read the self-relative form, as ``nTSecurityDescriptor`` holds it.

    Raises:
        ValueError: Not a security descriptor. The message says which part and why.
    """
    if len(value) < _HEADER.size:
        raise _malformed("header", t("{value} octets are fewer than {size}", value=len(value), size=_HEADER.size))
    revision, resource_manager, flags, owner, group, sacl, dacl = _HEADER.unpack_from(value)
    control = Control(flags)
    if revision != 1 or not control & Control.SELF_RELATIVE:
        raise _malformed(
            "header",
            t(
                "revision {revision} with flags 0x{flags:04x} is not a self-relative one",
                revision=revision,
                flags=flags,
            ),
        )
    return SecurityDescriptor(
        owner=_sid(value, owner, "owner") if owner else None,
        group=_sid(value, group, "group") if group else None,
        dacl=_acl(value, dacl, "DACL") if dacl and control & Control.DACL_PRESENT else None,
        sacl=_acl(value, sacl, "SACL") if sacl and control & Control.SACL_PRESENT else None,
        control=control,
        resource_manager=resource_manager,
    )


def _malformed(part: str, why: str) -> ValueError:
    return ValueError(f"not a security descriptor: {part}: {why}")


def _entry(kind: int, flags: AceFlag, body: bytes) -> bytes:
    size = _ACE_HEADER.size + len(body)
    if size > _LONGEST or size % 4:
        raise ValueError(f"an access control entry of {size} octets: not a multiple of 4, or longer than {_LONGEST}")
    return _ACE_HEADER.pack(kind, flags, size) + body


def _sid(value: bytes, start: int, part: str) -> str:
    """The SID that begins at ``start``; its second octet tells how long it is."""
    if start + 2 > len(value):
        raise _malformed(part, t("begins at octet {start} of {value}", start=start, value=len(value)))
    try:
        return sid_text(value[start : start + 8 + 4 * value[start + 1]])
    except ValueError:
        raise _malformed(part, t("no SID at octet {start}", start=start)) from None


def _acl(value: bytes, start: int, part: str) -> Acl:
    if start + _ACL_HEADER.size > len(value):
        raise _malformed(part, t("begins at octet {start} of {value}", start=start, value=len(value)))
    revision, _, size, count, _ = _ACL_HEADER.unpack_from(value, start)
    end = start + size
    if revision not in {_ACL_REVISION, _ACL_REVISION_DS} or size < _ACL_HEADER.size or end > len(value):
        raise _malformed(
            part,
            t(
                "revision {revision}, {size} octets from {start} of {value}",
                revision=revision,
                size=size,
                start=start,
                value=len(value),
            ),
        )
    return Acl(tuple(_aces(value[start + _ACL_HEADER.size : end], count, part)), revision)


def _aces(body: bytes, count: int, part: str) -> Iterable[Ace | OpaqueAce]:
    at = 0
    for number in range(1, count + 1):
        where = f"{part} entry {number} of {count}"
        if at + _ACE_HEADER.size > len(body):
            raise _malformed(where, t("the list ends before it"))
        kind, flags, size = _ACE_HEADER.unpack_from(body, at)
        if size < _ACE_HEADER.size or size % 4 or at + size > len(body):
            raise _malformed(where, t("{size} octets of {body} that are left", size=size, body=len(body) - at))
        yield _ace(kind, AceFlag(flags), body[at + _ACE_HEADER.size : at + size], where)
        at += size


def _ace(kind: int, flags: AceFlag, body: bytes, where: str) -> Ace | OpaqueAce:
    if kind not in _PLAIN and kind not in _OBJECT:
        return OpaqueAce(kind, flags, body)
    at = 4 if kind in _PLAIN else 8
    if len(body) < at:
        raise _malformed(where, t("too short for its mask"))
    guids: list[str | None] = [None, None]
    if kind in _OBJECT:
        (present,) = struct.unpack_from("<I", body, 4)
        for index, bit in enumerate((_OBJECT_TYPE_PRESENT, _INHERITED_OBJECT_TYPE_PRESENT)):
            if present & bit:
                if len(body) < at + 16:
                    raise _malformed(where, t("too short for its object types"))
                guids[index] = guid_text(body[at : at + 16])
                at += 16
    (mask,) = struct.unpack_from("<I", body)
    sid = _sid(body, at, where)
    return Ace(AceType(kind), sid, AccessMask(mask), flags, guids[0], guids[1])
