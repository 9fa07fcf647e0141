"""Whether Microsoft's own writers stand in the way: the one reading of flags and attestation that everybody uses."""

from __future__ import annotations

from datetime import date

from runbook_lib.model.cloud import OtherWriters, Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters, parse_day

HOW_TO_ATTEST = t(
    "Look at Get-ADSyncAADCompanyFeature on the Connect server; if UnifiedGroupWriteback is False, set "
    "attest_connect_v1_off_by to your name and attest_connect_v1_off_until to a day in the near future."
)
NO_V2_PATCH = t(
    "Never switch V2 off by a PATCH of groupWriteBackEnabled: it cannot be switched on again, and Microsoft 365 groups "
    "then fall back to version 1, which writes all of them."
)


def connect_v1_of(parameters: Parameters, writers: OtherWriters, today: date) -> Switch:
    """What the tenant reports about Connect Sync writeback v1, or what a person attests where it cannot be read.

    An attestation never outweighs a reading.
    """
    if writers.connect_v1 is not Switch.UNKNOWN:
        return writers.connect_v1
    if not parameters.attest_connect_v1_off_by or not parameters.attest_connect_v1_off_until:
        return Switch.UNKNOWN
    return Switch.OFF if today <= parse_day(parameters.attest_connect_v1_off_until) else Switch.UNKNOWN


def connect_v2_on() -> Finding:
    """The finding where the tenant reports V2 as on."""
    return Finding(
        id="connect-v2-on",
        severity=Severity.BLOCKING,
        seen=t("The tenant reports group writeback V2 as on (features.groupWriteBackEnabled)."),
        expected=t("No other writer for the selected groups."),
        why=t(
            "V2 is out of support since 30 June 2024, may stop without notice, and may still "
            "write groups to its own OU. Since Connect 2.3.2.0 (12 December 2023) it can no "
            "longer be switched on."
        ),
        to_do=t(
            "Check on the Connect server that V2 does not write the selected groups, then acknowledge this finding. "
        )
        + NO_V2_PATCH,
        source='Microsoft Entra documentation, "Group writeback V2 deprecation", "Migrate group writeback V2 to Cloud '
        'Sync", "Connect version history"',
        acknowledgeable=True,
    )
