"""Secrets by reference: which texts are references, and an environment that holds what they refer to."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.model.text import Text
from runbook_lib.parameters.check import complaints
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import absolute_paths
from runbook_lib.secrets.redact import known_secrets
from runbook_lib.secrets.reference import MalformedReference, SecretReference, SecretStores, parse_reference
from runbook_lib.secrets.referenced import with_references
from runbook_lib.secrets.sources import Secret

VERSION = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("env:CONTOSO_SECRET", "env"),
        ("file:secrets/contoso.txt", "file"),
        ("keyring:gwb/contoso", "keyring"),
        ("keyvault:contoso.vault.azure.net/name", "keyvault"),
        (f"keyvault:contoso.vault.usgovcloudapi.net/name/{VERSION}", "keyvault"),
        ("keyvault:contoso.vault.azure.cn/name", "keyvault"),
    ],
)
def test_references(text: str, kind: str) -> None:
    assert parse_reference(text).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "canary",
        "keyvault:contoso/canary",
        "keyvault:contoso.vault.azure.net",
        "keyvault:contoso.vault.azure.net/",
        "keyvault:contoso.vault.azure.net.evil.example/canary",
        "keyvault:contoso.vault.azure.net@evil.example/canary",
        "keyvault:evil.example/contoso.vault.azure.net/canary",
        "keyvault:contoso.vault.evil-azure.net/canary",
        "keyvault:a.b.vault.azure.net/canary",
        "keyvault:contoso.vault.azure.net:8443/canary",
        "keyvault:https://contoso.vault.azure.net/secrets/canary",
        "keyvault:contoso.vault.azure.net/canary/../other",
        "keyvault:contoso.vault.azure.net/canary?x",
        "keyvault:contoso.vault.azure.net/canary/short",
        "vault:contoso.vault.azure.net/canary",
    ],
)
def test_what_is_none_is_not_quoted(text: str) -> None:
    with pytest.raises(MalformedReference) as caught:
        parse_reference(text)
    assert "canary" not in caught.value.why


class Asked:
    """A vault that counts what it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def read(self, reference: SecretReference, what: Text) -> Secret:
        self.times += 1
        return Secret(f"{what} of {reference.place}")


def test_each_secret_is_looked_up_when_it_is_asked_for_and_once(tmp_path: Path) -> None:
    vault = Asked()
    told = Parameters.model_validate(
        {
            "client_secret_from": "keyvault:contoso.vault.azure.net/a",
            "bind_password_from": "env:CONTOSO_BIND",
        }
    )
    beneath = {"CONTOSO_BIND": "of the bind", "GWB_CLIENT_SECRET": "old", "PATH": "x"}
    stores = SecretStores(beneath, tmp_path, vault.read)
    found = with_references(told, stores)
    assert "GWB_CLIENT_SECRET" in found
    assert set(found) == {"CONTOSO_BIND", "GWB_CLIENT_SECRET", "PATH", "GWB_BIND_PASSWORD"}
    assert (found.get("GWB_CERTIFICATE_PASSWORD"), found["PATH"], vault.times) == (None, "x", 0)
    assert "of the bind" not in repr(found)
    assert found["GWB_BIND_PASSWORD"] == "of the bind"
    wanted = "client secret of contoso.vault.azure.net/a"
    assert [found["GWB_CLIENT_SECRET"], found.get("GWB_CLIENT_SECRET"), vault.times] == [wanted, wanted, 1]
    assert set(known_secrets(told, tmp_path, found)) == {wanted, "of the bind"}


def test_without_references_the_environment_is_what_it_was(tmp_path: Path) -> None:
    environment = {"GWB_CLIENT_SECRET": "x"}
    assert with_references(Parameters.model_validate({}), SecretStores(environment, tmp_path)) is environment


def test_a_secret_that_is_not_there_is_an_error_where_it_is_needed_and_left_out_of_the_known(tmp_path: Path) -> None:
    told = Parameters.model_validate({"bind_password_from": "env:NOT_SET", "client_secret_from": "file:none.txt"})
    found = with_references(told, SecretStores({}, tmp_path))
    with pytest.raises(NoAccess, match="NOT_SET"):
        found.get("GWB_BIND_PASSWORD")
    with pytest.raises(UsageError, match="client_secret_from"):
        found.get("GWB_CLIENT_SECRET")
    assert known_secrets(told, tmp_path, found) == []


def test_a_key_vault_without_a_way_to_it_says_so(tmp_path: Path) -> None:
    told = Parameters.model_validate({"client_secret_from": "keyvault:contoso.vault.azure.net/a"})
    with pytest.raises(NoAccess, match="not read here"):
        with_references(told, SecretStores({}, tmp_path)).get("GWB_CLIENT_SECRET")


def test_files_of_references_resolve_as_other_paths_do(tmp_path: Path) -> None:
    secret = tmp_path / "secrets" / "bind.txt"
    secret.parent.mkdir()
    secret.write_text("of the file\n", encoding="ascii")
    secret.chmod(stat.S_IRUSR | stat.S_IWUSR)
    told = Parameters.model_validate({"bind_password_from": "file:secrets/bind.txt", "client_secret_from": "env:FILE"})
    absolute = absolute_paths(told, tmp_path)
    assert absolute.bind_password_from == f"file:{secret}"
    assert absolute.client_secret_from == "env:FILE"
    for parameters, root in ((absolute, Path("/nowhere")), (told, tmp_path)):
        assert with_references(parameters, SecretStores({}, root))["GWB_BIND_PASSWORD"] == "of the file"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"sign_in": "secret", "client_secret_from": "canary"}, "client_secret_from"),
        ({"client_secret_from": "env:A"}, "client_secret_from"),
        ({"sign_in": "secret", "certificate_password_from": "env:A"}, "certificate_password_from"),
        ({"bind_method": "kerberos", "bind_password_from": "env:A"}, "bind_password_from"),
        ({"bind_password_file": "x", "bind_password_from": "env:A"}, "bind_password_from"),
    ],
)
def test_references_that_cannot_be_meant_are_refused(given: dict[str, str], name: str) -> None:
    (problem,) = [one for one in complaints(Parameters.model_validate(given)) if one.location == (name,)]
    assert "canary" not in problem.text + problem.hint
    assert problem.code == "secret-reference"


def test_references_that_can_be_meant_are_not(tmp_path: Path) -> None:
    for given in (
        {"sign_in": "secret", "client_secret_from": "keyvault:contoso.vault.azure.net/a"},
        {"certificate_password_from": "keyring:gwb/contoso", "bind_password_from": "env:A"},
    ):
        assert [one for one in complaints(Parameters.model_validate(given)) if one.code == "secret-reference"] == []
