"""One write: sent once, and again only where it is certain that nothing came of it."""

from __future__ import annotations

import json
import logging
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from urllib3 import exceptions as pool

from runbook_lib.errors import ContradictsLook, NoAccess, RunbookError, ServiceFailed, WriteUnanswered
from runbook_lib.graph.errors import GraphContradicts, GraphRejected, permission_for
from runbook_lib.graph.retry import RetryPolicy
from runbook_lib.graph.writing import GraphWrite, as_json, hidden
from runbook_lib.secrets.sources import Secret
from tests.unit.graph.fake_cloud import GRAPH, Clock, Reply, client_with, graph_error, in_turn

ADD = GraphWrite("POST", "/groups/g/members/$ref", {"@odata.id": f"{GRAPH}/v1.0/directoryObjects/u"})
DONE = Reply(204, raw=b"")
REFUSED = requests.exceptions.ConnectionError(pool.MaxRetryError(None, "/", pool.NewConnectionError(None, "refused")))  # type: ignore[arg-type]


def test_a_write_carries_what_graph_needs_and_nothing_else() -> None:
    client, adapter, _ = client_with(in_turn(DONE))
    written = client.writer.write(ADD)
    (request,) = adapter.sent
    assert (request.method, request.url) == ("POST", f"{GRAPH}/v1.0/groups/g/members/$ref")
    assert json.loads(request.body or "") == {"@odata.id": f"{GRAPH}/v1.0/directoryObjects/u"}
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer token-0"
    assert "If-Match" not in request.headers
    assert (written.status, written.body, written.request_id, written.client_request_id) == (
        204,
        None,
        "request-1",
        "client-1",
    )
    assert client.request_ids == ("request-1",)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_every_method_and_both_versions(method: str) -> None:
    client, adapter, _ = client_with(in_turn(DONE))
    client.writer.write(GraphWrite(method, "/x"), "beta")  # type: ignore[arg-type]
    (request,) = adapter.sent
    assert (request.method, request.url, request.body) == (method, f"{GRAPH}/beta/x", None)
    assert "Content-Type" not in request.headers


def test_an_entity_tag_goes_out_and_comes_back() -> None:
    client, adapter, _ = client_with(in_turn(Reply(200, {"id": "x"}, {"ETag": 'W/"2"', "Location": "there"})))
    written = client.writer.write(GraphWrite("PATCH", "/x", {"a": 1}, if_match='W/"1"'))
    assert adapter.sent[0].headers["If-Match"] == 'W/"1"'
    assert (written.etag, written.location, written.body) == ('W/"2"', "there", {"id": "x"})


def test_an_entity_tag_in_the_body_counts_too() -> None:
    client, _, _ = client_with(in_turn(Reply(201, {"@odata.etag": 'W/"3"'})))
    assert client.writer.write(ADD).etag == 'W/"3"'


@pytest.mark.parametrize(("status", "body"), [(200, {}), (201, {"id": "x"}), (202, None), (204, None), (200, None)])
def test_every_success_of_a_write(status: int, body: object) -> None:
    client, adapter, _ = client_with(in_turn(Reply(status, body, raw=b"" if body is None else None)))
    assert client.writer.write(ADD).body == body
    assert len(adapter.sent) == 1


