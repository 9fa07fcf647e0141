"""What the control endpoint may do to Graph's side: arm faults, change its pace, tell what was asked."""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.cloud.control import ControlRefusedError
from rehearsal.cloud.faults import Fault
from rehearsal.cloud.server import CloudServer
from rehearsal.cloud.sign_in_actions import Action
from rehearsal.cloud.throttling import SIZES


class GraphActions:
    """The actions by name."""

    def __init__(self, server: CloudServer) -> None:
        self._server = server

    def actions(self) -> Mapping[str, Action]:
        """``"METHOD name"`` to its function."""
        return {"GET requests": self._requests, "POST fault": self._fault, "POST pace": self._pace}

    async def _requests(self, _: Mapping[str, object]) -> Mapping[str, object]:
        return {"requests": self._server.traffic.recent}

    async def _fault(self, body: Mapping[str, object]) -> Mapping[str, object]:
        fields: dict[str, object] = dict(body)
        self._server.faults.arm(Fault(**fields))  # type: ignore[arg-type] # unknown names are the caller's error
        return {}

    async def _pace(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """``throttle`` (one of ``SIZES``, or off) and ``latency_ms``, until the next reset."""
        throttle, latency = body.get("throttle"), body.get("latency_ms")
        if throttle is not None and throttle not in (*SIZES, "off"):
            raise ControlRefusedError(f"throttle is one of {', '.join(SIZES)}, off")
        if latency is not None and (not isinstance(latency, int) or isinstance(latency, bool) or latency < 0):
            raise ControlRefusedError("latency_ms is a number of milliseconds")
        if throttle is not None:
            self._server.throttle.reset(size="" if throttle == "off" else str(throttle))
        if isinstance(latency, int):
            self._server.pace.latency = latency / 1000
        return {}
