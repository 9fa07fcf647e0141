"""The ports of the directory: the first controller's LDAPS, and beside it what else a domain has.

Name resolution of the loopback interface knows one name only, so ports tell the controllers apart; a second address
of the interface gives the second controller the first one's port, as a real one would have it.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from rehearsal.cloud.control import ControlRefusedError
from rehearsal.directory import DirectoryServer
from rehearsal.directory.domains import View
from rehearsal.directory.service import DirectoryFault, Service
from rehearsal.folder import HOST

LOOPBACK, SECOND_LOOPBACK = "127.0.0.1", "127.0.0.2"

_Action = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]


@dataclass
class DirectoryPorts:
    """Servers over one service. ``addresses`` names every port but the first, for example ``global-catalog``."""

    service: Service
    addresses: dict[str, str] = field(default_factory=dict)
    _servers: list[DirectoryServer] = field(default_factory=list)

    async def start(self, context: ssl.SSLContext, ldap_port: int) -> int:
        """Listen, on free ports but for the first, and return its number.

        Raises:
            OSError: ``ldap_port`` is taken. Nothing listens then.
        """
        first, *others = self.service.store.controllers
        main = await self._open(View(first), context, port=ldap_port)
        try:
            await self._add("ldap", View(first), None, context)
            await self._add("global-catalog-ldaps", View(first, global_catalog=True), context, context)
            await self._add("global-catalog", View(first, global_catalog=True), None, context)
            for controller in others:
                await self._add(controller.label, View(controller), context, context, beside=main.port)
        except BaseException:
            await self.stop()
            raise
        return main.port

    async def _add(
        self, name: str, view: View, tls: ssl.SSLContext | None, start_tls: ssl.SSLContext, *, beside: int = 0
    ) -> None:
        scheme = "ldap" if tls is None else "ldaps"
        writable = not view.controller.read_only and view.controller.domain == self.service.store.domains[0]
        if beside and writable:
            try:
                server = await self._open(view, tls, host=SECOND_LOOPBACK, port=beside)
            except OSError:  # macOS has one loopback address; and a second one may be taken
                pass
            else:
                self.addresses[name] = f"{scheme}://{SECOND_LOOPBACK}:{server.port}"
                return
        server = await self._open(view, tls, start_tls=start_tls)
        self.addresses[name] = f"{scheme}://{HOST}:{server.port}"

    async def _open(
        self,
        view: View,
        tls: ssl.SSLContext | None,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        start_tls: ssl.SSLContext | None = None,
    ) -> DirectoryServer:
        server = DirectoryServer(self.service, tls, host, port, view=view, start_tls=start_tls)
        await server.start()
        self._servers.append(server)
        return server

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        servers, self._servers = self._servers, []
        for server in servers:
            await server.stop()

    def actions(self) -> Mapping[str, _Action]:
        """What the control endpoint may do to the directory's service."""
        return {"POST directory-fault": self._fault, "POST directory-policy": self._policy}

    async def _fault(self, body: Mapping[str, object]) -> Mapping[str, object]:
        fields: dict[str, object] = dict(body)
        self.service.faults.arm(DirectoryFault(**fields))  # type: ignore[arg-type] # unknown names are the caller's error
        return {}

    async def _policy(self, body: Mapping[str, object]) -> Mapping[str, object]:
        try:
            self.service.policy.change(body)
        except ValueError as error:
            raise ControlRefusedError(str(error)) from None
        return {}

    def counters(self) -> Mapping[str, object]:
        """For ``gwb rehearsal status --json``."""
        faults = self.service.faults
        return {**self.service.traffic.shown(), "faults_met": faults.met, "faults_waiting": faults.waiting}
