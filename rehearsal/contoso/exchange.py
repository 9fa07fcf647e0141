"""Exchange in Contoso's AD, as setup leaves it: one state per scenario, with mail flow that works or does not.

The numbers are those of each release (microsoft/CSS-Exchange, Get-ExchangeBuildVersionInformation.ps1). Exchange Server
SE RTM and 2019 CU15 write the same ones; only the servers' build tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from rehearsal.contoso import names
from rehearsal.directory.store import DirectoryStore
from runbook_lib.exchange.versions import load_versions

SERVERS = ("EX01", "EX02")
_MAILBOX_ROLES = "16439"
_AUTHORITATIVE, _INTERNAL_RELAY, _DEFAULT = 0, 2, 4
CONNECTOR = "Outbound to Office 365 - 5c7d1b2a"
"""Name of the hybrid connector, as the Hybrid Configuration Wizard forms it."""
INTERNET_CONNECTOR = "Internet"


@dataclass(frozen=True, slots=True)
class ExchangeState:
    """What setup left. None where it was not run.

    Attributes:
        schema: rangeUpper of the schema.
        organization: objectVersion of the organization.
        domain: objectVersion of the domain preparation.
        build: (major, minor, build, revision) of both servers.
        hidden: Whether the runbook's account may not see the Services container.
    """

    schema: int | None = None
    organization: int | None = None
    domain: int | None = None
    build: tuple[int, int, int, int] | None = None
    hidden: bool = False

    @property
    def has_recipients(self) -> bool:
        """Whether recipients carry Exchange's attributes."""
        return self.organization is not None


STATES = {
    "none": ExchangeState(),
    "schema-only": ExchangeState(17003),
    "2016-cu23": ExchangeState(15334, 16223, 13243, (15, 1, 2507, 6)),
    "2019-cu15": ExchangeState(17003, 16763, 13243, (15, 2, 1748, 10)),
    "se": ExchangeState(17003, 16763, 13243, (15, 2, 2562, 17)),
    # The schema was extended for SE; organization, domain and servers are still those of older releases.
    "mixed": ExchangeState(17003, 16222, 13237, (15, 1, 2507, 6)),
    "future": ExchangeState(17009, 16900, 13300, (15, 2, 3700, 1)),
    "hidden": ExchangeState(17003, 16763, 13243, (15, 2, 2562, 17), hidden=True),
}
"""One per name in ``names.EXCHANGES``."""


@cache
def releases() -> Mapping[str, ExchangeState]:
    """What each release of the product's version table leaves, by names such as ``2013-cu23`` and ``2010-sp3``."""
    found = {}
    for release in load_versions().releases:
        name = f"{release.product.removeprefix('Exchange Server ')}-{release.release.partition(' ')[0]}".lower()
        domain = release.domains[0] if release.domains else None
        found[name] = ExchangeState(release.schema, release.organization, domain, release.build)
    return found


def state_of(name: str) -> ExchangeState:
    """What stands in AD under a name of ``names.EXCHANGES`` or of ``releases``; raises KeyError for another one."""
    return STATES[name] if name in STATES else releases()[name]


def version_number(major: int, minor: int, build: int) -> int:
    """versionNumber: structure marker 7 in four bits, six bits major, six minor, a flag, fifteen bits build."""
    return (7 << 28) | (major << 22) | (minor << 16) | (1 << 15) | build


def install_exchange(store: DirectoryStore, state: str = "se", mail_flow: str = "good") -> None:
    """Prepare schema, forest and domain, and register the servers, as far as ``state`` has them."""
    wanted = state_of(state)
    if wanted.schema is not None:
        store.extend_schema_for_exchange(wanted.schema)
    if wanted.organization is not None:
        _add_organization(store, wanted, mail_flow)
    if wanted.domain is not None:
        store.add(
            f"CN=Microsoft Exchange System Objects,{store.base_dn}",
            {"objectClass": ["msExchSystemObjectsContainer"], "objectVersion": str(wanted.domain)},
        )


def hide_exchange(store: DirectoryStore, state: str, account_dn: str = names.BIND_DN) -> None:
    """Hide the Services container from an account, where ``state`` says so."""
    if state_of(state).hidden:
        store.deny_read(account_dn, f"CN=Services,{store.configuration_dn}")


def spoil_mail_flow(store: DirectoryStore, mail_flow: str) -> None:
    """Where mail flow is broken, a contact holds the address of a group."""
    if mail_flow == "broken":
        store.add(
            f"CN=Sales Team (old list),{names.GROUPS_OU}",
            {"objectClass": ["contact"], "displayName": "Sales Team (old list)", "mail": names.TAKEN_ADDRESS},
        )


