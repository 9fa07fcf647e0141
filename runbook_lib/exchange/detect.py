"""From what was read to what it means: pure functions, no network, no clock.

(schema, organization) is looked up first, then the servers' builds tell apart what looks the same in Active Directory:
Exchange Server 2019 CU15 and Exchange Server SE RTM write the same three numbers. A number above the table means
"newer", never an error.
"""

from __future__ import annotations

from runbook_lib.exchange.describe import components, server_row, words
from runbook_lib.exchange.detection import ExchangeDetection
from runbook_lib.exchange.facts import Facts
from runbook_lib.exchange.findings import domains_behind, findings, mixture
from runbook_lib.exchange.read import ORGANIZATION, SCHEMA, SERVERS, ExchangeReading
from runbook_lib.exchange.requirements import servers_ahead
from runbook_lib.exchange.versions import VersionTable

MIXED = (mixture, domains_behind, servers_ahead)
"""Checks whose findings say that preparations of several releases stand beside each other."""


def detect(reading: ExchangeReading, table: VersionTable) -> ExchangeDetection:
    """Say what ``reading`` means. The same reading and table always give the same answer."""
    facts = Facts(reading, table)
    return ExchangeDetection(
        presence=facts.presence,
        newer_than_table=bool(facts.newer),
        mixture=tuple(finding.seen for check in MIXED for finding in check(facts)),
        schema_extended=None if reading.is_unreadable(SCHEMA) else reading.schema_range_upper is not None,
        organization_present=_known(bool(reading.organizations), reading.is_unreadable(ORGANIZATION)),
        servers_present=_known(
            bool(reading.servers), reading.is_unreadable(SERVERS) or reading.is_unreadable(ORGANIZATION)
        ),
        product=facts.product,
        schema_version=reading.schema_range_upper,
        organization_version=facts.organization_version,
        domain_version=facts.domain_version,
        unprepared_domains=facts.unprepared,
        words=words(facts),
        components=components(facts),
        servers=tuple(server_row(facts, server) for server in reading.servers),
        findings=findings(facts),
    )


def _known(value: bool, unreadable: bool) -> bool | None:
    """Seen is seen; not seen means something only where it could have been."""
    return True if value else (None if unreadable else False)
