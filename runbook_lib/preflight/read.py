"""Read every part, each with its own error capture: what fails makes its own checks unknown and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from runbook_lib.deadline import Allowance
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.other_domain import OtherDomainReader
from runbook_lib.directory.rights.account import read_situation
from runbook_lib.directory.rights.situation import Situation
from runbook_lib.directory.schema import allowed_attributes
from runbook_lib.directory.two_ous import PlaceReading, read_forest, read_place, read_taken_names
from runbook_lib.dns.resolver import Resolver
from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed
from runbook_lib.exchange.mail import MailFlowReading, read_mail_flow
from runbook_lib.exchange.read import ORGANIZATION, read_exchange
from runbook_lib.exchange.recipients import AddressHolder, read_address_holders, read_written_groups
from runbook_lib.exchange.schema import GROUP_ATTRIBUTES, names_in_schema
from runbook_lib.graph import tenant as entra
from runbook_lib.graph.groups import read_mail_groups
from runbook_lib.graph.tenant import TenantReading, read_tenant_state
from runbook_lib.graph.transport import GraphClient
from runbook_lib.parameters.check_connections import split_server
from runbook_lib.parameters.clouds import addresses_of
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.derived import (
    CloudSyncGroups,
    DnsReading,
    MailDomains,
    MailGroups,
    NamesAhead,
    mail_domains,
    read_cloud_sync_groups,
    read_dns,
    smtp_addresses,
    wanted_names,
)
from runbook_lib.preflight.evidence import TITLES, Evidence, Part, Unreadable

_T = TypeVar("_T")
Progress = Callable[[str], None]
"""Told what is being read now, in a few words."""


def _quiet(_: str) -> None:
    """Tells nobody."""


class Reach:
    """The ways to both sides, each opened when first needed. A way that could not be opened is not tried again.

    Args:
        directory: Opens, or has opened, the connection to the domain controller.
        graph: Opens, or has opened, the client for Microsoft Graph.
        elsewhere: Reads an object of another domain of the forest; None: other domains are not read.
    """

    def __init__(
        self,
        *,
        directory: Callable[[], Directory],
        graph: Callable[[], GraphClient],
        elsewhere: OtherDomainReader | None = None,
    ) -> None:
        self.elsewhere = elsewhere
        self.tell: Progress = _quiet
        """Told how far a long reading is; ``read_evidence`` sets it."""
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        """Now, UTC; ``read_evidence`` sets it."""
        self._openers: dict[str, Callable[[], object]] = {"directory": directory, "graph": graph}
        self._opened: dict[str, object] = {}
        self._failed: dict[str, RunbookError] = {}

    @property
    def directory(self) -> Directory:
        """The connection to the domain controller."""
        opened = self._open("directory")
        assert isinstance(opened, Directory)  # noqa: S101 - for the type checker
        return opened

    @property
    def graph(self) -> GraphClient:
        """The client for Microsoft Graph."""
        opened = self._open("graph")
        assert isinstance(opened, GraphClient)  # noqa: S101 - for the type checker
        return opened

    def _open(self, way: str) -> object:
        if way in self._failed:
            raise self._failed[way]
        if way not in self._opened:
            try:
                self._opened[way] = self._openers[way]()
            except RunbookError as error:
                self._failed[way] = error
                raise
        return self._opened[way]


@dataclass(frozen=True, slots=True)
class Reader:
    """How one part is read: from the ways to both sides, and from the parts that were read before it."""

    part: str
    read: Callable[[Reach, Evidence], object]


def _mail_flow(reach: Reach, evidence: Evidence) -> MailFlowReading:
    exchange = _needed(evidence.exchange)
    for part in exchange.unreadable:
        if part.part == ORGANIZATION:
            raise NoAccess(f"{part.why}.", code="organization-unreadable")
    if not exchange.organizations:
        return MailFlowReading()
    return read_mail_flow(reach.directory, exchange.organizations[0].dn)


def _group_schema(reach: Reach, _: Evidence) -> frozenset[str]:
    names_in_schema(reach.directory, ())  # raises where the schema does not show: nothing would be absence
    return allowed_attributes(reach.directory, "group", (row.attribute for row in GROUP_ATTRIBUTES))


def _mail_domains(_: Reach, evidence: Evidence) -> MailDomains:
    try:
        return mail_domains(
            evidence.parameters.groups_domain,
            _or_none(evidence.groups),
            _or_none(evidence.written_groups),
            _or_none(evidence.mail_flow),
        )
    except NoAccess:
        # Nothing names a domain because what would name one was not read: that is the reason, not this.
        _needed(evidence.groups)
        _needed(evidence.written_groups)
        raise


def _groups(reach: Reach, evidence: Evidence) -> MailGroups:
    tenant = _needed(evidence.tenant).tenant
    groups = read_mail_groups(reach.graph, lambda done: reach.tell(f"{TITLES['groups']}: {done:,}"))
    return MailGroups(tenant, groups)


def _tenant(reach: Reach, evidence: Evidence) -> TenantReading:
    parameters = evidence.parameters
    return read_tenant_state(
        reach.graph,
        parameters.tenant_id,
        addresses_of(parameters).cloud,
        clock=reach.clock,
        progress=lambda what, done, total: reach.tell(f"{TITLES['tenant']}: {done} of {total} {what}"),
    )


def _cloud_sync_groups(reach: Reach, evidence: Evidence) -> CloudSyncGroups:
    found = _needed(evidence.tenant).cloud_sync
    if isinstance(found, entra.Unreadable):
        raise NoAccess(f"{found.why}.", code=found.code)
    title = TITLES["cloud_sync_groups"]
    return read_cloud_sync_groups(
        found.writing_groups,
        lambda: reach.graph,
        lambda: reach.directory,
        lambda done, total: reach.tell(f"{title}: {done:,} of {total:,}"),
    )


def _address_holders(reach: Reach, evidence: Evidence) -> tuple[AddressHolder, ...]:
    addresses = [address for group in _needed(evidence.groups).groups for address in smtp_addresses(group)]
    title = TITLES["address_holders"]
    return read_address_holders(
        reach.directory, addresses, lambda done, total: reach.tell(f"{title}: {done:,} of {total:,} addresses")
    )


def _dns(_: Reach, evidence: Evidence) -> DnsReading:
    parameters = evidence.parameters
    servers = [server for text in parameters.dns_servers if (server := split_server(text)) is not None]
    domains = _needed(evidence.mail_domains).groups
    return read_dns(Resolver(servers, timeout=float(parameters.dns_timeout)), domains)


def _place(reach: Reach, evidence: Evidence) -> PlaceReading:
    parameters = evidence.parameters
    return read_place(reach.directory, parameters.target_ou, parameters.retired_ou)


def _rights(reach: Reach, evidence: Evidence) -> Situation:
    place = _needed(evidence.place)
    return read_situation(reach.directory, place.target.dn, place.retired.dn)


def _names(reach: Reach, evidence: Evidence) -> NamesAhead:
    place = _needed(evidence.place)
    wanted, unseen = wanted_names(_needed(evidence.groups).groups, evidence.parameters)
    ous = [container.dn for container in (place.target, place.retired) if container.exists]
    accounts = sorted({name.account_name for name in wanted})
    common = sorted({name.common_name for name in wanted})
    return NamesAhead(wanted, read_taken_names(reach.directory, accounts, common, ous), unseen)


def _needed(part: Part[_T]) -> _T:
    """The value of a part that was read before; where it has none, this part cannot be read for the same reason."""
    if isinstance(part, Unreadable):
        raise NoAccess(part.why, code=part.code, hint=part.hint)
    return part


def _or_none(part: Part[_T]) -> _T | None:
    return None if isinstance(part, Unreadable) else part


READERS: tuple[Reader, ...] = (
    Reader("exchange", lambda reach, _: read_exchange(reach.directory, reach.elsewhere)),
    Reader("group_schema", _group_schema),
    Reader("mail_flow", _mail_flow),
    Reader("written_groups", lambda reach, _: read_written_groups(reach.directory)),
    Reader("tenant", _tenant),
    Reader("cloud_sync_groups", _cloud_sync_groups),
    Reader("groups", _groups),
    Reader("mail_domains", _mail_domains),
    Reader("address_holders", _address_holders),
    Reader("dns", _dns),
    Reader("place", _place),
    Reader("rights", _rights),
    Reader("forest", lambda reach, _: read_forest(reach.directory)),
    Reader("names", _names),
)
"""Every part, in the order of reading."""


def read_evidence(
    parameters: Parameters,
    reach: Reach,
    *,
    clock: Callable[[], datetime],
    progress: Progress | None = None,
    allowance: Allowance | None = None,
) -> Evidence:
    """Read every part. Never fails because of what a side answers: a part without a value says why.

    Args:
        parameters: What the run is told.
        reach: The ways to both sides.
        clock: Now, UTC.
        progress: Told the title of each part before it is read, and how far a long one is.
        allowance: The time for all of it; what it does not reach is unreadable (code ``time-limit``).
    """
    evidence = Evidence(at=clock(), parameters=parameters)
    reach.tell, reach.clock = progress or _quiet, clock
    for reader in READERS:
        reach.tell(TITLES[reader.part])
        try:
            value = _read(reader, reach, evidence, allowance)
        except RunbookError as error:
            value = Unreadable(reader.part, error.message, error.code, error.hint)
        evidence = evidence.with_part(reader.part, value)
    return evidence


def _read(reader: Reader, reach: Reach, evidence: Evidence, allowance: Allowance | None) -> object:
    if allowance is None:
        return reader.read(reach, evidence)
    try:
        return allowance.run(lambda: reader.read(reach, evidence))
    except TimeoutError:
        raise ServiceFailed(
            f"The time for the whole pre-flight ({allowance.seconds:,.0f} s) was over.",
            code="time-limit",
            hint="Give it more time with --timeout, or look at the service that it was reading last, which is slow.",
        ) from None
