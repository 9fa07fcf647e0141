"""Malformed and hostile input: the server answers or closes, and is there for the next client."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rehearsal.directory import DirectoryServer, DirectoryStore, ber
from rehearsal.directory.ber import BerError
from rehearsal.directory.domains import View
from rehearsal.directory.messages import read_message
from rehearsal.directory.service import Service
from rehearsal.directory.session import Session
from tests.unit.rehearsal_directory.conftest import BASE, GROUPS, STAFF, WRITER
from tests.unit.rehearsal_directory.wire import PRESENT, Wire, equal

ADMINISTRATOR = f"CN=Administrator,CN=Users,{BASE}"
CLOSED = (asyncio.IncompleteReadError, ConnectionResetError, BrokenPipeError)


def _search(condition: bytes, base: str = STAFF, *names: str) -> bytes:
    head = ber.text(base) + ber.integer(2, ber.ENUMERATED) + ber.integer(0, ber.ENUMERATED)
    limits = ber.integer(0) + ber.integer(0) + ber.boolean(False)
    return ber.tlv(0x63, head + limits + condition + ber.sequence([ber.text(name) for name in names]))


def _values(name: str, *values: bytes) -> bytes:
    return ber.sequence([ber.text(name), ber.sequence([ber.octets(value) for value in values], ber.SET)])


def _change(operation: int, name: str, *values: bytes) -> bytes:
    return ber.sequence([ber.integer(operation, ber.ENUMERATED), _values(name, *values)])


def _message(operation: bytes, *controls: tuple[str, bytes | None]) -> bytes:
    tail = b"".join(Wire.control(oid, value) for oid, value in controls)
    return ber.sequence([ber.integer(5), operation, ber.tlv(0xA0, tail) if tail else b""])


def _modify(dn: str, *changes: bytes) -> bytes:
    return _message(ber.tlv(0x66, ber.text(dn) + ber.sequence(changes)))


def _add(dn: str, *values: bytes) -> bytes:
    return _message(ber.tlv(0x68, ber.text(dn) + ber.sequence(values)))


BIT = ber.sequence([ber.text("1.2.840.113556.1.4.803", 0x81), ber.text("groupType", 0x82), ber.text("8", 0x83)], 0xA9)
PARTS = ber.sequence([ber.text("a", 0x80), ber.text("n", 0x81), ber.text("z", 0x82)])
PAGE = ("1.2.840.113556.1.4.319", b"\x30\x05\x02\x01\x02\x04\x00")
ONE = b"\x30\x03\x02\x01\x01"
ANN, BOB = f"CN=ann,{STAFF}", f"CN=bob,{STAFF}"
VALID = (
    _message(ber.tlv(0x60, ber.integer(3) + ber.text(WRITER) + ber.text("correct horse", 0x80))),
    _message(_search(ber.sequence([equal("objectClass", "user"), ber.tlv(0xA2, BIT)], 0xA0), BASE, "*", "memberOf")),
    _message(_search(ber.sequence([ber.text("cn"), PARTS], 0xA4)), PAGE),
    _message(_search(PRESENT, "", "member;range=0-5"), ("1.2.840.113556.1.4.529", ONE)),
    _message(_search(equal("member", ANN), f"<SID={'00' * 28}>"), ("1.2.840.113556.1.4.1340", ONE)),
    _message(_search(equal("whenChanged", "20260101000000.0Z"), f"<GUID={'00' * 16}>", "2.5.4.31", "canonicalName")),
    _modify(ANN, _change(2, "info", b"x"), _change(0, "mail", b"a@b")),
    _modify(BOB, _change(1, "title"), _change(0, "logonHours", b"\xff")),
    _modify(f"CN=Domain Guests,CN=Users,{BASE}", _change(0, "member", BOB.encode()), _change(2, "groupType", b"8")),
    _add(f"CN=new,{GROUPS}", _values("objectClass", b"group"), _values("groupType", b"8")),
    _message(ber.text(f"CN=cleo,{STAFF}", 0x4A), ("1.2.840.113556.1.4.805", None)),
    _message(ber.tlv(0x6C, ber.text(ANN) + ber.text("CN=anna") + ber.boolean(True) + ber.text(GROUPS, 0x80))),
    _message(ber.tlv(0x6E, ber.text(ANN) + ber.sequence([ber.text("cn"), ber.text("ann")]))),
    _message(ber.tlv(0x77, ber.text("1.3.6.1.4.1.4203.1.11.3", 0x80))),
    _message(ber.tlv(0x50, b"\x05")),
)


NASTY = tuple(
    text.encode("utf-8", "surrogatepass")
    for text in (
        *("", "\0", "*", "TRUE", "-1", "99999999999999999999", "\N{GRINNING FACE}", "\ud800", "A" * 3000),
        *("CN=", "CN=a+b", "<GUID=>", "<SID=S-1-5>", "<WKGUID=x>", BASE, STAFF, f"CN=x,{GROUPS}", "S-1-5-32-544"),
        *("member;range=9-1", "2.5.4.31", "1.2.840.113556.1.4.1941", "objectSid", "distinguishedName", "member"),
        *("isDeleted", "nTSecurityDescriptor", "subSchema", "user"),
    )
)


def _leaves(data: bytes) -> int:
    reader, count = ber.Reader(data), 0
    for tag, content in reader.elements():
        count += _leaves(content) if tag & 0x20 else 1
    return count


def _replaced(data: bytes, wanted: int, value: bytes) -> tuple[bytes, int]:
    """The same elements with one leaf's content replaced and all lengths right; and how many leaves there were."""
    out, seen = b"", 0
    for tag, content in ber.Reader(data).elements():
        if tag & 0x20:
            inner, count = _replaced(content, wanted - seen, value)
            out, seen = out + ber.tlv(tag, inner), seen + count
        else:
            out, seen = out + ber.tlv(tag, value if seen == wanted else content), seen + 1
    return out, seen


