"""Lengths of time as people read them."""

from __future__ import annotations

from runbook_lib.model.text import Text, t


def duration_text(seconds: float) -> Text:
    """``0.8 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return t("{seconds:.1f} s", seconds=seconds)
    whole = round(seconds)
    if whole < 60:
        return t("{seconds} s", seconds=whole)
    if whole < 3600:
        return t("{minutes} min {seconds:02d} s", minutes=whole // 60, seconds=whole % 60)
    return t("{hours} h {minutes:02d} min", hours=whole // 3600, minutes=whole % 3600 // 60)
