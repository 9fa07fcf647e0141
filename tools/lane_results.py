"""What a test lane keeps of every test, written as each one finishes.

One JSON object a line, appended by ``tools.lane_plugin`` and never rewritten, so whatever ends the lane (Ctrl-C, a
signal, a worker that dies, a killed pytest) leaves everything that had finished:

=========================================  ==========================================================================
line                                       means
=========================================  ==========================================================================
``{"selected": [name, …]}``                the tests that are to run
``{"began": name}``                        a test has started
``{"phase": …, "test": name, …}``          set-up, call or tear-down has ended: ``outcome``, ``seconds``, and ``text``
                                           where it failed
``{"stopped": reason}``                    no further test is started (the limit of ``--stop-at``)
``{"ended": code, "seconds": number}``     the lane ended by itself, with this exit code, after so many seconds
=========================================  ==========================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LAST_PHASE = "teardown"


@dataclass
class OneTest:
    """One test: its time over all phases so far, and how it stands."""

    name: str
    seconds: float = 0.0
    failed: bool = False
    skipped: bool = False
    finished: bool = False
    text: str = ""
    """Why it failed."""


@dataclass
class LaneRecord:
    """Everything that a lane has kept. ``code`` and ``seconds`` are None where it did not end by itself."""

    selected: tuple[str, ...] = ()
    tests: dict[str, OneTest] = field(default_factory=dict)
    stopped: str = ""
    code: int | None = None
    seconds: float | None = None

    @property
    def finished(self) -> list[OneTest]:
        """Tests that ran to their end."""
        return [test for test in self.tests.values() if test.finished]

    @property
    def failed(self) -> list[OneTest]:
        """Tests that failed."""
        return [test for test in self.finished if test.failed]

    @property
    def running(self) -> list[str]:
        """Tests that had begun when the lane ended."""
        return [test.name for test in self.tests.values() if not test.finished]

    @property
    def missing(self) -> int:
        """Number of tests that were to run and did not run to their end."""
        return len(self.not_finished())

    def not_finished(self, below: tuple[str, ...] = ("",)) -> set[str]:
        """Tests below these paths that were to run and did not run to their end."""
        return {name for name in self.selected if name.startswith(below)} - {test.name for test in self.finished}

    def counts(self) -> tuple[int, int, int]:
        """Finished tests: passed, failed, skipped."""
        failed = len(self.failed)
        skipped = sum(test.skipped and not test.failed for test in self.finished)
        return len(self.finished) - failed - skipped, failed, skipped

    def slowest(self, number: int) -> list[OneTest]:
        """The tests that took longest, the slowest first."""
        return sorted(self.finished, key=lambda test: (-test.seconds, test.name))[:number]

    def add(self, line: Mapping[str, Any]) -> None:
        """Take one line of the file in."""
        if "selected" in line:
            self.selected = tuple(line["selected"])
        elif "stopped" in line:
            self.stopped = line["stopped"]
        elif "ended" in line:
            self.code, self.seconds = line["ended"], line["seconds"]
        elif "began" in line:
            self.tests[line["began"]] = OneTest(line["began"])
        else:
            self._add_phase(self.tests.setdefault(line["test"], OneTest(line["test"])), line)

    def _add_phase(self, test: OneTest, line: Mapping[str, Any]) -> None:
        test.seconds += line["seconds"]
        test.failed |= line["outcome"] == "failed"
        test.skipped |= line["outcome"] == "skipped"
        test.text = "\n".join(part for part in (test.text, line.get("text", "")) if part)
        # A worker that died reports its test with no phase of pytest's.
        test.finished |= line["phase"] not in ("setup", "call")


def read_record(path: Path) -> LaneRecord:
    """What a lane has kept so far; nothing where there is no file. A last line that is cut off is left out."""
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return LaneRecord()
    return record_of(text.splitlines())


def record_of(lines: Iterable[str]) -> LaneRecord:
    """The record that these lines make."""
    record = LaneRecord()
    for line in lines:
        try:
            record.add(json.loads(line))
        except json.JSONDecodeError:
            continue
    return record
