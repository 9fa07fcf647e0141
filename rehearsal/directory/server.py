"""The LDAP server: connections, and requests one after the other on each of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl

from rehearsal.directory.ber import BerError, message_length
from rehearsal.directory.failures import PROTOCOL_ERROR
from rehearsal.directory.holds import WriteHolds
from rehearsal.directory.messages import EXTENDED_RESPONSE, UNBIND, Message, read_message, result, write_message
from rehearsal.directory.session import Session
from rehearsal.directory.store import DirectoryStore

_log = logging.getLogger(__name__)
_CHUNK = 65_536
_DRAIN_BYTES = 262_144
_FAREWELL_SECONDS = 1.0
_MAX_WAITING = 64
"""Requests of one connection that wait for their turn; more are not read until one is done."""
_DISCONNECTION = "1.3.6.1.4.1.1466.20036"
"""Notice of disconnection (RFC 4511, section 4.4.1)."""


class DirectoryServer:
    """Serves a store over LDAP, with ``ssl_context`` over LDAPS.

    Args:
        port: 0 takes a free one.
        holds: Where a test can hold a write.
    """

    def __init__(
        self,
        store: DirectoryStore,
        ssl_context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        holds: WriteHolds | None = None,
    ) -> None:
        self.store = store
        self.holds = holds if holds is not None else WriteHolds()
        self.host = host
        self.port = port
        self._ssl_context = ssl_context
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen, and return the port. Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._accept, self.host, self.port, ssl=self._ssl_context)
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
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
        try:
            await _Connection(self.store, self.holds, reader, writer).serve()
        except asyncio.CancelledError:
            writer.transport.abort()  # a polite TLS farewell would wait for the client
        except OSError:
            _log.debug("connection lost")
        except Exception:  # noqa: BLE001
            # One client's request must not take the server from the others; what went wrong stands in the log.
            _log.exception("connection closed by an unexpected error")
        finally:
            if task is not None:
                self._connections.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await asyncio.wait_for(writer.wait_closed(), _FAREWELL_SECONDS)
            writer.transport.abort()


class _Connection:
    """Reads ahead while a request is being answered, so that a client that goes away is noticed at once."""

    def __init__(
        self, store: DirectoryStore, holds: WriteHolds, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._closed = asyncio.Event()
        self._session = Session(store, holds, self._closed)
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue(_MAX_WAITING)

    async def serve(self) -> None:
        """Until the client leaves."""
        reading = asyncio.create_task(self._read())
        try:
            while (message := await self._waiting.get()) is not None:
                await self._answer(message)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        """Cut the bytes that come into messages; ends with the connection or with bytes that are no LDAP."""
        buffer = bytearray()
        try:
            while data := await self._reader.read(_CHUNK):
                buffer += data
                while (length := message_length(buffer)) is not None and length <= len(buffer):
                    message = read_message(bytes(buffer[:length]))
                    del buffer[:length]
                    if message.tag == UNBIND:
                        return
                    await self._waiting.put(message)
        except BerError as error:
            _log.debug("malformed message: %s", error)
            notice = result(EXTENDED_RESPONSE, PROTOCOL_ERROR, str(error), name=_DISCONNECTION)
            self._writer.write(write_message(0, notice))
        except OSError:
            _log.debug("connection lost while reading")
        finally:
            self._closed.set()
            await self._waiting.put(None)

    async def _answer(self, message: Message) -> None:
        size = 0
        async for part in self._session.answer(message):
            if self._closed.is_set() and self._writer.is_closing():
                return
            self._writer.write(part)
            size += len(part)
            if size > _DRAIN_BYTES:
                await self._writer.drain()
                size = 0
        await self._writer.drain()
