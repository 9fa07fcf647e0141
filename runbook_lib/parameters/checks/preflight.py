"""The pre-flight: what is attested and acknowledged, whom it asks, what it looks at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from runbook_lib.parameters.addresses import split_server
from runbook_lib.parameters.complaint import Complaint
from runbook_lib.parameters.model import Parameters, parse_day
from runbook_lib.parameters.yaml_text import Location


def last_days(parameters: Parameters) -> Iterator[Complaint]:
    """Last days that are no days."""
    values: list[tuple[Location, str]] = [
        (("acknowledge", number, "until"), item.until) for number, item in enumerate(parameters.acknowledge)
    ]
    if parameters.attest_connect_v1_off_until:
        values.append((("attest_connect_v1_off_until",), parameters.attest_connect_v1_off_until))
    for location, text in values:
        if not _is_day(text):
            yield Complaint(location, "is not a day", "malformed-date", 'Write the day as "2027-01-31".')


def _is_day(text: str) -> bool:
    try:
        day: date = parse_day(text)
    except ValueError:
        return False
    return day.isoformat() == text


def attestation(parameters: Parameters) -> Iterator[Complaint]:
    """An attestation without its name or its last day."""
    by, until = parameters.attest_connect_v1_off_by, parameters.attest_connect_v1_off_until
    if bool(by) != bool(until):
        missing = "attest_connect_v1_off_until" if by else "attest_connect_v1_off_by"
        yield Complaint((missing,), "is missing: an attestation needs a name and a last day", "incomplete-attestation")


def dns_servers(parameters: Parameters) -> Iterator[Complaint]:
    """DNS servers that are no addresses."""
    for number, text in enumerate(parameters.dns_servers):
        if split_server(text) is None:
            yield Complaint(
                ("dns_servers", number),
                "is not the address of a DNS server",
                "malformed-dns-server",
                "Write an IP address, and a port where it is not 53: 192.0.2.53, 192.0.2.53:5353, [2001:db8::53]:5353.",
            )


def check_routes(parameters: Parameters) -> Iterator[Complaint]:
    """No route to look at."""
    if not parameters.check_routes:
        yield Complaint(("check_routes",), "names no route", "empty-check-routes", 'The default is ["direct"].')
