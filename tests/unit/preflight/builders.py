"""Small evidence for tests of checks: one function per part, cases read like sentences."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from runbook_lib.dns import DnsAnswer, State
from runbook_lib.exchange.mail import (
    AcceptedDomain,
    AddressPolicy,
    DomainType,
    MailFlowReading,
    SendConnector,
    address_space,
)
from runbook_lib.exchange.recipients import AddressOwner, WrittenGroup
from runbook_lib.graph.tenant.jobs import CloudSync, CloudSyncJob, JobState, ObjectScope, ScopeClause
from runbook_lib.graph.tenant.parts import (
    P1_PLAN,
    Agent,
    Agents,
    ConnectReport,
    DeletionPrevention,
    Domain,
    GrantedPermissions,
    Licence,
    Licences,
    NewGroupDefault,
    Synchronization,
    SynchronizationFeatures,
    TenantReading,
    WritebackContainers,
    WrittenByDefault,
)
from runbook_lib.model.cloud import CloudGroup, CloudKind, Switch, Tenant
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import as_group_id
from runbook_lib.model.text import t, verbatim
from runbook_lib.parameters.connections import clouds
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.checks import CHECKS, exchange, forest, mail_dns, mail_flow
from runbook_lib.preflight.derived import DnsReading, MailDomains, MailGroups
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import PARTS

EXCHANGE_AND_MAIL = (
    *exchange.EXCHANGE_CHECKS,
    *forest.GROUP_SCHEMA_CHECKS,
    *mail_flow.CHECKS,
    *mail_dns.CHECKS,
    *exchange.RECIPIENT_CHECKS,
)
"""The checks of these subjects, whatever others there are."""
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
GROUPS = "groups.contoso.com"
ROUTING = "contoso.mail.onmicrosoft.com"
ORGANIZATION = "CN=Contoso,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=contoso,DC=com"


def evidence(given: Parameters | None = None, /, **values: Any) -> Evidence:
    """Evidence with these parts, each by its key; every other one has not been read."""
    return with_parts(Evidence(AT, given or Parameters.model_validate({}), PARTS), **values)


def with_parts(given: Evidence, **values: Any) -> Evidence:
    """The same evidence with further parts, each by its key."""
    named = {part.key: part for part in PARTS}
    for key, value in values.items():
        given = given.with_part(named[key], value)
    return given


def findings(check_id: str, given: Evidence) -> list[Finding]:
    """What one check finds."""
    (check,) = [check for check in CHECKS if check.id == check_id]
    assert not [part for part in check.needs if given.unreadable(part)], "the test gives what the check needs"
    return [one for one in check.run(given) if isinstance(one, Finding)]


def ids(found: Iterable[Finding]) -> list[str]:
    return [finding.id for finding in found]


TENANT_ID = "3f0a1c9e-6f0d-4b52-9c3e-5a1d6c2b7e10"
WRITES_GROUPS = ((ScopeClause("securityEnabled", "IS TRUE", ()), ScopeClause("mailEnabled", "IS FALSE", ())),)


def job(name: str = "one", **given: Any) -> CloudSyncJob:
    """A Cloud Sync configuration for groups that is well, with nothing but the fixed filter."""
    whole: dict[str, Any] = {
        "id": f"AAD2ADGroupProvisioning.x.{name}",
        "service_principal": group_id(f"principal {name}"),
        "configuration": "contoso.com",
        "template": "AAD2ADGroupProvisioning",
        "state": JobState.ACTIVE,
        "quarantine": None,
        "last_success": AT - timedelta(minutes=20),
        "scope": (ObjectScope("Group", "group", True, WRITES_GROUPS, into_ad=True),),
        "assigned": (),
    }
    return CloudSyncJob(**{**whole, **given})


def features(v1: Switch = Switch.OFF, v2: Switch = Switch.OFF, **given: Any) -> SynchronizationFeatures:
    prevention = given.get("prevention", DeletionPrevention("enabledForCount", 500))
    return SynchronizationFeatures(v1, v2, {}, prevention, given.get("configured", True))


def report(version: str | None = "2.6.92.0", **given: Any) -> ConnectReport:
    """What a Connect Sync that is well reported."""
    whole: dict[str, Any] = {"pending_additions": 0, "pending_updates": 0, "pending_deletions": 0, "objects": 600}
    return ConnectReport(version, **{**whole, **given})


def agent(machine: str = "sync1", status: str = "active", *domains: str) -> Agent:
    return Agent(machine, status, frozenset(domains or ("contoso.com",)))


def licence(plan: str = P1_PLAN, status: str = "Enabled", enabled: int | None = 50) -> Licence:
    return Licence("EMS", status, enabled, 3, frozenset({plan}))


def tenant(**given: Any) -> TenantReading:
    """A tenant of the global service, read by an app that lacks nothing; other parts are given by name."""
    name = given.pop("cloud", "global")
    cloud = next(cloud for cloud in clouds() if cloud.name == name)
    whole: dict[str, Any] = {
        "at": AT,
        "cloud": cloud,
        "tenant": Tenant(TENANT_ID, display_name="Contoso", verified_domains=("contoso.com", GROUPS)),
        "synchronization": Synchronization(True, AT - timedelta(minutes=10)),
        "features": features(),
        "containers": WritebackContainers(None, None),
        "licences": Licences((licence(),)),
        "new_groups": NewGroupDefault(WrittenByDefault.NO_SETTING),
        "domains": (Domain(GROUPS, True, False, False, "Managed", ("Email",)),),
        "cloud_sync": CloudSync((job(),)),
        "connect": report(),
        "agents": Agents((agent(),), frozenset({"contoso.com"})),
        "permissions": GrantedPermissions(False, (), ""),
    }
    return TenantReading(**{**whole, **given})


def accepted(domain: str, kind: DomainType = DomainType.INTERNAL_RELAY) -> AcceptedDomain:
    return AcceptedDomain(f"{domain} (name)", domain, kind)


def connector(name: str, *spaces: str) -> SendConnector:
    parsed = [(text, address_space(text)) for text in spaces]
    return SendConnector(
        name,
        f"CN={name},{ORGANIZATION}",
        tuple(space for _, space in parsed if space),
        tuple(text for text, space in parsed if not space),
    )


def flow(**given: Any) -> MailFlowReading:
    """A mail flow in which nothing is missing."""
    whole: dict[str, Any] = {
        "organization": ORGANIZATION,
        "accepted_domains": (accepted("contoso.com", DomainType.AUTHORITATIVE), accepted(GROUPS)),
        "send_connectors": (
            connector("Internet", "smtp:*;1"),
            connector("Outbound", f"smtp:{ROUTING};1", f"smtp:{GROUPS};1"),
        ),
        "policies": (AddressPolicy("Default Policy", ("SMTP:@contoso.com",)),),
        "hybrid": True,
    }
    return MailFlowReading(**{**whole, **given})


def domains(*names: str, routing: str = ROUTING) -> MailDomains:
    return MailDomains(names or (GROUPS,), t("Given."), routing, verbatim("" if routing else "Not known."))


def dns(**answers: DnsAnswer) -> DnsReading:
    """Good answers, unless ``mx`` or ``autodiscover`` is given."""
    mx = answers.get("mx", DnsAnswer(GROUPS, "MX", State.ANSWERED, ("x.mail.protection.outlook.com",)))
    name = f"autodiscover.{GROUPS}"
    auto = answers.get("autodiscover", DnsAnswer(name, "CNAME", State.ANSWERED, ("autodiscover.outlook.com",)))
    return DnsReading("192.0.2.53:53", {(GROUPS, "MX"): mx, (name, "CNAME"): auto})


def group_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def group(name: str, *others: str) -> CloudGroup:
    """A Microsoft 365 group with its address in the groups domain and further ones."""
    mail = f"{name.lower()}@{GROUPS}"
    proxies = (f"SMTP:{mail}", *(f"smtp:{address}" for address in others))
    return CloudGroup(
        as_group_id(group_id(name)),
        name,
        CloudKind.MICROSOFT_365,
        mail=mail,
        mail_nickname=name.lower(),
        proxy_addresses=proxies,
    )


def groups(*given: CloudGroup, verified: tuple[str, ...] = (ROUTING,)) -> MailGroups:
    return MailGroups(Tenant("t", verified_domains=verified), given)


def written(name: str, *, mail: str | None = "x", book: bool = False) -> WrittenGroup:
    address = f"{name.lower()}@{GROUPS}" if mail == "x" else mail
    return WrittenGroup(group_id(name), group_id(f"ad {name}"), f"CN={name},OU=G", name, address, None, book)


def holder(dn: str, *addresses: str, of: Iterable[str] = ()) -> AddressOwner:
    return AddressOwner(dn, "contact", addresses, frozenset(group_id(name) for name in of))
