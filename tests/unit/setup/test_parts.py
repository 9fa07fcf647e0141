"""Parts of setting up that ask nobody: what groups are for, the tenant's document, the key pair, the files."""

from __future__ import annotations

import os
import shlex
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from runbook_lib.errors import NoAccess, ServiceFailed, UsageError
from runbook_lib.graph.sender import Answer
from runbook_lib.graph.sign_in.certificate import load_certificate
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.parameters.load import load_parameters
from runbook_lib.preflight.tenant_facts import needed_permissions
from runbook_lib.setup.certificate import app_certificate
from runbook_lib.setup.files import answers_yaml, read_answers, setup_files, written_path
from runbook_lib.setup.purpose import PURPOSES, purpose_of
from runbook_lib.setup.questions import SetupState, Surroundings
from runbook_lib.setup.registration import RegisterWithAzureCli, RegisterWithPowerShell, asked_permissions
from runbook_lib.setup.steps import SETUP_STEPS
from runbook_lib.setup.tenant import authorities_of, find_tenant
from tests.docs.markdown import ROOT, section, table_rows
from tests.support import hostile

TENANT = "11111111-2222-3333-4444-555555555555"
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def test_every_purpose_decides_route_and_type(tmp_path: Path) -> None:
    for purpose in PURPOSES:
        files = setup_files(SetupState(purpose.parameters))
        (tmp_path / "change.yaml").write_text(files["change.yaml"], encoding="utf-8")
        told = load_parameters([tmp_path / "change.yaml"], {}, project_root=tmp_path).parameters
        assert told.route == purpose.route.value
        assert bool(told.group_type) is (purpose.route is Route.DIRECT), "elsewhere the engine decides"
        assert purpose_of(f" {purpose.name.upper()} ") is purpose
    assert purpose_of("x") is None


def answering(status: int, **body: object) -> tuple[list[str], object]:
    asked: list[str] = []

    def ask(url: str) -> Answer:
        asked.append(url)
        return Answer(status, {}, dict(body), {})

    return asked, ask


@pytest.mark.parametrize(
    ("host", "cloud"),
    [("graph.microsoft.com", "global"), ("dod-graph.microsoft.us", "us-government-l5"), ("graph.example", "")],
)
def test_the_tenant_and_its_cloud_come_from_the_discovery_document(host: str, cloud: str) -> None:
    issuer = f"https://login.microsoftonline.com/{TENANT.upper()}/v2.0"
    asked, ask = answering(200, issuer=issuer, msgraph_host=host)

    found = find_tenant(" Contoso.COM ", ask, ["https://a.example", "https://b.example"])  # type: ignore[arg-type]

    assert (found.tenant_id, found.cloud) == (TENANT, cloud)
    assert asked == ["https://a.example/contoso.com/v2.0/.well-known/openid-configuration"]


def test_a_tenant_that_nobody_knows() -> None:
    asked, ask = answering(400)
    with pytest.raises(UsageError) as caught:
        find_tenant("contoso.com", ask, ["https://a.example", "https://b.example"])  # type: ignore[arg-type]
    assert (caught.value.code, len(asked)) == ("tenant-unknown", 2)

    asked, ask = answering(200, issuer="https://proxy.example/welcome")
    with pytest.raises(ServiceFailed, match="something other"):
        find_tenant("contoso.com", ask, ["https://a.example"])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="neither a domain name"):
        find_tenant("contoso.com/evil", ask, ["https://a.example"])  # type: ignore[arg-type]


def test_a_cloud_that_the_network_lets_nobody_reach_hides_no_mistyped_name() -> None:
    def ask(url: str) -> Answer:
        if "b.example" in url:
            raise NoAccess(t("No way."), code="cloud-unreachable")
        return Answer(400, {}, None, {})

    with pytest.raises(UsageError, match=r"known to a\.example, c\.example\. Not reached: b\.example\."):
        find_tenant("contoso.com", ask, [f"https://{name}.example" for name in "abc"])
    with pytest.raises(NoAccess, match="No way"):
        find_tenant("contoso.com", ask, ["https://b.example", "https://a.example"])


def test_the_clouds_are_asked_one_after_the_other() -> None:
    assert authorities_of("https://localhost:8443/") == ("https://localhost:8443",)
    assert authorities_of("")[0] == "https://login.microsoftonline.com"
    assert len(authorities_of("")) == 3


def test_a_key_pair_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "new" / "client.pem"

    made = app_certificate(file, lambda: NOW)

    assert made.made
    assert made.ends == NOW + timedelta(days=365)
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_certificate(file).thumbprint_sha1 == made.thumbprint
    public = made.public_file.read_text(encoding="ascii")
    assert "PRIVATE" not in public
    assert load_certificate(file).certificate.strip() == public.strip()
    again = app_certificate(file, lambda: NOW)
    assert (again.made, again.thumbprint) == (False, made.thumbprint)
    with pytest.raises(NoAccess, match="expired"):
        app_certificate(file, lambda: NOW + timedelta(days=366))
    (tmp_path / "other.pem").write_text("no key", encoding="ascii")
    (tmp_path / "other.pem").chmod(0o600)
    with pytest.raises(UsageError, match="holds no private key"):
        app_certificate(tmp_path / "other.pem", lambda: NOW)


