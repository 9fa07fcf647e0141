"""What detection says about Exchange: frozen rows for records and notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from runbook_lib.model.finding import Finding


class Presence(Enum):
    """How far Exchange is there. ``title`` says it in words."""

    NONE = "none"
    SCHEMA_ONLY = "schema-only"
    ORGANIZATION_WITHOUT_SERVERS = "organization-without-servers"
    SERVERS = "servers"
    UNREADABLE = "unreadable"

    @property
    def title(self) -> str:
        """In words, for people."""
        return _TITLES[self]


_TITLES = {
    Presence.NONE: "No Exchange",
    Presence.SCHEMA_ONLY: "Schema extended for Exchange, no organization",
    Presence.ORGANIZATION_WITHOUT_SERVERS: "Exchange organization without servers",
    Presence.SERVERS: "Exchange organization with servers",
    Presence.UNREADABLE: "Not readable with the rights of this account",
}


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """One number in Active Directory: where it stands, what was seen, which releases write it."""

    component: str
    seen: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ServerRow:
    """One server in words: its cn, release, build, roles with commas between, and name of its AD site."""

    name: str
    product: str
    build: str
    roles: str
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
        product: The release, or the releases that cannot be told apart, for example ``Exchange Server SE RTM``;
            empty where there is none or it is unknown.
        schema_version: rangeUpper of the schema, or None.
        organization_version: objectVersion of the organization, or None.
        domain_version: the highest objectVersion of the domains' preparations, or None.
        words: The verdict in sentences, the most important first.
        components: One row per number.
        servers: One row per server.
        findings: What deserves a second look.
    """

    presence: Presence
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
    words: tuple[str, ...]
    components: tuple[ComponentRow, ...]
    servers: tuple[ServerRow, ...]
    findings: tuple[Finding, ...]

    @property
    def state(self) -> str:
        """One word: ``unreadable``, ``newer``, ``mixture``, or the presence where everything fits together."""
        if self.presence is Presence.UNREADABLE:
            return "unreadable"
        if self.newer_than_table:
            return "newer"
        return "mixture" if self.mixture else str(self.presence.value)

    @property
    def title(self) -> str:
        """The state in words."""
        added: dict[str, str] = {"newer": ", newer than this program knows", "mixture": ", a mixture of releases"}
        unprepared = ", a domain not prepared" if self.unprepared_domains else ""
        return self.presence.title + added.get(self.state, "") + unprepared

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
            "words": list(self.words),
            "servers": [
                {"name": s.name, "product": s.product, "build": s.build, "roles": s.roles, "site": s.site}
                for s in self.servers
            ],
        }
