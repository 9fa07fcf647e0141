"""What can be said about the parameters without asking anybody: shapes, and values that contradict each other."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from string import Formatter
from urllib.parse import urlsplit

from runbook_lib.errors import UsageError
from runbook_lib.parameters.clouds import addresses_of, contradictions
from runbook_lib.parameters.dn import parse_dn, same_dn
from runbook_lib.parameters.model import Parameters, parse_day
from runbook_lib.parameters.yaml_text import Location

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Names that Windows keeps for devices, with any extension, and the one file that stands beside the change folders.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?|index\.html", re.IGNORECASE)
_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.?"
)
_SAM_FORBIDDEN = re.compile(r'["/\\\[\]:;|=,+*?<>@]|[\x00-\x1f]')  # Microsoft Open Specifications, MS-SAMR 3.1.1.6
_PRINCIPAL = re.compile(r"[^@\\=,\s]+@[A-Za-z0-9.-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_GUID_FIELDS = ("tenant_id", "client_id")
_URL_FIELDS = ("graph_url", "authority_url")
_DN_FIELDS = ("target_ou", "retired_ou")
_PROSE_FIELDS = frozenset({"reason"})


@dataclass(frozen=True, slots=True)
class Complaint:
    """One value that cannot be right: where it is, what is wrong (continuing "<parameter> …"), and what to do."""

    location: Location
    text: str
    code: str
    hint: str = ""


def require(parameters: Parameters, *names: str) -> None:
    """Insist that the named parameters were given.

    Raises:
        UsageError: ``parameter-missing``, naming all that are empty.
    """
    missing = [name for name in names if getattr(parameters, name) in ("", [])]
    if missing:
        several = len(missing) > 1
        raise UsageError(
            f"{'Parameters that are' if several else 'A parameter that is'} needed here "
            f"{'are' if several else 'is'} not given: {', '.join(missing)}.",
            code="parameter-missing",
            hint="Add what is missing to the parameters file; parameters/example.yaml explains every parameter.",
            values={"missing": missing},
        )


def normalized(parameters: Parameters) -> Parameters:
    """The same parameters with GUIDs in lower case and the cloud's addresses, without a final slash."""
    addresses = addresses_of(parameters)
    return parameters.model_copy(
        update={
            **{name: getattr(parameters, name).lower() for name in _GUID_FIELDS},
            "graph_url": addresses.graph_url,
            "authority_url": addresses.authority_url,
            "select_ids": [group_id.lower() for group_id in parameters.select_ids],
        }
    )


def complaints(parameters: Parameters) -> list[Complaint]:
    """Everything that is wrong with the values, in no order that matters."""
    checks: tuple[Callable[[Parameters], Iterator[Complaint]], ...] = (
        _texts,
        _change_id,
        _guids,
        _urls,
        _cloud,
        _sign_in,
        _host,
        _bind,
        _names,
        _ous,
        _dates,
        _sam_pattern,
        _attestation,
        _domains,
    )
    return [complaint for check in checks for complaint in check(parameters)]


def _texts(parameters: Parameters) -> Iterator[Complaint]:
    for location, text in _all_texts(parameters.model_dump(), ()):
        allowed = "\n\t" if location[0] in _PROSE_FIELDS else ""
        if any(char not in allowed for char in _CONTROL.findall(text)):
            yield Complaint(location, "holds a control character", "control-character")


