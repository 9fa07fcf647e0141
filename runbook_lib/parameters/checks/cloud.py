"""The tenant: identifiers, addresses, sign-in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.parameters.addresses import is_https
from runbook_lib.parameters.clouds import contradictions
from runbook_lib.parameters.complaint import Complaint
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.yaml_text import Location

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
GUID_FIELDS = ("tenant_id", "client_id")
_URL_FIELDS = ("graph_url", "authority_url")


def guids(parameters: Parameters) -> Iterator[Complaint]:
    """Identifiers of the tenant, the app and the groups that are no GUIDs."""
    values: list[tuple[Location, str]] = [((name,), getattr(parameters, name)) for name in GUID_FIELDS]
    values = [(location, text) for location, text in values if text]
    for name in ("select_ids", "disable_ids"):
        values += [((name, number), text) for number, text in enumerate(getattr(parameters, name))]
    for location, text in values:
        if not _GUID.fullmatch(text):
            yield Complaint(location, "is not a GUID", "malformed-guid", "A GUID is 8-4-4-4-12 hexadecimal digits.")


def urls(parameters: Parameters) -> Iterator[Complaint]:
    """Addresses of services that are no https addresses."""
    for name in _URL_FIELDS:
        text = getattr(parameters, name)
        if text and not is_https(text):
            yield Complaint(
                (name,),
                "is not a plain https address",
                "malformed-url",
                "Write for example https://graph.microsoft.com.",
            )


def cloud(parameters: Parameters) -> Iterator[Complaint]:
    """Addresses that belong to another cloud than the one that is named."""
    for name, owner in contradictions(parameters):
        yield Complaint(
            (name,),
            f"is the address of the cloud {owner}, and the parameter cloud says {parameters.cloud}",
            "contradictory-cloud",
            f"Leave {name} empty, or name the tenant's cloud.",
        )


def sign_in(parameters: Parameters) -> Iterator[Complaint]:
    """A cache for the sign-in of a person where an app signs in."""
    if parameters.sign_in_cache != "none" and parameters.sign_in != "device-code":
        yield Complaint(
            ("sign_in_cache",),
            f"keeps the sign-in of a person, and sign_in is {parameters.sign_in}",
            "cache-without-person",
            "Leave it out: an app signs in by itself each time.",
        )
