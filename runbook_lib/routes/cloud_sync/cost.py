"""What a plan of the route cloud-sync costs: requests, units of throttling and minutes, said before the gate. Pure.

Sources: Microsoft Graph documentation, "Service-specific throttling limits", section "Identity and access service
limits" (a tenant of under 50 users has 3,500 units in ten seconds, and 3,000 writes in 150 seconds; in a batch each
request counts like one sent alone), "synchronizationJob: provisionOnDemand" (five calls in ten seconds); Microsoft
Entra documentation, "Prerequisites for provisioning to Active Directory" (a run every 20 minutes).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import counted, t
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange
from runbook_lib.routes.cloud_sync.requests import requests_of

_UNITS_A_SECOND = 3500 / 10
"""Resource units of a small tenant: 3,500 in 10 seconds ("Identity and access service limits")."""
_WRITES_A_SECOND = 3000 / 150
"""Writes of one app to one tenant: 3,000 in 150 seconds (same page)."""
_ON_DEMAND_SECONDS = 2.0
_ANSWER_SECONDS = 1.0
"""Our assumption of how long one answer takes; no page gives one."""
_ROWS_OF_A_PAGE = 100
"""Assignments of one answer, for the list that is read before the first of them changes."""
_SOURCE = (
    'Microsoft Graph documentation, "Identity and access service limits"; Microsoft Entra documentation, '
    '"Prerequisites for provisioning to Active Directory"'
)


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
    def time(self) -> timedelta:
        """How long it takes, whichever limit is the slowest; the wait for Cloud Sync's own run comes after it."""
        others = self.answers - self.on_demand
        units, writes = self.units - self.on_demand, self.writes - self.on_demand
        slowest = max(units / _UNITS_A_SECOND, writes / _WRITES_A_SECOND)
        seconds = max(slowest, others * _ANSWER_SECONDS) + self.on_demand * _ON_DEMAND_SECONDS
        return timedelta(seconds=round(seconds))


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


def cost_finding(cost: Cost) -> Finding:
    """The cost of a plan, for whoever approves it."""
    minutes = max(1, round(cost.time.total_seconds() / 60))
    return Finding(
        id="cloud-sync-cost",
        severity=Severity.INFO,
        seen=t(
            "Carrying it out takes {writes}, {units} of throttling (a small tenant has 3,500 in ten seconds), about "
            "{minutes} min.",
            writes=counted(cost.writes, "write request"),
            units=counted(cost.units, "unit"),
            minutes=minutes,
        ),
        why=t("Then Cloud Sync writes to AD by itself, every 20 minutes; a first run takes longer."),
        source=_SOURCE,
        values={
            "requests": cost.writes,
            "answers": cost.answers,
            "units": cost.units,
            "on_demand": cost.on_demand,
            "seconds": int(cost.time.total_seconds()),
        },
    )


def took_finding(requests: int, time: timedelta) -> Finding:
    """What carrying out a plan really took."""
    return Finding(
        id="cloud-sync-took",
        severity=Severity.INFO,
        seen=t(
            "Carrying it out took {requests} of Graph in {seconds} s, those that looked included.",
            requests=counted(requests, "answer"),
            seconds=int(time.total_seconds()),
        ),
        source=_SOURCE,
        values={"answers": requests, "seconds": int(time.total_seconds())},
    )
