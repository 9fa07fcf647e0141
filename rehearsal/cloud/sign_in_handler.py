"""Sign-in over https, in the shapes of the Microsoft identity platform."""

from __future__ import annotations

import asyncio
import json
import uuid

from rehearsal.cloud.applications import SignInError
from rehearsal.cloud.faults import Fault
from rehearsal.cloud.services import Handler


class SignInHandler(Handler):
    """Discovery documents, instance discovery, keys and the token endpoint of every tenant name."""

    def check_xsrf_cookie(self) -> None:
        """A token request carries no cookie that could be abused."""

    async def get(self, tenant: str, endpoint: str) -> None:
        if tenant == "common" and endpoint == "discovery/instance":
            self._answer(self._instance())
            return
        if not self._is_ours(tenant):
            self._refuse(_unknown_tenant(tenant, endpoint))
            return
        if endpoint == "v2.0/.well-known/openid-configuration":
            self._answer(self._configuration())
        elif endpoint == "discovery/v2.0/keys":
            self._answer(self.services.sign_in.signer.key_set())
        else:
            self._refuse(SignInError(900144, "invalid_request", "The request is not valid.", status=404))

    async def post(self, tenant: str, endpoint: str) -> None:
        self.services.traffic.sign_ins += 1
        fault = self.services.faults.next_for("sign-in", self.request.path)
        if fault is not None and await self._suffered(fault):
            return
        try:
            if not self._is_ours(tenant):
                raise _unknown_tenant(tenant, endpoint)
            if endpoint != "oauth2/v2.0/token":
                raise SignInError(900144, "invalid_request", "The request is not valid.", status=404)
            form = {name: values[-1].decode("utf-8", "replace") for name, values in self.request.body_arguments.items()}
            self._answer(self.services.sign_in.token_response(form, audiences=self._audiences()))
        except SignInError as error:
            self._refuse(error)

    async def _suffered(self, fault: Fault) -> bool:
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return False
        if fault.kind == "close":
            self.hang_up()
        elif fault.kind == "401":
            text = "The provided client credentials have been revoked."
            self._refuse(SignInError(7000222, "invalid_client", text, status=401))
        else:
            if fault.retry_after is not None:
                self.set_header("Retry-After", str(fault.retry_after))
            text = "The service is temporarily unavailable. Retry the request."
            self._refuse(SignInError(90033, "temporarily_unavailable", text, status=int(fault.kind[:3])))
        return True

    def _is_ours(self, tenant: str) -> bool:
        return tenant.casefold() == self.services.sign_in.tenant_id

    def _issuer(self) -> str:
        return f"{self.address()}/{self.services.sign_in.tenant_id}"

    def _audiences(self) -> tuple[str, ...]:
        return f"{self._issuer()}/oauth2/v2.0/token", f"{self._issuer()}/v2.0"

    def _configuration(self) -> dict[str, object]:
        issuer = self._issuer()
        return {
            "token_endpoint": f"{issuer}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": f"{issuer}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{issuer}/v2.0",
            "authorization_endpoint": f"{issuer}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{issuer}/oauth2/v2.0/devicecode",
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "msgraph_host": self.request.host,
        }

    def _instance(self) -> dict[str, object]:
        host = self.request.host
        return {
            "tenant_discovery_endpoint": f"{self._issuer()}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }

    def _answer(self, body: dict[str, object]) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store, no-cache")
        self.finish(json.dumps(body))

    def _refuse(self, error: SignInError) -> None:
        self.set_status(error.status)
        trace, correlation = str(uuid.uuid4()), self.request.headers.get("client-request-id") or str(uuid.uuid4())
        moment = self.services.sign_in.clock().strftime("%Y-%m-%d %H:%M:%SZ")
        self._answer(
            {
                "error": error.error,
                "error_description": f"{error} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}",
                "error_codes": [error.number],
                "timestamp": moment,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": f"{self.address()}/error?code={error.number}",
            }
        )


def _unknown_tenant(tenant: str, endpoint: str) -> SignInError:
    text = (
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant."
    )
    return SignInError(90002, "invalid_request" if endpoint.startswith("oauth2") else "invalid_tenant", text)