def test_a_folder_that_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ServiceFailed, match="cannot be written"):
        app_certificate(tmp_path / "file" / "client.pem", lambda: NOW)


def test_the_permissions_asked_for_are_those_of_the_table() -> None:
    direct = [one.name for one in asked_permissions(Route.DIRECT)]

    assert direct == [one.name for one in needed_permissions() if one.notebooks]
    assert not any("Write" in name for name in direct)
    cloud_sync = [one.name for one in asked_permissions(Route.CLOUD_SYNC)]
    assert "Synchronization.ReadWrite.All" in cloud_sync
    assert "Synchronization.Read.All" not in cloud_sync, "the higher one covers it"
    assert len(set(cloud_sync)) == len(cloud_sync)
    assert "Application.ReadWrite.OwnedBy" not in cloud_sync, "asked for with cloud_sync_create alone"


@pytest.mark.parametrize("text", ["/keys/client.cer", *hostile.of("powershell", "characters")])
def test_lines_of_a_shell_hold_each_value_as_one_word(text: str) -> None:
    lines = RegisterWithAzureCli(TENANT, text, ("A.Read", text)).text()

    words = shlex.split(lines, comments=True)
    assert f"@{text}" in words
    assert words[words.index("in") + 1 : words.index("in") + 3] == ["A.Read", f"{text};" if ";" not in words else text]
    assert TENANT in RegisterWithPowerShell(TENANT, text, ("A.Read",)).text()


def test_the_files_hold_what_was_answered(tmp_path: Path) -> None:
    state = SetupState(
        {"change_id": "C-1", "dc_host": "dc1.contoso.com", "select_names": ['a "b"'], "tenant_id": TENANT}
    )
    for name, text in setup_files(state).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    files = [tmp_path / "environment.yaml", tmp_path / "change.yaml"]

    loaded = load_parameters(files, {}, project_root=tmp_path)

    assert dict(loaded.given) == state.parameters
    assert "C-1" not in files[0].read_text(encoding="utf-8")
    assert written_path(tmp_path / "a" / "b", tmp_path) == "a/b"
    assert written_path(Path("/elsewhere/b"), tmp_path) == str(Path("/elsewhere/b"))


def test_answers_are_read_as_they_were_kept(tmp_path: Path) -> None:
    kept = {"groups": 'Sales; "Ü" #1', "tenant": "contoso.com", "reason": ""}
    path = tmp_path / "answers.yaml"
    path.write_text(answers_yaml(kept), encoding="utf-8")
    assert read_answers(path) == kept

    for text in ("tenant: [a]\n", "- a\n", "tenant: x: y\n", "tenant: 1\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match="cannot be used: line 1"):
            read_answers(path)
    with pytest.raises(UsageError, match="not there"):
        read_answers(tmp_path / "absent.yaml")


def test_the_guide_names_every_purpose_with_its_route_and_type() -> None:
    guide = (ROOT / "docs" / "operator-guide.md").read_text(encoding="utf-8")
    rows = table_rows(section(guide, "#### What the groups are for"))
    told = {row[0].partition(":")[0]: (row[1], row[2]) for row in rows}

    assert {name: route for name, (route, _) in told.items()} == {one.name: one.route.value for one in PURPOSES}
    for purpose in PURPOSES:
        if purpose.group_type:
            assert told[purpose.name][1].startswith(f"universal {purpose.group_type}")


def asked(given: dict[str, object], known: Path) -> list[str]:
    """Keys of the questions about sign-in and the account that such parameters leave."""
    state = SetupState(given, frozenset(given))
    around = cast(Surroundings, SimpleNamespace(folder=known, root=known))
    return [one.key for one in ASKED if one.ask(state, around) is not None]


ASKED = [one for one in SETUP_STEPS if one.key in ("key_file", "client_id", "sign_in_now", "bind_password_file")]


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({}, ["key_file", "client_id", "sign_in_now", "bind_password_file"]),
        ({"sign_in": "secret"}, ["client_id", "sign_in_now", "bind_password_file"]),
        ({"sign_in": "device-code"}, ["client_id", "bind_password_file"]),
        ({"sign_in": "workload-identity"}, ["client_id", "sign_in_now", "bind_password_file"]),
        ({"sign_in": "managed-identity"}, ["sign_in_now", "bind_password_file"]),
        ({"bind_password_from": "env:A"}, ["key_file", "client_id", "sign_in_now"]),
        ({"bind_password_file": "a"}, ["key_file", "client_id", "sign_in_now"]),
    ],
)
def test_nobody_is_asked_for_what_a_way_to_sign_in_does_not_need(
    given: dict[str, object], keys: list[str], tmp_path: Path
) -> None:
    assert asked(given, tmp_path) == keys


@pytest.mark.parametrize("sign_in", ["certificate", "secret", "managed-identity", "workload-identity"])
def test_what_signing_in_takes_is_said_for_each_way(sign_in: str, tmp_path: Path) -> None:
    state = SetupState({"sign_in": sign_in}, frozenset({"sign_in"}))
    around = cast(Surroundings, SimpleNamespace(folder=tmp_path, root=tmp_path))
    (step,) = [one for one in ASKED if one.key == "sign_in_now"]
    question = step.ask(state, around)
    assert question is not None
    assert question.explanation
    assert ("certificate" in question.explanation) is (sign_in == "certificate")
