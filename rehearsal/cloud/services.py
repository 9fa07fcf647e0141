"""What every handler of the https server shares."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tornado.web import RequestHandler

from rehearsal.cloud.faults import Faults
from rehearsal.cloud.routes import Graph
from rehearsal.cloud.sign_in import SignIn
from rehearsal.cloud.throttling import Throttle

_KEPT_REQUESTS = 2000
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass
class Traffic:
    """What was asked, and the last requests as ``[method, path, status, client-request-id]``.

    Attributes:
        requests: Graph requests over https; a batch is one.
        sign_ins: Requests to the token and device code endpoints.
        connections: Connections that clients opened, to Graph, sign-in and the control endpoint together.
        open_connections: Those still open.
    """

    requests: int = 0
    sign_ins: int = 0
    connections: int = 0
    open_connections: int = 0
    recent: list[list[object]] = field(default_factory=list)

    def note(self, method: str, path: str, status: int, client_request_id: str) -> None:
        """Remember one answered request."""
        self.recent.append([method, path, status, client_request_id])
        if len(self.recent) > _KEPT_REQUESTS:
            del self.recent[: _KEPT_REQUESTS // 2]

    def clear(self) -> None:
        """Counters to zero; what is open stays counted as open."""
        self.requests = self.sign_ins = self.connections = 0
        self.recent.clear()


@dataclass
class Pace:
    """How fast Graph answers: ``latency`` is seconds that every answer takes longer."""

    latency: float = 0.0


@dataclass(frozen=True)
class Services:
    """What the handlers share."""

    sign_in: SignIn
    graph: Graph
    faults: Faults
    traffic: Traffic
    throttle: Throttle
    pace: Pace


class Handler(RequestHandler):
    """Common to Graph and sign-in: the shared services, silence in Server headers, the close fault."""

    services: Services

    def initialize(self, services: Services) -> None:
        self.services = services

    def compute_etag(self) -> None:
        """No entity tag: neither Graph's answers about the directory nor those of sign-in have one."""

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Strict-Transport-Security", "max-age=31536000")

    def hang_up(self) -> None:
        """Close the connection without an answer."""
        self.detach().close()

    def address(self) -> str:
        """Scheme and host as the client wrote them."""
        return f"https://{self.request.host}"

    def client_request_id(self) -> str:
        """The client's own id of the request where it sent a sensible one; empty otherwise."""
        given = self.request.headers.get("client-request-id", "")
        return given if _REQUEST_ID.fullmatch(given) else ""
