"""Graph over https: who asks, what answers alone or as a part of ``$batch``, and how it is refused."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from rehearsal.cloud.batch import answer_batch
from rehearsal.cloud.errors import SERVICE_ID, GraphError, denied, precondition_failed, unauthenticated
from rehearsal.cloud.faults import ANSWERS, Fault
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, new_request_id, refusal, split_options, split_path
from rehearsal.cloud.permissions import NOBODY, Caller, require
from rehearsal.cloud.routing import Route
from rehearsal.cloud.scopes import GRAPH_RESOURCE
from rehearsal.cloud.services import Handler, Services
from rehearsal.cloud.sign_in import SignIn
from rehearsal.cloud.throttling import Throttle, cost_of
from rehearsal.cloud.tokens import InvalidTokenError


def caller_of(token: str, sign_in: SignIn, address: str) -> Caller:
    """Who holds a token that is good now.

    Args:
        token: The bearer token as sent; empty for none.
        sign_in: The token service that has to have signed it.
        address: Scheme and host of this server, as the client wrote them.

    Raises:
        GraphError: 401, with the challenge that says why.
    """
    claims = _good_claims(token, sign_in, address)
    if sign_in.revocation.covers(claims):
        raise claims_challenge(sign_in, address)
    roles, wids = claims.get("roles"), claims.get("wids")
    if claims.get("idtyp") == "user":
        return Caller(
            str(claims["appid"]),
            frozenset(str(claims.get("scp", "")).split()),
            user_id=str(claims["oid"]),
            directory_roles=frozenset(map(str, wids)) if isinstance(wids, list) else frozenset(),
        )
    granted = frozenset(roles if isinstance(roles, list) else ())
    return Caller(str(claims["appid"]), granted, object_id=str(claims["oid"]))


def take_back(token: str, sign_in: SignIn, address: str) -> None:
    """Refuse this token from now on.

    Raises:
        GraphError: 401 in any case: the claims challenge, or what is wrong with the token besides.
    """
    sign_in.revocation.refuse(_good_claims(token, sign_in, address))
    raise claims_challenge(sign_in, address)


def claims_challenge(sign_in: SignIn, address: str) -> GraphError:
    """401 of continuous access evaluation: a token obtained with these claims would do."""
    moment = int(sign_in.clock().timestamp())
    wanted = {"access_token": {"nbf": {"essential": True, "value": str(moment)}}}
    claims = base64.b64encode(json.dumps(wanted, separators=(",", ":")).encode()).decode("ascii")
    challenge = (
        f'Bearer realm="", authorization_uri="{address}/common/oauth2/authorize", client_id="{SERVICE_ID}", '
        f'error="insufficient_claims", claims="{claims}"'
    )
    text = (
        "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: "
        "TokenIssuedBeforeRevocationTimestamp"
    )
    return GraphError(401, "InvalidAuthenticationToken", text, {"WWW-Authenticate": challenge})


def _good_claims(token: str, sign_in: SignIn, address: str) -> dict[str, object]:
    if not token:
        raise unauthenticated("Access token is empty.", address)
    try:
        claims = sign_in.issuer.signer.claims_of(token)
    except InvalidTokenError:
        raise unauthenticated("Access token validation failure. Invalid signature or format.", address) from None
    expires = claims["exp"]
    if claims["aud"] not in (address, GRAPH_RESOURCE):
        raise unauthenticated("Access token validation failure. Invalid audience.", address)
    if not isinstance(expires, int) or expires <= sign_in.clock().timestamp():
        raise unauthenticated("Lifetime validation failed, the token is expired.", address)
    return claims


class GraphService(Protocol):
    """What answers a request: ``routes.Graph``."""

    def spelled(self, request: GraphRequest) -> GraphRequest:
        """The request with path and options in Microsoft's spelling, or raise GraphError."""
        ...

    def find(self, request: GraphRequest) -> tuple[Route, tuple[str, ...]]:
        """The route of a request and what stands for the braces of its template, or raise GraphError."""
        ...

    def owns(self, owner_id: str, object_id: str) -> bool:
        """Whether a user owns a group, or a user or an application (by ``Caller.owner``) a service principal."""
        ...


