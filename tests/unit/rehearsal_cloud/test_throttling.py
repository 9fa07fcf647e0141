"""What a request costs, and when an application has to wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rehearsal.cloud.errors import GraphError
from rehearsal.cloud.throttling import SIZES, Bucket, Cost, Throttle, cost_of

ID = "00000000-0000-4000-8000-000000000001"
CLIENT, TENANT = "client", "tenant"


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    ("request_line", "options", "units", "writes"),
    [
        ("GET groups", {}, 1, 0),
        (f"GET groups/{ID}", {}, 1, 0),
        (f"GET groups/{ID}/members", {}, 3, 0),
        (f"GET groups/{ID}/members", {"$select": "id"}, 2, 0),
        (f"GET groups/{ID}/members/microsoft.graph.user", {"$select": "id", "$top": "999"}, 2, 0),
        (f"GET groups/{ID}/members/$count", {}, 3, 0),
        (f"GET groups/{ID}/transitiveMembers", {"$top": "19"}, 4, 0),
        (f"GET groups/{ID}/transitiveMembers", {"$top": "20"}, 5, 0),
        (f"GET groups/{ID}", {"$expand": "members"}, 2, 0),
        (f"GET groups/{ID}", {"$select": "id", "$top": "1"}, 1, 0),
        ("GET groups", {"$top": "x"}, 1, 0),
        ("GET users", {}, 2, 0),
        (f"GET users/{ID}", {}, 1, 0),
        (f"GET users/{ID}/memberOf", {}, 2, 0),
        ("GET subscribedSkus", {}, 3, 0),
        ("POST directoryObjects/getByIds", {}, 5, 0),
        (f"POST groups/{ID}/members/$ref", {}, 1, 1),
        (f"PATCH groups/{ID}", {}, 1, 1),
        (f"DELETE groups/{ID}/members/{ID}/$ref", {}, 1, 1),
        ("GET anything/else", {}, 1, 0),
    ],
)
def test_costs(request_line: str, options: dict[str, str], units: int, writes: int) -> None:
    method, _, path = request_line.partition(" ")
    cost = cost_of(method, tuple(path.split("/")), options)
    assert (cost.units, cost.writes, cost.special) == (units, writes, "")


def spend(throttle: Throttle, cost: Cost, times: int = 1) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(times):
        headers = throttle.admit(CLIENT, cost)
    return headers


def refused(throttle: Throttle, cost: Cost) -> GraphError:
    with pytest.raises(GraphError) as caught:
        throttle.admit(CLIENT, cost)
    assert (caught.value.status, caught.value.code) == (429, "TooManyRequests")
    return caught.value


@pytest.mark.parametrize("size", SIZES)
def test_the_limit_of_a_tenant(size: str, clock: Clock) -> None:
    throttle = Throttle(TENANT, clock=clock, size=size)
    headers = spend(throttle, Cost(5, 0), SIZES[size] // 5)
    assert headers == {"x-ms-resource-unit": "5", "x-ms-throttle-limit-percentage": "1.00"}
    headers = refused(throttle, Cost(5, 0)).headers
    assert headers["x-ms-throttle-scope"] == f"Tenant_Application/ReadWrite/{CLIENT}/{TENANT}"
    assert headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
    assert headers["x-ms-resource-unit"] == "5"
    assert (throttle.units, throttle.throttled) == (SIZES[size] + 5, 1)


def test_whoever_waits_as_told_passes(clock: Clock) -> None:
    throttle = Throttle(TENANT, clock=clock, size="small")
    spend(throttle, Cost(5, 0), 700)
    wait = int(refused(throttle, Cost(5, 0)).headers["Retry-After"])
    assert wait >= 1
    clock.wait(wait)
    assert spend(throttle, Cost(5, 0))


def test_throttled_calls_count_and_keep_the_impatient_throttled(clock: Clock) -> None:
    throttle = Throttle(TENANT, clock=clock, size="small")
    spend(throttle, Cost(5, 0), 700)
    waits = [int(refused(throttle, Cost(5, 0)).headers["Retry-After"]) for _ in range(200)]
    assert waits[-1] > waits[0]
    for _ in range(1000):
        share = refused(throttle, Cost(5, 0)).headers["x-ms-throttle-limit-percentage"]
    assert share == "1.80"
    clock.wait(10 * 0.8)
    refused(throttle, Cost(5, 0))
    clock.wait(10)
    assert spend(throttle, Cost(5, 0))


def test_the_percentage_is_told_above_eight_tenths_only(clock: Clock) -> None:
    throttle = Throttle(TENANT, clock=clock, size="small")
    assert "x-ms-throttle-limit-percentage" not in spend(throttle, Cost(1, 0), 2800)
    assert spend(throttle, Cost(1, 0), 100)["x-ms-throttle-limit-percentage"] == "0.83"


def test_writes_have_a_limit_of_their_own(clock: Clock) -> None:
    throttle = Throttle(TENANT, clock=clock, size="large")
    for _ in range(3):
        spend(throttle, Cost(1, 1), 1000)
    error = refused(throttle, Cost(1, 1))
    assert error.headers["x-ms-throttle-information"] == "WriteLimitExceeded"
    assert error.headers["x-ms-throttle-scope"].startswith("Tenant_Application/Write/")
    assert spend(throttle, Cost(1, 0))
    assert throttle.writes == 3001


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "auditLogs/provisioning"),
        ("POST", f"servicePrincipals/{ID}/synchronization/jobs/job/provisionOnDemand"),
    ],
)
def test_services_that_count_requests(clock: Clock, method: str, path: str) -> None:
    throttle = Throttle(TENANT, clock=clock, size="large")
    cost = cost_of(method, tuple(path.split("/")), {})
    spend(throttle, cost, 5)
    refused(throttle, cost)
    assert spend(throttle, Cost(1, 0))


def test_applications_do_not_throttle_each_other(clock: Clock) -> None:
    throttle = Throttle(TENANT, clock=clock, size="small")
    spend(throttle, Cost(5, 0), 700)
    refused(throttle, Cost(5, 0))
    assert throttle.admit("another", Cost(5, 0))


def test_without_a_size_everything_passes_and_is_counted(clock: Clock) -> None:
    throttle = Throttle(TENANT, clock=clock)
    assert spend(throttle, Cost(5, 1), 10_000) == {"x-ms-resource-unit": "5"}
    assert (throttle.units, throttle.writes, throttle.throttled) == (50_000, 10_000, 0)
    throttle.reset(size="small")
    assert throttle.size == "small"
    assert (throttle.units, throttle.writes) == (0, 0)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, 6)), min_size=1, max_size=60),
    st.integers(6, 40),
)
@example([(0.0, 6)] * 4, 13)
def test_a_bucket_never_lets_through_more_than_it_holds(steps: list[tuple[float, int]], limit: int) -> None:
    bucket, now, passed = Bucket(limit, 10.0), 0.0, 0
    for pause, cost in steps:
        now += pause
        wait = bucket.add(cost, now)
        if wait == 0:
            passed += cost
        assert 0 <= bucket.share <= 1.8
        assert passed <= limit + limit / 10 * now + 1e-6
        assert wait <= 10 * (0.8 + cost / limit) + 1
