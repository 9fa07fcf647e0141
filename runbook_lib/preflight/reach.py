"""The ways to both sides, and what a reader of one part is given of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.other_domain import OtherDomainReader
from runbook_lib.errors import NoAccess, RunbookError
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.reading import Part
from runbook_lib.model.text import Text, t
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.evidence import Evidence

_T = TypeVar("_T")


class _Way(Generic[_T]):
    """One way, opened when first needed; one that could not be opened is not tried again."""

    def __init__(self, open_it: Callable[[], _T]) -> None:
        self._open = open_it
        self._opened: list[_T] = []
        self._failed: RunbookError | None = None

    def __call__(self) -> _T:
        if self._failed is not None:
            raise self._failed
        if not self._opened:
            try:
                self._opened.append(self._open())
            except RunbookError as error:
                self._failed = error
                raise
        return self._opened[0]


class Reach:
    """The ways to both sides, each opened when first needed. A way that could not be opened is not tried again.

    Args:
        directory: Opens, or has opened, the connection to the domain controller.
        graph: Opens, or has opened, the client for Microsoft Graph.
        elsewhere: Reads an object of another domain of the forest; None: other domains are not read.

    Attributes:
        directory: The connection to the domain controller. Raises what opening it raised.
        graph: The client for Microsoft Graph. Raises what opening it raised.
        elsewhere: As given.
    """

    def __init__(
        self,
        *,
        directory: Callable[[], Directory],
        graph: Callable[[], GraphClient],
        elsewhere: OtherDomainReader | None = None,
    ) -> None:
        self.directory = _Way(directory)
        self.graph = _Way(graph)
        self.elsewhere = elsewhere


@dataclass(frozen=True, slots=True)
class Source:
    """What the reader of one part reads from.

    Attributes:
        part: The part that is read.
        reach: The ways to both sides.
        evidence: What was read before it.
        clock: Now, UTC.
        tell: Told what is being read now, in a few words.
    """

    part: Part[Any, Any]
    reach: Reach
    evidence: Evidence
    clock: Callable[[], datetime]
    tell: Callable[[Text], None]

    @property
    def parameters(self) -> Parameters:
        """What the run is told."""
        return self.evidence.parameters

    def directory(self) -> Directory:
        """The connection to the domain controller, opened when first needed.

        Raises:
            RunbookError: It cannot be opened.
        """
        return self.reach.directory()

    def graph(self) -> GraphClient:
        """The client for Microsoft Graph, opened when first needed.

        Raises:
            RunbookError: It cannot be opened.
        """
        return self.reach.graph()

    def __getitem__(self, part: Part[Any, _T]) -> _T:
        """The value of a part that this one needs.

        Raises:
            NoAccess: It has none; so this part cannot be read, for the same reason.
            LookupError: The part is not among ``needs``, which is a defect.
        """
        self._require_named(part)
        reason = self.evidence.unreadable(part)
        if reason is not None:
            raise NoAccess(reason.sentence, code=reason.code, hint=reason.hint, values=reason.values)
        return self.evidence[part]

    def get(self, part: Part[Any, _T]) -> _T | None:
        """The value of a part among ``needs`` that the reader can do without; None where it has none.

        Raises:
            LookupError: The part is not among ``needs``, which is a defect.
        """
        self._require_named(part)
        return self.evidence.get(part)

    def progress(self, how_far: Text) -> None:
        """Tell how far a long reading is, in a few words, for example ``3 of 7``."""
        self.tell(t("{part}: {how_far}", part=self.part.title, how_far=how_far))

    def _require_named(self, part: Part[Any, Any]) -> None:
        if part not in self.part.needs:
            raise LookupError(f"the reader of {self.part.key} looks at {part.key} without naming it in its needs")
