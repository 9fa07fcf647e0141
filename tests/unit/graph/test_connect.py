"""From parameters to a client."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.transport import GraphClient
from runbook_lib.parameters.model import Parameters
from tests.unit.graph.certificates import server_files
from tests.unit.graph.fake_cloud import TENANT, Clock
from tests.unit.graph.fake_sign_in import CLIENT, client_certificate


def opened(environment: dict[str, str] | None = None, **parameters: object) -> GraphClient:
    clock = Clock()
    told: dict[str, object] = {"tenant_id": TENANT, "client_id": CLIENT, "sign_in": "secret", **parameters}
    given = {"GWB_CLIENT_SECRET": "canary"} if environment is None else environment
    return open_graph(Parameters.model_validate(told), environment=given, clock=clock, sleep=clock.sleep)


def test_a_client_secret_from_the_environment(tmp_path: Path) -> None:
    ca_file = server_files(tmp_path).ca
    client = opened(graph_url="https://Graph.Example:443/", cloud_ca_file=str(ca_file))
    assert client.host == "graph.example"
    assert client.requests == 0


def test_a_certificate_from_a_file(tmp_path: Path) -> None:
    client_certificate(tmp_path)
    client = opened({}, sign_in="certificate", certificate_file=str(tmp_path / "client.pem"))
    assert client.host == "graph.microsoft.com"


def test_no_secret_is_no_access() -> None:
    with pytest.raises(NoAccess, match="GWB_CLIENT_SECRET") as caught:
        opened({})
    assert caught.value.code == "secret-missing"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("tenant_id", "", "not-a-guid"),
        ("tenant_id", "common", "not-a-guid"),
        ("tenant_id", TENANT + "/../x", "not-a-guid"),
        ("client_id", "contoso.com", "not-a-guid"),
        ("graph_url", "http://graph.microsoft.com", "not-an-address"),
        ("graph_url", "https://graph.microsoft.com/v1.0", "not-an-address"),
        ("graph_url", "graph.microsoft.com", "not-an-address"),
        ("graph_url", "https://", "not-an-address"),
        ("graph_url", "https://user:password@graph.microsoft.com", "not-an-address"),
        ("graph_url", "https://graph.microsoft.com:x", "not-an-address"),
        ("graph_url", "https://graph.microsoft.com?x", "not-an-address"),
        ("graph_url", "https://evil.example\\@graph.microsoft.com", "not-an-address"),
        ("graph_url", "https://[::1", "not-an-address"),
        ("authority_url", "https://login.microsoftonline.com/common", "not-an-address"),
        ("cloud_ca_file", "/no/such/ca.pem", "cloud-ca-file"),
    ],
)
def test_wrong_parameters_are_wrong_use_and_named(name: str, value: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        opened(None, **{name: value})
    assert caught.value.code == code
    assert name in str(caught.value)
    assert caught.value.values["parameter"] == name


def test_a_certificate_must_be_named() -> None:
    with pytest.raises(UsageError, match="certificate_file is empty"):
        opened(sign_in="certificate")
