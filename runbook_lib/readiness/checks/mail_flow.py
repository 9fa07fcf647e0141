"""Mail between the two sides as Exchange on premises routes it."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.exchange.mail import NEEDED, DomainType, MailFlowReading
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.readiness.check import Check, on
from runbook_lib.readiness.evidence import Evidence, known

_PAGE = "MicrosoftDocs/OfficeDocs-Exchange, set-up-microsoft-365-groups.md (2021)"
# The direct route writes no mail attributes unless told to, and Cloud Sync never does.
_ROUTES = on(direct=Severity.INFO, connect_sync=Severity.BLOCKING)


def names_absent(evidence: Evidence) -> Iterator[Finding]:
    """Classes and attributes that this forest's schema does not have: what they hold is unknown, not empty."""
    flow = known(evidence.mail_flow)
    for what, names in NEEDED.items() if flow.organization else ():
        missing = sorted(flow.absent & set(names))
        if missing:
            yield Finding(
                id=f"mail-flow-not-in-schema:{what.replace(' ', '-')}",
                severity=Severity.UNKNOWN,
                seen=f"The schema has no {', '.join(missing)}, so {what} cannot be read over LDAP.",
                expected="A schema of Exchange Server 2007 or newer.",
                why="What cannot be read is not known to be absent.",
                to_do=f"Look at {what} in the Exchange Management Shell, then acknowledge this finding.",
                values={"what": what, "missing": missing},
                acknowledgeable=True,
            )


def accepted_domain(evidence: Evidence) -> Iterator[Finding]:
    """Every groups domain is an accepted domain of the type internal relay."""
    flow = known(evidence.mail_flow)
    if not flow.organization or flow.absent & set(NEEDED["accepted domains"]):
        return
    if not flow.accepted_domains:
        yield _nothing_visible("accepted domains", "mail-accepted-domains-hidden")
        return
    for domain in known(evidence.mail_domains).groups:
        found = flow.accepted(domain)
        if found is None:
            yield Finding(
                id=f"mail-accepted-domain-missing:{domain}",
                severity=Severity.BLOCKING,
                seen=f"{domain} is not an accepted domain of the Exchange organization.",
                expected=f"{domain} as internal relay domain.",
                why="Mail from mailboxes on premises reaches such a group only if it accepts senders outside.",
                to_do="Add the accepted domain; the hand-off has the lines.",
                source=_PAGE,
                values={"domain": domain, "hand_off": {"kind": "accepted-domain", "domain": domain}},
                acknowledgeable=True,
            )
        elif found.type is not DomainType.INTERNAL_RELAY:
            yield from _wrong_type(domain, found.name, found.type)


def _wrong_type(domain: str, name: str, kind: DomainType) -> Iterator[Finding]:
    unknown = kind is DomainType.UNKNOWN
    why = {
        DomainType.AUTHORITATIVE: "An authoritative domain answers with a non-delivery report for every group that is "
        "not a recipient on premises.",
        DomainType.EXTERNAL_RELAY: "An external relay domain takes the groups for strangers.",
    }
    yield Finding(
        id=f"mail-accepted-domain-type:{domain}",
        severity=Severity.UNKNOWN if unknown else Severity.BLOCKING,
        seen=f"The accepted domain {name} covers {domain}; its type is {kind.value}.",
        expected="Internal relay.",
        why=why.get(kind, "The type decides what happens to mail for groups that are not recipients on premises."),
        to_do="Change the type, if no mailbox on premises depends on the present one; the hand-off has the lines.",
        source=_PAGE,
        values={"domain": domain, "type": kind.value, "hand_off": {"kind": "relay-type", "name": name}},
        acknowledgeable=True,
    )


def send_connector(evidence: Evidence) -> Iterator[Finding]:
    """A send connector has address spaces for the groups domains and the tenant's mail.onmicrosoft.com domain."""
    flow, domains = known(evidence.mail_flow), known(evidence.mail_domains)
    if not flow.organization or flow.absent & set(NEEDED["send connectors"]):
        return
    wanted = [*domains.groups, *([domains.routing] if domains.routing else [])]
    missing = [domain for domain in wanted if not flow.connectors_for(domain)]
    if not missing:
        return
    hybrid = _hybrid_connector(flow, domains.routing)
    spaces = [f"smtp:{domain};1" for domain in missing]
    if hybrid is not None:
        way: dict[str, object] = {"kind": "address-spaces", "connector": hybrid, "spaces": spaces}
        to_do = f"Add the address spaces to {hybrid}; the hand-off reads the list before it replaces it."
    else:
        servers = [] if evidence.unreadable("exchange") else [s.name for s in known(evidence.exchange).servers]
        way = {"kind": "send-connector", "servers": servers, "spaces": spaces}
        to_do = "Run the Hybrid Configuration Wizard, or make the connector by hand; the hand-off has the lines."
    names = ", ".join(connector.name for connector in flow.send_connectors) or "none"
    yield Finding(
        id="mail-send-connector-missing",
        severity=Severity.WARNING,
        seen=f"No send connector has an address space for {', '.join(missing)}. Send connectors: {names}.",
        expected="A connector to the cloud with an address space for each of them.",
        why="Mail leaves by the connector for the Internet, without the trust of the hybrid connector, or not at all.",
        to_do=to_do,
        source=_PAGE,
        values={"domains": missing, "hand_off": way},
        acknowledgeable=True,
    )


def _hybrid_connector(flow: MailFlowReading, routing: str) -> str | None:
    """The connector that serves the tenant's routing domain, else one named as the wizard names it."""
    serving = flow.connectors_for(routing) if routing else ()
    named = [one for one in flow.send_connectors if one.name.lower().startswith("outbound to office 365")]
    return next((one.name for one in (*serving, *named)), None)


