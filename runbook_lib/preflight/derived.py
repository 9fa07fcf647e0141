"""Parts of the evidence that are worked out from other parts: names ahead, mail, the groups of Cloud Sync."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runbook_lib.cloud_sync.configuration import Notification, notification_of
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import read_empty_groups
from runbook_lib.directory.two_ous import TakenName
from runbook_lib.dns import DnsAnswer, DnsRecordType, Resolver, State
from runbook_lib.errors import NoAccess, Refused, ServiceFailed
from runbook_lib.exchange.mail import MailFlowReading
from runbook_lib.exchange.recipients import WrittenGroup
from runbook_lib.graph.errors import or_unreadable
from runbook_lib.graph.groups import cloud_sync_starts_from, count_members, count_tenant, synchronized_members
from runbook_lib.graph.rows import objects_of
from runbook_lib.graph.tenant.configuration import ConfigurationAddress
from runbook_lib.graph.tenant.jobs import CloudSyncJob
from runbook_lib.graph.tenant.parts import GrantedPermissions
from runbook_lib.graph.transport import GraphClient
from runbook_lib.inventory.mail_contacts import ROUTING_SUFFIX, routing_domain_of
from runbook_lib.inventory.naming import DisplayNames, Naming
from runbook_lib.model.addresses import mail_domain
from runbook_lib.model.cloud import CloudGroup, Tenant
from runbook_lib.model.ids import as_group_id
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.model import Parameters

_INITIAL_SUFFIX = ".onmicrosoft.com"


@dataclass(frozen=True, slots=True)
class MailGroups:
    """The tenant and its Microsoft 365 groups."""

    tenant: Tenant
    groups: tuple[CloudGroup, ...]


@dataclass(frozen=True, slots=True)
class MailDomains:
    """Which domains mail flow is about.

    Attributes:
        groups: Domains of the groups' primary addresses, those of most groups first; onmicrosoft.com ones left out.
        how: Where they come from, one sentence.
        routing: The tenant's domain for mail from on-premises, ``contoso.mail.onmicrosoft.com``; empty if not known.
        how_routing: Where it comes from, or why it is not known.
    """

    groups: tuple[str, ...]
    how: Text
    routing: str = ""
    how_routing: Text = NOTHING


def mail_domains(
    given: str,
    groups: MailGroups | None,
    written: tuple[WrittenGroup, ...] | None,
    mail_flow: MailFlowReading | None,
) -> MailDomains:
    """Work out the domains from whatever could be read.

    Args:
        given: The parameter ``groups_domain``.
        groups: The cloud's groups, or None where they could not be read.
        written: Groups in AD with an anchor, or None.
        mail_flow: What routes mail on premises, or None.

    Raises:
        NoAccess: ``groups-domain-unknown``: nothing that was read names a domain.
    """
    routing, how_routing = _routing(groups, mail_flow)
    if given:
        return MailDomains((given.lower().rstrip("."),), t("The parameter groups_domain."), routing, how_routing)
    if groups is not None:
        found = _by_count(group.mail for group in groups.groups)
        return MailDomains(found, t("Primary addresses of the tenant's Microsoft 365 groups."), routing, how_routing)
    if written:
        found = _by_count(group.mail for group in written)
        if found:
            return MailDomains(found, t("Addresses of written-back groups in AD."), routing, how_routing)
    raise NoAccess(
        t("Neither the tenant's groups nor written-back groups show a mail domain."),
        code="groups-domain-unknown",
        hint=t("Name it in the parameter groups_domain."),
    )


def _by_count(addresses: Iterable[str | None]) -> tuple[str, ...]:
    counted = Counter(mail_domain(address) for address in addresses)
    kept = [d for d in counted if d and not d.endswith(_INITIAL_SUFFIX)]
    return tuple(sorted(kept, key=lambda d: (-counted[d], d)))


def _routing(groups: MailGroups | None, mail_flow: MailFlowReading | None) -> tuple[str, Text]:
    named, how = routing_domain_of(groups.tenant.verified_domains) if groups is not None else ("", NOTHING)
    if groups is not None and named in {domain.lower() for domain in groups.tenant.verified_domains}:
        return named, how
    # What Exchange routes by is better than a name that is only made from another one.
    if mail_flow is not None:
        for one in mail_flow.accepted_domains:
            if one.domain.endswith(ROUTING_SUFFIX):
                return one.domain, t("An accepted domain of the Exchange organization.")
    if named:
        return named, how
    return "", t("Neither the tenant nor the Exchange organization shows a domain below mail.onmicrosoft.com.")


@dataclass(frozen=True, slots=True)
class DnsReading:
    """Answers by name and kind.

    Attributes:
        source: Who was asked.
        answers: ``(name, kind)`` to the answer.
    """

    source: str
    answers: Mapping[tuple[str, DnsRecordType], DnsAnswer] = field(default_factory=dict)

    def mx(self, domain: str) -> DnsAnswer:
        """MX records of a groups domain."""
        return self.answers[(domain, "MX")]

    def autodiscover(self, domain: str) -> DnsAnswer:
        """CNAME record of autodiscover below a groups domain."""
        return self.answers[(f"autodiscover.{domain}", "CNAME")]


def read_dns(resolver: Resolver, domains: tuple[str, ...]) -> DnsReading:
    """Ask for MX and autodiscover of every domain.

    Raises:
        ServiceFailed: ``dns-no-answer``: not one question was answered.
    """
    questions: list[tuple[str, DnsRecordType]] = []
    for domain in domains:
        questions += [(domain, "MX"), (f"autodiscover.{domain}", "CNAME")]
    answers: dict[tuple[str, DnsRecordType], DnsAnswer] = {}
    for name, kind in questions:
        answers[(name, kind)] = resolver.ask(name, kind)
        if len(answers) == 2 and all(answer.state is State.FAILED for answer in answers.values()):
            # Every further question would wait as long.
            raise ServiceFailed(
                t("DNS does not answer ({source}): {why}", source=resolver.source, why=answers[name, kind].why),
                code="dns-no-answer",
                hint=t("Check the network, or name DNS servers in the parameter dns_servers."),
                values={"servers": resolver.source},
            )
    return DnsReading(resolver.source, answers)


@dataclass(frozen=True, slots=True)
class NewName:
    """What one group would be called in AD: id and display name in the cloud, cn and sAMAccountName in AD."""

    group_id: str
    display_name: str
    common_name: str
    account_name: str


@dataclass(frozen=True, slots=True)
class NamesAhead:
    """Names of the selected Microsoft 365 groups, and objects that have one of them.

    Attributes:
        unseen: Ids in select_ids that are not among the tenant's Microsoft 365 groups, so nothing was looked up.
    """

    wanted: tuple[NewName, ...]
    taken: tuple[TakenName, ...]
    unseen: tuple[str, ...] = ()


def wanted_names(groups: Iterable[CloudGroup], parameters: Parameters) -> tuple[tuple[NewName, ...], tuple[str, ...]]:
    """Names of the groups that the parameters select, and selected ids that are not among ``groups``."""
    naming = Naming(parameters.rdn_style, parameters.sam_account_name_pattern)
    ids = {as_group_id(text) for text in parameters.select_ids}
    patterns = parameters.select_names if "microsoft-365" in parameters.select_kinds else []
    listed = list(groups)
    everybody = DisplayNames(group.display_name for group in listed)
    picked = frozenset[str]().union(*map(everybody.picked, patterns))
    chosen = [group for group in listed if group.id in ids or group.display_name in picked]
    names = tuple(
        NewName(
            group.id,
            group.display_name,
            naming.common_name(group.id, group.display_name),
            naming.sam_account_name(group.id),
        )
        for group in chosen
    )
    return names, tuple(sorted(ids - {group.id for group in listed}))


MOST_COUNTED = 10_000
"""Groups whose members are counted, as many as one configuration may select; of more it is said that they were not."""
MOST_LOOKED_AT = 1_000
"""Groups that are empty in AD and looked up in the cloud; of more it is said that they were not."""


@dataclass(frozen=True, slots=True)
class CloudSyncGroups:
    """What was read.

    Attributes:
        members: Group id to direct members in the cloud, of what is assigned to a configuration or can be in its scope.
        uncounted: Groups of these that were not counted.
        no_groups: What is assigned and is no group: people, and groups that are gone.
        candidates: Groups that pass the filter that every configuration has, so that all but those assigned by name can
            be in scope; None: every configuration has groups assigned.
        tenant_users: Users of the tenant; None: not counted.
        tenant_groups: Groups of the tenant; None: not counted.
        empty: Group id to DN in AD, of groups that Cloud Sync's anchor names and that have no member there, as far as
            they were looked up in the cloud.
        synchronized: Of these, whether synchronized users are among the members in the cloud; None: not readable.
        not_looked_up: Groups with no member in AD beyond those that were looked up.
    """

    members: Mapping[str, int] = field(default_factory=dict)
    uncounted: frozenset[str] = frozenset()
    no_groups: frozenset[str] = frozenset()
    candidates: tuple[str, ...] | None = None
    tenant_users: int | None = None
    tenant_groups: int | None = None
    empty: Mapping[str, str] = field(default_factory=dict)
    synchronized: Mapping[str, bool | None] = field(default_factory=dict)
    not_looked_up: int = 0


def takes_all(jobs: Iterable[CloudSyncJob]) -> bool:
    """Whether some configuration has nothing assigned, so that it may take every security group."""
    return any(not isinstance(job.assigned, Unreadable) and not job.assigned for job in jobs)


def read_cloud_sync_groups(
    jobs: Sequence[CloudSyncJob],
    graph: Callable[[], GraphClient],
    directory: Callable[[], Directory],
    progress: Callable[[int, int], None],
    listed: Callable[[], Iterable[CloudGroup]],
) -> CloudSyncGroups:
    """Read both sides; nothing is asked where no configuration writes groups.

    Args:
        listed: The security groups of the tenant, where some configuration may take all of them.
        jobs: The configurations that write groups.
        graph: Opens the client for Microsoft Graph.
        directory: Opens the connection to the domain controller.
        progress: Told how many groups are counted, of how many.

    Raises:
        RunbookError: One of the sides does not answer, or members may not be counted.
    """
    if not jobs:
        return CloudSyncGroups()
    assigned = sorted({one for job in jobs if not isinstance(job.assigned, Unreadable) for one in job.assigned})
    by_filter = takes_all(jobs)
    candidates = cloud_sync_starts_from(listed()) if by_filter else None
    users, groups = count_tenant(graph()) if by_filter else (None, None)
    wanted = list(dict.fromkeys((*assigned, *(candidates or ()))))
    asked = wanted[:MOST_COUNTED]
    members, unread = count_members(graph(), asked, progress) if asked else ({}, frozenset[str]())
    # What was counted and is empty in the cloud too is as it should be.
    empty = read_empty_groups(directory())
    hollow = {one: dn for one, dn in empty.items() if members.get(one, 1) > 0}
    some = list(hollow)[:MOST_LOOKED_AT]
    synchronized = synchronized_members(graph(), some) if some else {}
    return CloudSyncGroups(
        members=members,
        uncounted=unread | frozenset(wanted[MOST_COUNTED:]),
        no_groups=frozenset(asked) - members.keys() - unread,
        candidates=candidates,
        tenant_users=users,
        tenant_groups=groups,
        empty={one: hollow[one] for one in some if one in synchronized},
        synchronized=synchronized,
        not_looked_up=len(hollow) - len(some),
    )


READS_SETTINGS = frozenset({"Synchronization.ReadWrite.All", "Application.ReadWrite.OwnedBy"})
"""Permissions with which the settings of a configuration are asked for: no page names one that only reads them."""


def read_notifications(
    jobs: Sequence[CloudSyncJob], permissions: GrantedPermissions | None, graph: Callable[[], GraphClient]
) -> Mapping[str, Notification | Unreadable | None]:
    """Job id to whom it tells of trouble and at how many deletions it stops; None: that is not set.

    Nothing is asked for that the token does not carry: the pre-flight goes by with permissions that only read.

    Raises:
        NoAccess: Sign-in or the connection as such fails.
    """
    lacking = permissions is not None and READS_SETTINGS.isdisjoint(permissions.names)
    return {job.id: _not_asked() if lacking else _notification(job, graph()) for job in jobs}


def _not_asked() -> Unreadable:
    why = t("Settings are read only with Synchronization.ReadWrite.All, which the token does not carry")
    return Unreadable("notification", "forbidden", why)


def _notification(job: CloudSyncJob, client: GraphClient) -> Notification | Unreadable | None:
    path = ConfigurationAddress(job.service_principal, job.id).secrets
    try:
        return or_unreadable("notification", lambda: notification_of(objects_of(client.get(path), "value")))
    except Refused as error:
        return Unreadable.because("notification", error)


def notification_text(one: Notification | None) -> Text:
    """A notification in words."""
    if one is None:
        return t("no notification, and no deletion threshold of its own")
    told = t("notifies {recipients}", recipients=printable(one.recipients, limit=200))
    limit = t("deletion threshold {threshold:,}", threshold=one.threshold) if one.threshold else t("no threshold")
    return joined((told if one.enabled and one.recipients.strip() else t("notifies nobody"), limit), ", ")
