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


def dispatch(service: GraphService, request: GraphRequest, *, clock: Callable[[], datetime]) -> GraphAnswer:
    """Answer one request; refusals come in Graph's shape. Every part of a batch passes here by itself."""
    try:
        if request.segments == ("$batch",):
            return answer_batch(request, lambda part: dispatch(service, part, clock=clock))
        route, values = service.find(request)
        _permit(route, request.caller)
        return route.handler(request, *values)
    except GraphError as error:
        return refusal(error, request.request_id, request.client_request_id, clock())


def _permit(route: Route, caller: Caller) -> None:
    if (route.accepted and not caller.has(route.accepted)) or (route.people_only and not caller.delegated):
        raise denied()
