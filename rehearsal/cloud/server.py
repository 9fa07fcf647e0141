"""The https server: Graph, sign-in and control on one port."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from rehearsal.cloud.control import ControlActions, ControlHandler
from rehearsal.cloud.device_page import DevicePageHandler
from rehearsal.cloud.faults import Faults
from rehearsal.cloud.graph_handler import GraphHandler
from rehearsal.cloud.routes import Graph
from rehearsal.cloud.services import Services, Traffic
from rehearsal.cloud.sign_in import SignIn
from rehearsal.cloud.sign_in_handler import SignInHandler
from rehearsal.cloud.store import CloudStore

_LARGEST_BODY = 1024 * 1024
_LARGEST_HEADERS = 64 * 1024


class CloudServer:
    """Serves one tenant on the loopback interface.

    Args:
        store: The tenant's objects.
        sign_in: Its token service.
        control: What the control endpoint may do, or None for a server without one.
        control_token: Bearer token of the control endpoint.
    """

    def __init__(
        self, store: CloudStore, sign_in: SignIn, *, control: ControlActions | None = None, control_token: str = ""
    ) -> None:
        self.store = store
        self.sign_in = sign_in
        self.faults = Faults()
        self.traffic = Traffic()
        services = {"services": Services(sign_in, Graph(store), self.faults, self.traffic)}
        rules: list[tuple[str, type[RequestHandler], dict[str, object]]] = [
            (r"/(v1\.0|beta)(?:/.*)?", GraphHandler, dict(services)),
            (r"/devicelogin", DevicePageHandler, dict(services)),
            (
                r"/([0-9A-Za-z.-]+)/((?:v2\.0|oauth2|discovery|\.well-known)/.*)",
                SignInHandler,
                dict(services),
            ),
        ]
        if control is not None:
            rules.insert(0, (r"/rehearsal/([a-z-]+)", ControlHandler, {"control": control, "token": control_token}))
        # Answers are counted in Traffic; access lines would only fill the log.
        self._application = Application(list(rules), log_function=lambda handler: None)  # noqa: ARG005
        self._server: HTTPServer | None = None

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
        server = HTTPServer(
            self._application,
            ssl_options=context,
            max_body_size=_LARGEST_BODY,
            max_header_size=_LARGEST_HEADERS,
            body_timeout=30,
            idle_connection_timeout=600,
        )
        server.add_sockets(sockets)
        self._server = server
        return bound

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self._server = None
