"""The state of the embedded directory: objects, schema, counters, domains and controllers. It knows no rules."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from rehearsal.directory.names import Rdn
from rehearsal.directory.schema import ObjectClass, Schema, load_schema
from rehearsal.directory.tree import Guid, Node, Tree
from rehearsal.directory.values import format_time
from runbook_lib.directory.search import sid_bytes

SITE = "Default-First-Site-Name"


@dataclass(frozen=True, slots=True)
class Domain:
    """``name`` is the DNS name, ``sid`` the domain's ``S-1-5-21-…``."""

    name: str
    netbios: str
    sid: str
    base_dn: str


@dataclass(frozen=True, slots=True)
class Controller:
    """A domain controller.

    Attributes:
        host: DNS name.
        server_dn: Its server object below Sites; NTDS Settings stands below that.
        ahead: Every controller counts update sequence numbers of its own; this one's are so much higher than the first
            one's.
    """

    host: str
    domain: Domain
    server_dn: str
    read_only: bool = False
    ahead: int = 0

    @property
    def settings_dn(self) -> str:
        """Its NTDS Settings, the root DSE's dsServiceName."""
        return f"CN=NTDS Settings,{self.server_dn}"

    @property
    def label(self) -> str:
        """First label of the DNS name."""
        return self.host.partition(".")[0]


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """The whole state of a store at one moment. Objects are shared, not copied: a changed object is a new one."""

    nodes: dict[Guid, Node]
    schema: Schema
    usn: int
    next_rids: dict[str, int]
    passwords: dict[Guid, str]


class DirectoryState:
    """The objects of ``domain`` (for example ``contoso.com``), its domains and its controllers, as values.

    It begins empty, with one domain and one controller. ``domain``, ``netbios``, ``base_dn``, ``host`` and
    ``server_dn`` are the first ones'.

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
        guid_source: Callable[[], uuid.UUID],
        host: str,
        domain_sid: str | None,
    ) -> None:
        self.domain = domain
        self.netbios = netbios
        self.clock = clock
        self.guid_source = guid_source
        self.host = f"{host}.{domain}"
        self.domain_sid = domain_sid or sid_of(domain)
        self.base_dn = ",".join(f"DC={label}" for label in domain.split("."))
        self.configuration_dn = f"CN=Configuration,{self.base_dn}"
        self.schema_dn: str = f"CN=Schema,{self.configuration_dn}"
        self.server_dn = f"CN={host.upper()},CN=Servers,CN={SITE},CN=Sites,{self.configuration_dn}"
        self.tree: Tree = Tree(load_schema(), self.base_dn)
        self.passwords: dict[Guid, str] = {}
        self.usn = 12_000
        self.domains: tuple[Domain, ...] = (Domain(domain, netbios, self.domain_sid, self.base_dn),)
        self.controllers: tuple[Controller, ...] = (Controller(self.host, self.domains[0], self.server_dn),)
        self._next_rids: dict[str, int] = {}
        self._domain_at: dict[Guid, Domain] = {}
        self._deleted_objects: dict[Guid, Guid] = {}

    # objects

    def node(self, name: str) -> Node:
        """The object of a DN, ``<GUID=…>`` or ``<SID=…>``; raises LookupError."""
        found = self.tree.find(name)
        if found is None:
            raise LookupError(name)
        return found

    def commit(self, draft: Node) -> None:
        """Stamp a checked draft with time and update sequence number and put it in place."""
        self.usn += 1
        stamp = b"%d" % self.usn
        if "uSNCreated" not in draft.attributes:
            draft.number = self.usn
            draft.attributes["uSNCreated"] = (stamp,)
        draft.attributes["uSNChanged"] = (stamp,)
        draft.attributes["whenChanged"] = (format_time(self.clock()),)
        self.tree.commit(draft)

    @property
    def recycle_bin(self) -> bool:
        """Whether the optional feature is on."""
        partitions = self.tree.find(f"CN=Partitions,{self.configuration_dn}")
        return bool(partitions and partitions.links.get("msDS-EnabledFeature"))

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


def sid_of(domain: str) -> str:
    """A domain SID made from the domain's name."""
    number = uuid.uuid5(uuid.NAMESPACE_DNS, domain).int
    return "S-1-5-21-" + "-".join(str(number >> shift & 0xFFFFFFFF) for shift in (0, 32, 96))
