"""Creating, changing, moving, deleting and reviving objects ([MS-ADTS], section 3.1.1.5). One call is one transaction:
a draft is checked to the end and only then committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rehearsal.directory import accounts, changes, failures
from rehearsal.directory.changes import ADD, DELETE, REPLACE, Modification
from rehearsal.directory.descriptors import ALL_PARTS, ATTRIBUTE
from rehearsal.directory.names import Rdn, parse_dn, rdn_key
from rehearsal.directory.rights import SYSTEM
from rehearsal.directory.schema import PRESERVED_ON_DELETE, ObjectClass
from rehearsal.directory.tree import Guid, Node
from rehearsal.directory.values import format_time
from runbook_lib.directory.decode import guid_text

if TYPE_CHECKING:
    from rehearsal.directory.store import DirectoryStore


def split_name(store: DirectoryStore, dn: str) -> tuple[Rdn, Node]:
    """RDN and parent of an object that is to be; the parent must exist."""
    try:
        rdns = parse_dn(dn)
    except ValueError:
        raise failures.bad_name(dn) from None
    if not rdns:
        raise failures.bad_name(dn)
    node, missing = store.tree.nearest(tuple(rdn_key(rdn) for rdn in rdns[1:]))
    if node is None:
        raise failures.referral(store.foreign_domain(rdns), dn)
    if missing or (node.deleted and node.guid != store.deleted_objects_of(node.guid)):
        raise failures.no_such_object(store.tree.dn(node.guid))
    return rdns[0], node


def add(
    store: DirectoryStore, account: Guid, dn: str, attributes: Mapping[str, Sequence[bytes]], *, guid: Guid
) -> Guid:
    """Create an object; ``guid`` is the objectGUID it gets."""
    rdn, parent = split_name(store, dn)
    schema = store.tree.schema
    named: dict[str, Sequence[bytes]] = {}
    for name, values in attributes.items():
        canonical = changes.attribute_of(schema, name).name
        named[canonical] = [*named.get(canonical, ()), *values]
    classes = _classes(store, named.pop("objectClass", ()))
    kind = schema.structural(classes)
    store.rights.check_create(account, parent, kind)
    if store.tree.child(parent.guid, rdn) is not None:
        raise failures.exists()
    _check_place(store, kind, rdn, parent, account)
    draft = Node(guid, 0, parent.guid, (rdn[0].upper(), rdn[1]))
    draft.attributes["objectClass"] = tuple(name.encode("ascii") for name in classes)
    _take_values(store, account, draft, named, kind)
    _finish_new(store, account, draft, kind)
    store.descriptors.set_up(draft, *store.rights.creator(account, parent.guid))
    changes_checked = {*named, kind.rdn_attribute}
    if account != SYSTEM:
        changes.check_object(schema, draft, changes_checked, is_account=accounts.is_account(classes))
    if accounts.is_account(classes):
        accounts.check_account(store.tree, draft, None)
        draft.attributes["sAMAccountType"] = (accounts.account_type(draft),)
    store.commit(draft)
    return guid


def _classes(store: DirectoryStore, values: Sequence[bytes]) -> tuple[str, ...]:
    """objectClass of a new object with all parents, in AD's order."""
    schema = store.tree.schema
    names = [value.decode("utf-8", "replace") for value in values]
    if any(schema.object_class(name) is None for name in names):
        raise failures.unknown_attribute()
    chains = sorted((schema.chain(name) for name in names), key=len)
    if not chains:
        raise failures.class_violation("0000207C")
    structural = [chain for chain in chains if schema.structural(chain).category in {0, 1}]
    if not structural or any(set(chain) - set(structural[-1]) for chain in structural):
        raise failures.class_violation()
    auxiliary = [name for chain in chains for name in chain if name not in structural[-1]]
    main = structural[-1]
    return (main[0], *dict.fromkeys(auxiliary), *main[1:])


def _check_place(store: DirectoryStore, kind: ObjectClass, rdn: Rdn, parent: Node, account: Guid) -> None:
    if account == SYSTEM:
        return
    fits = not kind.superiors or any(name in kind.superiors for name in parent.classes)
    if rdn[0].lower() != kind.rdn_attribute.lower() or not fits:
        raise failures.naming_violation(store.tree.dn(parent.guid))


def _take_values(
    store: DirectoryStore, account: Guid, draft: Node, named: Mapping[str, Sequence[bytes]], kind: ObjectClass
) -> None:
    for name, values in named.items():
        attribute = changes.attribute_of(store.tree.schema, name)
        if name.lower() == kind.rdn_attribute.lower():
            if rdn_key((name, values[0].decode("utf-8", "replace") if values else "")) != rdn_key((name, draft.rdn[1])):
                raise failures.naming_violation(store.tree.dn(draft.parent or b""))
            continue
        if account != SYSTEM:
            if name != "distinguishedName":
                changes.refuse_owned(attribute)
            if not values:
                raise failures.invalid_value()
        if name != "distinguishedName":
            changes.apply(store.tree, draft, Modification(ADD, name, tuple(values)), permissive=False)


