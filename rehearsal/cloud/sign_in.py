"""The token service of one tenant: which request gets which tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rehearsal.cloud.accounts import Application, FederatedCredential, Registrations, User, Users
from rehearsal.cloud.assertions import ASSERTION_TYPE, check_assertion, check_federated, check_secret, of_another_issuer
from rehearsal.cloud.device_codes import INTERVAL, DeviceCodes
from rehearsal.cloud.scopes import RequestedScopes, application_resource, delegated_scopes
from rehearsal.cloud.sign_in_errors import SignInError, missing, no_consent, not_multi_tenant, user_disabled, user_gone
from rehearsal.cloud.token_lives import RefreshTokens, Revocation
from rehearsal.cloud.tokens import Issuer

_URN = "urn:ietf:params:oauth:grant-type:"
DEVICE_CODE = f"{_URN}device_code"
_SHORT_DEVICE_CODE = "device_code"
"""What MSAL for JavaScript and for Java send instead of RFC 8628's name; Entra takes both."""
_ELSEWHERE = ("authorization_code", "password", *(f"{_URN}{name}-bearer" for name in ("jwt", "saml1_1", "saml2")))
"""Grants that Entra has and the rehearsal has not."""
MANY_TENANTS = ("common", "organizations")


@dataclass(frozen=True)
class Endpoint:
    """Where a request came in.

    Attributes:
        base: Scheme and host as the client wrote them, ``https://localhost:8443``.
        tenant: The tenant's part of the path: its id, a domain, or one of ``MANY_TENANTS``.
    """

    base: str
    tenant: str


