"""What carrying out a plan costs: requests, units of throttling, LDAP operations, time; said before the gate. Pure.

Every figure goes from the open gate to the last write. The gate reads both sides a second time: Active Directory
whole, unless it asks what changed (``keep_directory_reading``); of Entra ID at least what the plan is about and at most
as much as before. Times come from the answers to this run's own reading.

Source: Microsoft Graph documentation, "Service-specific throttling limits", section "Identity and access service
limits" (units; answers name theirs in ``x-ms-resource-unit``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from runbook_lib.model.duration import duration_text
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.reading import Reading
from runbook_lib.model.text import NOTHING, Text, counted, joined, t
from runbook_lib.model.traffic import Traffic

COST = "plan-cost"
TOOK = "plan-took"
"""Ids of the findings."""
_SOURCE = 'Microsoft Graph documentation, "Identity and access service limits"'
_GROUPS_OF_A_REQUEST = 20
"""Groups that the gate asks for in one batch."""
_OF_ANY_READING = 10
"""Requests that a reading takes whatever it is about: the tenant, and what changed in it."""

Range: TypeAlias = tuple[float, float]
"""The least and the most."""
Numbers: TypeAlias = tuple[int, int]
"""The same of what is counted."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What the writes of a plan ask for by the rules of their route, looks at what they change included.

    Attributes:
        graph_requests: Answers of Graph that are waited for, one after the other.
        graph_units: Their units of throttling.
        directory_operations: LDAP requests, one after the other.
        limit_seconds: Time that the limits of a service take in any case.
        then: What happens by itself afterwards, as a sentence; empty where nothing does.
    """

    graph_requests: int = 0
    graph_units: int = 0
    directory_operations: int = 0
    limit_seconds: float = 0.0
    then: Text = NOTHING


NO_EFFORT = Effort()
"""Nothing is asked."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What this run knows from its own reading.

    Attributes:
        cloud: How Entra ID was read.
        directory: How Active Directory was read.
        units_of_request: Units that one request to Graph had, in the middle.
        graph_answer: Seconds between which half of Graph's answers took; None: not known.
        directory_answer: The same of the domain controller.
        directory_by_changes: Whether the gate asks the domain controller for what changed, and not for everything.
        own_seconds: What joining both sides and planning took, which the gate does again.
    """

    cloud: Reading
    directory: Reading
    units_of_request: float
    graph_answer: Range | None = None
    directory_answer: Range | None = None
    own_seconds: float = 0.0
    directory_by_changes: bool = False


@dataclass(frozen=True, slots=True)
class PlanCost:
    """The estimate; each figure as the least and the most."""

    graph_requests: Numbers
    graph_units: Numbers
    directory_operations: Numbers
    seconds: Range
    then: Text = NOTHING


def cost_of_plan(effort: Effort, measured: Measured, groups: int) -> PlanCost:
    """What a plan costs.

    Args:
        effort: Of its writes.
        measured: By the run.
        groups: Cloud groups that the plan is about.
    """
    cloud, directory = measured.cloud, measured.directory
    of_groups = 1 + -(-groups // _GROUPS_OF_A_REQUEST)
    fewest, most_asked = min(of_groups, cloud.requests), max(of_groups + _OF_ANY_READING, cloud.requests)
    most_units = round(most_asked * measured.units_of_request)
    graph_answer = measured.graph_answer or _mean(cloud)
    directory_answer = measured.directory_answer or _mean(directory)

    def seconds(at: int, reading: float) -> float:
        waiting = effort.graph_requests * graph_answer[at]
        return reading + max(waiting, effort.limit_seconds) + effort.directory_operations * directory_answer[at]

    own = max(measured.own_seconds, 0.0)
    both = directory.seconds + own
    quick = (own if measured.directory_by_changes else both) + fewest * graph_answer[0]
    slow = both + cloud.seconds + (most_asked - cloud.requests) * graph_answer[1]
    least, most = sorted((seconds(0, quick), seconds(1, slow)))
    return PlanCost(
        (effort.graph_requests + fewest, effort.graph_requests + most_asked),
        (
            effort.graph_units + min(groups, most_units),
            effort.graph_units + most_units,
        ),
        (
            effort.directory_operations + (0 if measured.directory_by_changes else directory.requests),
            effort.directory_operations + directory.requests,
        ),
        (max(least, 0.0), max(most, 0.0)),
        effort.then,
    )


def _mean(reading: Reading) -> Range:
    mean = reading.seconds / reading.requests if reading.requests else 0.0
    return mean, mean


def cost_finding(cost: PlanCost) -> Finding:
    """The cost of a plan, for whoever approves it."""
    return Finding(
        id=COST,
        severity=Severity.INFO,
        seen=t("Carrying it out takes {figures}.", figures=_figures(cost)),
        why=joined(
            (
                t(
                    "That is from the open gate to the last write. The gate reads both sides again: of Entra ID at "
                    "least the groups of the plan, at most as much as before. Times come from the answers to this "
                    "run's own reading."
                ),
                *((cost.then,) if cost.then else ()),
            )
        ),
        source=_SOURCE,
        values={
            "graph_requests": list(cost.graph_requests),
            "graph_units": list(cost.graph_units),
            "directory_operations": list(cost.directory_operations),
            "seconds": [round(cost.seconds[0], 1), round(cost.seconds[1], 1)],
        },
    )


def took_finding(cost: PlanCost | None, took: Traffic, seconds: float) -> Finding:
    """What carrying it out really took, beside what the plan had said."""
    really = PlanCost(
        _exactly(took.graph_requests),
        _exactly(took.graph_units),
        _exactly(took.directory_operations),
        (max(seconds, 0.0), max(seconds, 0.0)),
    )
    took_text = t("From the open gate to the last write it took {figures}.", figures=_figures(really))
    said = t("The plan said {figures}.", figures=_figures(cost)) if cost is not None else NOTHING
    return Finding(
        id=TOOK,
        severity=Severity.INFO,
        seen=took_text,
        expected=said,
        source=_SOURCE,
        values={
            "graph_requests": took.graph_requests,
            "graph_units": took.graph_units,
            "directory_operations": took.directory_operations,
            "seconds": round(max(seconds, 0.0), 1),
        },
    )


def _figures(cost: PlanCost) -> Text:
    """``3 to 40 requests of Microsoft Graph with 20 to 400 units of its throttling, 663 operations of LDAP, 8 s``."""
    least, most = cost.seconds
    shortest, longest = duration_text(least), duration_text(most)
    return t(
        "{requests} of Microsoft Graph with {units} of its throttling, {operations} of LDAP, {time}",
        requests=_numbers(cost.graph_requests, "request"),
        units=_numbers(cost.graph_units, "unit"),
        operations=_numbers(cost.directory_operations, "operation"),
        time=shortest if str(shortest) == str(longest) else t("{least} to {most}", least=shortest, most=longest),
    )


def _exactly(number: int) -> Numbers:
    return number, number


def _numbers(numbers: Numbers, noun: str) -> Text:
    least, most = numbers
    if least == most:
        return counted(most, noun)
    return t("{least:,} to {most}", least=least, most=counted(most, noun))
