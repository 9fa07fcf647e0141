"""Read every part, each with its own error capture: what fails makes its own checks unknown and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.directory.connection import Directory
from runbook_lib.errors import RunbookError
from runbook_lib.exchange.read import read_exchange
from runbook_lib.graph.transport import GraphClient
from runbook_lib.parameters.model import Parameters
from runbook_lib.readiness.evidence import TITLES, Evidence, Unreadable

Progress = Callable[[str], None]
"""Told what is being read now, in a few words."""


class Reach:
    """The ways to both sides, each opened when first needed. A way that could not be opened is not tried again.

    Args:
        directory: Opens, or has opened, the connection to the domain controller.
        graph: Opens, or has opened, the client for Microsoft Graph.
    """

    def __init__(self, *, directory: Callable[[], Directory], graph: Callable[[], GraphClient]) -> None:
        self._openers: dict[str, Callable[[], object]] = {"directory": directory, "graph": graph}
        self._opened: dict[str, object] = {}
        self._failed: dict[str, RunbookError] = {}

    @property
    def directory(self) -> Directory:
        """The connection to the domain controller."""
        opened = self._open("directory")
        assert isinstance(opened, Directory)  # noqa: S101 - for the type checker
        return opened

    @property
    def graph(self) -> GraphClient:
        """The client for Microsoft Graph."""
        opened = self._open("graph")
        assert isinstance(opened, GraphClient)  # noqa: S101 - for the type checker
        return opened

    def _open(self, way: str) -> object:
        if way in self._failed:
            raise self._failed[way]
        if way not in self._opened:
            try:
                self._opened[way] = self._openers[way]()
            except RunbookError as error:
                self._failed[way] = error
                raise
        return self._opened[way]


@dataclass(frozen=True, slots=True)
class Reader:
    """How one part is read: from the ways to both sides, and from the parts that were read before it."""

    part: str
    read: Callable[[Reach, Evidence], object]


READERS: tuple[Reader, ...] = (Reader("exchange", lambda reach, _: read_exchange(reach.directory)),)
"""Every part, in the order of reading."""


def read_evidence(
    parameters: Parameters,
    reach: Reach,
    *,
    clock: Callable[[], datetime],
    progress: Progress | None = None,
) -> Evidence:
    """Read every part. Never fails because of what a side answers: a part without a value says why.

    Args:
        parameters: What the run is told.
        reach: The ways to both sides.
        clock: Now, UTC.
        progress: Told the title of each part before it is read.
    """
    evidence = Evidence(at=clock(), parameters=parameters)
    for reader in READERS:
        if progress is not None:
            progress(TITLES[reader.part])
        try:
            value = reader.read(reach, evidence)
        except RunbookError as error:
            value = Unreadable(reader.part, error.message, error.code)
        evidence = evidence.with_part(reader.part, value)
    return evidence
