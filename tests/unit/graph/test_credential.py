"""The PEM file that a run signs in with."""

from __future__ import annotations

import hashlib
import os
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.graph.sign_in.certificate import load_certificate, require_valid
from runbook_lib.secrets.sources import Secret
from tests.unit.graph.certificates import BEGIN, certificate_pem, key_pem, rsa_key


def written(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "client.pem"
    path.write_text(text, encoding="ascii")
    path.chmod(mode)
    return path


def test_key_and_certificate_are_found_in_any_order_and_among_others(tmp_path: Path) -> None:
    ours, other = certificate_pem(rsa_key()), certificate_pem(rsa_key(1), name="Somebody else")
    noise = "Bag Attributes\n  friendlyName: app\n"
    for text in (key_pem(rsa_key()) + noise + other + ours, other + ours + key_pem(rsa_key())):
        found = load_certificate(written(tmp_path, text))
        der = ssl.PEM_cert_to_DER_cert(ours)
        assert found.thumbprint_sha1 == hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
        assert found.thumbprint_sha256 == hashlib.sha256(der).hexdigest().upper()
        assert found.certificate.strip() == ours.strip()
        assert found.private_key.private_numbers() == rsa_key().private_numbers()
        assert "private" not in repr(found).casefold()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nothing here", "no private key"),
        (certificate_pem(rsa_key()), "no private key"),
        (key_pem(rsa_key()), "no certificate that belongs"),
        (key_pem(rsa_key()) + certificate_pem(rsa_key(1)), "no certificate that belongs"),
        (key_pem(rsa_key(), b"password") + certificate_pem(rsa_key()), "protected by a password"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be read"),
        (
            key_pem(rsa_key()) + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "a certificate in it cannot be read",
        ),
    ],
)
def test_unusable_files_are_wrong_use_and_show_nothing(tmp_path: Path, text: str, why: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError, match=why) as caught:
        load_certificate(path)
    assert caught.value.code == "certificate-file"
    assert str(path) in caught.value.message
    assert "BEGIN" not in str(caught.value)


def test_only_rsa_keys_are_taken(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(UsageError, match="not an RSA key"):
        load_certificate(written(tmp_path, key_pem(key) + certificate_pem(key)))


def test_a_key_whose_secret_half_is_damaged_is_wrong_use(tmp_path: Path) -> None:
    """Its public half is the certificate's, and what it signs is worth nothing."""
    whole = rsa_key().private_numbers()
    damaged = rsa.RSAPrivateNumbers(
        p=whole.p,
        q=whole.q,
        d=whole.d ^ 2,
        dmp1=whole.dmp1 ^ 2,
        dmq1=whole.dmq1 ^ 2,
        iqmp=whole.iqmp,
        public_numbers=whole.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)
    with pytest.raises(UsageError, match="no certificate that belongs"):
        load_certificate(written(tmp_path, key_pem(damaged) + certificate_pem(rsa_key())))


@pytest.mark.skipif(os.name != "posix", reason="this system has no file modes")
def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, key_pem(rsa_key()) + certificate_pem(rsa_key()), mode=0o640)
    with pytest.raises(UsageError) as caught:
        load_certificate(path)
    assert caught.value.code == "secret-file-open"


def test_a_missing_file_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="certificate_file"):
        load_certificate(tmp_path / "missing.pem")


def test_dates_are_checked_before_anything_is_sent(tmp_path: Path) -> None:
    found = load_certificate(written(tmp_path, key_pem(rsa_key()) + certificate_pem(rsa_key(), days=30)))
    require_valid(found, now=BEGIN)
    require_valid(found, now=BEGIN + timedelta(days=30))
    with pytest.raises(NoAccess, match=r"expired on 2026-01-31 .* clock says 2026-02-01") as caught:
        require_valid(found, now=BEGIN + timedelta(days=31))
    assert caught.value.code == "certificate-expired"
    with pytest.raises(NoAccess, match="is not valid before 2026-01-01"):
        require_valid(found, now=BEGIN - timedelta(seconds=1))


def pfx(password: bytes | None, *, chain: bool = True) -> bytes:
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        protection = serialization.BestAvailableEncryption(password)
    own, other = (x509.load_pem_x509_certificate(certificate_pem(key).encode()) for key in (rsa_key(), rsa_key(1)))
    return pkcs12.serialize_key_and_certificates(b"app", rsa_key(), own, [other] if chain else None, protection)


def saved(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "client.pfx"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("password", [None, b"p\xc3\xa9"])
def test_pkcs12_is_read_with_its_password_or_without_one(tmp_path: Path, password: bytes | None) -> None:
    asked: list[int] = []

    def give() -> Secret | None:
        asked.append(1)
        return Secret("pé")

    found = load_certificate(saved(tmp_path, pfx(password)), give)
    assert len(asked) == (password is not None), "nobody is asked for what is not needed"
    as_text = written(tmp_path, key_pem(rsa_key()) + found.certificate)
    assert load_certificate(as_text).thumbprint_sha256 == found.thumbprint_sha256
    assert found.private_key.private_numbers() == rsa_key().private_numbers()


def test_a_text_that_begins_as_asn1_does_is_a_text(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "0 s:CN=App\n"
        + key_pem(rsa_key())
        + certificate_pem(rsa_key())
        + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    assert load_certificate(path).private_key.private_numbers() == rsa_key().private_numbers()


def test_a_pem_key_is_read_with_its_password(tmp_path: Path) -> None:
    path = written(tmp_path, key_pem(rsa_key(), b"password") + certificate_pem(rsa_key()))
    found = load_certificate(path, lambda: Secret("password"))
    assert found.private_key.private_numbers() == rsa_key().private_numbers()


@pytest.mark.parametrize(
    ("data", "password", "why"),
    [
        (pfx(b"right"), None, "protected by a password"),
        (pfx(b"right"), "wrong-canary", "another one"),
        (pfx(None)[:-200], "wrong-canary", "damaged"),
        ((key_pem(rsa_key(), b"right") + certificate_pem(rsa_key())).encode(), "wrong-canary", "another one"),
    ],
)
def test_a_password_that_is_missing_or_wrong_is_wrong_use(
    tmp_path: Path, data: bytes, password: str | None, why: str
) -> None:
    path = saved(tmp_path, data)
    with pytest.raises(UsageError, match=why) as caught:
        load_certificate(path, lambda: Secret(password) if password else None)
    assert caught.value.code == "certificate-file"
    assert str(path) in caught.value.message
    assert "canary" not in str(caught.value)
    if password is None:
        assert "certificate_password_from" in caught.value.hint
