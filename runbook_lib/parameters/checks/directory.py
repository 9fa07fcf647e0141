"""The directory: controllers, sign-in, OUs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.parameters.addresses import is_host
from runbook_lib.parameters.complaint import Complaint
from runbook_lib.parameters.dn import parse_dn, same_dn
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.yaml_text import Location

_PRINCIPAL = re.compile(r"[^@\\=,\s]+@[A-Za-z0-9.-]+")
_DN_FIELDS = ("target_ou", "retired_ou")


def controllers(parameters: Parameters) -> Iterator[Complaint]:
    """Names of domain controllers, and a second one without a first."""
    for name in ("dc_host", "dc_host_fallback"):
        text = getattr(parameters, name)
        if text and not is_host(text):
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


def bind(parameters: Parameters) -> Iterator[Complaint]:
    """Parts of a sign-in that do not fit its method."""
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


def ous(parameters: Parameters) -> Iterator[Complaint]:
    """OUs that are no distinguished names, and one OU for two purposes."""
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
