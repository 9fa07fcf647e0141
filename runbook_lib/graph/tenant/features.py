"""The synchronization features, and what Connect reported about itself; both with delegated permission only.

Sources: Microsoft Graph documentation, "Get onPremisesDirectorySynchronization" (v1.0 and beta),
"onPremisesDirectorySynchronizationConfiguration resource type" (beta), "onPremisesCurrentExportData resource type"
(beta). The names of the server and of its account, which the beta answer holds as well, are not taken from it.
"""

from __future__ import annotations

from runbook_lib.graph.errors import GraphNotFound
from runbook_lib.graph.rows import Row, number_of, object_of, text_of
from runbook_lib.graph.snapshot import SYNCHRONIZATION_PATH, not_configured, single, switch_of
from runbook_lib.graph.tenant.parts import (
    ConnectReport,
    DeletionPrevention,
    SynchronizationFeatures,
    WritebackContainers,
)
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import Switch, Tenant


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
