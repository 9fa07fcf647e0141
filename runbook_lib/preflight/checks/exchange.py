"""Exchange as it stands in AD (the checks of ``exchange.findings``, what each asks of a route), and its recipients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from runbook_lib.exchange import findings, requirements
from runbook_lib.exchange.address_book import address_book_of
from runbook_lib.exchange.detect import Sees, nothing_there, unseen_findings
from runbook_lib.exchange.facts import Facts
from runbook_lib.exchange.recipients import AddressOwner
from runbook_lib.inventory.index import AddressHolder, address_taken
from runbook_lib.inventory.mail_contacts import routing_address
from runbook_lib.model.addresses import smtp_addresses
from runbook_lib.model.cloud import CloudGroup, Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, counted, first_of, t
from runbook_lib.preflight.address_book import address_book_finding
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import MailContact, MakeMailContacts
from runbook_lib.preflight.parts import ADDRESS_HOLDERS, EXCHANGE, EXCHANGE_FACTS, GROUPS, MAIL_DOMAINS, WRITTEN_GROUPS


def has_shell(evidence: Evidence) -> bool:
    """Whether somebody can be sent to the Exchange Management Shell: not to one that is known not to exist."""
    return (facts := evidence.get(EXCHANGE_FACTS)) is None or facts.tools.shell is not Switch.OFF


# Connect Sync writes mail attributes by what Exchange prepared; the direct route writes none unless told to; Cloud Sync
# never does, so Exchange does not matter to it.
_MAIL = on(direct=Severity.INFO, connect_sync=Severity.WARNING)
_SERVERS = on(direct=Severity.INFO, connect_sync=Severity.BLOCKING)
_READABLE = on(direct=Severity.INFO, connect_sync=Severity.BLOCKING)


_S, _O, _V, _D, _N, _B = (
    *(Sees.SCHEMA, Sees.ORGANIZATION, Sees.ORGANIZATION_VERSION),
    *(Sees.DOMAINS, Sees.SERVERS, Sees.BUILDS),
)


def _check(
    id_: str,
    title: Text,
    routes: Mapping[Route, Severity],
    run: Callable[[Facts], Iterator[Finding]],
    *sees: Sees,
) -> Check:
    def answers(evidence: Evidence) -> Answers:
        facts = evidence[EXCHANGE_FACTS]
        found = {finding.id: finding for finding in (*run(facts), *unseen_findings(facts, *sees))}
        yield from found.values()
        why = nothing_there(facts, *sees)
        if why and not found:
            yield NothingToCheck(why)

    return Check(id_, title, (EXCHANGE,), routes, answers)


EXCHANGE_CHECKS: tuple[Check, ...] = (
    _check("exchange-unreadable", t("Everything about Exchange can be read"), _READABLE, findings.unreadable),
    _check("exchange-organization-hidden", t("No organization is hidden"), _READABLE, findings.hidden_organization, _O),
    _check("exchange-number-absent", t("Every number is shown"), _MAIL, findings.absent_numbers, _S, _O),
    _check("exchange-absent", t("Exchange is here"), _MAIL, findings.exchange_absent, _O),
    _check("exchange-without-servers", t("The organization has servers"), _MAIL, findings.without_servers, _O, _N),
    _check("exchange-several-organizations", t("There is one organization"), _MAIL, findings.several_organizations, _O),
    _check("exchange-newer-than-table", t("The release is known to this program"), _MAIL, findings.newer, _S, _V, _B),
    _check(
        *("exchange-number-unknown", t("Every number is one that a release writes")),
        *(_MAIL, findings.unknown_numbers),
        *(_S, _V, _D),
    ),
    _check("exchange-ahead", t("Schema and organization are of one release"), _MAIL, findings.mixture, _S, _V),
    _check("exchange-domain", t("Every domain is prepared"), _MAIL, findings.domains, _V, _D),
    _check(
        "exchange-out-of-support", t("The servers' releases are supported"), _MAIL, requirements.servers_in_support, _B
    ),
    _check("exchange-servers-differ", t("The servers run one release"), _MAIL, requirements.servers_differ, _B),
    _check(
        "exchange-pages-disagree", t("Exchange is where Connect's wizard wants it"), _MAIL, requirements.presence, _O
    ),
    _check("exchange-server-too-old", t("Every server is new enough"), _SERVERS, requirements.server_minimum, _B),
    _check("exchange-hybrid-update", t("Every server has a recent update"), _MAIL, requirements.hybrid_update, _B),
    _check(
        *("exchange-server-ahead", t("No server is ahead of the organization")),
        *(_MAIL, requirements.servers_ahead),
        *(_V, _B),
    ),
    _check("exchange-server-numbers-differ", t("Each server shows one build"), _MAIL, requirements.numbers_agree, _B),
    _check("exchange-server-version-unknown", t("Every server shows its build"), _MAIL, requirements.server_builds, _B),
    _check(
        "exchange-server-release-unknown", t("Every server's release is known"), _MAIL, requirements.server_releases, _B
    ),
)


_PAGE = "MicrosoftDocs/OfficeDocs-Exchange, set-up-microsoft-365-groups.md (2021)"
_CONTACTS = 'timmcmic, "Office 365: A different approach to handling Office 365 group mail flow" (Microsoft, 2018)'
_MOST = 50
"""Objects that one finding and its hand-off name; the number of all is in the words."""


def address_book(evidence: Evidence) -> Iterator[Finding]:
    """Written-back groups with an address are in the address book."""
    written = evidence[WRITTEN_GROUPS]
    book = address_book_of(written)
    contacts = _contacts(evidence, [(group.display_name, group.mail or "") for group in book.waiting])
    finding = address_book_finding(book, has_shell=has_shell(evidence), more=(contacts,))
    if finding is not None:
        yield finding


def secondary_addresses(evidence: Evidence) -> Iterator[Finding]:
    """Groups have no addresses beside the primary one that people use."""
    several = []
    for group in evidence[GROUPS].groups:
        primary = (group.mail or "").lower()
        others = [
            a
            for a in smtp_addresses(group.mail, group.proxy_addresses)
            if a != primary and not a.endswith(".onmicrosoft.com")
        ]
        if others:
            several.append((group, others))
    if several:
        shown = [f"{group.display_name}: {', '.join(others[:3])}" for group, others in several]
        yield Finding(
            id="mail-secondary-addresses",
            severity=Severity.WARNING,
            seen=t(
                "{count} with further addresses: {some}.",
                count=counted(len(several), "group"),
                some=first_of(shown, 5, "; "),
            ),
            expected=t("Groups that are written to by their primary address only."),
            why=t("Only the primary SMTP address is written back, so mail from on premises to the others fails."),
            to_do=t("Tell those who use them, or use mail contacts for these groups")
            + (t("; the hand-off has the lines.") if has_shell(evidence) else t(".")),
            source=f"{_PAGE}; {_CONTACTS}",
            values={"count": len(several)},
            hand_offs=(_contacts(evidence, [(group.display_name, group.mail or "") for group, _ in several]),),
            acknowledgeable=True,
        )


def addresses_taken(evidence: Evidence) -> Iterator[Finding]:
    """No contact, group or user in AD holds an address of a Microsoft 365 group, but a contact that stands for it."""
    owners = {
        address: group
        for group in evidence[GROUPS].groups
        for address in smtp_addresses(group.mail, group.proxy_addresses)
    }
    routing = domains.routing if (domains := evidence.get(MAIL_DOMAINS)) else ""
    taken = []
    for holder in evidence[ADDRESS_HOLDERS]:
        foreign = [address for address in holder.addresses if not _stands_for(holder, owners.get(address), routing)]
        if foreign:
            taken.append((holder, foreign))
    if taken:
        yield address_taken([AddressHolder(item.dn, item.object_class, tuple(foreign)) for item, foreign in taken])


def _stands_for(holder: AddressOwner, group: CloudGroup | None, routing: str) -> bool:
    """Whether an object is the group's own in AD, or a contact that forwards to it."""
    if group is None:
        return False
    forwards = holder.object_class == "contact" and routing and holder.target_address == routing_address(group, routing)
    return group.id in holder.group_ids or bool(forwards)


