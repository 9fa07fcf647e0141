"""An object as a search shows it: which attributes, in which ranges, computed ones included."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from rehearsal.directory.schema import Attribute
from rehearsal.directory.subschema import attribute_types, object_classes
from rehearsal.directory.tree import Guid, Node

if TYPE_CHECKING:
    from rehearsal.directory.store import DirectoryStore

MAX_VALUES = 1500
"""MaxValRange: values of one attribute in one answer."""
_RANGE = re.compile(r"range=(\d+)-(\d+|\*)", re.IGNORECASE)

Shown = tuple[str, Sequence[bytes]]


class Projection:
    """The attributes that a search asks for, prepared once and applied to every object found."""

    def __init__(self, store: DirectoryStore, requested: Sequence[str], *, types_only: bool = False) -> None:
        self._store = store
        self._types_only = types_only
        self._all = not requested or "*" in requested
        self._picked: list[tuple[Attribute, str, tuple[int, int] | None]] = []
        for name in dict.fromkeys(requested):
            base, _, option = name.partition(";")
            attribute = store.tree.schema.attribute(base)
            bounds = _bounds(option)
            if attribute is not None and (not option or bounds is not None):
                self._picked.append((attribute, base if base[:1].isdigit() else attribute.name, bounds))
        schema = store.tree.schema
        links = ((item, schema.partner(item)) for item in schema.attributes if item.is_back_link)
        self._back_links = [(item, forward.name) for item, forward in links if forward is not None]

    def show(self, node: Node, account: Guid) -> Iterator[Shown]:
        """Names and values of one object."""
        if self._all:
            yield from self._everything(node)
        for attribute, name, bounds in self._picked:
            if not self._all or attribute.constructed or bounds is not None:
                values = self._values(node, attribute, account)
                yield from self._ranged(attribute, name, values, bounds)

    def _everything(self, node: Node) -> Iterator[Shown]:
        for name, values in node.attributes.items():
            yield self._typed(name, values)
        yield self._typed("distinguishedName", (self._store.tree.dn(node.guid).encode("utf-8"),))
        for name in node.links:
            attribute = self._store.tree.schema.attribute(name)
            if attribute is not None:
                yield from self._ranged(attribute, name, node.links[name], None)
        for attribute, forward in self._back_links:
            sources = self._store.tree.sources(forward, node.guid)
            if sources:
                yield from self._ranged(attribute, attribute.name, sources, None)

    def _values(self, node: Node, attribute: Attribute, account: Guid) -> Iterable[bytes]:
        if attribute.is_reference and attribute.name != "distinguishedName":
            return self._store.tree.references(node, attribute)
        computed = _COMPUTED.get(attribute.name)
        if computed is not None:
            return computed(self._store, node, account)
        return node.attributes.get(attribute.name, ())

    def _ranged(
        self, attribute: Attribute, name: str, values: Iterable[bytes], bounds: tuple[int, int] | None
    ) -> Iterator[Shown]:
        """The values, or the part of them that is asked for or fits, under a name that tells which part it is.

        Asked for without a range, too many values come as AD sends them: an empty attribute, and the first range.
        """
        count = len(values) if isinstance(values, dict | tuple | list) else sum(1 for _ in values)
        if bounds is None and count <= MAX_VALUES:
            if count:
                yield self._typed(name, self._texts(attribute, values))
            return
        low, high = bounds if bounds is not None else (0, count)
        if low >= count:
            return
        stop = min(count, high + 1, low + MAX_VALUES)
        end = "*" if stop == count else str(stop - 1)
        if bounds is None:
            yield name, ()
        part = self._texts(attribute, islice(iter(values), low, stop))
        yield self._typed(f"{name};range={low}-{end}", part)

    def _texts(self, attribute: Attribute, values: Iterable[bytes]) -> Sequence[bytes]:
        if attribute.is_reference and attribute.name != "distinguishedName":
            return [self._store.tree.dn(guid).encode("utf-8") for guid in values]
        return tuple(values)

    def _typed(self, name: str, values: Sequence[bytes]) -> Shown:
        return name, () if self._types_only else values


def _bounds(option: str) -> tuple[int, int] | None:
    match = _RANGE.fullmatch(option)
    if match is None:
        return None
    low, high = int(match[1]), (1 << 62) if match[2] == "*" else int(match[2])
    return (low, high) if low <= high else None


def _allowed(store: DirectoryStore, node: Node, _: Guid) -> list[bytes]:
    return sorted(name.encode("ascii") for name in store.tree.schema.allowed(node.classes)[1])


def _allowed_effective(store: DirectoryStore, node: Node, account: Guid) -> list[bytes]:
    if not store.rights.may_change(store.tree, account, node.guid):
        return []
    names = store.tree.schema.allowed(node.classes)[1]
    known = [store.tree.schema.attribute(name) for name in sorted(names)]
    writable = [item for item in known if item and not (item.system_only or item.constructed or item.is_back_link)]
    return [item.name.encode("ascii") for item in writable]


def _child_classes_effective(store: DirectoryStore, node: Node, account: Guid) -> list[bytes]:
    if not store.rights.may_write(store.tree, account, node.guid):
        return []
    own = set(node.classes)
    return [item.name.encode("ascii") for item in store.tree.schema.classes if own & set(item.superiors)]


def _is_subschema(node: Node) -> bool:
    return "subSchema" in node.classes


def _canonical_name(store: DirectoryStore, node: Node, _: Guid) -> list[bytes]:
    above = [store.tree.nodes[guid] for guid in store.tree.ancestors(node.guid)]
    path = "/".join(item.rdn[1].replace("/", "\\/") for item in reversed(above[:-1]))
    return [f"{store.domain}/{path}".encode()]


def _primary_group_token(_store: DirectoryStore, node: Node, _: Guid) -> list[bytes]:
    sid = node.attributes.get("objectSid", (b"",))[0]
    return [b"%d" % int.from_bytes(sid[-4:], "little")] if "group" in node.classes and sid else []


_COMPUTED: dict[str, Callable[[DirectoryStore, Node, Guid], Iterable[bytes]]] = {
    "distinguishedName": lambda store, node, _: [store.tree.dn(node.guid).encode("utf-8")],
    "canonicalName": _canonical_name,
    "structuralObjectClass": lambda _store, node, _: node.attributes["objectClass"],
    "createTimeStamp": lambda _store, node, _: node.attributes.get("whenCreated", ()),
    "modifyTimeStamp": lambda _store, node, _: node.attributes.get("whenChanged", ()),
    "subSchemaSubEntry": lambda store, _node, _: [f"CN=Aggregate,{store.schema_dn}".encode()],
    "primaryGroupToken": _primary_group_token,
    "attributeTypes": lambda store, node, _: attribute_types(store.tree.schema) if _is_subschema(node) else (),
    "objectClasses": lambda store, node, _: object_classes(store.tree.schema) if _is_subschema(node) else (),
    "allowedAttributes": _allowed,
    "allowedAttributesEffective": _allowed_effective,
    "allowedChildClassesEffective": _child_classes_effective,
}
