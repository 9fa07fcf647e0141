"""Whatever arrives, the https side answers or closes, and goes on: fuzzed HTTP and JSON, oversized, slow, numerous."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rehearsal.certificates import server_context, write_private
from rehearsal.cloud.accounts import Application, TenantUsers
from rehearsal.cloud.server import CloudServer, Patience
from rehearsal.cloud.sign_in import Endpoint, SignIn
from rehearsal.cloud.store import CloudStore
from tests.support.certificates import shared_certificates

TENANT = "8f2a6c1e-3b47-4d59-9e60-5c7d1b2a4f83"
CLIENT = "c4d1e0a7-96b2-4f3c-8a15-7e29d6b3f041"
PATIENCE = Patience(idle=0.4, body=0.4, connections=20)


@dataclass
class Running:
    """A server without TLS and a token that it takes."""

    cloud: CloudServer
    port: int
    token: str

    def send(self, *pieces: bytes, hang_up: bool = False) -> bytes:
        """Everything that comes back until the server closes; ``hang_up`` ends our side of it at once."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece)
                if hang_up:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                return b""
            received = b""
            try:
                while chunk := connection.recv(65536):
                    received += chunk
            except ConnectionError:
                pass
            return received

    def lives(self) -> bool:
        """Whether a proper request is answered properly."""
        return b" 200 OK" in self.send(self.request("GET", "/v1.0/organization")).split(b"\r\n", 1)[0]

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.token}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


def serving(context: ssl.SSLContext | None) -> Iterator[Running]:
    store = CloudStore(clock=lambda: datetime.now(UTC))
    store.set_organization({"id": TENANT, "displayName": "Contoso"})
    store.keep_as_seed()
    app = Application(CLIENT, "sp", "Runbook", "s3cret", (), ("Directory.ReadWrite.All",), ("User.Read",), public=True)
    sign_in = SignIn(TENANT, (app,), users=TenantUsers(store, {}), clock=lambda: datetime.now(UTC))
    cloud = CloudServer(store, sign_in, patience=PATIENCE)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    port = asyncio.run_coroutine_threadsafe(cloud.start(context), loop).result(10)
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": "s3cret",
        "scope": "http://x/.default",
    }
    form["scope"] = "https://localhost/.default"
    token = str(sign_in.token_response(form, Endpoint("https://localhost", TENANT))["access_token"])
    yield Running(cloud, port, token)
    asyncio.run_coroutine_threadsafe(cloud.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    yield from serving(None)


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    certificates = shared_certificates()
    pem = tmp_path_factory.mktemp("tls") / "server.pem"
    write_private(pem, certificates.server_pem)
    yield from serving(server_context(pem))


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """tornado.application gets a line for every exception that no handler foresaw: there must be none."""
    with caplog.at_level(logging.ERROR, "tornado.application"):
        yield
    assert [record.getMessage() for record in caplog.records if record.name == "tornado.application"] == []


FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
PATHS = st.sampled_from(
    [
        "/v1.0/groups",
        "/v1.0/$batch",
        "/beta/groups/x/members/$ref",
        "/v1.0/organization",
        f"/{TENANT}/oauth2/v2.0/token",
    ]
)


@FUZZ
@given(st.binary(max_size=300))
@example(b"\r\n\r\n")
@example(b"GET / HTTP/1.1\r\n\r\n")
@example(b"GET /v1.0/groups HTTP/9.9\r\nHost: x\r\n\r\n")
@example(b"POST /v1.0/groups HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n")
@example(b"POST /v1.0/groups HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n")
@example(b"\x16\x03\x01\x02\x00\x01\x00")
def test_bytes_that_are_no_http(server: Running, data: bytes) -> None:
    server.send(data, hang_up=True)
    assert server.lives()


@FUZZ
@given(
    st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=40),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40),
)
@example("FOO", "v1.0/groups", "x")
@example("GET", "v1.0/%00%ff/%zz?$top=%", "\x80")
@example("GET", "v1.0/groups?$filter=" + "(" * 3000, "x")
@example("GET", f"{TENANT}/v2.0/.well-known/openid-configuration", "")
def test_every_request_line_gets_an_answer(server: Running, method: str, path: str, value: str) -> None:
    got = server.send(server.request(method, f"/{path}", client_request_id=value, ConsistencyLevel=value))
    assert got.startswith(b"HTTP/1.1 ")
    assert b"HTTP/1.1 500" not in got
    assert server.lives()


