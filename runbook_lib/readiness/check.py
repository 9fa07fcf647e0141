"""What a check is: a title, the parts it needs, the routes it matters to, and a function from evidence to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from runbook_lib.inventory.states import Route
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.readiness.evidence import Evidence

ROUTES = (Route.DIRECT, Route.CLOUD_SYNC, Route.CONNECT_SYNC)
"""The routes that a verdict is given for."""


@dataclass(frozen=True, slots=True)
class NothingToCheck:
    """What a check yields that had nothing to look at: it is neither fine nor wrong. ``why`` is one sentence."""

    why: str


Answers = Iterator[Finding | NothingToCheck]
"""What a check yields."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question.

    Attributes:
        id: Stable name with hyphens; findings usually begin with it.
        title: What is fine when the check looked and found nothing, in a few words: "The servers' release is
            supported".
        needs: Names of parts of ``Evidence`` without which the question cannot be answered.
        routes: For each route that it matters to, how much it can matter there. A finding counts on a route with its
            own severity or with this one, whichever is less; so does a part that could not be read.
        run: From evidence, whose needed parts are all readable, to findings. Pure: no network, no clock. Where what it
            is about was not seen, it yields the finding that says so, or ``NothingToCheck`` where there is nothing.
    """

    id: str
    title: str
    needs: tuple[str, ...]
    routes: Mapping[Route, Severity]
    run: Callable[[Evidence], Answers]

    def severity_on(self, route: Route, severity: Severity) -> Severity | None:
        """How much a finding of ``severity`` matters on ``route``; None where the check does not matter to it."""
        limit = self.routes.get(route)
        return None if limit is None else min(severity, limit, key=lambda item: item.rank)


def on(
    *, direct: Severity | None = None, cloud_sync: Severity | None = None, connect_sync: Severity | None = None
) -> dict[Route, Severity]:
    """``Check.routes`` in one line; a route that is left out is one that the check does not matter to."""
    given = ((Route.DIRECT, direct), (Route.CLOUD_SYNC, cloud_sync), (Route.CONNECT_SYNC, connect_sync))
    return {route: severity for route, severity in given if severity is not None}
