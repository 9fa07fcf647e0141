"""Deleting, reviving and forgetting objects ([MS-ADTS], sections 3.1.1.5.5 and 3.1.1.5.3.7).

Without the Recycle Bin a deleted object is a tombstone: it keeps little and comes back without its links. With it, a
deleted object keeps everything and comes back whole, until its lifetime ends and it becomes a recycled object: a
tombstone that nobody can bring back. Both go for good when the tombstone lifetime has passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from rehearsal.directory import changes, enforcement, failures
from rehearsal.directory.changes import Modification
from rehearsal.directory.lifecycle import apply_all, check_changed, set_name, split_name
from rehearsal.directory.rights import SYSTEM, ObjectStore
from rehearsal.directory.schema import PRESERVED_ON_DELETE
from rehearsal.directory.tree import Guid, Node
from rehearsal.directory.values import parse_time
from runbook_lib.directory.search import guid_text

DEFAULT_LIFETIME = 60
"""Days, where tombstoneLifetime has no value ([MS-ADTS], section 6.1.1.2.4.1.1)."""
# fmt: off
_KEPT = frozenset({
    "objectClass", "objectGUID", "objectSid", "sAMAccountName", "name", "instanceType", "whenCreated",
    "uSNCreated", "groupType", "userAccountControl", "nTSecurityDescriptor", "sIDHistory", "systemFlags",
    "legacyExchangeDN", "mS-DS-CreatorSID", "nCName", "subClassOf", "attributeID", "attributeSyntax", "governsID",
    "lDAPDisplayName", "oMSyntax", "dNSHostName", "flatName", "isDeleted", "msDS-LastKnownRDN",
    "securityIdentifier", "trustAttributes", "trustDirection", "trustPartner", "trustType",
})
# fmt: on
"""What tombstones and recycled objects keep ([MS-ADTS], 3.1.1.5.5.1.3), beside attributes whose searchFlags say so."""
_NEVER_KEPT = frozenset({"sAMAccountType", "objectCategory"})


def delete(store: ObjectStore, account: Guid, node: Node, *, tree_delete: bool = False) -> None:
    """Delete an object, with ``tree_delete`` everything below it too; a deleted object becomes a recycled one."""
    tree = store.tree
    children = [tree.nodes[guid] for guid in tree.children(node.guid)]
    store.rights.check_delete(account, node, whole_tree=tree_delete and bool(children))
    critical = node.text("isCriticalSystemObject") == "TRUE"
    if node.parent is None or critical or node.guid == store.deleted_objects_of(node.guid):
        raise failures.unwilling("000020CE")
    if node.deleted:
        if node.recycled or not store.recycle_bin:
            raise failures.unwilling("000020D9")
        recycle(store, node)
        return
    if children and not tree_delete:
        raise failures.update_error(failures.NOT_ON_NON_LEAF, "00002015", "6003 (CANT_ON_NON_LEAF)")
    for child in children:
        delete(store, SYSTEM, child, tree_delete=True)
    _bury(store, tree.nodes[node.guid])


def _bury(store: ObjectStore, node: Node) -> None:
    """Move a leaf below Deleted Objects and take its links away, in both directions."""
    tree = store.tree
    forward = [(name, node.guid, target) for name, targets in node.links.items() for target in targets]
    linked = [attribute.name for attribute in tree.schema.attributes if attribute.link and not attribute.is_back_link]
    backward = [(name, source, node.guid) for name in linked for source in tuple(tree.sources(name, node.guid))]
    for name, source, _ in backward:
        _unlink(store, name, source, node.guid)
    draft = node.copy()
    if store.recycle_bin:
        draft.parked = (*(item for item in forward if item[0] in linked), *backward)
        gone = {*linked, "objectCategory"}
        draft.links = {name: targets for name, targets in draft.links.items() if name not in gone}
        draft.attributes.pop("sAMAccountType", None)
    else:
        _strip(store, draft)
    old_rdn = draft.rdn
    draft.attributes["isDeleted"] = (b"TRUE",)
    draft.attributes["msDS-LastKnownRDN"] = (old_rdn[1].encode("utf-8"),)
    draft.links["lastKnownParent"] = {node.parent or b"": None}
    draft.parent = store.deleted_objects_of(node.guid)
    set_name(store, draft, (old_rdn[0], f"{old_rdn[1]}\nDEL:{guid_text(node.guid)}"))
    store.commit(draft)


def _strip(store: ObjectStore, draft: Node) -> None:
    draft.parked = ()
    draft.links = {name: targets for name, targets in draft.links.items() if name == "lastKnownParent"}
    own = changes.attribute_of(store.tree.schema, draft.rdn[0]).name
    draft.attributes = {
        name: values for name, values in draft.attributes.items() if name == own or _is_kept(store, name)
    }


def _is_kept(store: ObjectStore, name: str) -> bool:
    if name in _NEVER_KEPT:
        return False
    return name in _KEPT or bool(changes.attribute_of(store.tree.schema, name).search_flags & PRESERVED_ON_DELETE)


def _unlink(store: ObjectStore, name: str, source: Guid, target: Guid) -> None:
    """Take one link away; the holder's uSNChanged stays, as with linked values in AD."""
    draft = store.tree.nodes[source].copy()
    draft.links[name].pop(target, None)
    if not draft.links[name]:
        del draft.links[name]
    store.tree.commit(draft)


