"""What a check on Exchange was not shown: it then yields the finding that says so, and never means "fine"."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from runbook_lib.exchange.findings import absent_numbers, hidden_organization, newer, unknown_numbers, unreadable
from runbook_lib.exchange.requirements import server_builds, server_releases
from runbook_lib.exchange.facts import Facts
from runbook_lib.exchange.read import DOMAIN, ORGANIZATION, SCHEMA, SERVERS
from runbook_lib.model.finding import Finding
from runbook_lib.model.text import NOTHING, Text, t


class Sees(Enum):
    """What a check looks at."""

    SCHEMA = "schema"
    ORGANIZATION = "organization"
    ORGANIZATION_VERSION = "organization version"
    DOMAINS = "domains"
    SERVERS = "servers"
    BUILDS = "builds"
    """Builds of the servers, and the releases that they are of."""


_PARTS = {
    Sees.SCHEMA: (SCHEMA,),
    Sees.ORGANIZATION: (ORGANIZATION,),
    Sees.ORGANIZATION_VERSION: (ORGANIZATION,),
    Sees.DOMAINS: (ORGANIZATION, DOMAIN),
    Sees.SERVERS: (ORGANIZATION, SERVERS),
    Sees.BUILDS: (ORGANIZATION, SERVERS),
}


def unseen(facts: Facts, *what: Sees) -> Iterator[Finding]:
    """The findings about everything of ``what`` that was not seen, each with the id that it has elsewhere too."""
    hidden = tuple(name for one in what for name in _PARTS[one])
    for finding in unreadable(facts):
        if str(finding.values["part"]).startswith(hidden):
            yield finding
    if ORGANIZATION in hidden:
        yield from hidden_organization(facts)
    for finding in absent_numbers(facts):
        of = Sees.SCHEMA if finding.values["component"] == SCHEMA else Sees.ORGANIZATION_VERSION
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
