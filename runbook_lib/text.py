"""Untrusted text made safe for a terminal or a log line."""

from __future__ import annotations

import unicodedata

# Characters that reorder what a reader sees (Unicode TR 9); names with them are shown escaped.
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str, *, limit: int | None = None) -> str:
    """Return ``text`` with control, bidirectional-control and unpaired surrogate characters as ``\\u....`` escapes.

    Line breaks are escaped too, so one value stays on one line. ``limit`` cuts the result (in characters) and
    marks the cut with an ellipsis.
    """
    shown = "".join(
        char
        if char not in _BIDI_CONTROLS and unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
        else f"\\u{ord(char):04x}"
        for char in text
    )
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown
