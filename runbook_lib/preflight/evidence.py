"""What was read before anything is judged: one field per part, its value or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar, Union

from runbook_lib.directory.rights.situation import Situation
from runbook_lib.directory.two_ous import ForestReading, PlaceReading
from runbook_lib.exchange.mail import MailFlowReading
from runbook_lib.exchange.read import ExchangeReading
from runbook_lib.exchange.recipients import AddressHolder, WrittenGroup
from runbook_lib.graph import tenant as entra
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.derived import CloudSyncGroups, DnsReading, MailDomains, MailGroups, NamesAhead


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part that could not be read. Nothing is concluded from it: neither that something is there nor that it is not.

    Attributes:
        part: Name of the field of ``Evidence``, or of a part of one: ``tenant.licences``.
        why: One sentence for people.
        code: Code of the error, or ``not-read``.
        hint: What to do about it, as the error says; may be empty.
    """

    part: str
    why: str
    code: str
    hint: str = ""


_T = TypeVar("_T")
Part = Union[_T, Unreadable]  # noqa: UP007 - a generic alias
"""A value, or why there is none."""


NOT_READ = Unreadable("", "It was not read.", "not-read")
"""A part that nobody has tried to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that the checks look at.

    A new part is a field here with its title in ``TITLES``, a reader in ``read.READERS``, and the checks that need it.
    A reading whose parts fail alone (the tenant) has a title for each of them too, and checks need ``tenant.licences``.

    Attributes:
        at: When reading began, UTC. Checks take "today" from here.
        parameters: What the operator asked for.
    """

    at: datetime
    parameters: Parameters
    # In the order of reading; TITLES says what each is called.
    exchange: Part[ExchangeReading] = NOT_READ
    group_schema: Part[frozenset[str]] = NOT_READ
    mail_flow: Part[MailFlowReading] = NOT_READ
    written_groups: Part[tuple[WrittenGroup, ...]] = NOT_READ
    tenant: Part[entra.TenantReading] = NOT_READ
    cloud_sync_groups: Part[CloudSyncGroups] = NOT_READ
    groups: Part[MailGroups] = NOT_READ
    mail_domains: Part[MailDomains] = NOT_READ
    address_holders: Part[tuple[AddressHolder, ...]] = NOT_READ
    dns: Part[DnsReading] = NOT_READ
    place: Part[PlaceReading] = NOT_READ
    rights: Part[Situation] = NOT_READ
    forest: Part[ForestReading] = NOT_READ
    names: Part[NamesAhead] = NOT_READ

    def unreadable(self, part: str) -> Unreadable | None:
        """Why a part has no value; None where it has one.

        Where a whole reading failed, that is why its parts have none: then ``part`` of the answer names the whole.
        """
        field, _, below = part.partition(".")
        value = getattr(self, field)
        if isinstance(value, Unreadable):
            return replace(value, part=field)
        inner = getattr(value, below) if below else None
        return Unreadable(part, f"{inner.why}.", inner.code) if isinstance(inner, entra.Unreadable) else None

    @property
    def all_unreadable(self) -> tuple[Unreadable, ...]:
        """Everything that has no value, in the order of reading; of a reading that failed as a whole, the whole."""
        found = (self.unreadable(name) for name in TITLES)
        return tuple(dict.fromkeys(part for part in found if part is not None))

    def with_part(self, part: str, value: object) -> Evidence:
        """The same evidence with one more part; a reader gives the value that the field says."""
        given: dict[str, Any] = {part: value}
        return replace(self, **given)


TITLES = {
    "exchange": "Exchange in Active Directory",
    "group_schema": "What this forest's schema lets a group carry",
    "mail_flow": "Accepted domains and send connectors",
    "written_groups": "Written-back groups in this domain",
    "tenant": "The tenant",
    "tenant.synchronization": "Synchronization of the tenant",
    "tenant.features": "Synchronization features of the tenant",
    "tenant.containers": "Containers that Connect Sync reported (beta)",
    "tenant.connect": "What Connect Sync reported about itself (beta)",
    "tenant.licences": "Licences of the tenant",
    "tenant.new_groups": "Default for new groups",
    "tenant.domains": "Domains of the tenant",
    "tenant.cloud_sync": "Cloud Sync configurations",
    "tenant.agents": "Provisioning agents of Cloud Sync (beta)",
    "tenant.permissions": "Permissions of the access token",
    "cloud_sync_groups": "Groups of Cloud Sync on both sides",
    "groups": "Microsoft 365 groups of the tenant",
    "mail_domains": "Mail domains of the groups",
    "address_holders": "Objects that hold the groups' addresses",
    "dns": "DNS records of the groups' domains",
    "place": "The target OU and the retired OU",
    "rights": "Rights of the account that writes",
    "forest": "Recycle Bin and functional levels",
    "names": "Names that the selected groups would get",
}
"""Name of a part to what it is called in sentences, in the order of reading."""


def known(part: _T | Unreadable | entra.Unreadable) -> _T:
    """The value of a part that a check has named in its ``needs``; also of a part of a reading.

    Raises:
        LookupError: It has none: the check does not name it, which is a defect.
    """
    if isinstance(part, Unreadable):
        raise LookupError(f"a check looks at {part.part} without naming it in its needs")
    if isinstance(part, entra.Unreadable):
        raise LookupError(f"a check looks at a part of a reading without naming it in its needs: {part.why}")
    return part
