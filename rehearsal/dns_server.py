"""A DNS server for the few names of mail to Contoso's groups and of its domain controllers, on the loopback interface.

It answers over UDP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from rehearsal.contoso import names
from rehearsal.folder import HOST

Zone = Mapping[str, tuple[str, str]]
"""Name to record type and record, for example ``("MX", "0 mail.example.")``."""


def zone(mail_flow: str) -> Zone:
    """The records of a scenario. Broken: MX leads to a server on premises, and autodiscover does not exist."""
    domain = names.GROUP_MAIL_DOMAIN
    # As a domain controller registers itself (Netlogon), with the one name that leads to this machine.
    controllers = {f"_ldap._tcp.dc._msdcs.{names.DOMAIN}": ("SRV", f"0 100 389 {HOST}.")}
    if mail_flow == "broken":
        return {domain: ("MX", f"10 mail.{names.DOMAIN}."), **controllers}
    key = domain.replace(".", "-")
    return {
        **controllers,
        domain: ("MX", f"0 {key}.mail.protection.outlook.com."),
        f"autodiscover.{domain}": ("CNAME", "autodiscover.outlook.com."),
    }


def answer(wire: bytes, records: Zone) -> bytes | None:
    """The answer to a question; None for bytes that are no question."""
    try:
        query = dns.message.from_wire(wire)
        question = query.question[0]
    except (dns.exception.DNSException, IndexError):
        return None
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA | dns.flags.RA
    name = question.name.to_text(omit_final_dot=True).lower()
    record = records.get(name)
    if record is None:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif dns.rdatatype.from_text(record[0]) in (question.rdtype, dns.rdatatype.ANY):
        response.answer.append(dns.rrset.from_text(question.name, 300, "IN", *record))
    return response.to_wire()


class DnsServer(asyncio.DatagramProtocol):
    """Answers from a zone until it is stopped."""

    def __init__(self, records: Zone) -> None:
        self.records = records
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; returns the port.

        Raises:
            OSError: The port is taken.
        """
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        return int(self._transport.get_extra_info("sockname")[1])

    def stop(self) -> None:
        """Stop listening."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        response = answer(data, self.records)
        if response is not None and self._transport is not None:
            self._transport.sendto(response, addr)
