"""Which tenant a domain name or an id means, asked from sign-in itself (OpenID Connect discovery): nobody signs in.

Source: Microsoft identity platform documentation, "OpenID Connect on the Microsoft identity platform", "Find your app's
OpenID configuration document URI". Which cloud it is in is taken from the Graph host that the document names, where it
is one that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from runbook_lib.errors import NoAccess, ServiceFailed, UsageError
from runbook_lib.graph.sender import Answer
from runbook_lib.model.addresses import is_domain
from runbook_lib.model.ids import guid_within, is_guid
from runbook_lib.model.text import NOTHING, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.connections import Cloud, clouds

Discovery = Callable[[str], Answer]
"""Answers a GET of an address; raises a RunbookError where the host does not answer."""


@dataclass(frozen=True, slots=True)
class KnownTenant:
    """A tenant that sign-in knows.

    Attributes:
        tenant_id: Its id, lower case.
        cloud: Name of Microsoft's cloud that it is in; empty where the answer names none that is known.
    """

    tenant_id: str
    cloud: str


def find_tenant(text: str, ask: Discovery, authorities: Sequence[str]) -> KnownTenant:
    """The tenant of this domain name or id.

    Args:
        text: As somebody typed it.
        ask: Sends one request.
        authorities: Sign-in addresses to ask, in this order, until one knows the tenant.

    Raises:
        UsageError: ``tenant-malformed``, or ``tenant-unknown`` to every address.
        ServiceFailed: ``tenant-garbled``: an answer that is no discovery document.
        RunbookError: The first address does not answer, or is not trusted.
    """
    name = text.strip().lower()
    if not is_guid(name) and not is_domain(name):
        raise UsageError(
            t("{text!r} is neither a domain name nor a tenant id.", text=printable(text, limit=80)),
            code="tenant-malformed",
            hint=t("Write for example contoso.com, contoso.onmicrosoft.com or the id, a GUID."),
        )
    silent: list[str] = []
    for number, authority in enumerate(authorities):
        try:
            answer = ask(f"{authority}/{quote(name, safe='')}/v2.0/.well-known/openid-configuration")
        except (NoAccess, ServiceFailed):
            if number == 0:
                raise
            silent.append(urlsplit(authority).netloc)  # a network lets through the cloud that it needs
            continue
        if answer.whole is not None:
            return _tenant(answer.whole, urlsplit(authority).netloc)
        if not 400 <= answer.status < 500:
            break
    hosts = ", ".join(host for one in authorities if (host := urlsplit(one).netloc) not in silent)
    raise UsageError(
        joined(
            (
                t("No tenant {name} is known to {hosts}.", name=name, hosts=hosts),
                t("Not reached: {silent}.", silent=", ".join(silent)) if silent else NOTHING,
            )
        ),
        code="tenant-unknown",
        hint=t("Take the tenant id or a verified domain from the overview page of the Entra admin center."),
        values={"tenant": name},
    )


def authorities_of(authority_url: str) -> tuple[str, ...]:
    """Sign-in addresses to ask: the one that is given, or those of Microsoft's clouds, each once."""
    if authority_url:
        return (authority_url.rstrip("/"),)
    return tuple(dict.fromkeys(cloud.authority_url for cloud in clouds()))


def _tenant(document: Mapping[str, object], host: str) -> KnownTenant:
    found = guid_within(str(document.get("issuer", "")))
    if found is None:
        raise ServiceFailed(
            t("{host} answered with something other than a tenant's discovery document.", host=host),
            code="tenant-garbled",
            hint=t("Check whether a proxy answers in its place."),
            values={"host": host},
        )
    return KnownTenant(found, next((cloud.name for cloud in clouds() if _is_of(document, cloud)), ""))


def _is_of(document: Mapping[str, object], cloud: Cloud) -> bool:
    return document.get("msgraph_host") == urlsplit(cloud.graph_url).netloc