def routing_domain(evidence: Evidence) -> Iterator[Finding]:
    """The tenant's domain below mail.onmicrosoft.com is known."""
    domains = known(evidence.mail_domains)
    if known(evidence.mail_flow).organization and not domains.routing:
        yield Finding(
            id="mail-routing-domain-unknown",
            severity=Severity.UNKNOWN,
            seen=domains.how_routing,
            expected="A domain such as contoso.mail.onmicrosoft.com.",
            why="The send connector has to cover it.",
            to_do="Run with an account that may read the tenant, or look at the tenant's domains yourself.",
            source=_PAGE,
            acknowledgeable=True,
        )


def address_spaces_readable(evidence: Evidence) -> Iterator[Finding]:
    """Every address space has a form that this program knows."""
    for connector in known(evidence.mail_flow).send_connectors:
        if connector.unread:
            yield Finding(
                id=f"mail-address-space-unread:{connector.name}",
                severity=Severity.UNKNOWN,
                seen=f"Address spaces of {connector.name} in an unknown form: {', '.join(connector.unread)}.",
                expected="smtp:domain;cost",
                why="Whether they cover the groups domain cannot be told.",
                to_do="Look with Get-SendConnector.",
                values={"connector": connector.name, "values": list(connector.unread)},
                acknowledgeable=True,
            )


def hybrid_configuration(evidence: Evidence) -> Iterator[Finding]:
    """The Hybrid Configuration Wizard has been run."""
    flow = known(evidence.mail_flow)
    if flow.organization and not flow.hybrid and not flow.absent & set(NEEDED["hybrid configuration"]):
        yield Finding(
            id="mail-hybrid-missing",
            severity=Severity.WARNING,
            seen="There is no hybrid configuration object in the Exchange organization.",
            expected="An organization in which the Hybrid Configuration Wizard has been run.",
            why="Group writeback of Microsoft 365 groups presupposes a configured Exchange hybrid deployment.",
            to_do="Run the Hybrid Configuration Wizard, or know how mail reaches the cloud without it.",
            source="MicrosoftDocs/entra-docs, how-to-connect-group-writeback-enable.md",
            acknowledgeable=True,
        )


def address_policies(evidence: Evidence) -> Iterator[Finding]:
    """No address policy gives addresses of a groups domain to recipients on premises."""
    flow = known(evidence.mail_flow)
    for domain in known(evidence.mail_domains).groups:
        names = [p.name for p in flow.policies if any(t.lower().endswith(f"@{domain}") for t in p.templates)]
        if names:
            yield Finding(
                id=f"mail-address-policy:{domain}",
                severity=Severity.INFO,
                seen=f"Address policies give out addresses of {domain} on premises: {', '.join(names)}.",
                expected="A groups domain whose addresses only the cloud gives out.",
                why="A recipient on premises may get an address that a group in the cloud has, or will get.",
                to_do="Use a domain of its own for groups, or watch for collisions.",
                source=_PAGE,
                values={"domain": domain, "policies": names},
            )


def several_domains(evidence: Evidence) -> Iterator[Finding]:
    """The groups have one domain."""
    domains = known(evidence.mail_domains)
    if len(domains.groups) > 1:
        yield Finding(
            id="mail-several-domains",
            severity=Severity.INFO,
            seen=f"The groups have addresses in {len(domains.groups)} domains: {', '.join(domains.groups[:10])}.",
            why="Every one of them is checked; Microsoft recommends one domain for groups.",
            to_do="Name one in groups_domain if the others do not matter.",
            source=_PAGE,
            values={"domains": list(domains.groups)},
        )
    elif not domains.groups:
        yield Finding(
            id="mail-no-domain",
            severity=Severity.INFO,
            seen="No Microsoft 365 group has an address outside onmicrosoft.com.",
            why="There is no groups domain whose mail flow could be checked.",
            to_do="Name the domain that groups will have in groups_domain.",
            source=_PAGE,
        )


def _nothing_visible(what: str, id_: str) -> Finding:
    return Finding(
        id=id_,
        severity=Severity.UNKNOWN,
        seen=f"The Exchange organization shows this account no {what}; setup always makes one.",
        expected="An account that may read the configuration partition, as every account normally may.",
        why="What is hidden cannot be told from what is absent.",
        to_do="Look with an account of the Exchange administrators.",
        acknowledgeable=True,
    )


_FLOW = ("mail_flow",)
_BOTH = ("mail_flow", "mail_domains")
CHECKS: tuple[Check, ...] = (
    Check("mail-several-domains", "The groups have one mail domain", ("mail_domains",), _ROUTES, several_domains),
    Check("mail-flow-not-in-schema", "The schema has what routes mail", _FLOW, _ROUTES, names_absent),
    Check("mail-hybrid-missing", "The Exchange hybrid is configured", _FLOW, _ROUTES, hybrid_configuration),
    Check("mail-accepted-domain", "The groups domain is an internal relay domain", _BOTH, _ROUTES, accepted_domain),
    Check("mail-routing-domain", "The tenant's routing domain is known", _BOTH, _ROUTES, routing_domain),
    Check("mail-send-connector", "A send connector covers the groups domain", _BOTH, _ROUTES, send_connector),
    Check("mail-address-space-unread", "Every address space is readable", _FLOW, _ROUTES, address_spaces_readable),
    Check("mail-address-policy", "No policy gives out groups' addresses", _BOTH, _ROUTES, address_policies),
)
