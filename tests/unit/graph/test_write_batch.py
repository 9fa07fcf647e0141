"""Several writes in one batch: whatever happens on the way, nothing is sent twice and every outcome is true."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import exceptions as pool

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed, WriteUnanswered
from runbook_lib.graph.errors import GraphContradicts, GraphRejected
from runbook_lib.graph.retry import RetryPolicy
from runbook_lib.graph.write_batch import NotTried, write_all
from runbook_lib.graph.writing import GraphWrite, WriteOutcome, Written
from runbook_lib.model.text import t
from runbook_lib.secrets.sources import Secret
from tests.unit.graph.fake_cloud import Reply, client_with, graph_error, in_turn

ALONE: tuple[str, ...] = (
    "fine",
    "unreachable",
    "429",
    "401",
    "400",
    "403",
    "404",
    "412",
    "302",
    "lost-before",
    "lost-after",
)
ALONE += ("500-before", "500-after", "503-before", "503-after", "504-after", "half", "portal")
OF_BATCH = (*ALONE, "no-batches", "missing-part", "part-twice", "unknown-part")
OF_PART = (
    "fine",
    "429",
    "401",
    "400",
    "403",
    "404",
    "412",
    "302",
    "500-before",
    "500-after",
    "503-after",
    "odd",
    "424-after",
)
REFUSED = {"400": "Request_BadRequest", "403": "Denied", "404": "Request_ResourceNotFound", "412": "PreconditionFailed"}


class World:
    """A Graph that notes what every write did, and acts out one fault after the other; after the last all is fine.

    Attributes:
        done: How often each path was written.
        order: The paths in the order in which they were written.
        batches: The parts of each batch as they came.
    """

    def __init__(self, of_requests: Sequence[str] = (), of_parts: Sequence[str] = ()) -> None:
        self._of_requests: Iterator[str] = iter(of_requests)
        self._of_parts: Iterator[str] = iter(of_parts)
        self.done: Counter[str] = Counter()
        self.order: list[str] = []
        self.batches: list[list[dict[str, Any]]] = []

    def __call__(self, request: requests.PreparedRequest) -> Reply | Exception:
        path = str(request.url).partition("/v1.0")[2]
        fault = next(self._of_requests, "fine")
        if path == "/$batch":
            return self._batch(json.loads(request.body or ""), fault)
        return self._alone(path, "fine" if fault in OF_BATCH[len(ALONE) :] else fault)

    def _alone(self, path: str, fault: str) -> Reply | Exception:
        if fault in ("fine", "half") or fault.endswith("-after"):
            self._write(path)
        return answer_of(fault, {"path": path})

    def _batch(self, body: dict[str, Any], fault: str) -> Reply | Exception:
        parts = body["requests"]
        self.batches.append(parts)
        if fault == "no-batches":
            return graph_error(400, "BadRequest", "no batches here")
        through = fault in ("fine", "half", "missing-part", "part-twice", "unknown-part") or fault.endswith("-after")
        if not through:
            return answer_of(fault, {})
        answers: list[dict[str, Any]] = []
        for part in parts:
            failed = [one for one in answers if one["id"] in part.get("dependsOn", ()) and one["status"] >= 300]
            answers.append({"id": part["id"], **(_FAILED if failed else self._part(part["url"]))})
        if fault == "missing-part":
            answers.pop()
        if fault == "part-twice":
            answers.insert(0, {"id": answers[0]["id"], **_REFUSED})
        if fault == "unknown-part":
            answers.append({"id": "99", "status": 204})
        return answer_of("fine" if "part" in fault else fault, {"responses": answers[::-1]})

    def _write(self, path: str) -> None:
        self.done[path] += 1
        self.order.append(path)

    def _part(self, path: str) -> dict[str, Any]:
        fault = next(self._of_parts, "fine")
        if fault == "fine" or fault.endswith("-after"):
            self._write(path)
        if fault == "fine":
            return {"status": 201, "headers": {"request-id": f"of {path}"}, "body": {"path": path}}
        if fault == "odd":
            return {"status": 418, "body": "no object"}
        if fault.startswith("424"):
            return _FAILED
        status = int(fault[:3])
        code = REFUSED.get(fault, "Some_Code")
        return {"status": status, "headers": {"Retry-After": "2"}, "body": {"error": {"code": code, "message": "no"}}}


_REFUSED = {"status": 400, "body": {"error": {"code": "Request_BadRequest", "message": "no"}}}
_FAILED = {"status": 424, "body": {"error": {"code": "FailedDependency", "message": "waited"}}}


def answer_of(fault: str, body: object) -> Reply | Exception:
    """What comes back for a request as a whole."""
    if fault == "fine":
        return Reply(200, body)
    if fault == "half":
        return Reply(200, raw=json.dumps(body).encode()[:-1])
    if fault == "unreachable":
        return requests.exceptions.ConnectTimeout()
    if fault.startswith("lost"):
        return requests.exceptions.ConnectionError(pool.ProtocolError("Connection aborted.", ConnectionResetError()))
    if fault == "portal":
        return Reply(404, raw=b"<html>Sign in to the guest network</html>")
    status = int(fault[:3])
    if status in (302, 504):
        return Reply(status, raw=b"")
    return graph_error(status, REFUSED.get(fault, "Some_Code"), headers={"Retry-After": "2"})


def writes(count: int, waits: Sequence[Sequence[int]] = ()) -> list[GraphWrite]:
    """Writes to ``/w/0``, ``/w/1`` …"""
    after = [tuple(one) for one in waits] + [()] * count
    return [GraphWrite("POST", f"/w/{number}", {"n": number}, after=after[number]) for number in range(count)]


@st.composite
def lists_of_writes(draw: st.DrawFn) -> list[GraphWrite]:
    """Up to seven writes, each of which may wait for some before it."""
    count = draw(st.integers(1, 7))
    waits = [draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else () for number in range(count)]
    return writes(count, [sorted(one) for one in waits])


@settings(max_examples=400)
@given(
    todo=lists_of_writes(),
    of_requests=st.lists(st.sampled_from(OF_BATCH), max_size=6),
    of_parts=st.lists(st.sampled_from(OF_PART), max_size=20),
)
def test_nothing_is_written_twice_and_every_outcome_is_true(
    todo: list[GraphWrite], of_requests: list[str], of_parts: list[str]
) -> None:
    world, heard = World(of_requests, of_parts), dict[int, WriteOutcome]()
    client, _, clock = client_with(world)

    def on_outcome(number: int, outcome: WriteOutcome) -> None:
        assert number not in heard, "told once"
        heard[number] = outcome

    outcomes = write_all(client.writer, todo, on_outcome=on_outcome)
    assert [heard[number] for number in range(len(todo))] == outcomes
    for write, outcome in zip(todo, outcomes, strict=True):
        times = world.done[write.path]
        assert times <= 1, "sent twice"
        if isinstance(outcome, Written):
            assert times == 1
        elif not isinstance(outcome, WriteUnanswered):
            assert times == 0, f"{outcome!r}, and it was written"
    for write, outcome in zip(todo, outcomes, strict=True):
        if world.done[write.path]:
            before = world.order[: world.order.index(write.path)]
            assert {f"/w/{other}" for other in write.after} <= set(before), "before what it waits for"
        if isinstance(outcome, NotTried):
            assert any(not isinstance(outcomes[other], Written) for other in write.after)
    assert sum(clock.slept) <= 900 * len(todo)


@settings(max_examples=200)
@given(faults=st.lists(st.sampled_from(ALONE), max_size=10))
def test_the_same_for_one_write(faults: list[str]) -> None:
    world = World(faults)
    client, _, _ = client_with(world)
    try:
        client.writer.write(GraphWrite("POST", "/w/0", {}))
    except WriteUnanswered:
        assert world.done["/w/0"] <= 1
    except RunbookError:
        assert world.done["/w/0"] == 0
    else:
        assert world.done["/w/0"] == 1


def test_parts_that_differ_have_outcomes_that_differ() -> None:
    world = World(of_parts=["fine", "400", "404", "403", "500-after", "429", "401", "odd"])
    client, adapter, clock = client_with(world)
    outcomes = write_all(client.writer, writes(8))
    expected = [Written, GraphRejected, GraphContradicts, NoAccess, WriteUnanswered, Written, Written, WriteUnanswered]
    assert [type(outcome) for outcome in outcomes] == expected
    assert isinstance(outcomes[0], Written)
    assert (outcomes[0].request_id, outcomes[0].body) == ("of /w/0", {"path": "/w/0"})
    # What had its answer is not in the further batches; the refused token is renewed, the throttled part waits.
    assert [[part["id"] for part in batch] for batch in world.batches] == [list("12345678"), ["7"], ["6"]]
    assert clock.slept == [2.0]
    assert adapter.sent[1].headers["Authorization"] == "Bearer token-1"


def test_a_part_carries_what_graph_needs() -> None:
    world = World()
    client, _, _ = client_with(world)
    todo = [
        GraphWrite("PATCH", "/w/0", {"value": Secret("hidden")}, if_match='W/"1"'),
        GraphWrite("DELETE", "/w/1", after=(0,)),
    ]
    write_all(client.writer, todo)
    assert world.batches == [
        [
            {
                "id": "1",
                "method": "PATCH",
                "url": "/w/0",
                "headers": {"Content-Type": "application/json", "If-Match": 'W/"1"'},
                "body": {"value": "hidden"},
            },
            {"id": "2", "method": "DELETE", "url": "/w/1", "dependsOn": ["1"]},
        ]
    ]


def test_what_waits_for_a_write_that_is_throttled_comes_behind_it() -> None:
    world = World(of_parts=["fine", "429"])
    client, _, _ = client_with(world)
    outcomes = write_all(client.writer, writes(4, [(), (0,), (1,), (2,)]))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert [[(part["id"], part.get("dependsOn")) for part in batch] for batch in world.batches] == [
        [("1", None), ("2", ["1"]), ("3", ["2"]), ("4", ["3"])],
        [("2", None), ("3", ["2"]), ("4", ["3"])],
    ]


def test_nothing_overtakes_what_it_waits_for() -> None:
    """While the first one waits for its time, another is sent again at once; what waits for the first one is not."""
    world = World(of_parts=["429", "401"])
    client, _, _ = client_with(world)
    outcomes = write_all(client.writer, writes(3, [(), (0,), ()]))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert world.order == ["/w/2", "/w/0", "/w/1"]


def test_what_waits_for_a_write_that_was_not_done_is_not_tried() -> None:
    world = World(of_parts=["400"])
    client, _, _ = client_with(world)
    outcomes = write_all(client.writer, writes(3, [(), (0,), (1,)]))
    assert [type(outcome) for outcome in outcomes] == [GraphRejected, NotTried, NotTried]
    assert (world.done, len(world.batches)) == (Counter(), 1)


def test_a_service_without_batches_gets_them_one_by_one_in_order() -> None:
    world = World(["no-batches", "fine", "404"])
    client, adapter, _ = client_with(world)
    outcomes = write_all(client.writer, writes(4, [(), (), (1,), (0,)]))
    assert [type(outcome) for outcome in outcomes] == [Written, GraphContradicts, NotTried, Written]
    assert [str(request.url)[-3:] for request in adapter.sent[1:]] == ["w/0", "w/1", "w/3"]


def test_a_connection_that_fails_for_all_is_not_tried_for_each() -> None:
    client, adapter, _ = client_with(in_turn(requests.exceptions.ConnectTimeout()))
    outcomes = write_all(client.writer, writes(20))
    assert {getattr(outcome, "code", "") for outcome in outcomes} == {"cloud-unreachable"}
    assert len(adapter.sent) == 3


def test_the_same_where_they_go_one_by_one() -> None:
    no_batches = graph_error(405, "BadRequest")
    client, adapter, _ = client_with(in_turn(no_batches, requests.exceptions.ConnectTimeout()))
    outcomes = write_all(client.writer, writes(20))
    assert {getattr(outcome, "code", "") for outcome in outcomes} == {"cloud-unreachable"}
    assert len(adapter.sent) <= 1 + RetryPolicy().attempts


def test_a_batch_that_may_not_be_sent_is_sent_once() -> None:
    client, adapter, _ = client_with(in_turn(graph_error(403, "Authorization_RequestDenied")))
    outcomes = write_all(client.writer, writes(3))
    assert [getattr(outcome, "code", "") for outcome in outcomes] == ["graph-forbidden"] * 3
    assert len(adapter.sent) == 1


def test_a_token_that_is_refused_for_ever_is_renewed_once() -> None:
    world = World(of_parts=["401"] * 1000)
    client, _, _ = client_with(world)
    outcomes = write_all(client.writer, writes(2))
    assert [getattr(outcome, "code", "") for outcome in outcomes] == ["graph-unauthorized"] * 2
    assert len(world.batches) == 2


def test_one_write_alone_is_no_batch() -> None:
    world = World()
    client, adapter, _ = client_with(world)
    assert isinstance(write_all(client.writer, writes(1))[0], Written)
    assert world.batches == []
    assert write_all(client.writer, []) == []
    assert len(adapter.sent) == 1


def test_a_batch_that_gets_no_answer_names_each_write() -> None:
    client, _, _ = client_with(World(["half"]))
    outcomes = write_all(client.writer, writes(3))
    assert [outcome.values["path"] for outcome in outcomes if isinstance(outcome, WriteUnanswered)] == [
        "/w/0",
        "/w/1",
        "/w/2",
    ]


def test_throttled_for_ever_ends_and_nothing_was_written() -> None:
    world = World(of_parts=["429"] * 1000)
    client, _, clock = client_with(world)
    outcomes = write_all(client.writer, writes(2))
    assert [type(outcome) for outcome in outcomes] == [ServiceFailed, ServiceFailed]
    assert (world.done, len(world.batches)) == (Counter(), 8)
    assert sum(clock.slept) <= 900


def test_ctrl_c_leaves_what_was_told_before() -> None:
    heard: list[int] = []
    world = World(of_parts=["429", "fine"])
    client, _, clock = client_with(world)

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    client.writer.sender._sleep = interrupted
    with pytest.raises(KeyboardInterrupt):
        write_all(client.writer, writes(2), on_outcome=lambda number, _: heard.append(number))
    assert heard == [1]
    assert (world.done, clock.slept) == (Counter({"/w/1": 1}), [])


def test_a_journal_that_cannot_be_written_stops_everything() -> None:
    """What hears of outcomes may fail: its error is raised, not taken for one of Graph's, and nothing more is sent."""
    world = World(of_parts=["fine", "429"])
    client, _, _ = client_with(world)

    def on_outcome(_: int, __: WriteOutcome) -> None:
        raise ServiceFailed(t("The disk is full."), code="disk-full")

    with pytest.raises(ServiceFailed, match="disk is full"):
        write_all(client.writer, writes(2), on_outcome=on_outcome)
    assert len(world.batches) == 1


@pytest.mark.parametrize("waits", [[(0,)], [(), (1,)], [(), (2,), ()], [(), (-1,)]])
def test_waiting_for_oneself_or_what_comes_later_is_a_mistake(waits: list[tuple[int, ...]]) -> None:
    client, adapter, _ = client_with(World())
    with pytest.raises(ValueError, match="before it"):
        write_all(client.writer, writes(len(waits), waits))
    with pytest.raises(ValueError, match="at most"):
        write_all(client.writer, writes(21))
    assert adapter.sent == []
