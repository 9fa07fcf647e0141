"""What the tenant says about itself, part by part; checks on it are pure functions elsewhere.

``read_tenant_state`` gives a ``TenantReading``. Each of its parts is either what was read or an ``Unreadable`` that
says why, so one missing permission makes one part unknown and nothing else.
"""

from runbook_lib.graph.tenant.jobs import (
    CloudSync,
    CloudSyncJob,
    JobKind,
    JobState,
    ObjectScope,
    Quarantine,
    ScopeClause,
)
from runbook_lib.graph.tenant.parts import (
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
from runbook_lib.graph.tenant.read import read_tenant_state

__all__ = [
    "Agent",
    "Agents",
    "CloudSync",
    "CloudSyncJob",
    "ConnectReport",
    "DeletionPrevention",
    "Domain",
    "GrantedPermissions",
    "JobKind",
    "JobState",
    "Licence",
    "Licences",
    "NewGroupDefault",
    "ObjectScope",
    "Quarantine",
    "ScopeClause",
    "Synchronization",
    "SynchronizationFeatures",
    "TenantReading",
    "WritebackContainers",
    "WrittenByDefault",
    "read_tenant_state",
]
