"""One answer as a whole, within limits of size and time, and as JSON that can be read in one way only.

An answer that drips keeps every single wait short, so it has a time for all of it, kept where the bytes arrive: status
line, headers and body alike. A compressed one is unpacked no further than it may be large.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Never

from requests import Response

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer, as it comes and unpacked. A page of 999 users has two million, a batch of 20 pages fewer than
ten."""
ANSWER_TIMES = 4
"""A whole answer may take this many times ``cloud_timeout``, within which each part of it has to come."""
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


_time_of = threading.local()


class Limit:
    """The time for one answer."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self.seconds = seconds
        self._monotonic = monotonic
        self._ends = monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left; none when negative."""
        return self._ends - self._monotonic()


@contextmanager
def within(seconds: float, monotonic: Callable[[], float] = time.monotonic) -> Iterator[Limit]:
    """While the block runs, everything that this thread receives over a ``LimitedSocket`` has to come in this time."""
    limit = Limit(seconds, monotonic)
    _time_of.limit = limit
    try:
        yield limit
    finally:
        _time_of.limit = None


class LimitedSocket(ssl.SSLSocket):
    """A TLS socket that receives nothing when the time of ``within`` is over.

    http.client receives through ``recv_into`` alone, for status line, headers and body.
    """

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        """As the base class; TimeoutError when the time is over."""
        limit: Limit | None = getattr(_time_of, "limit", None)
        if limit is None:
            return super().recv_into(*arguments, **named)
        left, usual = limit.left, self.gettimeout()
        if left <= 0:
            raise TimeoutError("the time for the whole answer is over")
        if usual is not None and usual <= left:
            return super().recv_into(*arguments, **named)
        self.settimeout(left)
        try:
            return super().recv_into(*arguments, **named)
        finally:
            self.settimeout(usual)
