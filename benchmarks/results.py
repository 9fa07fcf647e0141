"""What was measured beside what others take, as rows of a table in benchmarks/RESULTS.md."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median

FILE = Path(__file__).with_name("RESULTS.md")
_HEAD = """\
# Results of `make bench`

Written by `{what}` on {at:%Y-%m-%d %H:%M} UTC, commit {commit}, {machine}, load {load} at the end (1 is one busy core).

The product and the other tool run in turn, several times, in one run of the benchmarks. Three figures are minimum,
median and maximum; a ratio is that of two runs that followed each other. Processor seconds are those of the one who
asks, children included, without the server's.

| work | beside | product, s | the other, s | ratio | processor, s | ratio of processor | requests | units | goal |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds on the clock, seconds of processor of whoever asks (not of the server).

    ``requests``, and ``units`` of Graph's throttling, are there where known.
    """

    seconds: float
    processor: float
    requests: int | None = None
    units: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes:
        work: What is done.
        goal: What is wanted, in words: a ratio, or seconds.
        beside: What it is measured beside, with its version; empty where nothing is.
        ours: Runs of the product.
        theirs: Runs of the other, in turn with ours; as many, or none.
        why: Why nothing was measured; empty where something was.
    """

    work: str
    goal: str
    beside: str = ""
    ours: Sequence[Run] = field(default_factory=tuple)
    theirs: Sequence[Run] = field(default_factory=tuple)
    why: str = ""


def once(work: Callable[[], int | None], *, units: Callable[[], int] | None = None) -> Run:
    """Do something and time it; it returns the number of its requests, or None. ``units`` counts those so far."""
    before = units() if units is not None else 0
    processor, begun = _processor(), time.perf_counter()
    requests = work()
    seconds, processor = time.perf_counter() - begun, _processor() - processor
    return Run(seconds, processor, requests, units() - before if units is not None else None)


def in_turn(runs: int, ours: Callable[[], int | None], theirs: Callable[[], int | None]) -> tuple[list[Run], list[Run]]:
    """Both, ``runs`` times, one after the other: a machine that is busy for a while is so for both."""
    pairs = [(once(ours), once(theirs)) for _ in range(runs)]
    return [one for one, _ in pairs], [other for _, other in pairs]


def table(rows: Sequence[Row], *, at: datetime, what: str, commit: str) -> str:
    """The document: machine, commit, a row for each piece of work."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return (
        _HEAD.format(what=what, at=at, commit=commit, machine=machine, load=load) + "\n".join(map(_line, rows)) + "\n"
    )


def commit_of_this_tree() -> str:
    """The commit, with a plus sign where files differ from it; ``unknown`` outside of git."""
    told = []
    for arguments in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--untracked-files=no")):
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=FILE.parent, capture_output=True, text=True, check=True, timeout=60
            )
        except (OSError, subprocess.SubprocessError):
            return "unknown"
        told.append(done.stdout.strip())
    return told[0] + ("+" if told[1] else "")


def _line(row: Row) -> str:
    if row.why:
        return f"| {row.work} | {row.beside} | not measured: {row.why} | | | | | | | {row.goal} |"
    ours, theirs = row.ours, row.theirs
    pairs = list(zip(ours, theirs, strict=True)) if theirs else []
    cells = [
        row.work,
        row.beside,
        _three([run.seconds for run in ours]),
        _three([run.seconds for run in theirs]),
        _three([one.seconds / other.seconds for one, other in pairs]),
        _three([run.processor for run in ours]),
        _three([one.processor / other.processor for one, other in pairs if other.processor]),
        _most([run.requests for run in ours], [run.requests for run in theirs]),
        _most([run.units for run in ours], [run.units for run in theirs]),
        row.goal,
    ]
    return f"| {' | '.join(cells)} |"


def _three(values: Sequence[float]) -> str:
    return f"{min(values):.2f} / {median(values):.2f} / {max(values):.2f}" if values else ""


def _most(*sides: Sequence[int | None]) -> str:
    """The most of each side, of those that are known."""
    most = [max((number for number in side if number), default=None) for side in sides]
    return " : ".join(str(number) for number in most if number is not None)


def _processor() -> float:
    """Seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
