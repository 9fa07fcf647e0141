"""Signals that ask for the end: none is lost, wherever it finds the process."""

from __future__ import annotations

import os
import signal
import weakref

import pytest

from runbook_lib.runner.kernel.signals import ending_signals_as_interrupts, raise_if_interrupted

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_ending_signal_is_an_interrupt_while_a_command_runs(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), ending_signals_as_interrupts():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_a_signal_in_a_finalizer_is_dropped_by_python_but_not_by_us() -> None:
    class Thing:
        pass

    def callback(_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    thing = Thing()
    with ending_signals_as_interrupts():
        watched = weakref.ref(thing, callback)
        del thing
        assert watched() is None
        with pytest.raises(KeyboardInterrupt):
            raise_if_interrupted()
    with ending_signals_as_interrupts():
        raise_if_interrupted()


def test_what_begins_after_an_interrupted_command_is_not_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt), ending_signals_as_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
    raise_if_interrupted()
