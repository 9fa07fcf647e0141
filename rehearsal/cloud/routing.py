"""From a path to what answers it: a table of templates such as ``GET groups/{id}/members``."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field

from rehearsal.cloud.errors import GraphError, bad_request, method_not_allowed, not_covered, unknown_segment
from rehearsal.cloud.messages import GraphAnswer, GraphRequest
from rehearsal.cloud.metadata.names import can_be, exists_below
from rehearsal.cloud.resources import PRINCIPALS

Handler = Callable[..., GraphAnswer | Awaitable[GraphAnswer]]
"""Takes the request and, in order, what stands for the braces of its template."""

_KEY = re.compile(r"(\w+)\('([^']*)'\)")
_ALTERNATE_KEY = re.compile(r"(\w+)\(\w+=.*\)")
_CAST = re.compile(r"(?:microsoft\.)?graph\.(\w+)(?:\(.*\))?", re.IGNORECASE)
"""A name with Microsoft's namespace or its alias: a type to cast to, a function or an action."""
_NAMESPACE = "microsoft.graph."
_CASTS = {name.casefold(): name for name in PRINCIPALS}


@dataclass(frozen=True)
class Route:
    """What answers one method of one template.

    Attributes:
        template: ``groups/{id}/members``.
        handler: What answers.
        accepted: Permissions of which one is enough; empty for no permission at all.
        people_only: Whether an application without a signed-in person is refused.
        also: Permissions of which one is needed beside that; empty for none.
    """

    template: str
    handler: Handler
    accepted: frozenset[str] = frozenset()
    people_only: bool = False
    also: frozenset[str] = frozenset()


@dataclass
class _Node:
    """One segment of the tree of templates: the way to it, and below it the literal segments by name in lower case."""

    template: str = ""
    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    cast: _Node | None = None
    routes: dict[str, Route] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last segment as Microsoft writes it."""
        return self.template.rpartition("/")[2]

    def grown(self, segment: str) -> _Node:
        """The node below for a segment of a template."""
        below = _Node(f"{self.template}/{segment}".lstrip("/"))
        if segment == "{cast}":
            self.cast = self.cast or below
            return self.cast
        if segment.startswith("{"):
            self.parameter = self.parameter or below
            return self.parameter
        return self.literals.setdefault(segment.casefold(), below)


class Routes:
    """The table; ``routes`` come by method and template. Letter case matters in keys only."""

    def __init__(self, routes: Iterable[tuple[str, Route]]) -> None:
        self._root = _Node()
        for method, route in routes:
            node = self._root
            for segment in filter(None, route.template.split("/")):
                node = node.grown(segment)
            node.routes[method] = route

    def spelled(self, segments: tuple[str, ...]) -> tuple[str, ...]:
        """A path as Microsoft writes it, keys as segments of their own; what is not known stays as it is."""
        plain = _plain(segments)
        if plain == ["$batch"]:
            return ("$batch",)
        names = [name for _, name in self._steps(plain)]
        return (*names, *plain[len(names) :])

    def find(self, request: GraphRequest) -> tuple[Route, tuple[str, ...]]:
        """The route of a request and what stands for its braces.

        Raises:
            GraphError: 400 for a path that Graph does not have, 405 for a method, 501 for what is not covered.
        """
        segments = _plain(request.segments)
        if not segments:
            raise bad_request("Empty Payload. JSON content expected.", "BadRequest")
        steps = list(self._steps(segments))
        node = steps[-1][0] if steps else self._root
        if len(steps) < len(segments):
            raise _nowhere(node, segments[len(steps)], request.version)
        route = node.routes.get(request.method)
        if route is None:
            if not node.routes:
                raise not_covered(f"the path '{request.path}'")
            raise method_not_allowed(node.routes)
        values = (name.removeprefix(_NAMESPACE) for below, name in steps if below.name.startswith("{"))
        return route, tuple(values)

    def _steps(self, segments: list[str]) -> Iterator[tuple[_Node, str]]:
        """The nodes on the way, each with its segment as Microsoft writes it, as far as the table goes."""
        node = self._root
        for segment in segments:
            cast = _CAST.fullmatch(segment)
            name = cast[1] if cast else segment.removesuffix("()")
            literal = node.literals.get(f"{_NAMESPACE}{name}".casefold() if cast else name.casefold())
            literal = literal or node.literals.get(name.casefold())
            if literal is not None:
                node, shown = literal, literal.name
            elif cast and node.cast is not None and name.casefold() in _CASTS:
                node, shown = node.cast, f"{_NAMESPACE}{_CASTS[name.casefold()]}"
            elif node.parameter is not None and not cast and not self._is_function(node, name):
                node, shown = node.parameter, segment
            else:
                return
            yield node, shown

    def _is_function(self, node: _Node, name: str) -> bool:
        versions = ("v1.0", "beta")
        return any(exists_below(node.template, name, version, in_list=True) for version in versions)


def _nowhere(node: _Node, segment: str, version: str) -> GraphError:
    """The refusal of a segment that no template has: unknown to Graph, or not imitated."""
    cast = _CAST.fullmatch(segment)
    name = cast[1] if cast else segment.partition("(")[0]
    known = cast is not None and can_be(node.template, name, version)
    known = known or (_ALTERNATE_KEY.fullmatch(segment) is not None and name.casefold() in node.literals)
    known = known or exists_below(node.template, name, version, in_list=node.parameter is not None)
    return not_covered(f"'{name}'") if known else unknown_segment(segment)


def _plain(segments: tuple[str, ...]) -> list[str]:
    """``users('id')`` is another way to write ``users/id``."""
    plain: list[str] = []
    for segment in segments:
        key = _KEY.fullmatch(segment)
        plain += [key[1], key[2]] if key else [segment]
    return plain
