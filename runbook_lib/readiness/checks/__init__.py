"""Every check, subject by subject. docs/adding-a-check.md says how to add one."""

from __future__ import annotations

from runbook_lib.readiness.check import Check
from runbook_lib.readiness.checks import exchange

CHECKS: tuple[Check, ...] = (*exchange.CHECKS,)
"""In the order in which they are shown."""
