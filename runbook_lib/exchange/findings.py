"""One small function per check: from the facts about Exchange to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runbook_lib.exchange.facts import ExchangePresence, Facts
from runbook_lib.exchange.read import SCHEMA_PART
from runbook_lib.exchange.requirements import server_builds, server_releases, servers_differ, servers_in_support
from runbook_lib.exchange.versions import spans
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import Text, joined, t

_BUILDS = "microsoft/CSS-Exchange, Shared/Get-ExchangeBuildVersionInformation.ps1 (2026)"
_PREPARE = "MicrosoftDocs/OfficeDocs-Exchange, prepare-ad-and-domains.md"


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Every finding of every check, in the order of the checks."""
    return tuple(finding for check in CHECKS for finding in check(facts))


def unreadable(facts: Facts) -> Iterator[Finding]:
    """A part that could not be read; nothing is concluded from it."""
    yield from (_unreadable(part) for part in facts.reading.unreadable)


def _unreadable(part: Unreadable) -> Finding:
    domain = part.part.partition(":")[2]
    elsewhere = domain.lower().startswith("dc=")
    return Finding(
        id=f"exchange-unreadable:{part.part}",
        # Groups are written to this domain; the preparation of another one matters to recipients there.
        severity=Severity.WARNING if elsewhere else Severity.UNKNOWN,
        seen=t("{part} could not be read: {sentence}", part=part.part, sentence=part.sentence),
        expected=t("A controller of that domain that can be reached and lets this account read.")
        if elsewhere
        else t("An account that may read the configuration and schema partitions, as every account normally may."),
        why=t("What is hidden cannot be determined from what is absent."),
        to_do=t(
            "Look on a domain controller of that domain at objectVersion of CN=Microsoft "
            "Exchange System Objects,{domain}, or run the pre-flight with dc_host naming one.",
            domain=domain,
        )
        if elsewhere
        else t("Run with an account that may read it, or ask the forest's administrators."),
        values={"part": part.part},
        acknowledgeable=True,
    )


def hidden_organization(facts: Facts) -> Iterator[Finding]:
    """The domain is prepared, but no organization shows."""
    hidden = not facts.reading.organizations and facts.domain_version is not None
    if hidden and not facts.reading.is_unreadable("organization"):
        yield Finding(
            id="exchange-organization-hidden",
            severity=Severity.UNKNOWN,
            seen=t(
                "A domain is prepared for Exchange ({domain_version}), but no organization is visible.",
                domain_version=facts.domain_version,
            ),
            expected=t("An organization below CN=Microsoft Exchange,CN=Services of the configuration partition."),
            why=t("Either this account may not see it, or it was removed by hand; both change what a group needs."),
            to_do=t("Look with an account of the Exchange administrators."),
            values={"domain_version": facts.domain_version},
            acknowledgeable=True,
        )


def absent_numbers(facts: Facts) -> Iterator[Finding]:
    """A number that ought to be there, and is not shown."""
    reading = facts.reading
    if reading.organizations and reading.schema_range_upper is None and not reading.is_unreadable(SCHEMA_PART):
        yield _absent_number(
            "schema",
            t("There is an Exchange organization, but the schema has no ms-Exch-Schema-Version-Pt."),
            t("Which release extended the schema"),
            t(
                "Look at CN=ms-Exch-Schema-Version-Pt in the schema with another account; if it is "
                "not there, run {prepare_forest}.",
                prepare_forest=facts.tools.prepare_forest,
            ),
        )
    for organization in facts.without_version:
        yield _absent_number(
            f"organization:{organization.name}",
            t(
                "The Exchange organization {organization_name} shows no objectVersion.",
                organization_name=organization.name,
            ),
            t("Which release prepared the organization, and whether domains and servers fit to it"),
            t(
                "Look at objectVersion of {organization_dn} with an account of the Exchange "
                "administrators; if it has none, run {prepare_forest}.",
                organization_dn=organization.dn,
                prepare_forest=facts.tools.prepare_forest,
            ),
        )


