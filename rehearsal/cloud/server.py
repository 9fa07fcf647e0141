"""The https server: Graph, sign-in and control on one port."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from rehearsal.cloud.control import ControlActions, ControlHandler
from rehearsal.cloud.device_page import DevicePageHandler
from rehearsal.cloud.faults import Faults
from rehearsal.cloud.graph_handler import GraphHandler
from rehearsal.cloud.on_demand import Provisioner
from rehearsal.cloud.routes import Graph
from rehearsal.cloud.services import Handler, Pace, Services, Traffic
from rehearsal.cloud.sign_in import SignIn
from rehearsal.cloud.sign_in_handler import SignInHandler
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud.throttling import Throttle
from rehearsal.time_stamps import TimeStampAuthority, TimeStampHandler

_LARGEST_BODY = 4 * 1024 * 1024
_LARGEST_HEADERS = 64 * 1024


@dataclass(frozen=True)
class Patience:
    """How long and how many: what keeps slow and numerous clients from holding the server.

    Attributes:
        idle: Seconds for the next request's headers, from the end of the last answer.
        body: Seconds for a request's body.
        connections: Most connections at once; one more closes the oldest.
    """

    idle: float = 120
    body: float = 30
    connections: int = 512


class _Listener(HTTPServer):
    """An https server that counts its connections and keeps them few."""

    traffic: Traffic
    most: int
    _open: dict[IOStream, None]

    def watch(self, traffic: Traffic, most: int) -> None:
        """Count into ``traffic``; called once, before anything is listened to."""
        self.traffic, self.most, self._open = traffic, most, {}

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """A new connection, before its handshake."""
        self.traffic.connections += 1
        self._open[stream] = None
        while len(self._open) > self.most:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.close()
        self.traffic.open_connections = len(self._open)
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """A connection that has ended."""
        super().on_close(server_conn)
        self._open.pop(server_conn.stream, None)  # type: ignore[attr-defined]
        self.traffic.open_connections = len(self._open)


class _NoSuchPathHandler(Handler):
    """Whatever is neither a version of Graph nor a tenant: refused as Graph refuses a version that it lacks."""

    def prepare(self) -> None:
        self.set_status(400)
        self.set_header("Content-Type", "application/json")
        version = self.request.path.split("/")[1][:100]
        self.finish(json.dumps({"error": {"code": "BadRequest", "message": f"Invalid version: {version}"}}))

    def check_xsrf_cookie(self) -> None:
        """Nothing happens here."""


class CloudServer:
    """Serves one tenant on the loopback interface.

    Args:
        store: The tenant's objects.
        sign_in: Its token service.
        control: What the control endpoint may do, or None for a server without one.
        control_token: Bearer token of the control endpoint.
        throttle: ``small``, ``medium`` or ``large`` to throttle as in a tenant of that size; empty not to.
        latency: Seconds that every answer of Graph takes longer.
        patience: Limits for slow and numerous clients.
        provisioner: What writes to AD where Cloud Sync provisions on demand; None for a tenant with nothing beside it.
        time_stamps: What answers at ``/time-stamp``; None: nothing does.
    """

    def __init__(
        self,
        store: CloudStore,
        sign_in: SignIn,
        *,
        control: ControlActions | None = None,
        control_token: str = "",
        throttle: str = "",
        latency: float = 0.0,
        patience: Patience = Patience(),
        provisioner: Provisioner | None = None,
        time_stamps: TimeStampAuthority | None = None,
    ) -> None:
        self.store = store
        self.sign_in = sign_in
        self.faults = Faults()
        self.traffic = Traffic()
        self.throttle = Throttle(sign_in.tenant_id, clock=sign_in.clock, size=throttle)
        self.pace = Pace(latency)
        self._at_start = (throttle, latency)
        self._patience = patience
        shared = Services(sign_in, Graph(store, provisioner), self.faults, self.traffic, self.throttle, self.pace)
        services = {"services": shared}
        rules: list[tuple[str, type[RequestHandler], dict[str, object]]] = [
            (r"/(v1\.0|beta)(?:/.*)?", GraphHandler, dict(services)),
            (r"/devicelogin", DevicePageHandler, dict(services)),
            (
                r"/([0-9A-Za-z.-]+)/((?:v2\.0|oauth2|discovery|\.well-known)/.*)",
                SignInHandler,
                dict(services),
            ),
        ]
        if time_stamps is not None:
            rules.insert(0, ("/time-stamp", TimeStampHandler, {"authority": time_stamps}))
        if control is not None:
            rules.insert(0, (r"/rehearsal/([a-z-]+)", ControlHandler, {"control": control, "token": control_token}))
        # Answers are counted in Traffic; access lines would only fill the log.
        self._application = Application(
            list(rules),
            log_function=lambda handler: None,  # noqa: ARG005
            default_handler_class=_NoSuchPathHandler,
            default_handler_args=services,
        )
        self._server: HTTPServer | None = None

    def reset(self) -> None:
        """No faults, counters at zero, throttling and latency as at the start."""
        self.faults.clear()
        self.traffic.clear()
        size, self.pace.latency = self._at_start
        self.throttle.reset(size=size)

    def counters(self) -> dict[str, object]:
        """What Graph and sign-in were asked so far, for tests and benchmarks that look at the cost."""
        traffic, throttle = self.traffic, self.throttle
        return {
            "graph_requests": traffic.requests,
            "resource_units": throttle.units,
            "graph_writes": throttle.writes,
            "throttled": throttle.throttled,
            "throttle": throttle.size or "off",
            "latency_ms": round(self.pace.latency * 1000),
            "sign_ins": traffic.sign_ins,
            "tokens_issued": self.sign_in.issuer.issued,
            "connections": traffic.connections,
            "open_connections": traffic.open_connections,
            "faults_answered": self.faults.met,
            "faults_waiting": self.faults.waiting,
        }

    async def start(self, context: ssl.SSLContext | None, *, port: int = 0) -> int:
        """Listen on 127.0.0.1 and, where the system has it, ::1.

        Returns:
            The port, chosen by the system for 0.

        Raises:
            OSError: The port is taken.
        """
        # A failed TLS handshake is the client's business (a test of a wrong CA makes one), not news for the log.
        logging.getLogger("tornado.general").setLevel(logging.ERROR)
        sockets = bind_sockets(port, address="127.0.0.1", family=socket.AF_INET)
        bound = int(sockets[0].getsockname()[1])
        with contextlib.suppress(OSError):
            # "localhost" may mean ::1 first; a refused attempt costs Windows two seconds per connection.
            sockets += bind_sockets(bound, address="::1", family=socket.AF_INET6)
        server = _Listener(
            self._application,
            ssl_options=context,
            max_body_size=_LARGEST_BODY,
            max_header_size=_LARGEST_HEADERS,
            body_timeout=self._patience.body,
            idle_connection_timeout=self._patience.idle,
        )
        server.watch(self.traffic, self._patience.connections)
        server.add_sockets(sockets)
        self._server = server
        return bound

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self._server = None
