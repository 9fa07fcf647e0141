"""Many objects at once, as the system: what ``store.add`` does to one, without checks, and with everything shared that
objects of one class have in common. Ten thousand groups are there in a second."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rehearsal.directory import accounts
from rehearsal.directory.descriptors import ATTRIBUTE
from rehearsal.directory.lifecycle import Given
from rehearsal.directory.names import Rdn, parse_dn
from rehearsal.directory.rights import SYSTEM, ObjectStore
from rehearsal.directory.schema import Attribute
from rehearsal.directory.tree import Guid, Node
from rehearsal.directory.values import format_time
from runbook_lib.directory.search import sid_bytes

_OWN = frozenset({"objectclass", "objectguid"})


@dataclass(slots=True)
class _Mould:
    """What objects of one class in one container share."""

    classes: tuple[bytes, ...]
    category: dict[Guid, None]
    defaults: dict[str, tuple[bytes, ...]]
    is_account: bool
    descriptor: tuple[bytes, ...] | None = None


class BulkLoad:
    """Loads into one store. Names of objects loaded before are known without a search."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._names: dict[str, Guid] = {}
        self._moulds: dict[tuple[str, Guid], _Mould] = {}
        self._attributes: dict[str, Attribute] = {}
        self._now = (format_time(store.clock()),)

    def add(self, dn: str, given: Given) -> Guid:
        """Create one object and return its objectGUID.

        The caller vouches for the values: syntax, uniqueness and the class are not checked.

        Raises:
            LookupError: The parent, or an object that a value names, is not there; an attribute or class is unknown.
        """
        store = self._store
        rdn, parent = self._place(dn)
        mould = self._mould(given, parent)
        draft = Node(self._identity(given), 0, parent, rdn)
        name = (rdn[1].encode("utf-8"),)
        draft.attributes = {"objectClass": mould.classes}
        for key, value in given.items():
            if key.lower() not in _OWN:
                self._take(draft, key, [value] if isinstance(value, str | bytes) else value)
        draft.attributes |= {self._attribute(rdn[0]).name: name, "name": name, "objectGUID": (draft.guid,)}
        draft.attributes["whenCreated"] = self._now
        for key, values in mould.defaults.items():
            draft.attributes.setdefault(key, values)
        if mould.category:
            draft.links["objectCategory"] = mould.category
        if mould.is_account:
            self._finish_account(draft)
        self._describe(draft, mould)
        store.commit(draft)
        self._names[dn] = draft.guid
        return draft.guid

    def _identity(self, given: Given) -> Guid:
        brought = given.get("objectGUID")
        if isinstance(brought, bytes):
            return brought
        return (uuid.UUID(brought) if isinstance(brought, str) else self._store.guid_source()).bytes_le

    def _place(self, dn: str) -> tuple[Rdn, Guid]:
        """RDN and parent; the parent's name stands behind the first comma that is not escaped."""
        end = dn.index(",")
        while dn[:end].endswith("\\") and not dn[:end].endswith("\\\\"):
            end = dn.index(",", end + 1)
        ((attribute, value),) = parse_dn(dn[:end])
        return (attribute.upper(), value), self._guid(dn[end + 1 :])

    def _guid(self, dn: str) -> Guid:
        known = self._names.get(dn)
        if known is None:
            known = self._names[dn] = self._store.node(dn).guid
        return known

    def _attribute(self, name: str) -> Attribute:
        known = self._attributes.get(name)
        if known is None:
            found = self._store.tree.schema.attribute(name)
            if found is None:
                raise LookupError(name)
            known = self._attributes[name] = found
        return known

    def _mould(self, given: Given, parent: Guid) -> _Mould:
        kinds = given["objectClass"]
        name = kinds if isinstance(kinds, str) else str(kinds[-1])
        known = self._moulds.get((name, parent))
        if known is None:
            known = self._moulds[name, parent] = self._made(name, parent)
        return known

    def _made(self, name: str, parent: Guid) -> _Mould:
        """By way of an object that is never put in place."""
        schema = self._store.tree.schema
        kind = schema.object_class(name)
        if kind is None:
            raise LookupError(name)
        names = schema.chain(name)
        pattern = Node(bytes(16), 0, parent, ("CN", "pattern"))
        pattern.attributes["objectClass"] = tuple(item.encode("ascii") for item in names)
        is_account = accounts.is_account(names)
        if is_account:
            pattern.attributes["sAMAccountName"] = (b"",)
            accounts.set_defaults(pattern, enabled=True)
        own = ("objectClass", "sAMAccountName")
        defaults = {key: values for key, values in pattern.attributes.items() if key not in own}
        category = self._store.category(kind)
        links: dict[Guid, None] = {category: None} if category is not None else {}
        return _Mould(pattern.attributes["objectClass"], links, {"instanceType": (b"4",), **defaults}, is_account)

    def _take(self, draft: Node, name: str, values: Sequence[str | bytes]) -> None:
        attribute = self._attribute(name)
        texts = [value.encode("utf-8") if isinstance(value, str) else value for value in values]
        if attribute.is_reference:
            draft.links[attribute.name] = {self._guid(text.decode("utf-8")): None for text in texts}
        elif attribute.name == "objectSid" and texts[0].startswith(b"S-"):
            draft.attributes["objectSid"] = (sid_bytes(texts[0].decode("ascii")),)
        elif texts:
            draft.attributes[attribute.name] = tuple(texts)

    def _finish_account(self, draft: Node) -> None:
        if "sAMAccountName" not in draft.attributes:
            draft.attributes["sAMAccountName"] = (accounts.default_name(draft.guid),)
        if "objectSid" not in draft.attributes:
            draft.attributes["objectSid"] = (self._store.next_sid(draft.parent),)
        draft.attributes["sAMAccountType"] = (accounts.account_type(draft),)

    def _describe(self, draft: Node, mould: _Mould) -> None:
        """One descriptor for all of a mould, but for objects that bring one or that AdminSDHolder guards."""
        plain = ATTRIBUTE not in draft.attributes and "adminCount" not in draft.attributes
        if plain and mould.descriptor is not None:
            draft.attributes[ATTRIBUTE] = mould.descriptor
            return
        self._store.descriptors.set_up(draft, *self._store.rights.creator(SYSTEM, draft.parent or draft.guid))
        if plain:
            mould.descriptor = draft.attributes[ATTRIBUTE]


def load(store: ObjectStore, objects: Iterable[tuple[str, Given]]) -> int:
    """Create objects, parents and members before those that name them, and return how many; see ``BulkLoad.add``."""
    bulk = BulkLoad(store)
    count = 0
    for dn, given in objects:
        bulk.add(dn, given)
        count += 1
    return count
