"""A reading of Exchange beside the version table: all that follows, as frozen rows for records and notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from runbook_lib.exchange.read import (
    ORGANIZATION,
    SCHEMA_PART,
    SERVERS,
    ExchangeReading,
    OrganizationReading,
    ServerReading,
)
from runbook_lib.exchange.versions import (
    SHELL_SINCE,
    WIZARD_SINCE,
    Build,
    Release,
    Tools,
    VersionTable,
    build_of_serial,
    build_of_version_number,
    spans,
    tools_of,
)
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding
from runbook_lib.model.text import NOTHING, Text, joined, t


class ExchangePresence(Enum):
    """How far Exchange is there. ``title`` says it in words."""

    NONE = "none"
    SCHEMA_ONLY = "schema-only"
    ORGANIZATION_WITHOUT_SERVERS = "organization-without-servers"
    SERVERS = "servers"
    UNREADABLE = "unreadable"

    @property
    def title(self) -> Text:
        """In words, for people."""
        return _TITLES[self]


_TITLES = {
    ExchangePresence.NONE: t("No Exchange"),
    ExchangePresence.SCHEMA_ONLY: t("Schema extended for Exchange, no organization"),
    ExchangePresence.ORGANIZATION_WITHOUT_SERVERS: t("Exchange organization without servers"),
    ExchangePresence.SERVERS: t("Exchange organization with servers"),
    ExchangePresence.UNREADABLE: t("Not readable with the rights of this account"),
}


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """One number in Active Directory: where it stands, what was seen, which releases write it."""

    component: Text
    seen: Text
    meaning: str


@dataclass(frozen=True, slots=True)
class ServerRow:
    """One server in words: its cn, release, build, roles with commas between, and name of its AD site."""

    name: str
    product: str
    build: str
    roles: Text
    site: str


@dataclass(frozen=True, slots=True)
class ExchangeDetection:
    """The verdict on Exchange in this forest.

    Attributes:
        presence: How far Exchange is there.
        newer_than_table: Something has a higher number than every release that this program knows.
        mixture: What does not fit together, one sentence each: numbers of several releases, a domain that is behind.
        unprepared_domains: Domains that are not prepared for Exchange, in a forest that has an organization.
        schema_extended: None where the schema could not be read.
        organization_present: None where it could not be read.
        servers_present: None where it could not be read.
        product: The release, or the releases that cannot be distinguished, for example ``Exchange Server SE RTM``;
            empty where there is none or it is unknown.
        schema_version: rangeUpper of the schema, or None.
        organization_version: objectVersion of the organization, or None.
        domain_version: the highest objectVersion of the domains' preparations, or None.
        statements: The verdict in sentences, the most important first.
        components: One row per number.
        servers: One row per server.
        findings: What deserves a second look.
    """

    presence: ExchangePresence
    newer_than_table: bool
    mixture: tuple[str, ...]
    unprepared_domains: tuple[str, ...]
    schema_extended: bool | None
    organization_present: bool | None
    servers_present: bool | None
    product: str
    schema_version: int | None
    organization_version: int | None
    domain_version: int | None
    statements: tuple[Text, ...]
    components: tuple[ComponentRow, ...]
    servers: tuple[ServerRow, ...]
    findings: tuple[Finding, ...]

    @property
    def state(self) -> str:
        """One word: ``unreadable``, ``newer``, ``mixture``, or the presence where everything fits together."""
        if self.presence is ExchangePresence.UNREADABLE:
            return "unreadable"
        if self.newer_than_table:
            return "newer"
        return "mixture" if self.mixture else str(self.presence.value)

    @property
    def title(self) -> Text:
        """The state in words."""
        added = {
            "newer": t(", newer than this program knows"),
            "mixture": t(", a mixture of releases"),
        }
        unprepared = t(", a domain not prepared") if self.unprepared_domains else NOTHING
        return self.presence.title + added.get(self.state, NOTHING) + unprepared

    def as_json(self) -> dict[str, object]:
        """JSON form for record.json."""
        return {
            "presence": self.presence.value,
            "state": self.state,
            "newer_than_table": self.newer_than_table,
            "mixture": list(self.mixture),
            "unprepared_domains": list(self.unprepared_domains),
            "schema_extended": self.schema_extended,
            "organization_present": self.organization_present,
            "servers_present": self.servers_present,
            "product": self.product,
            "schema_version": self.schema_version,
            "organization_version": self.organization_version,
            "domain_version": self.domain_version,
            "words": list(self.statements),
            "servers": [
                {"name": s.name, "product": s.product, "build": s.build, "roles": s.roles, "site": s.site}
                for s in self.servers
            ],
        }


SCHEMA, ORGANIZATION_NUMBER, DOMAIN_PREPARATION = t("schema"), t("organization"), t("domain preparation")
"""What has a number in Active Directory."""
UNKNOWN_NEWER = t("newer than this program's table")
UNKNOWN = t("not in this program's table")


@dataclass(frozen=True)
class Facts:
    """What was read and what the table knows; the rest is worked out when first asked for."""

    reading: ExchangeReading
    table: VersionTable

    @cached_property
    def organization_version(self) -> int | None:
        """The highest objectVersion of the organizations; there is normally one."""
        return max((o.object_version for o in self.reading.organizations if o.object_version is not None), default=None)

    @cached_property
    def domain_version(self) -> int | None:
        """The highest objectVersion of the domain preparations that could be read."""
        return max((d.object_version for d in self.reading.domains if d.object_version is not None), default=None)

    @cached_property
    def without_version(self) -> tuple[OrganizationReading, ...]:
        """Organizations that show no objectVersion: it is absent, or this account may not see it."""
        return tuple(one for one in self.reading.organizations if one.object_version is None)

    @cached_property
    def unprepared(self) -> tuple[str, ...]:
        """Domains without CN=Microsoft Exchange System Objects, in a forest that has an organization."""
        if not self.reading.organizations:
            return ()
        return tuple(domain.domain for domain in self.reading.domains if domain.object_version is None)

    def has(self, since: str) -> Switch:
        """Whether the organization has what came with a release (by its name): a server runs it or a later one, or one
        prepared the organization, whose management tools then exist."""
        first = self.table.named(since).position
        seen = [release.position for release in (*self.server_releases.values(), *self.organization_releases)]
        if self.newer or any(position >= first for position in seen):
            return Switch.ON
        return Switch.OFF if seen else Switch.UNKNOWN

    @cached_property
    def tools(self) -> Tools:
        """What this organization is managed with."""
        return tools_of(self.has(SHELL_SINCE), self.has(WIZARD_SINCE))

    @cached_property
    def presence(self) -> ExchangePresence:
        """How far Exchange is there. What is hidden is never called absent."""
        reading = self.reading
        if reading.servers:
            return ExchangePresence.SERVERS
        if reading.organizations:
            return (
                ExchangePresence.UNREADABLE
                if reading.is_unreadable(SERVERS)
                else ExchangePresence.ORGANIZATION_WITHOUT_SERVERS
            )
        # A prepared domain without a visible organization: hidden from this account, or cleared away by hand.
        if reading.is_unreadable(ORGANIZATION) or reading.is_unreadable(SCHEMA_PART) or self.domain_version is not None:
            return ExchangePresence.UNREADABLE
        return ExchangePresence.NONE if reading.schema_range_upper is None else ExchangePresence.SCHEMA_ONLY

    @cached_property
    def decoded(self) -> dict[str, tuple[Build | None, Build | None]]:
        """Server name to the builds that serialNumber and versionNumber say."""
        return {server.name: _builds(server) for server in self.reading.servers}

    @cached_property
    def builds(self) -> dict[str, Build | None]:
        """Server name to build: from serialNumber, else from versionNumber."""
        return {name: serial or version for name, (serial, version) in self.decoded.items()}

    @cached_property
    def server_releases(self) -> dict[str, Release]:
        """Server name to release, for the servers whose build the table knows."""
        known = {name: self.table.of_build(build) for name, build in self.builds.items() if build is not None}
        return {name: release for name, release in known.items() if release is not None}

    @cached_property
    def schema_releases(self) -> tuple[Release, ...]:
        """Releases that write the schema's number."""
        value = self.reading.schema_range_upper
        return () if value is None else self.table.with_schema(value)

    @cached_property
    def organization_releases(self) -> tuple[Release, ...]:
        """Releases that write the organization's number."""
        value = self.organization_version
        return () if value is None else self.table.with_organization(value)

    @cached_property
    def candidates(self) -> tuple[Release, ...]:
        """Releases that write both numbers; without an organization, those that write the schema's."""
        if self.organization_version is None:
            return self.schema_releases if self.reading.schema_range_upper is not None else ()
        if self.reading.schema_range_upper is None:
            return self.organization_releases
        both = set(self.schema_releases)
        return tuple(release for release in self.organization_releases if release in both)

    @cached_property
    def newer(self) -> tuple[Text, ...]:
        """Components with a higher number than every release of the table, in words."""
        table = self.table.releases
        tops = (
            (SCHEMA, self.reading.schema_range_upper, max(r.schema for r in table)),
            (ORGANIZATION_NUMBER, self.organization_version, max(r.organization or 0 for r in table)),
            (DOMAIN_PREPARATION, self.domain_version, max(v for r in table for v in r.domains)),
        )
        found = [name for name, value, top in tops if value is not None and value > top]
        found += [
            t("server {name}", name=n) for n, build in self.builds.items() if build and self.table.is_newer(build)
        ]
        return tuple(found)

    @cached_property
    def product(self) -> Text:
        """The release of the servers, else what the numbers in Active Directory allow."""
        running = set(self.server_releases.values())
        if len(self.server_releases) == len(self.builds) and running:
            return spans(running) if len(running) == 1 else joined(sorted(r.name for r in running), t(" and "))
        if any(build and self.table.is_newer(build) for build in self.builds.values()):
            return t("Exchange Server, {release}", release=UNKNOWN_NEWER)
        if self.presence in (ExchangePresence.SERVERS, ExchangePresence.ORGANIZATION_WITHOUT_SERVERS):
            return spans(self.candidates) or (
                t("Exchange Server, {release}", release=UNKNOWN_NEWER) if self.newer else NOTHING
            )
        return NOTHING


def _builds(server: ServerReading) -> tuple[Build | None, Build | None]:
    serial = build_of_serial(server.serial_number) if server.serial_number else None
    version = build_of_version_number(server.version_number) if server.version_number is not None else None
    return serial, version
