"""Holding writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from rehearsal.directory import DirectoryServer, DirectoryStore, WriteHolds
from tests.unit.rehearsal_directory.conftest import BASE, GROUPS, WRITER
from tests.unit.rehearsal_directory.wire import Wire

GROUP = f"CN=held,{GROUPS}"
Scenario = Callable[[DirectoryServer, WriteHolds, Wire], Coroutine[None, None, None]]


def serve(store: DirectoryStore, scenario: Scenario, account: str | None = None) -> None:
    """Run a scenario with a bound client."""

    async def run() -> None:
        holds = WriteHolds(account)
        server = DirectoryServer(store, holds=holds)
        await server.start()
        wire = await Wire.to(server)
        try:
            assert (await wire.bind(WRITER, "correct horse")).code == 0
            await asyncio.wait_for(scenario(server, holds, wire), 10)
        finally:
            await wire.close()
            await asyncio.wait_for(server.stop(), 5)

    asyncio.run(run())


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never happened")


def _exists(store: DirectoryStore, dn: str) -> bool:
    return store.tree.find(dn) is not None


def test_before_and_released(store: DirectoryStore) -> None:
    """Nothing has happened while it is held; then it happens and is answered."""

    async def scenario(_: DirectoryServer, holds: WriteHolds, wire: Wire) -> None:
        holds.hold(1, "before")
        await wire.add_group(GROUP)
        await _until(lambda: holds.held)
        assert not _exists(store, GROUP)
        holds.release()
        assert (await wire.reply()).code == 0
        assert _exists(store, GROUP)
        assert (holds.count, holds.held) == (1, False)

    serve(store, scenario)


def test_before_and_killed(store: DirectoryStore) -> None:
    """The client dies while the write is held: it never takes effect."""

    async def scenario(_: DirectoryServer, holds: WriteHolds, wire: Wire) -> None:
        holds.hold(1, "before")
        await wire.add_group(GROUP)
        await _until(lambda: holds.held)
        await wire.close()
        await _until(lambda: not holds.held)
        await asyncio.sleep(0.05)
        assert not _exists(store, GROUP)
        assert holds.count == 1

    serve(store, scenario)


def test_after_and_killed(store: DirectoryStore) -> None:
    """It has taken effect; the answer is what is held. The next write passes."""

    async def scenario(server: DirectoryServer, holds: WriteHolds, wire: Wire) -> None:
        holds.hold(2, "after")
        await wire.add_group(GROUP)
        assert (await wire.reply()).code == 0
        await wire.describe(GROUP, "written")
        await _until(lambda: holds.held)
        assert store.node(GROUP).text("info") == "written"
        await wire.close()
        await _until(lambda: not holds.held)
        again = await Wire.to(server)
        await again.bind(WRITER, "correct horse")
        await again.delete(GROUP)
        assert (await again.reply()).code == 0
        assert holds.count == 3
        await again.close()

    serve(store, scenario)


def test_others_are_served_meanwhile(store: DirectoryStore) -> None:
    """A held write holds its own connection only."""

    async def scenario(server: DirectoryServer, holds: WriteHolds, wire: Wire) -> None:
        holds.hold(1, "before")
        await wire.add_group(GROUP)
        await _until(lambda: holds.held)
        other = await Wire.to(server)
        await other.bind(WRITER, "correct horse")
        await other.add_group(f"CN=other,{GROUPS}")
        assert (await other.reply()).code == 0
        await other.close()
        assert holds.held
        holds.release()
        assert (await wire.reply()).code == 0

    serve(store, scenario)


def test_the_state_decides_when_it_takes_effect(store: DirectoryStore) -> None:
    """What was deleted while a write was held is missing when it goes on."""
    store.add(GROUP, {"objectClass": ["group"]})

    async def scenario(_: DirectoryServer, holds: WriteHolds, wire: Wire) -> None:
        holds.hold(1, "before")
        await wire.describe(GROUP, "too late")
        await _until(lambda: holds.held)
        store.delete(GROUP)
        holds.release()
        assert (await wire.reply()).code == 32

    serve(store, scenario)


def test_counting(store: DirectoryStore) -> None:
    """Every write counts, a refused one too; reads and other accounts do not; reset begins again."""

    async def scenario(server: DirectoryServer, holds: WriteHolds, wire: Wire) -> None:
        await wire.add_group(f"CN=x,{BASE}")
        assert (await wire.reply()).code == 50
        await wire.search(GROUPS)
        assert holds.count == 1
        other = await Wire.to(server)
        await other.bind("CONTOSO\\administrator", "battery staple")
        await other.add_group(GROUP)
        assert (await other.reply()).code == 0
        await other.close()
        assert holds.count == 1
        holds.hold(3, "before")
        holds.reset()
        assert holds.count == 0
        for _ in range(3):
            await wire.describe(GROUP, "again")
            assert (await wire.reply()).code == 0
        assert holds.count == 3

    serve(store, scenario, account="writer@contoso.com")


def test_who_waits_for_a_held_write_is_told_when_it_happens(store: DirectoryStore) -> None:
    """Both ways: that one is held, and that none is any more; what does not happen is told when the time is over."""

    async def scenario(_: DirectoryServer, holds: WriteHolds, wire: Wire) -> None:
        assert await holds.until(held=False, seconds=0) is False
        assert await holds.until(held=True, seconds=0.01) is False
        holds.hold(1, "before")
        waiting = [asyncio.create_task(holds.until(held=True, seconds=60)) for _ in range(2)]
        await asyncio.sleep(0)
        await wire.add_group(GROUP)
        assert await asyncio.gather(*waiting) == [True, True]
        gone = asyncio.create_task(holds.until(held=False, seconds=60))
        await asyncio.sleep(0)
        await wire.close()
        assert await gone is False
        assert not holds._watchers

    serve(store, scenario)


def test_only_before_and_after() -> None:
    """Anything else is a mistake of the caller."""
    with pytest.raises(ValueError, match="during"):
        WriteHolds().hold(1, "during")  # type: ignore[arg-type]
