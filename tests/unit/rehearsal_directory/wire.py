"""A client made of octets, for what no decent LDAP library sends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from rehearsal.directory import DirectoryServer, ber
from rehearsal.directory.ber import Reader
from rehearsal.directory.messages import ADD, BIND, DELETE, EXTENDED, MODIFY, MODIFY_DN, SEARCH

PRESENT = ber.text("objectClass", 0x87)


@dataclass(frozen=True)
class Reply:
    """An answer: message id, tag, and the three fields of a result where it is one."""

    id: int
    tag: int
    code: int
    matched: str
    message: str
    referrals: list[str] = field(default_factory=list)
    content: bytes = b""


@dataclass(frozen=True)
class Entry:
    """An object found; names of attributes as they were sent."""

    dn: str
    values: dict[str, list[bytes]]

    def texts(self, name: str) -> list[str]:
        """Values as text, none for an attribute that is not there."""
        return [value.decode() for value in self.values.get(name, [])]

    @classmethod
    def of(cls, content: bytes) -> Entry:
        """From the content of a SearchResultEntry."""
        reader = Reader(content)
        dn, parts = reader.text(), reader.reader()
        values = {}
        while not parts.at_end:
            part = parts.reader()
            name = part.text()
            values[name] = [value for _, value in part.reader(ber.SET).elements()]
        return cls(dn, values)


def equal(attribute: str, value: str) -> bytes:
    """An equality filter."""
    return ber.sequence([ber.text(attribute), ber.text(value)], 0xA3)


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
        if tag == 0x64:
            return Reply(number, tag, 0, "", "", content=content)
        if tag == 0x73:
            return Reply(number, tag, 0, "", "", [value.decode() for _, value in inner.elements()])
        code, matched, message = inner.integer(ber.ENUMERATED), inner.text(), inner.text()
        urls = [value.decode() for _, value in inner.reader(0xA3).elements()] if inner.peek() == 0xA3 else []
        return Reply(number, tag, code, matched, message, urls)

    async def bind(self, name: str, password: str) -> Reply:
        """Simple bind."""
        await self.send(BIND, ber.integer(3) + ber.text(name) + ber.text(password, 0x80))
        return await self.reply()

    async def search(
        self,
        base: str,
        *,
        scope: int = 2,
        time_limit: int = 0,
        size_limit: int = 0,
        condition: bytes = PRESENT,
        names: tuple[str, ...] = ("1.1",),
        controls: bytes = b"",
    ) -> list[Reply]:
        """A search, for names only unless told."""
        head = ber.text(base) + ber.integer(scope, ber.ENUMERATED) + ber.integer(0, ber.ENUMERATED)
        limits = ber.integer(size_limit) + ber.integer(time_limit) + ber.boolean(False)
        wanted = ber.sequence([ber.text(name) for name in names])
        await self.send(SEARCH, head + limits + condition + wanted, controls)
        replies = [await self.reply()]
        while replies[-1].tag != 0x65:
            replies.append(await self.reply())
        return replies

    async def entries(
        self,
        base: str,
        *,
        scope: int = 2,
        condition: bytes = PRESENT,
        names: tuple[str, ...] = ("1.1",),
        controls: bytes = b"",
    ) -> list[Entry]:
        """The objects of a search that has to succeed."""
        replies = await self.search(base, scope=scope, condition=condition, names=names, controls=controls)
        if replies[-1].code:
            raise AssertionError(replies[-1])
        return [Entry.of(reply.content) for reply in replies if reply.tag == 0x64]

    @staticmethod
    def at_least(attribute: str, number: int) -> bytes:
        """A greater-or-equal filter."""
        return ber.sequence([ber.text(attribute), ber.text(str(number))], 0xA5)

    @staticmethod
    def control(oid: str, value: bytes | None = None) -> bytes:
        """A critical control."""
        tail = [] if value is None else [ber.octets(value)]
        return ber.sequence([ber.text(oid), ber.boolean(True), *tail])

    async def rename(self, dn: str, rdn: str) -> int:
        """Send a rename; the answer is not waited for."""
        return await self.send(MODIFY_DN, ber.text(dn) + ber.text(rdn) + ber.boolean(True))

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
