"""The types of Microsoft Graph that the rehearsal covers, read from Microsoft's own metadata (CSDL).

``v1.0.xml`` is the public v1.0 metadata reduced to these types; ``beta.xml`` holds what beta adds to them. Names, types
and nullability come from there, so that ``$metadata``, ``$select``, ``$filter`` and every answer agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from xml.etree import ElementTree

_EDM = "http://docs.oasis-open.org/odata/ns/edm"
_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Property:
    """A structural property. ``type`` is ``Edm.…`` or the name of a covered type without its namespace."""

    name: str
    type: str
    collection: bool
    nullable: bool


@dataclass(frozen=True)
class MetadataType:
    """An entity, complex or enumeration type with what it inherits.

    Attributes:
        name: Without namespace.
        properties: By name, the base type's first.
        relations: Navigation properties, by name, to the name of their type.
        members: Values of an enumeration, otherwise empty.
        flags: Whether several of them may stand together, joined by commas.
        open: Whether it may carry properties that it does not declare.
    """

    name: str
    properties: Mapping[str, Property]
    relations: Mapping[str, str]
    members: frozenset[str]
    flags: bool
    open: bool

    def spelled(self, name: str) -> str:
        """A property or relation as Microsoft writes it, whatever its case; another name stays as it is."""
        return self._spelling.get(name.casefold(), name)

    @cached_property
    def _spelling(self) -> Mapping[str, str]:
        return {name.casefold(): name for name in (*self.relations, *self.properties)}


NAMES_IN_BETA = {"groupSettings": "settings", "groupSettingTemplates": "directorySettingTemplates"}
"""Entity sets of another name in beta ("directorySetting resource type")."""


def csdl(version: str) -> bytes:
    """The body of ``$metadata`` for ``v1.0`` or ``beta``."""
    return _documents(version)[1]


@cache
def types(version: str) -> Mapping[str, MetadataType]:
    """Every covered type of a version by name."""
    schema = _documents(version)[0]
    declared = {
        str(element.get("Name")): element
        for element in schema
        if element.tag in {f"{{{_EDM}}}{kind}" for kind in ("EntityType", "ComplexType", "EnumType")}
    }
    return {name: _type(name, declared) for name in declared}


@cache
def entity_sets(version: str) -> Mapping[str, str]:
    """What a path begins with, entity sets and singletons, to the name of their type."""
    tags = (f"{{{_EDM}}}EntitySet", f"{{{_EDM}}}Singleton")
    found = (element for element in _documents(version)[0].iter() if element.tag in tags)
    return {str(one.get("Name")): _bare(str(one.get("EntityType") or one.get("Type")))[0] for one in found}


@cache
def parameters(action: str, version: str) -> MetadataType:
    """Parameters of an action's body as a type; raises KeyError for an action that is not covered."""
    for element in _documents(version)[0].findall(f"{{{_EDM}}}Action"):
        if element.get("Name") == action:
            given = [_property(one) for one in element.findall(f"{{{_EDM}}}Parameter")][1:]
            return MetadataType(action, {one.name: one for one in given}, {}, frozenset(), flags=False, open=False)
    raise KeyError(action)


def _type(name: str, declared: Mapping[str, ElementTree.Element]) -> MetadataType:
    chain = list(_chain(name, declared))
    elements = [child for element in reversed(chain) for child in element]
    properties = [_property(child) for child in elements if child.tag == f"{{{_EDM}}}Property"]
    relations = [child for child in elements if child.tag == f"{{{_EDM}}}NavigationProperty"]
    return MetadataType(
        name,
        {one.name: one for one in properties},
        {str(child.get("Name")): _bare(str(child.get("Type")))[0] for child in relations},
        frozenset(str(child.get("Name")) for child in elements if child.tag == f"{{{_EDM}}}Member"),
        any(element.get("IsFlags") == "true" for element in chain),
        any(element.get("OpenType") == "true" for element in chain),
    )


def _chain(name: str | None, declared: Mapping[str, ElementTree.Element]) -> Iterator[ElementTree.Element]:
    while name is not None:
        element = declared[name]
        yield element
        base = element.get("BaseType")
        name = None if base is None else _bare(base)[0]


def _property(element: ElementTree.Element) -> Property:
    name, collection = _bare(str(element.get("Type")))
    return Property(str(element.get("Name")), name, collection, element.get("Nullable") != "false")


def _bare(text: str) -> tuple[str, bool]:
    """Type name without namespace, and whether it is a collection."""
    inner = text.removeprefix("Collection(").removesuffix(")")
    return inner.removeprefix("microsoft.graph.").removeprefix("graph."), inner != text


@cache
def _documents(version: str) -> tuple[ElementTree.Element, bytes]:
    """The schema element and the whole document."""
    ElementTree.register_namespace("edmx", _EDMX)
    ElementTree.register_namespace("", _EDM)
    document = _read("v1.0")
    schema = _schema(document)
    if version == "beta":
        _merge(schema, _schema(_read("beta")))
        for element in schema.iter(f"{{{_EDM}}}EntitySet"):
            name = str(element.get("Name"))
            element.set("Name", NAMES_IN_BETA.get(name, name))
    return schema, ElementTree.tostring(document, encoding="utf-8", xml_declaration=True)


def _read(version: str) -> ElementTree.Element:
    # Our own file: nothing in it was sent by anybody.
    return ElementTree.parse(_FOLDER / f"{version}.xml").getroot()  # noqa: S314


def _schema(document: ElementTree.Element) -> ElementTree.Element:
    found = document.find(f"{{{_EDMX}}}DataServices/{{{_EDM}}}Schema")
    if found is None:
        raise ValueError("the metadata file holds no schema")
    return found


def _merge(schema: ElementTree.Element, additions: ElementTree.Element) -> None:
    known = {(element.tag, element.get("Name")): element for element in schema}
    for place, addition in enumerate(additions):
        present = known.get((addition.tag, addition.get("Name")))
        if present is None:
            schema.insert(place, addition)
        else:
            present.extend(addition)
