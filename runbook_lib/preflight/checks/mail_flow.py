"""Mail between the two sides as Exchange on premises routes it."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.exchange.mail import (
    ACCEPTED_DOMAINS,
    ADDRESS_POLICIES,
    HYBRID_CONFIGURATION,
    NEEDED,
    SEND_CONNECTORS,
    DomainType,
    MailFlowReading,
)
from runbook_lib.exchange.versions import SCHEMA_REFERENCE
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding, HandOff, Severity
from runbook_lib.model.text import t
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.checks.mail_unseen import (
    NO_DOMAIN,
    NO_ORGANIZATION,
    SOURCE_PAGE,
    how_to_look,
    not_in_schema,
    nothing_visible,
    tools_in,
    without_value,
)
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import AddAcceptedDomain, AddAddressSpaces, MakeSendConnector, RelayAcceptedDomain
from runbook_lib.preflight.parts import EXCHANGE, MAIL_DOMAINS, MAIL_FLOW

# The direct route writes no mail attributes unless told to, and Cloud Sync never does.
_ROUTES = on(direct=Severity.INFO, connect_sync=Severity.BLOCKING)


def names_absent(evidence: Evidence) -> Answers:
    """Classes and attributes that this forest's schema does not have: what they hold is unknown, not empty."""
    flow = evidence[MAIL_FLOW]
    if not flow.organization:
        yield NO_ORGANIZATION
    for what in NEEDED if flow.organization else ():
        yield from not_in_schema(evidence, what)


def accepted_domain(evidence: Evidence) -> Answers:
    """Every groups domain is an accepted domain of the type internal relay."""
    flow, groups = evidence[MAIL_FLOW], evidence[MAIL_DOMAINS].groups
    if not flow.organization or not groups:
        yield NO_ORGANIZATION if not flow.organization else NO_DOMAIN
        return
    if flow.absent & set(NEEDED[ACCEPTED_DOMAINS]):
        yield from not_in_schema(evidence, ACCEPTED_DOMAINS)
        return
    if not flow.accepted_domains:
        yield nothing_visible(evidence, ACCEPTED_DOMAINS, "mail-accepted-domains-hidden")
        return
    unnamed = [one.name for one in flow.accepted_domains if not one.domain]
    if unnamed:
        yield without_value(evidence, ACCEPTED_DOMAINS, unnamed, "msExchAcceptedDomainName")
    for domain in groups:
        found = flow.accepted(domain)
        if found is None:
            yield Finding(
                id=f"mail-accepted-domain-missing:{domain}",
                severity=Severity.BLOCKING,
                seen=t("{domain} is not an accepted domain of the Exchange organization.", domain=domain),
                expected=t("{domain} as internal relay domain.", domain=domain),
                why=t("Mail from mailboxes on premises reaches such a group only if it accepts senders outside."),
                to_do=t("Add the accepted domain; the hand-off has the lines."),
                source=SOURCE_PAGE,
                values={"domain": domain},
                hand_offs=(AddAcceptedDomain(domain),),
                acknowledgeable=True,
            )
        elif found.type is not DomainType.INTERNAL_RELAY:
            yield from _wrong_type(domain, found.name, found.type)


def _wrong_type(domain: str, name: str, kind: DomainType) -> Iterator[Finding]:
    unknown = kind is DomainType.UNKNOWN
    why = {
        DomainType.AUTHORITATIVE: t(
            "An authoritative domain answers with a non-delivery report for every group that is "
            "not a recipient on premises."
        ),
        DomainType.EXTERNAL_RELAY: t("An external relay domain takes the groups for strangers."),
    }
    yield Finding(
        id=f"mail-accepted-domain-type:{domain}",
        severity=Severity.UNKNOWN if unknown else Severity.BLOCKING,
        seen=t(
            "The accepted domain {name} covers {domain}; its type is {kind}.", name=name, domain=domain, kind=kind.value
        ),
        expected=t("Internal relay."),
        why=why.get(kind, t("The type decides what happens to mail for groups that are not recipients on premises.")),
        to_do=t("Change the type, if no mailbox on premises depends on the present one; the hand-off has the lines."),
        source=SOURCE_PAGE,
        values={"domain": domain, "type": kind.value},
        hand_offs=(RelayAcceptedDomain(name),),
        acknowledgeable=True,
    )


