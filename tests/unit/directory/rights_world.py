"""A small domain in which operations are predicted by the product and tried in the rehearsal's directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rehearsal.directory import DirectoryStore, deletion, lifecycle
from rehearsal.directory.changes import ADD, REPLACE, Modification
from rehearsal.directory.descriptors import DACL
from rehearsal.directory.failures import LdapError
from runbook_lib.directory.rights.constants import AccessMask, GuidKind, known_guids
from runbook_lib.directory.rights.descriptor import Ace, AceType, Acl, SecurityDescriptor
from runbook_lib.directory.rights.evaluate import Account, Holder, Place, Situation
from runbook_lib.directory.rights.needs import GROUP_CLASS, AllowEntry
from runbook_lib.directory.rights.sddl import parse_sddl

BASE = "DC=contoso,DC=com"
TARGET, RETIRED, STAFF = f"OU=Cloud Groups,{BASE}", f"OU=Retired,{BASE}", f"OU=Staff,{BASE}"
BOB, ANN, FRIENDS = f"CN=bob,{STAFF}", f"CN=ann,{STAFF}", f"CN=friends,{STAFF}"
DELETED = f"CN=Deleted Objects,{BASE}"
PLACES = {Place.TARGET: TARGET, Place.RETIRED: RETIRED, Place.DOMAIN: BASE, Place.DELETED_OBJECTS: DELETED}
_NAMES = {"adminDescription", "cn", "description", "distinguishedName", "extensionName", "isDeleted", "member", "name"}
TYPES = {
    item.name: (item.guid, *filter(None, [item.property_set]))
    for item in known_guids()
    if item.kind is GuidKind.ATTRIBUTE and item.name in _NAMES
}
NOW = datetime(2026, 11, 22, 5, 30, 15, tzinfo=UTC)


def build() -> DirectoryStore:
    """Two OUs; Bob, who is in a security group; nobody but administrators may write."""
    store = DirectoryStore("contoso.com", "CONTOSO", clock=lambda: NOW)
    for ou in (STAFF, TARGET, RETIRED):
        store.add(ou, {"objectClass": ["organizationalUnit"]})
    for dn in (BOB, ANN):
        store.add(dn, {"objectClass": ["user"], "sAMAccountName": dn[3:6]})
    store.add(FRIENDS, {"objectClass": ["group"], "groupType": "-2147483640", "member": [BOB]})
    return store


def explicit(store: DirectoryStore, dn: str, aces: Sequence[Ace], *, keep: bool = False) -> None:
    """Make these the explicit entries of an object's list, in this order; or put them before those that are there."""
    draft = store.node(dn).copy()
    old = store.descriptors.of(draft)
    rest = [ace for ace in old.entries if not ace.inherited] if keep else []
    store.descriptors.edit(draft, SecurityDescriptor(dacl=Acl((*aces, *rest)), control=old.control).to_bytes(), DACL)
    store.commit(draft)
    store.descriptors.hand_down(draft.guid)


def add_grant(store: DirectoryStore, grant: AllowEntry, who: str = BOB) -> None:
    """Write the entry of a grant as dsacls would: behind what denies, before what allows."""
    own = [ace for ace in store.descriptors.of(store.node(grant.dn)).entries if not ace.inherited]
    last = max((n for n, ace in enumerate(own, 1) if not ace.allows), default=0)
    explicit(store, grant.dn, [*own[:last], grant.ace(store.sid(who)), *own[last:]])


def situation(store: DirectoryStore, who: str = BOB, types: Mapping[str, tuple[str, ...]] = TYPES) -> Situation:
    """What the product would read, taken from the store."""
    account = store.node(who).guid
    kind = store.tree.schema.object_class("group")
    assert kind is not None
    return Situation(
        account=Account(
            "CONTOSO\\who",
            store.sid(who),
            store.rights.token(account, store.node(TARGET).guid),
            store.rights.creator(account, store.node(TARGET).guid)[0],
        ),
        places={place: Holder(dn, store.descriptors.of(store.node(dn))) for place, dn in PLACES.items()},
        group_default=parse_sddl(kind.row["defaultSecurityDescriptor"], store.domain_sid),
        types=types,
    )


