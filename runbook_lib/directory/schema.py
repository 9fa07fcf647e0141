"""What this forest's schema lets a group carry: attributes that exist, and that a class of the group allows."""

from __future__ import annotations

from collections.abc import Iterable

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import Entry, all_of, any_of, equals

_ALLOWING = ("mustContain", "systemMustContain", "mayContain", "systemMayContain")
_INDEXED = 1
"""Bit fATTINDEX of searchFlags: the domain controllers keep an index of the attribute (MS-ADTS 2.2.10)."""
_INCLUDING = ("subClassOf", "auxiliaryClass", "systemAuxiliaryClass")


def allowed_attributes(directory: Directory, class_name: str, wanted: Iterable[str]) -> frozenset[str]:
    """Those of ``wanted`` (spelled as in ``wanted``) that an object of ``class_name`` may have.

    The class, the classes above it and their auxiliary classes are read level by level, then the attributes
    themselves, because a class may name an attribute that was made defunct.
    """
    spelled = {name.lower(): name for name in wanted}
    allowed = _allowed_by_classes(directory, class_name) & spelled.keys()
    if not allowed:
        return frozenset()
    existing = directory.search(
        directory.controller.schema_naming_context,
        all_of(
            equals("objectClass", "attributeSchema"),
            any_of(*(equals("lDAPDisplayName", spelled[name]) for name in sorted(allowed))),
        ),
        ("lDAPDisplayName", "isDefunct"),
        scope="one",
    )
    found = {(entry.text("lDAPDisplayName") or "").lower() for entry in existing if not entry.truth("isDefunct")}
    return frozenset(spelled[name] for name in found & allowed)


def _allowed_by_classes(directory: Directory, class_name: str) -> set[str]:
    """Lower-case names of every attribute that the class, its superiors and its auxiliaries allow."""
    allowed: set[str] = set()
    seen: set[str] = set()
    level = {class_name.lower()}
    while level:
        seen |= level
        above: set[str] = set()
        classes = directory.search(
            directory.controller.schema_naming_context,
            all_of(
                equals("objectClass", "classSchema"), any_of(*(equals("lDAPDisplayName", n) for n in sorted(level)))
            ),
            ("lDAPDisplayName", *_ALLOWING, *_INCLUDING),
            scope="one",
        )
        for entry in classes:
            allowed.update(value.lower() for name in _ALLOWING for value in entry.texts(name))
            above.update(value.lower() for name in _INCLUDING for value in entry.texts(name))
        level = above - seen
    return allowed


def indexed_attributes(directory: Directory, wanted: Iterable[str]) -> frozenset[str]:
    """Those of ``wanted`` (spelled as in ``wanted``) that the domain controllers index, by the schema's searchFlags.

    A search of the whole domain by any other attribute makes a controller look at every object that it holds.
    """
    spelled = {name.lower(): name for name in wanted}
    found = directory.search(
        directory.controller.schema_naming_context,
        all_of(
            equals("objectClass", "attributeSchema"),
            any_of(*(equals("lDAPDisplayName", name) for name in spelled.values())),
        ),
        ("lDAPDisplayName", "searchFlags"),
        scope="one",
    )
    names = [(entry.text("lDAPDisplayName") or "").lower() for entry in found if _is_indexed(entry)]
    return frozenset(spelled[name] for name in names if name in spelled)


def _is_indexed(entry: Entry) -> bool:
    return bool((entry.integer("searchFlags") or 0) & _INDEXED)