class SignIn:
    """Answers token requests.

    Args:
        tenant_id: Tenant id, lower case.
        applications: App registrations.
        users: Who can sign in.
        clock: Answers aware datetimes.
        domains: Verified domains, which name the tenant as well as its id does.
    """

    def __init__(
        self,
        tenant_id: str,
        applications: Collection[Application],
        *,
        users: Users,
        clock: Callable[[], datetime],
        domains: Collection[str] = (),
    ) -> None:
        self.tenant_id = tenant_id
        self.clock = clock
        self.users = users
        self.names = frozenset({tenant_id, *(domain.casefold() for domain in domains)})
        """What the tenant is called in a path, lower case."""
        self.registrations = Registrations(applications)
        self.issuer = Issuer(tenant_id, clock=clock)
        self.devices = DeviceCodes(clock=clock)
        self.refresh_tokens = RefreshTokens(clock=clock)
        self.revocation = Revocation()

    def reset(self) -> None:
        """Registrations and lifetimes as at the start, nothing revoked, no grant left. Access tokens stay valid."""
        self.issuer.token_lifetime = 3600
        self.registrations.reset()
        self.devices.reset()
        self.refresh_tokens.reset()
        self.revocation.reset()

    def federated_token(self, trusted: FederatedCredential, *, life: timedelta) -> str:
        """A token of another issuer about another subject, as a cluster puts it into a file."""
        now = int(self.clock().timestamp())
        return self.issuer.signer.sign(
            {
                "iss": trusted.issuer,
                "sub": trusted.subject,
                "aud": trusted.audience,
                "iat": now,
                "nbf": now,
                "exp": now + int(life.total_seconds()),
            }
        )

    def issuer_address(self, endpoint: Endpoint) -> str:
        """``iss`` of id tokens."""
        return f"{endpoint.base}/{self.tenant_id}/v2.0"

    def token_response(self, form: Mapping[str, str], endpoint: Endpoint) -> dict[str, object]:
        """Answer a token request.

        Raises:
            SignInError: Refused.
        """
        grant = form.get("grant_type", "")
        if not grant:
            raise missing("grant_type")
        answers = {
            "client_credentials": self._client_credentials,
            **dict.fromkeys((DEVICE_CODE, _SHORT_DEVICE_CODE), self._device_code),
            "refresh_token": self._refresh,
        }
        if grant not in answers:
            text = f"The app requested an unsupported grant type '{grant}'."
            if grant in _ELSEWHERE:
                text = f"The rehearsal does not offer the grant type '{grant}': use a device code, or credentials."
            raise SignInError(70003, "unsupported_grant_type", text)
        application = self._application(form, endpoint)
        return answers[grant](form, application, endpoint)

    def device_response(self, form: Mapping[str, str], endpoint: Endpoint) -> dict[str, object]:
        """Begin a device code sign-in.

        Raises:
            SignInError: Refused.
        """
        application = self._application(form, endpoint)
        scopes = delegated_scopes(form.get("scope", ""), (endpoint.base,), default_resource=endpoint.base)
        begun = self.devices.begin(application.client_id, application.display_name, scopes)
        page = f"{endpoint.base}/devicelogin"
        return {
            "user_code": begun.user_code,
            "device_code": begun.device_code,
            "verification_uri": page,
            "expires_in": self.devices.lifetime,
            "interval": INTERVAL,
            "message": f"To sign in, use a web browser to open the page {page} and enter the code {begun.user_code} "
            "to authenticate.",
        }

    def _application(self, form: Mapping[str, str], endpoint: Endpoint) -> Application:
        application = self.registrations.get(form.get("client_id", ""))
        if endpoint.tenant in MANY_TENANTS and not application.multi_tenant:
            raise not_multi_tenant(application.client_id, application.display_name, endpoint.tenant)
        return application

    # Grants

    def _client_credentials(
        self, form: Mapping[str, str], application: Application, endpoint: Endpoint
    ) -> dict[str, object]:
        method = self._authenticate(form, application, endpoint)
        resource = application_resource(form.get("scope", ""), (endpoint.base,))
        capabilities = _capabilities(form)
        token = self.issuer.for_application(application, method=method, resource=resource, capabilities=capabilities)
        return self._bearer(token)

    def _device_code(self, form: Mapping[str, str], application: Application, endpoint: Endpoint) -> dict[str, object]:
        self._authenticate_user_client(form, application, endpoint)
        user, scopes = self.devices.redeem(form.get("device_code", ""), application.client_id)
        return self._user_response(form, application, endpoint, self._usable(user.id), scopes)

    def _refresh(self, form: Mapping[str, str], application: Application, endpoint: Endpoint) -> dict[str, object]:
        self._authenticate_user_client(form, application, endpoint)
        token = form.get("refresh_token", "")
        if not token:
            raise missing("refresh_token")
        grant = self.refresh_tokens.redeem(token, application.client_id)
        user = self._usable(grant.user_id)
        scopes = delegated_scopes(
            form.get("scope", "") or "offline_access", (endpoint.base,), default_resource=endpoint.base
        )
        return self._user_response(form, application, endpoint, user, scopes)

    def _user_response(
        self,
        form: Mapping[str, str],
        application: Application,
        endpoint: Endpoint,
        user: User,
        scopes: RequestedScopes,
    ) -> dict[str, object]:
        permissions = _consented(application, scopes)
        token = self.issuer.for_user(
            user, application, permissions, resource=scopes.resource, capabilities=_capabilities(form)
        )
        answer = {**self._bearer(token), "scope": scopes.granted_text(permissions)}
        if "offline_access" in scopes.openid:
            answer["refresh_token"] = self.refresh_tokens.issue(application.client_id, user.id, permissions)
        if "openid" in scopes.openid:
            answer["id_token"] = self.issuer.id_token(user, application, issuer=self.issuer_address(endpoint))
        if form.get("client_info") == "1":
            answer["client_info"] = self.issuer.client_info(user)
        return answer

    def _bearer(self, token: str) -> dict[str, object]:
        lifetime = self.issuer.token_lifetime
        return {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}

    # Who asks

    def _authenticate(self, form: Mapping[str, str], application: Application, endpoint: Endpoint) -> str:
        """How the client proved itself: ``"1"`` secret, ``"2"`` certificate (the claim appidacr)."""
        assertion, secret = form.get("client_assertion", ""), form.get("client_secret", "")
        if assertion:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise SignInError(
                    700021, "invalid_request", f"Client assertion type is invalid. Expected value: {ASSERTION_TYPE}."
                )
            if of_another_issuer(assertion, application.client_id):
                check_federated(assertion, application.federated, key=self.issuer.signer.public_key, now=self.clock())
                return "2"
            check_assertion(
                assertion,
                client_id=application.client_id,
                certificates=application.certificates,
                audiences=self._audiences(endpoint),
                now=self.clock(),
            )
            return "2"
        if not secret:
            raise SignInError(
                7000218,
                "invalid_client",
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
                status=401,
            )
        check_secret(secret, application.secret, application.client_id)
        return "1"

    def _authenticate_user_client(self, form: Mapping[str, str], application: Application, endpoint: Endpoint) -> None:
        """A public client needs no credential; one that has none of its own must not present any."""
        given = form.get("client_assertion") or form.get("client_secret")
        if given and not application.secret and not application.certificates:
            raise SignInError(
                700025,
                "invalid_client",
                "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
                status=401,
            )
        if given or not application.public:
            self._authenticate(form, application, endpoint)

    def _audiences(self, endpoint: Endpoint) -> frozenset[str]:
        """What an assertion may carry as ``aud``: the token endpoint, old or new, or the issuer, under either name."""
        tenants = {self.tenant_id, endpoint.tenant}
        ends = ("oauth2/v2.0/token", "v2.0", "oauth2/token")
        return frozenset(f"{endpoint.base}/{tenant}/{end}" for tenant in tenants for end in ends)

    def _usable(self, user_id: str) -> User:
        user = self.users.find(user_id)
        if user is None:
            raise user_gone()
        if not user.enabled:
            raise user_disabled()
        return user


def _consented(application: Application, scopes: RequestedScopes) -> tuple[str, ...]:
    """Delegated permissions of the token: what was consented to, as long as everything asked for is among it."""
    known = {name.casefold(): name for name in application.scopes}
    if not known or any(name.casefold() not in known for name in scopes.permissions):
        raise no_consent(application.client_id, application.display_name)
    return application.scopes


def _capabilities(form: Mapping[str, str]) -> tuple[str, ...]:
    """Client capabilities that the request states in ``claims``; ``cp1`` can deal with a claims challenge.

    Raises:
        SignInError: ``claims`` is no JSON object of the documented shape.
    """
    text = form.get("claims", "")
    if not text:
        return ()
    try:
        claims = json.loads(text)
        stated = claims.get("access_token", {}).get("xms_cc", {}).get("values", [])
        return tuple(str(value).lower() for value in stated)
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise SignInError(
            9000022, "invalid_request", "The provided value for the input parameter 'claims' is not valid."
        ) from None