def _absent_number(what: str, seen: Text, unknown: Text, to_do: Text) -> Finding:
    return Finding(
        id=f"exchange-number-absent:{what}",
        severity=Severity.UNKNOWN,
        seen=seen,
        expected=t("A number of the version table."),
        why=t("{unknown} cannot be determined: the number is absent, or hidden from this account.", unknown=unknown),
        to_do=to_do,
        source=_PREPARE,
        values={"component": what},
        acknowledgeable=True,
    )


def exchange_absent(facts: Facts) -> Iterator[Finding]:
    """No Exchange, or only its schema."""
    if facts.presence is ExchangePresence.NONE:
        yield Finding(
            id="exchange-none",
            severity=Severity.INFO,
            seen=t("No Exchange schema, no organization, no servers."),
            why=t("Groups in Active Directory cannot be mail recipients here; membership and rights are not affected."),
            to_do=t("Nothing, as long as written-back groups need no mail on premises."),
        )
    if facts.presence is ExchangePresence.SCHEMA_ONLY:
        yield Finding(
            id="exchange-schema-only",
            severity=Severity.INFO,
            seen=t(
                "The schema is extended ({schema_range_upper}), but there is no organization.",
                schema_range_upper=facts.reading.schema_range_upper,
            ),
            why=t("Exchange attributes can be written, but nothing on premises would deliver mail by them."),
            to_do=t("Nothing, as long as written-back groups need no mail on premises."),
            values={"schema": facts.reading.schema_range_upper},
        )


def without_servers(facts: Facts) -> Iterator[Finding]:
    """An organization that has no server any more, or never had one."""
    if facts.presence is ExchangePresence.ORGANIZATION_WITHOUT_SERVERS:
        yield Finding(
            id="exchange-without-servers",
            severity=Severity.INFO,
            seen=t("There is an Exchange organization, but no server in it."),
            why=t(
                "This is either a hybrid run with the management tools only, or what a decommissioned Exchange left."
            ),
            to_do=t("Know which of the two it is before relying on mail attributes."),
        )


def several_organizations(facts: Facts) -> Iterator[Finding]:
    """A forest has one organization."""
    names = [organization.name for organization in facts.reading.organizations]
    if len(names) > 1:
        yield Finding(
            id="exchange-several-organizations",
            severity=Severity.WARNING,
            seen=t("{names_count} Exchange organizations: {names}.", names_count=len(names), names=", ".join(names)),
            expected=t("One organization per forest."),
            why=t("Exchange knows one; the others are leftovers."),
            to_do=t("Find out which one is in use."),
            values={"names": names},
        )


def newer(facts: Facts) -> Iterator[Finding]:
    """Numbers above the table: fine, but this program cannot name the release."""
    if facts.newer:
        yield Finding(
            id="exchange-newer-than-table",
            severity=Severity.INFO,
            seen=t(
                "Newer than {newest_name}: {newer}.", newest_name=facts.table.newest.name, newer=", ".join(facts.newer)
            ),
            expected=t("Numbers up to those of {newest_name}.", newest_name=facts.table.newest.name),
            why=t("A release that came out after this program cannot be named; nothing else follows from it."),
            to_do=t("Update this program when you can."),
            source=_BUILDS,
            values={"components": list(facts.newer)},
        )


