"""Whether an entry of ``notify`` is told of a run now, later or not at all. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from runbook_lib.model.change_window import parse_window
from runbook_lib.parameters.model_notify import NotifyParameter
from runbook_lib.telling.message import RunMessage


class Told(Enum):
    """What became of one entry of ``notify`` in one run; ``value`` is what record.json holds."""

    SENT = "sent"
    NOT_ASKED = "not-asked"
    """Neither its outcomes nor its severities name this run."""
    UNCHANGED = "unchanged"
    QUIET = "quiet"
    """Its quiet hours; what changed is told by the first run after them."""
    FAILED = "failed"


def to_be_told(entry: NotifyParameter, message: RunMessage, *, last: str | None, now: datetime) -> Told:
    """What is to be done: ``Told.SENT`` means that it is to be sent.

    Args:
        entry: Of the parameters.
        message: What would be told.
        last: ``RunMessage.state`` that this entry was sent last of this notebook in this change; None: nothing yet.
        now: UTC.
    """
    by_outcome = message.outcome.value in entry.outcomes
    by_finding = any(message.findings[severity] for severity in entry.severities)
    back_to_good = entry.only_when_changed and last not in (None, message.state)
    if not (by_outcome or by_finding or back_to_good):
        return Told.NOT_ASKED
    if entry.only_when_changed and message.state == last:
        return Told.UNCHANGED
    if entry.quiet and now in parse_window(entry.quiet):
        return Told.QUIET
    return Told.SENT
