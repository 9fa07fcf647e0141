"""Creating, changing and moving objects ([MS-ADTS], section 3.1.1.5).

One call is one transaction: a draft is checked to the end and only then committed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from rehearsal.directory import accounts, changes, enforcement, failures, nesting, passwords
from rehearsal.directory.changes import ADD, DELETE, REPLACE, Modification
from rehearsal.directory.descriptors import ALL_PARTS, ATTRIBUTE
from rehearsal.directory.logon import file_time
from rehearsal.directory.names import Rdn, parse_dn, rdn_key
from rehearsal.directory.rights import SYSTEM, ObjectStore
from rehearsal.directory.schema import ObjectClass
from rehearsal.directory.tree import Guid, Node
from rehearsal.directory.values import format_time
from runbook_lib.directory.search import sid_bytes

Value = str | bytes
Given = Mapping[str, Value | Sequence[Value]]
_SCHEMA_CLASSES = frozenset({"attributeSchema", "classSchema"})
"""Their creators set what is the system's own afterwards: identifiers, syntax, parents."""


def split_name(store: ObjectStore, dn: str) -> tuple[Rdn, Node]:
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


def add(store: ObjectStore, account: Guid, dn: str, attributes: Mapping[str, Sequence[bytes]], *, guid: Guid) -> Guid:
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
    for member in draft.links.get("member", ()):  # the type may have come after them
        nesting.check_member(store.tree, draft, member)
    store.descriptors.set_up(draft, *store.rights.creator(account, parent.guid))
    changes_checked = {*named, kind.rdn_attribute}
    if account != SYSTEM:
        changes.check_object(schema, draft, changes_checked, is_account=accounts.is_account(classes))
    if accounts.is_account(classes):
        accounts.check_account(store.tree, draft, None)
        draft.attributes["sAMAccountType"] = (accounts.account_type(draft),)
    store.commit(draft)
    return guid


def _classes(store: ObjectStore, values: Sequence[bytes]) -> tuple[str, ...]:
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


def _check_place(store: ObjectStore, kind: ObjectClass, rdn: Rdn, parent: Node, account: Guid) -> None:
    if account == SYSTEM:
        return
    fits = not kind.superiors or any(name in kind.superiors for name in parent.classes)
    if rdn[0].lower() != kind.rdn_attribute.lower() or not fits:
        raise failures.naming_violation(store.tree.dn(parent.guid))


def _take_values(
    store: ObjectStore, account: Guid, draft: Node, named: Mapping[str, Sequence[bytes]], kind: ObjectClass
) -> None:
    for name, values in named.items():
        attribute = changes.attribute_of(store.tree.schema, name)
        if name.lower() == kind.rdn_attribute.lower():
            if rdn_key((name, values[0].decode("utf-8", "replace") if values else "")) != rdn_key((name, draft.rdn[1])):
                raise failures.naming_violation(store.tree.dn(draft.parent or b""))
            continue
        if account != SYSTEM:
            if name != "distinguishedName" and kind.name not in _SCHEMA_CLASSES:
                changes.refuse_owned(attribute)
            if not values:
                raise failures.invalid_value()
        if name != "distinguishedName":
            changes.apply(store.tree, draft, Modification(ADD, name, tuple(values)), permissive=False)


def _finish_new(store: ObjectStore, account: Guid, draft: Node, kind: ObjectClass) -> None:
    """Everything that the directory itself sets on a new object."""
    set_name(store, draft, draft.rdn)
    own: dict[str, bytes] = {"objectGUID": draft.guid, "instanceType": b"4", "whenCreated": format_time(store.clock())}
    for name, value in own.items():
        draft.attributes.setdefault(name, (value,))
    category = store.category(kind)
    if category is not None:
        draft.links["objectCategory"] = {category: None}
    if kind.name in _SCHEMA_CLASSES and account != SYSTEM:
        _set_schema_defaults(draft, store.guid_source().bytes_le)
    if accounts.is_account(draft.classes):
        accounts.set_defaults(draft, enabled=account == SYSTEM)
        if "objectSid" not in draft.attributes:
            draft.attributes["objectSid"] = (store.next_sid(draft.parent),)


def _set_schema_defaults(draft: Node, schema_id: bytes) -> None:
    """Fill in what the creator of an attribute or class left out ([MS-ADTS], section 3.1.1.2.5)."""
    name = draft.rdn[1].replace("-", "")
    defaults = {
        "lDAPDisplayName": (name[:1].lower() + name[1:]).encode("utf-8"),
        "schemaIDGUID": schema_id,
        "systemFlags": b"0",
        "systemOnly": b"FALSE",
    }
    if "classSchema" in draft.classes:
        draft.links.setdefault("defaultObjectCategory", {draft.guid: None})
        defaults["rDNAttID"] = b"cn"
    else:
        defaults["searchFlags"] = b"0"
    for attribute, value in defaults.items():
        draft.attributes.setdefault(attribute, (value,))


def set_name(store: ObjectStore, draft: Node, rdn: Rdn) -> None:
    """Name an object: RDN, the attribute behind it, ``name``. A deleted object's name may be longer than others."""
    attribute = changes.attribute_of(store.tree.schema, rdn[0])
    value = rdn[1].encode("utf-8")
    if "\nDEL:" not in rdn[1]:
        changes.check_value(attribute, value)
    draft.rdn = (rdn[0].upper(), rdn[1])
    draft.attributes[attribute.name] = (value,)
    draft.attributes["name"] = (value,)


