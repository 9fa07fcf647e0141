"""What a run connects to: Microsoft's clouds with their addresses, and what can be wrong with what it is told.

Identifiers, addresses, sign-in, controllers and OUs are looked at without asking anybody. Pure.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files

from runbook_lib.model.addresses import is_host, is_https, is_ip_address
from runbook_lib.model.dn import MalformedDnError, parse_dn, same_dn
from runbook_lib.model.ids import is_guid
from runbook_lib.model.text import Text, from_table, joined, t
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.problems import Complaint
from runbook_lib.parameters.yaml_text import Location

MEANT_FOR_ONE_CLOUD = ("graph_url", "authority_url")
"""Parameters that the parameter ``cloud`` decides where they are empty."""


class Offer(Enum):
    """Whether a cloud offers something. Unknown is no statement, neither way."""

    OFFERED = "offered"
    NOT_OFFERED = "not-offered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that not every cloud offers."""

    name: str
    """``synchronization-features``, ``cloud-sync-groups-to-ad``, ``provision-on-demand``, …"""
    title: Text
    source: str
    offer: Offer


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Microsoft's clouds.

    Attributes:
        name: As the parameter ``cloud`` names it.
        title: For people.
        graph_url: Address of Microsoft Graph, without a final slash.
        authority_url: Address of sign-in, without a final slash.
        features: What not every cloud offers, with this cloud's answer.
        source: The public document of the addresses.
    """

    name: str
    title: Text
    graph_url: str
    authority_url: str
    features: tuple[Feature, ...]
    source: str

    def offers(self, feature: str) -> Offer:
        """Whether this cloud offers ``feature``.

        Raises:
            KeyError: Nobody knows that feature.
        """
        return {known.name: known.offer for known in self.features}[feature]

    @property
    def lacks(self) -> tuple[Feature, ...]:
        """What this cloud does not offer, and what nobody says about it."""
        return tuple(feature for feature in self.features if feature.offer is not Offer.OFFERED)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a run talks to, without a final slash, and the cloud whose tenant that is."""

    graph_url: str
    authority_url: str
    cloud: Cloud


@cache
def clouds() -> tuple[Cloud, ...]:
    """Every cloud, the global one first."""
    offers = list(_rows("cloud_offers.csv"))
    return tuple(
        Cloud(
            name=row["name"],
            title=from_table(row["title"]),
            graph_url=row["graph_url"],
            authority_url=row["authority_url"],
            features=tuple(
                Feature(o["feature"], from_table(o["title"]), o["source"], Offer(o[row["name"]])) for o in offers
            ),
            source=row["source"],
        )
        for row in _rows("clouds.csv")
    )


def addresses_of(parameters: Parameters) -> Addresses:
    """The addresses that the parameters mean: those given, and the cloud's where they are empty."""
    cloud = next(known for known in clouds() if known.name == parameters.cloud)
    return Addresses(
        graph_url=(parameters.graph_url or cloud.graph_url).rstrip("/"),
        authority_url=(parameters.authority_url or cloud.authority_url).rstrip("/"),
        cloud=cloud,
    )


