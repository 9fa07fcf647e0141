"""LDAP search filters (RFC 4515) in which no value can become syntax.

Everything outside a small set of letters, digits and marks is written as ``\\xx`` pairs of its UTF-8 bytes, so a value
reaches the server byte by byte whatever it holds, and the text of a filter is plain ASCII.
"""

from __future__ import annotations

import re
from typing import NewType

from runbook_lib.errors import UsageError
from runbook_lib.model.text import t

Filter = NewType("Filter", str)

ANY_OBJECT = Filter("(objectClass=*)")
"""Matches every object; what a base search asks with."""

_BIT_AND = "1.2.840.113556.1.4.803"
"""LDAP_MATCHING_RULE_BIT_AND (MS-ADTS 3.1.1.3.4.4.1)."""
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.@")


def equals(attribute: str, value: str) -> Filter:
    """``(attribute=value)``.

    Raises:
        UsageError: ``value`` holds unpaired surrogates, which UTF-8 does not have.
    """
    return bytes_equal(attribute, utf8(value))


def bytes_equal(attribute: str, value: bytes) -> Filter:
    """``(attribute=value)`` for a binary value such as objectGUID or objectSid."""
    return Filter(f"({_name(attribute)}={_escape(value)})")


def present(attribute: str) -> Filter:
    """``(attribute=*)``: the attribute has a value that the caller may read."""
    return Filter(f"({_name(attribute)}=*)")


def starts_with(attribute: str, prefix: str) -> Filter:
    """``(attribute=prefix*)``.

    Raises:
        ValueError: ``prefix`` is empty (that would be ``present``).
    """
    if not prefix:
        raise ValueError("an empty prefix matches everything; use present()")
    return Filter(f"({_name(attribute)}={_escape(utf8(prefix))}*)")


def has_bits(attribute: str, bits: int) -> Filter:
    """All of ``bits`` are set. ``bits`` is unsigned: 0x80000000 is written as 2147483648."""
    if bits <= 0:
        raise ValueError("bits must be a positive number")
    return Filter(f"({_name(attribute)}:{_BIT_AND}:={bits})")


def all_of(*filters: Filter) -> Filter:
    """``(&...)``; one filter stays as it is."""
    return _joined("&", filters)


def any_of(*filters: Filter) -> Filter:
    """``(|...)``; one filter stays as it is."""
    return _joined("|", filters)


def not_(operand: Filter) -> Filter:
    """``(!...)``."""
    return Filter(f"(!{operand})")


def _joined(operator: str, filters: tuple[Filter, ...]) -> Filter:
    if not filters:
        raise ValueError("a combination of no filters has no meaning that servers agree on")
    return filters[0] if len(filters) == 1 else Filter(f"({operator}{''.join(filters)})")


def _name(attribute: str) -> str:
    """Attribute names come from this program, never from outside; anything else is a bug."""
    if not _ATTRIBUTE.fullmatch(attribute):
        raise ValueError(f"not an attribute name: {attribute!r}")
    return attribute


def utf8(value: str, *, errors: str = "strict") -> bytes:
    """A text as the directory takes it.

    Args:
        value: The text.
        errors: As ``str.encode``; ``surrogateescape`` sends undecodable bytes that were read back as they came.

    Raises:
        UsageError: ``text-not-unicode``.
    """
    try:
        return value.encode("utf-8", errors)
    except UnicodeEncodeError:
        raise UsageError(
            t(
                "The text {value!a} holds half of a character (an unpaired surrogate); no directory can hold it.",
                value=value,
            ),
            code="text-not-unicode",
            hint=t("Correct the text where it comes from."),
            values={"text": ascii(value)},
        ) from None


def _escape(value: bytes) -> str:
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:02x}" for byte in value)
