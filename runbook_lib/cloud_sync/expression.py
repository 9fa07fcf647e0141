"""Mapping expressions of Microsoft Entra provisioning: read, checked, and worked out for one object.

An expression that cannot be worked out here with certainty (a random or dated value, a regular expression of .NET's, an
attribute that was not read) is ``NotPredictable``; it is never guessed.

Source: Microsoft Entra documentation, "Reference for writing expressions for attribute mappings in Microsoft Entra ID".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from runbook_lib.cloud_sync.functions import FUNCTIONS, NotPredictable, Value, compared
from runbook_lib.errors import UsageError
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable

MOST_CHARACTERS = 10_000
"""Longest expression that is read; longer ones are refused, not cut."""
DEEPEST = 40
"""Levels of functions inside functions."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"(?:\\.|[^"\\])*")
    | \[(?P<attribute>[^\[\]"]+)\]
    | (?P<number>-?\d+|&H[0-9A-Fa-f]+)
    | (?P<name>[A-Za-z][A-Za-z0-9]*)
    | (?P<sign><>|<=|>=|[=<>(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_CONSTANTS: Mapping[str, Value] = {"True": True, "False": False, "vbTextCompare": 1, "vbBinaryCompare": 0}


class ExpressionError(UsageError):
    """An expression that the provisioning service would not take. Always code ``mapping-expression``."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A text, a number or a truth value that stands in the expression."""

    value: Value


@dataclass(frozen=True, slots=True)
class Attribute:
    """A value of the object that is provisioned, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments; None for one that is left out between two commas."""

    function: str
    arguments: tuple[Node | None, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values and what is asked about them: ``=``, ``<>``, ``<``, ``<=``, ``>`` or ``>=``."""

    left: Node
    sign: str
    right: Node


Node = Constant | Attribute | Call | Comparison


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression, read and found to be well formed."""

    text: str
    root: Node

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes that it reads, each once, in the order of their first use."""
        return tuple(dict.fromkeys(node.name for node in _nodes(self.root) if isinstance(node, Attribute)))

    @property
    def constant(self) -> str | None:
        """The text that it always gives; None where it depends on anything."""
        return self.root.value if isinstance(self.root, Constant) and isinstance(self.root.value, str) else None

    @property
    def results(self) -> tuple[str, ...]:
        """Texts that it can give as they stand in it, each once: itself, or what IIF, Switch or Coalesce picks."""
        return tuple(dict.fromkeys(_results(self.root)))

    def value(self, attributes: Mapping[str, Value]) -> Value:
        """Work it out for one object.

        Args:
            attributes: What was read of the object, by the names that the schema has. None stands for an attribute that
                has no value; one that is not among them was not read.

        Returns:
            Text, number, truth value, several texts, or None (null).

        Raises:
            NotPredictable: It cannot be known here what the service makes of it.
        """
        return _value(self.root, attributes)


def read_expression(text: str) -> Expression:
    """Read an expression as the service does: names of functions are case-sensitive.

    Args:
        text: As the schema of a job has it.

    Raises:
        ExpressionError: It is not well formed, or names a function that the reference does not list; the message says
            where.
    """
    if len(text) > MOST_CHARACTERS:
        raise _bad(
            text, 0, t("it has {count} characters, and {most} are the most", count=len(text), most=MOST_CHARACTERS)
        )
    reader = _Reader(text)
    root = reader.expression(0)
    reader.end()
    return Expression(text, root)


class _Reader:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0

    def expression(self, depth: int) -> Node:
        left = self._operand(depth)
        if (sign := self._peek()) and sign.kind == "sign" and sign.text in _COMPARISONS:
            self._next += 1
            return Comparison(left, sign.text, self._operand(depth))
        return left

    def end(self) -> None:
        if left := self._peek():
            raise _bad(self._text, left.at, t("{rest!r} is left over", rest=printable(self._text[left.at :], limit=40)))

    def _operand(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise _bad(self._text, 0, t("functions stand inside each other more than {most} deep", most=DEEPEST))
        token = self._peek()
        if token is None:
            raise _bad(self._text, len(self._text), t("it ends where a value is expected"))
        self._next += 1
        match token.kind:
            case "text":
                return Constant(re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL))
            case "attribute":
                return Attribute(token.text)
            case "number":
                return Constant(int(token.text[2:], 16) if token.text.startswith("&H") else int(token.text))
            case "name":
                return self._named(token, depth)
        raise _bad(self._text, token.at, t("{sign!r} stands where a value is expected", sign=token.text))

    def _named(self, name: _Token, depth: int) -> Node:
        opening = self._peek()
        if opening is None or opening.text != "(" or opening.kind != "sign":
            if name.text in _CONSTANTS:
                return Constant(_CONSTANTS[name.text])
            raise _bad(self._text, name.at, _unquoted(name.text))
        if name.text not in FUNCTIONS:
            raise _bad(self._text, name.at, _no_function(name.text))
        self._next += 1
        arguments = self._arguments(name, depth)
        least, most = FUNCTIONS[name.text].least, FUNCTIONS[name.text].most
        if len(arguments) < least or (most is not None and len(arguments) > most):
            raise _bad(self._text, name.at, _count(name.text, len(arguments), least, most))
        return Call(name.text, arguments)

    def _arguments(self, name: _Token, depth: int) -> tuple[Node | None, ...]:
        if self._takes(")"):
            return ()
        found: list[Node | None] = []
        while True:
            token = self._peek()
            if token is None:
                raise _bad(self._text, name.at, t("the bracket of {name} is never closed", name=name.text))
            empty = token.kind == "sign" and token.text in (",", ")")
            found.append(None if empty else self.expression(depth + 1))
            if self._takes(","):
                continue
            if self._takes(")"):
                return tuple(found)
            at = self._peek()
            if at is None:
                raise _bad(self._text, name.at, t("the bracket of {name} is never closed", name=name.text))
            raise _bad(self._text, at.at, t("a comma or a closing bracket is expected"))

    def _takes(self, sign: str) -> bool:
        token = self._peek()
        if token is None or token.kind != "sign" or token.text != sign:
            return False
        self._next += 1
        return True

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            begin = at + len(text[at:]) - len(text[at:].lstrip())
            if text[begin] == '"':
                raise _bad(text, begin, t("the quotation mark is never closed"))
            if text[begin] == "[":
                raise _bad(text, begin, t("the square bracket is never closed"))
            raise _bad(text, begin, t("{sign!r} has no meaning here", sign=printable(text[begin], limit=8)))
        yield _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
        at = found.end()


def _results(node: Node | None) -> Iterator[str]:
    if isinstance(node, Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, Call):
        picked = {"IIF": node.arguments[1:], "Switch": node.arguments[1::2], "Coalesce": node.arguments}
        for one in picked.get(node.function, ()):
            yield from _results(one)


def _nodes(node: Node | None) -> Iterator[Node]:
    if node is None:
        return
    yield node
    if isinstance(node, Call):
        for argument in node.arguments:
            yield from _nodes(argument)
    elif isinstance(node, Comparison):
        yield from _nodes(node.left)
        yield from _nodes(node.right)


def _value(node: Node | None, attributes: Mapping[str, Value]) -> Value:
    match node:
        case None:
            return None
        case Constant(value):
            return value
        case Attribute(name):
            if name not in attributes:
                raise NotPredictable(t("the attribute {name} is not read", name=printable(name, limit=80)))
            return attributes[name]
        case Comparison(left, sign, right):
            return compared(_value(left, attributes), sign, _value(right, attributes))
        case Call("IIF", (condition, *_)) if _reads_nothing(condition, attributes):
            # "If the source attribute used within the IIF function is empty or null, the condition check fails."
            raise NotPredictable(t("IIF asks about an attribute without a value, which is documented to fail"))
        case Call(function, arguments):
            return FUNCTIONS[function].work_out(
                [lambda argument=argument: _value(argument, attributes) for argument in arguments]  # type: ignore[misc]
            )


_ASKS_FOR_PRESENCE = frozenset({"IsPresent", "IsNull", "IsNullOrEmpty"})
"""What asks whether there is a value at all; Microsoft's own mappings rely on it: "the target OU to use when the
extension value is empty" ("Configure provisioning to Active Directory")."""


def _reads_nothing(node: Node | None, attributes: Mapping[str, Value]) -> bool:
    if isinstance(node, Call) and node.function == "Not":
        return _reads_nothing(node.arguments[0], attributes)
    if isinstance(node, Call) and node.function in _ASKS_FOR_PRESENCE:
        return False
    read = [attributes.get(found.name, "?") for found in _nodes(node) if isinstance(found, Attribute)]
    return any(value is None or value in ("", ()) for value in read)


def _unquoted(name: str) -> Text:
    return t(
        '{name} is neither a function nor a constant: write attributes in [brackets] and texts in "quotation marks"',
        name=printable(name, limit=40),
    )


def _no_function(name: str) -> Text:
    near = get_close_matches(name, FUNCTIONS, 1) or [
        known for known in FUNCTIONS if known.casefold() == name.casefold()
    ]
    shown = printable(name, limit=40)
    if near:
        return t(
            "there is no function {name}; did you mean {near}? Upper and lower case count", name=shown, near=near[0]
        )
    return t("there is no function {name}", name=shown)


def _count(name: str, count: int, least: int, most: int | None) -> Text:
    if most is None:
        return t("{name} takes at least {least} arguments and has {count}", name=name, least=least, count=count)
    if least == most:
        return t("{name} takes {least} arguments and has {count}", name=name, least=least, count=count)
    return t("{name} takes {least} to {most} arguments and has {count}", name=name, least=least, most=most, count=count)


def _bad(text: str, at: int, what: Text) -> ExpressionError:
    return ExpressionError(
        t(
            "The mapping expression {text!r} cannot be used: {what} (at character {number}).",
            text=printable(text, limit=120),
            what=what,
            number=at + 1,
        ),
        code="mapping-expression",
        hint=t(
            "Correct it: Microsoft's 'Reference for writing expressions for attribute mappings' lists all functions."
        ),
        values={"at": at + 1},
    )
