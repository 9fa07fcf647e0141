"""Ask DNS for MX, CNAME and SRV records, from the servers that the parameters name or those of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver

from runbook_lib.errors import ServiceFailed
from runbook_lib.model.text import t
from runbook_lib.secrets.sources import scrubbed

DnsRecordType = Literal["MX", "CNAME", "SRV"]
_LONGEST_WHY = 300
"""Characters of a reason that are kept."""


class State(Enum):
    """How a question was answered."""

    ANSWERED = "answered"
    NO_RECORD = "no-record"
    """The name exists, without a record of this kind."""
    NO_NAME = "no-name"
    """The name does not exist (NXDOMAIN)."""
    FAILED = "failed"
    """No usable answer: a timeout, or the servers refused."""


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """What DNS says about one name.

    Attributes:
        values: Host names in lower case without the final dot; of MX and SRV records the most
            preferred first.
        why: For ``FAILED``: what happened.
    """

    name: str
    kind: DnsRecordType
    state: State
    values: tuple[str, ...] = ()
    why: str = ""


class Resolver:
    """Asks recursive servers over UDP, TCP where an answer is cut.

    Args:
        servers: (IP address, port) of the servers, in the order of asking; empty for those of this machine.
        timeout: Seconds for one question, all servers and all tries together, however slowly an answer comes.

    Raises:
        ServiceFailed: This machine has no DNS servers set up (``dns-not-configured``).
    """

    def __init__(self, servers: Sequence[tuple[str, int]] = (), *, timeout: float = 5.0) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=not servers)
        except dns.resolver.NoResolverConfiguration:
            raise ServiceFailed(
                t("This machine has no DNS servers set up."),
                code="dns-not-configured",
                hint=t("Name DNS servers in the parameter dns_servers."),
            ) from None
        if servers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in servers]
        self._resolver.lifetime = timeout
        self._resolver.cache = None
        self.source = ", ".join(f"{host}:{port}" for host, port in servers) or t("the DNS servers of this machine")
        """Who is asked, for people."""

    def ask(self, name: str, kind: DnsRecordType) -> DnsAnswer:
        """One question. Never fails: a timeout is an answer with the state ``FAILED``."""
        try:
            found = self._resolver.resolve(f"{name.rstrip('.')}.", dns.rdatatype.from_text(kind), search=False)
        except dns.resolver.NXDOMAIN:
            return DnsAnswer(name, kind, State.NO_NAME)
        except dns.resolver.NoAnswer:
            return DnsAnswer(name, kind, State.NO_RECORD)
        except (dns.exception.DNSException, OSError) as error:
            return DnsAnswer(
                name, kind, State.FAILED, why=scrubbed(f"{type(error).__name__}: {error}", limit=_LONGEST_WHY)
            )
        return DnsAnswer(name, kind, State.ANSWERED, _values(found, kind))


def _values(found: Any, kind: DnsRecordType) -> tuple[str, ...]:
    if kind == "CNAME":
        return tuple(sorted(record.target.to_text(omit_final_dot=True).lower() for record in found))
    if kind == "SRV":  # RFC 2782: the lowest priority first; among those of one, the heaviest are asked most
        services = sorted((r.priority, -r.weight, r.target.to_text(omit_final_dot=True).lower()) for r in found)
        return tuple(dict.fromkeys(host for _, _, host in services))
    records = sorted((record.preference, record.exchange.to_text(omit_final_dot=True).lower()) for record in found)
    return tuple(host for _, host in records)