def other_domains(evidence: Evidence) -> Iterator[Finding]:
    """The search for addresses covered the whole forest."""
    others = list(evidence[EXCHANGE].other_domains)
    if others:
        yield Finding(
            id="mail-forest-not-searched",
            severity=Severity.UNKNOWN,
            seen=t("Addresses were searched in one domain; not in {others}.", others=", ".join(others)),
            expected=t("A search of the whole forest."),
            why=t("An object of another domain may hold a group's address."),
            to_do=t(
                "Search there with Get-Recipient in the Exchange Management Shell "
                "(Set-ADServerSettings -ViewEntireForest $true), then acknowledge this finding."
            )
            if has_shell(evidence)
            else t("Search there for mail and proxyAddresses over LDAP, then acknowledge this finding."),
            values={"domains": others},
            acknowledgeable=True,
        )


def _contacts(evidence: Evidence, groups: Sequence[tuple[str, str]]) -> MakeMailContacts:
    """The mail contacts that could stand for groups (display name and address); none without a routing domain."""
    domains = evidence.get(MAIL_DOMAINS)
    routing = domains.routing if domains else ""
    return MakeMailContacts(
        tuple(
            MailContact(name, address.lower(), f"{address.lower().partition('@')[0]}@{routing}")
            for name, address in groups[:_MOST]
            if routing and address
        )
    )


_ROUTES = on(direct=Severity.INFO, connect_sync=Severity.WARNING)
RECIPIENT_CHECKS: tuple[Check, ...] = (
    Check(
        "mail-address-book", t("Written-back groups are in the address book"), (WRITTEN_GROUPS,), _ROUTES, address_book
    ),
    Check(
        "mail-secondary-addresses",
        t("Groups have only the address that is written back"),
        (GROUPS, MAIL_DOMAINS),
        _ROUTES,
        secondary_addresses,
    ),
    Check(
        "mail-address-taken",
        t("No other object holds a group's address"),
        (GROUPS, ADDRESS_HOLDERS),
        on(direct=Severity.WARNING, connect_sync=Severity.WARNING),
        addresses_taken,
    ),
    Check("mail-forest-not-searched", t("The whole forest was searched"), (EXCHANGE,), _ROUTES, other_domains),
)
