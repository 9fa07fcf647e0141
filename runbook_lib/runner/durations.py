"""Lengths of time as people type them."""

from __future__ import annotations

import re
from datetime import timedelta

from runbook_lib.errors import UsageError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PART = re.compile(r"([0-9]{1,6})([smhd])")


def parse_duration(text: str) -> timedelta:
    """``4h``, ``30m``, ``2d``, ``90s``, or parts in a row: ``1h30m``.

    Raises:
        UsageError: Code ``bad-duration``; nothing, zero, or another spelling.
    """
    spelled = text.strip().lower()
    parts = _PART.findall(spelled)
    if not parts or "".join(number + unit for number, unit in parts) != spelled:
        raise _refused(text)
    length = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    if not length:
        raise _refused(text)
    return length


def duration_words(seconds: float) -> str:
    """``0.8 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _refused(text: str) -> UsageError:
    return UsageError(
        f"{text[:40]!r} is not a length of time.",
        code="bad-duration",
        hint="Write for example 30m, 4h or 2d.",
        values={"text": text[:40]},
    )