@st.composite
def well_formed(draw: st.DrawFn) -> bytes:
    """A valid message in which the content of one or two leaves is something else."""
    data = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 2))):
        leaf = draw(st.integers(1, _leaves(data) - 1))
        data = _replaced(data, leaf, draw(st.sampled_from(NASTY) | st.binary(max_size=12)))[0]
    return data


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid message with some octets changed, taken out or put in."""
    data = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, len(data) - 1)) if data else 0
        what = draw(st.sampled_from(("change", "cut", "put")))
        if what == "change" and data:
            data[position] = draw(
                st.sampled_from((0, 1, 0x24, 0x30, 0x31, 0x7F, 0x80, 0x84, 0xA3, 0xFF)) | st.integers(0, 255)
            )
        elif what == "cut":
            del data[position : position + draw(st.integers(1, 8))]
        else:
            data[position:position] = draw(st.binary(max_size=8))
    return bytes(data)


async def _answers(service: Service, data: bytes) -> list[bytes]:
    session = Session(service, View(service.store.controllers[0]), asyncio.Event(), secure=True)
    bind = ber.tlv(0x60, ber.integer(3) + ber.text(ADMINISTRATOR) + ber.text("battery staple", 0x80))
    async for _ in session.answer(read_message(_message(bind))):
        pass
    try:
        message = read_message(data)
    except BerError:
        return []
    return [part async for part in session.answer(message)]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=well_formed() | mutated())
@example(data=VALID[6].replace(b"info", b"\xff\xfe\xfd\xfc"))
@example(data=VALID[7].replace(b"logonHours", b"extensionN"))
@example(data=VALID[5].replace(b"20260101000000.0Z", b"20261301000000.0Z"))
@example(data=VALID[4].replace(b"<SID=0", b"<SID=Z"))
def test_every_message_is_answered_or_refused(store: DirectoryStore, data: bytes) -> None:
    """An administrator's mutated requests: an LDAP result for all that can be read, never an exception."""
    for part in asyncio.run(_answers(Service(store), data)):
        assert ber.message_length(part) == len(part)


@pytest.mark.parametrize("index", range(len(VALID)))
def test_the_messages_are_valid_before_they_are_mutated(store: DirectoryStore, index: int) -> None:
    """Otherwise their mutations would not get far."""
    parts = asyncio.run(_answers(Service(store), VALID[index]))
    assert bool(parts) is (index != len(VALID) - 1)


Scenario = Callable[[DirectoryServer], Coroutine[None, None, None]]


def _serve(store: DirectoryStore, scenario: Scenario, **limits: float) -> None:
    async def run() -> None:
        server = DirectoryServer(store)
        for name, value in limits.items():
            setattr(server, name, value)
        await server.start()
        try:
            await asyncio.wait_for(scenario(server), 20)
            wire = await Wire.to(server)
            assert (await asyncio.wait_for(wire.bind(WRITER, "correct horse"), 5)).code == 0
            await wire.close()
        finally:
            await asyncio.wait_for(server.stop(), 5)

    asyncio.run(run())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(well_formed() | mutated() | st.binary(max_size=60), min_size=1, max_size=8))
def test_any_stream_of_octets(store: DirectoryStore, caplog: pytest.LogCaptureFixture, pieces: list[bytes]) -> None:
    """Mutated messages one after the other on one connection: closed or answered, and nothing unexpected is logged."""

    async def scenario(server: DirectoryServer) -> None:
        wire = await Wire.to(server)
        for piece in pieces:
            wire.writer.write(piece)
        wire.writer.write_eof()
        async with asyncio.timeout(10):
            while await wire.reader.read(65_536):
                pass
        await wire.close()
        assert not caplog.records

    with caplog.at_level(logging.WARNING):
        _serve(store, scenario)


