"""Throttled by chance: what was refused is asked for again, and never before its Retry-After."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.graph.retry import RetryPolicy
from runbook_lib.graph.snapshot import read_cloud
from tests.unit.graph.fake_cloud import TENANT, Clock, Reply, client_with, graph_error, path_of
from tests.unit.graph.fake_tenant import FakeTenant, group, identifier, link, user

PATIENT = RetryPolicy(attempts=100, longest_total=1e6)
"""So that no reading is given up: how often and how long is tested elsewhere."""
GROUPS = 70
"""Groups of the tenant: four batches, so that every thread has one."""


class SharedClock(Clock):
    """A clock that several threads move."""

    _lock = threading.Lock()

    def move(self, seconds: float) -> None:
        with self._lock:
            self.now += timedelta(seconds=seconds)


@dataclass
class Throttling:
    """Refuses requests and parts of batches by chance; notes what was asked for too early."""

    tenant: FakeTenant
    clock: Clock
    chance: random.Random
    share: float
    until: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    early: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: requests.PreparedRequest) -> Reply:
        path = path_of(request)
        if path != "/$batch":
            return self._admitted(str(request.url)) or self.tenant(request)
        asked = json.loads(str(request.body))["requests"]
        if (whole := self._admitted(" ".join(sorted(one["url"] for one in asked)))) is not None:
            return whole
        reply = self.tenant(request)
        urls = {one["id"]: one["url"] for one in asked}
        parts = reply.body["responses"] if isinstance(reply.body, dict) else []
        return Reply(body={"responses": [self._part(part, urls[part["id"]]) for part in parts]})

    def _part(self, part: Mapping[str, object], url: str) -> Mapping[str, object]:
        refused = self._admitted(url)
        if refused is None:
            return part
        return {"id": part["id"], "status": 429, "headers": dict(refused.headers), "body": refused.body}

    def _admitted(self, what: str) -> Reply | None:
        """The refusal of a request, or None."""
        with self._lock:
            now = self.clock.now.timestamp()
            if now < self.until.pop(what, now):
                self.early.append(what)
            if self.chance.random() >= self.share:
                return None
            self.refused += 1
            seconds = self.chance.choice((1, 2, 7, 30))
            self.until[what] = now + seconds
            return graph_error(429, "TooManyRequests", headers={"Retry-After": str(seconds)})


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.2, 0.35]))
def test_nothing_is_asked_for_before_its_retry_after(seed: int, share: float) -> None:
    members = {f"/groups/{identifier(number)}/members": [link(1000 + number)] for number in range(1, GROUPS + 1)}
    tenant = FakeTenant(
        {
            "/groups": [group(number) for number in range(1, GROUPS + 1)],
            "/users": [user(1000 + number) for number in range(1, GROUPS + 1)],
            **members,
        }
    )
    clock = SharedClock()
    throttling = Throttling(tenant, clock, random.Random(seed), share)  # noqa: S311 - nothing is kept secret by it
    client, _, _ = client_with(throttling, clock, policy=PATIENT)
    snapshot = read_cloud(client, TENANT, clock=clock)
    assert throttling.refused
    assert throttling.early == []
    assert snapshot.reading.complete
    assert {key: len(ids) for key, ids in snapshot.members.items()} == {
        identifier(number): 1 for number in range(1, GROUPS + 1)
    }
