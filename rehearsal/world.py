"""The world of a rehearsal: both sides filled with Contoso, both servers, and what the control endpoint may do."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rehearsal.certificates import Certificates
from rehearsal.cloud.accounts import TenantUsers
from rehearsal.cloud.actions import GraphActions, SignInActions
from rehearsal.cloud.control import ControlRefusedError, edit_cloud
from rehearsal.cloud.server import CloudServer
from rehearsal.cloud.sign_in import SignIn
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud_sync.engine import Engine
from rehearsal.cloud_sync.target import Target, ldap_target
from rehearsal.connect_sync.server import ConnectServer
from rehearsal.connect_sync.target import ConnectTarget, connect_target
from rehearsal.contoso import names
from rehearsal.contoso.administrators import ADMINISTRATORS, add_administrators
from rehearsal.contoso.cloud import populate_cloud
from rehearsal.contoso.cloud_sync import KINDS, add_configuration
from rehearsal.contoso.crowd import crowd_of
from rehearsal.contoso.directory import populate_directory
from rehearsal.contoso.exchange import hide_exchange, install_exchange, spoil_mail_flow, state_of
from rehearsal.contoso.forest import (
    add_child_domain,
    add_controllers,
    add_engine_accounts,
    add_refused_accounts,
)
from rehearsal.contoso.registrations import registrations
from rehearsal.control_values import ShownDirectory, given_attributes
from rehearsal.directory import DirectoryStore, WriteHolds
from rehearsal.directory.failures import LdapError
from rehearsal.directory.logon import renew_passwords
from rehearsal.directory.service import QueryPolicy, Service
from rehearsal.directory_ports import DirectoryPorts
from rehearsal.dns_server import DnsServer, zone
from rehearsal.folder import Passwords
from rehearsal.options import DEFAULTS, StartOptions
from rehearsal.samba.outside import SambaDirectory
from rehearsal.time_stamps import TimeStampAuthority

SEEDED_AT = datetime(2026, 10, 1, 6, 0, tzinfo=UTC)
"""whenCreated of everything that Contoso begins with."""

_LONGEST_WAIT = 60
"""Seconds for which a request of the control endpoint may wait."""
_Action = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]


@dataclass(frozen=True)
class Ports:
    """Where the servers listen."""

    graph: int
    ldap: int
    dns: int
    directory: Mapping[str, str] = field(default_factory=dict)
    """Addresses of the directory's other ports, by what they are."""


