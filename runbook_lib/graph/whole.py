"""One answer as a whole, within limits of size and time, and as JSON that can be read in one way only.

The time is kept in the socket (``session``): status line, headers and body alike. A compressed answer is unpacked no
further than it may be large.
"""

from __future__ import annotations

import json
import zlib
from typing import Never

from requests import Response

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer, as it comes and unpacked. A page of 999 users has two million, a batch of 20 pages fewer than
ten."""
_PIECE = 16_384
_GZIP = 16 + zlib.MAX_WBITS
_PACKED = ("gzip", "x-gzip")


class NotWhole(Exception):  # noqa: N818 - becomes a Trouble where the host is known
    """The answer is too large, breaks off or is damaged; the text continues a sentence that begins with the host."""


def body_of(response: Response, *, largest: int = LARGEST_ANSWER) -> bytes:
    """The whole body, unpacked.

    Raises:
        NotWhole: Too large, packed in a way that was not asked for, or broken off.
        OSError, urllib3.exceptions.HTTPError: As while sending.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", *_PACKED):
        raise NotWhole("answered in an encoding that was not asked for")
    unpacker = zlib.decompressobj(_GZIP) if encoding in _PACKED else None
    found = bytearray()
    received = 0
    for piece in response.raw.stream(_PIECE, decode_content=False):
        received += len(piece)
        if unpacker is None:
            found += piece
        else:
            try:
                found += unpacker.decompress(piece, largest + 1 - len(found))
            except zlib.error:
                raise NotWhole("answered with a compressed text that is damaged") from None
        if max(len(found), received) > largest:
            raise NotWhole(f"answered with more than {largest // (1024 * 1024)} MB")
    if unpacker is not None and received and not unpacker.eof:
        raise NotWhole("answered with a compressed text that breaks off")
    return bytes(found)


def json_object(content: bytes) -> dict[str, object]:
    """The JSON object in ``content``.

    Raises:
        NotWhole: No JSON, no object, a name that an object holds twice, or a number that JSON does not have: whatever
            was meant, two readers would take it for two things.
    """
    try:
        value: object = json.loads(content, object_pairs_hook=_single, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise NotWhole("answered with something other than a JSON object")
    return value


def _single(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotWhole("answered with damaged JSON: an object holds a name twice")
    return found


def _no_number(_: str) -> Never:
    raise NotWhole("answered with damaged JSON: a number that is none")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        _no_number(text)
    return number
