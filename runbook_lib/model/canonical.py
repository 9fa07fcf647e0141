"""Canonical JSON and digests: the same facts give the same bytes on every machine."""

from __future__ import annotations

import hashlib
import json


def canonical_json(value: object) -> bytes:
    """Encode JSON-compatible ``value`` as UTF-8 with sorted keys and no white space.

    Raises:
        ValueError: For NaN and infinities, which JSON does not have.
        TypeError: For anything that JSON does not know (sets have no order, so they are refused too).
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON of ``value``, 64 lower-case hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