class _Identifiers:
    """objectGUIDs of objects that bring none: the same series in every rehearsal and after every reset."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> uuid.UUID:
        self.made += 1
        return uuid.UUID(names.object_guid(f"number {self.made}"))


class World:
    """Contoso, running in the current asyncio loop once started.

    Args:
        certificates: What the servers show and the app registration accepts.
        passwords: Of the accounts, the app registration and the control endpoint.
        options: What it is like, and its ports.
        clock: Answers aware datetimes.
        samba: A real controller that takes the place of the embedded directory, not yet started.
    """

    def __init__(
        self,
        certificates: Certificates,
        passwords: Passwords,
        options: StartOptions = DEFAULTS,
        *,
        clock: Callable[[], datetime],
        samba: SambaDirectory | None = None,
    ) -> None:
        self.options = options
        recipients = state_of(options.exchange).has_recipients
        self.dns_server = DnsServer(zone(options.mail_flow))
        self._identifiers = _Identifiers()
        self.directory = DirectoryStore(
            names.DOMAIN, names.NETBIOS, clock=lambda: SEEDED_AT, guid_source=self._identifiers
        )
        install_exchange(self.directory, options.exchange, options.mail_flow)
        crowd = crowd_of(options.size, administrators=len(ADMINISTRATORS), ordinary=options.staff)
        index = populate_directory(
            self.directory,
            bind_password=passwords.bind,
            administrator_password=passwords.administrator,
            exchange=recipients,
            crowd=crowd,
        )
        hide_exchange(self.directory, options.exchange)
        spoil_mail_flow(self.directory, options.mail_flow)
        add_refused_accounts(self.directory, passwords.bind)
        add_engine_accounts(self.directory, passwords.agent)
        add_controllers(self.directory)
        if options.domains > 1:
            add_child_domain(self.directory, exchange=recipients)
        # Two rehearsals are two databases, although everything else in them is the same: locks tell them apart by it.
        for controller in self.directory.controllers:
            self.directory.modify(controller.settings_dn, {"invocationId": [uuid.uuid4().bytes_le]})
        if options.recycle_bin:
            self.directory.recycle_bin = True
        renew_passwords(self.directory, clock())
        self.directory.clock = clock
        self._samba = samba
        if samba is not None:
            index = samba.fill(self.directory, index)
        self._shown = ShownDirectory(self.directory)
        self._seed = self.directory.snapshot()
        self._seed_identifiers = self._identifiers.made
        self.cloud = CloudStore(clock=clock)
        self.cloud.replication = timedelta(seconds=options.replication_seconds)
        populate_cloud(self.cloud, index, crowd)
        self.sign_in = SignIn(
            names.TENANT_ID,
            registrations(certificates.client, passwords.client_secret),
            users=TenantUsers(self.cloud, add_administrators(self.cloud)),
            clock=clock,
            domains=(names.INITIAL_DOMAIN, names.MAIL_DOMAIN, names.GROUP_MAIL_DOMAIN),
        )
        self._agent = (ssl.create_default_context(cadata=certificates.ca_pem.decode()), passwords.agent)
        self._ldap_port = 0
        self.cloud_sync = Engine(self.cloud, self._as_agent)
        self.connect_server = ConnectServer(
            self.cloud,
            self._as_connector,
            container=names.CONNECT_OU,
            forest=names.DOMAIN,
            base_dn=names.BASE_DN,
            account="\\".join((names.DOMAIN.upper(), names.CONNECTOR_USER.partition("@")[0])),
            fill=lambda: self.cloud_sync.fill_for_connect(names.DOMAIN),
        )
        self._runs: asyncio.Task[None] | None = None
        self.holds = WriteHolds(account=names.BIND_USER)
        self.service = Service(self.directory, self.holds, QueryPolicy(require_signing=True))
        self.directory_ports = DirectoryPorts(self.service)
        self.stopped = asyncio.Event()
        self.stays = False
        """Whether it goes on without the process that started it."""
        self.time_stamps = TimeStampAuthority(clock)
        self.cloud_server = CloudServer(
            self.cloud,
            self.sign_in,
            control=self,
            control_token=passwords.control_token,
            throttle=options.throttle,
            latency=options.latency_ms / 1000,
            provisioner=self.cloud_sync,
            time_stamps=self.time_stamps,
        )

    async def start(self, context: ssl.SSLContext) -> Ports:
        """Listen on the loopback interface, on the ports of the options.

        Raises:
            OSError: A port is taken. Nothing listens then.
        """
        graph = await self.cloud_server.start(context, port=self.options.graph_port)
        try:
            dns = await self.dns_server.start(port=self.options.dns_port)
            if self._samba is not None:
                self._ldap_port, addresses = await self._samba.listen(self.options.ldap_port)
            else:
                self._ldap_port = await self.directory_ports.start(context, self.options.ldap_port)
                addresses = self.directory_ports.addresses
        except OSError:
            self.dns_server.stop()
            await self.cloud_server.stop()
            if self._samba is not None:
                await self._samba.stop()
            raise
        if self.options.cloud_sync_runs:
            self._runs = asyncio.create_task(self.cloud_sync.keep_running())
        return Ports(graph, self._ldap_port, dns, addresses)

    def _as_agent(self) -> AbstractContextManager[Target]:
        """AD as Cloud Sync's provisioning agent reaches it."""
        context, password = self._agent
        return ldap_target(self._ldap_port, context, names.BASE_DN, names.AGENT_USER, password)

    def _as_connector(self) -> AbstractContextManager[ConnectTarget]:
        """AD as Connect's connector account reaches it."""
        context, password = self._agent
        return connect_target(self._ldap_port, context, names.BASE_DN, names.CONNECTOR_USER, password)

    async def stop(self) -> None:
        """Stop the servers."""
        if self._runs is not None:
            self._runs.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._runs
        self.holds.release()
        self.dns_server.stop()
        await self.directory_ports.stop()
        if self._samba is not None:
            await self._samba.stop()
        await self.cloud_server.stop()

    def mark(self) -> None:
        """What AD holds now is what ``reset`` goes back to from here on."""
        self._shown = ShownDirectory(self.directory)
        self._seed = self.directory.snapshot()
        self._seed_identifiers = self._identifiers.made

    def reset(self) -> None:
        """Both sides back to the seed; holds, faults, counters and settings cleared."""
        self.service.reset()
        if self.directory.usn != self._seed.usn:  # every write counts it up; indexing anew takes a while
            self.directory.restore(self._seed)
        self._identifiers.made = self._seed_identifiers
        self.cloud.reset()
        self.sign_in.reset()
        self.cloud_server.reset()

    def actions(self) -> Mapping[str, _Action]:
        """The control endpoint's actions."""
        embedded = {
            "POST mark": self._mark,
            "POST hold-write": self._hold_write,
            "POST wait-held": self._wait_held,
            "GET writes": self._writes,
            "POST release": self._release,
            "GET directory": self._dump,
            "POST directory": self._edit_directory,
            **self.directory_ports.actions(),
        }
        return {
            **(embedded if self._samba is None else {}),
            "POST reset": self._reset,
            "GET status": self._status,
            "POST cloud": self._edit_cloud,
            "POST stay": self._stay,
            "POST stop": self._stop,
            **self.cloud_sync.actions(),
            **self.connect_server.actions(),
            **GraphActions(self.cloud_server).actions(),
            **SignInActions(self.sign_in, client_id=names.CLIENT_ID).actions(),
        }

    async def _mark(self, _: Mapping[str, object]) -> Mapping[str, object]:
        self.mark()
        return {}

    async def _reset(self, _: Mapping[str, object]) -> Mapping[str, object]:
        self.reset()
        return {}

    async def _status(self, _: Mapping[str, object]) -> Mapping[str, object]:
        return {
            **self.cloud_server.counters(),
            **({"ldap_writes": self.holds.count} if self._samba is None else {}),
            "ldap": (self._samba or self.directory_ports).counters(),
            "groups": len(self.cloud.groups),
            "users": len(self.cloud.users),
            "exchange": self.options.exchange,
        }

    async def _hold_write(self, body: Mapping[str, object]) -> Mapping[str, object]:
        number, when = body.get("number"), body.get("when", "before")
        if not isinstance(number, int) or number < 1 or (when != "before" and when != "after"):
            raise ControlRefusedError("number is a whole number from 1; when is before or after")
        self.holds.reset()
        self.holds.hold(number, when)
        return {}

    async def _wait_held(self, body: Mapping[str, object]) -> Mapping[str, object]:
        held, seconds = body.get("held", True), body.get("seconds", 0)
        if not isinstance(held, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _LONGEST_WAIT:
            raise ControlRefusedError(f"held is true or false; seconds is a number from 0 to {_LONGEST_WAIT}")
        return {"held": await self.holds.until(held, seconds)}

    async def _writes(self, _: Mapping[str, object]) -> Mapping[str, object]:
        return {"count": self.holds.count, "held": self.holds.held}

    async def _release(self, _: Mapping[str, object]) -> Mapping[str, object]:
        self.holds.release()
        return {}

    async def _dump(self, _: Mapping[str, object]) -> Mapping[str, object]:
        return self._shown.now()

    async def _edit_directory(self, body: Mapping[str, object]) -> Mapping[str, object]:
        action, dn = body.get("action"), str(body["dn"])
        try:
            if action == "add":
                return {"guid": self.directory.add(dn, given_attributes(body))}
            if action == "modify":
                self.directory.modify(dn, given_attributes(body))
            elif action == "delete":
                self.directory.delete(dn)
            else:
                raise ControlRefusedError(f"action is add, modify or delete, not {action!r}")
        except LookupError:
            raise ControlRefusedError(f"no object {dn}") from None
        except LdapError as error:
            raise ControlRefusedError(f"the directory refuses: {error.message}") from None
        return {}

    async def _edit_cloud(self, body: Mapping[str, object]) -> Mapping[str, object]:
        if body.get("action") == "add-configuration":
            return self._add_configuration(str(body.get("kind")))
        return edit_cloud(self.cloud, body)

    def _add_configuration(self, kind: str) -> Mapping[str, object]:
        """A further configuration of Cloud Sync, as somebody makes one in the portal."""
        if kind not in KINDS:
            raise ControlRefusedError(f"kind is one of {', '.join(KINDS)}, not {kind!r}")
        try:
            return {"id": add_configuration(self.cloud, kind)}
        except ValueError:
            raise ControlRefusedError(f"the configuration {kind} is there already") from None

    async def _stay(self, _: Mapping[str, object]) -> Mapping[str, object]:
        self.stays = True
        return {}

    async def _stop(self, _: Mapping[str, object]) -> Mapping[str, object]:
        # The answer goes out first; then whoever started this world ends it.
        asyncio.get_running_loop().call_later(0.05, self.stopped.set)
        return {}
