"""Reads everything the tenant says about itself that writeback stands on, part by part.

Sources of the synchronization features and of what Connect reported about itself, both with delegated permission only:
Microsoft Graph documentation, "Get onPremisesDirectorySynchronization" (v1.0 and beta), and of beta the resource types
onPremisesDirectorySynchronizationConfiguration and onPremisesCurrentExportData. The names of the server and of its
account, which the beta answer holds as well, are not taken from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from runbook_lib.graph.errors import GraphNotFound, or_unreadable
from runbook_lib.graph.rows import (
    Row,
    flag_of,
    moment_of,
    number_of,
    object_of,
    objects_of,
    text_of,
    texts_of,
)
from runbook_lib.graph.snapshot import SYNCHRONIZATION_PATH, not_configured, read_tenant, single, switch_of
from runbook_lib.graph.tenant.cloud_sync import read_agents, read_cloud_sync
from runbook_lib.graph.tenant.group_settings import GROUP_UNIFIED, NEW_GROUP_DEFAULT, SETTINGS_PATH
from runbook_lib.graph.tenant.parts import (
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
    permissions_in,
)
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import Switch, Tenant
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import Progress, t
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.connections import Cloud

_SKU = "skuPartNumber,capabilityStatus,prepaidUnits,consumedUnits,servicePlans"
_DOMAIN = "id,isVerified,isDefault,isInitial,authenticationType,supportedServices"
_LAST_SYNC = "onPremisesLastSyncDateTime"
_PARTS = 8
"""Parts of the tenant that are read: what the progress counts to."""
_T = TypeVar("_T")


def read_tenant_state(
    client: GraphClient,
    tenant_id: str,
    cloud: Cloud,
    *,
    clock: Callable[[], datetime],
    progress: Progress | None = None,
) -> TenantReading:
    """Read every part; what cannot be read is ``Unreadable`` and spoils no other part.

    Args:
        client: The client.
        tenant_id: The tenant that the parameters name.
        cloud: Its cloud (``addresses_of(parameters).cloud``).
        clock: Now, UTC.
        progress: Told after each part.

    Raises:
        Refused: The token belongs to another tenant (code ``tenant-mismatch``).
        NoAccess: Sign-in or the connection fails, or ``/organization`` may not be read.
        ServiceFailed: Graph does not answer for ``/organization``.
    """
    at, before = clock(), client.requests
    tenant = read_tenant(client, tenant_id)
    permissions, as_app = _permissions(client), is_an_app(client)
    counted_part = _CountedParts(progress)

    def of_people(name: str, read: Callable[[], _T]) -> _T | Unreadable:
        return or_unreadable(name, read, for_people_only=True, as_app=as_app)

    configuration = counted_part(of_people("configuration", lambda: read_connect_configuration(client, tenant)))
    return TenantReading(
        at=at,
        cloud=cloud,
        tenant=tenant,
        permissions=permissions,
        synchronization=counted_part(or_unreadable("synchronization", lambda: _synchronization(tenant))),
        features=counted_part(of_people("features", lambda: read_features(client, tenant))),
        containers=_decoded("containers", configuration, containers_of),
        connect=_decoded("connect", configuration, report_of),
        agents=counted_part(of_people("agents", lambda: read_agents(client))),
        licences=counted_part(or_unreadable("licences", lambda: read_licences(client))),
        new_groups=counted_part(or_unreadable("new_groups", lambda: _new_groups(client))),
        domains=counted_part(or_unreadable("domains", lambda: _domains(client))),
        cloud_sync=counted_part(or_unreadable("cloud_sync", lambda: read_cloud_sync(client))),
        source=f"{client.host}, tenant {printable(tenant.display_name)} ({tenant.id})",
        requests=client.requests - before,  # arguments are evaluated in this order, so everything has been read
    )


def _decoded(name: str, row: Row | Unreadable, decode: Callable[[Row], _T]) -> _T | Unreadable:
    """One of several parts of one answer: what is wrong with one of them leaves the others."""
    return replace(row, part=name) if isinstance(row, Unreadable) else or_unreadable(name, lambda: decode(row))


class _CountedParts:
    """Hands a part on and tells how many there are now."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._done = 0

    def __call__(self, value: _T) -> _T:
        self._done += 1
        if self._progress is not None:
            self._progress(t("parts of the tenant"), self._done, _PARTS)
        return value


def _synchronization(tenant: Tenant) -> Synchronization:
    row = {"id": tenant.id, _LAST_SYNC: tenant.last_sync}
    return Synchronization(enabled=tenant.on_premises_sync_enabled, last_sync=moment_of(row, _LAST_SYNC))


def is_an_app(client: GraphClient) -> bool:
    """Whether an app signed in, as far as its token says; a token that says nothing counts as an app's."""
    permissions = _permissions(client)
    return not (isinstance(permissions, GrantedPermissions) and permissions.delegated)