def _finish_new(store: DirectoryStore, account: Guid, draft: Node, kind: ObjectClass) -> None:
    """Everything that the directory itself sets on a new object."""
    _set_name(store, draft, draft.rdn)
    own: dict[str, bytes] = {"objectGUID": draft.guid, "instanceType": b"4", "whenCreated": format_time(store.clock())}
    for name, value in own.items():
        draft.attributes.setdefault(name, (value,))
    category = store.category(kind)
    if category is not None:
        draft.links["objectCategory"] = {category: None}
    if accounts.is_account(draft.classes):
        accounts.set_defaults(draft, enabled=account == SYSTEM)
        if "objectSid" not in draft.attributes:
            draft.attributes["objectSid"] = (store.next_sid(draft.parent),)


def _set_name(store: DirectoryStore, draft: Node, rdn: Rdn) -> None:
    """Name an object: RDN, the attribute behind it, ``name``. A deleted object's name may be longer than others."""
    attribute = changes.attribute_of(store.tree.schema, rdn[0])
    value = rdn[1].encode("utf-8")
    if "\nDEL:" not in rdn[1]:
        changes.check_value(attribute, value)
    draft.rdn = (rdn[0].upper(), rdn[1])
    draft.attributes[attribute.name] = (value,)
    draft.attributes["name"] = (value,)


def modify(
    store: DirectoryStore,
    account: Guid,
    node: Node,
    modifications: Sequence[Modification],
    *,
    permissive: bool = False,
    parts: int = ALL_PARTS,
) -> None:
    """Change an object: all modifications or none. ``parts`` of a descriptor are taken over, the others stay."""
    store.rights.check_write(account, node, (change.attribute for change in modifications))
    draft = node.copy()
    modifications = _edit_descriptor(store, account, draft, modifications, parts)
    touched = _apply_all(store, account, draft, modifications, permissive=permissive)
    _check_changed(store, account, draft, node, touched)
    if (draft.attributes, draft.links) != (node.attributes, node.links):
        store.commit(draft)
        if draft.attributes[ATTRIBUTE] != node.attributes[ATTRIBUTE]:
            store.descriptors.hand_down(node.guid)


def _edit_descriptor(
    store: DirectoryStore, account: Guid, draft: Node, modifications: Sequence[Modification], parts: int
) -> list[Modification]:
    """Carry out what concerns the descriptor, which is replaced in parts; the modifications that are left."""
    others = []
    for change in modifications:
        if changes.attribute_of(store.tree.schema, change.attribute).name != ATTRIBUTE:
            others.append(change)
            continue
        store.rights.check_descriptor(account, draft, parts)
        if change.operation not in {ADD, REPLACE} or len(change.values) != 1:
            raise failures.unwilling("00002077")
        store.descriptors.edit(draft, change.values[0], parts)
    return others


def _apply_all(
    store: DirectoryStore, account: Guid, draft: Node, modifications: Sequence[Modification], *, permissive: bool
) -> set[str]:
    touched: set[str] = set()
    for change in modifications:
        if change.operation not in {ADD, DELETE, REPLACE}:
            raise failures.ldap_error(failures.PROTOCOL_ERROR, "00000057", "Error in attribute conversion operation")
        attribute = changes.attribute_of(store.tree.schema, change.attribute)
        if attribute.name in {"name", changes.attribute_of(store.tree.schema, draft.rdn[0]).name}:
            raise failures.update_error(failures.NOT_ON_RDN, "00002016", "6004 (CANT_ON_RDN)")
        if account != SYSTEM:
            if attribute.name == "objectClass":
                raise failures.update_error(failures.CLASS_MODS_PROHIBITED, "000020B1", "6002 (OBJ_CLASS_VIOLATION)")
            changes.refuse_owned(attribute)
        changes.apply(store.tree, draft, change, permissive=permissive)
        touched.add(attribute.name)
    return touched


def _check_changed(store: DirectoryStore, account: Guid, draft: Node, before: Node, touched: set[str]) -> None:
    is_account = accounts.is_account(draft.classes)
    if account != SYSTEM:
        changes.check_object(store.tree.schema, draft, touched, is_account=is_account)
    if is_account:
        if "sAMAccountName" not in draft.attributes:
            raise failures.class_violation("0000207C")
        accounts.check_account(store.tree, draft, before)
        draft.attributes["sAMAccountType"] = (accounts.account_type(draft),)


