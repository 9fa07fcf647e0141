"""Filters at work: a filter becomes a function of an object that answers True, False or None (undefined).

Undefined, for example for an attribute that the schema does not have, stays undefined under *not*: such an object is
not found ([MS-ADTS], section 3.1.1.3.1.3.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from rehearsal.directory.filters import (
    BIT_AND,
    BIT_OR,
    IN_CHAIN,
    All,
    AnyOf,
    Equal,
    Extensible,
    Filter,
    Not,
    Ordered,
    Present,
    Substrings,
)
from rehearsal.directory.schema import RESOLVED, Attribute, Schema
from rehearsal.directory.tree import Guid, Node, Tree
from rehearsal.directory.values import INTEGER_SYNTAXES, Key, fold, value_key

Test = Callable[[Node], bool | None]


def _undefined(_: Node) -> None:
    return None


def compile_filter(tree: Tree, condition: Filter, hidden: frozenset[str] = frozenset()) -> Test:
    """The filter as a function; ``hidden`` attributes are as if no object had them."""
    if isinstance(condition, All):
        return _every([compile_filter(tree, part, hidden) for part in condition.of])
    if isinstance(condition, AnyOf):
        return _some([compile_filter(tree, part, hidden) for part in condition.of])
    if isinstance(condition, Not):
        inner = compile_filter(tree, condition.of, hidden)
        return lambda node: None if (found := inner(node)) is None else not found
    attribute = tree.schema.attribute(condition.attribute)
    if attribute is None:
        return _undefined
    if attribute.name == "distinguishedName":
        return _own_name(tree, condition)
    if isinstance(condition, Present):
        # Every object has a class, whoever may read it or not.
        if attribute.name == "objectClass":
            return lambda _: True
        return _present(tree, attribute) if attribute.name not in hidden else lambda _: False
    if attribute.name in hidden:
        return lambda _: False
    if attribute.is_reference:
        return _reference(tree, attribute, condition)
    return _stored(attribute, condition)


def with_names_resolved(schema: Schema, condition: Filter) -> Filter:
    """A filter in which ``(anr=…)`` is what it stands for: ambiguous name resolution ([MS-ADTS], 3.1.1.3.1.3.3)."""
    if isinstance(condition, All | AnyOf):
        return type(condition)(tuple(with_names_resolved(schema, part) for part in condition.of))
    if isinstance(condition, Not):
        return Not(with_names_resolved(schema, condition.of))
    if condition.attribute.lower() != "anr":
        return condition
    if isinstance(condition, Equal):
        return _resolved(schema, condition.value)
    begins = isinstance(condition, Substrings) and condition.initial
    return _resolved(schema, begins) if begins else condition


def _resolved(schema: Schema, value: bytes) -> Filter:
    """Beginnings of the attributes that searchFlags name for it; ``=`` before the value asks for the whole of it.

    Two words are a first and a last name besides, in either order.
    """
    text = value.strip()
    exact, text = text.startswith(b"="), text.removeprefix(b"=").strip()

    def named(attribute: str, part: bytes) -> Filter:
        whole = exact or attribute == "legacyExchangeDN"
        return Equal(attribute, part) if whole else Substrings(attribute, part, (), b"")

    choices = [named(item.name, text) for item in schema.attributes if item.search_flags & RESOLVED]
    first, blank, second = text.partition(b" ")
    if blank and second.strip():
        names = (first, second.strip())
        for given, surname in (names, names[::-1]):
            choices.append(All((named("givenName", given), named("sn", surname))))
    return AnyOf(tuple(choices))


def attributes_of(tree: Tree, condition: Filter) -> frozenset[str]:
    """Names of the attributes that a filter asks for, as the schema writes them; unknown ones are left out."""
    names: set[str] = set()
    waiting = [condition]
    while waiting:
        part = waiting.pop()
        if isinstance(part, All | AnyOf):
            waiting.extend(part.of)
        elif isinstance(part, Not):
            waiting.append(part.of)
        elif (attribute := tree.schema.attribute(part.attribute)) is not None:
            names.add(attribute.name)
    return frozenset(names)


def _every(tests: list[Test]) -> Test:
    def run(node: Node) -> bool | None:
        answer: bool | None = True
        for test in tests:
            found = test(node)
            if found is False:
                return False
            if found is None:
                answer = None
        return answer

    return run


def _some(tests: list[Test]) -> Test:
    def run(node: Node) -> bool | None:
        answer: bool | None = False
        for test in tests:
            found = test(node)
            if found:
                return True
            if found is None:
                answer = None
        return answer

    return run


def _present(tree: Tree, attribute: Attribute) -> Test:
    if attribute.is_reference:
        return lambda node: any(True for _ in tree.references(node, attribute))
    name = attribute.name
    return lambda node: name in node.attributes


def _own_name(tree: Tree, condition: Filter) -> Test:
    if isinstance(condition, Equal):
        target = _target(tree, condition.value)
        return lambda node: node.guid == target
    return (lambda _: True) if isinstance(condition, Present) else _undefined


def _target(tree: Tree, value: bytes) -> Guid | None:
    try:
        found = tree.find(value.decode("utf-8"))
    except ValueError:
        return None
    return found.guid if found is not None else None


def _reference(tree: Tree, attribute: Attribute, condition: Filter) -> Test:
    if isinstance(condition, Equal | Extensible):
        target = _target(tree, condition.value)
        if target is None and attribute.name == "objectCategory":
            target = _category(tree, condition.value)
        if target is None:
            return lambda _: False
        if isinstance(condition, Equal) or not condition.rule:
            return lambda node: target in tree.references(node, attribute)
        if condition.rule == IN_CHAIN:
            reached = _reaching(tree, attribute, target)
            return lambda node: node.guid in reached
    return _undefined


def _category(tree: Tree, value: bytes) -> Guid | None:
    """objectCategory may be written as the class's lDAPDisplayName: ``person``, ``group``."""
    kind = tree.schema.object_class(value.decode("utf-8", "replace"))
    dn = f"CN={kind.default_category},CN=Schema,CN=Configuration,{tree.base_dn}" if kind is not None else ""
    found = tree.find(dn) if dn else None
    return found.guid if found is not None else None


