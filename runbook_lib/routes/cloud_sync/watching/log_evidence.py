"""The provisioning log as evidence of a run: the table that its record keeps, and the finding where it is missing.

A room of its own because it knows tables, and what watches does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from runbook_lib.cloud_sync.service_errors import ServiceError
from runbook_lib.graph.tenant.provisioning_log import LOG_PERMISSIONS, LogEntry
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t

LOG_FILE = "provisioning-log.csv"
LOG_COLUMNS = (
    *("at", "group_id", "display_name", "ad_object_id", "action", "status"),
    *("code", "message", "meaning", "changed"),
)


def log_table(entries: Sequence[LogEntry]) -> pd.DataFrame:
    """``LOG_COLUMNS``, one row an entry; all of them ``object``."""
    rows = [
        (
            entry.at,
            entry.group_id,
            entry.name,
            entry.target,
            entry.action,
            entry.status,
            entry.code,
            entry.message,
            known.cause if (known := ServiceError(entry.code, entry.message).known) else "",
            entry.changed,
        )
        for entry in entries
    ]
    return pd.DataFrame(rows, columns=list(LOG_COLUMNS), dtype=object)


def log_unread(read: Unreadable) -> Finding:
    """The log is not in this record, with the reason and the permissions that it takes."""
    first, second = LOG_PERMISSIONS
    return Finding(
        id="cloud-sync-log-unread",
        severity=Severity.UNKNOWN,
        seen=t("The provisioning log could not be read: {why}", why=read.sentence),
        expected=t("The log's rows about these groups, kept as evidence."),
        why=t("What Cloud Sync itself says about these groups is not in this record; AD was looked at all the same."),
        to_do=t(
            "Grant {first} and {second}, or look at the provisioning log in the Entra admin center.",
            first=first,
            second=second,
        ),
        source='Microsoft Graph documentation, "List provisioningObjectSummary"',
        values={"code": read.code, "permissions": list(LOG_PERMISSIONS)},
    )
