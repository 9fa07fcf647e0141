"""Exchange as it stands in Active Directory: the checks of ``exchange.findings``, and what each asks of a route."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from runbook_lib.exchange import findings, requirements, servers
from runbook_lib.exchange.facts import Facts
from runbook_lib.exchange.unseen import Sees, nothing_there, unseen
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.target import Route
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import EXCHANGE, EXCHANGE_FACTS


def has_shell(evidence: Evidence) -> bool:
    """Whether somebody can be sent to the Exchange Management Shell: not to one that is known not to exist."""
    return (facts := evidence.get(EXCHANGE_FACTS)) is None or facts.tools.shell is not Switch.OFF


# Connect Sync writes mail attributes by what Exchange prepared; the direct route writes none unless told to; Cloud Sync
# never does, so Exchange does not matter to it.
_MAIL = on(direct=Severity.INFO, connect_sync=Severity.WARNING)
_SERVERS = on(direct=Severity.INFO, connect_sync=Severity.BLOCKING)
_READABLE = on(direct=Severity.INFO, connect_sync=Severity.BLOCKING)


_S, _O, _V, _D, _N, _B = (
    *(Sees.SCHEMA, Sees.ORGANIZATION, Sees.ORGANIZATION_VERSION),
    *(Sees.DOMAINS, Sees.SERVERS, Sees.BUILDS),
)


def _check(
    id_: str,
    title: str,
    routes: Mapping[Route, Severity],
    run: Callable[[Facts], Iterator[Finding]],
    *sees: Sees,
) -> Check:
    def answers(evidence: Evidence) -> Answers:
        facts = evidence[EXCHANGE_FACTS]
        found = {finding.id: finding for finding in (*run(facts), *unseen(facts, *sees))}
        yield from found.values()
        why = nothing_there(facts, *sees)
        if why and not found:
            yield NothingToCheck(why)

    return Check(id_, title, (EXCHANGE,), routes, answers)


CHECKS: tuple[Check, ...] = (
    _check("exchange-unreadable", "Everything about Exchange can be read", _READABLE, findings.unreadable),
    _check("exchange-organization-hidden", "No organization is hidden", _READABLE, findings.hidden_organization, _O),
    _check("exchange-number-absent", "Every number is shown", _MAIL, findings.absent_numbers, _S, _O),
    _check("exchange-absent", "Exchange is here", _MAIL, findings.absent, _O),
    _check("exchange-without-servers", "The organization has servers", _MAIL, findings.without_servers, _O, _N),
    _check("exchange-several-organizations", "There is one organization", _MAIL, findings.several_organizations, _O),
    _check("exchange-newer-than-table", "The release is known to this program", _MAIL, findings.newer, _S, _V, _B),
    _check(
        *("exchange-number-unknown", "Every number is one that a release writes"),
        *(_MAIL, findings.unknown_numbers),
        *(_S, _V, _D),
    ),
    _check("exchange-ahead", "Schema and organization are of one release", _MAIL, findings.mixture, _S, _V),
    _check("exchange-domain", "Every domain is prepared", _MAIL, findings.domains, _V, _D),
    _check("exchange-out-of-support", "The servers' releases are supported", _MAIL, servers.support, _B),
    _check("exchange-servers-differ", "The servers run one release", _MAIL, servers.servers_differ, _B),
    _check("exchange-pages-disagree", "Exchange is where Connect's wizard wants it", _MAIL, requirements.presence, _O),
    _check("exchange-server-too-old", "Every server is new enough", _SERVERS, requirements.server_minimum, _B),
    _check("exchange-hybrid-update", "Every server has a recent update", _MAIL, requirements.hybrid_update, _B),
    _check(
        *("exchange-server-ahead", "No server is ahead of the organization"),
        *(_MAIL, requirements.servers_ahead),
        *(_V, _B),
    ),
    _check("exchange-server-numbers-differ", "Each server shows one build", _MAIL, requirements.numbers_agree, _B),
    _check("exchange-server-version-unknown", "Every server shows its build", _MAIL, servers.server_builds, _B),
    _check("exchange-server-release-unknown", "Every server's release is known", _MAIL, servers.server_releases, _B),
)
