"""The search for circles rests while many values are made, and goes on when the last block has ended."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from threading import Barrier, Thread

import pytest

from runbook_lib.bulk import many_values


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.isenabled()
    gc.enable()
    yield
    (gc.enable if before else gc.disable)()


def test_it_rests_until_the_outermost_block_ends() -> None:
    with many_values():
        with many_values():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    @many_values()
    def fails() -> None:
        assert not gc.isenabled()
        raise KeyError("broken")

    for _ in range(2):
        with pytest.raises(KeyError):
            fails()
        assert gc.isenabled()


def test_a_block_of_another_thread_keeps_it_off() -> None:
    inside, end = Barrier(2), Barrier(2)

    def other() -> None:
        with many_values():
            inside.wait(10)
            end.wait(10)

    thread = Thread(target=other)
    with many_values():
        thread.start()
        inside.wait(10)
    assert not gc.isenabled()
    end.wait(10)
    thread.join(10)
    assert gc.isenabled()


def test_what_somebody_had_switched_off_stays_off() -> None:
    gc.disable()
    with many_values():
        pass
    assert not gc.isenabled()
