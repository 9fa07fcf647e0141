"""Batches: nothing lost, nothing twice, every part by its own rules."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.graph.errors import GraphNotFound
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.graph.transport import GraphClient, Listing
from tests.unit.graph.fake_cloud import (
    GRAPH,
    TENANT,
    Clock,
    FakeAdapter,
    FixedTokens,
    Reply,
    client_with,
    graph_error,
    path_of,
)
from tests.unit.graph.fake_tenant import FakeTenant, group, identifier, link, user

PARAMETERS = {"$select": "id,displayName", "$top": "999"}
Parts = Callable[[list[dict[str, Any]]], object]


def paths(*numbers: int) -> list[str]:
    return [f"/groups/{identifier(number)}/members" for number in numbers]


def part(ask: dict[str, Any], reply: Reply) -> dict[str, object]:
    return {"id": ask["id"], "status": reply.status, "headers": dict(reply.headers), "body": reply.body}


def members(*numbers: int) -> Reply:
    return Reply(body={"value": [link(number) for number in numbers]})


@dataclass
class Service:
    """Answers batches: by path, one reply after the other; what is not scripted has no members."""

    script: dict[str, list[Reply]] = field(default_factory=dict)
    outer: list[Reply] = field(default_factory=list)
    reshape: Parts = lambda parts: parts
    asked: list[list[str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def __call__(self, request: requests.PreparedRequest) -> Reply:
        self.tokens.append(str(request.headers["Authorization"]))
        if request.method == "GET":
            return self._one(path_of(request))
        if self.outer:
            return self.outer.pop(0)
        asks = json.loads(str(request.body))["requests"]
        assert 1 <= len(asks) <= 20
        assert len({ask["id"] for ask in asks}) == len(asks)
        assert {ask["method"] for ask in asks} == {"GET"}
        self.asked.append([ask["url"].split("?")[0] for ask in asks])
        parts = [part(ask, self._one(ask["url"].split("?")[0])) for ask in asks]
        return Reply(body={"responses": self.reshape(parts)})

    def _one(self, path: str) -> Reply:
        waiting = self.script.get(path, [members()])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def client_for(service: Service, tokens: FixedTokens | None = None) -> tuple[GraphClient, FakeAdapter, Clock]:
    return client_with(service, tokens=tokens)


def ids(result: object) -> list[object]:
    assert isinstance(result, Listing)
    return [row["id"] for row in result.rows]


def test_twenty_lists_are_one_round_trip_in_the_order_of_the_question() -> None:
    service = Service({path: [members(100 + n)] for n, path in enumerate(paths(*range(20)))}, reshape=lambda p: p[::-1])
    client, adapter, _ = client_for(service)
    results = client.listings(paths(*range(20)), PARAMETERS)
    assert [ids(result) for result in results] == [[identifier(100 + n)] for n in range(20)]
    assert client.requests == 1
    (request,) = adapter.sent
    assert str(request.url) == f"{GRAPH}/v1.0/$batch"
    assert request.headers["Content-Type"] == "application/json"
    first = json.loads(str(request.body))["requests"][0]
    assert first["url"] == f"{paths(0)[0]}?$select=id,displayName&$top=999"


def test_only_what_was_throttled_is_asked_again_when_its_own_time_has_come() -> None:
    one, two, three = paths(1, 2, 3)
    script = {
        one: [Reply(429, headers={"Retry-After": "30"}), members(11)],
        two: [Reply(429, headers={"retry-after": "5"}), Reply(429, headers={"Retry-After": "2"}), members(12)],
        three: [members(13)],
    }
    service = Service(script)
    client, _, clock = client_for(service)
    results = client.listings([one, two, three], PARAMETERS)
    assert [ids(result) for result in results] == [[identifier(11)], [identifier(12)], [identifier(13)]]
    assert service.asked == [[one, two, three], [two], [two], [one]]
    assert clock.slept == [5, 2, 23]


@pytest.mark.parametrize("status", [424, 500, 502, 503, 504])
def test_a_part_that_failed_is_asked_again(status: int) -> None:
    one, two = paths(1, 2)
    service = Service({one: [Reply(status), Reply(status), members(11)]})
    client, _, clock = client_for(service)
    assert ids(client.listings([one, two], PARAMETERS)[0]) == [identifier(11)]
    assert service.asked == [[one, two], [one], [one]]
    assert clock.slept == [1.0, 2.0]


def test_a_part_that_fails_for_ever_ends_it_by_the_limits_of_a_single_request() -> None:
    one, two = paths(1, 2)
    service = Service({one: [Reply(503)]})
    client, _, _ = client_for(service)
    with pytest.raises(ServiceFailed, match="8 attempts") as caught:
        client.listings([one, two], PARAMETERS)
    assert caught.value.code == "cloud-unavailable"
    assert len(service.asked) == 8


def test_a_part_may_ask_for_more_time_than_is_given() -> None:
    one, two = paths(1, 2)
    service = Service({one: [Reply(429, headers={"Retry-After": "3600"})]})
    client, _, clock = client_for(service)
    with pytest.raises(ServiceFailed, match="3600 seconds"):
        client.listings([one, two], PARAMETERS)
    assert clock.slept == []


def test_a_token_refused_in_a_part_is_renewed_once_for_it() -> None:
    one, two, three = paths(1, 2, 3)
    refused = graph_error(401, "InvalidAuthenticationToken")
    service, tokens = Service({one: [refused, members(11)], two: [refused, members(12)]}), FixedTokens()
    client, _, _ = client_for(service, tokens)
    results = client.listings([one, two, three], PARAMETERS)
    assert [len(ids(result)) for result in results] == [1, 1, 0]
    assert service.asked == [[one, two, three], [one, two]]
    service.script[one] = [refused]
    with pytest.raises(NoAccess) as caught:
        client.listings([one, two], PARAMETERS)
    assert caught.value.code == "graph-unauthorized"


def test_a_token_refused_for_the_batch_as_such_is_renewed_once() -> None:
    service, tokens = Service(outer=[graph_error(401, "InvalidAuthenticationToken")]), FixedTokens()
    client, _, _ = client_for(service, tokens)
    assert len(client.listings(paths(1, 2), PARAMETERS)) == 2
    assert service.tokens == ["Bearer token-0", "Bearer token-1"]
    service.outer = [graph_error(401, "InvalidAuthenticationToken")] * 2
    with pytest.raises(NoAccess):
        client.listings(paths(1, 2), PARAMETERS)


def test_what_may_not_be_read_and_what_is_gone_is_that_one_alone() -> None:
    one, two, three = paths(1, 2, 3)
    script = {one: [graph_error(403, "Authorization_RequestDenied")], two: [graph_error(404, "ResourceNotFound")]}
    client, _, _ = client_for(Service(script))
    forbidden, gone, there = client.listings([one, two, three], PARAMETERS)
    assert isinstance(forbidden, NoAccess)
    assert one in forbidden.message
    assert isinstance(gone, GraphNotFound)
    assert ids(there) == []


@pytest.mark.parametrize(
    "reply", [graph_error(400, "Request_BadRequest"), Reply(404, body=None), Reply(200, body=None), Reply(302)]
)
def test_any_other_answer_of_a_part_ends_it(reply: Reply) -> None:
    client, _, _ = client_for(Service({paths(1)[0]: [reply]}))
    with pytest.raises(ServiceFailed):
        client.listings(paths(1, 2), PARAMETERS)


def test_further_pages_of_a_part_are_followed_as_given() -> None:
    one, two = paths(1, 2)
    link_on = f"{GRAPH}/v1.0{one}?$skiptoken=X%20y"
    first = Reply(body={"@odata.nextLink": link_on, "value": [link(11)]})
    client, adapter, _ = client_for(Service({one: [first, members(12)]}))
    result = client.listings([one, two], PARAMETERS)[0]
    assert ids(result) == [identifier(11), identifier(12)]
    assert isinstance(result, Listing)
    assert result.pages == 2
    assert [str(request.url) for request in adapter.sent][1:] == [link_on]


def test_a_link_to_another_host_is_not_followed() -> None:
    one, two = paths(1, 2)
    first = Reply(body={"@odata.nextLink": "https://evil.example/v1.0/x", "value": []})
    client, adapter, _ = client_for(Service({one: [first]}))
    with pytest.raises(ServiceFailed) as caught:
        client.listings([one, two], PARAMETERS)
    assert caught.value.code == "graph-link-elsewhere"
    assert len(adapter.sent) == 1


@pytest.mark.parametrize(
    ("reshape", "words"),
    [
        (lambda parts: parts[:-1], "1 of 3 parts are missing"),
        (lambda _: [], "3 of 3 parts are missing"),
        (lambda parts: [*parts, parts[0]], "twice"),
        (lambda parts: [parts[0], parts[0], parts[1]], "twice"),
        (lambda parts: [*parts[:-1], {**parts[-1], "id": "99"}], "nobody asked for"),
        (lambda parts: [*parts[:-1], {**parts[-1], "id": 3}], "nobody asked for"),
        (lambda parts: [*parts[:-1], {"id": "3"}], "no status"),
        (lambda parts: [*parts[:-1], {**parts[-1], "status": True}], "no status"),
        (lambda parts: [*parts[:-1], "x"], "not a list of objects"),
        (lambda _: None, "not a list of objects"),
    ],
)
def test_a_part_that_is_missing_twice_or_strange_is_an_error(reshape: Parts, words: str) -> None:
    client, _, _ = client_for(Service(reshape=reshape))
    with pytest.raises(ServiceFailed, match=words) as caught:
        client.listings(paths(1, 2, 3), PARAMETERS)
    assert caught.value.code == "graph-unexpected-answer"
    assert caught.value.values["request-id"] == "request-1"


@pytest.mark.parametrize(
    "refusal",
    [
        graph_error(405, "Request_BadRequest"),
        graph_error(404, "ResourceNotFound"),
        graph_error(400, "BadRequest"),
        Reply(403, raw=b"<html>the proxy lets nothing be sent</html>"),
        graph_error(403, "Authorization_RequestDenied"),
    ],
)
def test_where_batches_are_refused_single_requests_do(refusal: Reply) -> None:
    one, two = paths(1, 2)
    service = Service({one: [members(11)]}, outer=[refusal])
    client, adapter, _ = client_for(service)
    assert [len(ids(result)) for result in client.listings([one, two], PARAMETERS)] == [1, 0]
    client.listings([one, two], PARAMETERS)
    assert [request.method for request in adapter.sent] == ["POST", "GET", "GET", "GET", "GET"]


def test_a_throttled_batch_waits_as_a_whole() -> None:
    service = Service(outer=[Reply(429, {}, {"Retry-After": "4"}), Reply(503, {}), Reply(raw=b'{"responses": [')])
    client, _, clock = client_for(service)
    assert len(client.listings(paths(1, 2), PARAMETERS)) == 2
    assert clock.slept == [4.0, 2.0, 4.0]


def test_a_single_list_needs_no_batch() -> None:
    client, adapter, _ = client_for(Service())
    client.listings(paths(1), PARAMETERS)
    assert [request.method for request in adapter.sent] == ["GET"]


def test_nothing_in_an_error_shows_the_token() -> None:
    secret = "Bearer token-0"
    said = graph_error(400, "Request_BadRequest", f"You sent {secret}")
    client, _, _ = client_for(Service({paths(1)[0]: [said]}))
    with pytest.raises(ServiceFailed) as caught:
        client.listings(paths(1, 2), PARAMETERS)
    assert "token-0" not in str(caught.value) + repr(dict(caught.value.values))


def crowd(count: int) -> FakeTenant:
    """Groups with some members each, some lists over two pages."""
    groups = [group(number) for number in range(1, count + 1)]
    tenant = FakeTenant({"/groups": groups, "/users": [user(number) for number in range(1000, 1010)]})
    for number in range(1, count + 1):
        path = f"/groups/{identifier(number)}/members"
        tenant.collections[path] = [link(1000 + (number + step) % 10) for step in range(number % 4)]
        if number % 7 == 0:
            tenant.pages = {**tenant.pages, path: [1]}
    return tenant


def test_seventy_groups_take_a_twentieth_of_the_round_trips() -> None:
    tenant, alone = crowd(70), crowd(70)
    alone.batches = graph_error(405, "Request_BadRequest")
    batched, singly = (read_cloud(client_with(one)[0], TENANT, clock=Clock()) for one in (tenant, alone))
    assert batched.members == singly.members
    assert batched.reading.proof == singly.reading.proof
    assert Counter(tenant.batch_sizes) == {20: 3, 10: 1}
    # What batches do not change: tenant, features, groups, deleted groups, users, and ten second pages.
    assert batched.reading.requests == 4 + 5 + 10
    assert singly.reading.requests >= 70 + 5 + 10


@settings(max_examples=25, deadline=None)
@given(
    faults=st.dictionaries(
        st.integers(1, 30), st.lists(st.sampled_from([429, 424, 500, 503, 504, 401]), max_size=3), max_size=12
    ),
    refused=st.booleans(),
)
def test_faults_inside_batches_change_nothing_but_the_time(faults: dict[int, list[int]], refused: bool) -> None:
    plain, tenant = crowd(30), crowd(30)
    # 424 only exists inside a batch.
    waiting = {
        f"/groups/{identifier(number)}/members": [s for s in dict.fromkeys(left) if not (refused and s == 424)]
        for number, left in faults.items()
    }

    class Faulty(FakeTenant):
        def __call__(self, request: requests.PreparedRequest) -> Reply:
            left = waiting.get(path_of(request))
            if left:
                status = left.pop()
                return graph_error(status, "x", headers={"Retry-After": "1"} if status == 429 else {})
            return super().__call__(request)

    faulty = Faulty(tenant.collections, tenant.pages)
    if refused:
        faulty.batches = graph_error(405, "Request_BadRequest")
    expected = read_cloud(client_with(plain)[0], TENANT, clock=Clock())
    found = read_cloud(client_with(faulty)[0], TENANT, clock=Clock())
    assert (found.members, found.principals) == (expected.members, expected.principals)
    assert found.reading.complete
