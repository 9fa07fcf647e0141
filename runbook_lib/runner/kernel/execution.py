"""What the engine is asked to do and what it saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from runbook_lib.model.text import NOTHING, Text


class KernelEnd(Enum):
    """How a kernel came to its end, as the engine saw it. What the run achieved is record.json's to say."""

    COMPLETED = "completed"
    """Every cell ran, or a cell asked politely to stop (``SystemExit`` without an error)."""
    CELL_ERROR = "cell-error"
    DIED = "died"
    NOT_STARTED = "not-started"
    TIME_LIMIT = "time-limit"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class CellStep:
    """A code cell that is about to run: ``number`` of ``total`` (from 1), and the heading above it."""

    number: int
    total: int
    heading: str


@dataclass(frozen=True, slots=True)
class CellError:
    """The error that stopped the run, as the kernel told it."""

    cell: int
    """Position in the executed notebook, from 0."""
    name: str
    text: str
    outcome: str = ""
    """What the mark of its cell says that it means, a value of ``Outcome``; empty where there is no mark."""
    message: Text = NOTHING
    hint: Text = NOTHING


@dataclass(slots=True)
class Execution:
    """One execution: the order and, afterwards, the report.

    Attributes:
        work_file: Where the notebook is saved after every cell.
        mark: Change and run that it is of, to be kept in the file (``record.cells``).
        scratch: Private folder for the kernel's connection file and IPython's profile.
        environment: Environment variables of the kernel, all of them.
        folder: Current folder of the kernel.
        time_limit: Seconds for the whole run, or None.
        grace: Seconds that an interrupted kernel has to end by itself.
        progress: Told before each code cell.
        detail: Told what the cell says of its progress, as its text stands then.
        notice: Told what the person at the terminal has to do now; it becomes no part of the notebook.
    """

    work_file: Path
    scratch: Path
    environment: Mapping[str, str]
    folder: Path
    mark: Mapping[str, str] = field(default_factory=dict)
    time_limit: float | None = None
    grace: float = 20.0
    progress: Callable[[CellStep], None] | None = None
    detail: Callable[[Text], None] | None = None
    notice: Callable[[Text], None] | None = None
    end: KernelEnd = KernelEnd.NOT_STARTED
    error: CellError | None = None
    kernel_exit_code: int | None = None
    """What the dead kernel's process returned; negative: the signal that ended it."""
    stop_asked: bool = False
    """Whether Ctrl-C or a signal asked for the end, in time or not."""
    unsaved: str = ""
    """Why the executed notebook could not be saved the last time that it was tried; empty: it was."""
    steps: list[CellStep] = field(default_factory=list)
