"""One Graph request to one answer, whether it came over https by itself or as a part of ``$batch``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from rehearsal.cloud.batch import answer_batch
from rehearsal.cloud.errors import GraphError, denied
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, refusal
from rehearsal.cloud.permissions import Caller
from rehearsal.cloud.routing import Route


class GraphService(Protocol):
    """What answers a request: ``routes.Graph``."""

    def find(self, request: GraphRequest) -> tuple[Route, tuple[str, ...]]:
        """The route of a request and what stands for the braces of its template, or raise GraphError."""
        ...


def dispatch(
    service: GraphService,
    request: GraphRequest,
    *,
    clock: Callable[[], datetime],
    around: Callable[[GraphRequest, Callable[[], GraphAnswer]], GraphAnswer] = lambda _, answer: answer(),
) -> GraphAnswer:
    """Answer one request; refusals come in Graph's shape. Every part of a batch passes here by itself.

    ``around`` is told of every part and answers it, by calling what it is given or otherwise (faults, a log); whoever
    took the whole request has seen to that one.
    """

    def answer_part(part: GraphRequest) -> GraphAnswer:
        return around(part, lambda: dispatch(service, part, clock=clock))

    try:
        if request.segments == ("$batch",):
            return answer_batch(request, answer_part)
        route, values = service.find(request)
        _permit(route, request.caller)
        return route.handler(request, *values)
    except GraphError as error:
        return refusal(error, request.request_id, request.client_request_id, clock())


def _permit(route: Route, caller: Caller) -> None:
    if (route.accepted and not caller.has(route.accepted)) or (route.people_only and not caller.delegated):
        raise denied()
