"""What a failed connection means, in words: nothing here quotes an exception, because those carry whole requests."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator

import requests
from urllib3 import exceptions as pool

from runbook_lib.errors import NoAccess
from runbook_lib.graph.retry import Trouble
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable

NETWORK_ERRORS = (OSError, pool.HTTPError, ssl.SSLError)
"""What sending a request may raise; requests' own exceptions are OSErrors."""


_PROXY_SIGN_IN = re.compile(r"Tunnel connection failed: 407\b")


def connection_trouble(error: Exception, *, host: str, values: dict[str, object]) -> Trouble | NoAccess:
    """What a network error means for a request to ``host`` (``name:port``).

    The error to raise where trying again cannot help, because the certificate of the host is not trusted
    (``cloud-certificate``) or the proxy wants another sign-in (``cloud-proxy``), whose account a second try could lock;
    else the trouble that another attempt may overcome.
    """
    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(host, cause.verify_message or "", values)
    if type(error) is OSError:  # requests' way to say that a CA file does not exist; ours was checked before
        return _no_bundle(host, values)
    if isinstance(error, requests.exceptions.ProxyError):
        # http.client tells the proxy's answer in words alone; they are looked at and never quoted.
        if any(isinstance(cause, OSError) and _PROXY_SIGN_IN.search(str(cause)) for cause in causes):
            return _proxy_sign_in(host, values)
        return _unreachable(f"The proxy on the way to {host} did not let the connection through", values)
    if any(isinstance(cause, pool.NameResolutionError) for cause in causes):
        return _unreachable(f"The name of {host} cannot be resolved", values)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return _unreachable(f"{host} did not accept a connection in time", values)
    if any(isinstance(cause, pool.NewConnectionError) for cause in causes):
        return _unreachable(f"{host} cannot be reached", values)
    if isinstance(error, (requests.exceptions.SSLError, ssl.SSLError)):
        return _unreachable(f"{host} did not complete the TLS handshake", values)
    if isinstance(error, ValueError):  # requests' family for addresses and proxies that are none
        return _unreachable(f"The address or the proxy of {host} cannot be used", values)
    if isinstance(error, requests.exceptions.Timeout | pool.TimeoutError):
        return Trouble("cloud-no-answer", f"{host} did not answer in time", values=values)
    return Trouble("cloud-connection-lost", f"The connection to {host} broke off", values=values)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps: requests and urllib3 keep it in ``args``, ``reason`` or ``__context__``."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]


def _unreachable(what: str, values: dict[str, object]) -> Trouble:
    return Trouble("cloud-unreachable", what, unreachable=True, values=values)


def _untrusted(host: str, why: str, values: dict[str, object]) -> NoAccess:
    reason = printable(why, limit=120) or "it could not be verified"
    return NoAccess(
        t("The certificate of {host} is not trusted: {reason}.", host=host, reason=reason),
        code="cloud-certificate",
        hint=t("Name the CA that issued it in the parameter cloud_ca_file, and the host as its certificate does."),
        values=values,
    )


def _no_bundle(host: str, values: dict[str, object]) -> NoAccess:
    return NoAccess(
        t(
            "The certificate of {host} cannot be checked: the CA file that the environment names is not there.",
            host=host,
        ),
        code="cloud-certificate",
        hint=t("Correct REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, or name a CA file in the parameter cloud_ca_file."),
        values=values,
    )


def _proxy_sign_in(host: str, values: dict[str, object]) -> NoAccess:
    return NoAccess(
        t("The proxy on the way to {host} wants a user name and a password that it accepts (HTTP 407).", host=host),
        code="cloud-proxy",
        hint=t("Put them into HTTPS_PROXY: http://user:password@proxy:port, with special characters as %40, %3A, %2F."),
        values=values,
    )
