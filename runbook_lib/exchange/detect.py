"""From what was read to what it means, in sentences and table rows; and what a check was not shown. Pure.

A check that was not shown what it looks at yields the finding that says so, and never means "fine".
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from runbook_lib.exchange.facts import (
    DOMAIN_PREPARATION,
    ORGANIZATION_NUMBER,
    SCHEMA,
    UNKNOWN,
    UNKNOWN_NEWER,
    ComponentRow,
    ExchangeDetection,
    ExchangePresence,
    Facts,
    ServerRow,
)
from runbook_lib.exchange.findings import (
    absent_numbers,
    domains_behind,
    findings,
    hidden_organization,
    mixture,
    newer,
    unknown_numbers,
    unreadable,
)
from runbook_lib.exchange.read import DOMAIN_PART, ORGANIZATION, SCHEMA_PART, SERVERS, ExchangeReading, ServerReading
from runbook_lib.exchange.requirements import server_builds, server_releases, servers_ahead
from runbook_lib.exchange.versions import Release, VersionTable, role_names, spans
from runbook_lib.model.dn import rdn_value
from runbook_lib.model.finding import Finding
from runbook_lib.model.text import NOTHING, Text, counted, first_of, joined, t, verbatim

NOT_READABLE = t("not readable")
NOT_SHOWN = t("not shown")
"""The object is there without its number: whether it has one cannot be determined."""


def _statements(facts: Facts) -> tuple[Text, ...]:
    """The verdict first, then what limits it."""
    reading = facts.reading
    numbers = joined(
        (
            t("{name} {value}", name=name, value=value)
            for name, value in (
                (SCHEMA, reading.schema_range_upper),
                (ORGANIZATION_NUMBER, facts.organization_version),
                (DOMAIN_PREPARATION, facts.domain_version),
            )
            if value is not None
        ),
        ", ",
    )
    servers = counted(len(reading.servers), "server")
    if facts.presence is ExchangePresence.NONE:
        first = t("No Exchange: the schema is not extended and there is no organization.")
    elif facts.presence is ExchangePresence.SERVERS:
        first = t(
            "{product}: {numbers}; {servers} ({names}).",
            product=facts.product or t("Exchange Server of unknown release"),
            numbers=numbers or t("no numbers"),
            servers=servers,
            names=first_of([server.name for server in reading.servers], 5),
        )
    elif facts.presence is ExchangePresence.ORGANIZATION_WITHOUT_SERVERS:
        first = t(
            "Exchange organization without servers (management tools only, or decommissioned), prepared by "
            "{product}: {numbers}; no servers.",
            product=facts.product or t("an unknown release"),
            numbers=numbers,
        )
    elif facts.presence is ExchangePresence.SCHEMA_ONLY:
        prepared = spans(facts.candidates) or (UNKNOWN_NEWER if facts.newer else UNKNOWN)
        first = t(
            "Only the schema is extended for Exchange: {numbers} ({prepared}); there is no organization.",
            numbers=numbers,
            prepared=prepared,
        )
    else:
        seen = t("; seen: {numbers}", numbers=numbers) if numbers else NOTHING
        first = t("Whether Exchange is here cannot be determined with the rights of this account{seen}.", seen=seen)
    said = [first]
    if facts.newer:
        said.append(
            t(
                "Newer than this program's table ({name}): {newer}.",
                name=facts.table.newest.name,
                newer=joined(facts.newer, ", "),
            )
        )
    said += [t("The organization {name} shows no objectVersion.", name=one.name) for one in facts.without_version]
    said += [t("The domain {name} is not prepared for Exchange.", name=name) for name in facts.unprepared]
    said += [t("Not readable: {part}: {sentence}", part=u.part, sentence=u.sentence) for u in reading.unreadable]
    return tuple(said)


def components(facts: Facts) -> tuple[ComponentRow, ...]:
    """One row per number: schema, organizations, domains."""
    reading = facts.reading
    tops = facts.newer
    schema = _seen(reading.schema_range_upper, reading.is_unreadable(SCHEMA_PART))
    rows = [ComponentRow(t("Schema (rangeUpper)"), schema, _meaning(facts.schema_releases, schema, SCHEMA in tops))]
    organizations = reading.organizations or (None,)
    for organization in organizations:
        version = organization.object_version if organization else None
        not_shown = organization is not None and version is None
        seen = NOT_SHOWN if not_shown else _seen(version, reading.is_unreadable(ORGANIZATION))
        title = (
            t("Organization {name} (objectVersion)", name=organization.name)
            if organization
            else t("Organization (objectVersion)")
        )
        releases = facts.table.with_organization(version) if version is not None else ()
        rows.append(ComponentRow(title, seen, _meaning(releases, seen, ORGANIZATION_NUMBER in tops)))
    for domain in reading.domains:
        seen = _seen(domain.object_version, hidden=False)
        releases = facts.table.with_domain(domain.object_version) if domain.object_version is not None else ()
        meaning = _meaning(releases, seen, DOMAIN_PREPARATION in tops)
        rows.append(
            ComponentRow(t("Domain preparation of {domain} (objectVersion)", domain=domain.domain), seen, meaning)
        )
    rows += [
        ComponentRow(
            t("Domain preparation of {domain}", domain=u.part.removeprefix(DOMAIN_PART)),
            NOT_READABLE,
            u.clause,
        )
        for u in reading.unreadable
        if u.part.startswith(DOMAIN_PART)
    ]
    return tuple(rows)


def _seen(value: int | None, hidden: bool) -> Text:
    if value is not None:
        return verbatim(str(value))
    return NOT_READABLE if hidden else t("absent")


def _meaning(releases: tuple[Release, ...], seen: str, newer: bool) -> Text:
    if seen == NOT_SHOWN:
        return t("absent, or hidden from this account")
    if not seen.isdigit():
        return t("this account may not see it") if seen == NOT_READABLE else t("not prepared for Exchange")
    return spans(releases) or (UNKNOWN_NEWER if newer else UNKNOWN)


def server_row(facts: Facts, server: ServerReading) -> ServerRow:
    """One server in words."""
    build = facts.builds[server.name]
    release = facts.server_releases.get(server.name)
    if release is not None:
        product = verbatim(release.name)
    elif build is None:
        product = t("unknown: no readable version")
    else:
        product = t("Exchange Server, {release}", release=UNKNOWN_NEWER if facts.table.is_newer(build) else UNKNOWN)
    roles = verbatim(", ".join(role_names(server.roles))) if server.roles is not None else NOTHING
    return ServerRow(
        name=server.name,
        product=product,
        build=str(build) if build else server.serial_number or "",
        roles=roles or (t("roles {number}", number=server.roles) if server.roles is not None else NOT_READABLE),
        site=rdn_value(server.site) if server.site else "",
    )


MIXED = (mixture, domains_behind, servers_ahead)
"""Checks whose findings say that preparations of several releases stand beside each other."""


def detect(reading: ExchangeReading, table: VersionTable) -> ExchangeDetection:
    """Say what ``reading`` means. The same reading and table always give the same answer."""
    return detection_of(Facts(reading, table))


def detection_of(facts: Facts) -> ExchangeDetection:
    """Say what follows from the facts."""
    reading = facts.reading
    return ExchangeDetection(
        presence=facts.presence,
        newer_than_table=bool(facts.newer),
        mixture=tuple(finding.seen for check in MIXED for finding in check(facts)),
        schema_extended=None if reading.is_unreadable(SCHEMA_PART) else reading.schema_range_upper is not None,
        organization_present=_known(bool(reading.organizations), reading.is_unreadable(ORGANIZATION)),
        servers_present=_known(
            bool(reading.servers), reading.is_unreadable(SERVERS) or reading.is_unreadable(ORGANIZATION)
        ),
        product=facts.product,
        schema_version=reading.schema_range_upper,
        organization_version=facts.organization_version,
        domain_version=facts.domain_version,
        unprepared_domains=facts.unprepared,
        statements=_statements(facts),
        components=components(facts),
        servers=tuple(server_row(facts, server) for server in reading.servers),
        findings=findings(facts),
    )


def _known(value: bool, unreadable: bool) -> bool | None:
    """Seen is seen; not seen means something only where it could have been."""
    return True if value else (None if unreadable else False)


class Sees(Enum):
    """What a check looks at."""

    SCHEMA = "schema"
    ORGANIZATION = "organization"
    ORGANIZATION_VERSION = t("organization version")
    DOMAINS = "domains"
    SERVERS = "servers"
    BUILDS = "builds"
    """Builds of the servers, and the releases that they are of."""


_PARTS = {
    Sees.SCHEMA: (SCHEMA_PART,),
    Sees.ORGANIZATION: (ORGANIZATION,),
    Sees.ORGANIZATION_VERSION: (ORGANIZATION,),
    Sees.DOMAINS: (ORGANIZATION, DOMAIN_PART),
    Sees.SERVERS: (ORGANIZATION, SERVERS),
    Sees.BUILDS: (ORGANIZATION, SERVERS),
}


def unseen_findings(facts: Facts, *what: Sees) -> Iterator[Finding]:
    """The findings about everything of ``what`` that was not seen, each with the id that it has elsewhere too."""
    hidden = tuple(name for one in what for name in _PARTS[one])
    for finding in unreadable(facts):
        if str(finding.values["part"]).startswith(hidden):
            yield finding
    if ORGANIZATION in hidden:
        yield from hidden_organization(facts)
    for finding in absent_numbers(facts):
        of = Sees.SCHEMA if finding.values["component"] == SCHEMA_PART else Sees.ORGANIZATION_VERSION
        if of in what:
            yield finding
    if Sees.ORGANIZATION_VERSION in what and facts.organization_version is not None and not facts.organization_releases:
        # A number of no release that is known can be compared with nothing.
        yield from newer(facts)
        yield from unknown_numbers(facts)
    if Sees.SCHEMA in what and facts.reading.schema_range_upper is not None and not facts.schema_releases:
        yield from newer(facts)
        yield from unknown_numbers(facts)
    if Sees.BUILDS in what:
        yield from server_builds(facts)
        yield from server_releases(facts)
        if any(build and facts.table.is_newer(build) for build in facts.builds.values()):
            yield from newer(facts)


def nothing_there(facts: Facts, *what: Sees) -> Text:
    """Why there is nothing to look at, one sentence; empty where there is something."""
    if {Sees.SERVERS, Sees.BUILDS} & set(what) and not facts.reading.servers:
        return t("There is no Exchange server.")
    if {Sees.ORGANIZATION, Sees.ORGANIZATION_VERSION, Sees.DOMAINS} & set(what) and not facts.reading.organizations:
        return t("There is no Exchange organization.")
    if Sees.SCHEMA in what and facts.reading.schema_range_upper is None:
        return t("The schema is not extended for Exchange.")
    return NOTHING
