"""The directory's schema: attributes and classes, read from data files, extensible as Exchange's setup extends it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from rehearsal.directory.values import REFERENCE

_DATA = Path(__file__).parent / "data"
INDEXED, RESOLVED, PRESERVED_ON_DELETE, CONFIDENTIAL = 1, 4, 8, 128
"""Bits of searchFlags ([MS-ADTS], section 2.2.10)."""
_CONSTRUCTED = 4
"""Bit of an attribute's systemFlags: computed when asked for, never stored."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attributeSchema object. ``row`` holds the columns of the data file as text."""

    name: str
    syntax: str
    single: bool
    lower: int | None
    upper: int | None
    search_flags: int
    link: int | None
    """linkID: even is a forward link, the odd number behind it its back link."""
    system_only: bool
    constructed: bool
    object_types: tuple[str, ...]
    """GUIDs by which access control entries mean it: its own, and its property set's."""
    row: dict[str, str]

    @property
    def is_back_link(self) -> bool:
        """Whether the values are computed from another attribute's."""
        return self.link is not None and self.link % 2 == 1

    @property
    def is_reference(self) -> bool:
        """Whether the values name objects, so that they follow renames."""
        return self.syntax == REFERENCE


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """A classSchema object."""

    name: str
    parent: str
    category: int
    """objectClassCategory: 1 structural, 2 abstract, 3 auxiliary, 0 the old kind that may be structural."""
    rdn_attribute: str
    default_category: str
    superiors: tuple[str, ...]
    auxiliary: tuple[str, ...]
    must: tuple[str, ...]
    may: tuple[str, ...]
    row: dict[str, str]