async def dispatch(
    service: GraphService,
    request: GraphRequest,
    *,
    clock: Callable[[], datetime],
    throttle: Throttle,
    around: Callable[[GraphRequest, Callable[[], Awaitable[GraphAnswer]]], Awaitable[GraphAnswer]] = (
        lambda _, answer: answer()
    ),
) -> GraphAnswer:
    """Answer one request; refusals come in Graph's shape. Every part of a batch passes here by itself.

    Nothing is waited for but what a handler waits for: provisioning on demand, which writes to AD.

    ``throttle`` counts each request, and each part of a batch instead of the batch, before anything else is looked at.
    ``around`` is told of every part and answers it, by calling what it is given or otherwise (faults, a log); whoever
    took the whole request has seen to that one.
    """

    def answer_part(part: GraphRequest) -> Awaitable[GraphAnswer]:
        return around(part, lambda: dispatch(service, part, clock=clock, throttle=throttle))

    headers: dict[str, str] = {}
    try:
        request = service.spelled(request)
        if request.segments == ("$batch",):
            return await answer_batch(request, answer_part)
        headers = throttle.admit(request.caller.client_id, cost_of(request.method, request.segments, request.options))
        route, values = service.find(request)
        require(
            request.method,
            route.template,
            request.caller,
            accepted=route.accepted,
            also=route.also,
            people_only=route.people_only,
            owns=lambda owner: service.owns(owner, values[0]),
        )
        _require_condition(request)
        handled = route.handler(request, *values)
        answer = handled if isinstance(handled, GraphAnswer) else await handled
        return replace(answer, headers={**headers, **answer.headers})
    except GraphError as error:
        answer = refusal(error, request.request_id, request.client_request_id, clock())
        return replace(answer, headers={**headers, **answer.headers})


def _require_condition(request: GraphRequest) -> None:
    """Refuse a change for an entity tag: nothing here has one, so none can match. ``*`` matches whatever exists."""
    condition = request.headers.get("if-match", "*").strip()
    if request.method in ("PATCH", "PUT", "DELETE") and condition != "*":
        raise precondition_failed()


