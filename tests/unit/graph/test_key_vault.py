"""Secrets of a key vault: which hosts there are, what is asked, and what a refusal says."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from urllib3.exceptions import NewConnectionError

from runbook_lib.errors import NoAccess, RunbookError
from runbook_lib.graph.key_vault import KeyVault
from runbook_lib.graph.session import CloudSession, HostSession
from runbook_lib.graph.sign_in.managed_identity import ManagedIdentity
from runbook_lib.model.text import t
from runbook_lib.secrets.reference import SecretStores
from tests.support.azure_hosts import IDENTITY_VARIABLES
from tests.unit.graph.fake_cloud import Clock, FakeAdapter, Reply
from tests.unit.graph.fake_sign_in import access_token

Service = Callable[[requests.PreparedRequest], Reply | Exception]
REFERENCE = "keyvault:contoso-gwb.vault.azure.net/client-secret"
VALUE = "canary~value"


class Vault:
    """A vault that answers by a function, beside a host with an identity."""

    def __init__(self, service: Service, identity: Service | None = None) -> None:
        self.clock = Clock()
        token = {"access_token": access_token(1), "expires_in": "3600"}
        self.host = FakeAdapter(identity or (lambda _: Reply(body=token)))
        self.vault = FakeAdapter(service)
        reader = KeyVault(
            ManagedIdentity("", clock=self.clock, sleep=self.clock.sleep, session=self._host),
            clock=self.clock,
            sleep=self.clock.sleep,
            session=self._cloud,
        )
        self.stores = SecretStores({}, Path(), reader.read)

    def get(self, reference: str = REFERENCE) -> str:
        return self.stores.get(reference, parameter="client_secret_from", what=t("client secret")).reveal()

    def _host(self) -> HostSession:
        session = HostSession()
        session.mount("http://", self.host)
        return session

    def _cloud(self) -> CloudSession:
        session = CloudSession()
        session.mount("https://", self.vault)
        return session


@pytest.fixture(autouse=True)
def on_a_virtual_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def holds(_: requests.PreparedRequest) -> Reply:
    return Reply(body={"value": VALUE, "id": "https://contoso-gwb.vault.azure.net/secrets/client-secret/0"})


@pytest.mark.parametrize(
    ("host", "resource"),
    [
        ("contoso-gwb.vault.azure.net", "https%3A%2F%2Fvault.azure.net"),
        ("contoso.vault.usgovcloudapi.net", "https%3A%2F%2Fvault.usgovcloudapi.net"),
        ("contoso.vault.azure.cn", "https%3A%2F%2Fvault.azure.cn"),
    ],
)
@pytest.mark.parametrize("version", ["", "/0123456789abcdef0123456789abcdef"])
def test_a_secret_is_read_with_a_token_for_its_cloud_of_vaults(host: str, resource: str, version: str) -> None:
    vault = Vault(holds)
    assert vault.get(f"keyvault:{host}/client-secret{version}") == VALUE
    (asked,), (request,) = vault.host.sent, vault.vault.sent
    assert f"resource={resource}" in str(asked.url)
    assert request.url == f"https://{host}/secrets/client-secret{version}?api-version=7.4"
    assert request.headers["Authorization"] == f"Bearer {access_token(1)}"


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [
        (401, {"error": {"code": "Unauthorized", "message": "AKV10032: Invalid issuer."}}, "another tenant"),
        (403, {"error": {"code": "Forbidden", "message": "Caller is not authorized"}}, "Key Vault Secrets User"),
        (404, {"error": {"code": "SecretNotFound", "message": "A secret was not found"}}, "name and version"),
        (400, None, "diagnostic log"),
        (200, {"value": ""}, "diagnostic log"),
        (200, {"value": 7}, "diagnostic log"),
    ],
)
def test_a_refusal_names_the_reference_and_what_to_do(status: int, body: object, hint: str) -> None:
    with pytest.raises(NoAccess, match="contoso-gwb") as caught:
        Vault(lambda _: Reply(status, body)).get()
    assert caught.value.code == "secret-missing"
    assert hint in caught.value.hint


def test_a_host_without_an_identity_is_told_with_what_the_secret_is_for() -> None:
    def nothing(request: requests.PreparedRequest) -> Exception:
        return requests.exceptions.ConnectionError(NewConnectionError(None, "no"), request=request)  # type: ignore[arg-type]

    vault = Vault(holds, nothing)
    with pytest.raises(NoAccess, match="No client secret: keyvault:contoso-gwb") as caught:
        vault.get()
    assert caught.value.code == "managed-identity-unreachable"
    assert vault.vault.sent == []


@pytest.mark.parametrize(
    "service",
    [
        lambda _: Reply(400, {"error": {"message": f"You sent {access_token(1)}"}}),
        lambda _: Reply(raw=f'{{"value": "{VALUE}'.encode()),
        lambda _: Reply(body={"value": VALUE, "error": VALUE}),
        lambda _: Reply(body={"value": f"{VALUE}\nsecond line"}),
    ],
)
def test_nothing_of_it_comes_out(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    vault = Vault(service)
    shown = [repr(vault.stores)]
    try:
        vault.get()
    except RunbookError as error:
        shown += [str(error), repr(dict(error.values)), "".join(traceback.format_exception(error))]
    text = "\n".join([*shown, caplog.text])
    assert VALUE not in text
    assert access_token(1) not in text