@pytest.mark.parametrize("tag", [0xA0, 0xA1, 0xA2])
@pytest.mark.parametrize("depth", [99, 101, 20_000])
def test_deep_nesting(store: DirectoryStore, tag: int, depth: int) -> None:
    """A hundred levels are read, more are refused before the interpreter's stack is in danger."""
    condition = PRESENT
    for _ in range(depth):
        condition = ber.tlv(tag, condition)
    message = _message(_search(condition))
    if depth > 100:
        with pytest.raises(BerError):
            read_message(message)
    else:
        assert len(asyncio.run(_answers(Service(store), message))) >= 1


def test_messages_too_large_for_nobody(store: DirectoryStore) -> None:
    """Who has not bound cannot make the server keep megabytes; who has bound can send them."""
    head = b"\x30\x84" + (1_000_000).to_bytes(4, "big")

    async def scenario(server: DirectoryServer) -> None:
        wire = await Wire.to(server)
        await wire.raw(head)
        assert (await wire.reply()).message.startswith("00000057: LdapErr: DSID-")
        with pytest.raises(CLOSED):
            await wire.reply()
        bound = await Wire.to(server)
        await bound.bind(WRITER, "correct horse")
        await bound.describe(f"CN=ann,{STAFF}", "x" * 500_000)
        assert (await bound.reply()).code != 0
        await bound.close()
        await wire.close()

    _serve(store, scenario)


def test_slow_and_silent_clients(store: DirectoryStore) -> None:
    """Half a message, none at all, none after a first one: closed in time, without a word."""

    async def scenario(server: DirectoryServer) -> None:
        silent, half, idle = [await Wire.to(server) for _ in range(3)]
        await half.raw(b"\x30\x20\x02\x01")
        await idle.bind(WRITER, "correct horse")
        for wire in (silent, half, idle):
            assert await asyncio.wait_for(wire.reader.read(10), 5) == b""
            await wire.close()
        assert server.service.traffic.open_connections == 0

    _serve(store, scenario, init_seconds=0.2, idle_seconds=0.2)


def test_a_client_that_does_not_read(store: DirectoryStore) -> None:
    """It is cut off once its answer has waited too long, and the answers do not pile up in memory meanwhile."""

    async def scenario(server: DirectoryServer) -> None:
        wire = await Wire.to(server)
        await wire.bind(ADMINISTRATOR, "battery staple")
        transport = wire.writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        for _ in range(60):
            wire.writer.write(_message(_search(PRESENT, store.schema_dn, "*")))
        async with asyncio.timeout(15):
            while server.service.traffic.open_connections:
                await asyncio.sleep(0.05)
        assert server.service.traffic.bytes_out < 20_000_000
        await wire.close()

    _serve(store, scenario, send_seconds=0.5)


def test_many_connections(store: DirectoryStore) -> None:
    """All of them are served; one more than the limit is closed at once."""

    async def scenario(server: DirectoryServer) -> None:
        wires = [await Wire.to(server) for _ in range(200)]
        for wire in wires:
            assert (await wire.bind(WRITER, "correct horse")).code == 0
        one_more = await Wire.to(server)
        assert await asyncio.wait_for(one_more.reader.read(1), 5) == b""
        for wire in (*wires, one_more):
            await wire.close()
        async with asyncio.timeout(5):
            while server.service.traffic.open_connections:
                await asyncio.sleep(0.01)

    _serve(store, scenario, max_connections=200)


def test_a_heavy_filter_leaves_others_their_turn(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of terms on every object: others are answered meanwhile, and the time limit ends it.

    Time is counted in looks at the clock, so that a slow machine gives the others as many turns as a fast one.
    """
    looks = itertools.count()
    monkeypatch.setattr("rehearsal.directory.searching._now", lambda: next(looks) / 400)
    terms = ber.tlv(0xA1, equal("description", "nothing") * 600)

    async def scenario(server: DirectoryServer) -> None:
        heavy, other = await Wire.to(server), await Wire.to(server)
        for wire in (heavy, other):
            await wire.bind(WRITER, "correct horse")
        searching = asyncio.create_task(heavy.search(store.schema_dn, condition=terms, time_limit=1))
        answered = 0
        while not searching.done():
            assert (await other.search(STAFF, scope=0))[-1].code == 0
            answered += 1
        assert (await searching)[-1].code == 3
        assert answered > 5
        await heavy.close()
        await other.close()

    _serve(store, scenario)