def send_connector(evidence: Evidence) -> Answers:
    """A send connector has address spaces for the groups domains and the tenant's mail.onmicrosoft.com domain."""
    flow, domains = evidence[MAIL_FLOW], evidence[MAIL_DOMAINS]
    if not flow.organization:
        yield NO_ORGANIZATION
        return
    if flow.absent & set(NEEDED[SEND_CONNECTORS]):
        yield from not_in_schema(evidence, SEND_CONNECTORS)
        return
    yield from routing_domain(evidence)
    wanted = [*domains.groups, *([domains.routing] if domains.routing else [])]
    missing = [domain for domain in wanted if not flow.connectors_for(domain)]
    if not missing:
        return
    hybrid, tools = _hybrid_connector(flow, domains.routing), tools_in(evidence)
    spaces = tuple(f"smtp:{domain};1" for domain in missing)
    ways: tuple[HandOff, ...]
    if tools.shell is Switch.OFF or (hybrid is None and tools.wizard is Switch.OFF):
        # Exchange 2003 has no such cmdlets, and those of 2007 and 2010 lack settings that the cloud needs.
        ways = ()
        to_do = t(
            "Set the connector up by hand in {tools_name}, as Microsoft describes for this release.",
            tools_name=tools.name,
        )
    elif hybrid is not None:
        ways = (AddAddressSpaces(hybrid, spaces),)
        to_do = t(
            "Add the address spaces to {hybrid}; the hand-off reads the list before it replaces it.", hybrid=hybrid
        )
    else:
        exchange = evidence.get(EXCHANGE)
        servers = tuple(server.name for server in exchange.servers) if exchange else ()
        ways = (MakeSendConnector(servers, spaces),)
        to_do = t("Run the Hybrid Configuration Wizard, or make the connector by hand; the hand-off has the lines.")
    names = ", ".join(connector.name for connector in flow.send_connectors) or t("none")
    yield Finding(
        id="mail-send-connector-missing",
        severity=Severity.WARNING,
        seen=t(
            "No send connector has an address space for {missing}. Send connectors: {names}.",
            missing=", ".join(missing),
            names=names,
        ),
        expected=t("A connector to the cloud with an address space for each of them."),
        why=t(
            "Mail leaves by the connector for the Internet, without the trust of the hybrid connector, or not at all."
        ),
        to_do=to_do,
        source=SOURCE_PAGE,
        values={"domains": missing},
        hand_offs=ways,
        acknowledgeable=True,
    )


def _hybrid_connector(flow: MailFlowReading, routing: str) -> str | None:
    """The connector that serves the tenant's routing domain, else one named as the wizard names it."""
    serving = flow.connectors_for(routing) if routing else ()
    named = [one for one in flow.send_connectors if one.name.lower().startswith("outbound to office 365")]
    return next((one.name for one in (*serving, *named)), None)


def routing_domain(evidence: Evidence) -> Answers:
    """The tenant's domain below mail.onmicrosoft.com is known."""
    domains = evidence[MAIL_DOMAINS]
    if not evidence[MAIL_FLOW].organization:
        yield NO_ORGANIZATION
    elif not domains.routing:
        yield Finding(
            id="mail-routing-domain-unknown",
            severity=Severity.UNKNOWN,
            seen=domains.how_routing,
            expected=t("A domain such as contoso.mail.onmicrosoft.com."),
            why=t("The send connector has to cover it."),
            to_do=t("Run with an account that may read the tenant, or look at the tenant's domains yourself."),
            source=SOURCE_PAGE,
            acknowledgeable=True,
        )


def address_spaces_readable(evidence: Evidence) -> Answers:
    """Every address space is shown, and has a form that this program knows."""
    flow = evidence[MAIL_FLOW]
    if flow.absent & set(NEEDED[SEND_CONNECTORS]):
        yield from not_in_schema(evidence, SEND_CONNECTORS)
    elif not flow.send_connectors:
        yield NothingToCheck(t("There is no send connector."))
    empty = [one.name for one in flow.send_connectors if not one.spaces and not one.unread]
    if empty:
        yield without_value(evidence, SEND_CONNECTORS, empty, "routingList")
    for connector in flow.send_connectors:
        if connector.unread:
            yield Finding(
                id=f"mail-address-space-unread:{connector.name}",
                severity=Severity.UNKNOWN,
                seen=t(
                    "Address spaces of {connector_name} in an unknown form: {unread}.",
                    connector_name=connector.name,
                    unread=", ".join(connector.unread),
                ),
                expected=t("smtp:domain;cost"),
                why=t("Whether they cover the groups domain cannot be determined."),
                to_do=t("{look}.", look=how_to_look(evidence, SEND_CONNECTORS)),
                values={"connector": connector.name, "values": list(connector.unread)},
                acknowledgeable=True,
            )


_RUN_WIZARD = {
    Switch.ON: t("Run the Hybrid Configuration Wizard, or know how mail reaches the cloud without it."),
    Switch.OFF: t(
        "This organization's release has no such wizard (it came with Exchange Server 2010 SP2): know how mail "
        "reaches the cloud without it."
    ),
    Switch.UNKNOWN: t(
        "Run the Hybrid Configuration Wizard if the organization has Exchange Server 2010 SP2 or newer, or "
        "know how mail reaches the cloud without it."
    ),
}


