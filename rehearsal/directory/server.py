"""The LDAP server: connections, and requests one after the other on each of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl

from rehearsal.directory import failures
from rehearsal.directory.ber import MAX_MESSAGE_BYTES, BerError, message_length
from rehearsal.directory.domains import View
from rehearsal.directory.holds import WriteHolds
from rehearsal.directory.messages import (
    EXTENDED_RESPONSE,
    RESPONSE_OF,
    Abandon,
    Extended,
    Message,
    Unbind,
    read_message,
    result,
    write_message,
)
from rehearsal.directory.rootdse import START_TLS
from rehearsal.directory.service import Service
from rehearsal.directory.session import CutError, Session
from rehearsal.directory.store import DirectoryStore

_log = logging.getLogger(__name__)
_CHUNK = 65_536
_FAREWELL_SECONDS = 1.0
_HANDSHAKE_SECONDS = 15.0
_MAX_WAITING = 64
"""Requests of one connection that wait for their turn; more are not read until one is done."""
_MAX_UNBOUND_BYTES = 262_144
"""Length of a message of somebody who has not bound."""
_DISCONNECTION = "1.3.6.1.4.1.1466.20036"
"""Notice of disconnection (RFC 4511, section 4.4.1)."""


class DirectoryServer:
    """Serves a store over LDAP, with ``ssl_context`` over LDAPS.

    Args:
        store: What is served; a Service where several ports share policies, counters and faults.
        port: 0 takes a free one.
        holds: Where a test can hold a write.
        view: What the clients of this port see; the first controller where left out.
        start_tls: For StartTLS on a port without ``ssl_context``; without it StartTLS is refused.
    """

    init_seconds = 120.0
    """InitRecvTimeout of AD's default query policy: how long the first request may take to arrive."""
    idle_seconds = 900.0
    """MaxConnIdleTime: how long a connection may be silent."""
    send_seconds = 120.0
    """How long an answer may wait for a client that does not read."""
    max_connections = 5000
    """MaxConnections; one more is closed at once."""

    def __init__(
        self,
        store: DirectoryStore | Service,
        ssl_context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        holds: WriteHolds | None = None,
        *,
        view: View | None = None,
        start_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.service = store if isinstance(store, Service) else Service(store, holds or WriteHolds())
        self.view = view if view is not None else View(self.service.store.controllers[0])
        self.host = host
        self.port = port
        self.secure = ssl_context is not None
        self.start_tls = start_tls
        self._ssl_context = ssl_context
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def store(self) -> DirectoryStore:
        """What is served."""
        return self.service.store

    @property
    def holds(self) -> WriteHolds:
        """Where a write can be held."""
        return self.service.holds

    async def start(self) -> int:
        """Listen, and return the port. Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(
            self._accept,
            self.host,
            self.port,
            ssl=self._ssl_context,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if self.secure else None,
        )
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
            for task in tuple(self._connections):
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= self.max_connections:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
        traffic = self.service.traffic
        traffic.connections += 1
        traffic.open_connections += 1
        try:
            await _Connection(self, reader, writer).serve()
        except (asyncio.CancelledError, CutError):
            writer.transport.abort()  # a polite TLS farewell would wait for the client
        except (OSError, TimeoutError):
            _log.debug("connection lost")
        except Exception:  # noqa: BLE001
            # One client's request must not take the server from the others; what went wrong stands in the log.
            _log.exception("connection closed by an unexpected error")
        finally:
            traffic.open_connections -= 1
            if task is not None:
                self._connections.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await asyncio.wait_for(writer.wait_closed(), _FAREWELL_SECONDS)
            writer.transport.abort()


class _Connection:
    """Reads ahead while a request is being answered, so that a client that goes away is noticed at once."""

    def __init__(self, server: DirectoryServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._traffic = server.service.traffic
        self._reader = reader
        self._writer = writer
        self._closed = asyncio.Event()
        self._session = Session(server.service, server.view, self._closed, secure=server.secure)
        self._waiting: asyncio.Queue[tuple[Message, int] | None] = asyncio.Queue(_MAX_WAITING)
        self._outstanding: set[int] = set()
        self._abandoned: set[int] = set()
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        self._begun = False

    async def serve(self) -> None:
        """Until the client leaves."""
        reading = asyncio.create_task(self._read())
        try:
            while (item := await self._waiting.get()) is not None:
                message, length = item
                await self._answer(message)
                self._outstanding.discard(message.id)
                self._abandoned.discard(message.id)
                self._waiting_bytes -= length
                self._room.set()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    # requests

    async def _read(self) -> None:
        """Cut the bytes that come into messages; ends with the connection or with bytes that are no LDAP."""
        buffer = bytearray()
        try:
            while data := await self._receive():
                buffer += data
                while (length := self._length(buffer)) is not None and length <= len(buffer):
                    message = read_message(bytes(buffer[:length]))
                    del buffer[:length]
                    self._begun = True
                    if isinstance(message.request, Unbind):
                        return
                    await self._take(message, length, more=bool(buffer))
        except BerError as error:
            _log.debug("malformed message: %s", error)
            failure = failures.undecodable()
            self._write(write_message(0, result(EXTENDED_RESPONSE, failure.code, failure.message, name=_DISCONNECTION)))
        except TimeoutError:
            _log.debug("connection idle")
        except OSError:
            _log.debug("connection lost while reading")
        finally:
            self._closed.set()
            await self._waiting.put(None)

    async def _receive(self) -> bytes:
        async with asyncio.timeout(self._server.idle_seconds if self._begun else self._server.init_seconds):
            data = await self._reader.read(_CHUNK)
        self._traffic.bytes_in += len(data)
        return data

    def _length(self, buffer: bytearray) -> int | None:
        length = message_length(buffer)
        if length is not None and length > _MAX_UNBOUND_BYTES and not self._session.bound and not self._outstanding:
            raise BerError("a large message of nobody")
        return length

    async def _take(self, message: Message, length: int, *, more: bool) -> None:
        """Queue a request, or do at once what does not wait its turn. ``more`` octets may have come behind it."""
        request = message.request
        if isinstance(request, Abandon):
            self._abandoned |= {request.id} & self._outstanding
            return
        context = self._server.start_tls
        wanted = isinstance(request, Extended) and request.oid == START_TLS and not self._session.secure
        if wanted and context is not None:
            await self._start_tls(message, context, more=more)
            return
        while self._waiting_bytes > MAX_MESSAGE_BYTES:
            self._room.clear()
            await self._room.wait()
        self._outstanding.add(message.id)
        self._waiting_bytes += length
        await self._waiting.put((message, length))

    async def _start_tls(self, message: Message, context: ssl.SSLContext, *, more: bool) -> None:
        """TLS from the next octet on; not while requests wait or have come behind this one (RFC 4511, 4.14.1)."""
        self._traffic.operations["extended"] += 1
        tag = RESPONSE_OF[message.tag]
        if self._outstanding or more:
            comment = "StartTLS with operations outstanding on the connection"
            failure = failures.ldap_error(failures.OPERATIONS_ERROR, "00000001", comment)
            self._traffic.refused[failure.code] += 1
            self._write(write_message(message.id, result(tag, failure.code, failure.message, name=START_TLS)))
            return
        transport = self._writer.transport
        if isinstance(transport, asyncio.ReadTransport):
            transport.pause_reading()  # what comes after the answer belongs to TLS
        self._write(write_message(message.id, result(tag, failures.SUCCESS, name=START_TLS)))
        await self._writer.start_tls(context, ssl_handshake_timeout=_HANDSHAKE_SECONDS)
        self._session.secure = True

    # answers

    async def _answer(self, message: Message) -> None:
        parts: list[bytes] = []
        size = 0
        try:
            async with contextlib.aclosing(self._session.answer(message)) as answer:
                async for part in answer:
                    if message.id in self._abandoned or (self._closed.is_set() and self._writer.is_closing()):
                        return
                    parts.append(part)
                    size += len(part)
                    if size > _CHUNK:
                        await self._send(parts)
                        size = 0
            await self._send(parts)
        except CutError:
            if parts:  # without any, nothing would ever tell asyncio that its buffer is empty
                self._writer.transport.set_write_buffer_limits(0)
                await self._send(parts)
            raise

    async def _send(self, parts: list[bytes]) -> None:
        """Many small writes cost more than one large one, above all under TLS."""
        self._write(b"".join(parts))
        parts.clear()
        async with asyncio.timeout(self._server.send_seconds):
            await self._writer.drain()
        await asyncio.sleep(0)  # drain alone does not give other connections their turn

    def _write(self, data: bytes) -> None:
        self._traffic.bytes_out += len(data)
        self._writer.write(data)
