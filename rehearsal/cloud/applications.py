"""App registrations of the tenant and the sign-in rules of the client-credentials grant.

Error numbers and wording follow "Microsoft Entra authentication and authorization error codes" (AADSTS…).
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from rehearsal.cloud.tokens import InvalidTokenError, TokenSigner, check_signature, split_token, thumbprints

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GRAPH_RESOURCE = "https://graph.microsoft.com"


class SignInError(Exception):
    """A refusal as Microsoft Entra ID words it.

    Args:
        number: AADSTS number.
        error: OAuth error code (RFC 6749, section 5.2).
        text: Description without the AADSTS prefix.
        status: HTTP status.
    """

    def __init__(self, number: int, error: str, text: str, *, status: int = 400) -> None:
        super().__init__(f"AADSTS{number}: {text}")
        self.number = number
        self.error = error
        self.status = status


@dataclass(frozen=True)
class Application:
    """One app registration with its service principal. ``roles`` are Graph application permissions with consent."""

    client_id: str
    object_id: str
    display_name: str
    secret: str = field(repr=False)
    certificates: tuple[x509.Certificate, ...]
    roles: tuple[str, ...]


class SignIn:
    """The token service of one tenant.

    ``clock`` answers aware datetimes. ``token_lifetime`` (seconds) may be changed at any time and counts for tokens
    issued from then on.
    """

    def __init__(self, tenant_id: str, applications: tuple[Application, ...], *, clock: Callable[[], datetime]) -> None:
        self.tenant_id = tenant_id
        self.clock = clock
        self.signer = TokenSigner()
        self.token_lifetime = 3600
        self.tokens_issued = 0
        self._seed = applications
        self._applications = {app.client_id: app for app in applications}

    def reset(self) -> None:
        """App registrations and token lifetime as at the start. Tokens already issued stay valid."""
        self.token_lifetime = 3600
        self._applications = {app.client_id: app for app in self._seed}

    def grant_roles(self, client_id: str, roles: tuple[str, ...]) -> None:
        """Replace the consented permissions of an application; new tokens carry them.

        Raises:
            KeyError: Unknown client id.
        """
        self._applications[client_id] = replace(self._applications[client_id], roles=roles)

    def token_response(self, form: Mapping[str, str], *, audiences: tuple[str, ...]) -> dict[str, object]:
        """Answer a token request of the client-credentials grant.

        Args:
            form: Form fields of the request.
            audiences: Values that a client assertion may carry as ``aud``; the first host of them is this server.

        Raises:
            SignInError: Refused.
        """
        grant = form.get("grant_type", "")
        if not grant:
            raise SignInError(
                900144, "invalid_request", "The request body must contain the following parameter: 'grant_type'."
            )
        if grant != "client_credentials":
            raise SignInError(
                70003, "unsupported_grant_type", f"The app requested an unsupported grant type '{grant}'."
            )
        application = self._application(form.get("client_id", ""))
        method = self._authenticate(application, form, audiences)
        resource = self._resource(form.get("scope", ""), audiences)
        self.tokens_issued += 1
        return {
            "token_type": "Bearer",
            "expires_in": self.token_lifetime,
            "ext_expires_in": self.token_lifetime,
            "access_token": self._access_token(application, method, resource),
        }

    def _application(self, client_id: str) -> Application:
        if not client_id:
            raise SignInError(
                900144, "invalid_request", "The request body must contain the following parameter: 'client_id'."
            )
        application = self._applications.get(client_id.lower())
        if application is None:
            raise SignInError(
                700016,
                "unauthorized_client",
                f"Application with identifier '{client_id}' was not found in the directory 'Contoso'. This can happen "
                "if the application has not been installed by the administrator of the tenant or consented to by any "
                "user in the tenant. You may have sent your authentication request to the wrong tenant.",
            )
        return application

    def _authenticate(self, application: Application, form: Mapping[str, str], audiences: tuple[str, ...]) -> str:
        """How the client proved itself: ``"1"`` secret, ``"2"`` certificate (the claim appidacr)."""
        assertion = form.get("client_assertion", "")
        if assertion:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise SignInError(
                    700021,
                    "invalid_request",
                    "Client assertion type is invalid. Expected value: " + ASSERTION_TYPE + ".",
                )
            self._check_assertion(application, assertion, audiences)
            return "2"
        secret = form.get("client_secret", "")
        if not secret:
            raise SignInError(
                7000218,
                "invalid_client",
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
                status=401,
            )
        if not hmac.compare_digest(secret.encode("utf-8", "replace"), application.secret.encode()):
            raise SignInError(
                7000215,
                "invalid_client",
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{application.client_id}'.",
                status=401,
            )
        return "1"

    def _check_assertion(self, application: Application, assertion: str, audiences: tuple[str, ...]) -> None:
        try:
            header, claims = split_token(assertion)
        except InvalidTokenError:
            raise SignInError(50027, "invalid_request", "JWT token is invalid or malformed.") from None
        certificate = self._certificate(application, header)
        key = certificate.public_key()
        try:
            if not isinstance(key, rsa.RSAPublicKey):
                raise InvalidTokenError("not an RSA key")
            check_signature(assertion, key)
        except InvalidTokenError:
            raise SignInError(
                700027,
                "invalid_client",
                "Client assertion failed signature validation. [Reason - The key was found, but use of the key to "
                "verify the signature failed.]",
                status=401,
            ) from None
        self._check_claims(application, claims, audiences)

    def _certificate(self, application: Application, header: Mapping[str, object]) -> x509.Certificate:
        # MSAL for Python pads its thumbprints, which RFC 7515 does not; Entra takes both.
        named = {str(header[key]).rstrip("=") for key in ("x5t", "x5t#S256") if key in header}
        for certificate in application.certificates:
            if named and named <= set(thumbprints(certificate)):
                return certificate
        raise SignInError(
            700027,
            "invalid_client",
            "The certificate with identifier used to sign the client assertion is not registered on application. "
            f"[Reason - The key was not found., Thumbprint of key used by client: '{', '.join(sorted(named))}']",
            status=401,
        )

    def _check_claims(self, application: Application, claims: Mapping[str, object], audiences: tuple[str, ...]) -> None:
        named = claims.get("aud")
        if not any(value in audiences for value in (named if isinstance(named, list) else [named])):
            raise SignInError(
                700023,
                "invalid_client",
                f"Client assertion audience claim does not match Realm issuer. Received audience: '{named}'.",
                status=401,
            )
        if claims.get("iss") != application.client_id or claims.get("sub") != application.client_id:
            raise SignInError(
                700030,
                "invalid_client",
                "Client assertion issuer or subject does not match the application identifier.",
                status=401,
            )
        now = self.clock().timestamp()
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        # Entra allows five minutes of difference between clocks.
        in_time = isinstance(expires, int | float) and expires > now and isinstance(begins, int | float)
        if not in_time or float(str(begins)) > now + 300:
            raise SignInError(
                700024,
                "invalid_client",
                "Client assertion is not within its valid time range.",
                status=401,
            )

    def _resource(self, scope: str, audiences: tuple[str, ...]) -> str:
        if not scope.endswith("/.default") or " " in scope:
            raise SignInError(
                1002012,
                "invalid_scope",
                f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
                "with /.default suffixed to the resource identifier (application ID URI).",
            )
        resource = scope.removesuffix("/.default").rstrip("/")
        own = {"/".join(audience.split("/", 3)[:3]) for audience in audiences}
        if resource not in own | {GRAPH_RESOURCE}:
            raise SignInError(
                500011,
                "invalid_resource",
                f"The resource principal named {resource} was not found in the tenant named Contoso.",
            )
        return resource

    def _access_token(self, application: Application, method: str, resource: str) -> str:
        now = int(self.clock().timestamp())
        return self.signer.sign(
            {
                "aud": resource,
                "iss": f"https://sts.windows.net/{self.tenant_id}/",
                "iat": now,
                "nbf": now,
                "exp": now + self.token_lifetime,
                "app_displayname": application.display_name,
                "appid": application.client_id,
                "appidacr": method,
                "idtyp": "app",
                "oid": application.object_id,
                "roles": list(application.roles),
                "sub": application.object_id,
                "tid": self.tenant_id,
                "uti": uuid.uuid4().hex[:22],
                "ver": "1.0",
            }
        )