def hybrid_configuration(evidence: Evidence) -> Answers:
    """The Hybrid Configuration Wizard has been run."""
    flow = evidence[MAIL_FLOW]
    if not flow.organization:
        yield NO_ORGANIZATION
    elif flow.absent & set(NEEDED[HYBRID_CONFIGURATION]):
        yield from not_in_schema(evidence, HYBRID_CONFIGURATION)
    elif not flow.hybrid:
        yield Finding(
            id="mail-hybrid-missing",
            severity=Severity.WARNING,
            seen=t("There is no hybrid configuration object in the Exchange organization."),
            expected=t("An organization in which the Hybrid Configuration Wizard has been run."),
            why=t("Group writeback of Microsoft 365 groups presupposes a configured Exchange hybrid deployment."),
            to_do=_RUN_WIZARD[tools_in(evidence).wizard],
            source=f"MicrosoftDocs/entra-docs, how-to-connect-group-writeback-enable.md; {SCHEMA_REFERENCE}",
            acknowledgeable=True,
        )


def address_policies(evidence: Evidence) -> Answers:
    """No address policy gives addresses of a groups domain to recipients on premises."""
    flow, groups = evidence[MAIL_FLOW], evidence[MAIL_DOMAINS].groups
    if not flow.organization or not groups:
        yield NO_ORGANIZATION if not flow.organization else NO_DOMAIN
        return
    if flow.absent & set(NEEDED[ADDRESS_POLICIES]):
        yield from not_in_schema(evidence, ADDRESS_POLICIES)
        return
    empty = [policy.name for policy in flow.policies if not policy.templates]
    if not flow.policies:
        yield nothing_visible(evidence, ADDRESS_POLICIES, "mail-address-policies-hidden")
    elif empty:
        yield without_value(evidence, ADDRESS_POLICIES, empty, "gatewayProxy")
    for domain in groups:
        names = [p.name for p in flow.policies if any(t.lower().endswith(f"@{domain}") for t in p.templates)]
        if names:
            yield Finding(
                id=f"mail-address-policy:{domain}",
                severity=Severity.INFO,
                seen=t(
                    "Address policies give out addresses of {domain} on premises: {names}.",
                    domain=domain,
                    names=", ".join(names),
                ),
                expected=t("A groups domain whose addresses only the cloud gives out."),
                why=t("A recipient on premises may get an address that a group in the cloud has, or will get."),
                to_do=t("Use a domain of its own for groups, or watch for collisions."),
                source=SOURCE_PAGE,
                values={"domain": domain, "policies": names},
            )


def several_domains(evidence: Evidence) -> Iterator[Finding]:
    """The groups have one domain."""
    domains = evidence[MAIL_DOMAINS]
    if len(domains.groups) > 1:
        yield Finding(
            id="mail-several-domains",
            severity=Severity.INFO,
            seen=t(
                "The groups have addresses in {groups_count} domains: {groups}.",
                groups_count=len(domains.groups),
                groups=", ".join(domains.groups[:10]),
            ),
            why=t("Every one of them is checked; Microsoft recommends one domain for groups."),
            to_do=t("Name one in groups_domain if the others do not matter."),
            source=SOURCE_PAGE,
            values={"domains": list(domains.groups)},
        )
    elif not domains.groups:
        yield Finding(
            id="mail-no-domain",
            severity=Severity.INFO,
            seen=t("No Microsoft 365 group has an address outside onmicrosoft.com."),
            why=t("There is no groups domain whose mail flow could be checked."),
            to_do=t("Name the domain that groups will have in groups_domain."),
            source=SOURCE_PAGE,
        )


_FLOW = (MAIL_FLOW,)
_BOTH = (MAIL_FLOW, MAIL_DOMAINS)
CHECKS: tuple[Check, ...] = (
    Check("mail-several-domains", t("The groups have one mail domain"), (MAIL_DOMAINS,), _ROUTES, several_domains),
    Check("mail-flow-not-in-schema", t("The schema has what routes mail"), _FLOW, _ROUTES, names_absent),
    Check("mail-hybrid-missing", t("The Exchange hybrid is configured"), _FLOW, _ROUTES, hybrid_configuration),
    Check("mail-accepted-domain", t("The groups domain is an internal relay domain"), _BOTH, _ROUTES, accepted_domain),
    Check("mail-routing-domain", t("The tenant's routing domain is known"), _BOTH, _ROUTES, routing_domain),
    Check("mail-send-connector", t("A send connector covers the groups domain"), _BOTH, _ROUTES, send_connector),
    Check("mail-address-space-unread", t("Every address space is readable"), _FLOW, _ROUTES, address_spaces_readable),
    Check("mail-address-policy", t("No policy gives out groups' addresses"), _BOTH, _ROUTES, address_policies),
)