class Schema:
    """Immutable: an extension is a new schema. Lookups ignore case."""

    def __init__(self, attributes: Iterable[Attribute], classes: Iterable[ObjectClass]) -> None:
        self._attributes = {attribute.name.lower(): attribute for attribute in attributes}
        self._classes = {object_class.name.lower(): object_class for object_class in classes}
        self._by_link = {attribute.link: attribute for attribute in self.attributes if attribute.link is not None}
        self.back_links = frozenset(attribute.name for attribute in self.attributes if attribute.is_back_link)
        self.confidential = frozenset(item.name for item in self.attributes if item.search_flags & CONFIDENTIAL)
        self.computed = frozenset(
            item.name for item in self.attributes if item.constructed and item.name != "distinguishedName"
        )
        self._allowed: dict[tuple[str, ...], tuple[frozenset[str], frozenset[str]]] = {}

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """All of them."""
        return tuple(self._attributes.values())

    @property
    def classes(self) -> tuple[ObjectClass, ...]:
        """All of them."""
        return tuple(self._classes.values())

    def attribute(self, name: str) -> Attribute | None:
        """By lDAPDisplayName or OID."""
        return self._attributes.get(name.lower()) or (self._by_oid.get(name) if name[:1].isdigit() else None)

    def object_class(self, name: str) -> ObjectClass | None:
        """By lDAPDisplayName."""
        return self._classes.get(name.lower())

    @cached_property
    def _by_oid(self) -> dict[str, Attribute]:
        return {attribute.row["attributeID"]: attribute for attribute in self.attributes}

    def partner(self, attribute: Attribute) -> Attribute | None:
        """The forward link of a back link, and the other way round."""
        return None if attribute.link is None else self._by_link.get(attribute.link ^ 1)

    def chain(self, name: str) -> tuple[str, ...]:
        """The class and its parents, ``top`` first; raises KeyError for an unknown class."""
        names: list[str] = []
        current = self._classes[name.lower()]
        while True:
            names.append(current.name)
            if current.name == "top":
                return tuple(reversed(names))
            current = self._classes[current.parent.lower()]

    def structural(self, classes: Iterable[str]) -> ObjectClass:
        """The most specific class of an object's objectClass values, which are in AD's order."""
        return self._classes[list(classes)[-1].lower()]

    def allowed(self, classes: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
        """Names that objects of these classes must and may carry; ``must`` is part of ``may``."""
        if classes not in self._allowed:
            found = set(self._with_auxiliary(classes))
            must = frozenset(name for item in found for name in self._classes[item].must)
            may = must | {name for item in found for name in self._classes[item].may}
            self._allowed[classes] = must, may
        return self._allowed[classes]

    def _with_auxiliary(self, classes: Iterable[str]) -> Iterator[str]:
        for name in classes:
            for item in self.chain(name):
                yield item.lower()
                yield from self._with_auxiliary(self._classes[item.lower()].auxiliary)

    def extended(self, attributes: Iterable[Attribute], classes: Iterable[ObjectClass]) -> Schema:
        """With more of both; those of the same name are replaced."""
        more = Schema(attributes, classes)
        return Schema(
            {**self._attributes, **more._attributes}.values(),
            {**self._classes, **more._classes}.values(),
        )


def load_schema() -> Schema:
    """The schema of a forest at the level of Windows Server 2016, as far as the embedded directory uses it."""
    return Schema(_attributes("attributes.csv"), _classes("classes.csv"))


def extend_for_exchange(schema: Schema, range_upper: int) -> Schema:
    """With Exchange's attributes and classes; ``range_upper`` of ms-Exch-Schema-Version-Pt tells the version.

    Exchange's own classes hang the attributes on recipients by auxiliary classes of mailRecipient; here mailRecipient
    takes them itself.
    """
    attributes = [
        replace(item, upper=range_upper, row={**item.row, "rangeUpper": str(range_upper)})
        if item.name == "msExchSchemaVersionPt"
        else item
        for item in _attributes("exchange-attributes.csv")
    ]
    plain = schema.object_class("top")
    default = plain.row["defaultSecurityDescriptor"] if plain is not None else ""
    classes = [class_of({**row, "defaultSecurityDescriptor": default}) for row in _rows("exchange-classes.csv")]
    taken = {name for item in classes for name in item.may}
    recipient = schema.object_class("mailRecipient")
    if recipient is None:
        raise LookupError("mailRecipient")
    added = [item.name for item in attributes if item.name not in taken | {"msExchSchemaVersionPt"}]
    names = list(dict.fromkeys([*recipient.row["mayContain"].split(), *added]))
    row = {**recipient.row, "mayContain": " ".join(names)}
    return schema.extended(attributes, [*classes, class_of(row)])


def _rows(file: str) -> Iterator[dict[str, str]]:
    with (_DATA / file).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(line for line in lines if not line.startswith("#"))


def _attributes(file: str) -> list[Attribute]:
    return [attribute_of(row) for row in _rows(file)]


def attribute_of(row: dict[str, str]) -> Attribute:
    """An attribute of the columns of a data file."""

    def number(column: str) -> int | None:
        return int(row[column]) if row[column] else None

    return Attribute(
        name=row["lDAPDisplayName"],
        syntax=row["attributeSyntax"],
        single=row["isSingleValued"] == "TRUE",
        lower=number("rangeLower"),
        upper=number("rangeUpper"),
        search_flags=int(row["searchFlags"]),
        link=number("linkID"),
        system_only=row["systemOnly"] == "TRUE",
        constructed=bool(int(row["systemFlags"]) & _CONSTRUCTED),
        object_types=tuple(guid for guid in (row["schemaIDGUID"], row.get("attributeSecurityGUID")) if guid),
        row=row,
    )


def _classes(file: str) -> list[ObjectClass]:
    return [class_of(row) for row in _rows(file)]


def class_of(row: dict[str, str]) -> ObjectClass:
    """A class of the columns of a data file."""

    def names(*columns: str) -> tuple[str, ...]:
        return tuple(name for column in columns for name in row[column].split())

    return ObjectClass(
        name=row["lDAPDisplayName"],
        parent=row["subClassOf"],
        category=int(row["objectClassCategory"]),
        rdn_attribute=row["rDNAttID"] or "cn",
        default_category=row["defaultObjectCategory"],
        superiors=names("possSuperiors", "systemPossSuperiors"),
        auxiliary=names("auxiliaryClass", "systemAuxiliaryClass"),
        must=names("mustContain", "systemMustContain"),
        may=names("mayContain", "systemMayContain"),
        row=row,
    )
