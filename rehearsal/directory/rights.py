"""Who may do what: every operation's questions, answered by the descriptors of the objects ([MS-ADTS], section 5.1)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from rehearsal.directory import failures
from rehearsal.directory.access import Decisions, Token, decisions
from rehearsal.directory.descriptors import ATTRIBUTE, DACL, GROUP, OWNER, SACL, Descriptors
from rehearsal.directory.schema import CONFIDENTIAL, Attribute, ObjectClass
from rehearsal.directory.state import DirectoryState
from rehearsal.directory.tree import Guid, Node
from runbook_lib.directory.rights.constants import AccessMask, GuidKind, WellKnownSid, guid_of
from runbook_lib.directory.search import sid_bytes, sid_text

SYSTEM: Guid = b"system"
"""Stands for the directory itself: no right is asked for."""
_EVERYBODY = (
    WellKnownSid.EVERYONE,
    WellKnownSid.NETWORK,
    WellKnownSid.AUTHENTICATED_USERS,
    WellKnownSid.THIS_ORGANIZATION,
)
_REANIMATE = guid_of(GuidKind.EXTENDED_RIGHT, "Reanimate-Tombstones")
_NONE_HIDDEN: frozenset[str] = frozenset()
_DOMAIN_ADMINS, _ENTERPRISE_ADMINS, _SCHEMA_ADMINS = "512", "519", "518"
_DOMAIN_LOCAL, _SECURITY = 0x4, 0x80000000
_PART_RIGHTS = {
    OWNER | GROUP: AccessMask.WRITE_OWNER,
    DACL: AccessMask.WRITE_DAC,
    SACL: AccessMask.ACCESS_SYSTEM_SECURITY,
}
_READ, _WRITE = AccessMask.READ_PROPERTY, AccessMask.WRITE_PROPERTY


class Rights:
    """The access rules of one directory. Answers are kept per token and descriptor."""

    def __init__(self, state: DirectoryState, descriptors: Descriptors) -> None:
        self._state = state
        self._descriptors = descriptors
        self._decisions: dict[tuple[Token, bytes, bool], Decisions] = {}
        self._tokens: dict[tuple[Guid, str], tuple[int, Token]] = {}

    # who somebody is

    def token(self, account: Guid, place: Guid) -> Token:
        """SIDs of an account: its own, its groups', nested ones and its primary group included, and everybody's.

        Groups of domain local scope count in their own domain, which is why it matters where an object stands.
        """
        domain = self._state.domain_of(place).base_dn if len(self._state.domains) > 1 else ""
        version, known = self._tokens.get((account, domain), (-1, frozenset()))
        if version != self._state.tree.version:
            known = frozenset(self._token(account, domain))
            self._tokens[account, domain] = (self._state.tree.version, known)
        return known

    def _token(self, account: Guid, domain: str) -> Iterable[str]:
        tree = self._state.tree
        yield from _EVERYBODY
        waiting = [account]
        for sid in _EVERYBODY:
            waiting += tree.indexed("objectSid", sid_bytes(sid))
        seen: set[Guid] = set()
        while waiting:
            guid = waiting.pop()
            node = tree.nodes.get(guid)
            if guid in seen or node is None or node.deleted:
                continue
            seen.add(guid)
            if "group" in node.classes and not self._counts(node, domain):
                continue
            sids = (*node.attributes.get("objectSid", ()), *node.attributes.get("sIDHistory", ()))
            yield from map(sid_text, sids)
            waiting += tree.sources("member", guid)
            if guid == account and sids and "primaryGroupID" in node.attributes:
                primary = f"{sid_text(sids[0]).rpartition('-')[0]}-{node.text('primaryGroupID')}"
                waiting += tree.indexed("objectSid", sid_bytes(primary))

    def _counts(self, group: Node, domain: str) -> bool:
        """Whether a group gives rights: security groups do, domain local ones in their domain."""
        kind = int(group.text("groupType") or "0")
        local = domain and kind & _DOMAIN_LOCAL and self._state.domain_of(group.guid).base_dn != domain
        return bool(kind & _SECURITY) and not local

    def creator(self, account: Guid, place: Guid) -> tuple[str, str]:
        """Owner and group of what an account creates: administrators' objects belong to a group of theirs.

        [MS-ADTS] 6.1.3.5: Domain Admins in a domain, Enterprise Admins in the configuration, Schema Admins in the
        schema.
        """
        known = place in self._state.tree.nodes
        head = self._state.tree.dn(self._state.naming_context(place)).upper() if known else ""
        schema, configuration = self._state.schema_dn.upper(), self._state.configuration_dn.upper()
        domain_sid = self._state.domain_of(place).sid if known else self._state.domain_sid
        number = {schema: _SCHEMA_ADMINS, configuration: _ENTERPRISE_ADMINS}.get(head, _DOMAIN_ADMINS)
        group = f"{domain_sid}-{number}"
        if account == SYSTEM:
            return group, group
        token = self.token(account, place)
        node = self._state.tree.nodes[account]
        own = sid_text(node.attributes["objectSid"][0])
        primary = f"{own.rpartition('-')[0]}-{node.text('primaryGroupID') or 513}"
        return (group if group in token else own), (group if group in token else primary)

    # one object, one right

    def of(self, account: Guid, node: Node) -> Decisions:
        """What an account may do to an object."""
        token = self.token(account, node.guid)
        own = node.attributes.get("objectSid")
        is_self = own is not None and sid_text(own[0]) in token
        value = node.attributes[ATTRIBUTE][0]
        key = (token, value, is_self)
        known = self._decisions.get(key)
        if known is None:
            own_sid = sid_text(own[0]) if own is not None and is_self else None
            known = self._decisions[key] = decisions(self._descriptors.parsed(value), token, own_sid)
        return known

    def may(self, account: Guid, node: Node, mask: int, *types: str) -> bool:
        """Whether an account has a right on an object."""
        return account == SYSTEM or self.of(account, node).allow(mask, *types)

    # reading

    def may_see(self, account: Guid, guid: Guid) -> bool:
        """Whether the object exists for an account: who may list a container sees its objects ([MS-ADTS] 5.1.3.3.6)."""
        node = self._state.tree.nodes[guid]
        if account == SYSTEM or node.parent is None or self._state.is_naming_context(guid):
            return True
        return self.of(account, self._state.tree.nodes[node.parent]).allow(AccessMask.LIST_CONTENTS)

    def hidden_attributes(self, account: Guid, node: Node) -> frozenset[str]:
        """Names of attributes that an account may not read on an object; back links among them."""
        if account == SYSTEM:
            return _NONE_HIDDEN
        granted = self.of(account, node)
        kind = self._class_guid(node)
        confidential = self._state.tree.schema.confidential & node.attributes.keys()
        if not confidential and granted.allow_all(_READ, kind):
            return _NONE_HIDDEN
        names = frozenset(node.attributes.keys() | node.links.keys() | self._state.tree.schema.back_links) - {ATTRIBUTE}
        return frozenset(name for name in names if not self._may_read(granted, name, kind))

    def _may_read(self, granted: Decisions, name: str, kind: str) -> bool:
        attribute = self._state.tree.schema.attribute(name)
        if attribute is None:
            return False
        wanted = _READ | AccessMask.CONTROL_ACCESS if attribute.search_flags & CONFIDENTIAL else _READ
        return granted.allow(wanted, *attribute.object_types, kind)

    def may_read_descriptor(self, account: Guid, node: Node, parts: int) -> bool:
        """Whether an account may read parts of the descriptor; the system list takes a privilege."""
        wanted = AccessMask.READ_CONTROL | (AccessMask.ACCESS_SYSTEM_SECURITY if parts & SACL else AccessMask(0))
        return self.may(account, node, wanted)

    # writing

    def may_write(self, account: Guid, node: Node, attribute: Attribute) -> bool:
        """Whether an account may change an attribute."""
        return self.may(account, node, _WRITE, *attribute.object_types, self._class_guid(node))

    def may_create(self, account: Guid, parent: Node, kind: ObjectClass) -> bool:
        """Whether an account may create objects of a class below ``parent``, or move them there."""
        return self.may(account, parent, AccessMask.CREATE_CHILD, kind.row["schemaIDGUID"])

    def may_remove(self, account: Guid, node: Node) -> bool:
        """Whether an account may take an object away: by a right on it, or on its parent; one is enough."""
        kind = self._class_guid(node)
        if self.may(account, node, AccessMask.DELETE, kind):
            return True
        parent = self._state.tree.nodes.get(node.parent or b"")
        return parent is not None and self.may(account, parent, AccessMask.DELETE_CHILD, kind)

    def check_write(self, account: Guid, node: Node, names: Iterable[str]) -> None:
        """Refuse attributes that an account may not change; the descriptor has rights of its own."""
        for name in names:
            attribute = self._state.tree.schema.attribute(name)
            if attribute is not None and name != ATTRIBUTE and not self.may_write(account, node, attribute):
                raise failures.insufficient_rights()

    def check_descriptor(self, account: Guid, node: Node, parts: int) -> None:
        """Refuse the parts of a descriptor that an account may not write."""
        if any(parts & part and not self.may(account, node, right) for part, right in _PART_RIGHTS.items()):
            raise failures.insufficient_rights()

    def writable_parts(self, account: Guid, node: Node) -> int:
        """The parts of a descriptor that an account may write, as the SD flags control numbers them."""
        return sum(part for part, right in _PART_RIGHTS.items() if self.may(account, node, right))

    def check_create(self, account: Guid, parent: Node, kind: ObjectClass) -> None:
        """Refuse the creation of an object of a class."""
        if not self.may_create(account, parent, kind):
            raise failures.insufficient_rights()

    def check_delete(self, account: Guid, node: Node, *, whole_tree: bool) -> None:
        """Refuse a deletion. A whole tree takes one right on its root, whatever stands below ([MS-ADTS] 3.1.1.5.5)."""
        allowed = self.may(account, node, AccessMask.DELETE_TREE) if whole_tree else self.may_remove(account, node)
        if not allowed:
            raise failures.insufficient_rights()

    def check_rename(self, account: Guid, node: Node, new_parent: Node, kind: ObjectClass) -> None:
        """Refuse a new name or place: name and RDN are written, and a move is a removal and a creation.

        [MS-ADTS] 3.1.1.5.4.1.1 names ``name``; the right on the RDN attribute is asked for by the same check.
        """
        self.check_write(account, node, ("name", kind.rdn_attribute))
        if new_parent.guid != node.parent:
            if not self.may_remove(account, node):
                raise failures.insufficient_rights()
            self.check_create(account, new_parent, kind)

    def check_undelete(self, account: Guid, node: Node, new_parent: Node, kind: ObjectClass) -> None:
        """Refuse to reanimate: a right at the naming context's head, a name to write, a place to create in."""
        head = self._state.tree.nodes[self._state.naming_context(new_parent.guid)]
        if not self.may(account, head, AccessMask.CONTROL_ACCESS, _REANIMATE):
            raise failures.insufficient_rights()
        self.check_write(account, node, ("name", kind.rdn_attribute))
        self.check_create(account, new_parent, kind)

    def _class_guid(self, node: Node) -> str:
        return self._descriptors.class_guid(node)


class ObjectStore(DirectoryState):
    """The state with the descriptors of its objects and the rights that follow from them: what operations work on."""

    @cached_property
    def descriptors(self) -> Descriptors:
        """Security descriptors of the objects, and those that new ones get."""
        return Descriptors(self)

    @cached_property
    def rights(self) -> Rights:
        """Who may do what."""
        return Rights(self, self.descriptors)
