"""Access rights, well-known SIDs, and the GUIDs that access control entries refer to, by name."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import IntFlag, StrEnum
from functools import cache
from importlib.resources import files


class AccessMask(IntFlag):
    """Bits of an access mask. Unknown bits are kept, so a mask survives being read and written."""

    CREATE_CHILD = 0x1
    DELETE_CHILD = 0x2
    LIST_CONTENTS = 0x4
    VALIDATED_WRITE = 0x8
    READ_PROPERTY = 0x10
    WRITE_PROPERTY = 0x20
    DELETE_TREE = 0x40
    LIST_OBJECT = 0x80
    CONTROL_ACCESS = 0x100
    """Extended rights; the object type says which."""
    DELETE = 0x10000
    READ_CONTROL = 0x20000
    WRITE_DAC = 0x40000
    WRITE_OWNER = 0x80000
    SYNCHRONIZE = 0x100000
    ACCESS_SYSTEM_SECURITY = 0x1000000
    MAXIMUM_ALLOWED = 0x2000000
    GENERIC_ALL = 0x10000000
    GENERIC_EXECUTE = 0x20000000
    GENERIC_WRITE = 0x40000000
    GENERIC_READ = 0x80000000

    FULL_CONTROL = 0xF01FF
    """What GENERIC_ALL stands for on a directory object."""


_GENERIC = (
    (AccessMask.GENERIC_READ, AccessMask(0x20094)),
    (AccessMask.GENERIC_WRITE, AccessMask(0x20028)),
    (AccessMask.GENERIC_EXECUTE, AccessMask(0x20004)),
    (AccessMask.GENERIC_ALL, AccessMask.FULL_CONTROL),
)


def expand_generic(mask: int) -> AccessMask:
    """The mask with each generic bit replaced by the directory rights it stands for ([MS-ADTS] 5.1.3.2)."""
    expanded = AccessMask(mask)
    for generic, meant in _GENERIC:
        if expanded & generic:
            expanded = (expanded & ~generic) | meant
    return expanded


class WellKnownSid(StrEnum):
    """SIDs without a domain in them."""

    EVERYONE = "S-1-1-0"
    CREATOR_OWNER = "S-1-3-0"
    CREATOR_GROUP = "S-1-3-1"
    OWNER_RIGHTS = "S-1-3-4"
    """An entry for it takes the place of what owners may do otherwise: read the descriptor and change its DACL."""
    NETWORK = "S-1-5-2"
    ANONYMOUS = "S-1-5-7"
    ENTERPRISE_DOMAIN_CONTROLLERS = "S-1-5-9"
    SELF = "S-1-5-10"
    """The object itself: an account that is checked against its own descriptor, or a group's members."""
    AUTHENTICATED_USERS = "S-1-5-11"
    THIS_ORGANIZATION = "S-1-5-15"
    LOCAL_SYSTEM = "S-1-5-18"
    ADMINISTRATORS = "S-1-5-32-544"
    USERS = "S-1-5-32-545"
    ACCOUNT_OPERATORS = "S-1-5-32-548"
    PRE_WINDOWS_2000_ACCESS = "S-1-5-32-554"


class GuidKind(StrEnum):
    """What a GUID in an entry stands for."""

    CLASS = "class"
    ATTRIBUTE = "attribute"
    PROPERTY_SET = "property-set"
    EXTENDED_RIGHT = "extended-right"
    VALIDATED_WRITE = "validated-write"


@dataclass(frozen=True, slots=True)
class KnownGuid:
    """A named GUID.

    Attributes:
        name: lDAPDisplayName of classes and attributes, the name that [MS-ADTS] gives to the others.
        guid: Lower-case text.
        property_set: GUID of the property set that an attribute belongs to in the base schema; None for none.
    """

    kind: GuidKind
    name: str
    guid: str
    property_set: str | None


@cache
def known_guids() -> tuple[KnownGuid, ...]:
    """All of them, in the order of the data file."""
    text = files("runbook_lib.directory.rights").joinpath("identifiers.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        KnownGuid(GuidKind(row["kind"]), row["name"], row["guid"], row["property_set"] or None) for row in rows
    )


@cache
def _by_name() -> dict[tuple[GuidKind, str], str]:
    return {(item.kind, item.name.lower()): item.guid for item in known_guids()}


def guid_of(kind: GuidKind, name: str) -> str:
    """The GUID of that name, in any case; raises LookupError where the list has none."""
    try:
        return _by_name()[kind, name.lower()]
    except KeyError:
        raise LookupError(f"no {kind.value} named {name!r} in the list of known GUIDs") from None
