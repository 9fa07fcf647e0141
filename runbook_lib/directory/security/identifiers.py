"""GUIDs that access control entries refer to, by name.

``identifiers.csv`` lists them with the public document that defines them. A forest's own schema is the last word on its
classes and attributes (schemaIDGUID and attributeSecurityGUID below the schema naming context); Exchange's attributes,
for example, are not listed here.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files


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
    text = files("runbook_lib.directory.security").joinpath("identifiers.csv").read_text(encoding="utf-8")
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
