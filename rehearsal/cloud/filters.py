"""``$filter`` of OData as Microsoft Graph's directory objects take it.

Covers eq, ne, in, not, and, or, parentheses, startsWith, endsWith and ``any`` over collections of strings. A parsed
filter says whether it is one of the advanced queries that need ``ConsistencyLevel: eventual`` and ``$count=true``
("Advanced query capabilities on Microsoft Entra ID objects").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from rehearsal.cloud.errors import bad_request
from rehearsal.cloud.resources import Record

Predicate = Callable[[Record], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)(?![\w-])|(?P<guid>[0-9a-fA-F]{8}-[0-9a-fA-F-]{27})"
    r"|(?P<word>[A-Za-z_][\w.]*(?:/[A-Za-z_][\w.]*)*)|(?P<sign>[(),:]))"
)


@dataclass(frozen=True)
class Filter:
    """A filter ready to apply. ``advanced`` queries need the eventual consistency level."""

    matches: Predicate
    advanced: bool


def parse_filter(text: str, properties: Collection[str], type_name: str) -> Filter:
    """Parse ``$filter``.

    Args:
        text: The expression.
        properties: Names that the resource has.
        type_name: Full type name for messages, ``microsoft.graph.group``.

    Raises:
        GraphError: 400 for a syntax error or an unknown property.
    """
    try:
        return _Parser(_tokens(text), properties, type_name).parse()
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

    def __init__(self, tokens: list[tuple[str, str]], properties: Collection[str], type_name: str) -> None:
        self._tokens = tokens
        self._at = 0
        self._properties = properties
        self._type_name = type_name
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

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._took_word("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda record: any(part(record) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._negation()]
        while self._took_word("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda record: all(part(record) for part in parts)

    def _negation(self) -> Predicate:
        if self._took_word("not"):
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
        if word.casefold() in ("startswith", "endswith"):
            return self._text_function(word.casefold())
        if word.endswith("/any"):
            return self._any(self._known(word.removesuffix("/any")))
        name = self._known(word)
        operator = self._take("word").casefold()
        if operator == "in":
            values = self._list()
            return lambda record: any(_equal(record.get(name), value) for value in values)
        value = self._literal()
        if operator == "eq":
            self._advanced = self._advanced or value is None
            return lambda record: _equal(record.get(name), value)
        if operator == "ne":
            self._advanced = True
            return lambda record: not _equal(record.get(name), value)
        raise bad_request(f"Invalid filter clause: The operator '{operator}' is not supported for '{name}'.")

    def _text_function(self, function: str) -> Predicate:
        self._take("sign", "(")
        name = self._known(self._take("word"))
        self._take("sign", ",")
        wanted = str(self._literal()).casefold()
        self._take("sign", ")")
        if function == "endswith":
            self._advanced = True
            return lambda record: str(record.get(name) or "").casefold().endswith(wanted)
        return lambda record: str(record.get(name) or "").casefold().startswith(wanted)

    def _any(self, name: str) -> Predicate:
        """``groupTypes/any(c:c eq 'Unified')`` and ``proxyAddresses/any(p:startsWith(p,'smtp:'))``."""
        self._take("sign", "(")
        variable = self._take("word")
        self._take("sign", ":")
        inner = _Parser(self._tokens, {variable}, self._type_name)
        inner._at = self._at
        predicate = inner._either()
        self._at, self._advanced = inner._at, self._advanced or inner._advanced
        self._take("sign", ")")

        def matches(record: Record) -> bool:
            values = record.get(name)
            return isinstance(values, list) and any(predicate({variable: value}) for value in values)

        return matches

    def _known(self, name: str) -> str:
        if name not in self._properties:
            raise bad_request(
                f"Invalid filter clause: Could not find a property named '{name}' on type '{self._type_name}'.",
                "BadRequest",
            )
        return name

    def _list(self) -> list[object]:
        self._take("sign", "(")
        values = [self._literal()]
        while self._peek() == ("sign", ","):
            self._at += 1
            values.append(self._literal())
        self._take("sign", ")")
        if len(values) > 15:
            raise bad_request("Too many child clauses specified in search filter expression containing 'OR' operators.")
        return values

    def _literal(self) -> object:
        kind, text = self._peek()
        self._at += 1
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "guid":
            return text.lower()
        words: dict[str, object] = {"true": True, "false": False, "null": None}
        if kind == "word" and text in words:
            return words[text]
        self._at -= 1
        raise self._error()


def _equal(value: object, wanted: object) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return value.casefold() == wanted.casefold()
    return type(value) is type(wanted) and value == wanted
