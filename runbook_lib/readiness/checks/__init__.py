"""Every check, subject by subject. docs/adding-a-check.md says how to add one."""

from __future__ import annotations

from runbook_lib.readiness.check import Check
from runbook_lib.readiness.checks import (
    cloud_sync,
    connect,
    exchange,
    group_schema,
    mail_dns,
    mail_flow,
    permissions,
    recipients,
    tenant,
)

CHECKS: tuple[Check, ...] = (
    *exchange.CHECKS,
    *group_schema.CHECKS,
    *mail_flow.CHECKS,
    *mail_dns.CHECKS,
    *recipients.CHECKS,
    *connect.CHECKS,
    *cloud_sync.CHECKS,
    *tenant.CHECKS,
    *permissions.CHECKS,
)
"""In the order in which they are shown."""
