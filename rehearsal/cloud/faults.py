"""Faults that the rehearsal answers with on request: throttling, outages, lost connections, refused tokens."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rehearsal.armed_faults import ArmedFaults

KINDS = ("429", "500", "503", "504", "502-html", "401", "403", "claims-challenge", "close", "half", "slow")
"""``401`` is a token that has ended, ``403`` a missing permission; ``claims-challenge`` a token taken back: refused
from then on, and a new one works. ``502-html`` is a proxy's page instead of Graph's JSON; ``close`` hangs up without an
answer, ``half`` in the middle of it; ``slow`` answers properly, but late."""
ANSWERS = frozenset({"429", "500", "503", "504", "401", "403"})
"""Faults that one part of a batch can meet: answers of Graph about this part alone."""
AFTERWARDS = frozenset({"500", "503", "504", "502-html", "close", "half"})
"""Faults that can meet a request when it has been carried out: whoever asked cannot tell."""
SERVICES = ("graph", "sign-in")


@dataclass(frozen=True)
class Fault:
    """What the next matching requests get.

    Attributes:
        kind: One of ``KINDS``.
        count: How many requests.
        retry_after: Seconds for the Retry-After header of 429 and 503; None leaves the header out.
        seconds: Delay of ``slow``.
        service: ``graph`` or ``sign-in``.
        path: Only requests whose path holds this text; empty for all.
        skip: How many matching requests pass unharmed first.
        when: ``before`` the request is carried out, or ``after`` it; ``half`` is always after it.
    """

    kind: str
    count: int = 1
    retry_after: int | None = None
    seconds: float = 0.0
    service: str = "graph"
    path: str = ""
    skip: int = 0
    when: str = "before"

    @property
    def after(self) -> bool:
        """Whether the request is carried out all the same."""
        return self.when == "after" or self.kind == "half"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.service not in SERVICES:
            raise ValueError(f"service is one of {', '.join(SERVICES)}, not {self.service!r}")
        if self.when not in ("before", "after"):
            raise ValueError(f"when is before or after, not {self.when!r}")
        if self.after and (self.kind not in AFTERWARDS or self.service != "graph"):
            raise ValueError(f"a fault after a request to graph is one of {', '.join(sorted(AFTERWARDS))}")
        if self.count < 1 or self.skip < 0 or self.seconds < 0:
            raise ValueError("count is at least 1; skip and seconds are not negative")


class Faults(ArmedFaults[Fault]):
    """Faults waiting for their requests."""

    def next_for(self, service: str, path: str, kinds: Collection[str] = KINDS) -> Fault | None:
        """The fault of one of the ``kinds`` that this request meets, or None."""
        return self.take(lambda fault: fault.service == service and fault.path in path and fault.kind in kinds)
