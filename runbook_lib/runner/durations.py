"""Lengths of time as people type them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import click

from runbook_lib.errors import UsageError
from runbook_lib.model.text import t

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PART = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,6})?")
_LONGEST_TEXT = 40
USUAL_TIME_LIMIT = "4h"
"""How long one run may take unless told: a tenant of a million objects is read in an hour, and a run that hangs is over
before the next working day."""
USUAL_CHECK_LIMIT = "1h"
"""The same for a pre-flight, which reads less."""
LONGEST_TIME_LIMIT = timedelta(days=30)


class TimeLimit(click.ParamType):  # type: ignore[type-arg]
    """Seconds (``3600``) or a length of time (``4h``), as seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds; a click error for anything else."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        try:
            length = timedelta(seconds=float(text)) if _SECONDS.fullmatch(text) else parse_duration(text)
        except UsageError as error:
            self.fail(f"{error.message} {error.hint}", param, ctx)
        if not timedelta(seconds=1) <= length <= LONGEST_TIME_LIMIT:
            self.fail("A run may take from one second to 30 days.", param, ctx)
        return length.total_seconds()


def parse_duration(text: str) -> timedelta:
    """``4h``, ``30m``, ``2d``, ``90s``, or parts in a row: ``1h30m``.

    Raises:
        UsageError: Code ``bad-duration``; nothing, zero, or another spelling.
    """
    spelled = text.strip().lower()
    if len(spelled) > _LONGEST_TEXT:
        raise _refused(text)
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
        t("{text!r} is not a length of time.", text=text[:40]),
        code="bad-duration",
        hint=t("Write for example 30m, 4h or 2d."),
        values={"text": text[:40]},
    )
