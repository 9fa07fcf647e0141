"""Sign-in of the app itself (client credentials), by certificate or by client secret, through msal."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

import msal

from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.graph.aadsts import sign_in_refused
from runbook_lib.graph.credential import ClientCertificate, require_valid
from runbook_lib.graph.sender import Answer, Sender
from runbook_lib.secrets import Secret
from runbook_lib.text import printable

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

_MARGIN = timedelta(minutes=5)
"""A token is renewed this long before it ends, as msal does; tokens that live less than four times that, at a quarter
of their life before the end."""


class Tokens(Protocol):
    """What a Graph client needs to know about signing in."""

    def token(self, *, refused: Secret | None = None) -> Secret:
        """A token that is valid now; another one than ``refused`` if that is given."""
        ...


class TokenSource:
    """Access tokens for Microsoft Graph, renewed before they end. Threads may share it.

    Args:
        tenant_id: Tenant id, a GUID.
        client_id: Application id, a GUID.
        credential: Certificate with key, or the client secret.
        authority_url: Sign-in address, ``https://host[:port]``.
        graph_url: Address of Graph, which names the scope.
        sender: Sends what msal wants sent.
        clock: Now, UTC.
    """

    def __init__(
        self,
        *,
        tenant_id: str,
        client_id: str,
        credential: ClientCertificate | Secret,
        authority_url: str,
        graph_url: str,
        sender: Sender,
        clock: Callable[[], datetime],
    ) -> None:
        self._tenant_id = tenant_id
        self._client_id = client_id
        self._credential = credential
        self._authority = f"{authority_url.rstrip('/')}/{tenant_id}"
        self._scope = f"{graph_url.rstrip('/')}/.default"
        self._http = _HttpForMsal(sender, urlsplit(authority_url).netloc)
        self._clock = clock
        self._lock = threading.Lock()
        self._app: Any = None
        self._held: tuple[Secret, datetime] | None = None
        """The token and the moment from which it is renewed."""

    def __repr__(self) -> str:
        return f"TokenSource(tenant_id={self._tenant_id!r}, client_id={self._client_id!r})"

    @property
    def tenant_id(self) -> str:
        """The tenant that the parameters name, lower case."""
        return self._tenant_id.lower()

    def token(self, *, refused: Secret | None = None) -> Secret:
        """A token that is valid now.

        Args:
            refused: A token that Graph refused; it is not given again. Several threads that were refused the same
                token cause one renewal.

        Raises:
            NoAccess: Refused (``sign-in-refused`` with the AADSTS number), an expired certificate, an untrusted or
                unreachable sign-in host.
            ServiceFailed: The sign-in service does not work.
        """
        with self._lock:
            if self._held is not None and self._held[0] != refused and self._clock() < self._held[1]:
                return self._held[0]
            self._held = self._renewed()
            return self._held[0]

    def _renewed(self) -> tuple[Secret, datetime]:
        if isinstance(self._credential, ClientCertificate):
            require_valid(self._credential, now=self._clock())
        asked = self._clock()
        answer = self._ask()
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token:
            raise self._refused(answer)
        text = str(seconds)  # some services send it as a text
        life = timedelta(seconds=min(int(text), 86_400)) if text.isdecimal() else timedelta()
        return Secret(token), asked + life - min(_MARGIN, life / 4)

    def _ask(self) -> Mapping[str, object]:
        """msal's answer; its own exceptions, which can carry whole requests, end here."""
        self._http.last_refusal = None
        problem = ""
        try:
            if self._app is None:
                self._app = self._new_app()
            self._app.remove_tokens_for_client()  # this class decides when a token is used again, not msal's clock
            answer: object = self._app.acquire_token_for_client(scopes=[self._scope])
            if isinstance(answer, dict):
                return answer
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:  # malformed answers
            problem = type(error).__name__
        if self._http.last_refusal is not None:
            raise self._refused(self._http.last_refusal)
        raise ServiceFailed(
            f"The sign-in service at {self._http.host} answered in a form that is not understood.",
            code="sign-in-garbled",
            hint="Check authority_url; something between here and the sign-in service may be answering in its place.",
            values={"host": self._http.host, "problem": problem},
        )

    def _new_app(self) -> Any:
        credential: object
        if isinstance(self._credential, ClientCertificate):
            # Given the certificate and no thumbprint, msal signs with PS256 and names the SHA-256 thumbprint.
            credential = {
                "private_key": self._credential.private_key.reveal(),
                "public_certificate": self._credential.certificate,
            }
        else:
            credential = self._credential.reveal()
        known = urlsplit(self._authority).hostname in MICROSOFT_AUTHORITY_HOSTS
        return msal.ConfidentialClientApplication(
            self._client_id,
            client_credential=credential,
            authority=self._authority,
            http_client=self._http,
            instance_discovery=None if known else False,
        )

    def _refused(self, answer: Mapping[str, object]) -> NoAccess:
        values: dict[str, object] = {"tenant_id": self._tenant_id, "client_id": self._client_id}
        secrets: tuple[str, ...] = ()
        if isinstance(self._credential, ClientCertificate):
            how = f"the certificate with thumbprint {self._credential.thumbprint_sha1}"
            values["thumbprint"] = self._credential.thumbprint_sha1
        else:
            how = "a client secret"
            secrets = (self._credential.reveal(),)
        who = f"App {printable(self._client_id)} of tenant {printable(self._tenant_id)} signed in with {how}"
        return sign_in_refused(answer, who=who, secrets=secrets, values=values)


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


class _HttpForMsal:
    """msal's HTTP client: our session with its CA, time limits and retries.

    Only JSON objects are handed on, because msal logs the text of anything else, and a truncated answer can hold a
    token. Requests go only to the host of the authority, or among Microsoft's own, whatever the metadata names.
    """

    def __init__(self, sender: Sender, host: str) -> None:
        self._sender = sender
        self.host = host
        self.last_refusal: Mapping[str, object] | None = None

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
        return self._response(self._sender.send("POST", url, params=params, headers=headers, data=data))

    def close(self) -> None:
        """Nothing: the session belongs to whoever made it."""

    def _response(self, answer: Answer) -> _Response:
        if answer.status >= 300 and answer.body is not None:
            self.last_refusal = answer.body
        body = answer.body or {"error": f"HTTP {answer.status}, and nothing that a sign-in service says"}
        return _Response(answer.status, json.dumps(body), dict(answer.headers))

    def _require_known_host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.netloc == self.host:
            return
        if parts.netloc in MICROSOFT_AUTHORITY_HOSTS and self.host in MICROSOFT_AUTHORITY_HOSTS:
            return
        raise ServiceFailed(
            f"The sign-in service at {self.host} sends its callers to {printable(parts.netloc, limit=100)}, "
            "and no credential is sent there.",
            code="sign-in-elsewhere",
            hint="Check authority_url.",
            values={"host": self.host, "named": printable(parts.netloc, limit=100)},
        )