def _add_organization(store: DirectoryStore, state: ExchangeState, mail_flow: str) -> None:
    root = f"CN=Microsoft Exchange,CN=Services,{store.configuration_dn}"
    organization = f"CN={names.EXCHANGE_ORGANIZATION},{root}"
    groups = f"CN=Administrative Groups,{organization}"
    group = f"CN=Exchange Administrative Group (FYDIBOHF23SPDLT),{groups}"
    store.add(root, {"objectClass": ["msExchConfigurationContainer"]})
    store.add(
        organization,
        {"objectClass": ["msExchOrganizationContainer"], "objectVersion": str(state.organization)},
    )
    store.add(groups, {"objectClass": ["msExchAdminGroupContainer"]})
    store.add(group, {"objectClass": ["msExchAdminGroup"]})
    if state.build is not None:
        _add_servers(store, group, state.build)
    _add_domains(store, organization, mail_flow)
    _add_connectors(store, group, mail_flow)
    hybrid = f"CN=Hybrid Configuration,{organization}"
    store.add(hybrid, {"objectClass": ["msExchContainer"]})
    store.add(f"CN=Hybrid Configuration,{hybrid}", {"objectClass": ["msExchCoexistenceRelationship"]})


def _add_servers(store: DirectoryStore, group: str, numbers: tuple[int, int, int, int]) -> None:
    major, minor, build, revision = numbers
    servers = f"CN=Servers,{group}"
    store.add(servers, {"objectClass": ["msExchServersContainer"]})
    for server in SERVERS:
        host = f"{server.lower()}.{names.DOMAIN}"
        store.add(
            f"CN={server},{servers}",
            {
                "objectClass": ["msExchExchangeServer"],
                # Exchange adds 30000 to the build.
                "serialNumber": f"Version {major}.{minor} (Build {build + 30000}.{revision:03})",
                "versionNumber": str(version_number(major, minor, build)),
                "msExchCurrentServerRoles": _MAILBOX_ROLES,
                "networkAddress": [f"netbios:{server}", f"ncacn_ip_tcp:{host}"],
            },
        )


def _add_domains(store: DirectoryStore, organization: str, mail_flow: str) -> None:
    transport = f"CN=Transport Settings,{organization}"
    accepted = f"CN=Accepted Domains,{transport}"
    policies = f"CN=Recipient Policies,{organization}"
    store.add(transport, {"objectClass": ["msExchTransportSettings"]})
    store.add(accepted, {"objectClass": ["msExchContainer"]})
    domains = {names.MAIL_DOMAIN: _AUTHORITATIVE + _DEFAULT, names.ROUTING_DOMAIN: _AUTHORITATIVE}
    if mail_flow == "good":
        domains[names.GROUP_MAIL_DOMAIN] = _INTERNAL_RELAY
    for domain, flags in domains.items():
        store.add(
            f"CN={domain},{accepted}",
            {
                "objectClass": ["msExchAcceptedDomain"],
                "msExchAcceptedDomainName": domain,
                "msExchAcceptedDomainFlags": str(flags),
            },
        )
    store.add(policies, {"objectClass": ["msExchRecipientPolicyContainer"]})
    store.add(
        f"CN=Default Policy,{policies}",
        {"objectClass": ["msExchRecipientPolicy"], "gatewayProxy": [f"SMTP:@{names.MAIL_DOMAIN}"]},
    )


def _add_connectors(store: DirectoryStore, group: str, mail_flow: str) -> None:
    routing_groups = f"CN=Routing Groups,{group}"
    routing_group = f"CN=Exchange Routing Group (DWBGZMFD01QNBJR),{routing_groups}"
    connections = f"CN=Connections,{routing_group}"
    store.add(routing_groups, {"objectClass": ["msExchRoutingGroupContainer"]})
    store.add(routing_group, {"objectClass": ["msExchRoutingGroup"]})
    store.add(connections, {"objectClass": ["msExchConnectors"]})
    hybrid = [f"smtp:{names.ROUTING_DOMAIN};1"]
    if mail_flow == "good":
        hybrid.append(f"smtp:{names.GROUP_MAIL_DOMAIN};1")
    for name, spaces in ((INTERNET_CONNECTOR, ["smtp:*;1"]), (CONNECTOR, hybrid)):
        store.add(
            f"CN={name},{connections}",
            {"objectClass": ["msExchRoutingSMTPConnector"], "routingList": [*spaces]},
        )