def cloud_contradictions(parameters: Parameters) -> Iterator[tuple[str, Text]]:
    """Addresses of one of Microsoft's clouds that are not those of the cloud named: parameter and whose it is."""
    chosen = next(known for known in clouds() if known.name == parameters.cloud)
    for name in MEANT_FOR_ONE_CLOUD:
        given = str(getattr(parameters, name)).rstrip("/").lower()
        owners = [known for known in clouds() if getattr(known, name) == given]
        if owners and chosen not in owners:
            yield name, joined((owner.name for owner in owners), t(" and of "))


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("runbook_lib.parameters").joinpath(name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


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
    if not is_ip_address(host):
        return None
    if not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        return None
    return host, int(port)


GUID_FIELDS = ("tenant_id", "client_id", "cloud_sync_pilot")
_URL_FIELDS = ("graph_url", "authority_url")


def guids(parameters: Parameters) -> Iterator[Complaint]:
    """Identifiers of the tenant, the app and the groups that are no GUIDs."""
    values: list[tuple[Location, str]] = [((name,), getattr(parameters, name)) for name in GUID_FIELDS]
    values = [(location, text) for location, text in values if text]
    for name in ("select_ids", "disable_ids"):
        values += [((name, number), text) for number, text in enumerate(getattr(parameters, name))]
    what, hint = t("is not a GUID"), t("A GUID is 8-4-4-4-12 hexadecimal digits.")
    yield from (Complaint(location, what, "malformed-guid", hint) for location, text in values if not is_guid(text))


def urls(parameters: Parameters) -> Iterator[Complaint]:
    """Addresses of services that are no https addresses."""
    for name in _URL_FIELDS:
        text = getattr(parameters, name)
        if text and not is_https(text):
            yield Complaint(
                (name,),
                t("is not a plain https address"),
                "malformed-url",
                t("Write for example https://graph.microsoft.com."),
            )


def cloud(parameters: Parameters) -> Iterator[Complaint]:
    """Addresses that belong to another cloud than the one that is named."""
    for name, owner in cloud_contradictions(parameters):
        yield Complaint(
            (name,),
            t(
                "is the address of the cloud {owner}, and the parameter cloud says {cloud}",
                owner=owner,
                cloud=parameters.cloud,
            ),
            "contradictory-cloud",
            t("Leave {name} empty, or name the tenant's cloud.", name=name),
            beside=("cloud",),
        )


def sign_in(parameters: Parameters) -> Iterator[Complaint]:
    """A cache for the sign-in of a person where an app signs in."""
    if parameters.sign_in_cache != "none" and parameters.sign_in != "device-code":
        yield Complaint(
            ("sign_in_cache",),
            t("keeps the sign-in of a person, and sign_in is {sign_in}", sign_in=parameters.sign_in),
            "cache-without-person",
            t("Leave it out: an app signs in by itself each time."),
            beside=("sign_in",),
        )


def doubtful_names(parameters: Parameters) -> Iterator[Text]:
    """A sentence each about a domain controller or an account that is named in a form that hardly works."""
    for name in ("dc_host", "dc_host_fallback"):
        text = getattr(parameters, name)
        if text and is_ip_address(text.strip("[]")):
            yield t(
                "{name} is an IP address: certificates of domain controllers name hosts, so TLS will hardly take it. "
                "Write the full name, for example dc01.contoso.com.",
                name=name,
            )
        elif text and "." not in text and text != "localhost":
            yield t(
                "{name} is a short name: the certificate has to hold it as it stands here. Domain controllers' "
                "certificates hold the full name, for example dc01.contoso.com.",
                name=name,
            )
    user = parameters.bind_user
    if "\\" in user and "=" not in user:
        yield t(
            "bind_user has the form DOMAIN\\user. Write the user principal name, for example svc-gwb@contoso.com: it "
            "names the account in the whole forest."
        )
    elif user and "@" not in user and "=" not in user:
        yield t(
            "bind_user is neither a user principal name nor a distinguished name: a domain controller refuses it like "
            "a wrong password. Write for example svc-gwb@contoso.com."
        )


_PRINCIPAL = re.compile(r"[^@\\=,\s]+@[A-Za-z0-9.-]+")
_DN_FIELDS = ("target_ou", "retired_ou")


def controllers(parameters: Parameters) -> Iterator[Complaint]:
    """Names of domain controllers, and a second one without a first."""
    for name in ("dc_host", "dc_host_fallback"):
        text = getattr(parameters, name)
        if text and not is_host(text):
            yield Complaint(
                (name,),
                t("is not a host name"),
                "malformed-host",
                t("Write the name alone, without ldaps:// and without a port (dc_port)."),
            )
    if parameters.dc_host_fallback and not parameters.dc_host:
        yield Complaint(
            ("dc_host_fallback",),
            t("is given, but dc_host is not"),
            "fallback-alone",
            t("Name dc_host first."),
            beside=("dc_host",),
        )
    elif parameters.dc_host and parameters.dc_host_fallback.casefold() == parameters.dc_host.casefold():
        yield Complaint(
            ("dc_host_fallback",), t("is the same as dc_host"), "fallback-same", t("Name another one, or none.")
        )


def bind(parameters: Parameters) -> Iterator[Complaint]:
    """Parts of a sign-in that do not fit its method."""
    kerberos = parameters.bind_method == "kerberos"
    if parameters.kerberos_keytab and not kerberos:
        yield Complaint(
            ("kerberos_keytab",),
            t("needs bind_method: kerberos"),
            "keytab-unused",
            t("Set bind_method, or leave it out."),
            beside=("bind_method",),
        )
    if parameters.bind_password_file and kerberos:
        yield Complaint(
            ("bind_password_file",),
            t("is of no use with bind_method: kerberos"),
            "password-unused",
            t("Leave it out, or set kerberos_keytab."),
            beside=("bind_method",),
        )
    if kerberos and parameters.bind_user and not _PRINCIPAL.fullmatch(parameters.bind_user):
        yield Complaint(
            ("bind_user",),
            t("is no Kerberos principal"),
            "malformed-principal",
            t("Write name@REALM, or leave it empty."),
            beside=("bind_method",),
        )


def require_dn(text: str) -> None:
    """Raise ``MalformedDnError`` where ``text`` is no DN of an Active Directory domain: strict, with DC= at its end."""
    if parse_dn(text, strict=True)[-1][0][0] != "dc":
        raise MalformedDnError(t("it does not end with DC=…"))


def ou_names(parameters: Parameters) -> Iterator[Complaint]:
    """OUs that are no distinguished names, and one OU for two purposes."""
    values: list[tuple[Location, str]] = [((name,), getattr(parameters, name)) for name in _DN_FIELDS]
    values = [(location, text) for location, text in values if text]
    values += [
        ((name, number), text)
        for name in ("protected_ous", "access_ous")
        for number, text in enumerate(getattr(parameters, name))
    ]
    malformed: list[Complaint] = []
    for location, text in values:
        try:
            require_dn(text)
        except MalformedDnError as error:
            malformed.append(
                Complaint(
                    location,
                    t("is not a distinguished name: {error}", error=error.reason),
                    "malformed-dn",
                    t("Write for example OU=Cloud Groups,DC=contoso,DC=com; a comma inside a name needs a backslash."),
                )
            )
    yield from malformed
    target, retired = parameters.target_ou, parameters.retired_ou
    if not malformed and target and retired and same_dn(target, retired):
        yield Complaint(
            ("retired_ou",), t("is the same OU as target_ou"), "same-ou", t("Retired groups need an OU of their own.")
        )
