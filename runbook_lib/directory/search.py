"""What a search asks and what it returns: filters in which no value can become syntax, objects as raw bytes.

Filters follow RFC 4515: everything outside a small set of letters, digits and marks is written as ``\\xx`` pairs of its
UTF-8 bytes, so a value reaches the server byte by byte whatever it holds, and the text of a filter is plain ASCII.
What an object holds is decoded only when asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NewType
from uuid import UUID

from runbook_lib.errors import ServiceFailed, UsageError
from runbook_lib.model.ids import ObjectGuid, as_object_guid
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


def at_least(attribute: str, number: int) -> Filter:
    """The value is this number or a higher one."""
    return Filter(f"({_name(attribute)}>={int(number)})")


def has_bits(attribute: str, bits: int) -> Filter:
    """All of ``bits`` are set. ``bits`` is unsigned: 0x80000000 is written as 2147483648.

    Raises:
        ValueError: No bit is named.
    """
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


_FILE_TIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_FILE_TIME_NEVER = 0x7FFFFFFFFFFFFFFF
"""Units of 100 nanoseconds: what stands for a time that never comes."""
_SID = re.compile(r"S-1-(\d+|0x[0-9a-fA-F]{12})((?:-\d+){1,15})", re.ASCII)
_GENERALIZED = re.compile(r"(\d{14})(?:[.,]\d+)?(Z|[+-]\d{4})", re.ASCII)


def guid_text(value: bytes) -> str:
    """Lower-case GUID of 16 bytes in AD's order: the first three groups little-endian (MS-DTYP 2.3.4.2).

    Raises:
        ValueError: Not 16 bytes.
    """
    return as_object_guid(value)


def guid_bytes(text: str) -> bytes:
    """The 16 bytes that AD stores for a GUID in text form (hyphenated, any case, braces allowed).

    Raises:
        ValueError: Not a GUID.
    """
    return UUID(text).bytes_le


def sid_text(value: bytes) -> str:
    """``S-1-…`` of a binary SID (MS-DTYP 2.4.2).

    Raises:
        ValueError: Too short, too long, or another revision than 1.
    """
    if len(value) < 12 or value[0] != 1 or not 1 <= value[1] <= 15 or len(value) != 8 + 4 * value[1]:
        raise ValueError("not a binary SID")
    return f"{_before_last(value[:-4])}-{int.from_bytes(value[-4:], 'little')}"


@lru_cache(maxsize=256)
def _before_last(value: bytes) -> str:
    """The text of a SID without its last number: that of its domain, which nearly all that are read have in common."""
    authority = int.from_bytes(value[2:8], "big")
    parts = (int.from_bytes(value[at : at + 4], "little") for at in range(8, len(value), 4))
    # MS-DTYP 2.4.2.1: an authority of 2^32 or more is written in hexadecimal.
    shown = str(authority) if authority < 1 << 32 else f"0x{authority:012x}"
    return "-".join(["S", "1", shown, *map(str, parts)])


def sid_bytes(text: str) -> bytes:
    """The binary form of ``S-1-…``.

    Raises:
        ValueError: Not a SID.
    """
    match = _SID.fullmatch(text)
    if not match:
        raise ValueError(f"not a SID: {text!r}")
    authority = int(match.group(1), 0) if match.group(1).startswith("0x") else int(match.group(1))
    parts = [int(part) for part in match.group(2)[1:].split("-")]
    if authority >= 1 << 48 or any(part >= 1 << 32 for part in parts):
        raise ValueError(f"not a SID: {text!r}")
    return bytes([1, len(parts)]) + authority.to_bytes(6, "big") + b"".join(p.to_bytes(4, "little") for p in parts)


def in_domain(sid: str, domain_sid: str) -> bool:
    """Whether it was issued by the domain of ``domain_sid``: the domain's SID and one more number (MS-DTYP 2.4.2)."""
    return bool(domain_sid) and sid.rpartition("-")[0].casefold() == domain_sid.casefold()


def generalized_time(text: str) -> datetime:
    """UTC time of ``whenCreated`` and its like, ``20260131235959.0Z``; AD keeps whole seconds there.

    Raises:
        ValueError: Another form.
    """
    match = _GENERALIZED.fullmatch(text)
    if not match:
        raise ValueError(f"not a generalized time: {text!r}")
    zone = "+0000" if match.group(2) == "Z" else match.group(2)
    return datetime.strptime(match.group(1) + zone, "%Y%m%d%H%M%S%z").astimezone(UTC)


def file_time(value: int) -> datetime | None:
    """UTC time of ``pwdLastSet`` and its like: 100 ns steps since 1601. None for "never" (0 and 2^63 - 1).

    Raises:
        ValueError: Negative, or after the year 9999.
    """
    if value in (0, _FILE_TIME_NEVER):
        return None
    try:
        if value > 0:
            return _FILE_TIME_EPOCH + timedelta(microseconds=value // 10)
    except OverflowError:
        pass
    raise ValueError(f"not a file time: {value}")


@dataclass(frozen=True, slots=True)
class Entry:
    """An object's DN and the attributes that the server returned.

    ``attributes`` has lower-case names and raw values; an absent attribute is an absent key. Names in the methods are
    case-insensitive. Text that is not UTF-8 is decoded with surrogate escapes, so it can be written back unchanged.
    """

    dn: str
    attributes: Mapping[str, Sequence[bytes]]

    def raw(self, name: str) -> tuple[bytes, ...]:
        """All values as bytes."""
        return tuple(self.attributes.get(name.lower(), ()))

    def texts(self, name: str) -> tuple[str, ...]:
        """All values as text, in the server's order."""
        return tuple([value.decode("utf-8", "surrogateescape") for value in self.attributes.get(name.lower(), ())])

    def text(self, name: str) -> str | None:
        """The first value as text, or None."""
        values = self.attributes.get(name.lower())
        return values[0].decode("utf-8", "surrogateescape") if values else None

    def integer(self, name: str) -> int | None:
        """The first value as a number, or None.

        Raises:
            ServiceFailed: The value is not a number.
        """
        values = self.attributes.get(name.lower())
        if not values:
            return None
        try:
            return int(values[0])
        except ValueError:
            raise self._malformed(name) from None

    def truth(self, name: str) -> bool:
        """Whether the first value is ``TRUE``; False for an absent attribute."""
        values = self.attributes.get(name.lower())
        return bool(values) and values is not None and values[0].upper() == b"TRUE"

    def guid_of(self, name: str) -> ObjectGuid | None:
        """The first value as a lower-case GUID, or None; None too for bytes that are no GUID."""
        values = self.attributes.get(name.lower())
        return as_object_guid(values[0]) if values and len(values[0]) == 16 else None

    @property
    def guid(self) -> ObjectGuid:
        """objectGUID, which every object has; it must have been asked for.

        Raises:
            ServiceFailed: The server did not return it.
        """
        value = self.guid_of("objectguid")
        if value is None:
            raise self._malformed("objectGUID")
        return value

    @property
    def sid(self) -> str | None:
        """objectSid as ``S-1-…``, or None."""
        values = self.attributes.get("objectsid")
        return sid_text(values[0]) if values else None

    def _malformed(self, name: str) -> ServiceFailed:
        return ServiceFailed(
            t("Active Directory returned no usable {name} for {it_dn}.", name=name, it_dn=self.dn),
            code="malformed-answer",
            hint=t("Check that the account may read the attribute."),
            values={"dn": self.dn, "attribute": name},
        )
