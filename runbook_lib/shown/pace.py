"""How fast something goes on, and how long the rest will take: one line of words, for a notebook and a terminal. Pure.

The first seconds say nothing about the rest, so rate and remaining time are told from the third second on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook_lib.model.duration import duration_text
from runbook_lib.model.text import NOTHING, Text, t

_SETTLED = 2.0
"""Seconds after which a rate means something."""


class Pace:
    """Follows one thing after another. Whatever is new, or begins again, has a pace of its own."""

    def __init__(self) -> None:
        self._what = ""
        self._begun = 0.0
        self._at_first = 0
        self._last = 0

    def text(self, what: Text, done: int, total: int | None, now: float) -> Text:
        """``members: 400 of 5,000, 120 a second, about 40 s left``; without a total ``members: 400 so far``.

        Args:
            what: What is counted.
            done: How much of it so far.
            total: How much there is in all; None: not known.
            now: Seconds of a clock that never goes back.
        """
        if str(what) != self._what or done < self._last:
            self._what, self._begun, self._at_first = str(what), now, done
        self._last = done
        said = (
            t("{what}: {done:,} so far", what=what, done=done)
            if total is None
            else t("{what}: {done:,} of {total:,}", what=what, done=done, total=total)
        )
        passed, more = now - self._begun, done - self._at_first
        if done == total or passed < _SETTLED or more <= 0:
            return said
        rate = more / passed
        left = NOTHING if total is None else t(", about {left} left", left=duration_text((total - done) / rate))
        each = t("{rate:,.0f} a second", rate=rate) if rate >= 1 else t("{rate:,.0f} a minute", rate=rate * 60)
        return t("{said}, {each}{left}", said=said, each=each, left=left)


def progress_in(message: Mapping[str, Any]) -> str:
    """The text of a display that a kernel may replace, which is what progress is; empty for any other message."""
    content = message["content"]
    if message["msg_type"] not in ("display_data", "update_display_data") or not content.get("transient"):
        return ""
    text = content.get("data", {}).get("text/plain", "")
    return text if isinstance(text, str) else ""
