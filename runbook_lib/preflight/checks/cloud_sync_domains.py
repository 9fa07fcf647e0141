"""Where Cloud Sync writes: its agents for each domain, and what this runbook would write there too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from runbook_lib.cloud_sync.configuration import PREREQUISITES
from runbook_lib.graph.tenant.jobs import CloudSyncJob
from runbook_lib.graph.tenant.parts import Agent
from runbook_lib.model.dn import normalize_foreign_dn
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import as_group_id
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import Text, counted, first_of, joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Answers, Check, on
from runbook_lib.preflight.checks.cloud_sync import NO_JOB, job_name, jobs_for_groups
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import LookAtCloudSyncAgents
from runbook_lib.preflight.parts import AGENTS, CLOUD_SYNC, GROUPS

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
    named: set[str] = set()
    for domain in sorted({domain_of_job(job) for job in jobs} - {""}):
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
                    shown=_shown(sorted(read.domains)) or t("none"),
                ),
                names,
            )
        elif not any(agent.status == "active" for agent in serving):
            named |= {agent.machine for agent in serving}
            unsure = any(agent.status != "inactive" for agent in serving)
            seen = t("No agent for {domain} is active: {states}.", domain=printable(domain), states=_states(serving))
            yield _finding(f"inactive:{domain}", _U if unsure else _B, seen, names)
    rest = [agent for agent in read.all if agent.status != "active" and agent.machine not in named]
    if rest:
        seen = t(
            "{rest} of {all} agents are not active: {states}.",
            rest=len(rest),
            all=len(read.all),
            states=_states(rest),
        )
        yield _finding("inactive", _W, seen, {"machines": [agent.machine for agent in rest]})


def domain_of_job(job: CloudSyncJob) -> str:
    """The AD domain that a job writes to: its setting, or the configuration's name where that is a DNS name."""
    name = job.configuration.strip().lower()
    return job.domain or (name if "." in name and " " not in name else "")


def _states(some: Iterable[Agent]) -> Text:
    """The first five, each with its state in Graph's own word."""
    return first_of([_state_of(agent) for agent in some], 5)


def _state_of(agent: Agent) -> Text:
    status = printable(agent.status) if agent.status else t("no state")
    return t("{machine} ({status})", machine=printable(agent.machine, limit=100), status=status)


def _shown(texts: list[str]) -> Text:
    return first_of([printable(text, limit=100) for text in texts], 5)


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


AGENT_CHECKS: tuple[Check, ...] = (
    Check("cloud-sync-agents", t("Cloud Sync's agents were looked at"), (CLOUD_SYNC,), on(cloud_sync=_W), agent_unread),
    Check(
        "cloud-sync-agents-active",
        t("Cloud Sync's agents are active"),
        (CLOUD_SYNC, AGENTS),
        on(cloud_sync=_B),
        agents,
    ),
)


def same_groups(evidence: Evidence) -> Iterator[Finding]:
    """No group that is selected by its id is assigned to a configuration."""
    chosen = {as_group_id(text) for text in evidence.parameters.select_ids}
    if groups := evidence.get(GROUPS):
        # A Microsoft 365 group is mail-enabled, and the fixed filter keeps those out.
        chosen -= {group.id for group in groups.groups}
    for job in jobs_for_groups(evidence):
        if not chosen or isinstance(job.assigned, Unreadable):
            continue
        both = sorted(chosen & set(job.assigned))
        if both:
            yield _overlap(
                job,
                "group",
                _B,
                t(
                    "Selected here and assigned to a configuration: {both_count}: {both}. {job_name}.",
                    both_count=counted(len(both), "group"),
                    both=", ".join(both[:5]),
                    job_name=job_name(job),
                ),
                {"groups": both},
            )


def same_kinds(evidence: Evidence) -> Iterator[Finding]:
    """No configuration may write the security groups that are selected by name."""
    parameters = evidence.parameters
    if not parameters.select_names or "security" not in parameters.select_kinds:
        return
    for job in jobs_for_groups(evidence):
        count = t("not readable") if isinstance(job.assigned, Unreadable) else verbatim(str(len(job.assigned)))
        yield _overlap(
            job,
            "kind",
            _U,
            t(
                "Security groups are selected by name, and a configuration writes such groups too "
                "(assigned: {count}). {job_name}.",
                count=count,
                job_name=job_name(job),
            ),
            {"assigned": count},
        )


def same_container(evidence: Evidence) -> Iterator[Finding]:
    """No configuration writes into the target OU or the retired OU."""
    ours = {}
    for name in ("target_ou", "retired_ou"):
        key = normalize_foreign_dn(getattr(evidence.parameters, name))
        if key:
            ours[name] = key
    for job in jobs_for_groups(evidence):
        for container in _containers(job):
            theirs = normalize_foreign_dn(container) or ""
            hit = [name for name, key in ours.items() if theirs and _meet(theirs, key)]
            if hit:
                yield _overlap(
                    job,
                    "ou",
                    _B,
                    t(
                        "A configuration writes into {container}, which meets {hit}. {job_name}.",
                        container=printable(container),
                        hit=joined(hit, t(" and ")),
                        job_name=job_name(job),
                    ),
                    {"container": container, "parameters": hit},
                )


def _containers(job: CloudSyncJob) -> list[str]:
    """Where it writes groups, as far as that is the same for all of them."""
    if isinstance(job.scope, Unreadable):
        return []
    return sorted({part.container for part in job.scope if part.enabled and part.source.casefold() == "group"})


def _meet(first: str, second: str) -> bool:
    return first == second or first.endswith(f",{second}") or second.endswith(f",{first}")


def _overlap(job: CloudSyncJob, what: str, severity: Severity, seen: Text, values: dict[str, object]) -> Finding:
    return Finding(
        id=f"cloud-sync-same-{what}:{job.id}",
        severity=severity,
        seen=seen,
        expected=t("One writer for each group, in an OU of its own."),
        why=t(
            "Cloud Sync finds its groups by msDS-ExternalDirectoryObjectId alone: one that this "
            "runbook wrote is adopted or made a second time."
        ),
        to_do=t(
            "Take the groups out of one of the two scopes or choose another OU; acknowledge this "
            "finding where that is done or cannot be."
        ),
        source='Microsoft Entra documentation, "How provisioning to Active Directory works"',
        values={"job": job.id, **values},
        acknowledgeable=True,
    )


_NEEDS = (CLOUD_SYNC,)

OVERLAP_CHECKS: tuple[Check, ...] = (
    Check("cloud-sync-groups", t("Cloud Sync has none of the selected groups"), _NEEDS, on(direct=_B), same_groups),
    Check("cloud-sync-kinds", t("Cloud Sync writes no selected kind"), _NEEDS, on(direct=_U), same_kinds),
    Check("cloud-sync-target", t("Cloud Sync writes into neither OU"), _NEEDS, on(direct=_B), same_container),
)
