"""What was sent to both services and how long their answers took: measured where it is sent, for estimates."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import quantiles

_KEPT = 1_000
"""Answers whose times are kept: the last ones."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much was sent.

    Attributes:
        graph_requests: Round trips to Microsoft Graph; up to 20 requests share one.
        graph_units: Resource units of Graph's throttling, as far as its answers named them.
        directory_operations: LDAP requests.
    """

    graph_requests: int = 0
    graph_units: int = 0
    directory_operations: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            self.graph_requests + other.graph_requests,
            self.graph_units + other.graph_units,
            self.directory_operations + other.directory_operations,
        )

    def __sub__(self, other: Traffic) -> Traffic:
        return Traffic(
            self.graph_requests - other.graph_requests,
            self.graph_units - other.graph_units,
            self.directory_operations - other.directory_operations,
        )


class AnswerTimes:
    """Seconds that the last answers of one service took. Threads may share it."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_KEPT)

    def note(self, seconds: float) -> None:
        """One more answer."""
        self._seconds.append(seconds)

    def middle_half(self) -> tuple[float, float] | None:
        """The times between which half of the answers took; None where fewer than two are known."""
        known = list(self._seconds)
        if len(known) < 2:
            return None
        lower, _, upper = quantiles(known, n=4, method="inclusive")
        return lower, upper
