"""Findings that a person must know and accept before anything is written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from runbook_lib.errors import Refused
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.parameters.model import Parameters, parse_day


def require_acknowledged(findings: Iterable[Finding], parameters: Parameters, today: date) -> None:
    """Refuse while a blocking finding is not acknowledged, or is no longer.

    Raises:
        Refused: ``finding-not-acknowledged`` or ``finding-not-acknowledgeable``.
    """
    valid = {item.finding for item in parameters.acknowledge if today <= parse_day(item.until)}
    known = {item.finding for item in parameters.acknowledge}
    for finding in findings:
        if finding.severity is not Severity.BLOCKING or (finding.acknowledgeable and finding.id in valid):
            continue
        if not finding.acknowledgeable:
            raise Refused(finding.seen, code="finding-not-acknowledgeable", hint=finding.to_do)
        expired = " Its acknowledgement has ended." if finding.id in known else ""
        raise Refused(
            f"The finding {finding.id} is not acknowledged.{expired} {finding.seen}",
            code="finding-not-acknowledged",
            hint=f"{finding.to_do} In the parameters file: acknowledge with finding, by, reason and until.",
            values={"finding": finding.id, "expired": bool(expired)},
        )
