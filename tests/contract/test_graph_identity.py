"""Sign-in without secrets against the rehearsal: managed identities of three kinds of host, and a federated token."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
from cryptography.x509 import load_pem_x509_certificate
from msal import managed_identity as azure

from rehearsal.certificates import write_private
from rehearsal.contoso import names
from rehearsal.contoso.registrations import ASSIGNED_CLIENT_ID, MACHINE_CLIENT_ID, READER_CLIENT_ID
from rehearsal.process import RunningRehearsal
from runbook_lib.errors import NoAccess, RunbookError, UsageError
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.sign_in import identity_endpoint
from runbook_lib.graph.snapshot import read_tenant
from runbook_lib.graph.transport import GraphClient
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.whole import whole_preflight
from tests.support.azure_hosts import IDENTITY_VARIABLES

KINDS = ("virtual-machine", "app-service", "arc")


class Machine:
    """A machine with an identity of its own: what Azure would set in the environment of its processes."""

    def __init__(self, rehearsal: RunningRehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = rehearsal.folder
        self.environments = json.loads(rehearsal.folder.identities.read_text(encoding="utf-8"))
        for left in rehearsal.folder.challenges.iterdir():
            left.unlink()
        self._patch = monkeypatch
        told = yaml.safe_load(rehearsal.parameters_file.read_text(encoding="utf-8"))
        self.told = {**told, "certificate_file": "", "client_id": "", "sign_in": "managed-identity"}
        self.slept: list[float] = []
        for name in IDENTITY_VARIABLES:
            monkeypatch.delenv(name, raising=False)

    def becomes(self, kind: str, **changes: str) -> None:
        """Set what Azure sets on a host of this kind."""
        for name, value in {**self.environments[kind], **changes}.items():
            self._patch.setenv(name, value)
        if kind == "arc":
            folders = {sys.platform: str(self.folder.challenges)}
            self._patch.setattr(azure, "_supported_arc_platforms_and_their_prefixes", folders)
            self._patch.setattr(identity_endpoint, "ARC_TOKEN_FOLDERS", folders)

    def opened(self, environment: Mapping[str, str] | None = None, **given: object) -> GraphClient:
        """A client of Graph that signs in as this machine."""
        parameters = Parameters.model_validate({**self.told, **given})
        return open_graph(
            parameters,
            environment=os.environ if environment is None else environment,
            clock=lambda: datetime.now(UTC),
            sleep=self.slept.append,
        )

    def refusal(self, environment: Mapping[str, str] | None = None, **given: object) -> NoAccess | UsageError:
        """The error that reading the tenant ends with."""
        with self.opened(environment, **given) as graph, pytest.raises(RunbookError) as caught:
            graph.get("/organization")
        assert isinstance(caught.value, (NoAccess, UsageError))
        return caught.value


@pytest.fixture
def machine(fresh_rehearsal: RunningRehearsal, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(fresh_rehearsal, monkeypatch)


@pytest.mark.parametrize("client_id", ["", ASSIGNED_CLIENT_ID.upper()])
@pytest.mark.parametrize("kind", ["virtual-machine", "app-service"])
def test_a_managed_identity_signs_in(machine: Machine, kind: str, client_id: str) -> None:
    machine.becomes(kind)
    with machine.opened(client_id=client_id) as graph:
        assert read_tenant(graph, names.TENANT_ID).id == names.TENANT_ID
        claims = graph.token_claims()
    assert claims is not None
    assert claims["appid"] == (client_id.lower() or MACHINE_CLIENT_ID)
    assert machine.slept == []


def test_azure_arc_asks_for_its_file_first(machine: Machine) -> None:
    machine.becomes("arc")
    with machine.opened() as graph:
        assert read_tenant(graph, names.TENANT_ID).id == names.TENANT_ID
    assert list(machine.folder.challenges.iterdir()) == [], "a challenge counts once"


def test_an_old_agent_of_azure_arc_does_not_say_which_identity_it_took(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.becomes("arc")
    with machine.opened(client_id=ASSIGNED_CLIENT_ID) as graph:
        assert (graph.token_claims() or {})["appid"] == ASSIGNED_CLIENT_ID
    other = "00000000-0000-4000-8000-000000000001"
    monkeypatch.setattr(azure, "_adjust_param", lambda *_, **__: None)  # the agent that looks at no selector
    refused = machine.refusal(client_id=other)
    assert other in refused.message
    assert "azcmagent" in refused.hint


@pytest.mark.parametrize("kind", KINDS)
def test_an_identity_that_is_not_assigned_is_told_once(machine: Machine, kind: str) -> None:
    machine.becomes(kind)
    refused = machine.refusal(client_id=READER_CLIENT_ID)
    assert isinstance(refused, NoAccess)
    assert refused.code == "managed-identity-refused"
    assert READER_CLIENT_ID in refused.message
    assert "dentity" in refused.message.rpartition("It says: ")[2]


def test_the_wrong_header_is_a_refusal(machine: Machine) -> None:
    machine.becomes("app-service", IDENTITY_HEADER="CANARY")
    refused = machine.refusal()
    assert refused.code == "managed-identity-refused"
    assert "CANARY" not in str(refused)


def test_a_file_that_may_not_be_read_names_the_group(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.becomes("arc")
    monkeypatch.setattr(
        azure, "_supported_arc_platforms_and_their_prefixes", {sys.platform: str(machine.folder.path / "nowhere")}
    )
    refused = machine.refusal()
    assert refused.code == "managed-identity-key"
    if sys.platform == "linux":
        assert "himds" in refused.hint


def test_nothing_of_another_folder_is_read(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine.becomes("arc")
    monkeypatch.setattr(identity_endpoint, "ARC_TOKEN_FOLDERS", {sys.platform: str(tmp_path)})
    refused = machine.refusal()
    assert refused.code == "managed-identity-challenge"
    assert len(list(machine.folder.challenges.iterdir())) == 1, "the key was not sent"


def test_the_tenant_of_the_machine_decides(machine: Machine) -> None:
    machine.becomes("virtual-machine")
    refused = machine.refusal(tenant_id="00000000-0000-4000-8000-000000000001")
    assert refused.code == "managed-identity-tenant"
    assert names.TENANT_ID in refused.message


def test_a_service_that_the_tenant_does_not_know(machine: Machine) -> None:
    machine.becomes("virtual-machine")
    refused = machine.refusal(graph_url="https://graph.other.example")
    assert refused.code == "managed-identity-refused"
    assert "AADSTS500011" in refused.message


@pytest.fixture
def workload(machine: Machine) -> Machine:
    machine.told |= {"sign_in": "workload-identity", "client_id": names.CLIENT_ID}
    return machine


def test_a_federated_token_signs_in_and_is_read_anew(workload: Machine, tmp_path: Path) -> None:
    told = workload.environments["workload"]
    token = Path(told["AZURE_FEDERATED_TOKEN_FILE"]).read_text(encoding="ascii")
    copy = tmp_path / "token"
    copy.write_text(f"{token}\n", encoding="ascii")
    copy.chmod(0o644)
    with workload.opened({"AZURE_FEDERATED_TOKEN_FILE": str(copy)}) as graph:
        assert read_tenant(graph, names.TENANT_ID).id == names.TENANT_ID
        assert (graph.token_claims() or {})["appid"] == names.CLIENT_ID
        copy.write_text("spoiled", encoding="ascii")
        refused = _renewed(graph)
    assert refused.code == "secret-malformed"
    assert str(copy) in refused.message


def _renewed(graph: GraphClient) -> NoAccess:
    held = graph._tokens.token()
    with pytest.raises(NoAccess) as caught:
        graph._tokens.token(refused=held)
    return caught.value


def test_an_app_that_does_not_trust_the_issuer(workload: Machine) -> None:
    refused = workload.refusal(workload.environments["workload"], client_id=READER_CLIENT_ID)
    assert refused.code == "sign-in-refused"
    assert refused.values["aadsts"] == 700211
    assert "issuer" in refused.hint
    token = Path(workload.environments["workload"]["AZURE_FEDERATED_TOKEN_FILE"]).read_text(encoding="ascii")
    assert token not in str(refused)


@pytest.mark.parametrize(
    ("text", "code"), [(None, "secret-file-unreadable"), ("", "secret-malformed"), ("a b", "secret-malformed")]
)
def test_a_file_without_a_token(workload: Machine, tmp_path: Path, text: str | None, code: str) -> None:
    path = tmp_path / "token"
    if text is not None:
        path.write_text(text, encoding="ascii")
    refused = workload.refusal({"AZURE_FEDERATED_TOKEN_FILE": str(path)})
    assert refused.code == code
    assert "AZURE_FEDERATED_TOKEN_FILE" in refused.hint


def test_no_file_is_named(workload: Machine) -> None:
    with pytest.raises(NoAccess, match="AZURE_FEDERATED_TOKEN_FILE") as caught:
        workload.opened({})
    assert caught.value.code == "secret-missing"


def test_certificate_and_passwords_come_from_where_the_parameters_say(machine: Machine, tmp_path: Path) -> None:
    """PKCS#12 with its password in a file, the bind password in a variable of its own: the whole pre-flight reads."""
    pem = machine.folder.client.read_bytes()
    key, certificate = load_pem_private_key(pem[pem.index(b"-----BEGIN PRIV") :], None), load_pem_x509_certificate(pem)
    assert isinstance(key, rsa.RSAPrivateKey)
    write_private(
        tmp_path / "client.pfx",
        pkcs12.serialize_key_and_certificates(b"app", key, certificate, None, BestAvailableEncryption(b"of the pfx")),
    )
    write_private(tmp_path / "password.txt", b"of the pfx\n")
    told = {
        **machine.told,
        "sign_in": "certificate",
        "client_id": names.CLIENT_ID,
        "certificate_file": str(tmp_path / "client.pfx"),
        "certificate_password_from": f"file:{tmp_path / 'password.txt'}",
        "bind_password_file": "",
        "bind_password_from": "env:CONTOSO_BIND",
    }
    bind = machine.folder.bind_password.read_text(encoding="ascii").strip()
    found = whole_preflight(
        Parameters.model_validate(told),
        environment={"CONTOSO_BIND": bind},
        clock=lambda: datetime.now(UTC),
        sleep=machine.slept.append,
        judged=("direct",),
    )
    unread = [one.seen for one in found.findings if one.id.startswith("part-unreadable:")]
    assert all("delegated permission only" in seen for seen in unread), unread