def _all_texts(value: object, location: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _all_texts(item, (*location, str(name)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _all_texts(item, (*location, number))


def _change_id(parameters: Parameters) -> Iterator[Complaint]:
    text = parameters.change_id
    if text and (not _FOLDER.fullmatch(text) or text.endswith(".") or _RESERVED.fullmatch(text)):
        yield Complaint(
            ("change_id",),
            "cannot name a folder on every system",
            "bad-change-id",
            "Use at most 64 letters, digits, hyphens, underscores and dots, beginning with a letter or digit.",
        )


def _guids(parameters: Parameters) -> Iterator[Complaint]:
    values: list[tuple[Location, str]] = [((name,), getattr(parameters, name)) for name in _GUID_FIELDS]
    values = [(location, text) for location, text in values if text]
    values += [(("select_ids", number), text) for number, text in enumerate(parameters.select_ids)]
    for location, text in values:
        if not _GUID.fullmatch(text):
            yield Complaint(location, "is not a GUID", "malformed-guid", "A GUID is 8-4-4-4-12 hexadecimal digits.")


def _urls(parameters: Parameters) -> Iterator[Complaint]:
    for name in _URL_FIELDS:
        text = getattr(parameters, name)
        if text and not _is_https(text):
            yield Complaint(
                (name,),
                "is not a plain https address",
                "malformed-url",
                "Write for example https://graph.microsoft.com.",
            )


def _cloud(parameters: Parameters) -> Iterator[Complaint]:
    for name, owner in contradictions(parameters):
        yield Complaint(
            (name,),
            f"is the address of the cloud {owner}, and the parameter cloud says {parameters.cloud}",
            "contradictory-cloud",
            f"Leave {name} empty, or name the tenant's cloud.",
        )


def _sign_in(parameters: Parameters) -> Iterator[Complaint]:
    if parameters.sign_in_cache != "none" and parameters.sign_in != "device-code":
        yield Complaint(
            ("sign_in_cache",),
            f"keeps the sign-in of a person, and sign_in is {parameters.sign_in}",
            "cache-without-person",
            "Leave it out: an app signs in by itself each time.",
        )


def _is_https(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc or re.search(r"[\s\\?#]", text))
    return (
        parts.scheme == "https" and _is_host(parts.hostname or "") and parts.path in ("", "/") and plain and port != 0
    )


def _host(parameters: Parameters) -> Iterator[Complaint]:
    for name in ("dc_host", "dc_host_fallback"):
        text = getattr(parameters, name)
        if text and not _is_host(text):
            yield Complaint(
                (name,),
                "is not a host name",
                "malformed-host",
                "Write the name alone, without ldaps:// and without a port (dc_port).",
            )
    if parameters.dc_host_fallback and not parameters.dc_host:
        yield Complaint(("dc_host_fallback",), "is given, but dc_host is not", "fallback-alone", "Name dc_host first.")
    elif parameters.dc_host and parameters.dc_host_fallback.casefold() == parameters.dc_host.casefold():
        yield Complaint(("dc_host_fallback",), "is the same as dc_host", "fallback-same", "Name another one, or none.")


def _bind(parameters: Parameters) -> Iterator[Complaint]:
    kerberos = parameters.bind_method == "kerberos"
    if parameters.kerberos_keytab and not kerberos:
        yield Complaint(
            ("kerberos_keytab",), "needs bind_method: kerberos", "keytab-unused", "Set bind_method, or leave it out."
        )
    if parameters.bind_password_file and kerberos:
        yield Complaint(
            ("bind_password_file",),
            "is of no use with bind_method: kerberos",
            "password-unused",
            "Leave it out, or set kerberos_keytab.",
        )
    if kerberos and parameters.bind_user and not _PRINCIPAL.fullmatch(parameters.bind_user):
        yield Complaint(
            ("bind_user",), "is no Kerberos principal", "malformed-principal", "Write name@REALM, or leave it empty."
        )


def _is_host(text: str) -> bool:
    if _HOST.fullmatch(text):
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _names(parameters: Parameters) -> Iterator[Complaint]:
    for number, text in enumerate(parameters.select_names):
        if not text.strip():
            yield Complaint(("select_names", number), "is empty", "empty-name")
    if not parameters.records_dir:
        yield Complaint(("records_dir",), "is empty", "empty-records-dir", 'The default is "records".')


def _ous(parameters: Parameters) -> Iterator[Complaint]:
    values: list[tuple[Location, str]] = [((name,), getattr(parameters, name)) for name in _DN_FIELDS]
    values = [(location, text) for location, text in values if text]
    values += [(("protected_ous", number), text) for number, text in enumerate(parameters.protected_ous)]
    malformed: list[Complaint] = []
    for location, text in values:
        try:
            parse_dn(text)
        except ValueError as error:
            malformed.append(
                Complaint(
                    location,
                    f"is not a distinguished name: {error}",
                    "malformed-dn",
                    "Write for example OU=Cloud Groups,DC=contoso,DC=com; a comma inside a name needs a backslash.",
                )
            )
    yield from malformed
    target, retired = parameters.target_ou, parameters.retired_ou
    if not malformed and target and retired and same_dn(target, retired):
        yield Complaint(
            ("retired_ou",), "is the same OU as target_ou", "same-ou", "Retired groups need an OU of their own."
        )


def _dates(parameters: Parameters) -> Iterator[Complaint]:
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


def _sam_pattern(parameters: Parameters) -> Iterator[Complaint]:
    pattern = parameters.sam_account_name_pattern
    wrong = ""
    try:
        pieces = list(Formatter().parse(pattern))
    except ValueError:
        pieces = []
    names = [name for _, name, _, _ in pieces if name is not None]
    plain = all(not spec and conversion is None for _, _, spec, conversion in pieces)
    if not names or not plain or any(name not in ("id", "id12") for name in names):
        wrong = "must hold {id12} or {id} and no other braces: names have to differ from group to group"
    elif found := next((m for literal, *_ in pieces if (m := _SAM_FORBIDDEN.search(literal))), None):
        wrong = f"holds the character {found.group()!r}, which a sAMAccountName cannot have"
    elif pattern != pattern.strip() or pattern.endswith("."):
        wrong = "begins or ends with a space, or ends with a dot"
    elif len(pattern.replace("{id12}", "0" * 12).replace("{id}", "0" * 36)) > 256:
        wrong = "is longer than the 256 characters of a sAMAccountName"
    if wrong:
        yield Complaint(("sam_account_name_pattern",), wrong, "bad-sam-pattern", "The default is Group_{id12}.")


def _attestation(parameters: Parameters) -> Iterator[Complaint]:
    by, until = parameters.attest_connect_v1_off_by, parameters.attest_connect_v1_off_until
    if bool(by) != bool(until):
        missing = "attest_connect_v1_off_until" if by else "attest_connect_v1_off_by"
        yield Complaint((missing,), "is missing: an attestation needs a name and a last day", "incomplete-attestation")


def _domains(parameters: Parameters) -> Iterator[Complaint]:
    domain = parameters.groups_domain
    if domain and ("." not in domain or not _HOST.fullmatch(domain)):
        yield Complaint(
            ("groups_domain",), "is not a domain name", "malformed-domain", "Write for example groups.contoso.com."
        )
    for number, text in enumerate(parameters.dns_servers):
        if split_server(text) is None:
            yield Complaint(
                ("dns_servers", number),
                "is not the address of a DNS server",
                "malformed-dns-server",
                "Write an IP address, and a port where it is not 53: 192.0.2.53, 192.0.2.53:5353, [2001:db8::53]:5353.",
            )
    if not parameters.check_routes:
        yield Complaint(("check_routes",), "names no route", "empty-check-routes", 'The default is ["direct"].')


def split_server(text: str) -> tuple[str, int] | None:
    """IP address and port of a DNS server, or None for anything else. The port is 53 where none is written."""
    host, port = text, "53"
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return None
        port = rest[1:] if rest else port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    if not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        return None
    return host, int(port)
