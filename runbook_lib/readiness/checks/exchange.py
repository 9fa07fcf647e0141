"""Exchange as it stands in Active Directory: the checks of ``exchange.findings``, and what each asks of a route."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from runbook_lib.exchange import findings, requirements
from runbook_lib.exchange.facts import Facts
from runbook_lib.exchange.versions import load_versions
from runbook_lib.inventory.states import Route
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.readiness.check import Check, on
from runbook_lib.readiness.evidence import Evidence, known


def facts_of(evidence: Evidence) -> Facts:
    """What was read of Exchange, beside the version table."""
    return Facts(known(evidence.exchange), load_versions())


# Connect Sync writes mail attributes by what Exchange prepared; the direct route writes none unless told to; Cloud Sync
# never does, so Exchange does not matter to it.
_MAIL = on(direct=Severity.INFO, connect_sync=Severity.WARNING)
_SERVERS = on(direct=Severity.INFO, connect_sync=Severity.BLOCKING)
_READABLE = on(direct=Severity.INFO, connect_sync=Severity.BLOCKING)


def _check(id_: str, title: str, routes: Mapping[Route, Severity], run: Callable[[Facts], Iterator[Finding]]) -> Check:
    return Check(id_, title, ("exchange",), routes, lambda evidence: run(facts_of(evidence)))


CHECKS: tuple[Check, ...] = (
    _check("exchange-unreadable", "Everything about Exchange can be read", _READABLE, findings.unreadable),
    _check("exchange-organization-hidden", "No organization is hidden", _READABLE, findings.hidden_organization),
    _check("exchange-absent", "Exchange is here", _MAIL, findings.absent),
    _check("exchange-without-servers", "The organization has servers", _MAIL, findings.without_servers),
    _check("exchange-several-organizations", "There is one organization", _MAIL, findings.several_organizations),
    _check("exchange-newer-than-table", "The release is known to this program", _MAIL, findings.newer),
    _check("exchange-number-unknown", "Every number is one that a release writes", _MAIL, findings.unknown_numbers),
    _check("exchange-ahead", "Schema and organization are of one release", _MAIL, findings.mixture),
    _check("exchange-domain", "Every domain is prepared", _MAIL, findings.domains),
    _check("exchange-out-of-support", "The servers' releases are supported", _MAIL, findings.support),
    _check("exchange-servers-differ", "The servers run one release", _MAIL, findings.servers_differ),
    _check("exchange-pages-disagree", "Exchange is where Connect's wizard wants it", _MAIL, requirements.presence),
    _check("exchange-server-too-old", "Every server is new enough", _SERVERS, requirements.server_minimum),
    _check("exchange-hybrid-update", "Every server has a recent update", _MAIL, requirements.hybrid_update),
    _check("exchange-server-ahead", "No server is ahead of the organization", _MAIL, requirements.servers_ahead),
    _check("exchange-server-numbers-differ", "Each server shows one build", _MAIL, requirements.numbers_agree),
    _check("exchange-server-version-unknown", "Every server shows its build", _MAIL, findings.server_builds),
)
