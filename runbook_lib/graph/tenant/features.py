"""The synchronization features and the writeback containers, which Graph shows to people and not to apps."""

from __future__ import annotations

from runbook_lib.graph.rows import Row, number_of, object_of, text_of
from runbook_lib.graph.tenant.parts import DeletionPrevention, SynchronizationFeatures, WritebackContainers
from runbook_lib.graph.transport import GraphClient
from runbook_lib.graph.writers import SYNCHRONIZATION, single, switch_of


def read_features(client: GraphClient) -> SynchronizationFeatures:
    """Flags and deletion prevention (v1.0, "Get onPremisesDirectorySynchronization")."""
    row = single(client.get(SYNCHRONIZATION, {"$select": "id,features,configuration"}))
    features = object_of(row, "features")
    return SynchronizationFeatures(
        connect_v1=switch_of(features.get("unifiedGroupWritebackEnabled")),
        connect_v2=switch_of(features.get("groupWriteBackEnabled")),
        flags={name: value for name, value in sorted(features.items()) if isinstance(value, bool)},
        deletion_prevention=_prevention(object_of(row, "configuration")),
    )


def read_containers(client: GraphClient) -> WritebackContainers:
    """Containers that Connect reported (beta, type onPremisesWritebackConfiguration)."""
    row = single(client.get(SYNCHRONIZATION, {"$select": "id,configuration"}, version="beta"))
    written = object_of(object_of(row, "configuration"), "writebackConfiguration")
    return WritebackContainers(
        unified_groups=text_of(written, "unifiedGroupContainer") or None,
        users=text_of(written, "userContainer") or None,
    )


def _prevention(configuration: Row) -> DeletionPrevention | None:
    row = object_of(configuration, "accidentalDeletionPrevention")
    kind = text_of(row, "synchronizationPreventionType")
    return None if kind is None else DeletionPrevention(kind, number_of(row, "alertThreshold"))
