"""The Jinja environment of our pages: everything escaped, every value printable, nothing loaded from outside."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from runbook_lib.model.untrusted import printable

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The one environment; templates are read from this package."""
    made = Environment(
        loader=PackageLoader("runbook_lib.record", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["moment"] = moment
    made.filters["size"] = size
    made.globals["policy"] = CONTENT_SECURITY_POLICY
    return made


def _finalize(value: object) -> object:
    """Every value that a template writes passes here before it is escaped."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(value) if isinstance(value, str) else printable(str(value))


def moment(value: object) -> str:
    """``2026-11-22T10:00:00.123Z`` as ``2026-11-22 10:00:00 UTC``; anything else as it is."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return "not known" if value is None else str(value)
    return at.strftime("%Y-%m-%d %H:%M:%S") + (" UTC" if at.utcoffset() is not None and not at.utcoffset() else "")


def size(count: int) -> str:
    """Bytes for people."""
    if count < 10_000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} kB" if count < 10_000_000 else f"{count / 1_000_000:.1f} MB"
