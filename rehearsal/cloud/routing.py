"""From a path to what answers it: a table of templates such as ``GET groups/{id}/members``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from rehearsal.cloud.errors import bad_request, method_not_allowed, not_covered, unknown_segment
from rehearsal.cloud.messages import GraphAnswer, GraphRequest

Handler = Callable[..., GraphAnswer]
"""Takes the request and, in order, what stands for the braces of its template."""

_KEY = re.compile(r"(\w+)\('([^']*)'\)")
_CAST = re.compile(r"microsoft\.graph\.(\w+)(?:\(\))?")


@dataclass(frozen=True)
class Route:
    """What answers one method of one template.

    Attributes:
        template: ``groups/{id}/members``.
        handler: What answers.
        accepted: Permissions of which one is enough; empty for no permission at all.
        people_only: Whether an application without a signed-in person is refused.
    """

    template: str
    handler: Handler
    accepted: frozenset[str] = frozenset()
    people_only: bool = False


@dataclass
class _Node:
    """One segment of the tree of templates."""

    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    cast: _Node | None = None
    routes: dict[str, Route] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()

    def grown(self, segment: str) -> _Node:
        """The node below for a segment of a template."""
        if segment == "{cast}":
            self.cast = self.cast or _Node()
            return self.cast
        if segment.startswith("{"):
            self.parameter = self.parameter or _Node()
            return self.parameter
        return self.literals.setdefault(segment, _Node())


class Routes:
    """The table.

    Args:
        routes: By method and template.
        missing: By template of the path above, segments that Graph has and the rehearsal does not.
    """

    def __init__(self, routes: Iterable[tuple[str, Route]], missing: Mapping[str, Iterable[str]]) -> None:
        self._root = _Node()
        for method, route in routes:
            self._node(route.template).routes[method] = route
        for template, segments in missing.items():
            self._node(template).missing = frozenset(segments)

    def _node(self, template: str) -> _Node:
        node = self._root
        for segment in filter(None, template.split("/")):
            node = node.grown(segment)
        return node

    def find(self, request: GraphRequest) -> tuple[Route, tuple[str, ...]]:
        """The route of a request and what stands for its braces.

        Raises:
            GraphError: 400 for a path that Graph does not have, 405 for a method, 501 for what is not covered.
        """
        node, values = self._root, []
        segments = _plain(request.segments)
        if not segments:
            raise bad_request("Empty Payload. JSON content expected.", "BadRequest")
        for segment in segments:
            cast = _CAST.fullmatch(segment)
            name = cast[1] if cast else segment.removesuffix("()")
            if segment in node.literals:
                node = node.literals[segment]
            elif name in node.literals:
                node = node.literals[name]
            elif cast and node.cast is not None:
                values.append(cast[1])
                node = node.cast
            elif name in node.missing or segment in node.missing:
                raise not_covered(f"'{name}'")
            elif node.parameter is not None and not cast:
                values.append(segment)
                node = node.parameter
            else:
                raise unknown_segment(segment)
        route = node.routes.get(request.method)
        if route is None:
            if not node.routes:
                raise not_covered(f"the path '{request.path}'")
            raise method_not_allowed(node.routes)
        return route, tuple(values)


def _plain(segments: tuple[str, ...]) -> list[str]:
    """``users('id')`` is another way to write ``users/id``."""
    plain: list[str] = []
    for segment in segments:
        key = _KEY.fullmatch(segment)
        plain += [key[1], key[2]] if key else [segment]
    return plain
