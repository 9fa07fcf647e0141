"""What the requests of a plan of the route cloud-sync cost: answers of Graph, units of throttling, writes. Pure.

Sources: Microsoft Graph documentation, "Service-specific throttling limits", section "Identity and access service
limits" (a tenant of under 50 users has 3,500 units in ten seconds, and 3,000 writes in 150 seconds; in a batch each
request counts like one sent alone), "synchronizationJob: provisionOnDemand" (five calls in ten seconds); Microsoft
Entra documentation, "Prerequisites for provisioning to Active Directory" (a run every 20 minutes).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.change.cost import Effort
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.text import t
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange
from runbook_lib.routes.cloud_sync.requests import requests_of

_UNITS_A_SECOND = 3500 / 10
"""Resource units of a small tenant: 3,500 in 10 seconds ("Identity and access service limits")."""
_WRITES_A_SECOND = 3000 / 150
"""Writes of one app to one tenant: 3,000 in 150 seconds (same page)."""
_ON_DEMAND_SECONDS = 2.0
"""Five calls in ten seconds."""
_ROWS_OF_A_PAGE = 100
"""Assignments of one answer, for the list that is read before the first of them changes."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What carrying out a plan takes, at least, in a tenant of the smallest class.

    Attributes:
        answers: Answers of Graph that are waited for; up to 20 requests share one.
        units: Units of throttling.
        writes: Requests that change something.
        on_demand: Calls that provision on demand.
    """

    answers: int
    units: int
    writes: int
    on_demand: int

    @property
    def limit_seconds(self) -> float:
        """What the limits of the service take in any case, whichever is the slowest."""
        units, writes = self.units - self.on_demand, self.writes - self.on_demand
        return max(units / _UNITS_A_SECOND, writes / _WRITES_A_SECOND) + self.on_demand * _ON_DEMAND_SECONDS

    @property
    def effort(self) -> Effort:
        """The same for the estimate that all routes make."""
        return Effort(
            graph_requests=self.answers,
            graph_units=self.units,
            limit_seconds=self.limit_seconds,
            then=t("Then Cloud Sync writes to AD by itself, every 20 minutes; a first run takes longer."),
        )


def cost_of(changes: Iterable[CloudSyncChange], assigned: int = 0) -> Cost:
    """What changes cost.

    Args:
        changes: Of a plan.
        assigned: Groups in scope, which are listed before one of them changes.
    """
    requests = requests_of(changes)
    on_demand = sum(request.change.kind is ChangeKind.PROVISION for request in requests)
    alone = [request for request in requests if not request.together]
    batches = len({request.together for request in requests if request.together})
    lists = -(-max(assigned, 1) // _ROWS_OF_A_PAGE) if batches else 0
    looks = len(alone) - on_demand + lists
    return Cost(len(alone) + batches + looks, len(requests) + looks, len(requests), on_demand)