def rename(store: DirectoryStore, account: Guid, node: Node, rdn_text: str, new_parent: Node | None) -> None:
    """Give an object another name, another place, or both."""
    tree = store.tree
    if node.parent is None or node.text("isCriticalSystemObject") == "TRUE":
        raise failures.unwilling("000020CE")
    parent = new_parent if new_parent is not None else tree.nodes[node.parent]
    try:
        rdns = parse_dn(rdn_text)
    except ValueError:
        raise failures.bad_name(rdn_text) from None
    kind = tree.schema.structural(node.classes)
    store.rights.check_rename(account, node, parent, kind)
    if len(rdns) != 1 or rdns[0][0].lower() != kind.rdn_attribute.lower():
        raise failures.naming_violation(tree.dn(node.guid))
    if node.guid in tree.ancestors(parent.guid):
        raise failures.unwilling("00002089")
    if store.naming_context(parent.guid) != store.naming_context(node.guid):
        raise failures.update_error(failures.MULTIPLE_DSAS, "00002022", "6008 (AFFECTS_MULTIPLE_DSAS)")
    _check_place(store, kind, rdns[0], parent, account)
    if tree.child(parent.guid, rdns[0]) not in {None, node.guid}:
        raise failures.exists()
    draft = node.copy()
    draft.parent = parent.guid
    _set_name(store, draft, rdns[0])
    if draft.parent != node.parent:
        store.descriptors.inherit_anew(draft)
    store.commit(draft)
    if draft.attributes[ATTRIBUTE] != node.attributes[ATTRIBUTE]:
        store.descriptors.hand_down(node.guid)


def delete(store: DirectoryStore, account: Guid, node: Node, *, tree_delete: bool = False) -> None:
    """Turn an object into a tombstone, or with the Recycle Bin into a deleted object that keeps everything."""
    tree = store.tree
    children = [tree.nodes[guid] for guid in tree.children(node.guid)]
    store.rights.check_delete(account, node, whole_tree=tree_delete and bool(children))
    critical = node.text("isCriticalSystemObject") == "TRUE"
    if node.parent is None or critical or node.guid == store.deleted_objects_of(node.guid):
        raise failures.unwilling("000020CE")
    if children and not tree_delete:
        raise failures.update_error(failures.NOT_ON_NON_LEAF, "00002015", "6003 (CANT_ON_NON_LEAF)")
    for child in children:
        delete(store, SYSTEM, child, tree_delete=True)
    bury(store, tree.nodes[node.guid])


_KEPT = frozenset(
    {"objectClass", "objectGUID", "objectSid", "sAMAccountName", "name", "instanceType", "whenCreated"}
) | {
    "uSNCreated",
    "groupType",
    "userAccountControl",
    "nTSecurityDescriptor",
    "sIDHistory",
}
"""What a tombstone keeps beside the attributes whose searchFlags say so."""


def bury(store: DirectoryStore, node: Node) -> None:
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
        draft.links = {}
        draft.attributes = {name: values for name, values in draft.attributes.items() if _is_kept(store, name)}
    old_rdn = draft.rdn
    draft.attributes["isDeleted"] = (b"TRUE",)
    draft.attributes["msDS-LastKnownRDN"] = (old_rdn[1].encode("utf-8"),)
    draft.links["lastKnownParent"] = {node.parent or b"": None}
    draft.parent = store.deleted_objects_of(node.guid)
    _set_name(store, draft, (old_rdn[0], f"{old_rdn[1]}\nDEL:{guid_text(node.guid)}"))
    store.commit(draft)


def _is_kept(store: DirectoryStore, name: str) -> bool:
    return name in _KEPT or bool(changes.attribute_of(store.tree.schema, name).search_flags & PRESERVED_ON_DELETE)


def _unlink(store: DirectoryStore, name: str, source: Guid, target: Guid) -> None:
    """Take one link away; the holder's uSNChanged stays, as with linked values in AD."""
    draft = store.tree.nodes[source].copy()
    draft.links[name].pop(target, None)
    if not draft.links[name]:
        del draft.links[name]
    store.tree.commit(draft)


def undelete(store: DirectoryStore, account: Guid, node: Node, new_dn: str, rest: Sequence[Modification]) -> None:
    """Bring a deleted object back under ``new_dn``, with further modifications in the same transaction."""
    rdn, parent = split_name(store, new_dn)
    store.rights.check_undelete(account, node, parent, store.tree.schema.structural(node.classes))
    store.rights.check_write(account, node, (change.attribute for change in rest))
    if store.tree.child(parent.guid, rdn) is not None:
        raise failures.exists()
    draft = node.copy()
    del draft.attributes["isDeleted"]
    draft.parent = parent.guid
    _set_name(store, draft, rdn)
    kind = store.tree.schema.structural(draft.classes)
    category = store.category(kind)
    if category is not None:
        draft.links["objectCategory"] = {category: None}
    for name, source, target in node.parked:
        if source == node.guid and target in store.tree.nodes and not store.tree.nodes[target].deleted:
            draft.links.setdefault(name, {})[target] = None
    draft.parked = ()
    store.descriptors.inherit_anew(draft)
    touched = _apply_all(store, account, draft, rest, permissive=False)
    _check_changed(store, account, draft, node, touched)
    store.commit(draft)
    for name, source, target in node.parked:
        holder = store.tree.nodes.get(source)
        if target == node.guid and holder is not None and not holder.deleted:
            again = holder.copy()
            again.links.setdefault(name, {})[target] = None
            store.tree.commit(again)
