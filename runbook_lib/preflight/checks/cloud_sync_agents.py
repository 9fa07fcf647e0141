"""Cloud Sync's provisioning agents: there, active, and for the domains that its configurations write to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runbook_lib.graph.tenant import Agent, CloudSyncJob
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Answers, Check, on
from runbook_lib.preflight.checks.cloud_sync import NO_JOB, PREREQUISITES, jobs_for_groups
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import LookAtCloudSyncAgents
from runbook_lib.preflight.parts import AGENTS, CLOUD_SYNC

_B, _U, _W = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING
_SOURCE = 'Microsoft Graph documentation (beta), "Get onPremisesPublishingProfile", "onPremisesAgent"'


def agents(evidence: Evidence) -> Answers:
    """For every domain that groups are written to there is an active agent."""
    jobs = jobs_for_groups(evidence)
    if not jobs:
        yield NO_JOB
        return
    read = evidence[AGENTS]
    if not read.all:
        yield _finding("none", _B, t("The tenant has no provisioning agent."), {})
        return
    told: set[str] = set()
    for domain in sorted({domain_of(job) for job in jobs} - {""}):
        serving = [agent for agent in read.all if domain in agent.domains]
        names = {"domain": domain, "machines": [agent.machine for agent in serving]}
        if not read.assigned:
            yield _finding(
                f"unassigned:{domain}",
                _U,
                t("Which agent serves {domain}, Graph's answer does not say.", domain=printable(domain)),
                names,
            )
        elif not serving:
            yield _finding(
                f"other-domain:{domain}",
                _B,
                t(
                    "No agent is for {domain}; there are agents for {shown}.",
                    domain=printable(domain),
                    shown=_shown(sorted(read.domains)) or "none",
                ),
                names,
            )
        elif not any(agent.status == "active" for agent in serving):
            told |= {agent.machine for agent in serving}
            unsure = any(agent.status != "inactive" for agent in serving)
            seen = t("No agent for {domain} is active: {states}.", domain=printable(domain), states=_states(serving))
            yield _finding(f"inactive:{domain}", _U if unsure else _B, seen, names)
    rest = [agent for agent in read.all if agent.status != "active" and agent.machine not in told]
    if rest:
        seen = t(
            "{rest} of {all} agents are not active: {states}.",
            rest=len(rest),
            all=len(read.all),
            states=_states(rest),
        )
        yield _finding("inactive", _W, seen, {"machines": [agent.machine for agent in rest]})


def domain_of(job: CloudSyncJob) -> str:
    """The AD domain that a job writes to: its setting, or the configuration's name where that is a DNS name."""
    name = job.configuration.strip().lower()
    return job.domain or (name if "." in name and " " not in name else "")


def _states(some: Iterable[Agent]) -> str:
    return _shown([f"{agent.machine} ({agent.status or 'no state'})" for agent in some])


def _shown(texts: list[str]) -> str:
    return printable(", ".join(texts[:5]) + (", …" if len(texts) > 5 else ""), limit=300)


def _finding(state: str, severity: Severity, seen: Text, values: Mapping[str, object]) -> Finding:
    return Finding(
        id=f"cloud-sync-agent-{state}",
        severity=severity,
        seen=seen,
        expected=t("An active agent for every domain that a configuration writes groups to."),
        why=t("An agent writes what the cloud decides; without one nothing arrives, and the job may look well."),
        to_do=t(
            "Start the agent's service, or install an agent, on a server of that domain (Entra "
            "admin center, Entra Connect, Cloud sync, Agents)."
        ),
        source=_SOURCE,
        values=values,
        hand_offs=(LookAtCloudSyncAgents(),),
        acknowledgeable=True,
    )


def agent_unread(evidence: Evidence) -> Answers:
    """What only the agents' servers know."""
    if not jobs_for_groups(evidence):
        yield NO_JOB
        return
    yield Finding(
        id="cloud-sync-agent-unread",
        severity=_W,
        seen=t(
            "Version, rights and reach of Cloud Sync's provisioning agents were not read: "
            "Graph's call for agents does not hold them."
        ),
        expected=t(
            "Agent 1.1.2334.0 or later, ports 389 and 3268 to domain controllers, a schema with "
            "msDS-ExternalDirectoryObjectId, and an account that may create, change and delete "
            "groups."
        ),
        why=t("The job in the cloud may be well while the agent cannot write."),
        to_do=t("Run the hand-off on each agent's server, then acknowledge this finding."),
        source=PREREQUISITES,
        hand_offs=(LookAtCloudSyncAgents(),),
        acknowledgeable=True,
    )


CHECKS: tuple[Check, ...] = (
    Check("cloud-sync-agents", "Cloud Sync's agents were looked at", (CLOUD_SYNC,), on(cloud_sync=_W), agent_unread),
    Check(
        "cloud-sync-agents-active",
        "Cloud Sync's agents are active",
        (CLOUD_SYNC, AGENTS),
        on(cloud_sync=_B),
        agents,
    ),
)