def recycle(store: ObjectStore, node: Node) -> None:
    """Turn a deleted object, or a tombstone from before the Recycle Bin was on, into a recycled object."""
    draft = node.copy()
    _strip(store, draft)
    draft.attributes["isRecycled"] = (b"TRUE",)
    store.commit(draft)


def undelete(store: ObjectStore, account: Guid, node: Node, new_dn: str, rest: Sequence[Modification]) -> None:
    """Bring a deleted object back under ``new_dn``, with further modifications in the same transaction."""
    if node.recycled:
        raise failures.unwilling("0000208D")
    rdn, parent = split_name(store, new_dn)
    store.rights.check_undelete(account, node, parent, store.tree.schema.structural(node.classes))
    store.rights.check_write(account, node, (change.attribute for change in rest))
    enforcement.check(store, account, node)
    if store.tree.child(parent.guid, rdn) is not None:
        raise failures.exists()
    draft = node.copy()
    del draft.attributes["isDeleted"]
    draft.parent = parent.guid
    set_name(store, draft, rdn)
    kind = store.tree.schema.structural(draft.classes)
    category = store.category(kind)
    if category is not None:
        draft.links["objectCategory"] = {category: None}
    for name, source, target in node.parked:
        if source == node.guid and (target == source or _is_alive(store, target)):
            draft.links.setdefault(name, {})[target] = None
    draft.parked = ()
    store.descriptors.inherit_anew(draft)
    touched = apply_all(store, account, draft, rest, permissive=False)
    check_changed(store, account, draft, node, touched)
    store.commit(draft)
    for link in node.parked:
        _give_back(store, node.guid, link)


def _is_alive(store: ObjectStore, guid: Guid) -> bool:
    node = store.tree.nodes.get(guid)
    return node is not None and not node.deleted


def _give_back(store: ObjectStore, back: Guid, link: tuple[str, Guid, Guid]) -> None:
    """A kept link of an object that is back: to its holder, or to the other end, which keeps it until it is back too.

    A link between two deleted objects shows again when both are there; a recycled object has lost it.
    """
    name, source, target = link
    other = store.tree.nodes.get(target if source == back else source)
    if other is None or other.recycled or other.guid == back or not (other.deleted or target == back):
        return
    again = other.copy()
    if other.deleted:
        again.parked = tuple(dict.fromkeys((*other.parked, link)))
    else:
        again.links.setdefault(name, {})[target] = None
    store.tree.commit(again)


# the end of deleted objects


def switch_recycle_bin_on(store: ObjectStore) -> None:
    """What happens to the tombstones when the feature is switched on: nobody can bring them back any more."""
    for node in tuple(_deleted(store)):
        if not node.recycled:
            recycle(store, node)


def collect_garbage(store: ObjectStore) -> None:
    """Recycle deleted objects and forget recycled ones and tombstones whose lifetime has passed."""
    deleted_days, tombstone_days = lifetimes(store)
    now = store.clock()
    for node in tuple(_deleted(store)):
        age = now - parse_time(node.text("whenChanged"))
        if store.recycle_bin and not node.recycled:
            if age > timedelta(days=deleted_days):
                recycle(store, node)
        elif age > timedelta(days=tombstone_days):
            store.tree.remove(node.guid)


def lifetimes(store: ObjectStore) -> tuple[int, int]:
    """Days that deleted objects, and tombstones or recycled objects, are kept."""
    service = store.node(f"CN=Directory Service,CN=Windows NT,CN=Services,{store.configuration_dn}")
    tombstone = int(service.text("tombstoneLifetime") or DEFAULT_LIFETIME)
    return int(service.text("msDS-DeletedObjectLifetime") or tombstone), tombstone


def _deleted(store: ObjectStore) -> Iterator[Node]:
    """Every deleted object; the containers of deleted objects carry isDeleted too and stay."""
    nodes = store.tree.nodes
    return (node for node in nodes.values() if node.deleted and node.parent is not None and nodes[node.parent].deleted)
