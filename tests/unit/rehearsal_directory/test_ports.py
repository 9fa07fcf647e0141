"""The ports of a rehearsal's directory: who answers where, and what the control endpoint changes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rehearsal.certificates import server_context, utc_now, write_private
from rehearsal.cloud.control import ControlRefusedError
from rehearsal.contoso import names
from rehearsal.directory_ports import SECOND_LOOPBACK
from rehearsal.folder import new_passwords
from rehearsal.options import StartOptions
from rehearsal.world import Ports, World
from tests.support.certificates import shared_certificates
from tests.unit.rehearsal_directory.wire import Wire, equal

START_TLS = "1.3.6.1.4.1.1466.20037"
PASSWORDS = new_passwords()


@pytest.fixture(scope="module")
def trust_and_world(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext, World]:
    """Contoso with its child domain, not started yet; a client's context and the server's."""
    certificates = shared_certificates()
    file = Path(tmp_path_factory.mktemp("world")) / "server.pem"
    write_private(file, certificates.server_pem)
    trust = ssl.create_default_context(cadata=certificates.ca_pem.decode())
    return trust, server_context(file), World(certificates, PASSWORDS, StartOptions(domains=2), clock=utc_now)


Scenario = Callable[[World, Ports, ssl.SSLContext], Coroutine[None, None, None]]


def run(made: tuple[ssl.SSLContext, ssl.SSLContext, World], scenario: Scenario) -> None:
    """Start the directory's ports, and stop them."""
    trust, context, world = made

    async def whole() -> None:
        ldap = await world.directory_ports.start(context, 0)
        try:
            await asyncio.wait_for(scenario(world, Ports(0, ldap, 0, world.directory_ports.addresses), trust), 20)
        finally:
            await world.directory_ports.stop()
            world.reset()

    asyncio.run(whole())


async def connect(address: str, trust: ssl.SSLContext) -> Wire:
    """By TLS, from the start or by StartTLS; the name in the certificate is checked."""
    parts = urlsplit(address)
    tls = trust if parts.scheme == "ldaps" else None
    wire = Wire(*await asyncio.open_connection(parts.hostname, parts.port, ssl=tls))
    if tls is None:
        assert (await wire.extended(START_TLS)).code == 0
        await wire.writer.start_tls(trust, server_hostname=parts.hostname)
    return wire


def test_every_port(trust_and_world: tuple[ssl.SSLContext, ssl.SSLContext, World]) -> None:
    """Host name, default naming context, and what the port shows of a user of the child domain."""

    async def scenario(world: World, ports: Ports, trust: ssl.SSLContext) -> None:
        addresses = {"": f"ldaps://localhost:{ports.ldap}", **ports.directory}
        seen = {}
        for what, address in addresses.items():
            wire = await connect(address, trust)
            assert (await wire.bind(names.BIND_USER, PASSWORDS.bind)).code == 0
            (root,) = await wire.entries("", scope=0, names=("*",))
            base = "" if "catalog" in what else root.texts("defaultNamingContext")[0]
            condition = equal("userPrincipalName", f"emil.berg@{names.CHILD_DOMAIN}")
            found = len(await wire.entries(base, condition=condition))
            seen[what] = (root.texts("dnsHostName")[0].partition(".")[0], found)
            await wire.close()
        assert seen == {
            "": ("dc1", 0),
            "ldap": ("dc1", 0),
            "global-catalog": ("dc1", 1),
            "global-catalog-ldaps": ("dc1", 1),
            "dc2": ("dc2", 0),
            "rodc1": ("rodc1", 0),
            "emea-dc1": ("emea-dc1", 1),
        }
        second = urlsplit(ports.directory["dc2"])
        assert second.hostname != SECOND_LOOPBACK or second.port == ports.ldap
        identifiers = {
            world.directory.node(item.settings_dn).attributes["invocationId"] for item in world.directory.controllers
        }
        assert len(identifiers) == 4

    run(trust_and_world, scenario)


@pytest.mark.parametrize(("account", "reason"), names.REFUSED_ACCOUNTS.items())
def test_accounts_that_cannot_log_on(
    trust_and_world: tuple[ssl.SSLContext, ssl.SSLContext, World], account: str, reason: str
) -> None:
    """One account of Contoso for each of AD's reasons."""

    async def scenario(_world: World, ports: Ports, trust: ssl.SSLContext) -> None:
        wire = await connect(f"ldaps://localhost:{ports.ldap}", trust)
        refused = await wire.bind(f"{account}@{names.DOMAIN}", PASSWORDS.bind)
        assert (refused.code, f", data {reason}, v" in refused.message) == (49, True)
        await wire.close()

    run(trust_and_world, scenario)


def test_control(trust_and_world: tuple[ssl.SSLContext, ssl.SSLContext, World]) -> None:
    """Faults, policies (signing is required by default) and counters by the control endpoint; all gone with a reset."""

    async def scenario(world: World, ports: Ports, _trust: ssl.SSLContext) -> None:
        actions = world.actions()
        await actions["POST directory-fault"]({"kind": "busy", "operation": "bind"})
        with pytest.raises(ControlRefusedError, match="max_page_size cannot be 0"):
            await actions["POST directory-policy"]({"max_page_size": 0})
        parts = urlsplit(ports.directory["ldap"])
        wire = Wire(*await asyncio.open_connection(parts.hostname, parts.port))
        codes = [(await wire.bind(names.BIND_USER, PASSWORDS.bind)).code for _ in range(2)]
        assert codes == [51, 8]
        shown = (await actions["GET status"]({}))["ldap"]
        assert isinstance(shown, dict)
        assert (shown["operations"]["bind"], shown["refused"], shown["faults_met"]) == (2, {"8": 1, "51": 1}, 1)
        await actions["POST directory-policy"]({"require_signing": False})
        assert (await wire.bind(names.BIND_USER, PASSWORDS.bind)).code == 0
        world.reset()
        assert (await wire.bind(names.BIND_USER, PASSWORDS.bind)).code == 8
        await wire.close()

    run(trust_and_world, scenario)