def unknown_numbers(facts: Facts) -> Iterator[Finding]:
    """Numbers below the top of the table that no release writes."""
    table = facts.table
    seen = [
        ("schema", facts.reading.schema_range_upper, facts.schema_releases, "schema" in facts.newer),
        ("organization", facts.organization_version, facts.organization_releases, "organization" in facts.newer),
    ]
    top = max(version for release in table.releases for version in release.domains)
    for domain in facts.reading.domains:
        value = domain.object_version
        if value is not None:
            seen.append(
                (
                    t("domain preparation of {domain}", domain=domain.domain),
                    value,
                    table.with_domain(value),
                    value > top,
                )
            )
    for component, value, releases, is_newer in seen:
        if value is not None and not releases and not is_newer:
            yield Finding(
                id=f"exchange-number-unknown:{component}",
                severity=Severity.WARNING,
                seen=t(
                    "The {component} has {value}, which no release writes that this program knows.",
                    component=component,
                    value=value,
                ),
                expected=t("A number of the version table."),
                why=t("It may be a beta, or somebody changed it."),
                to_do=t("Compare with Microsoft's list before relying on Exchange attributes."),
                source=_PREPARE,
                values={"component": component, "value": value},
            )


def mixture(facts: Facts) -> Iterator[Finding]:
    """Schema and organization were prepared by different releases."""
    schema, organization = facts.schema_releases, facts.organization_releases
    if not schema or not organization or facts.candidates:
        return
    ahead = schema[0].position > organization[-1].position
    first, second = ("schema", "organization") if ahead else ("organization", "schema")
    yield Finding(
        id=f"exchange-{first}-ahead",
        severity=Severity.WARNING,
        seen=t(
            "The schema belongs to {schema_release}, the organization to {organization_release}.",
            schema_release=spans(schema),
            organization_release=spans(organization),
        ),
        expected=t("Both prepared by the same release."),
        why=t(
            "The {first} is ahead of the {second}: an upgrade was begun and not finished, or has not replicated yet.",
            first=first,
            second=second,
        ),
        to_do=t(
            "Finish the preparation ({prepare_forest}), or wait for replication; then look again.",
            prepare_forest=facts.tools.prepare_forest,
        ),
        source=_PREPARE,
        values={"schema": facts.reading.schema_range_upper, "organization": facts.organization_version},
    )


def domains(facts: Facts) -> Iterator[Finding]:
    """Domains that were not prepared, or by an older release than the organization."""
    yield from _domains(facts, behind=False)
    yield from _domains(facts, behind=True)


def domains_behind(facts: Facts) -> Iterator[Finding]:
    """Domains that an older release prepared than the organization: preparations of two releases side by side."""
    yield from _domains(facts, behind=True)


def _domains(facts: Facts, *, behind: bool) -> Iterator[Finding]:
    if not facts.reading.organizations:
        return
    expected = sorted({version for release in facts.organization_releases for version in release.domains})
    for domain in facts.reading.domains:
        version = domain.object_version
        if (version is not None) is not behind:
            continue
        if version is not None and (not expected or version >= expected[0]):
            continue
        state = t("not prepared") if version is None else "behind"
        shown = (
            t("is not prepared for Exchange")
            if version is None
            else t("was prepared by an older release ({version})", version=version)
        )
        yield Finding(
            id=f"exchange-domain-{state.replace(' ', '-')}:{domain.domain}",
            severity=Severity.WARNING,
            seen=t("The domain {domain} {shown}.", domain=domain.domain, shown=shown),
            expected=t("objectVersion {expected}", expected=joined(map(str, expected), t(" or ")))
            if expected
            else t("A prepared domain."),
            why=t("Exchange's own rights on groups of this domain are then missing or old."),
            to_do=t(
                "Run {prepare_domain} for this domain, if its groups shall be mail recipients.",
                prepare_domain=facts.tools.prepare_domain,
            ),
            source=_PREPARE,
            values={"domain": domain.domain, "seen": version, "expected": expected},
        )


CHECKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    unreadable,
    hidden_organization,
    absent_numbers,
    exchange_absent,
    without_servers,
    several_organizations,
    newer,
    unknown_numbers,
    mixture,
    domains,
    servers_in_support,
    servers_differ,
    server_builds,
    server_releases,
)
"""Every check. A new one is a function from facts to findings, its name here, and a test."""
