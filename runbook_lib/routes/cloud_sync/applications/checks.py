"""What has to be so before a Cloud Sync configuration can be made, and what an approver has to know of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.cloud_sync.configuration import MOST_CONFIGURATIONS, PREREQUISITES, WITHOUT_GOVERNANCE
from runbook_lib.errors import Refused
from runbook_lib.graph.tenant.cloud_sync import TO_AD
from runbook_lib.graph.tenant.jobs import CloudSync, CloudSyncJob
from runbook_lib.graph.tenant.parts import Agents, Licences
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.model.untrusted import printable


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """What the tenant says that decides whether a configuration can be made.

    Attributes:
        read: Every configuration.
        agents: Provisioning agents; Unreadable for an app, which may not ask.
        licences: Subscriptions.
        template_known: Whether this cloud has the template; None: it may not be asked.
        cloud: Name of the cloud, by ``parameters/clouds.csv``.
    """

    read: CloudSync
    agents: Agents | Unreadable
    licences: Licences | Unreadable
    template_known: bool | None
    cloud: str = "global"


def require_can_be_made(facts: TenantFacts, domain: str, role_id: str) -> None:
    """Refuse what can be known not to work before anything is made.

    Raises:
        Refused: The cloud has no such template (``template-unknown``) or no documented role of groups
            (``cloud-without-cloud-sync``), no licence (``no-licence``), too many configurations
            (``too-many-configurations``), no agent (``no-agent``), none for the domain (``agent-for-another-domain``)
            or none that is active (``no-active-agent``).
    """
    if not role_id:
        raise _refused(
            "cloud-without-cloud-sync",
            t("For this cloud no app role is documented with which groups are selected."),
            t("Make the configuration in the Entra admin center, or take the route direct."),
        )
    if facts.template_known is False:
        raise _refused(
            "template-unknown",
            t("This cloud does not have the application template of Cloud Sync to Active Directory ({id}).", id=TO_AD),
            t("Make the configuration in the Entra admin center, if it is offered there; or take the route direct."),
        )
    if isinstance(facts.licences, Licences) and not facts.licences.p1:
        raise _refused(
            "no-licence",
            t("No subscription of the tenant with Microsoft Entra ID P1 or P2 is in force."),
            t("Buy or renew the licence, or take the route direct, which needs none."),
        )
    count = len(_configurations(facts.read))
    if count >= MOST_CONFIGURATIONS:
        raise _refused(
            "too-many-configurations",
            t(
                "The tenant has {count} Cloud Sync configurations, and {most} are the most.",
                count=count,
                most=MOST_CONFIGURATIONS,
            ),
            t("Remove one that is not needed any more."),
        )
    if isinstance(facts.agents, Agents):
        _require_agent(facts.agents, domain)


def _require_agent(agents: Agents, domain: str) -> None:
    if not agents.all:
        raise _refused(
            "no-agent",
            t("The tenant has no provisioning agent."),
            t("Install the Microsoft Entra provisioning agent in {domain} first.", domain=domain),
        )
    if not agents.assigned:
        return
    serving = [agent for agent in agents.all if domain in agent.domains]
    if not serving:
        raise _refused(
            "agent-for-another-domain",
            t(
                "No provisioning agent is for {domain}; there are agents for {others}.",
                domain=domain,
                others=printable(", ".join(sorted(agents.domains)), limit=300) or t("none"),
            ),
            t("Install an agent in {domain}, or add the domain to one.", domain=domain),
        )
    if all(agent.status == "inactive" for agent in serving):
        raise _refused(
            "no-active-agent",
            t(
                "No agent for {domain} is active: {machines}.",
                domain=domain,
                machines=printable(", ".join(agent.machine for agent in serving), limit=300),
            ),
            t("Start the service of the provisioning agent there."),
        )


def findings_of_creation(
    facts: TenantFacts, domain: str, desired: Mapping[str, str], chosen: Sequence[str]
) -> list[Finding]:
    """What an approver has to know of a configuration that is made.

    Args:
        facts: What the tenant says.
        domain: DNS name of the AD domain.
        desired: Target attribute to the mapping expression that the job shall have.
        chosen: Ids of the groups that come into scope.
    """
    kept = [name for name in ("cn", "parentdistinguishedname", "samaccountname") if name not in _folded(desired)]
    found = [
        _finding(
            "cloud-sync-created",
            Severity.INFO,
            t("A configuration is made for {domain}; its ids are known only afterwards.", domain=domain),
            t(
                "The plan is made from the default mapping that Microsoft documents. It is compared with the real "
                "one before a group comes into scope, for {kept}, the anchor and the filter; where it differs the "
                "run stops.",
                kept=", ".join(kept) or t("nothing else"),
            ),
            t("Look at names and OU in the table of the plan."),
            {"assumed": kept},
        )
    ]
    if isinstance(facts.agents, Unreadable):
        found.append(
            _finding(
                "cloud-sync-agent-unknown",
                Severity.UNKNOWN,
                t(
                    "Whether an active agent serves {domain} is not known: {why}.",
                    domain=domain,
                    why=facts.agents.clause,
                ),
                t("Without one nothing is written. Microsoft Graph shows agents to people alone."),
                t("Look at the agents in the Entra admin center, or sign in as a person."),
                {"domain": domain},
            )
        )
    if isinstance(facts.licences, Unreadable):
        found.append(
            _finding(
                "cloud-sync-licence-unknown",
                Severity.UNKNOWN,
                t("The licences of the tenant could not be read: {why}.", why=facts.licences.clause),
                t("Cloud Sync to Active Directory needs Microsoft Entra ID P1."),
                t("Grant LicenseAssignment.Read.All or Organization.Read.All, or look at the licences by hand."),
                {},
            )
        )
    count = len(_configurations(facts.read))
    if count >= WITHOUT_GOVERNANCE:
        found.append(_governance(facts.licences, count))
    if facts.template_known is None or facts.cloud != "global":
        found.append(
            _finding(
                "cloud-sync-template-unknown",
                Severity.UNKNOWN,
                t("Whether this cloud has the template of such configurations could not be asked.")
                if facts.template_known is None
                else t("Microsoft's pages disagree whether this cloud has Cloud Sync to Active Directory."),
                t("Where it has none, the first request is refused and nothing is made."),
                t("Look whether the Entra admin center offers it."),
                {"cloud": facts.cloud},
            )
        )
    wanted = set(chosen)
    elsewhere = {
        job.configuration: sorted(wanted & set(job.assigned))
        for job in _configurations(facts.read)
        if not isinstance(job.assigned, Unreadable) and wanted & set(job.assigned)
    }
    if elsewhere:
        names = "; ".join(f"{printable(name, limit=60)}: {len(ids)}" for name, ids in sorted(elsewhere.items()))
        found.append(
            _finding(
                "cloud-sync-scopes-overlap",
                Severity.WARNING,
                t("Some of these groups are in the scope of another configuration: {names}.", names=names),
                t("Scopes of configurations shall not overlap: each group is written to one domain."),
                t("Take them out of the other scope first, or out of this selection."),
                {"configurations": elsewhere},
            )
        )
    return found


def _governance(licences: Licences | Unreadable, count: int) -> Finding:
    """Whether the licence is there that a further configuration needs."""
    there = isinstance(licences, Licences) and licences.governance
    if isinstance(licences, Unreadable):
        looked = t("Whether that licence is there is not known: {why}.", why=licences.clause)
    elif there:
        looked = t("A subscription that holds it is in force.")
    else:
        looked = t("No subscription that holds it is in force.")
    return _finding(
        "cloud-sync-governance" if there else "cloud-sync-needs-governance",
        Severity.INFO if there else Severity.WARNING,
        joined((t("The tenant has {count} configurations that write groups already.", count=count), looked)),
        t("A new one beyond the first {most} needs Microsoft Entra ID Governance.", most=WITHOUT_GOVERNANCE),
        NOTHING if there else t("See that the licence is there, or remove a configuration that is not needed."),
        {"configurations": count, "governance": None if isinstance(licences, Unreadable) else there},
    )


def _configurations(read: CloudSync) -> list[CloudSyncJob]:
    """One job for each configuration that writes groups."""
    return list({job.service_principal: job for job in read.writing_groups}.values())


def _folded(desired: Mapping[str, str]) -> set[str]:
    return {name.casefold() for name in desired}


def _finding(
    code: str, severity: Severity, seen: Text, why: Text, to_do: Text, values: Mapping[str, object]
) -> Finding:
    return Finding(
        id=code,
        severity=severity,
        seen=seen,
        expected=t("A configuration that can be used as soon as it is made."),
        why=why,
        to_do=to_do,
        source=PREREQUISITES,
        values=dict(values),
        acknowledgeable=severity is not Severity.INFO,
    )


def _refused(code: str, what: Text, hint: Text) -> Refused:
    return Refused(
        t("{what} So no configuration can be made.", what=what),
        code=code,
        hint=joined((hint, t("Nothing was changed."))),
    )