@FUZZ
@given(PATHS, st.sampled_from(["POST", "PATCH"]), JSON)
@example("/v1.0/$batch", "POST", {"requests": [{"id": "1", "method": "GET", "url": "/groups"}]})
def test_json_of_any_shape(server: Running, path: str, method: str, value: object) -> None:
    body = json.dumps(value).encode()
    got = server.send(server.request(method, path, body, Content_Type="application/json"))
    assert got.startswith(b"HTTP/1.1 ")
    assert b"HTTP/1.1 500" not in got
    assert server.lives()


@FUZZ
@given(PATHS, st.binary(max_size=200))
@example("/v1.0/groups", b"[" * 100_000)
@example("/v1.0/$batch", b'{"requests":' * 50_000)
@example(f"/{TENANT}/oauth2/v2.0/token", b"grant_type=%ff&client_id=%00&&&=")
@example(f"/{TENANT}/oauth2/v2.0/token", b"&".join([b"a=b"] * 20_000))
def test_bodies_of_any_bytes(server: Running, path: str, body: bytes) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        got = server.send(server.request("POST", path, body, Content_Type=kind))
        assert got.startswith(b"HTTP/1.1 ")
        assert b"HTTP/1.1 500" not in got
    assert server.lives()


def test_a_body_that_is_too_large_is_not_read(server: Running) -> None:
    head = server.request("POST", "/v1.0/groups", Content_Length=str(10**10))
    answer = server.send(head)
    assert answer.startswith(b"HTTP/1.1 4") or answer == b""
    chunked = server.request("POST", "/v1.0/groups", Transfer_Encoding="chunked")
    server.send(chunked, *[b"100000\r\n" + b"x" * 0x100000 + b"\r\n"] * 8)
    assert server.lives()


def test_headers_without_end(server: Running) -> None:
    server.send(b"GET /v1.0/groups HTTP/1.1\r\nX-Long: " + b"x" * 300_000)
    assert server.lives()


@pytest.mark.parametrize(
    "began",
    [b"", b"GET /v1.0/groups HTT", b"POST /v1.0/groups HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"],
)
def test_a_client_that_stops_is_hung_up_on(server: Running, began: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(began)
        before = time.monotonic()
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
        assert time.monotonic() - before < 3
        assert not received.startswith(b"HTTP/1.1 200")
    assert server.lives()


@pytest.mark.parametrize("began", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 4000])
def test_a_handshake_that_goes_wrong_or_nowhere(tls_server: Running, began: bytes) -> None:
    with socket.create_connection(("127.0.0.1", tls_server.port), timeout=5) as connection:
        connection.sendall(began)
        before = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while connection.recv(4096):
                pass
        assert time.monotonic() - before < 3
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", tls_server.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(tls_server.request("GET", "/v1.0/organization"))
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")


def test_many_slow_clients_do_not_keep_others_out(server: Running) -> None:
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(60)]
    try:
        for one in slow[-10:]:
            one.sendall(b"GET /v1.0/gro")
        assert server.lives()
        assert server.cloud.traffic.open_connections <= PATIENCE.connections
    finally:
        for one in slow:
            one.close()


def test_connections_and_requests_are_counted(server: Running) -> None:
    before = server.cloud.traffic.connections, server.cloud.traffic.requests
    for _ in range(3):
        assert server.lives()
    after = server.cloud.traffic.connections, server.cloud.traffic.requests
    assert (after[0] - before[0], after[1] - before[1]) == (3, 3)


def test_a_path_of_nobody(server: Running) -> None:
    answer = server.send(server.request("GET", "/v2.5/groups"))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"Invalid version: v2.5" in answer


def test_a_method_of_nobody_is_refused_in_the_shape_of_graph(server: Running) -> None:
    head, _, body = server.send(server.request("FOO", "/v1.0/groups")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405")
    error = json.loads(body)["error"]
    assert {"code", "message", "innerError"} <= set(error)
    assert f"request-id: {error['innerError']['request-id']}".encode() in head.lower()


@pytest.mark.parametrize(("sent", "comes_back"), [("abc-1", True), ("caf\xe9 <b>", False), ("x" * 200, False)])
def test_only_a_sensible_client_request_id_comes_back(server: Running, sent: str, comes_back: bool) -> None:
    answer = server.send(server.request("GET", "/v1.0/organization", client_request_id=sent))
    assert (sent.encode("latin-1") in answer) is comes_back
