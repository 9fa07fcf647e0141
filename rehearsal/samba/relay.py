"""Passing a connection on: what comes from one side goes to the other until either ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

_CHUNK = 65_536
Opened = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass
class Passed:
    """Connections and octets so far."""

    connections: int = 0
    open_connections: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opened: Opened, passed: Passed | None = None
) -> None:
    """Serve one accepted connection by another one that ``opened`` makes; counts into ``passed``."""
    count = passed if passed is not None else Passed()
    count.connections += 1
    count.open_connections += 1
    try:
        far_reader, far_writer = await opened()
    except OSError:
        writer.close()
        count.open_connections -= 1
        return

    async def forth() -> None:
        count.bytes_in += await _pass(reader, far_writer)

    async def back() -> None:
        count.bytes_out += await _pass(far_reader, writer)

    tasks = [asyncio.ensure_future(forth()), asyncio.ensure_future(back())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in (writer, far_writer):
            one.close()
        await asyncio.wait(tasks)
        count.open_connections -= 1


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    passed = 0
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
            passed += len(chunk)
    return passed
