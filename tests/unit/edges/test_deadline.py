"""The time for a whole answer may end between two looks at the clock: the answer is late then, nothing else wrong."""

from __future__ import annotations

import socket

import pytest

from runbook_lib.deadline import Limited, within


class Slow(Limited, socket.socket):
    """A socket that keeps the limit."""


@pytest.mark.parametrize("late", [0.0, 0.5, 100.0])
def test_time_that_ends_between_two_looks_is_a_late_answer(late: float) -> None:
    times = iter([0.0, 9.9, 10.0 + late])
    ours, other = socket.socketpair()
    with other, Slow(fileno=ours.detach()) as reader:
        reader.settimeout(30)
        with within(10, monotonic=lambda: next(times)), pytest.raises(TimeoutError):
            reader.recv(1)
        assert reader.gettimeout() == 30
