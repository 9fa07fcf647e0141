"""Every check, subject by subject. docs/adding-a-check.md says how to add one."""

from __future__ import annotations

from runbook_lib.preflight.assess import Check
from runbook_lib.preflight.checks import (
    cloud_sync,
    cloud_sync_agents,
    cloud_sync_overlap,
    cloud_sync_size,
    connect,
    connect_features,
    connect_server,
    enforcement,
    exchange,
    forest,
    group_schema,
    mail_dns,
    mail_flow,
    names,
    permissions,
    recipients,
    rights,
    target,
    tenant,
)

CHECKS: tuple[Check, ...] = (
    *exchange.CHECKS,
    *group_schema.CHECKS,
    *mail_flow.CHECKS,
    *mail_dns.CHECKS,
    *recipients.CHECKS,
    *connect.CHECKS,
    *connect_server.CHECKS,
    *connect_features.CHECKS,
    *cloud_sync.CHECKS,
    *cloud_sync_agents.CHECKS,
    *cloud_sync_size.CHECKS,
    *cloud_sync_overlap.CHECKS,
    *tenant.CHECKS,
    *permissions.CHECKS,
    *target.CHECKS,
    *enforcement.CHECKS,
    *rights.CHECKS,
    *forest.CHECKS,
    *names.CHECKS,
)
"""In the order in which they are shown."""
