"""The objects and their indexes. Knows names, links and values; nothing of rights, defaults or LDAP."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from rehearsal.directory.names import Rdn, dn_key, format_rdn, rdn_key
from rehearsal.directory.schema import INDEXED, Attribute, Schema
from rehearsal.directory.values import INTEGER_SYNTAXES, TIME, Key, value_key
from runbook_lib.directory.search import sid_bytes

Guid = bytes
"""The sixteen octets of objectGUID."""
_INDEXED_TOO = ("objectClass", "adminDescription", "extensionName")
"""The first AD indexes by other means; the others keep the rehearsal quick, results are the same."""
_NOTHING: dict[Guid, None] = {}


@dataclass(slots=True)
class Node:
    """One object. Treated as immutable once committed: who changes one commits a changed copy.

    Attributes:
        rdn: Attribute name in upper case and value.
        attributes: Stored values by lDAPDisplayName, references and computed ones not among them.
        links: Objects that an attribute of DN syntax names, in the order in which they were added.
        parked: Links that the Recycle Bin keeps of a deleted object: (attribute, the one that holds it, its target).
    """

    guid: Guid
    number: int
    parent: Guid | None
    rdn: Rdn
    attributes: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    links: dict[str, dict[Guid, None]] = field(default_factory=dict)
    parked: tuple[tuple[str, Guid, Guid], ...] = ()

    def copy(self) -> Node:
        """A draft to change."""
        return replace(
            self,
            attributes=dict(self.attributes),
            links={name: dict(targets) for name, targets in self.links.items()},
        )

    def text(self, name: str) -> str:
        """The first value as text, empty where there is none."""
        values = self.attributes.get(name)
        return values[0].decode("utf-8") if values else ""

    @property
    def classes(self) -> tuple[str, ...]:
        """objectClass, ``top`` first."""
        return tuple(value.decode("ascii") for value in self.attributes["objectClass"])

    @property
    def deleted(self) -> bool:
        """Whether only a search that asks for deleted objects finds it."""
        return self.attributes.get("isDeleted") == (b"TRUE",)

    @property
    def recycled(self) -> bool:
        """Whether only a search that asks for recycled objects finds it, and nothing brings it back."""
        return self.attributes.get("isRecycled") == (b"TRUE",)

    @property
    def vanished(self) -> int:
        """0 for an object that is there, 1 for a deleted one, 2 for a recycled one."""
        return self.deleted + self.recycled


def _without(links: dict[Guid, None], guid: Guid) -> dict[Guid, None]:
    return {target: None for target in links if target != guid}


class Tree:
    """All objects of a forest, below one root, its first domain."""

    def __init__(self, schema: Schema, base_dn: str) -> None:
        self.schema = schema
        self.base_dn = base_dn
        self.heads: set[Guid] = set()
        """Heads of naming contexts."""
        self._base_key = dn_key(base_dn)
        self._syntaxes: dict[str, str] = {}
        self._syntaxes_of: Schema | None = None
        """Schema for which ``_syntaxes`` says what is indexed, and how its values are compared."""
        self.version = 0
        """Counts every change."""
        self._clear()

    def _clear(self) -> None:
        self.nodes: dict[Guid, Node] = {}
        self._children: dict[Guid, dict[Rdn, Guid]] = {}
        self._sources: dict[tuple[str, Guid], dict[Guid, None]] = {}
        self._index: dict[str, dict[Key, Guid | dict[Guid, None]]] = {}
        # Most values belong to one object, and an object alone takes a tenth of the room of a dictionary of one.
        self._dns: dict[Guid, str] = {}
        self.root: Guid = b""

    # names

    def dn(self, guid: Guid) -> str:
        """Distinguished name."""
        known = self._dns.get(guid)
        if known is None:
            node = self.nodes[guid]
            known = self.base_dn if node.parent is None else f"{format_rdn(*node.rdn)},{self.dn(node.parent)}"
            self._dns[guid] = known
        return known

    def find(self, name: str) -> Node | None:
        """By DN, ``<GUID=…>`` or ``<SID=…>``; deleted objects too. Raises ValueError for a malformed name."""
        if name.startswith("<") and name.endswith(">"):
            return self._by_identifier(name[1:-1])
        node, rest = self.nearest(dn_key(name))
        return node if not rest else None

    def nearest(self, key: tuple[Rdn, ...]) -> tuple[Node | None, int]:
        """The deepest object on the way to a name, and how many components are missing; None outside the domain."""
        depth = len(key) - len(self._base_key)
        if depth < 0 or key[depth:] != self._base_key or not self.root:
            return None, len(key)
        guid = self.root
        while depth:
            child = self._children[guid].get(key[depth - 1])
            if child is None:
                break
            guid = child
            depth -= 1
        return self.nodes[guid], depth

    def _by_identifier(self, text: str) -> Node | None:
        kind, _, value = text.partition("=")
        if kind.upper() == "GUID":
            plain = len(value) == 32 and "-" not in value
            return self.nodes.get(bytes.fromhex(value) if plain else uuid.UUID(value).bytes_le)
        if kind.upper() == "SID":
            sid = sid_bytes("S" + value[1:]) if value[:2].upper() == "S-" else bytes.fromhex(value)
            found = self.indexed("objectSid", sid)
            return self.nodes[next(iter(found))] if found else None
        raise ValueError(text)

    # relations

    def child(self, parent: Guid, rdn: Rdn) -> Guid | None:
        """The object of that name directly below ``parent``."""
        return self._children[parent].get(rdn_key(rdn))

    def children(self, guid: Guid) -> Iterable[Guid]:
        """Directly below."""
        return self._children[guid].values()

    def ancestors(self, guid: Guid) -> Iterator[Guid]:
        """The object itself, then upwards to the root."""
        current: Guid | None = guid
        while current is not None:
            yield current
            current = self.nodes[current].parent

    def head(self, guid: Guid) -> Guid:
        """The head of the naming context that an object belongs to."""
        return next(above for above in self.ancestors(guid) if above in self.heads)

    def sources(self, attribute: str, target: Guid) -> dict[Guid, None]:
        """The objects whose link ``attribute`` names ``target``; not to be changed."""
        return self._sources.get((attribute, target), _NOTHING)

    def references(self, node: Node, attribute: Attribute) -> dict[Guid, None]:
        """The objects that a DN-valued attribute names, a back link's values included."""
        if attribute.is_back_link:
            forward = self.schema.partner(attribute)
            return self.sources(forward.name, node.guid) if forward is not None else _NOTHING
        return node.links.get(attribute.name, _NOTHING)

    def is_indexed(self, attribute: Attribute) -> bool:
        """Whether ``indexed`` knows all its values: those of numbers and times are many, and seldom asked for."""
        if attribute.syntax in INTEGER_SYNTAXES or attribute.syntax == TIME:
            return False
        return bool(attribute.search_flags & INDEXED) or attribute.name in _INDEXED_TOO

    def indexed(self, attribute: str, key: Key) -> dict[Guid, None]:
        """The objects that carry a value; not to be changed."""
        found = self._index.get(attribute, {}).get(key, _NOTHING)
        return {found: None} if isinstance(found, bytes) else found

    def indexed_from(self, attribute: str, start: str) -> dict[Guid, None]:
        """The objects that carry a text which begins so."""
        keys = self._index.get(attribute, {})
        hits = [key for key in keys if isinstance(key, str) and key.startswith(start)]
        return {guid: None for key in hits for guid in self.indexed(attribute, key)}

    # changes

    def commit(self, node: Node) -> None:
        """Put a new or changed object in place and bring every index up to date."""
        old = self.nodes.get(node.guid)
        self.version += 1
        self._children.setdefault(node.guid, {})
        if old is None or (old.parent, old.rdn) != (node.parent, node.rdn):
            self._rehang(old, node)
        self._relink(node.guid, old.links if old else {}, node.links)
        self._reindex(node.guid, old.attributes if old else {}, node.attributes)
        self.nodes[node.guid] = node

    def _rehang(self, old: Node | None, node: Node) -> None:
        if old is not None and old.parent is not None:
            del self._children[old.parent][rdn_key(old.rdn)]
            self._dns.clear()
        if node.parent is None:
            self.root = node.guid
        else:
            self._children[node.parent][rdn_key(node.rdn)] = node.guid

    def _relink(self, guid: Guid, old: dict[str, dict[Guid, None]], new: dict[str, dict[Guid, None]]) -> None:
        for name in old.keys() | new.keys():
            attribute = self.schema.attribute(name)
            if attribute is None or attribute.link is None:
                continue
            before, after = old.get(name, {}), new.get(name, {})
            for target in before.keys() - after.keys():
                self._sources[name, target].pop(guid, None)
            for target in after:
                if target not in before:
                    self._sources.setdefault((name, target), {})[guid] = None

    def _reindex(self, guid: Guid, old: dict[str, tuple[bytes, ...]], new: dict[str, tuple[bytes, ...]]) -> None:
        if self._syntaxes_of is not self.schema:
            self._syntaxes_of = self.schema
            self._syntaxes = {item.name: item.syntax for item in self.schema.attributes if self.is_indexed(item)}
        for name in (old.keys() | new.keys() if old else new.keys()) & self._syntaxes.keys():
            before, after = old.get(name, ()), new.get(name, ())
            if before == after:
                continue
            keys = self._index.setdefault(name, {})
            for value in before:
                _forget(keys, value_key(self._syntaxes[name], value), guid)
            for value in after:
                _remember(keys, value_key(self._syntaxes[name], value), guid)

    def remove(self, guid: Guid) -> None:
        """Forget an object without children for good, and every link to it."""
        node = self.nodes[guid]
        for holder in [item for item in self.nodes.values() if any(guid in links for links in item.links.values())]:
            draft = holder.copy()
            draft.links = {name: kept for name, links in draft.links.items() if (kept := _without(links, guid))}
            self.commit(draft)
        bare = Node(guid, node.number, node.parent, node.rdn)
        self.commit(bare)
        if node.parent is not None:
            del self._children[node.parent][rdn_key(node.rdn)]
        del self.nodes[guid], self._children[guid]
        self._dns.pop(guid, None)

    def restore(self, nodes: dict[Guid, Node], schema: Schema) -> None:
        """Take over a set of objects, for example one saved earlier, and index what is not there already."""
        if schema is not self.schema:
            self._clear()
            self.schema = schema
        gone = [node for guid, node in self.nodes.items() if nodes.get(guid) is not node]
        come = [node for guid, node in nodes.items() if self.nodes.get(guid) is not node]
        for node in gone:
            if node.parent is not None:
                del self._children[node.parent][rdn_key(node.rdn)]
            self._relink(node.guid, node.links, {})
            self._reindex(node.guid, node.attributes, {})
        for node in gone:
            if node.guid not in nodes:
                del self._children[node.guid]
        for node in come:  # a child may come before its parent
            self._children.setdefault(node.guid, {})
        for node in come:
            self._rehang(None, node)
            self._relink(node.guid, {}, node.links)
            self._reindex(node.guid, {}, node.attributes)
        self.nodes = nodes
        self._dns.clear()
        self.version += 1
        self._put_in_order([*gone, *come])

    def _put_in_order(self, moved: Iterable[Node]) -> None:
        """Let children and sources that were touched stand in the order of the objects, as if indexed from nothing."""
        place = {guid: number for number, guid in enumerate(self.nodes)}
        for parent in {node.parent for node in moved if node.parent in self.nodes}:
            below = self._children[parent or b""]
            self._children[parent or b""] = dict(sorted(below.items(), key=lambda item: place[item[1]]))
        for key in {(name, target) for node in moved for name, targets in node.links.items() for target in targets}:
            if sources := self._sources.pop(key, None):
                self._sources[key] = dict.fromkeys(sorted(sources, key=place.__getitem__))


def _remember(keys: dict[Key, Guid | dict[Guid, None]], key: Key, guid: Guid) -> None:
    found = keys.get(key)
    if found is None or found == guid:
        keys[key] = guid
    elif isinstance(found, bytes):
        keys[key] = {found: None, guid: None}
    else:
        found[guid] = None


def _forget(keys: dict[Key, Guid | dict[Guid, None]], key: Key, guid: Guid) -> None:
    found = keys.get(key)
    if isinstance(found, dict):
        found.pop(guid, None)
    if found == guid or not found:
        keys.pop(key, None)
