"""Sign-in over https, in the shapes of the Microsoft identity platform."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping

from rehearsal.cloud.faults import Fault
from rehearsal.cloud.services import Handler
from rehearsal.cloud.sign_in import MANY_TENANTS, Endpoint
from rehearsal.cloud.sign_in_errors import SignInError, unknown_tenant

_CONFIGURATIONS = ("v2.0/.well-known/openid-configuration", ".well-known/openid-configuration")
_KEYS = ("discovery/v2.0/keys", "discovery/keys")
_NO_ENDPOINT = "The endpoint '{}' does not exist here."


class SignInHandler(Handler):
    """Discovery documents, instance discovery, keys, and the device code and token endpoints."""

    def check_xsrf_cookie(self) -> None:
        """A token request carries no cookie that could be abused."""

    async def get(self, tenant: str, endpoint: str) -> None:
        try:
            self._answer(self._document(tenant.casefold(), tenant, endpoint))
        except SignInError as error:
            self._refuse(error)

    async def post(self, tenant: str, endpoint: str) -> None:
        self.services.traffic.sign_ins += 1
        fault = self.services.faults.next_for("sign-in", self.request.path)
        if fault is not None and await self._suffered(fault):
            return
        try:
            answer = self._post_endpoint(endpoint)
            self._require_tenant(tenant)
            form = {name: values[-1].decode("utf-8", "replace") for name, values in self.request.body_arguments.items()}
            self._answer(answer(form, Endpoint(self.address(), tenant.casefold())))
        except SignInError as error:
            self._refuse(error)

    def write_error(self, status_code: int, **_: object) -> None:
        """A refusal by the web server itself (a method nobody knows, a broken body)."""
        self._refuse(SignInError(900144, "invalid_request", "The request is not valid.", status=status_code))

    def _post_endpoint(self, endpoint: str) -> Callable[[Mapping[str, str], Endpoint], dict[str, object]]:
        if endpoint == "oauth2/v2.0/token":
            return self.services.sign_in.token_response
        if endpoint == "oauth2/v2.0/devicecode":
            return self.services.sign_in.device_response
        raise SignInError(900144, "invalid_request", _NO_ENDPOINT.format(endpoint), status=404)

    def _document(self, tenant: str, written: str, endpoint: str) -> dict[str, object]:
        if tenant == "common" and endpoint == "discovery/instance":
            return self._instance()
        self._require_tenant(written, token_request=False)
        if endpoint in _CONFIGURATIONS:
            return self._configuration(tenant)
        if endpoint in _KEYS:
            return self.services.sign_in.issuer.signer.key_set()
        raise SignInError(900144, "invalid_request", _NO_ENDPOINT.format(endpoint), status=404)

    def _require_tenant(self, tenant: str, *, token_request: bool = True) -> None:
        if tenant.casefold() not in self.services.sign_in.names and tenant.casefold() not in MANY_TENANTS:
            raise unknown_tenant(tenant, token_request=token_request)

    def _configuration(self, tenant: str) -> dict[str, object]:
        """The OpenID Connect discovery document. Of many tenants it names none, in Entra's literal way."""
        many = tenant in MANY_TENANTS
        path = f"{self.address()}/{tenant if many else self.services.sign_in.tenant_id}"
        issuer = f"{self.address()}/{'{tenantid}' if many else self.services.sign_in.tenant_id}/v2.0"
        return {
            "token_endpoint": f"{path}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": f"{path}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": issuer,
            "request_uri_parameter_supported": False,
            "authorization_endpoint": f"{path}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{path}/oauth2/v2.0/devicecode",
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "name", "tid", "ver", "preferred_username", "oid"],
            "tenant_region_scope": None if many else "EU",
            "cloud_instance_name": "microsoftonline.com",
            "msgraph_host": self.request.host,
        }

    def _instance(self) -> dict[str, object]:
        named = self.get_query_argument("authorization_endpoint", "")
        if not named:
            raise SignInError(
                900144, "invalid_request", "The request must contain the following parameter: 'authorization_endpoint'."
            )
        if not named.startswith(f"{self.address()}/"):
            raise SignInError(50049, "invalid_instance", f"Unknown or invalid instance. Trace: {named[:200]}")
        host = self.request.host
        return {
            "tenant_discovery_endpoint": f"{self.address()}/{self.services.sign_in.tenant_id}/{_CONFIGURATIONS[0]}",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }

    async def _suffered(self, fault: Fault) -> bool:
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return False
        if fault.kind == "close":
            self.hang_up()
        elif fault.kind in ("401", "claims-challenge"):
            text = "The provided client credentials have been revoked."
            self._refuse(SignInError(7000222, "invalid_client", text, status=401))
        else:
            if fault.retry_after is not None:
                self.set_header("Retry-After", str(fault.retry_after))
            text = "The service is temporarily unavailable. Retry the request."
            self._refuse(SignInError(90033, "temporarily_unavailable", text, status=int(fault.kind[:3])))
        return True

    def _answer(self, body: Mapping[str, object]) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store, no-cache")
        self.set_header("Pragma", "no-cache")
        self.finish(json.dumps(body))

    def _refuse(self, error: SignInError) -> None:
        self.set_status(error.status)
        trace = str(uuid.uuid4())
        correlation = self.client_request_id() or str(uuid.uuid4())
        self.set_header("x-ms-request-id", trace)
        self.set_header("client-request-id", correlation)
        moment = self.services.sign_in.clock().strftime("%Y-%m-%d %H:%M:%SZ")
        extra = {"suberror": error.suberror, "claims": error.claims}
        self._answer(
            {
                "error": error.error,
                "error_description": f"{error} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}",
                "error_codes": [error.number],
                "timestamp": moment,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": f"{self.address()}/error?code={error.number}",
                **{name: value for name, value in extra.items() if value},
            }
        )
