"""The schema as objects below CN=Schema, so that a client can look up what an object may carry."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rehearsal.directory.schema import Attribute, ObjectClass
from rehearsal.directory.tree import Guid

if TYPE_CHECKING:
    from rehearsal.directory.store import DirectoryStore

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


def publish(store: DirectoryStore) -> None:
    """Create or bring up to date one object for every attribute and class of the store's schema."""
    container = store.node(store.schema_dn).guid
    items: list[Attribute | ObjectClass] = [*store.tree.schema.classes, *store.tree.schema.attributes]
    for item in items:
        kind = "classSchema" if isinstance(item, ObjectClass) else "attributeSchema"
        values = dict(_values(item, kind))
        known = store.tree.child(container, ("CN", item.row["cn"]))
        if known is None:
            store.add(f"CN={item.row['cn']},{store.schema_dn}", {"objectClass": [kind], **values})
        else:
            node = store.tree.nodes[known]
            wanted = {
                name: tuple(value.encode() if isinstance(value, str) else value for value in values[name])
                for name in values
            }
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


def _refer_categories(store: DirectoryStore, container: Guid) -> None:
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
