"""Findings that a person knows and accepts, with a reason and until a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from runbook_lib.errors import Refused
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.parameters.model import Parameters, parse_day


def with_acknowledgements(findings: Iterable[Finding], parameters: Parameters, today: date) -> tuple[Finding, ...]:
    """The findings, those that somebody accepted (and whose day has not passed) as information with the name."""
    accepted = {item.finding: item for item in parameters.acknowledge if today <= parse_day(item.until)}
    return tuple(
        replace(
            finding,
            severity=Severity.INFO,
            to_do=f"Acknowledged by {accepted[finding.id].by} until {accepted[finding.id].until}: "
            f"{accepted[finding.id].reason}",
        )
        if finding.acknowledgeable and finding.id in accepted
        else finding
        for finding in findings
    )


def require_acknowledged(findings: Iterable[Finding], parameters: Parameters) -> None:
    """Refuse while a blocking finding is left.

    Args:
        findings: From ``with_acknowledgements``.
        parameters: To tell an acknowledgement that has ended from one that never was.

    Raises:
        Refused: ``finding-not-acknowledged``.
    """
    known = {item.finding for item in parameters.acknowledge}
    for finding in findings:
        if finding.severity is Severity.BLOCKING:
            ended = " Its acknowledgement has ended." if finding.id in known else ""
            raise Refused(
                f"The finding {finding.id} is not acknowledged.{ended} {finding.seen}",
                code="finding-not-acknowledged",
                hint=f"{finding.to_do} In the parameters file: acknowledge with finding, by, reason and until.",
                values={"finding": finding.id, "ended": bool(ended)},
            )
