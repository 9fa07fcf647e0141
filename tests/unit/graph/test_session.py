"""The session against real sockets: CA files, proxies, time limits, and what it never does."""

from __future__ import annotations

import base64
import logging
import os
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from runbook_lib.errors import NoAccess, ServiceFailed, UsageError
from runbook_lib.graph.retry import RetryPolicy
from runbook_lib.graph.sender import Answer, Sender
from runbook_lib.graph.session import CloudSession
from tests.unit.graph.certificates import ServerFiles, server_files
from tests.unit.graph.fake_cloud import Clock, FakeAdapter, Reply, in_turn
from tests.unit.graph.https_server import closed_port, https_server, proxy_with_sign_in, refusing_proxy

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no CA file from the machine that runs the tests."""
    for name in (*PROXY_VARIABLES, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def files(tmp_path: Path) -> ServerFiles:
    return server_files(tmp_path)


@pytest.fixture
def port(files: ServerFiles) -> Iterator[int]:
    with https_server(files.server) as number:
        yield number


@pytest.fixture
def other_ca(tmp_path: Path) -> Path:
    folder = tmp_path / "other"
    folder.mkdir()
    return server_files(folder).ca


def ask(session: CloudSession, url: str, *, attempts: int = 1) -> Answer:
    clock = Clock()
    policy = RetryPolicy(attempts=attempts, first_attempts=attempts)
    with session:
        return Sender(session, clock=clock, sleep=clock.sleep, policy=policy).send("GET", url)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_named_ca_file_wins_over_the_environment(
    files: ServerFiles, port: int, other_ca: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(other_ca))
    with requests.Session() as plain:  # the trap that the session of ours is for
        plain.verify = str(files.ca)
        with pytest.raises(requests.exceptions.SSLError):
            plain.get(f"https://localhost:{port}/x", timeout=5)
    assert ask(CloudSession(ca_file=files.ca), f"https://localhost:{port}/x").status == 200


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_cannot_make_an_untrusted_host_trusted(
    files: ServerFiles, port: int, other_ca: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(files.ca))
    with pytest.raises(NoAccess) as caught:
        ask(CloudSession(ca_file=other_ca), f"https://localhost:{port}/x", attempts=5)
    assert caught.value.code == "cloud-certificate"
    assert f"localhost:{port}" in caught.value.message
    assert caught.value.__context__ is None


def test_without_a_named_file_the_environment_counts(
    files: ServerFiles, port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(NoAccess) as caught:
        ask(CloudSession(), f"https://localhost:{port}/x")
    assert caught.value.code == "cloud-certificate"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.ca))
    assert ask(CloudSession(), f"https://localhost:{port}/x").status == 200
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with pytest.raises(NoAccess, match="the CA file that the environment names is not there") as caught:
        ask(CloudSession(), f"https://localhost:{port}/x")
    assert caught.value.code == "cloud-certificate"


def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path) -> None:
    files = server_files(tmp_path, name="graph.example")
    with https_server(files.server) as port, pytest.raises(NoAccess, match="localhost") as caught:
        ask(CloudSession(ca_file=files.ca), f"https://localhost:{port}/x")
    assert caught.value.code == "cloud-certificate"


def test_proxies_of_the_environment_apply_and_no_proxy_too(
    files: ServerFiles, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"https://localhost:{port}/x"
    with refusing_proxy() as (proxy_port, asked):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy_port}")
        with pytest.raises(NoAccess, match="proxy") as caught:
            ask(CloudSession(ca_file=files.ca), url)
        assert caught.value.code == "cloud-unreachable"
        assert [line.rpartition(" ")[0] for line in asked] == [f"CONNECT localhost:{port}"]
        monkeypatch.setenv("NO_PROXY", "localhost")
        assert ask(CloudSession(ca_file=files.ca), url).status == 200
        assert len(asked) == 1


def test_a_proxy_that_wants_a_password_gets_it_from_the_environment(
    files: ServerFiles, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_with_sign_in("svc:canary@7/8") as (proxy_port, answered):
        monkeypatch.setenv("HTTPS_PROXY", f"http://svc:canary%407%2F8@127.0.0.1:{proxy_port}")
        assert ask(CloudSession(ca_file=files.ca), f"https://localhost:{port}/x").status == 200
    assert answered == ["200"]


@pytest.mark.parametrize("user", ["svc:canary", "", "svc"])
def test_a_proxy_that_refuses_is_asked_once_and_its_password_is_nowhere(
    files: ServerFiles, port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, user: str
) -> None:
    caplog.set_level(logging.DEBUG)
    with proxy_with_sign_in("svc:another") as (proxy_port, answered):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{user}{'@' if user else ''}127.0.0.1:{proxy_port}")
        with pytest.raises(NoAccess, match=r"wants a user name and a password that it accepts \(HTTP 407\)") as caught:
            ask(CloudSession(ca_file=files.ca), f"https://localhost:{port}/x", attempts=5)
    assert caught.value.code == "cloud-proxy"
    assert answered == ["407"]  # a second try with a wrong password could lock the account
    shown = "".join(traceback.format_exception(caught.value)) + repr(dict(caught.value.values)) + caplog.text
    assert "canary" not in shown
    assert base64.b64encode(b"svc:canary").decode() not in shown


@pytest.mark.parametrize("proxy", ["http://svc:canary@127.0.0.1:{closed}", "http://svc:canary@[::1", "nothing://x"])
def test_a_proxy_that_is_not_there_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, proxy: str
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HTTPS_PROXY", proxy.format(closed=closed_port()))
    with pytest.raises(NoAccess) as caught:
        ask(CloudSession(), "https://graph.example/x", attempts=2)
    assert caught.value.code == "cloud-unreachable"
    assert "canary" not in "".join(traceback.format_exception(caught.value)) + caplog.text


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://127.0.0.1:{closed}/x", id="closed port"),
        pytest.param("https://no-such-host.invalid/x", id="unknown name"),
        pytest.param("http://127.0.0.1:{closed}/x", id="plain http"),
    ],
)
def test_what_cannot_be_reached_is_no_access(url: str) -> None:
    with pytest.raises(NoAccess) as caught:
        ask(CloudSession(), url.format(closed=closed_port()), attempts=2)
    assert caught.value.code == "cloud-unreachable"


def test_an_answer_that_breaks_off_is_asked_for_again(files: ServerFiles, port: int) -> None:
    with pytest.raises(ServiceFailed) as caught:
        ask(CloudSession(ca_file=files.ca), f"https://localhost:{port}/cut", attempts=3)
    assert caught.value.code == "cloud-connection-lost"
    assert caught.value.values["attempts"] == 3


def test_silence_ends_at_the_time_limit(files: ServerFiles) -> None:
    with refusing_proxy() as (port, _), CloudSession(ca_file=files.ca, timeout=0.2) as session:
        # The listener accepts and answers in plain HTTP: no TLS handshake comes about.
        clock = Clock()
        sender = Sender(session, clock=clock, sleep=clock.sleep, policy=RetryPolicy(attempts=1, first_attempts=1))
        with pytest.raises(NoAccess, match="TLS handshake"):
            sender.send("GET", f"https://127.0.0.1:{port}/x")


def test_several_threads_may_share_the_session(files: ServerFiles, port: int) -> None:
    clock = Clock()
    with CloudSession(ca_file=files.ca) as session, ThreadPoolExecutor(8) as pool:
        sender = Sender(session, clock=clock, sleep=clock.sleep)
        url = f"https://localhost:{port}/x"
        answers = list(pool.map(lambda _: sender.send("GET", url).status, range(200)))
        assert answers == [200] * 200
        assert sender.requests == 200
        assert len(session.cookies) == 0


def test_every_request_has_a_time_limit_and_no_redirect_is_followed() -> None:
    session, adapter = CloudSession(timeout=45), FakeAdapter(in_turn(Reply(302, {}, {"Location": "https://b.example"})))
    session.mount("https://", adapter)
    session.post("https://a.example", data={"x": "1"})  # as msal calls it
    session.get("https://a.example", timeout=7)
    assert [options["timeout"] for options in adapter.options] == [(10.0, 45), 7]
    assert len(adapter.sent) == 2


def test_plain_http_is_not_spoken() -> None:
    with CloudSession() as session, pytest.raises(requests.exceptions.InvalidSchema):
        session.get(f"http://127.0.0.1:{closed_port()}/x", headers={"Authorization": "Bearer ours"})


def test_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine a.example login somebody password canary", encoding="ascii")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    session, adapter = CloudSession(), FakeAdapter(in_turn(Reply(body={})))
    session.mount("https://", adapter)
    session.get("https://a.example", headers={"Authorization": "Bearer ours"})
    assert adapter.sent[0].headers["Authorization"] == "Bearer ours"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"", "not a PEM file"),
        (b"garbage", "not a PEM file"),
        (b"\xff\xfe\x00", "not a PEM file"),
    ],
)
def test_an_unusable_ca_file_is_wrong_use(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=why) as caught:
        CloudSession(ca_file=path)
    assert caught.value.code == "cloud-ca-file"
    assert str(path) in caught.value.message


@pytest.mark.skipif(os.name != "posix", reason="pipes with names")
def test_a_ca_file_that_is_a_pipe_or_a_device_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(UsageError, match="not a regular file"):
            CloudSession(ca_file=path)


def test_a_folder_is_no_ca_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        CloudSession(ca_file=tmp_path)