class GraphHandler(Handler):
    """``/v1.0/…`` and ``/beta/…``, every method."""

    request_id: str

    def initialize(self, services: Services) -> None:
        super().initialize(services)
        self.request_id = new_request_id()

    def prepare(self) -> None:
        self.services.traffic.requests += 1

    def on_finish(self) -> None:
        path = self.request.uri or ""
        self.services.traffic.note(self.request.method or "", path, self.get_status(), self._client_request_id())

    async def _serve(self, version: str) -> None:
        clock = self.services.sign_in.clock
        try:
            fault = self.services.faults.next_for("graph", self.request.uri or "")
            if fault is not None and not fault.after and not await self._suffer(fault):
                return
            request = self._request(version)
        except GraphError as error:
            self._send(refusal(error, self.request_id, self._client_request_id(), clock()))
            return
        answer = await dispatch(
            self.services.graph, request, clock=clock, throttle=self.services.throttle, around=self._part
        )
        if self.services.pace.latency:
            await asyncio.sleep(self.services.pace.latency)
        if fault is not None and fault.after:
            await self._suffer_afterwards(fault, answer)
        else:
            self._send(answer)

    get = post = patch = put = delete = _serve

    def write_error(self, status_code: int, **_: object) -> None:
        """A refusal by the web server itself (a method nobody knows, a broken body)."""
        code, text = ("BadRequest", "The request is not valid.")
        if status_code >= 500:
            code, text = ("InternalServerError", "The service failed to process the request.")
        error = GraphError(status_code, code, text)
        self._send(refusal(error, self.request_id, self._client_request_id(), self.services.sign_in.clock()))

    def _request(self, version: str) -> GraphRequest:
        segments = split_path(self.request.path)[1:]
        # Microsoft publishes its metadata to everybody.
        anonymous = segments == ("$metadata",) and "Authorization" not in self.request.headers
        caller = NOBODY if anonymous else caller_of(self._bearer(), self.services.sign_in, self.address())
        return GraphRequest(
            method=self.request.method or "",
            root=f"{self.address()}/{version}",
            version=version,
            segments=segments,
            options=split_options(self.request.query),
            headers={name.casefold(): value for name, value in self.request.headers.items()},
            body=self.request.body,
            caller=caller,
            request_id=self.request_id,
        )

    def _bearer(self) -> str:
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.casefold() == "bearer" else ""

    async def _suffer(self, fault: Fault) -> bool:
        """Act a fault out; returns whether the request is answered after all."""
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return True
        if fault.kind == "close":
            self.hang_up()
            return False
        if fault.kind == "502-html":
            self.set_status(502)
            self.set_header("Content-Type", "text/html")
            await self.finish("<html><body><h1>502 Bad Gateway</h1></body></html>")
            return False
        raise self._error_of(fault)

    async def _suffer_afterwards(self, fault: Fault, answer: GraphAnswer) -> None:
        """Act out a fault of a request that was carried out: what it was answered with does not arrive."""
        if fault.kind == "half":
            await self._send_half(answer)
            return
        try:
            await self._suffer(fault)
        except GraphError as error:
            clock = self.services.sign_in.clock
            self._send(refusal(error, self.request_id, self._client_request_id(), clock()))

    async def _send_half(self, answer: GraphAnswer) -> None:
        """Half of the body, or of the status line where there is no body; then hang up."""
        head = f"HTTP/1.1 {answer.status} Done\r\nrequest-id: {self.request_id}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(answer.body)}\r\n\r\n"
        whole = head.encode("ascii") + answer.body
        stream = self.detach()
        await stream.write(whole[: -len(answer.body) // 2] if len(answer.body) > 1 else whole[:7])
        stream.close()

    async def _part(self, part: GraphRequest, answer: Callable[[], Awaitable[GraphAnswer]]) -> GraphAnswer:
        """Answer and note a part of a batch, or act out its fault: one that is an answer, for it has no connection."""
        path = f"/{part.version}/{part.path}"
        fault = self.services.faults.next_for("graph", path, kinds=ANSWERS)
        if fault is None or fault.after:
            given = await answer()
        if fault is not None:
            given = refusal(
                self._error_of(fault), part.request_id, self._client_request_id(), self.services.sign_in.clock()
            )
        self.services.traffic.note(part.method, path, given.status, self._client_request_id())
        return given

    def _error_of(self, fault: Fault) -> GraphError:
        retry = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        if fault.kind == "429":
            return GraphError(429, "TooManyRequests", "Too many requests. Retry later.", retry)
        if fault.kind == "500":
            return GraphError(500, "InternalServerError", "The service failed to process the request.")
        if fault.kind == "503":
            return GraphError(503, "ServiceUnavailable", "The service is temporarily unavailable.", retry)
        if fault.kind == "504":
            return GraphError(504, "GatewayTimeout", "The gateway did not receive a response in time.")
        if fault.kind == "403":
            return denied()
        if fault.kind == "claims-challenge":
            take_back(self._bearer(), self.services.sign_in, self.address())
        return unauthenticated("Lifetime validation failed, the token is expired.", self.address())

    def _client_request_id(self) -> str:
        return self.client_request_id() or self.request_id

    def _send(self, answer: GraphAnswer) -> None:
        self.set_status(answer.status)
        self.set_header("Cache-Control", "no-cache")
        self.set_header("request-id", self.request_id)
        self.set_header("client-request-id", self._client_request_id())
        self.set_header("OData-Version", "4.0")
        for name, value in answer.headers.items():
            self.set_header(name, value)
        self.finish(answer.body or None)  # a 204 must not have a body, not even an empty one
