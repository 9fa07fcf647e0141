"""``$filter`` of OData as Microsoft Graph takes it.

Covers eq, ne, ge, le, gt, lt, in, not, and, or, parentheses, startsWith, endsWith, contains, ``any`` over collections,
``/$count`` of collections and paths into nested values. Which operators a resource takes is said by its caller. A
parsed filter says whether it is one of the advanced queries that need ``ConsistencyLevel: eventual`` and
``$count=true`` ("Advanced query capabilities on Microsoft Entra ID objects").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rehearsal.cloud.errors import bad_request, not_covered, unsupported_query
from rehearsal.cloud.filter_values import NOTHING, Value, counted, equal, literal, order, reader, suits
from rehearsal.cloud.metadata import MetadataType, Property, types
from rehearsal.cloud.metadata.names import PROPERTY, not_imitated
from rehearsal.cloud.resources import Record

Predicate = Callable[[Record], bool]

DIRECTORY_OPERATORS = frozenset({"eq", "ne", "ge", "le", "in", "not", "startswith", "endswith"})
"""What directory objects take."""
LARGEST_CHOICE = 15
"""Values of ``in`` and alternatives of ``or``."""
_COMPARISONS: Mapping[str, Callable[[int], bool]] = {
    "ge": lambda order: order >= 0,
    "le": lambda order: order <= 0,
    "gt": lambda order: order > 0,
    "lt": lambda order: order < 0,
}
_FUNCTIONS: Mapping[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
}
_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<date>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?(?![\w-]))"
    r"|(?P<number>-?\d{1,18}(?:\.\d{1,18})?)(?![\w-])|(?P<guid>[0-9a-fA-F]{8}-[0-9a-fA-F-]{27})"
    r"|(?P<word>[A-Za-z_][\w.]*(?:/\$?[A-Za-z_][\w.]*)*)|(?P<sign>[(),:]))"
)
_COUNT = Property("$count", "Edm.Int32", collection=False, nullable=False)


@dataclass(frozen=True)
class Filter:
    """A filter ready to apply. ``advanced`` queries need the eventual consistency level."""

    matches: Predicate
    advanced: bool


@dataclass(frozen=True)
class _Scope:
    """What names mean at one place of the expression: properties of a type, or the variable of an ``any``."""

    declared: MetadataType
    version: str
    variable: Property | None = None

    def find(self, word: str) -> tuple[Property, Value]:
        """A property and the function that reads it."""
        path = word.split("/")
        missing = not_imitated(self.declared.name, PROPERTY, self.version)
        known: Mapping[str, Property] = (
            self.declared.properties if self.variable is None else {self.variable.name: self.variable}
        )
        found = None
        for at, written in enumerate(path):
            name = written if known.get(written) else _spelling(known).get(written.casefold(), written)
            path[at] = name
            if name == "$count" and found is not None and found.collection and at == len(path) - 1:
                return _COUNT, counted(tuple(path[:-1]))
            found = known.get(name)
            if found is None and at == 0 and name.casefold() in {one.casefold() for one in missing}:
                raise not_covered(f"the property '{name}'")
            if found is None:
                where = f"microsoft.graph.{self.declared.name}"
                raise bad_request(
                    f"Invalid filter clause: Could not find a property named '{name}' on type '{where}'.", "BadRequest"
                )
            inner = None if found.collection and found is not self.variable else types(self.version).get(found.type)
            known = inner.properties if inner is not None else {}
        if found is None:
            raise bad_request("Invalid filter clause: a property is missing.", "BadRequest")
        return found, reader(tuple(path))


def _spelling(known: Mapping[str, Property]) -> dict[str, str]:
    return {name.casefold(): name for name in known}


def parse_filter(
    text: str, declared: MetadataType, version: str, operators: frozenset[str] = DIRECTORY_OPERATORS
) -> Filter:
    """Parse ``$filter``.

    Args:
        text: The expression.
        declared: Type of the resource.
        version: ``v1.0`` or ``beta``.
        operators: Operators and functions that the resource takes, in lower case.

    Raises:
        GraphError: 400 for a syntax error, an unknown property or operator, a value of another type.
    """
    try:
        return _Parser(_tokens(text), _Scope(declared, version), operators).parse()
    except RecursionError:
        raise bad_request("Invalid filter clause: the expression is nested too deeply.") from None


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise bad_request(f"Invalid filter clause: Syntax error at position {position} in '{text}'.")
        found.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return found


class _Parser:
    """Recursive descent over the token list: or, and, not, comparison."""

    def __init__(self, tokens: list[tuple[str, str]], scope: _Scope, operators: frozenset[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._scope = scope
        self._operators = operators
        self._advanced = False

    def parse(self) -> Filter:
        predicate = self._either()
        if self._at != len(self._tokens):
            raise self._error()
        return Filter(predicate, self._advanced)

    def _error(self) -> Exception:
        seen = self._tokens[self._at][1] if self._at < len(self._tokens) else "the end"
        return bad_request(f"Invalid filter clause: Syntax error at '{seen}'.")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self, kind: str, value: str | None = None) -> str:
        seen_kind, seen = self._peek()
        if seen_kind != kind or (value is not None and seen.casefold() != value):
            raise self._error()
        self._at += 1
        return seen

    def _took_word(self, word: str) -> bool:
        kind, value = self._peek()
        if kind == "word" and value.casefold() == word:
            self._at += 1
            return True
        return False

    def _require(self, operator: str) -> str:
        if operator not in self._operators:
            raise unsupported_query(f"The operator '{operator}' is not supported for this resource.")
        return operator

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._took_word("or"):
            parts.append(self._both())
        _limit(len(parts))
        return parts[0] if len(parts) == 1 else lambda record: any(part(record) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._negation()]
        while self._took_word("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda record: all(part(record) for part in parts)

    def _negation(self) -> Predicate:
        if self._took_word("not"):
            self._require("not")
            self._advanced = True
            inner = self._negation()
            return lambda record: not inner(record)
        if self._peek() == ("sign", "("):
            self._at += 1
            predicate = self._either()
            self._take("sign", ")")
            return predicate
        return self._term()

    def _term(self) -> Predicate:
        word = self._take("word")
        if word.casefold() in _FUNCTIONS:
            return self._text_function(self._require(word.casefold()))
        if word.casefold().endswith("/any"):
            return self._any(word[: -len("/any")])
        found, read = self._scope.find(word)
        if found.collection and found is not self._scope.variable:
            raise bad_request(f"Invalid filter clause: '{word}' is a collection; use any.", "BadRequest")
        operator = self._require(self._take("word").casefold())
        self._advanced = self._advanced or operator == "ne" or found is _COUNT
        if operator == "in":
            values = self._list(found)
            return lambda record: any(equal(read(record), value) for value in values)
        value = self._literal(found)
        self._advanced = self._advanced or value is None
        if operator in ("eq", "ne"):
            wanted = operator == "eq"
            return lambda record: equal(read(record), value) is wanted
        if operator not in _COMPARISONS or value is None:
            raise bad_request(f"Invalid filter clause: The operator '{operator}' is not supported for '{word}'.")
        holds = _COMPARISONS[operator]
        return lambda record: (found_order := order(read(record), value)) is not None and holds(found_order)

    def _text_function(self, function: str) -> Predicate:
        self._take("sign", "(")
        found, read = self._scope.find(self._take("word"))
        self._take("sign", ",")
        wanted = self._literal(found)
        self._take("sign", ")")
        if not isinstance(wanted, str) or (found.collection and found is not self._scope.variable):
            raise bad_request(f"Invalid filter clause: '{function}' compares texts.", "BadRequest")
        self._advanced = self._advanced or function == "endswith"
        holds, text = _FUNCTIONS[function], wanted.casefold()
        return lambda record: holds(str(read(record) or "").casefold(), text)

    def _any(self, path: str) -> Predicate:
        """``groupTypes/any(c:c eq 'Unified')``, ``assignedLicenses/any(l:l/skuId eq …)``."""
        found, read = self._scope.find(path)
        if not found.collection:
            raise bad_request(f"Invalid filter clause: '{path}' is not a collection.", "BadRequest")
        self._take("sign", "(")
        variable = self._take("word")
        self._take("sign", ":")
        scope = replace(self._scope, variable=replace(found, name=variable))
        inner = _Parser(self._tokens, scope, self._operators)
        inner._at = self._at
        predicate = inner._either()
        self._at, self._advanced = inner._at, self._advanced or inner._advanced
        self._take("sign", ")")

        def matches(record: Record) -> bool:
            values = read(record)
            return isinstance(values, list) and any(predicate({variable: value}) for value in values)

        return matches

    def _list(self, found: Property) -> list[object]:
        self._take("sign", "(")
        values = [self._literal(found)]
        while self._peek() == ("sign", ","):
            self._at += 1
            values.append(self._literal(found))
        self._take("sign", ")")
        _limit(len(values))
        return values

    def _literal(self, found: Property) -> object:
        kind, text = self._peek()
        value = literal(kind, text)
        if value is NOTHING:
            raise self._error()
        self._at += 1
        if value is not None and not suits(found.type, kind, value):
            raise bad_request(
                "Invalid filter clause: A binary operator with incompatible types was detected. "
                f"'{found.name}' is of type '{found.type}'.",
                "BadRequest",
            )
        return value


def _limit(clauses: int) -> None:
    if clauses > LARGEST_CHOICE:
        raise bad_request("Too many child clauses specified in search filter expression containing 'OR' operators.")
