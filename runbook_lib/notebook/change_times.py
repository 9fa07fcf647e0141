"""When the change of this run may be written: from its parameters, with the calendar file read, shown to a person."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from runbook_lib.errors import UsageError
from runbook_lib.model.change_window import parse_window
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.text import t
from runbook_lib.notebook.context import RunContext
from runbook_lib.rules.blackouts import LARGEST_CALENDAR, MalformedCalendar, blackouts_of
from runbook_lib.rules.change_times import LOOKED_AHEAD, Blackout, ChangeTimes
from runbook_lib.shown.change import change_times_view
from runbook_lib.strict_file import Unfit, read_plain


def change_times(context: RunContext) -> ChangeTimes:
    """The times at which this run may write, worked out now; where there are limits, they are shown.

    Raises:
        UsageError: The calendar is missing, or cannot be understood to its end (``blackout-calendar``).
    """
    parameters, now = context.parameters, context.clock()
    windows = tuple(parse_window(text) for text in parameters.change_windows)
    blackouts: tuple[Blackout, ...] = ()
    if parameters.blackout_calendar:
        path = Path(parameters.blackout_calendar)
        try:
            blackouts = blackouts_of(
                read_plain(path, largest=LARGEST_CALENDAR).data,
                begins=now - timedelta(days=1),
                until=now + LOOKED_AHEAD,
                zones=[window.zone for window in windows],
            )
        except FileNotFoundError:
            raise _unusable(path, t("it is not there")) from None
        except (Unfit, MalformedCalendar) as error:
            raise _unusable(path, error.why) from None
    times = ChangeTimes(windows, blackouts, now)
    if times.limited:
        until = times.open_until(now)
        spans = times.open_spans(now)
        context.show(
            change_times_view(
                parameters.change_windows,
                until=to_the_minute(until) if until else "",
                begins=to_the_minute(spans[0].begins) if spans else "",
            )
        )
    return times


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(
        t("The blackout calendar {path} cannot be used: {why}.", path=path, why=why),
        code="blackout-calendar",
        hint=t("Nothing is written without it. Check the file that blackout_calendar names."),
        values={"path": str(path), "parameter": "blackout_calendar"},
    )
