"""Every check, subject by subject. docs/adding-a-check.md says how to add one."""

from __future__ import annotations

from runbook_lib.preflight.assess import Check
from runbook_lib.preflight.checks import (
    cloud_sync,
    cloud_sync_domains,
    cloud_sync_settings,
    cloud_sync_size,
    connect,
    connect_choice,
    connect_evidence,
    connect_features,
    connect_order,
    connect_server,
    connect_writeback,
    exchange,
    forest,
    mail_dns,
    mail_flow,
    names,
    rights,
    target,
    tenant,
)

CHECKS: tuple[Check, ...] = (
    *exchange.EXCHANGE_CHECKS,
    *forest.GROUP_SCHEMA_CHECKS,
    *mail_flow.CHECKS,
    *mail_dns.CHECKS,
    *exchange.RECIPIENT_CHECKS,
    *connect.CHECKS,
    *connect_server.CHECKS,
    *connect_features.CHECKS,
    *connect_evidence.CHECKS,
    *connect_writeback.CHECKS,
    *connect_order.CHECKS,
    *connect_choice.CHECKS,
    *cloud_sync.CHECKS,
    *cloud_sync_domains.AGENT_CHECKS,
    *cloud_sync_size.CHECKS,
    *cloud_sync_settings.CHECKS,
    *cloud_sync_domains.OVERLAP_CHECKS,
    *tenant.TENANT_CHECKS,
    *tenant.PERMISSION_CHECKS,
    *target.CHECKS,
    *rights.ENFORCEMENT_CHECKS,
    *rights.RIGHTS_CHECKS,
    *forest.FOREST_CHECKS,
    *names.CHECKS,
)
"""In the order in which they are shown."""
