"""Answers that never end, are too large, broken off or damaged: told within limits, and never half believed."""

from __future__ import annotations

import gzip
import itertools
import json
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import RunbookError, ServiceFailed
from runbook_lib.graph import session as session_module
from runbook_lib.graph import session as whole
from runbook_lib.graph import transport
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.retry import RetryPolicy
from runbook_lib.graph.sender import Answer, Sender
from runbook_lib.graph.session import LARGEST_ANSWER, CloudSession, NotWhole, json_object
from runbook_lib.parameters.model import Parameters
from tests.unit.graph.certificates import server_files
from tests.unit.graph.fake_cloud import GRAPH, TENANT, Clock, Reply, client_with, graph_error, in_turn
from tests.unit.graph.hostile_server import CLOSING, HEAD, Speech, drip, endless, hostile_server

BODY = b'{"value": []}'


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def ask(
    tmp_path: Path, speech: Speech, *, timeout: float = 5.0, attempts: int = 1
) -> tuple[Answer | RunbookError, int]:
    """The answer or the error, and how often it was asked."""
    files = server_files(tmp_path)
    clock = Clock()
    policy = RetryPolicy(attempts=attempts, first_attempts=attempts)
    with (
        hostile_server(files.server, speech) as (port, asked),
        CloudSession(ca_file=files.ca, timeout=timeout) as session,
    ):
        sender = Sender(session, clock=clock, sleep=clock.sleep, policy=policy)
        try:
            return sender.send("GET", f"https://localhost:{port}/v1.0/groups"), len(asked)
        except RunbookError as error:
            return error, len(asked)


def pieces(*given: bytes) -> Speech:
    return lambda: iter(given)


@pytest.mark.parametrize(
    "speech",
    [
        drip(HEAD + b"Content-Length: 9999\r\n\r\n" + b" " * 9999, 0.05),
        drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 999, 0.05),
        drip(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 9999, 0.05),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
        endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 100),
    ],
    ids=["body", "chunks", "headers", "1xx", "trailers"],
)
def test_an_answer_that_never_ends_is_given_up_in_its_time_and_asked_for_once_more(
    tmp_path: Path, speech: Speech
) -> None:
    begun = time.monotonic()
    error, asked = ask(tmp_path, speech, timeout=0.25, attempts=8)
    assert time.monotonic() - begun < 15
    assert isinstance(error, ServiceFailed)
    assert (error.code, asked, error.values["attempts"]) == ("cloud-too-slow", 2, 2)
    assert "did not finish its answer within 1 seconds" in error.message


