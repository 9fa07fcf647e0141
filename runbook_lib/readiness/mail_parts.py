"""Parts of the evidence about mail between the two sides, and how they follow from what was read before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runbook_lib.dns.resolver import Answer, Kind, Resolver, State
from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.exchange.mail import MailFlowReading
from runbook_lib.exchange.recipients import WrittenGroup
from runbook_lib.model.cloud import CloudGroup, Tenant

_ROUTING_SUFFIX = ".mail.onmicrosoft.com"
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
    how: str
    routing: str = ""
    how_routing: str = ""


def domain_of(address: str | None) -> str:
    """The part behind the last ``@``, lower case; empty where there is none."""
    return (address or "").rpartition("@")[2].lower() if "@" in (address or "") else ""


def smtp_addresses(group: CloudGroup) -> tuple[str, ...]:
    """Every SMTP address of a group, lower case, the primary one first."""
    others = sorted(value[5:].lower() for value in group.proxy_addresses if value[:5].lower() == "smtp:")
    primary = [group.mail.lower()] if group.mail else []
    return tuple(dict.fromkeys([*primary, *others]))


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
        return MailDomains((given.lower().rstrip("."),), "The parameter groups_domain.", routing, how_routing)
    if groups is not None:
        found = _by_count(group.mail for group in groups.groups)
        return MailDomains(found, "Primary addresses of the tenant's Microsoft 365 groups.", routing, how_routing)
    if written:
        found = _by_count(group.mail for group in written)
        if found:
            return MailDomains(found, "Addresses of written-back groups in AD.", routing, how_routing)
    raise NoAccess(
        "Neither the tenant's groups nor written-back groups show a mail domain.",
        code="groups-domain-unknown",
        hint="Name it in the parameter groups_domain.",
    )


def _by_count(addresses: Iterable[str | None]) -> tuple[str, ...]:
    counted = Counter(domain_of(address) for address in addresses)
    kept = [d for d in counted if d and not d.endswith(_INITIAL_SUFFIX)]
    return tuple(sorted(kept, key=lambda d: (-counted[d], d)))


def _routing(groups: MailGroups | None, mail_flow: MailFlowReading | None) -> tuple[str, str]:
    if groups is not None:
        verified = sorted(d.lower() for d in groups.tenant.verified_domains)
        for domain in verified:
            if domain.endswith(_ROUTING_SUFFIX):
                return domain, "One of the tenant's verified domains."
    if mail_flow is not None:
        for one in mail_flow.accepted_domains:
            if one.domain.endswith(_ROUTING_SUFFIX):
                return one.domain, "An accepted domain of the Exchange organization."
    if groups is not None:
        initial = [d for d in verified if d.endswith(_INITIAL_SUFFIX) and d.count(".") == 2]
        if len(initial) == 1:
            name = initial[0].removesuffix(_INITIAL_SUFFIX)
            return f"{name}{_ROUTING_SUFFIX}", f"Made from the tenant's initial domain {initial[0]}."
    return "", "Neither the tenant nor the Exchange organization shows a domain below mail.onmicrosoft.com."


@dataclass(frozen=True, slots=True)
class DnsReading:
    """Answers by name and kind.

    Attributes:
        source: Who was asked.
        answers: ``(name, kind)`` to the answer.
    """

    source: str
    answers: Mapping[tuple[str, Kind], Answer] = field(default_factory=dict)

    def mx(self, domain: str) -> Answer:
        """MX records of a groups domain."""
        return self.answers[(domain, "MX")]

    def autodiscover(self, domain: str) -> Answer:
        """CNAME record of autodiscover below a groups domain."""
        return self.answers[(f"autodiscover.{domain}", "CNAME")]


def read_dns(resolver: Resolver, domains: tuple[str, ...]) -> DnsReading:
    """Ask for MX and autodiscover of every domain.

    Raises:
        ServiceFailed: ``dns-no-answer``: not one question was answered.
    """
    questions: list[tuple[str, Kind]] = []
    for domain in domains:
        questions += [(domain, "MX"), (f"autodiscover.{domain}", "CNAME")]
    answers: dict[tuple[str, Kind], Answer] = {}
    for name, kind in questions:
        answers[(name, kind)] = resolver.ask(name, kind)
        if len(answers) == 2 and all(answer.state is State.FAILED for answer in answers.values()):
            # Every further question would wait as long.
            raise ServiceFailed(
                f"DNS does not answer ({resolver.source}): {answers[(name, kind)].why}",
                code="dns-no-answer",
                hint="Check the network, or name DNS servers in the parameter dns_servers.",
                values={"servers": resolver.source},
            )
    return DnsReading(resolver.source, answers)
