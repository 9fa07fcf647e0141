"""The embedded directory: a forest, its controllers, what they hold and what may be done to it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rehearsal.directory import bulk, deletion, forest, lifecycle, logon, schema_objects
from rehearsal.directory.changes import REPLACE, Modification
from rehearsal.directory.descriptors import ATTRIBUTE, Descriptors
from rehearsal.directory.domains import Controller, Domain
from rehearsal.directory.names import Rdn
from rehearsal.directory.rights import SYSTEM, Rights
from rehearsal.directory.schema import ObjectClass, Schema, extend_for_exchange, load_schema
from rehearsal.directory.tree import Guid, Node, Tree
from rehearsal.directory.values import fold, format_time
from runbook_lib.directory.entry import sid_bytes, sid_text
from runbook_lib.directory.rights import GuidKind, guid_of

Value = str | bytes


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """The whole state of a store at one moment. Objects are shared, not copied: a changed object is a new one."""

    nodes: dict[Guid, Node]
    schema: Schema
    usn: int
    next_rids: dict[str, int]
    passwords: dict[Guid, str]


class DirectoryStore:
    """The objects of ``domain`` (for example ``contoso.com``) with the rules of Active Directory.

    It begins as a forest of one domain with one controller; ``forest.add_domain`` and ``forest.add_controller`` add
    others. ``domain``, ``netbios``, ``base_dn``, ``host`` and ``server_dn`` are the first ones'.

    Args:
        clock: Now, with a time zone.
        guid_source: objectGUIDs of objects that bring none.
        host: First label of the domain controller's name.
        domain_sid: ``S-1-5-21-…``; made from the domain's name where left out.
    """

    def __init__(
        self,
        domain: str,
        netbios: str,
        *,
        clock: Callable[[], datetime],
        guid_source: Callable[[], uuid.UUID] = uuid.uuid4,
        host: str = "dc1",
        domain_sid: str | None = None,
    ) -> None:
        self.domain = domain
        self.netbios = netbios
        self.clock = clock
        self.guid_source = guid_source
        self.host = f"{host}.{domain}"
        self.domain_sid = domain_sid or forest.sid_of(domain)
        self.base_dn = ",".join(f"DC={label}" for label in domain.split("."))
        self.configuration_dn = f"CN=Configuration,{self.base_dn}"
        self.schema_dn: str = f"CN=Schema,{self.configuration_dn}"
        self.server_dn = f"CN={host.upper()},CN=Servers,CN={forest.SITE},CN=Sites,{self.configuration_dn}"
        self.tree: Tree = Tree(load_schema(), self.base_dn)
        self.descriptors = Descriptors(self)
        self.rights = Rights(self)
        self.passwords: dict[Guid, str] = {}
        self.usn = 12_000
        self._next_rids: dict[str, int] = {}
        self.domains: tuple[Domain, ...] = (Domain(domain, netbios, self.domain_sid, self.base_dn),)
        self.controllers: tuple[Controller, ...] = (Controller(self.host, self.domains[0], self.server_dn),)
        self._domain_at: dict[Guid, Domain] = {}
        self._deleted_objects: dict[Guid, Guid] = {}
        forest.populate(self)

    # objects

    def add(
        self, dn: str, attributes: Mapping[str, Value | Sequence[Value]], *, as_system: bool = True, account: str = ""
    ) -> str:
        """Create an object and return its objectGUID as text.

        As the system: no rights asked for, ``objectGUID`` and ``objectSid`` may be given (bytes or text), any attribute
        of the schema is accepted. Otherwise in the name of ``account`` (a DN), with every rule of an LDAP add.

        Raises:
            LdapError: What an LDAP client would be told.
        """
        values = {name: as_bytes(value) for name, value in attributes.items()}
        given = next((values.pop(name) for name in list(values) if name.lower() == "objectguid"), None)
        guid = _guid_octets(given[0]) if given and as_system else self.guid_source().bytes_le
        for name in values:
            if name.lower() == "objectsid" and values[name][0][:2] == b"S-":
                values[name] = [sid_bytes(values[name][0].decode("ascii"))]
        actor = SYSTEM if as_system else self.node(account).guid
        return str(uuid.UUID(bytes_le=lifecycle.add(self, actor, dn, values, guid=guid)))

    def load(self, objects: Iterable[tuple[str, Mapping[str, Value | Sequence[Value]]]]) -> int:
        """Create many objects as the system, unchecked and therefore quickly, and return how many.

        Parents and members come before what names them; the caller vouches for syntax, uniqueness and classes.
        """
        return bulk.load(self, objects)

    def modify(self, dn: str, replacements: Mapping[str, Value | Sequence[Value]]) -> None:
        """Replace attributes of an object as the system; an empty sequence takes the attribute away."""
        changes = [Modification(REPLACE, name, tuple(as_bytes(value))) for name, value in replacements.items()]
        lifecycle.modify(self, SYSTEM, self.node(dn), changes)

    def delete(self, dn: str) -> None:
        """Delete an object as the system."""
        deletion.delete(self, SYSTEM, self.node(dn))

    def node(self, name: str) -> Node:
        """The object of a DN, ``<GUID=…>`` or ``<SID=…>``; raises LookupError."""
        found = self.tree.find(name)
        if found is None:
            raise LookupError(name)
        return found

    def commit(self, draft: Node) -> None:
        """Stamp a checked draft with time and update sequence number and put it in place."""
        if ATTRIBUTE not in draft.attributes:
            self.descriptors.set_up(draft, *self.rights.creator(SYSTEM, draft.parent or draft.guid))
        self.usn += 1
        stamp = b"%d" % self.usn
        if "uSNCreated" not in draft.attributes:
            draft.number = self.usn
            draft.attributes["uSNCreated"] = (stamp,)
        draft.attributes["uSNChanged"] = (stamp,)
        draft.attributes["whenChanged"] = (format_time(self.clock()),)
        self.tree.commit(draft)

    # accounts and rights

    def set_password(self, dn: str, password: str) -> None:
        """Let an account bind; the password is as old as the clock says."""
        self.passwords[self.node(dn).guid] = password
        self.modify(dn, {"pwdLastSet": str(logon.file_time(self.clock()))})

    def grant(self, dn_of_account: str, container_dn: str) -> None:
        """Let an account create, change, move and delete groups below a container, as docs/permissions.md asks for."""
        sid = self.sid(dn_of_account)
        group = guid_of(GuidKind.CLASS, "group")
        self.descriptors.add_entries(container_dn, f"(OA;CI;CCDC;{group};;{sid})(OA;CIIO;GA;;{group};{sid})")

    def grant_reanimation(self, dn_of_account: str) -> None:
        """Let an account list deleted objects of the domain and bring back those that it may create elsewhere."""
        sid, right = self.sid(dn_of_account), guid_of(GuidKind.EXTENDED_RIGHT, "Reanimate-Tombstones")
        self.descriptors.add_entries(self.tree.dn(self.deleted_objects), f"(A;;LCRP;;;{sid})")
        self.descriptors.add_entries(self.base_dn, f"(OA;;CR;{right};;{sid})")

    def deny_read(self, dn_of_account: str, dn: str) -> None:
        """Let an account read nothing of an object nor of what stands below it; its name stays visible, as in AD."""
        self.descriptors.add_entries(dn, f"(D;CI;LCLORPRC;;;{self.sid(dn_of_account)})")

    def sid(self, dn: str) -> str:
        """objectSid of an account or group as text."""
        return sid_text(self.node(dn).attributes["objectSid"][0])

    def authenticate(self, name: str, password: str, workstation: str = "") -> Guid:
        """The account of a simple bind by UPN, DN or ``DOMAIN\\user``; raises LdapError 49."""
        return logon.authenticate(self, name, password, workstation=workstation)

    def account(self, name: str) -> Node | None:
        """The account of a bind name, None where there is none."""
        netbios, backslash, sam = name.partition("\\")
        if backslash and "=" not in netbios:
            return self._named(netbios, sam)
        if "@" in name and "=" not in name:
            local, _, domain = name.rpartition("@")
            return self._one("userPrincipalName", name) or self._named(domain, local)
        try:
            return self.tree.find(name)
        except ValueError:
            return None

    def _named(self, domain: str, sam: str) -> Node | None:
        """By account name, which is unique in its domain only."""
        told = domain.lower()
        found = next((item for item in self.domains if told in {item.name.lower(), item.netbios.lower()}), None)
        return self._one("sAMAccountName", sam, found) if found is not None else None

    def _one(self, attribute: str, text: str, domain: Domain | None = None) -> Node | None:
        nodes = (self.tree.nodes[guid] for guid in self.tree.indexed(attribute, fold(text)))
        fits = (node for node in nodes if domain is None or self.domain_at(self.tree.head(node.guid)) == domain)
        return next((node for node in fits if not node.deleted), None)

    # schema and features

    def extend_schema_for_exchange(self, range_upper: int = 17003) -> None:
        """Extend the schema as Exchange's setup does; 17003 is Exchange 2019 CU10 and later, and SE."""
        self.tree.schema = extend_for_exchange(self.tree.schema, range_upper)
        schema_objects.publish(self)

    @property
    def recycle_bin(self) -> bool:
        """Whether the optional feature is on; it cannot be switched off in AD, here it can."""
        partitions = self.tree.find(f"CN=Partitions,{self.configuration_dn}")
        return bool(partitions and partitions.links.get("msDS-EnabledFeature"))

    @recycle_bin.setter
    def recycle_bin(self, on: bool) -> None:
        feature = f"{forest.RECYCLE_BIN},{self.configuration_dn}"
        if on and not self.recycle_bin:
            deletion.switch_recycle_bin_on(self)
        self.modify(f"CN=Partitions,{self.configuration_dn}", {"msDS-EnabledFeature": [feature] if on else []})

    def category(self, kind: ObjectClass) -> Guid | None:
        """The schema object that is the objectCategory of a class, None while the schema is not there yet."""
        schema = self.tree.find(self.schema_dn)
        return self.tree.child(schema.guid, ("CN", kind.default_category)) if schema is not None else None

    def next_sid(self, parent: Guid | None = None) -> bytes:
        """The SID of the next group or user of the domain that ``parent`` belongs to."""
        domain = self.domain_of(parent or self.tree.root)
        number = self._next_rids[domain.base_dn] = self._next_rids.get(domain.base_dn, 1_103) + 1
        return sid_bytes(f"{domain.sid}-{number}")

    # naming contexts, domains and controllers

    @property
    def naming_contexts(self) -> tuple[str, ...]:
        """Domain, configuration, schema, then other domains."""
        others = (domain.base_dn for domain in self.domains[1:])
        return self.base_dn, self.configuration_dn, self.schema_dn, *others

    def add_naming_context(self, guid: Guid, domain: Domain | None = None) -> None:
        """Remember the head of a naming context: a domain's, or one that every controller of the forest holds."""
        self.tree.heads.add(guid)
        if domain is not None:
            self._domain_at[guid] = domain

    def domain_at(self, head: Guid) -> Domain | None:
        """The domain whose naming context begins there; None for configuration and schema."""
        return self._domain_at.get(head)

    def domain_of(self, guid: Guid) -> Domain:
        """The domain an object belongs to; configuration and schema belong to the first one."""
        return self._domain_at.get(self.tree.head(guid), self.domains[0])

    def writable_controller(self, domain: Domain) -> Controller:
        """The domain's first controller that takes writes."""
        return next(item for item in self.controllers if item.domain == domain and not item.read_only)

    def is_naming_context(self, guid: Guid) -> bool:
        """Whether an object is the head of a naming context."""
        return guid in self.tree.heads

    def naming_context(self, guid: Guid) -> Guid:
        """The head of the naming context that an object belongs to."""
        return self.tree.head(guid)

    @property
    def deleted_objects(self) -> Guid:
        """Deleted Objects of the first domain."""
        return self._deleted_objects[self.tree.root]

    def deleted_objects_of(self, guid: Guid) -> Guid:
        """Deleted Objects of the naming context that an object belongs to."""
        return self._deleted_objects.get(self.tree.head(guid), self.deleted_objects)

    def set_deleted_objects(self, head: Guid, container: Guid) -> None:
        """Say where deleted objects of a naming context go."""
        self._deleted_objects[head] = container

    def foreign_domain(self, rdns: Iterable[Rdn]) -> str:
        """DNS name that a DN outside this forest leads to."""
        return ".".join(value for attribute, value in rdns if attribute.upper() == "DC") or self.domain

    # whole state

    def snapshot(self) -> StoreSnapshot:
        """The state now, for ``restore``."""
        return StoreSnapshot(
            dict(self.tree.nodes), self.tree.schema, self.usn, dict(self._next_rids), dict(self.passwords)
        )

    def restore(self, snapshot: StoreSnapshot) -> None:
        """Back to an earlier state, update sequence numbers included, as a virtual machine's snapshot would do it."""
        self.tree.restore(dict(snapshot.nodes), snapshot.schema)
        self._next_rids = dict(snapshot.next_rids)
        self.passwords = dict(snapshot.passwords)
        self.usn = snapshot.usn

    def dump(self) -> dict[str, dict[str, list[bytes]]]:
        """Every object, deleted ones too, with all attributes but the descriptor: stored, linked and back links."""
        out: dict[str, dict[str, list[bytes]]] = {}
        for node in sorted(self.tree.nodes.values(), key=lambda item: item.number):
            values = {name: list(stored) for name, stored in node.attributes.items() if name != ATTRIBUTE}
            for name in node.links:
                values[name] = [self.tree.dn(target).encode("utf-8") for target in node.links[name]]
            sources = self.tree.sources("member", node.guid)
            if sources:
                values["memberOf"] = sorted(self.tree.dn(source).encode("utf-8") for source in sources)
            out[self.tree.dn(node.guid)] = values
        return out


def as_bytes(value: Value | Sequence[Value]) -> list[bytes]:
    """One value or several, text or octets, as the octets that LDAP sends."""
    values = [value] if isinstance(value, str | bytes) else value
    return [item.encode("utf-8") if isinstance(item, str) else item for item in values]


def _guid_octets(value: bytes) -> bytes:
    return value if len(value) == 16 else uuid.UUID(value.decode("ascii")).bytes_le