@pytest.mark.parametrize(
    "reply",
    [
        *(Reply(status, raw=b"") for status in (500, 502, 503, 504, 507, 509, 599, 408)),
        graph_error(503, "ServiceUnavailable", headers={"Retry-After": "1"}),
        graph_error(500, "InternalServerError"),
        graph_error(408, "RequestTimeout"),
        Reply(502, raw=b"<html>Bad Gateway</html>"),
        Reply(203, {}),
        Reply(204, raw=b"", headers={"request-id": ""}),
        Reply(200, raw=b" ", headers={"request-id": ""}),
        Reply(206, {}),
        Reply(200, raw=b'{"id": "x'),
        Reply(201, raw=b"[]"),
        Reply(200, {}, {"Content-Encoding": "gzip"}),
        Reply(200, {}, {"Content-Encoding": "br"}),
        Reply(302, raw=b"", headers={"Location": "https://elsewhere.example/"}),
        Reply(307, raw=b"", headers={"Location": f"{GRAPH}/v1.0/other"}),
        Reply(403, raw=b"<html>The portal says no</html>"),
        Reply(404, raw=b""),
        Reply(400, raw=b'{"error": {"code": "Requ'),
        requests.exceptions.ReadTimeout("slow"),
        requests.exceptions.ConnectionError(pool.ProtocolError("Connection aborted.", ConnectionResetError())),
        requests.exceptions.ChunkedEncodingError("half"),
        requests.exceptions.SSLError("bad record"),
        requests.exceptions.ProxyError(pool.MaxRetryError(None, "/", pool.ProxyError("cannot connect", OSError()))),  # type: ignore[arg-type]
        ConnectionResetError(),
    ],
)
def test_what_leaves_it_open_is_no_answer_and_is_not_sent_again(reply: Reply | Exception) -> None:
    client, adapter, clock = client_with(in_turn(reply, DONE))
    with pytest.raises(WriteUnanswered) as caught:
        client.writer.write(ADD)
    assert len(adapter.sent) == 1
    assert clock.slept == []
    assert caught.value.values["client-request-id"] == "client-1"
    assert caught.value.values["path"] == ADD.path
    assert "not known" in str(caught.value)


def test_the_wait_that_a_503_names_is_told() -> None:
    client, _, _ = client_with(in_turn(graph_error(503, "ServiceUnavailable", headers={"Retry-After": "17"})))
    with pytest.raises(WriteUnanswered) as caught:
        client.writer.write(ADD)
    assert caught.value.values["retry_after_seconds"] == 17.0


def test_an_answer_without_end_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    client, adapter, _ = client_with(in_turn(Reply(200, {"text": "x" * 100})))
    monkeypatch.setattr("runbook_lib.graph.session.body_of.__kwdefaults__", {"largest": 50})
    with pytest.raises(WriteUnanswered):
        client.writer.write(ADD)
    assert len(adapter.sent) == 1


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (graph_error(400, "Request_BadRequest"), GraphRejected, "graph-rejected"),
        (graph_error(422, "Request_Unprocessable"), GraphRejected, "graph-rejected"),
        (graph_error(501, "NotImplemented"), GraphRejected, "graph-rejected"),
        (graph_error(403, "Authorization_RequestDenied"), NoAccess, "graph-forbidden"),
        (graph_error(404, "Request_ResourceNotFound"), GraphContradicts, "graph-contradicts"),
        (graph_error(409, "Conflict"), GraphContradicts, "graph-contradicts"),
        (graph_error(412, "PreconditionFailed"), GraphContradicts, "graph-contradicts"),
    ],
)
def test_what_graph_itself_refuses_has_not_happened(reply: Reply, kind: type[RunbookError], code: str) -> None:
    client, adapter, _ = client_with(in_turn(reply, DONE))
    with pytest.raises(kind) as caught:
        client.writer.write(ADD)
    assert not isinstance(caught.value, WriteUnanswered)
    assert (caught.value.code, len(adapter.sent)) == (code, 1)
    assert caught.value.values["request-id"] == "request-1"
    assert issubclass(GraphContradicts, ContradictsLook)


def test_throttling_is_waited_for() -> None:
    slow_down = graph_error(429, "TooManyRequests", headers={"Retry-After": "7"})
    client, adapter, clock = client_with(in_turn(slow_down, slow_down, DONE))
    assert client.writer.write(ADD).client_request_id == "client-3"
    assert clock.slept == [7.0, 7.0]
    assert len({request.headers["client-request-id"] for request in adapter.sent}) == 3


def test_throttling_has_an_end_and_nothing_was_written() -> None:
    slow_down = graph_error(429, "TooManyRequests", headers={"Retry-After": "200"})
    client, adapter, clock = client_with(in_turn(slow_down))
    with pytest.raises(ServiceFailed) as caught:
        client.writer.write(ADD)
    assert not isinstance(caught.value, WriteUnanswered)
    assert "Nothing was written" in str(caught.value)
    assert sum(clock.slept) <= RetryPolicy().longest_total
    assert len(adapter.sent) == 5


