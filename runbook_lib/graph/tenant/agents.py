"""Cloud Sync's provisioning agents: which machines, whether they are active, for which AD domain.

Source: Microsoft Graph documentation (beta), "Get onPremisesPublishingProfile", "onPremisesAgent resource type":
delegated sign-in only. A version of the agent is not among the properties.
"""

from __future__ import annotations

from runbook_lib.graph.rows import Row, objects_of, text_of
from runbook_lib.graph.tenant.parts import Agent, Agents
from runbook_lib.graph.transport import GraphClient

PROFILE = "/onPremisesPublishingProfiles('provisioning')"
_EXPAND = {"$expand": "publishedResources,agents,agentGroups"}


def read_agents(client: GraphClient) -> Agents:
    """Every agent. Who serves which domain is told from both sides of an agent group, whichever the answer shows."""
    row = client.get(PROFILE, _EXPAND, version="beta")
    agents, groups = objects_of(row, "agents"), objects_of(row, "agentGroups")
    resources = objects_of(row, "publishedResources")
    in_groups: dict[str, set[str]] = {_id(agent): _ids(agent, "agentGroups") for agent in agents}
    served: dict[str, set[str]] = {}
    for resource in resources:
        for group in _ids(resource, "agentGroups"):
            served.setdefault(group, set()).add(_domain(resource))
    for group_row in groups:
        for agent in _ids(group_row, "agents"):
            in_groups.setdefault(agent, set()).add(_id(group_row))
        for resource in objects_of(group_row, "publishedResources"):
            served.setdefault(_id(group_row), set()).add(_domain(resource))
    found = [
        Agent(
            machine=text_of(agent, "machineName") or "",
            status=(text_of(agent, "status") or "").casefold(),
            domains=frozenset().union(*(served.get(group, set()) for group in in_groups[_id(agent)])) - {""},
        )
        for agent in agents
    ]
    return Agents(
        all=tuple(sorted(found, key=lambda agent: agent.machine.casefold())),
        domains=frozenset(map(_domain, resources)) - {""},
        assigned=not agents or any(in_groups[_id(agent)] for agent in agents),
    )


def _id(row: Row) -> str:
    return (text_of(row, "id") or "").lower()


def _ids(row: Row, name: str) -> set[str]:
    return {_id(one) for one in objects_of(row, name)} - {""}


def _domain(resource: Row) -> str:
    return (text_of(resource, "resourceName") or "").strip().lower()
