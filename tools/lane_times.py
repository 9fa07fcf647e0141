"""How long a lane will take and how far it is: pure reckoning, from the last run here or from the committed figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from tools.lane_results import LaneRecord

FIGURES = Path(__file__).resolve().with_name("lane_figures.json")
"""Committed: how long each lane took on a machine of two cores, and which modules took the time. See ``figures_of``."""
SMALL_SHARE = 0.02
"""Until so much of the work is done, the rest is told from the expectation, not from the speed so far."""
NOTABLE_SECONDS = 1.0
"""Modules that take less are not listed one by one in the committed figures."""


class Figures(TypedDict):
    """Committed figures of a lane, in seconds: the whole, each test of the notable modules, and any other test."""

    seconds: float
    other: float
    modules: dict[str, float]


@dataclass(frozen=True)
class Expected:
    """What is known of a lane beforehand.

    Attributes:
        seconds: The whole lane, or None where nothing is known.
        tests: Seconds of single tests, from the last run on this machine.
        modules: Seconds for each test of a module, by its path.
        other: Seconds for any other test.
        here: Whether it was measured on this machine.
    """

    seconds: float | None = None
    tests: Mapping[str, float] = field(default_factory=dict)
    modules: Mapping[str, float] = field(default_factory=dict)
    other: float = 1.0
    here: bool = False

    def weight(self, name: str) -> float:
        """Seconds that one test should take, by its node id."""
        module = name.partition("::")[0]
        return self.tests.get(name, self.modules.get(module, self.other))


def expected_from(last: LaneRecord, figures: Figures | None) -> Expected:
    """What to expect of a lane: from its last whole run here, else from the committed figures, else nothing."""
    if last.seconds is not None:
        seconds = {test.name: test.seconds for test in last.finished}
        return Expected(last.seconds, seconds, other=_mean(seconds.values()), here=True)
    if figures is None:
        return Expected()
    return Expected(figures["seconds"], modules=figures["modules"], other=figures["other"])


def figures_of(record: LaneRecord) -> Figures:
    """Figures worth committing of a whole run."""
    by_module: dict[str, list[float]] = {}
    for test in record.finished:
        by_module.setdefault(test.name.partition("::")[0], []).append(test.seconds)
    notable = {name: round(_mean(times), 3) for name, times in by_module.items() if sum(times) >= NOTABLE_SECONDS}
    others = [time for name, times in by_module.items() if name not in notable for time in times]
    return {
        "seconds": round(record.seconds or 0.0, 1),
        "other": round(_mean(others), 4),
        "modules": dict(sorted(notable.items())),
    }


def read_figures(path: Path = FIGURES) -> dict[str, Figures]:
    """The committed figures by lane."""
    figures: dict[str, Figures] = json.loads(path.read_text(encoding="utf-8"))
    return figures


@dataclass(frozen=True)
class Progress:
    """How far a lane is. ``left`` is in seconds, None where nothing can be said."""

    finished: int
    selected: int
    failed: int
    gone: float
    left: float | None

    def line(self, lane: str) -> str:
        """One line for a person."""
        failed = f", {self.failed} failed" if self.failed else ""
        left = "" if self.left is None else f", about {duration(self.left)} left"
        return f"{lane}: {self.finished} of {self.selected} tests{failed}, {duration(self.gone)} gone{left}"


def progress(record: LaneRecord, expected: Expected, gone: float) -> Progress:
    """How far a lane is after ``gone`` seconds of running tests.

    Tests are weighed by what they should take: nine tenths of them are often the smaller half of the work.
    """
    whole = sum(map(expected.weight, record.selected))
    done = sum(expected.weight(test.name) for test in record.finished)
    share = min(done / whole, 1.0) if whole else 0.0
    left: float | None = None
    if share >= SMALL_SHARE:
        left = gone * (1 - share) / share
    elif expected.seconds is not None and expected.seconds > gone:
        left = expected.seconds - gone
    return Progress(len(record.finished), len(record.selected), len(record.failed), gone, left)


def announcement(queues: Sequence[Sequence[str]], expected: Mapping[str, Expected]) -> str:
    """What is said before the first lane starts: how long all of them will take, and where that is known from.

    Lanes of one queue run one after the other, queues at the same time.
    """
    names = [name for queue in queues for name in queue]
    by_lane = []
    for name in names:
        seconds = expected[name].seconds
        by_lane.append(f"{name} {'unknown' if seconds is None else duration(seconds)}")
    known = [seconds for name in names if (seconds := expected[name].seconds) is not None]
    if not known:
        return "How long this takes is not known: no run here yet, and no figures for it."
    if all(expected[name].here for name in names):
        source = "as the last time on this machine"
    else:
        source = "measured on two cores; a slower or busy machine takes longer"
    longest = max(sum(expected[name].seconds or 0.0 for name in queue) for queue in queues)
    together = "at the same time; " if len(queues) > 1 else ""
    return f"This takes about {duration(longest)} ({', '.join(by_lane)}; {together}{source})."


def duration(seconds: float) -> str:
    """``40 s``, ``3 min 20 s``, ``1 h 5 min``: for people, no finer than they need."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        rest -= rest % 10 if minutes >= 2 else 0
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(whole // 60, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known) if known else 0.0
