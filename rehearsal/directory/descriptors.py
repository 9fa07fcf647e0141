"""nTSecurityDescriptor of every object: made when it is created, kept in step with its parent's, edited in parts."""

from __future__ import annotations

from dataclasses import replace

from rehearsal.directory import failures
from rehearsal.directory.inheritance import effective, from_creator
from rehearsal.directory.state import DirectoryState
from rehearsal.directory.tree import Guid, Node
from runbook_lib.directory.rights.descriptor import AceFlag, Acl, Control, SecurityDescriptor, parse_security_descriptor
from runbook_lib.directory.rights.sddl import parse_aces, parse_sddl
from runbook_lib.directory.search import sid_text

ATTRIBUTE = "nTSecurityDescriptor"
OWNER, GROUP, DACL, SACL = 1, 2, 4, 8
"""Parts of a descriptor, as the SD flags control names them ([MS-ADTS] 3.1.1.3.4.1.11)."""
ALL_PARTS = OWNER | GROUP | DACL | SACL
_DACL_FLAGS = Control.DACL_PROTECTED | Control.DACL_DEFAULTED | Control.DACL_AUTO_INHERIT_REQUIRED
_DACL_FLAGS |= Control.DACL_AUTO_INHERITED | Control.DACL_PRESENT
_SACL_FLAGS = Control.SACL_PROTECTED | Control.SACL_DEFAULTED | Control.SACL_AUTO_INHERIT_REQUIRED
_SACL_FLAGS |= Control.SACL_AUTO_INHERITED | Control.SACL_PRESENT
_HEAD = 1
"""Bit of instanceType: the head of a naming context inherits nothing."""
_FULL, _READ = "RPWPCRCCDCLCLORCWOWDSDDTSW", "RPLCLORC"
_NOTHING = "D:"
"""Classes without a default, those of the schema among them, leave it to what the parent hands down."""
_AT_INSTALLATION = {
    "configuration": f"D:(A;;{_READ};;;AU)(A;CI;{_FULL};;;EA)(A;CI;{_FULL};;;SY)(A;;RPWPCRCCLCLORCWOWDSW;;;DA)",
    "dMD": f"D:(A;CI;{_READ};;;AU)(A;CI;RPWPCRCCLCLORCWOWDSW;;;SA)(A;CI;{_FULL};;;SY)",
    "crossRefContainer": f"D:(A;;{_READ};;;AU)(A;;{_FULL};;;SY)",
}
"""In place of the class's default: who may read and manage the heads of configuration and schema, and Partitions."""
_DELETED_OBJECTS = f"D:P(A;;{_FULL};;;SY)(A;;LCRP;;;BA)"
"""By default only administrators may list deleted objects (Microsoft Learn, "Retrieving Deleted Objects")."""
_PROTECTED = (
    f"D:P(A;;{_FULL};;;SY)(A;;{_FULL};;;BA)(A;;{_FULL};;;DA)(A;;{_FULL};;;EA)(A;;{_READ};;;AU)(A;;{_READ};;;RU)"
)
"""What AdminSDHolder gives to administrators and to their groups: nothing is inherited ([MS-ADTS] 3.1.1.6.1)."""


