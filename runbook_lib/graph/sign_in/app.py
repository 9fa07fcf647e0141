"""Sign-in of the app itself (client credentials) through msal: by certificate, client secret, or a trusted token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msal

from runbook_lib.errors import NoAccess
from runbook_lib.graph.sender import Sender
from runbook_lib.graph.sign_in.certificate import ClientCertificate, require_valid
from runbook_lib.graph.sign_in.msal_http import HttpForMsal, Registration
from runbook_lib.graph.sign_in.refusals import sign_in_refused
from runbook_lib.graph.sign_in.tokens import CAPABILITIES, has_token
from runbook_lib.graph.sign_in.workload_identity import FederatedToken
from runbook_lib.model.text import t
from runbook_lib.secrets.sources import Secret, doubtful


class AppSignIn:
    """Signs the app in.

    Args:
        registration: App, tenant and addresses.
        credential: Certificate with key, the client secret, or where the token of a trusted issuer is.
        sender: Sends what msal wants sent.
        clock: Now, UTC.
    """

    def __init__(
        self,
        registration: Registration,
        credential: ClientCertificate | FederatedToken | Secret,
        *,
        sender: Sender,
        clock: Callable[[], datetime],
    ) -> None:
        self._registration = registration
        self._credential = credential
        self._http = HttpForMsal(sender, urlsplit(registration.authority_url).netloc)
        self._clock = clock
        self._app: Any = None

    def __repr__(self) -> str:
        return f"AppSignIn({self._registration!r})"

    def abandon(self) -> None:
        """Nothing: nobody is waited for."""

    def acquire(self, *, claims: str | None, renew: bool) -> Mapping[str, object]:  # noqa: ARG002 - always a new one
        """A new token.

        Raises:
            UsageError: The file with the token cannot be read.
            NoAccess: Refused (``sign-in-refused``), or an expired certificate.
            ServiceFailed: The sign-in service does not work.
        """
        if isinstance(self._credential, ClientCertificate):
            require_valid(self._credential, now=self._clock())
        answer = self._http.ask(lambda: self._ask(claims)) or {}
        if not has_token(answer):
            raise self._refused(answer)
        return answer

    def _ask(self, claims: str | None) -> object:
        if self._app is None:
            self._app = self._new_app()
        self._app.remove_tokens_for_client()  # TokenSource decides when a token is used again, not msal's clock
        return self._app.acquire_token_for_client(scopes=[self._registration.scope], claims_challenge=claims)

    def _new_app(self) -> Any:
        credential: object
        if isinstance(self._credential, ClientCertificate):
            # Given the certificate and no thumbprint, msal signs with PS256 and names the SHA-256 thumbprint. The key
            # goes through it to PyJWT, which would read and try a PEM text anew.
            credential = {
                "private_key": self._credential.private_key,
                "public_certificate": self._credential.certificate,
            }
        elif isinstance(self._credential, FederatedToken):
            # Called for each request: the file is read anew each time.
            credential = {"client_assertion": lambda token=self._credential: token.read().reveal()}
        else:
            credential = self._credential.reveal()
        return msal.ConfidentialClientApplication(
            self._registration.client_id,
            client_credential=credential,
            authority=self._registration.authority,
            http_client=self._http,
            instance_discovery=self._registration.instance_discovery,
            client_capabilities=CAPABILITIES,
        )

    def _refused(self, answer: Mapping[str, object]) -> NoAccess:
        values = self._registration.values
        secrets: tuple[str, ...] = ()
        if isinstance(self._credential, ClientCertificate):
            thumbprint = self._credential.thumbprint_sha1
            how = t("the certificate with thumbprint {thumbprint}", thumbprint=thumbprint)
            values["thumbprint"] = thumbprint
        elif isinstance(self._credential, FederatedToken):
            how = t("the token in {path}", path=self._credential.path)
        else:
            secrets = (self._credential.reveal(),)
            doubt = doubtful(secrets[0])
            how = t("a client secret that {doubt}", doubt=doubt) if doubt else t("a client secret")
        who = t("{app} signed in with {how}", app=self._registration.shown, how=how)
        return sign_in_refused(answer, who=who, secrets=secrets, values=values)
