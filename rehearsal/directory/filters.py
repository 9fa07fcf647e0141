"""Search filters (RFC 4511, section 4.5.1.7) as they come over the wire."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.directory.ber import BerError, Reader

BIT_AND, BIT_OR = "1.2.840.113556.1.4.803", "1.2.840.113556.1.4.804"
IN_CHAIN = "1.2.840.113556.1.4.1941"
"""Matching rules of AD ([MS-ADTS], section 3.1.1.3.4.4)."""

_AND, _OR, _NOT, _EQUAL, _SUBSTRINGS, _GREATER, _LESS, _PRESENT, _APPROXIMATE, _EXTENSIBLE = (
    0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0x87, 0xA8, 0xA9,
)  # fmt: skip
_INITIAL, _ANY, _FINAL = 0x80, 0x81, 0x82
_RULE, _TYPE, _VALUE, _DN_ATTRIBUTES = 0x81, 0x82, 0x83, 0x84
_MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class All:
    """Every one holds; none at all is true."""

    of: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one holds."""

    of: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Filter


@dataclass(frozen=True, slots=True)
class Equal:
    """A value equals; the approximate match of AD is the same."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Ordered:
    """A value is at least, or at most."""

    attribute: str
    value: bytes
    at_least: bool


@dataclass(frozen=True, slots=True)
class Present:
    """There is a value."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Substrings:
    """A value begins with, holds in this order, ends with."""

    attribute: str
    initial: bytes
    middle: tuple[bytes, ...]
    final: bytes


@dataclass(frozen=True, slots=True)
class Extensible:
    """A value matches by a named rule."""

    attribute: str
    rule: str
    value: bytes


Filter = All | AnyOf | Not | Equal | Ordered | Present | Substrings | Extensible


def count_terms(condition: Filter) -> int:
    """How many comparisons one object can cost."""
    if isinstance(condition, All | AnyOf):
        return 1 + sum(count_terms(part) for part in condition.of)
    return count_terms(condition.of) + 1 if isinstance(condition, Not) else 1


def read_filter(tag: int, content: bytes, depth: int = 0) -> Filter:
    """A filter from its bytes; raises BerError, for one nested too deeply too."""
    if depth > _MAX_DEPTH:
        raise BerError("filter nested too deeply")
    reader = Reader(content)
    if tag in {_AND, _OR}:
        parts = tuple(read_filter(kind, part, depth + 1) for kind, part in reader.elements())
        return All(parts) if tag == _AND else AnyOf(parts)
    if tag == _NOT:
        return Not(read_filter(*reader.read(), depth + 1))
    if tag in {_EQUAL, _APPROXIMATE}:
        return Equal(reader.text(), reader.octets())
    if tag in {_GREATER, _LESS}:
        return Ordered(reader.text(), reader.octets(), tag == _GREATER)
    if tag == _PRESENT:
        return Present(_name(content))
    if tag == _SUBSTRINGS:
        return _substrings(reader)
    if tag == _EXTENSIBLE:
        return _extensible(reader)
    raise BerError(f"unknown filter 0x{tag:02x}")


def _name(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BerError("not UTF-8") from error


def _substrings(reader: Reader) -> Substrings:
    attribute = reader.text()
    parts = list(reader.reader().elements())
    kinds = [kind for kind, _ in parts]
    if not parts or any(kind not in {_INITIAL, _ANY, _FINAL} for kind in kinds):
        raise BerError("malformed substrings")
    if _INITIAL in kinds[1:] or _FINAL in kinds[:-1]:
        raise BerError("substrings out of order")
    initial = next((part for kind, part in parts if kind == _INITIAL), b"")
    final = next((part for kind, part in parts if kind == _FINAL), b"")
    return Substrings(attribute, initial, tuple(part for kind, part in parts if kind == _ANY), final)


def _extensible(reader: Reader) -> Extensible:
    fields = {tag: content for tag, content in reader.elements() if tag in {_RULE, _TYPE, _VALUE, _DN_ATTRIBUTES}}
    return Extensible(_name(fields.get(_TYPE, b"")), _name(fields.get(_RULE, b"")), fields.get(_VALUE, b""))