class Descriptors:
    """Descriptors of one directory. Equal ones are one object in memory: thousands of groups have the same."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state
        self._parsed: dict[bytes, SecurityDescriptor] = {}
        self._written: dict[SecurityDescriptor, tuple[bytes]] = {}
        self._new: dict[tuple[str, str, bytes, str, str, str], tuple[bytes]] = {}
        self._handed_down: dict[tuple[bytes, bytes, str], tuple[bytes]] = {}
        self._class_guids: dict[tuple[bytes, ...], str] = {}

    def of(self, node: Node) -> SecurityDescriptor:
        """The descriptor of an object."""
        return self.parsed(node.attributes[ATTRIBUTE][0])

    def parsed(self, value: bytes) -> SecurityDescriptor:
        """A stored descriptor."""
        known = self._parsed.get(value)
        if known is None:
            known = self._parsed[value] = parse_security_descriptor(value)
        return known

    def class_guid(self, node: Node) -> str:
        """schemaIDGUID of an object's class."""
        classes = node.attributes["objectClass"]
        known = self._class_guids.get(classes)
        if known is None:
            kind = self._state.tree.schema.structural(node.classes)
            known = self._class_guids[classes] = kind.row["schemaIDGUID"]
        return known

    # new objects

    def set_up(self, draft: Node, owner: str, group: str) -> None:
        """Give a new object a descriptor: its class's default, or the one it brings, and what its parent hands down."""
        brought = draft.attributes.get(ATTRIBUTE)
        parent = self._parent_value(draft)
        sddl = self._default_text(draft)
        domain_sid = self._domain_sid(draft)
        key = (sddl, self.class_guid(draft), parent, owner, group, domain_sid)
        known = self._new.get(key) if brought is None else None
        if known is None:
            wanted = from_creator(parse_sddl(sddl, domain_sid, self._state.domain_sid), owner, group)
            if brought is not None:
                given = self._acceptable(brought[0])
                wanted = replace(
                    given,
                    owner=given.owner or owner,
                    group=given.group or group,
                    dacl=given.dacl if given.dacl is not None else wanted.dacl,
                )
            known = self._write(effective(wanted, self.parsed(parent) if parent else None, self.class_guid(draft)))
            if brought is None:
                self._new[key] = known
        draft.attributes[ATTRIBUTE] = known

    def _default_text(self, draft: Node) -> str:
        """The class's default; what the directory is installed with has descriptors of its own."""
        kind = self._state.tree.schema.structural(draft.classes)
        if draft.deleted:
            return _DELETED_OBJECTS
        if draft.text("adminCount") == "1":
            return _PROTECTED
        return _AT_INSTALLATION.get(kind.name) or kind.row.get("defaultSecurityDescriptor") or _NOTHING

    def _domain_sid(self, draft: Node) -> str:
        """SID of the domain that a new object belongs to; the head of a domain brings its own."""
        own = draft.attributes.get("objectSid")
        if own is not None and int(draft.text("instanceType") or "4") & _HEAD:
            return sid_text(own[0])
        return self._state.domain_of(draft.parent).sid if draft.parent is not None else self._state.domain_sid

    def _parent_value(self, draft: Node) -> bytes:
        if draft.parent is None or int(draft.text("instanceType") or "4") & _HEAD:
            return b""
        return self._state.tree.nodes[draft.parent].attributes[ATTRIBUTE][0]

    def _acceptable(self, value: bytes) -> SecurityDescriptor:
        try:
            return parse_security_descriptor(value)
        except ValueError:
            # 00000057: ERROR_INVALID_PARAMETER.
            raise failures.invalid_value() from None

    def _write(self, descriptor: SecurityDescriptor) -> tuple[bytes]:
        known = self._written.get(descriptor)
        if known is None:
            try:
                value = descriptor.to_bytes()
            except ValueError:
                raise failures.invalid_value() from None
            known = self._written[descriptor] = (value,)
            self._parsed[value] = descriptor
        return known

    # changes

    def edit(self, draft: Node, value: bytes, parts: int) -> None:
        """Take over the named parts of a descriptor that a client wrote."""
        given, old = self._acceptable(value), self.of(draft)
        control = Control(0)
        control |= (given if parts & DACL else old).control & _DACL_FLAGS
        control |= (given if parts & SACL else old).control & _SACL_FLAGS
        wanted = SecurityDescriptor(
            owner=given.owner if parts & OWNER and given.owner else old.owner,
            group=given.group if parts & GROUP and given.group else old.group,
            dacl=given.dacl if parts & DACL else old.dacl,
            sacl=given.sacl if parts & SACL else old.sacl,
            control=control,
        )
        parent = self._parent_value(draft)
        made = effective(wanted, self.parsed(parent) if parent else None, self.class_guid(draft))
        draft.attributes[ATTRIBUTE] = self._write(made)

    def add_entries(self, dn: str, sddl: str) -> None:
        """Add explicit entries, written as SDDL, to an object's DACL, as the system; whoever inherits gets them too."""
        draft = self._state.node(dn).copy()
        descriptor = self.of(draft)
        entries = descriptor.dacl.aces if descriptor.dacl is not None else ()
        more = parse_aces(sddl, self._state.domain_of(draft.guid).sid, self._state.domain_sid)
        added = [ace for ace in more if ace not in entries]
        explicit = [ace for ace in entries if not ace.flags & AceFlag.INHERITED]
        denied = [ace for ace in added if not ace.allows]
        allowed = [ace for ace in added if ace.allows]
        wanted = replace(descriptor, dacl=Acl((*denied, *explicit, *allowed)))
        self.edit(draft, wanted.to_bytes(), DACL)
        self._state.commit(draft)
        self.hand_down(draft.guid)

    def inherit_anew(self, draft: Node) -> None:
        """Bring an object that has moved in step with its new parent."""
        parent = self._parent_value(draft)
        draft.attributes[ATTRIBUTE] = self._refreshed(draft, parent)

    def hand_down(self, guid: Guid) -> None:
        """Bring everything below an object in step with it; as in AD, that is no change with a number of its own."""
        tree = self._state.tree
        waiting = [guid]
        while waiting:
            above = waiting.pop()
            value = tree.nodes[above].attributes[ATTRIBUTE][0]
            for child in tuple(tree.children(above)):
                node = tree.nodes[child]
                if self._state.is_naming_context(child) or node.deleted:
                    continue
                wanted = self._refreshed(node, value)
                if wanted != node.attributes[ATTRIBUTE]:
                    draft = node.copy()
                    draft.attributes[ATTRIBUTE] = wanted
                    tree.commit(draft)
                    waiting.append(child)

    def _refreshed(self, node: Node, parent: bytes) -> tuple[bytes]:
        own = node.attributes[ATTRIBUTE][0]
        class_guid = self.class_guid(node)
        key = (own, parent, class_guid)
        known = self._handed_down.get(key)
        if known is None:
            made = effective(self.parsed(own), self.parsed(parent) if parent else None, class_guid)
            known = self._handed_down[key] = self._write(made)
        return known

    # reading

    def part(self, node: Node, parts: int) -> bytes:
        """The named parts of an object's descriptor."""
        whole = self.of(node)
        if parts & ALL_PARTS == ALL_PARTS:
            return node.attributes[ATTRIBUTE][0]
        control = whole.control
        control &= ~_DACL_FLAGS if not parts & DACL else ~Control(0)
        control &= ~_SACL_FLAGS if not parts & SACL else ~Control(0)
        shown = SecurityDescriptor(
            owner=whole.owner if parts & OWNER else None,
            group=whole.group if parts & GROUP else None,
            dacl=whole.dacl if parts & DACL else None,
            sacl=whole.sacl if parts & SACL else None,
            control=control,
        )
        return self._write(shown)[0]
