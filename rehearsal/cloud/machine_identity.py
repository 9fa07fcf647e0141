"""The endpoints by which Azure gives a machine or an app its managed identity, over HTTP on the loopback interface.

Shapes and refusals follow "How to use managed identities on an Azure VM to acquire an access token", "Use managed
identities for App Service and Azure Functions" and "Authenticate against Azure resources with Azure Arc-enabled
servers".
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from rehearsal.certificates import write_private
from rehearsal.cloud.scopes import GRAPH_RESOURCE
from rehearsal.cloud.sign_in import SignIn
from rehearsal.cloud.sign_in_errors import SignInError

_PATH = "/metadata/identity/oauth2/token"
_NOT_FOUND = {"error": "invalid_request", "error_description": "Identity not found"}


class MachineIdentity:
    """Gives tokens of one system-assigned identity and of those that users assigned.

    Args:
        sign_in: Issues the tokens.
        system: Client id of the system-assigned identity.
        assigned: Client ids of the user-assigned ones.
        folder: Where the files of Azure Arc's challenges are put; made when the server starts.
    """

    def __init__(self, sign_in: SignIn, *, system: str, assigned: tuple[str, ...], folder: Path) -> None:
        self.sign_in = sign_in
        self.system = system
        self.assigned = assigned
        self.folder = folder
        self.header = secrets.token_hex(16).upper()
        """What App Service's callers have to name in ``X-IDENTITY-HEADER``."""
        self.resources: frozenset[str] = frozenset({GRAPH_RESOURCE})
        """Addresses that tokens are given for."""
        self._keys: dict[str, Path] = {}
        self._server: HTTPServer | None = None

    async def start(self, graph_url: str) -> int:
        """Listen on 127.0.0.1, on a port that the system chooses, and return it. ``graph_url`` is a further resource.

        Raises:
            OSError: Nothing can be listened to.
        """
        self.resources |= {graph_url}
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        given = {"identity": self}
        rules: list[tuple[str, type[RequestHandler], dict[str, object]]] = [
            (_PATH, _MachineHandler, dict(given)),
            (f"/arc{_PATH}", _ArcHandler, dict(given)),
            ("/msi/token", _AppServiceHandler, dict(given)),
        ]
        sockets = bind_sockets(0, address="127.0.0.1", family=socket.AF_INET)
        self._server = HTTPServer(Application(list(rules), log_function=lambda handler: None))  # noqa: ARG005
        self._server.add_sockets(sockets)
        return int(sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, and remove the files of challenges."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self._server = None
        for path in self._keys.values():
            path.unlink(missing_ok=True)

    def environments(self, port: int) -> dict[str, dict[str, str]]:
        """The environment variables that Azure sets, by what the machine is."""
        base = f"http://127.0.0.1:{port}"
        return {
            "virtual-machine": {"AZURE_POD_IDENTITY_AUTHORITY_HOST": base},
            "app-service": {"IDENTITY_ENDPOINT": f"{base}/msi/token", "IDENTITY_HEADER": self.header},
            "arc": {"IDENTITY_ENDPOINT": f"{base}/arc{_PATH}", "IMDS_ENDPOINT": base},
        }

    def challenge(self) -> Path:
        """A new file that proves that its reader may have tokens."""
        key = secrets.token_hex(32)
        path = self.folder / f"{secrets.token_hex(8)}.key"
        write_private(path, key.encode())
        self._keys[key] = path
        return path

    def redeem(self, key: str) -> bool:
        """Whether a key is that of a challenge; it counts once."""
        path = self._keys.pop(key, None)
        if path is not None:
            path.unlink(missing_ok=True)
        return path is not None

    def token(self, client_id: str, resource: str) -> dict[str, str] | None:
        """A token of an identity, in the shape of the metadata service; None for an identity that is not assigned.

        Raises:
            SignInError: A disabled identity, or a resource that the tenant does not know.
        """
        chosen = client_id.casefold() or self.system
        if chosen not in (self.system, *self.assigned):
            return None
        if resource.rstrip("/") not in self.resources:
            raise SignInError(
                500011,
                "invalid_resource",
                f"The resource principal named {resource} was not found in the tenant named Contoso.",
            )
        application = self.sign_in.registrations.get(chosen)
        issuer = self.sign_in.issuer
        token = issuer.for_application(application, method="2", resource=resource.rstrip("/"), capabilities=())
        ends = int(self.sign_in.clock().timestamp()) + issuer.token_lifetime
        return {
            "access_token": token,
            "client_id": chosen,
            "expires_in": str(issuer.token_lifetime),
            "expires_on": str(ends),
            "ext_expires_in": str(issuer.token_lifetime),
            "not_before": str(ends - issuer.token_lifetime),
            "resource": resource,
            "token_type": "Bearer",
        }


class _Handler(RequestHandler):
    """What the three have in common."""

    def initialize(self, identity: MachineIdentity) -> None:
        self.identity = identity

    def check_xsrf_cookie(self) -> None:
        """Nothing here is for browsers."""

    def answer(self, status: int, body: Mapping[str, object]) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(body))

    def meant(self) -> bool:
        """Whether the request says that it is meant for here, and came straight; refused otherwise."""
        if (
            self.request.headers.get("Metadata", "").casefold() == "true"
            and "X-Forwarded-For" not in self.request.headers
        ):
            return True
        self.answer(400, {"error": "invalid_request", "error_description": "Required metadata header not specified"})
        return False

    def give(self) -> None:
        """A token, or what the metadata service says instead."""
        missing = [name for name in ("api-version", "resource") if not self.get_query_argument(name, "")]
        if missing:
            text = f"Required query variable '{missing[0]}' is missing"
            self.answer(400, {"error": "invalid_request", "error_description": text})
            return
        try:
            found = self.identity.token(self.get_query_argument("client_id", ""), self.get_query_argument("resource"))
        except SignInError as error:
            self.answer(400, {"error": error.error, "error_description": str(error)})
            return
        self.answer(200 if found else 400, found or _NOT_FOUND)


class _MachineHandler(_Handler):
    """A virtual machine's instance metadata service."""

    async def get(self) -> None:
        if self.meant():
            self.give()


class _ArcHandler(_Handler):
    """The agent of Azure Arc: first a challenge by a file, then a token."""

    async def get(self) -> None:
        if not self.meant():
            return
        kind, _, key = self.request.headers.get("Authorization", "").partition(" ")
        if not key:
            self.set_header("WWW-Authenticate", f"Basic realm={self.identity.challenge()}")
            self.answer(401, {"error": "unauthorized_client", "error_description": "Challenge issued"})
        elif kind == "Basic" and self.identity.redeem(key):
            self.give()
        else:
            self.answer(403, {"error": "access_denied", "error_description": "The challenge was not met"})


class _AppServiceHandler(_Handler):
    """App Service, Functions and Container Apps."""

    async def get(self) -> None:
        named = self.request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(named.encode(), self.identity.header.encode()):
            self.answer(401, {"statusCode": 401, "message": "Unauthorized"})
            return
        try:
            found = self.identity.token(
                self.get_query_argument("client_id", ""), self.get_query_argument("resource", "")
            )
        except SignInError as error:
            self.answer(400, {"statusCode": 400, "message": str(error)})
            return
        if found is None:
            self.answer(400, {"statusCode": 400, "message": "No Managed Identity found for specified ClientId."})
            return
        self.answer(
            200, {name: found[name] for name in ("access_token", "client_id", "expires_on", "resource", "token_type")}
        )