@pytest.mark.parametrize("tls", [False, True], ids=["plain proxy", "proxy with TLS"])
@pytest.mark.parametrize(
    "speech",
    [
        drip(b"HTTP/1.1 200 " + b"y" * 9999, 0.05),
        drip(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 9999, 0.05),
        endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10),
    ],
    ids=["status", "headers", "many headers"],
)
def test_a_proxy_that_never_ends_its_answer_to_connect_is_given_up_in_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speech: Speech, tls: bool
) -> None:
    files = server_files(tmp_path)
    begun = time.monotonic()
    with (
        hostile_server(files.server if tls else None, speech) as (port, asked),
        CloudSession(ca_file=files.ca, timeout=0.25) as session,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http{'s' if tls else ''}://localhost:{port}")
        clock = Clock()
        with pytest.raises(RunbookError) as caught:
            Sender(session, clock=clock, sleep=clock.sleep).send("GET", "https://graph.example/v1.0/groups")
    assert time.monotonic() - begun < 15
    assert caught.value.code in ("cloud-too-slow", "cloud-unreachable")
    assert len(asked) <= RetryPolicy().first_attempts


def test_a_slow_answer_that_ends_in_its_time_is_taken(tmp_path: Path) -> None:
    answer, _ = ask(tmp_path, drip(HEAD + b"Content-Length: 13\r\n\r\n" + BODY, 0.005), timeout=2.0)
    assert isinstance(answer, Answer)
    assert answer.whole == {"value": []}


@pytest.mark.parametrize(
    "head",
    [b"", b"Content-Length: 99999999999\r\n", b"Transfer-Encoding: chunked\r\n"],
    ids=["bare", "length", "chunks"],
)
def test_a_body_without_end_ends_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    monkeypatch.setattr(whole.body_of, "__kwdefaults__", {"largest": 2 * 1024 * 1024})
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n" if b"chunked" in head else b" " * 65536
    error, _ = ask(tmp_path, endless(HEAD + head + b"\r\n", piece))
    assert isinstance(error, ServiceFailed)
    assert (error.code, "answered with more than 2 MB" in error.message) == ("cloud-garbled", True)


def test_a_bomb_is_unpacked_no_further_than_the_limit(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join(packer.compress(b" " * 1_000_000) for _ in range(400)) + packer.flush()
    assert len(packed) < 500_000
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: " + str(len(packed)).encode() + b"\r\n\r\n"
    tracemalloc.start()
    error, _ = ask(tmp_path, pieces(head, packed), timeout=30.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(error, ServiceFailed)
    assert (error.code, "answered with more than 64 MB" in error.message) == ("cloud-garbled", True)
    assert peak < 2.5 * LARGEST_ANSWER


@pytest.mark.parametrize("sign_in", ["secret", "device-code"])
def test_a_sign_in_that_drips_is_given_up_in_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign_in: str
) -> None:
    monkeypatch.setattr(session_module, "ANSWER_TIMES", 0.5)
    files = server_files(tmp_path)
    with hostile_server(files.server, drip(HEAD + b"Content-Length: 9999\r\n\r\n" + b" " * 9999, 0.05)) as (
        port,
        asked,
    ):
        told = {
            "tenant_id": TENANT,
            "client_id": TENANT,
            "sign_in": sign_in,
            "authority_url": f"https://localhost:{port}",
            "graph_url": f"https://localhost:{port}",
            "cloud_ca_file": str(files.ca),
            "cloud_timeout": 1,
        }
        clock = Clock()
        environment = {"GWB_CLIENT_SECRET": "canary"}
        parameters = Parameters.model_validate(told)
        client = open_graph(parameters, environment=environment, clock=clock, sleep=clock.sleep)
        with client, pytest.raises(ServiceFailed) as caught:
            client.get("/organization")
        assert (caught.value.code, len(asked)) == ("cloud-too-slow", 2)


def answered(head: bytes, body: bytes = BODY) -> Speech:
    return pieces(head + f"Content-Length: {len(body)}\r\n\r\n".encode(), body)


def status(line: str) -> bytes:
    return f"HTTP/1.1 {line}\r\n".encode() + CLOSING


@pytest.mark.parametrize(
    ("speech", "words"),
    [
        (answered(status("206 Partial Content") + b"Content-Range: bytes 0-12/99\r\n"), "HTTP 206"),
        (answered(status("203 Non-Authoritative Information")), "HTTP 203"),
        (answered(status("201 Created")), "HTTP 201"),
        (answered(status("202 Accepted")), "HTTP 202"),
        (answered(status("299 Odd")), "HTTP 299"),
        (pieces(status("204 No Content") + b"\r\n"), "HTTP 204"),
        (answered(HEAD, b""), "other than a JSON object"),
        (answered(HEAD, b"<html><title>Sign in to the network</title></html>"), "other than a JSON object"),
        (answered(HEAD, b"[]"), "other than a JSON object"),
        (answered(HEAD, b'"text"'), "other than a JSON object"),
        (answered(HEAD, b'{"value": []} {"value": []}'), "other than a JSON object"),
        (answered(HEAD, b'{"value": [{"id": "a"'), "other than a JSON object"),
        (answered(HEAD, b'{"a": "\xff"}'), "other than a JSON object"),
        (answered(HEAD, b"[" * 100_000), "other than a JSON object"),
        (answered(HEAD, b'{"value": [], "value": [1]}'), "a name twice"),
        (answered(HEAD, b'{"value": [{"id": "a", "b": {"c": 1, "c": 1}}]}'), "a name twice"),
        (answered(HEAD, b'{"value": [], "count": NaN}'), "a number that is none"),
        (answered(HEAD, b'{"value": [], "count": -Infinity}'), "a number that is none"),
        (answered(HEAD, b'{"value": [], "count": 1e999}'), "a number that is none"),
        (pieces(HEAD + b"Content-Length: 99\r\n\r\n", BODY), "broke off"),
        (pieces(HEAD + b"Transfer-Encoding: chunked\r\n\r\nd\r\n", BODY, b"\r\n"), "broke off"),
        (pieces(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n", BODY), "broke off"),
        (pieces(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", BODY), "broke off"),
        (answered(HEAD + b"Content-Encoding: gzip\r\n", gzip.compress(BODY)[:-9]), "breaks off"),
        (answered(HEAD + b"Content-Encoding: gzip\r\n", BODY), "is damaged"),
        (answered(HEAD + b"Content-Encoding: br\r\n"), "an encoding that was not asked for"),
        (answered(HEAD + b"Content-Encoding: gzip, gzip\r\n", gzip.compress(gzip.compress(BODY))), "not asked for"),
        (pieces(HEAD + b"X: y\r\n" * 200 + b"\r\n", BODY), "broke off"),
        (pieces(HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n", BODY), "broke off"),
        (pieces(b"SSH-2.0-OpenSSH\r\n\r\n"), "broke off"),
    ],
)  # fmt: skip
def test_what_is_not_the_whole_answer_is_none(tmp_path: Path, speech: Speech, words: str) -> None:
    error, asked = ask(tmp_path, speech, attempts=2)
    assert isinstance(error, ServiceFailed)
    assert error.code in ("cloud-garbled", "cloud-connection-lost")
    assert words in error.message
    assert "\n" not in error.message
    assert asked == 2  # the next one may be whole


@pytest.mark.parametrize(
    "speech",
    [
        answered(HEAD + b"Content-Encoding: gzip\r\n", gzip.compress(BODY)),
        answered(HEAD + b"Content-Encoding: x-gzip\r\n", gzip.compress(BODY)),
        answered(HEAD + b"Content-Encoding: identity\r\n"),
        pieces(HEAD + b"Transfer-Encoding: chunked\r\n\r\n6\r\n", BODY[:6], b"\r\n7\r\n", BODY[6:], b"\r\n0\r\n\r\n"),
        pieces(HEAD + b"\r\n", BODY),
        pieces(b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 13\r\n\r\n", BODY),
    ],
)
def test_whole_answers_in_every_form(tmp_path: Path, speech: Speech) -> None:
    answer, _ = ask(tmp_path, speech)
    assert isinstance(answer, Answer)
    assert answer.whole == {"value": []}


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_json_is_read_as_json_reads_it(value: object) -> None:
    assert json_object(json.dumps({"value": value}).encode()) == {"value": value}


@given(st.dictionaries(st.text(), st.integers(), min_size=1), st.data())
def test_a_name_that_is_there_twice_is_never_believed(members: dict[str, int], data: st.DataObject) -> None:
    again = data.draw(st.sampled_from(sorted(members)))
    written = [f"{json.dumps(name)}: {number}" for name, number in [*members.items(), (again, members[again])]]
    for text in (f"{{{', '.join(written)}}}", f'{{"value": [[{{{", ".join(written)}}}]]}}'):
        with pytest.raises(NotWhole, match="a name twice"):
            json_object(text.encode())


def pages(*, empty: bool) -> Iterator[dict[str, object]]:
    rows = [] if empty else [{"id": "a"}]
    for number in itertools.count(1):
        yield {"value": rows, "@odata.nextLink": f"{GRAPH}/v1.0/groups?$skiptoken={number}"}


@pytest.mark.parametrize(
    ("empty", "limit", "words"),
    [(True, "MOST_EMPTY_PAGES", "4 pages in a row are empty"), (False, "MOST_PAGES", "more than 3 pages")],
)
def test_links_that_are_always_new_come_to_an_end(
    monkeypatch: pytest.MonkeyPatch, empty: bool, limit: str, words: str
) -> None:
    assert (transport.MOST_EMPTY_PAGES, transport.MOST_PAGES) == (100, 20_000)
    monkeypatch.setattr(transport, limit, 3)
    found = pages(empty=empty)
    client, adapter, _ = client_with(lambda _: Reply(body=next(found)))
    with pytest.raises(ServiceFailed, match=words) as caught:
        client.listing("/groups")
    assert caught.value.code == "graph-unexpected-answer"
    assert len(adapter.sent) <= 4


@pytest.mark.parametrize("row", [{"id": "a"}, {"name": "a"}, {"id": 5}])
def test_pages_that_hold_nothing_new_are_empty_ones(monkeypatch: pytest.MonkeyPatch, row: dict[str, object]) -> None:
    monkeypatch.setattr(transport, "MOST_EMPTY_PAGES", 3)
    links = (f"{GRAPH}/v1.0/groups?$skiptoken={number}" for number in itertools.count())
    client, adapter, _ = client_with(lambda _: Reply(body={"value": [row], "@odata.nextLink": next(links)}))
    with pytest.raises(ServiceFailed, match="nothing new"):
        client.listing("/groups")
    assert len(adapter.sent) == 5


def test_some_empty_pages_are_read_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MOST_EMPTY_PAGES", 2)
    rows: list[list[object]] = [[], [], [{"id": "a"}], [], []]
    replies = [
        Reply(body={"value": page, "@odata.nextLink": f"{GRAPH}/v1.0/groups?$skiptoken={number}"})
        for number, page in enumerate(rows)
    ]
    client, _, _ = client_with(in_turn(*replies, Reply(body={"value": []})))
    assert client.listing("/groups").rows == ({"id": "a"},)


def test_a_link_of_a_megabyte_is_none() -> None:
    link = f"{GRAPH}/v1.0/groups?$skiptoken={'x' * 1_000_000}"
    client, adapter, _ = client_with(in_turn(Reply(body={"value": [], "@odata.nextLink": link})))
    with pytest.raises(ServiceFailed, match="not an address"):
        client.listing("/groups")
    assert len(adapter.sent) == 1


@pytest.mark.parametrize("part", [206, 203, 204, 201])
def test_a_part_of_a_batch_is_whole_or_none(part: int) -> None:
    def answer(request: requests.PreparedRequest) -> Reply:
        asks = json.loads(request.body or b"")["requests"]
        parts = [{"id": ask["id"], "status": 200, "body": {"value": []}} for ask in asks]
        parts[0]["status"] = part
        return Reply(body={"responses": parts})

    client, _, _ = client_with(answer)
    with pytest.raises(ServiceFailed) as caught:
        client.listings(["/groups/a/members", "/groups/b/members"], {})
    assert (caught.value.code, f"HTTP {part}" in caught.value.message) == ("graph-unexpected-answer", True)


def test_a_name_twice_in_a_part_of_a_batch_spoils_the_batch() -> None:
    raw = b'{"responses": [{"id": "1", "status": 200, "body": {"value": [], "value": []}}]}'
    client, _, _ = client_with(in_turn(Reply(raw=raw)))
    with pytest.raises(ServiceFailed, match="a name twice") as caught:
        client.listings(["/groups/a/members", "/groups/b/members"], {})
    assert caught.value.code == "cloud-garbled"


def test_a_refusal_with_damaged_json_is_none_of_graphs() -> None:
    raw = b'{"error": {"code": "Request_ResourceNotFound", "code": "x", "message": "gone"}}'
    client, _, _ = client_with(in_turn(Reply(404, raw=raw)))
    with pytest.raises(ServiceFailed) as caught:
        client.get("/groups/a")
    assert caught.value.code == "graph-unexpected-answer"
    client, _, _ = client_with(in_turn(graph_error(404, "Request_ResourceNotFound")))
    with pytest.raises(ServiceFailed) as caught:
        client.get("/groups/a")
    assert caught.value.code == "graph-not-found"
