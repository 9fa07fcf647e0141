"""Whether a text is the name of a host or domain, an https address, the address of a DNS server. Pure."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.?"
)


def is_host(text: str) -> bool:
    """Whether it is a host name or an IP address."""
    if _HOST.fullmatch(text):
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_domain(text: str) -> bool:
    """Whether it is a DNS name with a dot in it."""
    return "." in text and _HOST.fullmatch(text) is not None


def is_https(text: str) -> bool:
    """Whether it is a plain https address: a host, perhaps a port, nothing else."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc or re.search(r"[\s\\?#]", text))
    return parts.scheme == "https" and is_host(parts.hostname or "") and parts.path in ("", "/") and plain and port != 0


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
