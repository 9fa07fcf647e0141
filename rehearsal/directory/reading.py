"""An object as a search shows it: which attributes, in which ranges, computed ones included."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from rehearsal.directory import failures
from rehearsal.directory.constructed import ONE_OBJECT, REFERENCES, TOKENS, VALUES
from rehearsal.directory.descriptors import ALL_PARTS, ATTRIBUTE
from rehearsal.directory.domains import View
from rehearsal.directory.rights import ObjectStore
from rehearsal.directory.schema import Attribute
from rehearsal.directory.tree import Guid, Node
from runbook_lib.directory.search import guid_text, sid_text

_RANGE = re.compile(r"range=(\d+)-(\d+|\*)", re.IGNORECASE)

Shown = tuple[str, Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Manner:
    """How values are shown.

    Attributes:
        max_values: Values of one attribute in one answer.
        dn_form: Of the extended DN control: 0 with hexadecimal GUID and SID, 1 with their text, None plain.
        lenient: Whether a range that begins behind the last value is passed over instead of refused.
        parts: Of descriptors, as the SD flags control names them; None without the control.
        one_object: Whether the search is of base scope, which some computed attributes need.
    """

    max_values: int = 1500
    dn_form: int | None = None
    types_only: bool = False
    lenient: bool = False
    parts: int | None = None
    one_object: bool = True


class Projection:
    """The attributes that a search asks for, prepared once and applied to every object found."""

    def __init__(self, store: ObjectStore, view: View, requested: Sequence[str], manner: Manner) -> None:
        self._store = store
        self._view = view
        self._manner = manner
        self._all = not requested or "*" in requested
        named = any(name.lower() == ATTRIBUTE.lower() for name in requested)
        # With the control the descriptor is among all attributes, without it only where it is named.
        shown = named or (self._all and manner.parts is not None)
        self._parts = (manner.parts or ALL_PARTS) if shown else None
        self._picked: list[tuple[Attribute, str, tuple[int, int] | None]] = []
        for name in dict.fromkeys(requested):
            base, _, option = name.partition(";")
            attribute = store.tree.schema.attribute(base)
            bounds = _bounds(option)
            if attribute is None or (attribute.name in ONE_OBJECT and not manner.one_object):
                continue
            if (not option or bounds is not None) and view.shows(attribute):
                self._picked.append((attribute, base if base[:1].isdigit() else attribute.name, bounds))
        self._refused = not manner.one_object and bool({name.lower() for name in requested} & TOKENS)
        schema = store.tree.schema
        links = ((item, schema.partner(item)) for item in schema.attributes if item.is_back_link)
        self._back_links = [(item, forward.name) for item, forward in links if forward is not None]

    def name(self, guid: Guid) -> str:
        """The DN in the form that was asked for."""
        return self._names([guid])[0].decode("utf-8")

    def show(self, node: Node, account: Guid) -> Iterator[Shown]:
        """Names and values of one object, as far as the account may read them.

        Raises:
            LdapError: The groups of a token were asked for of more than one object.
        """
        if self._refused:
            raise failures.base_scope_only()
        hidden = self._store.rights.hidden_attributes(account, node)
        if self._all:
            yield from self._everything(node, hidden)
        if self._parts is not None and self._store.rights.may_read_descriptor(account, node, self._parts):
            yield self._typed(ATTRIBUTE, (self._store.descriptors.part(node, self._parts),))
        for attribute, name, bounds in self._picked:
            if attribute.name in hidden or attribute.name == ATTRIBUTE:
                continue
            if not self._all or attribute.constructed or bounds is not None:
                values = self._values(node, attribute, account)
                yield from self._ranged(attribute, name, values, bounds)

    def _everything(self, node: Node, hidden: frozenset[str]) -> Iterator[Shown]:
        attributes = self._store.tree.schema.attribute
        for name, values in node.attributes.items():
            attribute = attributes(name)
            if name not in hidden and name != ATTRIBUTE and (attribute is None or self._view.shows(attribute)):
                yield self._typed(name, self._view.numbers(name, values))
        if "distinguishedName" not in hidden:
            yield self._typed("distinguishedName", (self._store.tree.dn(node.guid).encode("utf-8"),))
        for name in node.links:
            attribute = attributes(name)
            if attribute is not None and name not in hidden and self._view.shows(attribute):
                yield from self._ranged(attribute, name, self._linked(node, attribute), None)
        for attribute, forward in self._back_links:
            if attribute.name not in hidden and self._store.tree.sources(forward, node.guid):
                yield from self._ranged(attribute, attribute.name, self._linked(node, attribute), None)

    def _values(self, node: Node, attribute: Attribute, account: Guid) -> Collection[bytes]:
        if attribute.is_reference and attribute.name != "distinguishedName":
            followed = REFERENCES.get(attribute.name)
            return followed(self._store, node) if followed is not None else self._linked(node, attribute)
        computed = VALUES.get(attribute.name)
        if computed is not None:
            return computed(self._store, node, account)
        return self._view.numbers(attribute.name, node.attributes.get(attribute.name, ()))

    def _linked(self, node: Node, attribute: Attribute) -> Collection[Guid]:
        found = self._store.tree.references(node, attribute)
        if attribute.is_back_link:
            return self._view.sources(self._store, attribute, found)
        return found if self._view.shows_links(attribute, node) else ()

    def _ranged(
        self, attribute: Attribute, name: str, values: Collection[bytes], bounds: tuple[int, int] | None
    ) -> Iterator[Shown]:
        """The values, or the part of them that is asked for or fits, under a name that tells which part it is.

        Asked for without a range, too many values come as AD sends them: an empty attribute, and the first range.
        """
        count, most = len(values), self._manner.max_values
        if bounds is None and count <= most:
            if count:
                yield self._typed(name, self._texts(attribute, values))
            return
        low, high = bounds if bounds is not None else (0, count)
        if low >= count:
            if count and attribute.link is not None and not self._manner.lenient:
                raise failures.range_beyond_values()
            return
        stop = min(count, high + 1, low + most)
        end = "*" if stop == count else str(stop - 1)
        if bounds is None:
            yield name, ()
        part = self._texts(attribute, tuple(islice(values, low, stop)))
        yield self._typed(f"{name};range={low}-{end}", part)

    def _texts(self, attribute: Attribute, values: Collection[bytes]) -> Sequence[bytes]:
        if attribute.is_reference and attribute.name != "distinguishedName":
            return self._names(values)
        return values if isinstance(values, tuple) else tuple(values)

    def _names(self, guids: Iterable[Guid]) -> list[bytes]:
        dn = self._store.tree.dn
        if self._manner.dn_form is None:
            return [dn(guid).encode("utf-8") for guid in guids]
        return [f"{self._prefix(guid)}{dn(guid)}".encode() for guid in guids]

    def _prefix(self, guid: Guid) -> str:
        """``<GUID=…>;<SID=…>;`` ([MS-ADTS], section 3.1.1.3.4.1.5)."""
        text = self._manner.dn_form == 1
        sid = self._store.tree.nodes[guid].attributes.get("objectSid", (b"",))[0]
        security = f"<SID={sid_text(sid) if text else sid.hex()}>;" if sid else ""
        return f"<GUID={guid_text(guid) if text else guid.hex()}>;{security}"

    def _typed(self, name: str, values: Sequence[bytes]) -> Shown:
        return name, () if self._manner.types_only else values


def _bounds(option: str) -> tuple[int, int] | None:
    match = _RANGE.fullmatch(option)
    if match is None:
        return None
    low, high = int(match[1]), (1 << 62) if match[2] == "*" else int(match[2])
    return (low, high) if low <= high else None