def read_licences(client: GraphClient) -> Licences:
    """The subscriptions of the tenant, sorted by part number.

    Raises:
        NoAccess, ServiceFailed: They cannot be read.
    """
    rows = client.listing("/subscribedSkus", {"$select": _SKU}).rows
    found = [
        Licence(
            part_number=text_of(row, "skuPartNumber") or "",
            status=text_of(row, "capabilityStatus") or "",
            enabled_units=number_of(object_of(row, "prepaidUnits"), "enabled"),
            consumed_units=number_of(row, "consumedUnits"),
            plans=frozenset((text_of(plan, "servicePlanId") or "").lower() for plan in objects_of(row, "servicePlans")),
        )
        for row in rows
    ]
    return Licences(tuple(sorted(found, key=lambda licence: licence.part_number)))


def _new_groups(client: GraphClient) -> NewGroupDefault:
    rows = client.listing(SETTINGS_PATH).rows
    setting = next((row for row in rows if (text_of(row, "templateId") or "").lower() == GROUP_UNIFIED), None)
    if setting is None:
        return NewGroupDefault(WrittenByDefault.NO_SETTING)
    values = {text_of(pair, "name"): text_of(pair, "value") or "" for pair in objects_of(setting, "values")}
    value = values.get(NEW_GROUP_DEFAULT, "").strip()
    state = {"": WrittenByDefault.NO_VALUE, "true": WrittenByDefault.YES, "false": WrittenByDefault.NO}
    return NewGroupDefault(state.get(value.casefold(), WrittenByDefault.OTHER), value)


def _domains(client: GraphClient) -> tuple[Domain, ...]:
    rows = client.listing("/domains", {"$select": _DOMAIN}).rows
    found = [
        Domain(
            name=(text_of(row, "id") or "").lower(),
            verified=flag_of(row, "isVerified") or False,
            default=flag_of(row, "isDefault") or False,
            initial=flag_of(row, "isInitial") or False,
            authentication=text_of(row, "authenticationType") or "",
            services=tuple(sorted(texts_of(row, "supportedServices"))),
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda domain: domain.name))


def _permissions(client: GraphClient) -> GrantedPermissions | Unreadable:
    claims = client.token_claims()
    if claims is None:
        return Unreadable("permissions", "failed", t("The access token does not say what it grants"))
    return permissions_in(claims)


def read_features(client: GraphClient, tenant: Tenant) -> SynchronizationFeatures:
    """Flags and deletion prevention (v1.0).

    Raises:
        GraphNotFound: Graph has no synchronization for a tenant that says that it is synchronized.
    """
    try:
        row = single(client.get(SYNCHRONIZATION_PATH, {"$select": "id,features,configuration"}), tenant.id)
    except GraphNotFound:
        if not not_configured(tenant):
            raise
        return SynchronizationFeatures(Switch.OFF, Switch.OFF, {}, None, configured=False)
    features = object_of(row, "features")
    return SynchronizationFeatures(
        connect_v1=switch_of(features.get("unifiedGroupWritebackEnabled")),
        connect_v2=switch_of(features.get("groupWriteBackEnabled")),
        flags={name: value for name, value in sorted(features.items()) if isinstance(value, bool)},
        deletion_prevention=_prevention(object_of(row, "configuration")),
    )


def read_connect_configuration(client: GraphClient, tenant: Tenant) -> Row:
    """``configuration`` of the tenant's synchronization (beta); empty where Connect is not configured.

    Raises:
        GraphNotFound: As ``read_features``.
    """
    try:
        answer = client.get(SYNCHRONIZATION_PATH, {"$select": "id,configuration"}, version="beta")
    except GraphNotFound:
        if not not_configured(tenant):
            raise
        return {}
    return object_of(single(answer, tenant.id), "configuration")


def containers_of(configuration: Row) -> WritebackContainers:
    """Containers that Connect reported (type onPremisesWritebackConfiguration)."""
    written = object_of(configuration, "writebackConfiguration")
    return WritebackContainers(
        unified_groups=text_of(written, "unifiedGroupContainer") or None,
        users=text_of(written, "userContainer") or None,
    )


def report_of(configuration: Row) -> ConnectReport:
    """Build, pending exports and deletion prevention."""
    export = object_of(configuration, "currentExportData")
    return ConnectReport(
        version=text_of(configuration, "synchronizationClientVersion") or None,
        pending_additions=number_of(export, "pendingObjectsAddition"),
        pending_updates=number_of(export, "pendingObjectsUpdate"),
        pending_deletions=number_of(export, "pendingObjectsDeletion"),
        objects=number_of(export, "totalConnectorSpaceObjects"),
        deletion_prevention=_prevention(configuration),
    )


def _prevention(configuration: Row) -> DeletionPrevention | None:
    row = object_of(configuration, "accidentalDeletionPrevention")
    kind = text_of(row, "synchronizationPreventionType")
    return None if kind is None else DeletionPrevention(kind, number_of(row, "alertThreshold"))
