"""Active Directory's binary and odd text values: GUIDs, SIDs, times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

_FILE_TIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_FILE_TIME_NEVER = 0x7FFFFFFFFFFFFFFF
_SID = re.compile(r"S-1-(\d+|0x[0-9a-fA-F]{12})((?:-\d+){1,15})", re.ASCII)
_GENERALIZED = re.compile(r"(\d{14})(?:[.,]\d+)?(Z|[+-]\d{4})", re.ASCII)


def guid_text(value: bytes) -> str:
    """Lower-case GUID of 16 bytes in AD's order: the first three groups little-endian (MS-DTYP 2.3.4.2).

    Raises:
        ValueError: Not 16 bytes.
    """
    return str(UUID(bytes_le=value))


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
