"""The server: clients that misbehave, limits, and being stopped."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rehearsal.certificates import server_context, write_private
from rehearsal.directory import DirectoryServer, DirectoryStore, ber, searching
from tests.support.certificates import shared_certificates
from tests.unit.rehearsal_directory.conftest import BASE, GROUPS, STAFF, WRITER
from tests.unit.rehearsal_directory.wire import Wire

PASSWORD = "correct horse"
CLOSED = (asyncio.IncompleteReadError, ConnectionResetError, BrokenPipeError)
Scenario = Callable[[DirectoryServer], Coroutine[None, None, None]]


def serve(store: DirectoryStore, scenario: Scenario, context: ssl.SSLContext | None = None) -> None:
    """Run a scenario against a server; nothing takes longer than ten seconds."""

    async def run() -> None:
        server = DirectoryServer(store, context)
        await server.start()
        try:
            await asyncio.wait_for(scenario(server), 10)
        finally:
            await asyncio.wait_for(server.stop(), 5)

    asyncio.run(run())


async def _answers(server: DirectoryServer) -> None:
    """The server is there for somebody else."""
    wire = await Wire.to(server)
    assert (await wire.bind(WRITER, PASSWORD)).code == 0
    assert [reply.tag for reply in await wire.search(STAFF, scope=0)] == [0x64, 0x65]
    await wire.close()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        bytes.fromhex("3084ffffffff"),
        bytes.fromhex("308400a00001"),
        ber.sequence([ber.integer(1), ber.tlv(0x7F - 1, b"")]),
        ber.sequence([ber.text("x"), ber.tlv(0x42, b"")]),
        ber.sequence([ber.integer(1), ber.tlv(0x63, ber.text("x"))]),
    ],
)
def test_garbage_closes_the_connection(store: DirectoryStore, garbage: bytes) -> None:
    """With a notice of disconnection, and for nobody else."""

    async def scenario(server: DirectoryServer) -> None:
        wire = await Wire.to(server)
        await wire.raw(garbage)
        notice = await wire.reply()
        assert (notice.id, notice.tag, notice.code) == (0, 0x78, 2)
        with pytest.raises(CLOSED):
            await wire.reply()
        await wire.close()
        await _answers(server)

    serve(store, scenario)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=100))
def test_any_bytes_leave_the_server_standing(store: DirectoryStore, data: bytes) -> None:
    """Bytes on their own and as a request's content."""

    async def scenario(server: DirectoryServer) -> None:
        for sent in (data, ber.sequence([ber.integer(1), ber.tlv(0x66, data)])):
            wire = await Wire.to(server)
            await wire.raw(sent)
            await wire.close()
        await _answers(server)

    serve(store, scenario)


