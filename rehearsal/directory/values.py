"""Attribute values: how they are written, checked and compared, by attribute syntax ([MS-ADTS], section 3.1.1.2.2)."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from functools import lru_cache

from runbook_lib.directory.search import sid_bytes

Key = str | int | bytes
"""A value in the form in which two equal values are equal."""

REFERENCE = "2.5.5.1"
BOOLEAN_SYNTAX = "2.5.5.8"
INTEGER_SYNTAXES = {"2.5.5.9": 32, "2.5.5.16": 64}
TIME = "2.5.5.11"
SID = "2.5.5.17"
_BINARY = {"2.5.5.10", "2.5.5.15", SID}
_CASE_EXACT = {"2.5.5.3", "2.5.5.5", "2.5.5.6"}


@lru_cache(maxsize=200_000)
def fold(value: str) -> str:
    """Text as AD compares it: case, accents and full-width forms make no difference."""
    if value.isascii():
        return value.lower()
    decomposed = unicodedata.normalize("NFKD", value.casefold())
    kept = "".join(character for character in decomposed if unicodedata.category(character) != "Mn")
    return kept or decomposed


def value_key(syntax: str, value: bytes) -> Key:
    """The comparable form of a value.

    Raises:
        ValueError: The value does not fit the syntax.
    """
    if syntax in _BINARY:
        return sid_bytes("S" + value[1:].decode("ascii")) if syntax == SID and value[:4].upper() == b"S-1-" else value
    text = value.decode("utf-8")
    if syntax in INTEGER_SYNTAXES:
        return _number(text, INTEGER_SYNTAXES[syntax])
    if syntax == BOOLEAN_SYNTAX:
        if text.upper() not in {"TRUE", "FALSE"}:
            raise ValueError(text)
        return text.upper()
    if syntax == TIME:
        return parse_time(text).isoformat()
    return text if syntax in _CASE_EXACT else fold(text)


def _number(text: str, bits: int) -> int:
    number = int(text)
    if not -(1 << (bits - 1)) <= number < (1 << bits):
        raise ValueError(text)
    # Filters may name a 32-bit flag field without its sign: 2147483648 is the same as -2147483648.
    return number - (1 << bits) if number >= 1 << (bits - 1) else number


def text_length(value: bytes) -> int:
    """Characters as rangeLower and rangeUpper count them: UTF-16 units, so most emoji count twice."""
    return len(value.decode("utf-8").encode("utf-16-le")) // 2


def is_text(syntax: str) -> bool:
    """Whether lengths of this syntax are characters."""
    return syntax not in _BINARY and syntax not in INTEGER_SYNTAXES and syntax not in {BOOLEAN_SYNTAX, TIME, REFERENCE}


def format_time(moment: datetime) -> bytes:
    """Generalized time as AD writes it, ``20260131120000.0Z``."""
    return _second(moment.replace(microsecond=0))


@lru_cache(maxsize=64)
def _second(moment: datetime) -> bytes:
    """Thousands of objects can be written within one second."""
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S.0Z").encode("ascii")


def parse_time(text: str) -> datetime:
    """Generalized time in UTC; raises ValueError."""
    digits, separator, rest = text.rstrip("Z").partition(".")
    whole = digits.isdigit() and len(digits) in {12, 14} and (not separator or rest.isdigit())
    if not text.endswith("Z") or not whole:
        raise ValueError(text)
    return datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
