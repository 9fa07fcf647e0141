"""A client made of octets, for what no decent LDAP library sends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from rehearsal.directory import DirectoryServer, ber
from rehearsal.directory.ber import Reader
from rehearsal.directory.messages import ADD, BIND, DELETE, EXTENDED, MODIFY, SEARCH

PRESENT = ber.text("objectClass", 0x87)


@dataclass(frozen=True)
class Reply:
    """An answer: message id, tag, and the three fields of a result where it is one."""

    id: int
    tag: int
    code: int
    matched: str
    message: str


class Wire:
    """One connection. Message ids count from 1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._id = 0

    @classmethod
    async def to(cls, server: DirectoryServer) -> Wire:
        """Connect."""
        return cls(*await asyncio.open_connection(server.host, server.port))

    async def raw(self, data: bytes) -> None:
        """Send octets."""
        self.writer.write(data)
        await self.writer.drain()

    async def send(self, tag: int, content: bytes, controls: bytes = b"") -> int:
        """Send one request and return its id."""
        self._id += 1
        tail = ber.tlv(0xA0, controls) if controls else b""
        await self.raw(ber.sequence([ber.integer(self._id), ber.tlv(tag, content), tail]))
        return self._id

    async def reply(self) -> Reply:
        """The next message; raises IncompleteReadError where the server has closed."""
        head = await self.reader.readexactly(2)
        while (length := ber.message_length(head)) is None:
            head += await self.reader.readexactly(1)
        reader = Reader(head + await self.reader.readexactly(length - len(head))).reader()
        number = reader.integer()
        tag, content = reader.read()
        inner = Reader(content)
        if tag in {0x64, 0x73}:
            return Reply(number, tag, 0, "", "")
        return Reply(number, tag, inner.integer(ber.ENUMERATED), inner.text(), inner.text())

    async def bind(self, name: str, password: str) -> Reply:
        """Simple bind."""
        await self.send(BIND, ber.integer(3) + ber.text(name) + ber.text(password, 0x80))
        return await self.reply()

    async def search(
        self, base: str, *, scope: int = 2, time_limit: int = 0, condition: bytes = PRESENT
    ) -> list[Reply]:
        """A search for names only."""
        head = ber.text(base) + ber.integer(scope, ber.ENUMERATED) + ber.integer(0, ber.ENUMERATED)
        limits = ber.integer(0) + ber.integer(time_limit) + ber.boolean(False)
        await self.send(SEARCH, head + limits + condition + ber.sequence([ber.text("1.1")]))
        replies = [await self.reply()]
        while replies[-1].tag != 0x65:
            replies.append(await self.reply())
        return replies

    async def add_group(self, dn: str) -> int:
        """Send an add; the answer is not waited for."""
        classes = ber.sequence([ber.text("objectClass"), ber.sequence([ber.text("group")], ber.SET)])
        return await self.send(ADD, ber.text(dn) + ber.sequence([classes]))

    async def describe(self, dn: str, text: str) -> int:
        """Send a modify of info; the answer is not waited for."""
        values = ber.sequence([ber.text("info"), ber.sequence([ber.text(text)], ber.SET)])
        change = ber.sequence([ber.integer(2, ber.ENUMERATED), values])
        return await self.send(MODIFY, ber.text(dn) + ber.sequence([change]))

    async def delete(self, dn: str) -> int:
        """Send a delete; the answer is not waited for."""
        return await self.send(DELETE, dn.encode())

    async def extended(self, oid: str) -> Reply:
        """An extended operation without a value."""
        await self.send(EXTENDED, ber.text(oid, 0x80))
        return await self.reply()

    async def close(self) -> None:
        """Hang up without a word."""
        self.writer.transport.abort()
        await asyncio.sleep(0)