def test_a_fault_of_ours_closes_one_connection(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception nobody expected ends that connection, and no other."""
    original = store.authenticate

    def broken(name: str, password: str, workstation: str) -> bytes:
        if name == "broken":
            raise RuntimeError("a bug")
        return original(name, password, workstation)

    monkeypatch.setattr(store, "authenticate", broken)

    async def scenario(server: DirectoryServer) -> None:
        wire = await Wire.to(server)
        with pytest.raises(CLOSED):
            await wire.bind("broken", "x")
        await wire.close()
        await _answers(server)

    serve(store, scenario)


def test_requests_in_one_packet_and_in_pieces(store: DirectoryStore) -> None:
    """Message borders are the server's business, not the network's."""

    async def scenario(server: DirectoryServer) -> None:
        wire = await Wire.to(server)
        bind = ber.tlv(0x60, ber.integer(3) + ber.text(WRITER) + ber.text(PASSWORD, 0x80))
        both = b"".join(ber.sequence([ber.integer(number), bind]) for number in (1, 2))
        for octet in both[:30]:
            await wire.raw(bytes((octet,)))
        await wire.raw(both[30:])
        assert [(await wire.reply()).id for _ in range(2)] == [1, 2]
        await wire.close()

    serve(store, scenario)


def test_bind_and_extended_operations(store: DirectoryStore) -> None:
    """A failed bind leaves nobody bound; SASL, StartTLS and the unknown are refused, WhoAmI is not."""

    async def scenario(server: DirectoryServer) -> None:
        wire = await Wire.to(server)
        assert (await wire.bind(WRITER, PASSWORD)).code == 0
        assert (await wire.extended("1.3.6.1.4.1.4203.1.11.3")).code == 0
        refused = await wire.bind(WRITER, "wrong")
        assert (refused.code, refused.message[:8]) == (49, "80090308")
        assert (await wire.search(STAFF))[-1].code == 1
        assert (await wire.extended("1.3.6.1.4.1.1466.20037")).code == 52
        assert (await wire.extended("1.2.3")).code == 2
        await wire.send(0x60, ber.integer(3) + ber.text("") + ber.tlv(0xA3, ber.text("GSSAPI")))
        assert (await wire.reply()).code == 7
        assert (await wire.bind("", "")).code == 0
        assert (await wire.search(STAFF))[-1].code == 1
        assert (await wire.bind(WRITER, "")).code == 0
        assert (await wire.search(STAFF))[-1].code == 1
        await wire.send(0x50, b"\x01")
        await wire.send(0x42, b"")
        with pytest.raises(CLOSED):
            await wire.reply()
        await wire.close()

    serve(store, scenario)


def test_hidden_objects(store: DirectoryStore) -> None:
    """What an account may not read shows its name alone; what it may not list is not there, with AD's complaint."""
    store.deny_read(WRITER, STAFF)

    async def scenario(server: DirectoryServer) -> None:
        wire = await Wire.to(server)
        await wire.bind(WRITER, PASSWORD)
        nameless, done = await wire.search(STAFF, scope=0)
        assert (nameless.tag, done.code) == (0x64, 0)
        assert len(await wire.search(STAFF)) == 2
        missing = await wire.search(f"CN=ann,{STAFF}")
        assert (missing[-1].code, missing[-1].matched) == (32, STAFF)
        name = ber.sequence([ber.text("sAMAccountName"), ber.text("ann")], 0xA3)
        assert not [reply for reply in await wire.search(BASE, condition=name) if reply.tag == 0x64]
        await wire.close()

    serve(store, scenario)


def test_rights_over_ldap(store: DirectoryStore) -> None:
    """Adding, changing, deleting outside what was granted: 50, and nothing has happened."""
    before = store.dump()

    async def scenario(server: DirectoryServer) -> None:
        wire = await Wire.to(server)
        await wire.bind(WRITER, PASSWORD)
        await wire.add_group(f"CN=x,{STAFF}")
        await wire.describe(f"CN=ann,{STAFF}", "changed")
        await wire.delete(f"CN=ann,{STAFF}")
        await wire.describe(GROUPS, "changed")
        for _ in range(4):
            refused = await wire.reply()
            assert (refused.code, refused.message[:8]) == (50, "00002098")
        await wire.close()

    serve(store, scenario)
    assert store.dump() == before


def test_time_limit(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """timeLimitExceeded, with what was found by then."""
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr(searching, "_now", lambda: float(next(clock)))

    async def scenario(server: DirectoryServer) -> None:
        wire = await Wire.to(server)
        await wire.bind(WRITER, PASSWORD)
        replies = await wire.search(store.schema_dn, time_limit=2)
        assert replies[-1].code == 3
        await wire.close()

    serve(store, scenario)


def test_stopping_does_not_wait_for_clients(store: DirectoryStore) -> None:
    """Open connections end with the server; a port that is taken is an OSError."""

    async def scenario(server: DirectoryServer) -> None:
        wire = await Wire.to(server)
        await wire.bind(WRITER, PASSWORD)
        with pytest.raises(OSError, match=r"."):
            await DirectoryServer(store, port=server.port).start()
        await server.stop()
        with pytest.raises(CLOSED):
            await wire.reply()
        await wire.close()

    serve(store, scenario)


def test_stopping_does_not_wait_for_a_tls_farewell(store: DirectoryStore, tmp_path: Path) -> None:
    """A client that has stopped reading does not keep the server up."""
    certificates = shared_certificates()
    write_private(tmp_path / "server.pem", certificates.server_pem)
    trust = ssl.create_default_context(cadata=certificates.ca_pem.decode())
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE  # NOW is no time at which the certificate has to be valid

    async def scenario(server: DirectoryServer) -> None:
        reader, writer = await asyncio.open_connection(server.host, server.port, ssl=trust)
        wire = Wire(reader, writer)
        assert (await wire.bind(WRITER, PASSWORD)).code == 0
        transport = writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        begun = asyncio.get_running_loop().time()
        await server.stop()
        assert asyncio.get_running_loop().time() - begun < 0.5
        await wire.close()

    serve(store, scenario, server_context(tmp_path / "server.pem"))
