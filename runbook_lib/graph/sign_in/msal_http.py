"""msal's way to the network: our session with its CA, time limits and retries."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from runbook_lib.errors import ServiceFailed
from runbook_lib.graph.sender import Answer, Sender
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable

MICROSOFT_AUTHORITY_HOSTS = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoft.com",
        "login.windows.net",
        "sts.windows.net",
        "login.microsoftonline.us",
        "login.usgovcloudapi.net",
        "login.chinacloudapi.cn",
        "login.partner.microsoftonline.cn",
    }
)
"""Hosts that Microsoft's instance discovery knows; for any other, msal would ask login.microsoftonline.com and fail."""


@dataclass(frozen=True, slots=True)
class Registration:
    """The app registration and where it signs in.

    Attributes:
        tenant_id: Tenant id, a GUID.
        client_id: Application id, a GUID.
        authority_url: Sign-in address, ``https://host[:port]``.
        graph_url: Address of Graph, which names the scope.
    """

    tenant_id: str
    client_id: str
    authority_url: str
    graph_url: str

    @property
    def authority(self) -> str:
        """The tenant's authority."""
        return f"{self.authority_url.rstrip('/')}/{self.tenant_id}"

    @property
    def scope(self) -> str:
        """Everything that was consented for Graph."""
        return f"{self.graph_url.rstrip('/')}/.default"

    @property
    def instance_discovery(self) -> bool | None:
        """What msal is told: None (its own way) for Microsoft's hosts, False for any other."""
        return None if urlsplit(self.authority_url).hostname in MICROSOFT_AUTHORITY_HOSTS else False

    @property
    def shown(self) -> Text:
        """App and tenant in words."""
        return t("App {app} of tenant {tenant}", app=printable(self.client_id), tenant=printable(self.tenant_id))

    @property
    def values(self) -> dict[str, object]:
        """App and tenant for errors."""
        return {"tenant_id": self.tenant_id, "client_id": self.client_id}


_SECRET_FIELDS = ("client_secret", "client_assertion", "refresh_token", "device_code", "code")


@dataclass(frozen=True, slots=True)
class _Response:
    """What msal reads of an answer."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Only asked for server errors, which never get here: they are tried again and then raised as ours."""
        if self.status_code >= 400:
            raise ValueError(f"HTTP {self.status_code}")


class HttpForMsal:
    """msal's HTTP client.

    Only JSON objects are handed on, because msal logs the text of anything else, and a truncated answer can hold a
    token. Requests go only to the host of the authority, or among Microsoft's own, whatever the metadata names.
    """

    def __init__(self, sender: Sender, host: str) -> None:
        self._sender = sender
        self.host = host
        self.last_refusal: Mapping[str, object] | None = None

    def ask(self, call: Callable[[], Any]) -> Mapping[str, object] | None:
        """What msal returns, or the refusal that it stumbled over; None if it has nothing to say.

        msal's own exceptions, which can carry whole requests, end here.

        Raises:
            ServiceFailed: The service does not answer as a sign-in service does (``sign-in-garbled``).
        """
        self.last_refusal = None
        problem = ""
        try:
            answer: object = call()
            if answer is None or isinstance(answer, dict):
                return answer
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:  # malformed answers
            problem = type(error).__name__
        refusal = self._refusal()
        if refusal is not None:
            return refusal
        raise ServiceFailed(
            t("The sign-in service at {it_host} answered in a form that is not understood.", it_host=self.host),
            code="sign-in-garbled",
            hint=t(
                "Check authority_url; something between here and the sign-in service may be answering in its place."
            ),
            values={"host": self.host, "problem": problem},
        )

    def get(
        self, url: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None, **_: object
    ) -> _Response:
        """GET, for metadata."""
        self._require_known_host(url)
        return self._response(self._sender.send("GET", url, params=params, headers=headers))

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | str | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> _Response:
        """POST, for tokens."""
        self._require_known_host(url)
        answer = self._sender.send("POST", url, params=params, headers=headers, data=data)
        return self._response(answer, _secrets_in(data))

    def close(self) -> None:
        """Nothing: the session belongs to whoever made it."""

    def _refusal(self) -> Mapping[str, object] | None:
        return self.last_refusal

    def _response(self, answer: Answer, sent: Sequence[str] = ()) -> _Response:
        body = answer.body or {"error": f"HTTP {answer.status}, and nothing that a sign-in service says"}
        if answer.status >= 300:
            # msal logs what a refusal says, and some services quote what they were sent.
            body = {name: _without(value, sent) for name, value in body.items()}
            self.last_refusal = body if answer.body is not None else None
        return _Response(answer.status, json.dumps(body), dict(answer.headers))

    def _require_known_host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.netloc == self.host:
            return
        if parts.netloc in MICROSOFT_AUTHORITY_HOSTS and self.host in MICROSOFT_AUTHORITY_HOSTS:
            return
        raise ServiceFailed(
            t(
                "The sign-in service at {it_host} sends its callers to {netloc}, and no credential is sent there.",
                it_host=self.host,
                netloc=printable(parts.netloc, limit=100),
            ),
            code="sign-in-elsewhere",
            hint=t("Check authority_url."),
            values={"host": self.host, "named": printable(parts.netloc, limit=100)},
        )


def _without(value: object, sent: Sequence[str]) -> object:
    if not isinstance(value, str):
        return value
    for secret in sent:
        for form in (secret, quote_plus(secret), quote(secret, safe="")):
            value = value.replace(form, "[redacted]")
    return value


def _secrets_in(data: object) -> list[str]:
    found = [data.get(name) for name in _SECRET_FIELDS] if isinstance(data, Mapping) else []
    # msal gives some of them as bytes.
    return [secret.decode() if isinstance(secret, bytes) else str(secret) for secret in found if secret]
