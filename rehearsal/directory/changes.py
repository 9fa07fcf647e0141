"""Adding, deleting and replacing values on a draft of an object, with AD's checks ([MS-ADTS], section 3.1.1.5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rehearsal.directory import failures, nesting
from rehearsal.directory.schema import Attribute, Schema
from rehearsal.directory.tree import Guid, Node, Tree
from rehearsal.directory.values import INTEGER_SYNTAXES, Key, is_text, text_length, value_key

ADD, DELETE, REPLACE = 0, 1, 2

_OWNED_BY_SAM = frozenset({"sAMAccountType", "objectSid", "badPwdCount", "lastLogon", "primaryGroupToken", "rid"})
_OWNED = frozenset(
    {"objectGUID", "whenCreated", "whenChanged", "uSNCreated", "uSNChanged", "distinguishedName", "isDeleted"}
)
_MEMBERSHIP = "member"
"""Its values are checked as SAM checks memberships: other messages, other codes."""
_SINGLE_ON_ACCOUNTS = "description"


@dataclass(frozen=True, slots=True)
class Modification:
    """One change of an LDAP modify. ``operation`` is ADD, DELETE or REPLACE; ``values`` are as they were sent."""

    operation: int
    attribute: str
    values: tuple[bytes, ...]


def attribute_of(schema: Schema, name: str) -> Attribute:
    """The attribute a write names; options such as ``;binary`` are not known to AD."""
    attribute = schema.attribute(name)
    if attribute is None:
        raise failures.unknown_attribute()
    return attribute


def refuse_owned(attribute: Attribute) -> None:
    """Refuse what only the system writes."""
    if attribute.is_back_link:
        raise failures.unwilling("00002076")
    if attribute.name in _OWNED_BY_SAM:
        raise failures.unwilling("0000209A")
    if attribute.system_only or attribute.constructed or attribute.name in _OWNED:
        raise failures.constraint(attribute.name, "000020B1")


def check_value(attribute: Attribute, value: bytes) -> Key:
    """The comparable form of a value that fits syntax and range."""
    try:
        key = value_key(attribute.syntax, value)
    except ValueError:
        raise failures.invalid_value() from None
    if not value:
        raise failures.invalid_value()
    numeric = attribute.syntax in INTEGER_SYNTAXES
    size = int(value) if numeric else text_length(value) if is_text(attribute.syntax) else len(value)
    too_small = attribute.lower is not None and size < attribute.lower
    if too_small or (attribute.upper is not None and size > attribute.upper):
        length = None if numeric else 2 * size if is_text(attribute.syntax) else size
        raise failures.constraint(attribute.name, "00002082", length)
    return key


def apply(tree: Tree, draft: Node, change: Modification, *, permissive: bool) -> None:
    """Carry out one modification on a draft; ``permissive`` forgives values that are there or missing already."""
    attribute = attribute_of(tree.schema, change.attribute)
    if attribute.is_reference:
        _apply_links(tree, draft, attribute, change, permissive=permissive)
    elif change.operation == ADD:
        _add(draft, attribute, change.values, permissive=permissive)
    elif change.operation == DELETE:
        _delete(draft, attribute, change.values, permissive=permissive)
    else:
        draft.attributes.pop(attribute.name, None)
        if change.values:
            _add(draft, attribute, change.values, permissive=False)


def _add(draft: Node, attribute: Attribute, values: Sequence[bytes], *, permissive: bool) -> None:
    present = list(draft.attributes.get(attribute.name, ()))
    keys = {value_key(attribute.syntax, value) for value in present}
    for value in values:
        key = check_value(attribute, value)
        if key in keys:
            if permissive:
                continue
            raise failures.value_exists(attribute.name)
        keys.add(key)
        present.append(value)
    if present:
        draft.attributes[attribute.name] = tuple(present)


def _delete(draft: Node, attribute: Attribute, values: Sequence[bytes], *, permissive: bool) -> None:
    present = {value_key(attribute.syntax, value): value for value in draft.attributes.get(attribute.name, ())}
    if not values and not present and not permissive:
        raise failures.value_missing(attribute.name)
    for value in values:
        try:
            removed = present.pop(value_key(attribute.syntax, value), None)
        except ValueError:
            raise failures.invalid_value() from None
        if removed is None and not permissive:
            raise failures.value_missing(attribute.name)
    if values and present:
        draft.attributes[attribute.name] = tuple(present.values())
    else:
        draft.attributes.pop(attribute.name, None)


def target_of(tree: Tree, value: bytes) -> Guid:
    """The object a DN value names (``<GUID=…>`` and ``<SID=…>`` are names too)."""
    try:
        node = tree.find(value.decode("utf-8"))
    except ValueError:
        raise failures.invalid_value() from None
    if node is None or node.deleted:
        raise failures.no_such_member()
    return node.guid


def _apply_links(tree: Tree, draft: Node, attribute: Attribute, change: Modification, *, permissive: bool) -> None:
    targets = draft.links.setdefault(attribute.name, {})
    if change.operation == REPLACE or (change.operation == DELETE and not change.values):
        if change.operation == DELETE and not targets and not permissive:
            raise failures.value_missing(attribute.name)
        targets.clear()
    for value in change.values:
        target = target_of(tree, value)
        if change.operation == DELETE:
            if target not in targets and not permissive:
                membership = attribute.name == _MEMBERSHIP
                raise failures.unwilling("00000561") if membership else failures.value_missing(attribute.name)
            targets.pop(target, None)
        elif target not in targets:
            if attribute.name == _MEMBERSHIP:
                nesting.check_member(tree, draft, target)
            targets[target] = None
        elif not permissive:
            membership = attribute.name == _MEMBERSHIP
            raise failures.exists("00000562") if membership else failures.value_exists(attribute.name)
    if not targets:
        draft.links.pop(attribute.name)


def check_object(schema: Schema, draft: Node, touched: set[str], *, is_account: bool) -> None:
    """Check a finished draft against its classes: nothing missing or foreign, no second value where one may be."""
    must, may = schema.allowed(draft.classes)
    for name in touched:
        attribute = attribute_of(schema, name)
        count = len(draft.attributes.get(attribute.name, ())) or len(draft.links.get(attribute.name, ()))
        if not count:
            continue
        if attribute.name not in may:
            raise failures.class_violation()
        if count > 1 and attribute.single:
            raise failures.constraint(attribute.name, "00002081")
        if count > 1 and is_account and attribute.name == _SINGLE_ON_ACCOUNTS:
            raise failures.value_exists(attribute.name, "0000200D")
    computed = {"nTSecurityDescriptor", "objectCategory"}
    if any(name not in draft.attributes and name not in draft.links for name in must - computed):
        raise failures.class_violation("0000207C")
