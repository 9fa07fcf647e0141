"""The schema as objects below CN=Schema, so that a client can look up what an object may carry."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from rehearsal.directory.bulk import BulkLoad
from rehearsal.directory.rights import ObjectStore
from rehearsal.directory.schema import Attribute, ObjectClass, attribute_of, class_of
from rehearsal.directory.tree import Guid, Node
from runbook_lib.directory.search import guid_text

_SCALARS = {
    "attributeSchema": (
        "lDAPDisplayName",
        "attributeID",
        "attributeSyntax",
        "oMSyntax",
        "isSingleValued",
        "rangeLower",
        "rangeUpper",
        "searchFlags",
        "linkID",
        "systemOnly",
        "systemFlags",
    ),
    "classSchema": (
        "lDAPDisplayName",
        "governsID",
        "subClassOf",
        "objectClassCategory",
        "rDNAttID",
        "defaultSecurityDescriptor",
    ),
}
_LISTS = (
    "possSuperiors",
    "systemPossSuperiors",
    "auxiliaryClass",
    "systemAuxiliaryClass",
    "mustContain",
    "systemMustContain",
    "mayContain",
    "systemMayContain",
)


def publish(store: ObjectStore) -> None:
    """Create or bring up to date one object for every attribute and class of the store's schema."""
    container = store.node(store.schema_dn).guid
    items: list[Attribute | ObjectClass] = [*store.tree.schema.classes, *store.tree.schema.attributes]
    new = BulkLoad(store)
    for item in items:
        kind = "classSchema" if isinstance(item, ObjectClass) else "attributeSchema"
        values = dict(_values(item, kind))
        known = store.tree.child(container, ("CN", item.row["cn"]))
        if known is None:
            new.add(f"CN={item.row['cn']},{store.schema_dn}", {"objectClass": [kind], **values})
        else:
            node = store.tree.nodes[known]
            wanted = {name: tuple(as_octets(value) for value in values[name]) for name in values}
            if any(node.attributes.get(name) != value for name, value in wanted.items()):
                draft = node.copy()
                draft.attributes.update(wanted)
                store.commit(draft)
    _refer_categories(store, container)


def _values(item: Attribute | ObjectClass, kind: str) -> Iterator[tuple[str, list[str | bytes]]]:
    row = item.row
    for column in _SCALARS[kind]:
        if row.get(column):
            yield column, [row[column]]
    for column in ("schemaIDGUID", "attributeSecurityGUID"):
        if row.get(column):
            yield column, [uuid.UUID(row[column]).bytes_le]
    for column in _LISTS:
        if row.get(column):
            yield column, list(row[column].split())


def _refer_categories(store: ObjectStore, container: Guid) -> None:
    """Set defaultObjectCategory on classes, and objectCategory on whatever was made before its class was there."""
    schema = store.tree.schema
    for item in schema.classes:
        guid = store.tree.child(container, ("CN", item.row["cn"]))
        target = store.category(item)
        if guid is not None and target is not None:
            draft = store.tree.nodes[guid].copy()
            draft.links["defaultObjectCategory"] = {target: None}
            store.tree.commit(draft)
    for node in tuple(store.tree.nodes.values()):
        category = store.category(schema.structural(node.classes)) if "objectCategory" not in node.links else None
        if category is not None:
            draft = node.copy()
            draft.links["objectCategory"] = {category: None}
            store.tree.commit(draft)


def refresh(store: ObjectStore) -> None:
    """Let what stands below CN=Schema take effect: schemaUpdateNow of the root DSE ([MS-ADTS], 3.1.1.3.3.13)."""
    tree, schema = store.tree, store.tree.schema
    attributes: list[Attribute] = []
    classes: list[ObjectClass] = []
    for guid in tree.children(store.node(store.schema_dn).guid):
        node = tree.nodes[guid]
        kind = node.classes[-1]
        if kind == "attributeSchema":
            known: Attribute | ObjectClass | None = schema.attribute(node.text("lDAPDisplayName"))
            if known is None or _differs(known, node, kind):
                attributes.append(attribute_of(_row(store, node, kind)))
        elif kind == "classSchema":
            known = schema.object_class(node.text("lDAPDisplayName"))
            if known is None or _differs(known, node, kind):
                classes.append(class_of(_row(store, node, kind)))
    if attributes or classes:
        tree.schema = schema.extended(attributes, classes)


def _differs(known: Attribute | ObjectClass, node: Node, kind: str) -> bool:
    published = {name: [as_octets(value) for value in values] for name, values in _values(known, kind)}
    names = {*_SCALARS[kind], *_LISTS, *published}
    return any(list(node.attributes.get(name, ())) != published.get(name, []) for name in names)


def as_octets(value: str | bytes) -> bytes:
    """Text or octets as octets."""
    return value.encode("utf-8") if isinstance(value, str) else value


def _row(store: ObjectStore, node: Node, kind: str) -> dict[str, str]:
    """The columns of a data file, from an object."""
    row = {column: node.text(column) for column in _SCALARS[kind]}
    row["cn"] = node.rdn[1]
    for column in ("schemaIDGUID", "attributeSecurityGUID"):
        values = node.attributes.get(column)
        row[column] = guid_text(values[0]) if values else ""
    for column in _LISTS:
        row[column] = " ".join(value.decode("utf-8") for value in node.attributes.get(column, ()))
    for category in node.links.get("defaultObjectCategory", ()):
        row["defaultObjectCategory"] = store.tree.nodes[category].rdn[1]
    for column in ("searchFlags", "systemFlags"):
        if column in row:
            row[column] = row[column] or "0"
    return row
