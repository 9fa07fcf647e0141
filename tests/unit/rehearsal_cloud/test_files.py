"""Certificates, the rehearsal's folder, and the parameters files that fit it."""

from __future__ import annotations

import os
import ssl
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rehearsal.certificates import CONTROLLERS, make_certificates, server_context, write_private
from rehearsal.contoso import names
from rehearsal.contoso.cloud_groups import every_group
from rehearsal.contoso.specification import Kind
from rehearsal.folder import RehearsalFolder, new_passwords
from rehearsal.parameters_file import folder_parameters
from runbook_lib.model.target import Route
from runbook_lib.parameters.load import load_parameters

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RehearsalFolder:
    made = RehearsalFolder(tmp_path_factory.mktemp("rehearsals") / "one")
    made.create()
    made.write_secrets(make_certificates(NOW), new_passwords())
    return made


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps no modes")
def test_private_files_are_private(folder: RehearsalFolder) -> None:
    private = [folder.client, folder.server, folder.client_secret, folder.bind_password]
    private += [folder.administrator_password, folder.control_token]
    assert [stat.S_IMODE(path.stat().st_mode) for path in private] == [0o600] * 6
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps no modes")
def test_a_private_file_never_inherits_a_wider_mode(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    write_private(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)


def test_the_server_certificate_names_the_loopback(folder: RehearsalFolder) -> None:
    certificate = x509.load_pem_x509_certificate(folder.server.read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == ["localhost", *CONTROLLERS]
    assert [str(address) for address in found.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "127.0.0.2", "::1"]
    assert isinstance(server_context(folder.server), ssl.SSLContext)


def test_the_ca_signed_both_certificates(folder: RehearsalFolder) -> None:
    ca = x509.load_pem_x509_certificate(folder.ca.read_bytes())
    for path in (folder.server, folder.client):
        x509.load_pem_x509_certificate(path.read_bytes()).verify_directly_issued_by(ca)
    assert isinstance(load_pem_private_key(folder.client.read_bytes(), None), rsa.RSAPrivateKey)
    assert b"PRIVATE KEY" not in folder.ca.read_bytes()


def test_passwords_differ_and_hide(folder: RehearsalFolder) -> None:
    first, second = new_passwords(), new_passwords()
    assert len({first.bind, first.administrator, first.client_secret, first.control_token, second.bind}) == 5
    assert first.bind not in repr(first)


def test_state_is_read_back_and_broken_state_is_none(folder: RehearsalFolder) -> None:
    assert folder.read_state() is None
    folder.write_json(folder.state, {"pid": 5})
    assert folder.read_state() == {"pid": 5}
    folder.state.write_text("{", encoding="utf-8")
    assert folder.read_state() is None
    folder.state.unlink()


def test_the_folder_s_parameters_file_is_complete_and_absolute(folder: RehearsalFolder) -> None:
    text = folder_parameters(folder, graph_port=1234, ldap_port=2345, dns_port=3456, until=date(2026, 12, 22))
    folder.parameters.write_text(text, encoding="utf-8")
    parameters = load_parameters([folder.parameters], {}, project_root=ROOT).parameters
    assert parameters.graph_url == "https://localhost:1234"
    assert parameters.dc_port == 2345
    assert parameters.dns_servers == ["127.0.0.1:3456"]
    assert parameters.tenant_id == names.TENANT_ID
    assert parameters.select_names == list(names.DEMO_GROUPS)
    assert parameters.attest_connect_v1_off_until == "2026-12-22"
    for path in (
        parameters.records_dir,
        parameters.certificate_file,
        parameters.cloud_ca_file,
        parameters.dc_ca_file,
        parameters.bind_password_file,
    ):
        assert Path(path).is_absolute()


def test_the_folder_s_file_for_cloud_sync_selects_what_the_fixed_filter_lets_pass(folder: RehearsalFolder) -> None:
    given = {"graph_port": 1, "ldap_port": 2, "dns_port": 3, "until": date(2026, 12, 22)}
    text = folder_parameters(folder, **given, route=Route.CLOUD_SYNC)  # type: ignore[arg-type]
    folder.cloud_sync_parameters.write_text(text, encoding="utf-8")
    parameters = load_parameters([folder.cloud_sync_parameters], {}, project_root=ROOT).parameters
    selected = {group.id for group in every_group() if group.name in parameters.select_names}
    assert len(selected) == len(parameters.select_names)
    assert {group.kind for group in every_group() if group.id in selected} == {Kind.SECURITY}
    assert parameters.cloud_sync_pilot in selected
    assert parameters.check_routes == [parameters.route] == ["cloud-sync"]
