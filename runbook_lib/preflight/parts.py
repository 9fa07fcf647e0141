"""Every part that the pre-flight reads: how it is read, what it is called, what it needs.

A part is written here and nowhere else: its reader, and below it the ``Part``. Whatever stands here is read, in this
order (``PARTS``); each with its own error capture, so that what fails makes its own checks unknown and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from runbook_lib.cloud_sync.configuration import Notification
from runbook_lib.connect.evidence import ConnectEvidence, evidence_that_counts
from runbook_lib.connect.settings import ou_of_written
from runbook_lib.directory.rights.account import read_situation
from runbook_lib.directory.rights.connector import ConnectorRights, read_connector_rights
from runbook_lib.directory.rights.evaluate import Situation
from runbook_lib.directory.rights.table import rights_table
from runbook_lib.directory.schema import allowed_attributes
from runbook_lib.directory.two_ous import ForestReading, PlaceReading, read_forest, read_place, read_taken_names
from runbook_lib.dns import Resolver
from runbook_lib.errors import NoAccess
from runbook_lib.exchange.detect import detection_of
from runbook_lib.exchange.facts import Facts
from runbook_lib.exchange.mail import MailFlowReading, read_mail_flow
from runbook_lib.exchange.read import ORGANIZATION, ExchangeReading, read_exchange
from runbook_lib.exchange.recipients import (
    EXCHANGE_GROUP_ATTRIBUTES,
    AddressOwner,
    WrittenGroup,
    names_in_schema,
    read_address_holders,
    read_written_groups,
)
from runbook_lib.exchange.versions import load_versions
from runbook_lib.graph.groups import groups_from_ad, read_mail_groups, security_groups
from runbook_lib.graph.tenant.parts import TenantReading
from runbook_lib.graph.tenant.read import read_tenant_state
from runbook_lib.model.addresses import smtp_addresses
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.model.reading import Part, Unreadable, in_reading_order
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.connections import addresses_of, split_server
from runbook_lib.preflight.derived import (
    CloudSyncGroups,
    DnsReading,
    MailDomains,
    MailGroups,
    NamesAhead,
    mail_domains,
    read_cloud_sync_groups,
    read_dns,
    read_notifications,
    takes_all,
    wanted_names,
)
from runbook_lib.preflight.reach import Source


def _exchange(source: Source) -> ExchangeReading:
    return read_exchange(source.directory(), source.reach.elsewhere)


EXCHANGE = Part("exchange", t("Exchange in Active Directory"), _exchange)
EXCHANGE_FACTS = EXCHANGE.worked_out("facts", lambda reading: Facts(reading, load_versions()))
EXCHANGE_DETECTION = EXCHANGE_FACTS.worked_out("detection", detection_of)


def _group_schema(source: Source) -> frozenset[str]:
    names_in_schema(source.directory(), ())  # raises where the schema does not show: nothing would be absence
    return allowed_attributes(source.directory(), "group", (row.attribute for row in EXCHANGE_GROUP_ATTRIBUTES))


GROUP_SCHEMA = Part("group_schema", t("What this forest's schema lets a group carry"), _group_schema)


def _mail_flow(source: Source) -> MailFlowReading:
    exchange = source[EXCHANGE]
    for hidden in exchange.unreadable:
        if hidden.part == ORGANIZATION:
            raise NoAccess(hidden.sentence, code="organization-unreadable")
    if not exchange.organizations:
        return MailFlowReading()
    return read_mail_flow(source.directory(), exchange.organizations[0].dn)


MAIL_FLOW = Part("mail_flow", t("Accepted domains and send connectors"), _mail_flow, (EXCHANGE,))


def _written_groups(source: Source) -> tuple[WrittenGroup, ...]:
    return read_written_groups(source.directory())


WRITTEN_GROUPS = Part("written_groups", t("Written-back groups in this domain"), _written_groups)


def _tenant(source: Source) -> TenantReading:
    return read_tenant_state(
        source.graph(),
        source.parameters.tenant_id,
        addresses_of(source.parameters).cloud,
        clock=source.clock,
        progress=lambda what, done, total: source.progress(
            t("{done} of {total} {what}", done=done, total=total, what=what)
        ),
    )


TENANT = Part("tenant", t("The tenant"), _tenant)
SYNCHRONIZATION = TENANT.part("synchronization", t("Synchronization of the tenant"), lambda read: read.synchronization)
FEATURES = TENANT.part("features", t("Synchronization features of the tenant"), lambda read: read.features)
CONTAINERS = TENANT.part("containers", t("Containers that Connect Sync reported (beta)"), lambda read: read.containers)
CONNECT = TENANT.part("connect", t("What Connect Sync reported about itself (beta)"), lambda read: read.connect)
LICENCES = TENANT.part("licences", t("Licences of the tenant"), lambda read: read.licences)
NEW_GROUPS = TENANT.part("new_groups", t("Default for new groups"), lambda read: read.new_groups)
DOMAINS = TENANT.part("domains", t("Domains of the tenant"), lambda read: read.domains)
CLOUD_SYNC = TENANT.part("cloud_sync", t("Cloud Sync configurations"), lambda read: read.cloud_sync)
AGENTS = TENANT.part("agents", t("Provisioning agents of Cloud Sync (beta)"), lambda read: read.agents)
PERMISSIONS = TENANT.part("permissions", t("Permissions of the access token"), lambda read: read.permissions)


def _connect_server(source: Source) -> ConnectEvidence | None:
    parameters = source.parameters
    if not parameters.connect_evidence:
        return None
    hours, path = timedelta(hours=parameters.connect_evidence_hours), Path(parameters.connect_evidence)
    return evidence_that_counts(path, hours, source[TENANT].tenant.verified_domains, source.clock())


CONNECT_SERVER = Part("connect_server", t("Evidence of the Connect server"), _connect_server, (TENANT,))


def _security_groups(source: Source) -> tuple[CloudGroup, ...]:
    jobs, synchronization = source.get(CLOUD_SYNC), source.get(SYNCHRONIZATION)
    if jobs is None and synchronization is None:
        _ = source[SYNCHRONIZATION]  # the reason why neither was read is that of this one
    # A tenant that never was synchronized has no group that came from AD.
    from_ad = synchronization is not None and synchronization.enabled is not None
    if not from_ad and not (jobs and takes_all(jobs.writing_groups)):
        return ()
    return security_groups(source.graph())


SECURITY_GROUPS = Part(
    "security_groups", t("Security groups of the tenant"), _security_groups, (CLOUD_SYNC, SYNCHRONIZATION)
)


def _cloud_sync_groups(source: Source) -> CloudSyncGroups:
    def listed() -> tuple[CloudGroup, ...]:
        return source[SECURITY_GROUPS]

    return read_cloud_sync_groups(
        source[CLOUD_SYNC].writing_groups,
        source.graph,
        source.directory,
        lambda done, total: source.progress(t("{done:,} of {total:,}", done=done, total=total)),
        listed,
    )


CLOUD_SYNC_GROUPS = Part(
    "cloud_sync_groups", t("Groups of Cloud Sync on both sides"), _cloud_sync_groups, (CLOUD_SYNC, SECURITY_GROUPS)
)


def _notifications(source: Source) -> Mapping[str, Notification | Unreadable | None]:
    return read_notifications(source[CLOUD_SYNC].writing_groups, source.get(PERMISSIONS), source.graph)


CLOUD_SYNC_NOTIFICATIONS = Part(
    "cloud_sync_notifications",
    t("Notification and deletion threshold of Cloud Sync"),
    _notifications,
    (CLOUD_SYNC, PERMISSIONS),
)


def _groups_from_ad(source: Source) -> tuple[CloudGroup, ...]:
    if source[SYNCHRONIZATION].enabled is None:
        return ()
    listed = source[SECURITY_GROUPS]
    return groups_from_ad(source.graph(), listed)


GROUPS_FROM_AD = Part(
    "groups_from_ad",
    t("Groups that came from AD and are not synchronized"),
    _groups_from_ad,
    (SYNCHRONIZATION, SECURITY_GROUPS),
)


def _groups(source: Source) -> MailGroups:
    tenant = source[TENANT].tenant
    return MailGroups(tenant, read_mail_groups(source.graph(), lambda done: source.progress(t("{done:,}", done=done))))


GROUPS = Part("groups", t("Microsoft 365 groups of the tenant"), _groups, (TENANT,))


def _mail_domains(source: Source) -> MailDomains:
    try:
        return mail_domains(
            source.parameters.groups_domain,
            source.get(GROUPS),
            source.get(WRITTEN_GROUPS),
            source.get(MAIL_FLOW),
        )
    except NoAccess:
        # Nothing names a domain because what would name one was not read: that is the reason, not this.
        _ = source[GROUPS], source[WRITTEN_GROUPS]
        raise


MAIL_DOMAINS = Part("mail_domains", t("Mail domains of the groups"), _mail_domains, (GROUPS, WRITTEN_GROUPS, MAIL_FLOW))


def _address_holders(source: Source) -> tuple[AddressOwner, ...]:
    addresses = [
        address for group in source[GROUPS].groups for address in smtp_addresses(group.mail, group.proxy_addresses)
    ]
    return read_address_holders(
        source.directory(),
        addresses,
        lambda done, total: source.progress(t("{done:,} of {total:,} addresses", done=done, total=total)),
    )


ADDRESS_HOLDERS = Part("address_holders", t("Objects that hold the groups' addresses"), _address_holders, (GROUPS,))


def _dns(source: Source) -> DnsReading:
    parameters = source.parameters
    servers = [server for text in parameters.dns_servers if (server := split_server(text)) is not None]
    domains = source[MAIL_DOMAINS].groups
    return read_dns(Resolver(servers, timeout=float(parameters.dns_timeout)), domains)


DNS = Part("dns", t("DNS records of the groups' domains"), _dns, (MAIL_DOMAINS,))


def _place(source: Source) -> PlaceReading:
    return read_place(source.directory(), source.parameters.target_ou, source.parameters.retired_ou)


PLACE = Part("place", t("The target OU and the retired OU"), _place)


def _rights(source: Source) -> Situation:
    place = source[PLACE]
    return read_situation(source.directory(), place.target.dn, place.retired.dn)


RIGHTS = Part("rights", t("Rights of the account that writes"), _rights, (PLACE,))
RIGHTS_TABLE = RIGHTS.worked_out("table", rights_table)


def _connector_rights(source: Source) -> ConnectorRights | None:
    """None where the account is not known: the evidence of its server alone names it."""
    place, collected, reported = source[PLACE], source[CONNECT_SERVER], source.get(CONTAINERS)
    if collected is None:
        return None
    ou = ou_of_written(collected, (reported.unified_groups if reported else None) or "", place.target)
    forest = collected.forest_of(ou) if ou else None
    if forest is None or not forest.account:
        raise NoAccess(
            t(
                "The evidence of the Connect server names no account for {ou}.",
                ou=printable(ou) or t("an OU"),
            ),
            code="connector-account-unknown",
            hint=t("Run the collector again as a member of ADSyncAdmins, or name the OU in target_ou."),
        )
    return read_connector_rights(source.directory(), forest.account, ou)


CONNECT_RIGHTS = Part(
    "connect_rights",
    t("Rights of Connect's account on the OU of written groups"),
    _connector_rights,
    (PLACE, CONNECT_SERVER, CONTAINERS),
)


def _forest(source: Source) -> ForestReading:
    return read_forest(source.directory())


FOREST = Part("forest", t("Recycle Bin and functional levels"), _forest)


def _names(source: Source) -> NamesAhead:
    place = source[PLACE]
    wanted, unseen = wanted_names(source[GROUPS].groups, source.parameters)
    ous = [container.dn for container in (place.target, place.retired) if container.exists]
    accounts = sorted({name.account_name for name in wanted})
    common = sorted({name.common_name for name in wanted})
    return NamesAhead(wanted, read_taken_names(source.directory(), accounts, common, ous), unseen)


NAMES = Part("names", t("Names that the selected groups would get"), _names, (PLACE, GROUPS))

PARTS: tuple[Part[Any, Any], ...] = in_reading_order(
    part for part in list(globals().values()) if isinstance(part, Part) and part.title
)
"""Every part above that is read, in the order of reading; what is only worked out from one is none."""