def test_a_connection_that_never_came_about_is_tried_again() -> None:
    client, adapter, _ = client_with(in_turn(REFUSED, requests.exceptions.ConnectTimeout(), DONE))
    client.writer.write(ADD)
    assert len(adapter.sent) == 3


def test_a_host_that_is_not_there_ends_it_and_nothing_was_written() -> None:
    client, adapter, _ = client_with(in_turn(REFUSED))
    with pytest.raises(NoAccess) as caught:
        client.writer.write(ADD)
    assert (caught.value.code, len(adapter.sent)) == ("cloud-unreachable", 3)


def test_a_refused_token_is_renewed_once() -> None:
    refused = graph_error(401, "InvalidAuthenticationToken")
    client, adapter, _ = client_with(in_turn(refused, DONE))
    client.writer.write(ADD)
    assert [request.headers["Authorization"] for request in adapter.sent] == ["Bearer token-0", "Bearer token-1"]
    client, adapter, _ = client_with(in_turn(refused))
    with pytest.raises(NoAccess) as caught:
        client.writer.write(ADD)
    assert (caught.value.code, len(adapter.sent)) == ("graph-unauthorized", 2)


def test_after_a_new_token_the_promise_is_the_same() -> None:
    client, adapter, _ = client_with(in_turn(graph_error(401, "InvalidAuthenticationToken"), Reply(504, raw=b""), DONE))
    with pytest.raises(WriteUnanswered):
        client.writer.write(ADD)
    assert len(adapter.sent) == 2


def test_no_redirect_is_followed_and_no_other_place_gets_the_token() -> None:
    client, adapter, _ = client_with(in_turn(Reply(308, raw=b"", headers={"Location": "https://evil.example/"})))
    with pytest.raises(WriteUnanswered):
        client.writer.write(ADD)
    assert [request.url for request in adapter.sent] == [f"{GRAPH}/v1.0{ADD.path}"]


def test_ctrl_c_in_the_middle_is_heard_and_nothing_is_sent_again() -> None:
    def handler(_: requests.PreparedRequest) -> Reply:
        raise KeyboardInterrupt

    client, adapter, _ = client_with(handler)
    with pytest.raises(KeyboardInterrupt):
        client.writer.write(ADD)
    assert len(adapter.sent) == 1


@pytest.mark.parametrize("path", ["", "groups", "/groups/a b", "/groups\\x", "/x\n", "/grö"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        GraphWrite("POST", path)


# Secrets of a body

INNER = 'cän"ary-pass\\word'
SECRETS = {
    "value": [
        {"key": "BaseAddress", "value": "https://harmless.example"},
        {"key": "SecretToken", "value": Secret("canary-token")},
        {"key": "Domain", "value": Secret(json.dumps({"domain": "contoso.com", "password": INNER}))},
    ]
}
PUT = GraphWrite("PUT", "/servicePrincipals/s/synchronization/secrets", SECRETS)


def test_secrets_reach_graph_and_nobody_else() -> None:
    client, adapter, _ = client_with(in_turn(DONE))
    client.writer.write(PUT)
    sent = json.loads(adapter.sent[0].body or "")
    assert sent["value"][1]["value"] == "canary-token"
    assert json.loads(sent["value"][2]["value"])["password"] == INNER
    assert "canary" not in repr(PUT) + str(PUT)
    assert "harmless" not in repr(PUT), "nor anything else that a body holds"


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        ("/groups/1/onPremisesSyncBehavior", "Group-OnPremisesSyncBehavior.ReadWrite.All"),
        ("/servicePrincipals/1/synchronization/jobs/2/start", "Synchronization.ReadWrite.All"),
        ("/servicePrincipals/1/appRoleAssignedTo/2", "AppRoleAssignment.ReadWrite.All"),
        ("/applications/1/extensionProperties", "Application.ReadWrite.OwnedBy"),
        ("/servicePrincipals", "Application.ReadWrite.OwnedBy"),
        ("/somewhere/else", "the permission for it"),
    ],
)
def test_a_write_that_is_forbidden_names_the_permission(path: str, permission: str) -> None:
    client, _, _ = client_with(lambda _: graph_error(403, "Authorization_RequestDenied"))
    with pytest.raises(NoAccess) as refused:
        client.writer.write(GraphWrite("PATCH", path, {"x": 1}))
    assert permission in refused.value.hint


