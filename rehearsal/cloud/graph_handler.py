"""Graph over https: requests in, answers and refusals out, in the shapes of Microsoft Graph."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rehearsal.cloud.bearer import caller_of, take_back
from rehearsal.cloud.dispatch import dispatch
from rehearsal.cloud.errors import GraphError, unauthenticated
from rehearsal.cloud.faults import ANSWERS, Fault
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, new_request_id, refusal, split_options, split_path
from rehearsal.cloud.permissions import NOBODY
from rehearsal.cloud.services import Handler, Services


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
            if fault is not None and not await self._suffer(fault):
                return
            request = self._request(version)
        except GraphError as error:
            self._send(refusal(error, self.request_id, self._client_request_id(), clock()))
            return
        answer = dispatch(self.services.graph, request, clock=clock, throttle=self.services.throttle, around=self._part)
        if self.services.pace.latency:
            await asyncio.sleep(self.services.pace.latency)
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

    def _part(self, part: GraphRequest, answer: Callable[[], GraphAnswer]) -> GraphAnswer:
        """Answer and note a part of a batch, or act out its fault: one that is an answer, for it has no connection."""
        path = f"/{part.version}/{part.path}"
        fault = self.services.faults.next_for("graph", path, kinds=ANSWERS)
        if fault is None:
            given = answer()
        else:
            given = refusal(
                self._error_of(fault), part.request_id, self._client_request_id(), self.services.sign_in.clock()
            )
        self.services.traffic.note(part.method, path, given.status, self._client_request_id())
        return given

    def _error_of(self, fault: Fault) -> GraphError:
        retry = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        if fault.kind == "429":
            return GraphError(429, "TooManyRequests", "Too many requests. Retry later.", retry)
        if fault.kind == "503":
            return GraphError(503, "ServiceUnavailable", "The service is temporarily unavailable.", retry)
        if fault.kind == "504":
            return GraphError(504, "GatewayTimeout", "The gateway did not receive a response in time.")
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