def modify(
    store: ObjectStore,
    account: Guid,
    node: Node,
    modifications: Sequence[Modification],
    *,
    permissive: bool = False,
    parts: int = ALL_PARTS,
) -> None:
    """Change an object: all modifications or none. ``parts`` of a descriptor are taken over, the others stay."""
    password, modifications = passwords.take_password(store, account, node, modifications)
    store.rights.check_write(account, node, (change.attribute for change in modifications))
    enforcement.check(store, account, node)
    draft = node.copy()
    modifications = _edit_descriptor(store, account, draft, modifications, parts)
    touched = apply_all(store, account, draft, modifications, permissive=permissive)
    check_changed(store, account, draft, node, touched)
    if (draft.attributes, draft.links) != (node.attributes, node.links):
        store.commit(draft)
        if draft.attributes[ATTRIBUTE] != node.attributes[ATTRIBUTE]:
            store.descriptors.hand_down(node.guid)
    if password is not None:
        set_password(store, store.tree.nodes[node.guid], password)


def _edit_descriptor(
    store: ObjectStore, account: Guid, draft: Node, modifications: Sequence[Modification], parts: int
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


def apply_all(
    store: ObjectStore, account: Guid, draft: Node, modifications: Sequence[Modification], *, permissive: bool
) -> set[str]:
    """Carry out modifications on a draft; the names of the attributes they touch."""
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


def check_changed(store: ObjectStore, account: Guid, draft: Node, before: Node, touched: set[str]) -> None:
    """Check a changed draft as a whole, and set what follows from it."""
    is_account = accounts.is_account(draft.classes)
    if account != SYSTEM:
        changes.check_object(store.tree.schema, draft, touched, is_account=is_account)
    if is_account:
        if "sAMAccountName" not in draft.attributes:
            raise failures.class_violation("0000207C")
        accounts.check_account(store.tree, draft, before)
        draft.attributes["sAMAccountType"] = (accounts.account_type(draft),)
    if "groupType" in touched:
        nesting.check_scope(store.tree, draft, before)


def rename(store: ObjectStore, account: Guid, node: Node, rdn_text: str, new_parent: Node | None) -> None:
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
    enforcement.check(store, account, node)
    if len(rdns) != 1 or rdns[0][0].lower() != kind.rdn_attribute.lower():
        raise failures.naming_violation(tree.dn(node.guid))
    if node.guid in tree.ancestors(parent.guid):
        raise failures.unwilling("00002089")
    if store.naming_context(parent.guid) != store.naming_context(node.guid):
        raise failures.update_error(failures.MULTIPLE_DSAS, "00002039", "6008 (AFFECTS_MULTIPLE_DSAS)")
    _check_place(store, kind, rdns[0], parent, account)
    if tree.child(parent.guid, rdns[0]) not in {None, node.guid}:
        raise failures.exists()
    draft = node.copy()
    draft.parent = parent.guid
    set_name(store, draft, rdns[0])
    if draft.parent != node.parent:
        store.descriptors.inherit_anew(draft)
    store.commit(draft)
    if draft.attributes[ATTRIBUTE] != node.attributes[ATTRIBUTE]:
        store.descriptors.hand_down(node.guid)


# from texts


def as_bytes(value: Value | Sequence[Value]) -> list[bytes]:
    """One value or several, text or octets, as the octets that LDAP sends."""
    values = [value] if isinstance(value, str | bytes) else value
    return [item.encode("utf-8") if isinstance(item, str) else item for item in values]


def add_given(store: ObjectStore, account: Guid, dn: str, attributes: Given) -> str:
    """Create an object from texts or octets in the name of ``account``, and return its objectGUID as text.

    ``objectSid`` may be text. As ``SYSTEM`` no rights are asked for, ``objectGUID`` may be given (octets or text) and
    any attribute of the schema is accepted; an account keeps to every rule of an LDAP add.

    Raises:
        LdapError: What an LDAP client would be told.
    """
    values = {name: as_bytes(value) for name, value in attributes.items()}
    given = next((values.pop(name) for name in list(values) if name.lower() == "objectguid"), None)
    guid = _guid_octets(given[0]) if given and account == SYSTEM else store.guid_source().bytes_le
    for name in values:
        if name.lower() == "objectsid" and values[name][0][:2] == b"S-":
            values[name] = [sid_bytes(values[name][0].decode("ascii"))]
    return str(uuid.UUID(bytes_le=add(store, account, dn, values, guid=guid)))


def add_as_system(store: ObjectStore, dn: str, attributes: Given) -> str:
    """``add_given`` as the system."""
    return add_given(store, SYSTEM, dn, attributes)


def modify_as_system(store: ObjectStore, dn: str, replacements: Given) -> None:
    """Replace attributes of an object; an empty sequence takes the attribute away."""
    wanted = [Modification(REPLACE, name, tuple(as_bytes(value))) for name, value in replacements.items()]
    modify(store, SYSTEM, store.node(dn), wanted)


def set_password(store: ObjectStore, node: Node, password: str) -> None:
    """Let an account bind; the password is as old as the clock says."""
    store.passwords[node.guid] = password
    modify(store, SYSTEM, node, [Modification(REPLACE, "pwdLastSet", (b"%d" % file_time(store.clock()),))])


def _guid_octets(value: bytes) -> bytes:
    return value if len(value) == 16 else uuid.UUID(value.decode("ascii")).bytes_le
