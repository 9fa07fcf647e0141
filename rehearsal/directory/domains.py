"""Domains of a forest, their controllers, and what the clients of one port see of the forest.

All domains lie in one tree: a child domain is a naming context below its parent's, so links between domains need
nothing of their own. What keeps them apart is the view of the controller a client has connected to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from rehearsal.directory import failures
from rehearsal.directory.filters import (
    BIT_AND,
    All,
    AnyOf,
    Equal,
    Extensible,
    Filter,
    Not,
    Ordered,
    Present,
    Substrings,
)
from rehearsal.directory.schema import Attribute
from rehearsal.directory.state import Controller, DirectoryState
from rehearsal.directory.tree import Guid, Node, Tree

_UNIVERSAL = b"8"
_COUNTED = frozenset({"uSNChanged", "uSNCreated"})
_MEMBERSHIP = frozenset({"member", "memberOf"})
_UNDEFINED = Equal("", b"")


@dataclass(frozen=True, slots=True)
class View:
    """What the clients of one port see: a controller, and whether it is the port of its global catalog."""

    controller: Controller
    global_catalog: bool = False

    def holds(self, state: DirectoryState, head: Guid) -> bool:
        """Whether the naming context that begins at ``head`` can be read here."""
        return self.global_catalog or self.controller_holds(state, head)

    def controller_holds(self, state: DirectoryState, head: Guid) -> bool:
        """Whether the controller has all of that naming context, not only what its global catalog shows."""
        domain = state.domain_at(head)
        return domain is None or domain == self.controller.domain

    def referred(self, state: DirectoryState, head: Guid, name: str) -> failures.LdapError:
        """The referral to a controller of the domain that holds ``name``."""
        domain = state.domain_at(head) or state.domains[0]
        return failures.referral(domain.name, name)

    def check_writable(self, state: DirectoryState, name: str) -> None:
        """Refuse, by a referral to a writable controller, what a global catalog or read-only controller cannot do."""
        if self.global_catalog:
            raise failures.referral(self.controller.domain.name, name)
        if self.controller.read_only:
            raise failures.referral(state.writable_controller(self.controller.domain).host, name)

    def shows(self, attribute: Attribute) -> bool:
        """Whether an attribute can be read here at all."""
        if not self.global_catalog:
            return True
        return attribute.is_back_link or attribute.constructed or attribute.name in partial_attributes()

    def shows_links(self, attribute: Attribute, node: Node) -> bool:
        """Whether ``node`` shows its values of a link: a global catalog knows members of universal groups only."""
        return not self.global_catalog or attribute.name not in _MEMBERSHIP or is_universal(node)

    def sources(self, state: DirectoryState, attribute: Attribute, found: dict[Guid, None]) -> dict[Guid, None]:
        """What a back link shows of the objects ``found``: those of naming contexts held here."""
        if len(state.domains) == 1 and not self.global_catalog:
            return found
        nodes = state.tree.nodes
        return {guid: None for guid in found if self._shows_source(state, attribute, nodes[guid])}

    def _shows_source(self, state: DirectoryState, attribute: Attribute, source: Node) -> bool:
        if attribute.name in _MEMBERSHIP and is_universal(source):
            return True  # every controller here is a global catalog, which knows universal groups of every domain
        return not self.global_catalog and self.holds(state, state.tree.head(source.guid))

    def adapted(self, tree: Tree, condition: Filter) -> Filter:
        """A filter as it works here: by this controller's update sequence numbers, by what can be read here."""
        if not self.global_catalog and not self.controller.ahead:
            return condition
        return self._adapt(tree, condition)

    def _adapt(self, tree: Tree, condition: Filter) -> Filter:
        if isinstance(condition, All | AnyOf):
            return type(condition)(tuple(self._adapt(tree, part) for part in condition.of))
        if isinstance(condition, Not):
            return Not(self._adapt(tree, condition.of))
        attribute = tree.schema.attribute(condition.attribute)
        if attribute is None:
            return condition
        if not self.shows(attribute):
            return _UNDEFINED
        if attribute.name in _COUNTED:
            return self._counted(condition)
        if self.global_catalog and attribute.name == "member":
            return All((Extensible("groupType", BIT_AND, _UNIVERSAL), condition))
        return condition

    def _counted(self, condition: Equal | Ordered | Present | Substrings | Extensible) -> Filter:
        if not isinstance(condition, Equal | Ordered):
            return condition
        try:
            return replace(condition, value=b"%d" % (int(condition.value) - self.controller.ahead))
        except ValueError:
            return _UNDEFINED

    def numbers(self, name: str, values: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Update sequence numbers as this controller counts them; other values as they are."""
        if self.controller.ahead and name in _COUNTED:
            return tuple(b"%d" % (int(value) + self.controller.ahead) for value in values)
        return values


def is_universal(node: Node) -> bool:
    """Whether an object is a group of universal scope."""
    return bool(int(node.text("groupType") or "0") & 0x8)


@cache
def partial_attributes() -> frozenset[str]:
    """Names of the partial attribute set."""
    text = (Path(__file__).parent / "data" / "partial-attributes.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
