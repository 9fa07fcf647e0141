"""When changes may be written: change windows, without the events of a blackout calendar. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.errors import AwaitingWindow
from runbook_lib.model.change_window import ChangeWindow, Span, merged, without
from runbook_lib.model.moment import iso_seconds, to_the_minute, with_its_zone
from runbook_lib.model.text import Text, t, verbatim

LOOKED_AHEAD = timedelta(days=400)
"""How far windows and events are looked at: a yearly freeze and what comes after it."""


@dataclass(frozen=True, slots=True)
class Blackout:
    """A time at which nothing is written.

    Attributes:
        name: What the calendar calls it; untrusted.
    """

    span: Span
    name: Text


@dataclass(frozen=True, slots=True)
class ChangeTimes:
    """The times at which this run may write.

    Attributes:
        windows: Outside of all of them nothing is written; none: at any time.
        blackouts: Between ``known_from`` and ``known_until``.
        known_from: When the calendar was looked at, UTC.
    """

    windows: tuple[ChangeWindow, ...]
    blackouts: tuple[Blackout, ...]
    known_from: datetime

    @property
    def known_until(self) -> datetime:
        """No event after it was looked for."""
        return self.known_from + LOOKED_AHEAD

    @property
    def limited(self) -> bool:
        """Whether there is any time at which nothing may be written."""
        return bool(self.windows or self.blackouts)

    def open_spans(self, at: datetime) -> tuple[Span, ...]:
        """Times from ``at`` on, UTC, at which something may be written, in order."""
        until = at + LOOKED_AHEAD
        spans: Sequence[Span] = (Span(at, until),)
        if self.windows:
            spans = merged(span for window in self.windows for span in window.spans(at, until))
        return tuple(s for s in without(spans, (b.span for b in self.blackouts)) if s.until > at)

    def open_until(self, at: datetime) -> datetime | None:
        """When writing has to stop that is allowed at ``at``; None where it is not allowed."""
        first = next(iter(self.open_spans(at)), None)
        return first.until if first is not None and at in first else None

    def require_open(self, at: datetime) -> None:
        """Refuse outside of the windows and during a blackout.

        Raises:
            AwaitingWindow: ``outside-change-window`` or ``blackout``, with the next time at which writing is allowed.
        """
        blackout = next((b for b in self.blackouts if at in b.span), None)
        in_window = not self.windows or any(at in window for window in self.windows)
        # Asked before every write: the spans of all the time ahead are worked out for the message alone.
        if not self.limited or (blackout is None and in_window and at < self.known_until):
            return
        spans = self.open_spans(at)
        values: dict[str, object] = {"now": iso_seconds(at), "next": iso_seconds(spans[0].begins) if spans else None}
        hint = (
            t("The next time to write begins at {begins}: run the notebook again then.", begins=self._shown(spans[0]))
            if spans
            else t("There is no time to write within {days} days: check change_windows.", days=LOOKED_AHEAD.days)
        )
        if blackout is not None:
            raise AwaitingWindow(
                t(
                    "Nothing is written until {until}: the blackout calendar has {name}.",
                    until=to_the_minute(blackout.span.until),
                    name=blackout.name,
                ),
                code="blackout",
                hint=hint,
                values=values,
            )
        raise AwaitingWindow(
            t("It is {now}, outside of every change window.", now=to_the_minute(at)),
            code="outside-change-window",
            hint=hint,
            values=values,
        )

    def _shown(self, span: Span) -> Text:
        """When it begins, in UTC and on the clocks of the first window."""
        utc = verbatim(to_the_minute(span.begins))
        if not self.windows:
            return utc
        local = with_its_zone(span.begins.astimezone(self.windows[0].zone))
        return t("{utc} ({local})", utc=utc, local=local)