@dataclass
class Trial:
    """Tries operations as an account; afterwards everything is as it was."""

    store: DirectoryStore
    who: str = BOB

    def allows(self, operation: str) -> bool:
        """Whether the rehearsal lets the account carry the operation of this id out."""
        before = self.store.snapshot()
        try:
            return self._try(*operation.split(":"))
        except LdapError as refused:
            assert refused.code == 50, str(refused)  # noqa: PT017 - any other refusal is a fault of the test
            return False
        finally:
            self.store.restore(before)

    def _try(self, verb: str, where: str = "target", name: str = "") -> bool:
        ou = {"target": TARGET, "retired": RETIRED}[where]
        actions: dict[str, Callable[[], bool]] = {
            "create": lambda: self._create(),
            "retire": lambda: self._move(TARGET, RETIRED),
            "restore": lambda: self._move(RETIRED, TARGET),
            "delete": lambda: self._delete(ou),
            "undelete": lambda: self._undelete(ou),
            "put-back": lambda: self._write(ou, "adminDescription"),
            "write": lambda: self._write(ou, name),
            "read": lambda: self._read(ou),
            "list-deleted": lambda: self._list_deleted(),
        }
        return actions[verb]()

    @property
    def _account(self) -> bytes:
        return self.store.node(self.who).guid

    def group(self, ou: str) -> str:
        """A group that the account made in the target OU, whatever it may do, and that stands in ``ou`` now."""
        own = [ace for ace in self.store.descriptors.of(self.store.node(TARGET)).entries if not ace.inherited]
        create = Ace(AceType.ALLOWED_OBJECT, self.store.sid(self.who), AccessMask.CREATE_CHILD, object_type=GROUP_CLASS)
        explicit(self.store, TARGET, [create, *own])
        self._create()
        explicit(self.store, TARGET, own)
        if ou != TARGET:
            lifecycle.rename(self.store, b"system", self.store.node(f"CN=New,{TARGET}"), "CN=New", self.store.node(ou))
        return f"CN=New,{ou}"

    def _create(self) -> bool:
        values = {"objectClass": ["group"], "groupType": "8", "adminDescription": "Group_x", "extensionName": "gwb"}
        self.store.add(f"CN=New,{TARGET}", values, as_system=False, account=self.who)
        return True

    def _move(self, start: str, end: str) -> bool:
        node = self.store.node(self.group(start))
        lifecycle.rename(self.store, self._account, node, "CN=New", self.store.node(end))
        return True

    def _delete(self, ou: str) -> bool:
        deletion.delete(self.store, self._account, self.store.node(self.group(ou)))
        return True

    def _undelete(self, ou: str) -> bool:
        dn = self.group(ou)
        guid = self.store.node(dn).guid
        deletion.delete(self.store, b"system", self.store.node(dn))
        marks = [Modification(REPLACE, name, (b"x",)) for name in ("adminDescription", "extensionName")]
        deletion.undelete(self.store, self._account, self.store.tree.nodes[guid], dn, marks)
        return True

    def _write(self, ou: str, name: str) -> bool:
        node = self.store.node(self.group(ou))
        change = Modification(ADD, name, (ANN.encode(),)) if name == "member" else Modification(REPLACE, name, (b"x",))
        lifecycle.modify(self.store, self._account, node, [change])
        return True

    def _read(self, ou: str) -> bool:
        node = self.store.node(self.group(ou))
        change = [Modification(ADD, "member", (ANN.encode(),)), Modification(REPLACE, "description", (b"x",))]
        lifecycle.modify(self.store, b"system", node, change)
        node = self.store.tree.nodes[node.guid]
        hidden = self.store.rights.hidden_attributes(self._account, node)
        wanted = {"adminDescription", "extensionName", "description", "member"}
        return self.store.rights.may_see(self._account, node.guid) and not hidden & wanted

    def _list_deleted(self) -> bool:
        head = self.store.node(DELETED)
        return self.store.rights.may(self._account, head, AccessMask.LIST_CONTENTS | AccessMask.READ_PROPERTY)
