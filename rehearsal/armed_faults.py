"""Faults that wait for the requests they are meant for, first come first served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class CountedFault(Protocol):
    """Any fault: how many matching requests pass unharmed first, and how many meet it then."""

    @property
    def count(self) -> int: ...

    @property
    def skip(self) -> int: ...


_Fault = TypeVar("_Fault", bound=CountedFault)


@dataclass
class _Armed(Generic[_Fault]):
    fault: _Fault
    skip: int
    left: int


class ArmedFaults(Generic[_Fault]):
    """The faults of one service."""

    def __init__(self) -> None:
        self._armed: list[_Armed[_Fault]] = []
        self.met = 0
        """Requests that met a fault."""

    def arm(self, fault: _Fault) -> None:
        """Queue a fault behind those that wait."""
        self._armed.append(_Armed(fault, fault.skip, fault.count))

    def clear(self) -> None:
        """Forget all that wait, and count from zero again."""
        self._armed.clear()
        self.met = 0

    @property
    def waiting(self) -> int:
        """Requests that are still to meet a fault."""
        return sum(armed.left for armed in self._armed)

    def take(self, meant: Callable[[_Fault], bool]) -> _Fault | None:
        """The fault that a request meets, of those that are ``meant`` for it; or None."""
        for armed in self._armed:
            if not meant(armed.fault):
                continue
            if armed.skip:
                armed.skip -= 1
                continue
            armed.left -= 1
            if not armed.left:
                self._armed.remove(armed)
            self.met += 1
            return armed.fault
        return None
