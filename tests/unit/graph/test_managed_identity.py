"""A managed identity without its host: where tokens may come from, what goes wrong, and that none comes out."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import pytest
import requests
from urllib3.exceptions import NewConnectionError

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed, UsageError
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.session import HostSession
from runbook_lib.graph.sign_in import identity_endpoint
from runbook_lib.graph.sign_in.managed_identity import ManagedIdentity, ManagedIdentitySignIn
from runbook_lib.graph.sign_in.msal_http import Registration
from runbook_lib.parameters.model import Parameters
from tests.support.azure_hosts import IDENTITY_VARIABLES
from tests.unit.graph.fake_cloud import GRAPH, TENANT, Clock, FakeAdapter, Reply
from tests.unit.graph.fake_sign_in import CLIENT, access_token

Service = Callable[[requests.PreparedRequest], Reply | Exception]
TOKEN = {"access_token": access_token(1), "expires_in": "3600", "token_type": "Bearer", "resource": GRAPH}


@pytest.fixture(autouse=True)
def outside_of_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


class Host:
    """A host whose identity endpoint answers by a function."""

    def __init__(self, service: Service) -> None:
        self.clock = Clock()
        self.adapter = FakeAdapter(service)

    def identity(self, client_id: str = "") -> ManagedIdentity:
        return ManagedIdentity(client_id, clock=self.clock, sleep=self.clock.sleep, session=self._session)

    def refusal(self, client_id: str = "") -> RunbookError:
        with pytest.raises(RunbookError) as caught:
            self.identity(client_id).token_for(GRAPH)
        return caught.value

    def _session(self) -> HostSession:
        session = HostSession()
        session.mount("http://", self.adapter)
        session.mount("https://", self.adapter)
        return session


def nothing(request: requests.PreparedRequest) -> Exception:
    return requests.exceptions.ConnectionError(NewConnectionError(None, "refused"), request=request)  # type: ignore[arg-type]


def test_the_metadata_service_is_asked_past_every_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    host = Host(lambda _: Reply(body=TOKEN))
    assert host.identity(CLIENT).token_for(GRAPH)["expires_in"] == 3600
    (request,), (options,) = host.adapter.sent, host.adapter.options
    assert str(request.url).startswith("http://169.254.169.254/metadata/identity/oauth2/token?")
    assert f"client_id={CLIENT}" in str(request.url)
    assert request.headers["Metadata"] == "true"
    assert not options["proxies"]


def test_where_nothing_answers_there_is_one_message() -> None:
    host = Host(nothing)
    refused = host.refusal()
    assert isinstance(refused, NoAccess)
    assert refused.code == "managed-identity-unreachable"
    assert str(refused).count("169.254.169.254") == 2
    assert len(host.adapter.sent) == 3
    assert "sign_in" in refused.hint


def test_the_metadata_service_of_another_cloud_is_no_identity() -> None:
    host = Host(lambda _: Reply(404, raw=b"<html>"))
    assert host.refusal().code == "managed-identity-unreachable"
    assert sum(host.clock.slept) < 120


@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
def test_an_update_of_the_metadata_service_is_waited_for(status: int) -> None:
    answers = [Reply(status), Reply(status), Reply(body=TOKEN)]
    host = Host(lambda _: answers.pop(0))
    assert host.identity().token_for(GRAPH)["access_token"] == TOKEN["access_token"]
    assert len(host.clock.slept) == 2


def test_a_service_that_stays_away_is_a_failure_of_the_service() -> None:
    refused = Host(lambda _: Reply(503)).refusal()
    assert isinstance(refused, ServiceFailed)
    assert refused.code == "cloud-unavailable"


@pytest.mark.parametrize(
    "address",
    [
        "http://tokens.example/msi",
        "http://8.8.8.8/msi",
        "http://localhost.example/msi",
        "http://169.254.169.254@tokens.example/msi",
        "http://user@127.0.0.1/msi",
        "ftp://127.0.0.1/msi",
        "tokens",
        "http:///msi",
    ],
)
@pytest.mark.parametrize("kind", ["app-service", "arc", "virtual-machine"])
def test_a_token_is_asked_for_at_local_addresses_alone(
    address: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "virtual-machine":
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", address)
    else:
        monkeypatch.setenv("IDENTITY_ENDPOINT", address)
        monkeypatch.setenv("IDENTITY_HEADER" if kind == "app-service" else "IMDS_ENDPOINT", "canary")
    host = Host(lambda _: Reply(body=TOKEN))
    refused = host.refusal()
    assert isinstance(refused, UsageError)
    assert refused.code == "managed-identity-address"
    assert host.adapter.sent == []
    assert "user@" not in str(refused)


def test_a_source_that_nobody_tried_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT"):
        monkeypatch.setenv(name, "x")
    refused = Host(nothing).refusal()
    assert (type(refused), refused.code) == (UsageError, "managed-identity-untried")
    assert "Service Fabric" in refused.message


POSIX, WINDOWS = "/var/opt/azcmagent/tokens", r"C:\ProgramData\AzureConnectedMachineAgent\Tokens"


@pytest.mark.parametrize(
    ("platform", "challenge", "taken"),
    [
        ("linux", f"Basic realm={POSIX}/a.key", True),
        ("linux", f"basic realm={POSIX}/a.key", True),
        ("win32", rf"Basic realm={WINDOWS}\a.key", True),
        ("win32", rf"Basic realm={WINDOWS.lower()}\a.key", True),
        ("linux", f"Basic realm={POSIX}/../a.key", False),
        ("linux", f"Basic realm={POSIX}/deeper/a.key", False),
        ("linux", f"Basic realm={POSIX}/a.txt", False),
        ("linux", f"Basic realm={POSIX}/.key", False),
        ("linux", "Basic realm=/etc/shadow", False),
        ("linux", f"Bearer realm={POSIX}/a.key", False),
        ("linux", "", False),
        ("win32", rf"Basic realm={WINDOWS}\..\a.key", False),
        ("win32", r"Basic realm=\\server\share\a.key", False),
        ("darwin", f"Basic realm={POSIX}/a.key", False),
    ],
)
def test_only_files_of_the_agent_of_azure_arc_are_read(
    platform: str, challenge: str, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_endpoint, "ARC_TOKEN_FOLDERS", {"linux": POSIX, "win32": WINDOWS})
    assert identity_endpoint.is_of_agent(challenge, platform) is taken


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body={"access_token": "", "expires_in": "3600"}),
        Reply(body={"access_token": access_token(1), "expires_in": "soon"}),
        Reply(body={"access_token": access_token(1)}),
        Reply(body={"token": access_token(1)}),
        Reply(400, {"error": "invalid_request", "error_description": f"{access_token(1)} is no good"}),
        Reply(raw=f'{{"access_token": "{access_token(1)}'.encode()),
        Reply(body={"access_token": access_token(1), "expires_in": "3600"}),
    ],
)
def test_no_token_comes_out(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    identity = Host(lambda _: reply).identity()
    shown = [repr(identity)]
    try:
        identity.token_for(GRAPH)
    except RunbookError as error:
        shown += [str(error), repr(dict(error.values)), "".join(traceback.format_exception(error))]
    text = "\n".join([*shown, caplog.text])
    assert access_token(1) not in text
    assert "canary" not in text


def test_a_token_without_names_is_taken() -> None:
    """Microsoft calls tokens for Graph opaque; the tenant is compared again once Graph has named it."""
    host = Host(lambda _: Reply(body={**TOKEN, "access_token": "opaque"}))
    method = ManagedIdentitySignIn(Registration(TENANT, "", "https://login.example", GRAPH), host.identity())
    assert method.acquire(claims=None, renew=False)["access_token"] == "opaque"


def test_a_system_assigned_identity_needs_no_client_id() -> None:
    told = {"tenant_id": TENANT, "sign_in": "managed-identity"}
    clock = Clock()
    open_graph(Parameters.model_validate(told), environment={}, clock=clock, sleep=clock.sleep).close()
    told["client_id"] = "contoso"
    with pytest.raises(UsageError, match="client_id"):
        open_graph(Parameters.model_validate(told), environment={}, clock=clock, sleep=clock.sleep)
