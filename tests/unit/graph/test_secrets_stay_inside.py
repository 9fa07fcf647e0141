"""Planted secrets come out nowhere: no message, no traceback, no log at any level."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from runbook_lib.errors import RunbookError
from runbook_lib.graph.transport import GraphClient
from runbook_lib.secrets.sources import Secret, scrubbed
from tests.unit.graph.certificates import key_pem, rsa_key
from tests.unit.graph.fake_cloud import GRAPH, Clock, Reply, graph_error, sender_with, session_with
from tests.unit.graph.fake_sign_in import (
    CLIENT_SECRET,
    USER_CODE,
    FakeSignIn,
    Prompt,
    access_token,
    client_certificate,
    person_source,
    refusal,
    token_source,
)

Service = Callable[[requests.PreparedRequest], Reply | Exception]


def echo(request: requests.PreparedRequest) -> Reply:
    """A service that quotes the whole request, credential and all."""
    return refusal(7000215, f"You sent {request.body!r} {request.headers!r}")


def graph_echo(request: requests.PreparedRequest) -> Reply:
    return graph_error(400, "Request_BadRequest", f"You sent {request.headers['Authorization']}")


def truncated(_: requests.PreparedRequest) -> Reply:
    return Reply(raw=f'{{"access_token": "{access_token(1)}'.encode())


def broken_off(request: requests.PreparedRequest) -> Exception:
    return requests.exceptions.ConnectionError(f"while sending {request.body!r}", request=request)


def plain_refusal(status: int) -> Service:
    return lambda _: graph_error(status, "Some_Code", f"{access_token(1)} is not good enough")


@pytest.mark.parametrize("with_certificate", [False, True])
@pytest.mark.parametrize(
    ("sign_in", "graph"),
    [
        pytest.param(echo, None, id="sign-in quotes the request"),
        pytest.param(truncated, None, id="token answer truncated"),
        pytest.param(broken_off, None, id="sign-in breaks off"),
        pytest.param(None, graph_echo, id="Graph quotes the token"),
        pytest.param(None, broken_off, id="Graph breaks off"),
        pytest.param(None, plain_refusal(401), id="401"),
        pytest.param(None, plain_refusal(403), id="403"),
        pytest.param(None, plain_refusal(404), id="404"),
        pytest.param(None, lambda _: Reply(body={}), id="fine"),
    ],
)
def test_nothing_comes_out(
    sign_in: Service | None,
    graph: Service | None,
    with_certificate: bool,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    service = FakeSignIn()

    def answer(request: requests.PreparedRequest) -> Reply | Exception:
        if str(request.url).startswith(GRAPH):
            return graph(request) if graph else Reply(body={})
        if sign_in and request.method == "POST":
            sent.append(str(request.body))
            return sign_in(request)
        return service(request)

    sent: list[str] = []
    credential = client_certificate(tmp_path) if with_certificate else Secret(CLIENT_SECRET)
    source, adapter, clock = token_source(service, credential)
    adapter.handler = answer
    session, _ = session_with(answer)
    client = GraphClient(GRAPH, source, session, clock=clock, sleep=clock.sleep, sender=sender_with(session, clock))
    shown = [repr(source), repr(client), repr(credential)]
    try:
        client.get("/groups")
    except RunbookError as error:
        shown += [str(error), repr(error), repr(dict(error.values)), "".join(traceback.format_exception(error))]
        shown += error._render_traceback_()
        shown.append(repr(pickle.dumps(error)))
    shown += [record.getMessage() + str(record.exc_text) for record in caplog.records]
    text = "\n".join([*shown, caplog.text])
    assertion = next((part for body in sent for part in body.split("&") if part.startswith("client_assertion=")), "")
    key_line = key_pem(rsa_key()).splitlines()[3]
    for secret in (CLIENT_SECRET, "canary", "8/Q", key_line, assertion.removeprefix("client_assertion=") or "canary"):
        assert secret not in text
    assert "Bearer ey" not in text


@pytest.mark.parametrize("grant", ["refresh_token", "device_code"])
@pytest.mark.parametrize("service", [echo, truncated, broken_off])
def test_nothing_of_a_person_comes_out(grant: str, service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answers = FakeSignIn()
    source, adapter, clock = person_source(answers, prompt := Prompt())
    if grant == "refresh_token":
        source.token()
        clock.move(3300)

    def answer(request: requests.PreparedRequest) -> Reply | Exception:
        asked = f"grant_type={grant}" in str(request.body) or f"grant-type%3A{grant}" in str(request.body)
        return service(request) if asked else answers(request)

    adapter.handler = answer
    shown = [repr(source)]
    try:
        source.token()
    except RunbookError as error:
        shown += [str(error), repr(dict(error.values)), "".join(traceback.format_exception(error))]
    text = "\n".join([*shown, *prompt.seen[1::2], caplog.text])
    for secret in ("canary", USER_CODE, "CANARY"):
        assert secret not in text
    assert adapter.sent


def test_the_log_says_something_at_all(caplog: pytest.LogCaptureFixture) -> None:
    # Without this, the test above could pass because nothing is ever captured.
    caplog.set_level(logging.DEBUG)
    token_source(FakeSignIn())[0].token()
    assert any(record.name.startswith("msal") for record in caplog.records)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token {access_token(1)} end", "token [redacted: token] end"),
        ("eyJhbGciOiJub25lIn0..", "[redacted: token]"),
        (f"key {key_pem(rsa_key())}", "key [redacted: private key]\\u000a"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIcut", "[redacted: private key]"),
        ("the word hunter2 here", "the word [redacted] here"),
        ("form=hunter+%2B2&x", "form=[redacted]&x"),
        ("plain", "plain"),
    ],
)
def test_scrubbing(text: str, shown: str) -> None:
    assert scrubbed(text, ("hunter2", "hunter +2", "")) == shown


def test_scrubbing_comes_before_cutting() -> None:
    assert "hunt" not in scrubbed("x" * 195 + "hunter2", ("hunter2",), limit=200)


def test_a_clock_that_never_moves_is_no_endless_loop() -> None:
    clock = Clock()
    session, _ = session_with(lambda _: graph_error(401, "InvalidAuthenticationToken"))
    source, _, _ = token_source(FakeSignIn(lifetime=0), clock=clock)
    client = GraphClient(GRAPH, source, session, clock=clock, sleep=clock.sleep, sender=sender_with(session, clock))
    with pytest.raises(RunbookError):
        client.get("/groups")
    assert client.requests == 2
