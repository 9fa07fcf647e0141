"""The embedded directory: a forest, its controllers, what they hold and what may be done to it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from rehearsal.directory import bulk, deletion, forest, lifecycle, logon, schema_objects
from rehearsal.directory.descriptors import ATTRIBUTE
from rehearsal.directory.lifecycle import Given
from rehearsal.directory.rights import SYSTEM, ObjectStore
from rehearsal.directory.schema import extend_for_exchange
from rehearsal.directory.tree import Guid, Node
from runbook_lib.directory.rights.constants import GuidKind, guid_of
from runbook_lib.directory.search import sid_text


class DirectoryStore(ObjectStore):
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
        super().__init__(domain, netbios, clock=clock, guid_source=guid_source, host=host, domain_sid=domain_sid)
        forest.populate(self)

    # objects

    def add(self, dn: str, attributes: Given, *, as_system: bool = True, account: str = "") -> str:
        """Create an object and return its objectGUID as text.

        As the system: no rights asked for, ``objectGUID`` and ``objectSid`` may be given (bytes or text), any attribute
        of the schema is accepted. Otherwise in the name of ``account`` (a DN), with every rule of an LDAP add.

        Raises:
            LdapError: What an LDAP client would be told.
        """
        return lifecycle.add_given(self, SYSTEM if as_system else self.node(account).guid, dn, attributes)

    def load(self, objects: Iterable[tuple[str, Given]]) -> int:
        """Create many objects as the system, unchecked and therefore quickly, and return how many.

        Parents and members come before what names them; the caller vouches for syntax, uniqueness and classes.
        """
        return bulk.load(self, objects)

    def modify(self, dn: str, replacements: Given) -> None:
        """Replace attributes of an object as the system; an empty sequence takes the attribute away."""
        lifecycle.modify_as_system(self, dn, replacements)

    def delete(self, dn: str) -> None:
        """Delete an object as the system."""
        deletion.delete(self, SYSTEM, self.node(dn))

    # accounts and rights

    def set_password(self, dn: str, password: str) -> None:
        """Let an account bind; the password is as old as the clock says."""
        lifecycle.set_password(self, self.node(dn), password)

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

    # schema and features

    def extend_schema_for_exchange(self, range_upper: int = 17003) -> None:
        """Extend the schema as Exchange's setup does; 17003 is Exchange 2019 CU10 and later, and SE."""
        self.tree.schema = extend_for_exchange(self.tree.schema, range_upper)
        schema_objects.publish(self)

    @property
    def recycle_bin(self) -> bool:
        """Whether the optional feature is on; it cannot be switched off in AD, here it can."""
        return super().recycle_bin

    @recycle_bin.setter
    def recycle_bin(self, on: bool) -> None:
        feature = f"{forest.RECYCLE_BIN},{self.configuration_dn}"
        if on and not self.recycle_bin:
            deletion.switch_recycle_bin_on(self)
        self.modify(f"CN=Partitions,{self.configuration_dn}", {"msDS-EnabledFeature": [feature] if on else []})

    # whole state

    def dump(self) -> dict[str, dict[str, list[bytes]]]:
        """Every object, deleted ones too, with all attributes but the descriptor: stored, linked and back links."""
        return {
            dn: {
                **{name: list(stored) for name, stored in node.attributes.items() if name != ATTRIBUTE},
                **{name: [target.encode("utf-8") for target in targets] for name, targets in links.items()},
            }
            for dn, node, links in self.listed()
        }

    def listed(self) -> Iterator[tuple[str, Node, dict[str, list[str]]]]:
        """Every object, deleted ones too: its DN, itself, and the DNs that its links and back links name."""
        for node in sorted(self.tree.nodes.values(), key=lambda item: item.number):
            links = {name: [self.tree.dn(target) for target in targets] for name, targets in node.links.items()}
            sources = self.tree.sources("member", node.guid)
            if sources:
                links["memberOf"] = sorted(self.tree.dn(source) for source in sources)
            yield self.tree.dn(node.guid), node, links