def _reaching(tree: Tree, attribute: Attribute, target: Guid) -> set[Guid]:
    """The objects from which a chain of this link leads to ``target``."""
    partner = tree.schema.partner(attribute)
    reached: set[Guid] = set()
    waiting = [target]
    while waiting and partner is not None:
        for guid in tree.references(tree.nodes[waiting.pop()], partner):
            if guid not in reached:
                reached.add(guid)
                waiting.append(guid)
    return reached


def _stored(attribute: Attribute, condition: Filter) -> Test:
    name, syntax = attribute.name, attribute.syntax
    try:
        matches = _matcher(syntax, condition)
    except ValueError:
        return _undefined
    if matches is None:
        return _undefined

    def run(node: Node) -> bool:
        values = node.attributes.get(name)
        return values is not None and any(matches(value_key(syntax, value)) for value in values)

    return run


def _matcher(syntax: str, condition: Filter) -> Callable[[Key], bool] | None:
    """The comparison of one value; None where the syntax does not have it. Raises ValueError for a malformed value."""
    if isinstance(condition, Substrings):
        pattern = _pattern(syntax, condition)
        return lambda key: isinstance(key, str) and pattern.match(key) is not None
    if isinstance(condition, Equal):
        wanted = value_key(syntax, condition.value)
        return lambda key: key == wanted
    if isinstance(condition, Ordered):
        bound = value_key(syntax, condition.value)
        at_least = condition.at_least
        return lambda key: (_rank(key) >= _rank(bound)) if at_least else (_rank(key) <= _rank(bound))
    if isinstance(condition, Extensible):
        return _by_rule(syntax, condition)
    return None


def _rank(key: Key) -> tuple[int, str, bytes]:
    """Sortable across the three kinds of keys; values of one attribute are all of one kind."""
    return (key, "", b"") if isinstance(key, int) else (0, key, b"") if isinstance(key, str) else (0, "", key)


def _by_rule(syntax: str, condition: Extensible) -> Callable[[Key], bool] | None:
    wanted = value_key(syntax, condition.value)
    if not condition.rule:
        return lambda key: key == wanted
    if syntax not in INTEGER_SYNTAXES or not isinstance(wanted, int):
        return None
    if condition.rule == BIT_AND:
        return lambda key: isinstance(key, int) and key & wanted == wanted
    if condition.rule == BIT_OR:
        return lambda key: isinstance(key, int) and bool(key & wanted)
    return None


def _pattern(syntax: str, condition: Substrings) -> re.Pattern[str]:
    exact = isinstance(value_key(syntax, b"aA"), str) and value_key(syntax, b"aA") == "aA"

    def part(value: bytes) -> str:
        text = value.decode("utf-8")
        return re.escape(text if exact else fold(text))

    middle = "".join(f".*?{part(value)}" for value in condition.middle)
    return re.compile(f"{part(condition.initial)}{middle}.*{part(condition.final)}\\Z", re.DOTALL)


def candidates(tree: Tree, condition: Filter) -> Collection[Guid] | None:
    """Few objects among which all that match are, by the indexes; None where every object must be looked at."""
    if isinstance(condition, All):
        found = [few for part in condition.of if (few := candidates(tree, part)) is not None]
        return min(found, key=len, default=None)
    if isinstance(condition, AnyOf):
        parts = [candidates(tree, part) for part in condition.of]
        known = [part for part in parts if part is not None]
        return dict.fromkeys(guid for part in known for guid in part) if len(known) == len(parts) else None
    if isinstance(condition, Not):
        return None
    attribute = tree.schema.attribute(condition.attribute)
    if attribute is None:
        return ()
    if isinstance(condition, Equal) and attribute.name == "objectGUID":
        return (condition.value,) if condition.value in tree.nodes else ()
    if attribute.is_reference:
        return _linked(tree, attribute, condition)
    return _indexed(tree, attribute, condition) if tree.is_indexed(attribute) else None


def _indexed(tree: Tree, attribute: Attribute, condition: Filter) -> Collection[Guid] | None:
    try:
        if isinstance(condition, Equal):
            return tree.indexed(attribute.name, value_key(attribute.syntax, condition.value))
        if isinstance(condition, Substrings) and condition.initial:
            start = value_key(attribute.syntax, condition.initial)
            return tree.indexed_from(attribute.name, start) if isinstance(start, str) else None
    except ValueError:
        return ()
    return None


def _linked(tree: Tree, attribute: Attribute, condition: Filter) -> Collection[Guid] | None:
    """Those that a link or back link leads to from the object named."""
    partner = tree.schema.partner(attribute)
    if partner is None or not isinstance(condition, Equal | Extensible):
        return None
    target = _target(tree, condition.value)
    if target is None:
        return ()
    if isinstance(condition, Equal) or not condition.rule:
        return tree.references(tree.nodes[target], partner)
    return _reaching(tree, attribute, target) if condition.rule == IN_CHAIN else None
