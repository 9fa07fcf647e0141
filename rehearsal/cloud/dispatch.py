"""One Graph request to one answer, whether it came over https by itself or as a part of ``$batch``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from rehearsal.cloud.batch import answer_batch
from rehearsal.cloud.errors import GraphError, precondition_failed
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, refusal
from rehearsal.cloud.permissions import require
from rehearsal.cloud.routing import Route
from rehearsal.cloud.throttling import Throttle, cost_of


class GraphService(Protocol):
    """What answers a request: ``routes.Graph``."""

    def spelled(self, request: GraphRequest) -> GraphRequest:
        """The request with path and options in Microsoft's spelling, or raise GraphError."""
        ...

    def find(self, request: GraphRequest) -> tuple[Route, tuple[str, ...]]:
        """The route of a request and what stands for the braces of its template, or raise GraphError."""
        ...

    def owns(self, user_id: str, group_id: str) -> bool:
        """Whether a user owns a group."""
        ...


def dispatch(
    service: GraphService,
    request: GraphRequest,
    *,
    clock: Callable[[], datetime],
    throttle: Throttle,
    around: Callable[[GraphRequest, Callable[[], GraphAnswer]], GraphAnswer] = lambda _, answer: answer(),
) -> GraphAnswer:
    """Answer one request; refusals come in Graph's shape. Every part of a batch passes here by itself.

    ``throttle`` counts each request, and each part of a batch instead of the batch, before anything else is looked at.
    ``around`` is told of every part and answers it, by calling what it is given or otherwise (faults, a log); whoever
    took the whole request has seen to that one.
    """

    def answer_part(part: GraphRequest) -> GraphAnswer:
        return around(part, lambda: dispatch(service, part, clock=clock, throttle=throttle))

    headers: dict[str, str] = {}
    try:
        request = service.spelled(request)
        if request.segments == ("$batch",):
            return answer_batch(request, answer_part)
        headers = throttle.admit(request.caller.client_id, cost_of(request.method, request.segments, request.options))
        route, values = service.find(request)
        require(
            request.method,
            route.template,
            request.caller,
            accepted=route.accepted,
            people_only=route.people_only,
            owns=lambda user_id: service.owns(user_id, values[0]),
        )
        _require_condition(request)
        answer = route.handler(request, *values)
        return replace(answer, headers={**headers, **answer.headers})
    except GraphError as error:
        answer = refusal(error, request.request_id, request.client_request_id, clock())
        return replace(answer, headers={**headers, **answer.headers})


def _require_condition(request: GraphRequest) -> None:
    """Refuse a change for an entity tag: nothing here has one, so none can match. ``*`` matches whatever exists."""
    condition = request.headers.get("if-match", "*").strip()
    if request.method in ("PATCH", "PUT", "DELETE") and condition != "*":
        raise precondition_failed()
