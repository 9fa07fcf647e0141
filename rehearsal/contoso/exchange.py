"""Exchange in Contoso's AD, as setup leaves it: schema, organization, servers, accepted domains, domain preparation.

Numbers are those of Exchange Server SE RTM, which in AD equal those of Exchange 2019 CU15; only the server's build
tells them apart (Microsoft, "Prepare Active Directory and domains for Exchange Server").
"""

from __future__ import annotations

from rehearsal.contoso import names
from rehearsal.directory.store import DirectoryStore

SCHEMA_VERSION = 17003
ORGANIZATION_VERSION = 16763
DOMAIN_VERSION = 13243
SERIAL_NUMBER = "Version 15.2 (Build 32562.017)"
"""15.2.2562.17: Exchange adds 30000 to the build."""
SERVERS = ("EX01", "EX02")
_MAILBOX_ROLES = "16439"
_AUTHORITATIVE, _INTERNAL_RELAY, _DEFAULT = 0, 2, 4


def version_number(major: int, minor: int, build: int) -> int:
    """versionNumber: structure marker 7 in four bits, six bits major, six minor, a flag, fifteen bits build."""
    return (7 << 28) | (major << 22) | (minor << 16) | (1 << 15) | build


def install_exchange(store: DirectoryStore) -> None:
    """Prepare schema, forest and domain, and register two servers."""
    store.extend_schema_for_exchange(SCHEMA_VERSION)
    root = f"CN=Microsoft Exchange,CN=Services,{store.configuration_dn}"
    organization = f"CN={names.EXCHANGE_ORGANIZATION},{root}"
    store.add(root, {"objectClass": ["msExchConfigurationContainer"]})
    store.add(
        organization,
        {
            "objectClass": ["msExchOrganizationContainer"],
            "objectVersion": str(ORGANIZATION_VERSION),
            "msExchProductId": "15.02.2562.017",
        },
    )
    _add_servers(store, organization)
    _add_mail_flow(store, organization)
    store.add(
        f"CN=Microsoft Exchange System Objects,{store.base_dn}",
        {"objectClass": ["msExchSystemObjectsContainer"], "objectVersion": str(DOMAIN_VERSION)},
    )


def _add_servers(store: DirectoryStore, organization: str) -> None:
    groups = f"CN=Administrative Groups,{organization}"
    group = f"CN=Exchange Administrative Group (FYDIBOHF23SPDLT),{groups}"
    servers = f"CN=Servers,{group}"
    store.add(groups, {"objectClass": ["msExchAdminGroupContainer"]})
    store.add(group, {"objectClass": ["msExchAdminGroup"]})
    store.add(servers, {"objectClass": ["msExchServersContainer"]})
    for server in SERVERS:
        host = f"{server.lower()}.{names.DOMAIN}"
        store.add(
            f"CN={server},{servers}",
            {
                "objectClass": ["msExchExchangeServer"],
                "serialNumber": SERIAL_NUMBER,
                "versionNumber": str(version_number(15, 2, 2562)),
                "msExchCurrentServerRoles": _MAILBOX_ROLES,
                "networkAddress": [f"netbios:{server}", f"ncacn_ip_tcp:{host}"],
                "msExchProductId": "15.02.2562.017",
            },
        )


def _add_mail_flow(store: DirectoryStore, organization: str) -> None:
    transport = f"CN=Transport Settings,{organization}"
    accepted = f"CN=Accepted Domains,{transport}"
    policies = f"CN=Recipient Policies,{organization}"
    store.add(transport, {"objectClass": ["msExchTransportSettings"]})
    store.add(accepted, {"objectClass": ["msExchContainer"]})
    for domain, flags in (
        (names.MAIL_DOMAIN, _AUTHORITATIVE + _DEFAULT),
        (names.GROUP_MAIL_DOMAIN, _INTERNAL_RELAY),
        ("contoso.mail.onmicrosoft.com", _AUTHORITATIVE),
    ):
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
    hybrid = f"CN=Hybrid Configuration,{organization}"
    store.add(hybrid, {"objectClass": ["msExchContainer"]})
    store.add(f"CN=Hybrid Configuration,{hybrid}", {"objectClass": ["msExchCoexistenceRelationship"]})