@pytest.mark.parametrize(
    "quoted",
    [
        "canary-token",
        as_json(SECRETS),
        json.dumps({"domain": "contoso.com", "password": INNER}),
        json.dumps(json.dumps({"domain": "contoso.com", "password": INNER})),
        INNER,
        json.dumps(INNER),
        json.dumps(INNER)[1:-1],
    ],
)
@pytest.mark.parametrize("status", [400, 403, 404, 409, 401, 302, 503])
def test_no_message_quotes_a_secret(quoted: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client, _, _ = client_with(in_turn(graph_error(status, "Some_Code", f"You sent {quoted}, they say")))
    with pytest.raises(RunbookError) as caught:
        client.writer.write(PUT)
    error = caught.value
    text = "\n".join(
        [
            str(error),
            repr(error),
            repr(dict(error.values)),
            "".join(traceback.format_exception(error)),
            *error._render_traceback_(),
            caplog.text,
        ]
    )
    for secret in ("canary", "ary-pass", "pass\\", "contoso.com"):
        assert secret not in text
    if status == 400:
        assert "they say" in text


@pytest.mark.parametrize(
    "fault",
    [
        lambda request: requests.exceptions.ConnectionError(f"sent {request.body!r}", request=request),
        lambda request: requests.exceptions.ReadTimeout(f"sent {request.body!r}", request=request),
        lambda request: Reply(200, raw=request.body.encode()[:40]),
        lambda request: Reply(502, raw=request.body.encode()),
    ],
)
def test_no_fault_drags_a_secret_along(fault: object, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client, _, _ = client_with(fault)  # type: ignore[arg-type]
    with pytest.raises(WriteUnanswered) as caught:
        client.writer.write(PUT)
    error = caught.value
    assert error.__context__ is None
    assert "canary" not in "".join(traceback.format_exception(error)) + repr(dict(error.values)) + caplog.text


def test_short_words_inside_of_a_secret_do_not_take_words_out_of_messages() -> None:
    assert hidden({"value": Secret('{"a": "on", "b": ["long enough"]}')}) == (
        '{\\"a\\": \\"on\\", \\"b\\": [\\"long enough\\"]}',
        '{"a": "on", "b": ["long enough"]}',
        "long enough",
    )


def test_what_is_no_json_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="nothing that JSON holds"):
        as_json({"when": object()})


def test_writes_of_several_threads_do_not_mix() -> None:
    client, adapter, _ = client_with(lambda request: Reply(200, json.loads(request.body or "")), Clock())
    with ThreadPoolExecutor(8) as workers:
        bodies = list(workers.map(lambda n: client.writer.write(GraphWrite("POST", "/x", {"n": n})).body, range(50)))
    assert bodies == [{"n": n} for n in range(50)]
    assert len(adapter.sent) == 50


@pytest.mark.parametrize(
    ("path", "reading", "writing"),
    [
        (
            "/servicePrincipals/x/synchronization/jobs/y/schema",
            "Synchronization.Read.All",
            "Synchronization.ReadWrite.All",
        ),
        ("/servicePrincipals/x/synchronization/secrets", *["Synchronization.ReadWrite.All"] * 2),
        ("/servicePrincipals/x/appRoleAssignedTo", "Application.Read.All", "AppRoleAssignment.ReadWrite.All"),
        ("/applications/x", "Application.Read.All", "Application.ReadWrite.OwnedBy"),
        ("/groups/x/members", "Group.Read.All", "Group.ReadWrite.All"),
        ("/unknown", "", ""),
    ],
)
def test_a_refusal_names_the_permission_for_its_path(path: str, reading: str, writing: str) -> None:
    assert (permission_for(path), permission_for(path, write=True)) == (reading, writing)
