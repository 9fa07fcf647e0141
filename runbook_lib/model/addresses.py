"""Addresses by their form alone: host names, https addresses, SMTP addresses. Pure, nobody is asked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container, Iterable
from urllib.parse import urlsplit

_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.?"
)


def is_host(text: str) -> bool:
    """Whether it is a host name or an IP address."""
    return _HOST.fullmatch(text) is not None or is_ip_address(text)


def is_ip_address(text: str) -> bool:
    """Whether it is an IP address, of either version."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_domain(text: str) -> bool:
    """Whether it is a DNS name with a dot in it."""
    return "." in text and _HOST.fullmatch(text) is not None


def is_https(text: str, *, with_path: bool = False) -> bool:
    """Whether it is an https address; see ``is_web_address``."""
    return is_web_address(text, ("https",), with_path=with_path)


def is_web_address(text: str, schemes: Container[str], *, with_path: bool = False) -> bool:
    """Whether it is an address of one of these schemes: a host, perhaps a port, nothing that could look like another.

    Args:
        text: The address.
        schemes: ``http``, ``https``.
        with_path: Let a path and a query follow, as in an address that a person opens; else at most ``/``.
    """
    if any(not "!" <= char <= "~" or char == "\\" for char in text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    if not with_path and (parts.path not in ("", "/") or "?" in text or "#" in text):
        return False
    return parts.scheme in schemes and is_host(parts.hostname or "") and "@" not in parts.netloc and port != 0


def smtp_address(proxy_address: str) -> str:
    """The address in a value of ``proxyAddresses`` (``SMTP:Team@contoso.com``), lower case; empty for other kinds."""
    kind, _, address = proxy_address.partition(":")
    return address.strip().lower() if kind.lower() == "smtp" else ""


def smtp_addresses(mail: str | None, proxy_addresses: Iterable[str]) -> tuple[str, ...]:
    """Every SMTP address of an object, lower case and without prefix: ``mail`` first, the others sorted, each once."""
    others = sorted(filter(None, map(smtp_address, proxy_addresses)))
    first = (mail or "").strip().lower()
    return tuple(dict.fromkeys([first, *others] if first else others))


def mail_domain(address: str | None) -> str:
    """The part of a mail address behind its last ``@``, lower case; empty where there is none."""
    return (address or "").rpartition("@")[2].lower() if "@" in (address or "") else ""
