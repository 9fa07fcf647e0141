"""Points in time as text: for files and machines (ISO 8601 in UTC, ending in Z), and for people (with the word UTC).

Every function refuses a time without a zone: it proves nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""Where a time is not known, for an order by time."""


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a time without a zone proves nothing")
    return at.astimezone(UTC)


def iso_exact(at: datetime) -> str:
    """``2026-11-22T10:00:00.123456Z``, with as many digits of a second as there are.

    Raises:
        ValueError: ``at`` has no time zone.
    """
    return _utc(at).isoformat().replace("+00:00", "Z")


def iso_milliseconds(at: datetime) -> str:
    """``2026-11-22T10:00:00.123Z``: when something happened in a run (record.json, journal.jsonl, MANIFEST.json).

    Raises:
        ValueError: ``at`` has no time zone.
    """
    return _utc(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_seconds(at: datetime) -> str:
    """``2026-11-22T10:00:00Z``: what a person decided (approvals, closings), when something was read.

    Raises:
        ValueError: ``at`` has no time zone.
    """
    return _utc(at).isoformat(timespec="seconds").replace("+00:00", "Z")


def to_the_minute(at: datetime) -> str:
    """``2026-11-22 10:00 UTC``, for people.

    Raises:
        ValueError: ``at`` has no time zone.
    """
    return f"{_utc(at):%Y-%m-%d %H:%M} UTC"


def to_the_second(text: str) -> str:
    """``2026-11-22T10:00:00.123Z`` as ``2026-11-22 10:00:00 UTC``, for people; what is no such time as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return at.strftime("%Y-%m-%d %H:%M:%S") + (" UTC" if at.utcoffset() is not None and not at.utcoffset() else "")


def with_its_zone(at: datetime) -> str:
    """``2026-11-22 11:00:00 CET``, in the zone that ``at`` is in, for people.

    Raises:
        ValueError: ``at`` has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone proves nothing")
    return at.strftime("%Y-%m-%d %H:%M:%S %Z").rstrip()


def moment_in(value: object) -> datetime | None:
    """The time that a JSON value stands for; None where it is no ISO 8601 text or has no zone."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
