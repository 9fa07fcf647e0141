"""Keys, envelopes and trust: what signs, what is refused, and whose signature counts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import UsageError
from runbook_lib.signing.envelope import APPROVAL_TYPE, MANIFEST_TYPE, pre_authentication, read_envelope
from runbook_lib.signing.keys import PrivateKey, SigningKey, read_shown_key, read_signing_key
from runbook_lib.signing.signature import Signing, read_signature, signature_parts, signature_path
from runbook_lib.signing.trust import TrustedSigners, read_trusted_signers
from runbook_lib.strict_file import Unfit
from tests.support.signing import certificate_of, key_file, new_key, trust_folder

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
POSIX = pytest.mark.skipif(os.name != "posix", reason="no modes")
KINDS: dict[str, Callable[[], PrivateKey]] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
}


@pytest.fixture(scope="module")
def keys() -> dict[str, PrivateKey]:
    return {kind: make() for kind, make in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_verifies_what_each_kind_of_key_signs(kind: str, keys: dict[str, PrivateKey], tmp_path: Path) -> None:
    key = read_signing_key(key_file(tmp_path / "k.pem", keys[kind]), parameter="signing_key")
    message = pre_authentication(MANIFEST_TYPE, b"{}\n")
    signature = key.sign(message)
    assert key.shown.signed(signature, message)
    assert not key.shown.signed(signature, message + b"x")
    for name, data in (("pae", message), ("sig", signature), ("pub", key.shown.as_pem())):
        (tmp_path / name).write_bytes(data)
    command = "openssl pkeyutl -verify -rawin -pubin -inkey pub -in pae -sigfile sig"
    assert subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode == 0
    command = "openssl pkey -pubin -in pub -outform DER"
    der = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=True).stdout
    assert sha256(der).hexdigest() == key.shown.key_id
    assert read_shown_key(key.shown.as_pem()) == key.shown


def test_pre_authentication_is_that_of_the_protocol() -> None:
    # The test vector of DSSE, protocol.md.
    assert pre_authentication("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_signature_of_one_kind_of_file_is_none_of_another(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for suffix, part in signature_parts(Signing(new_key(tmp_path)), MANIFEST_TYPE, b"{}").items():
        signature_path(path, suffix).write_bytes(part)
    assert read_signature(path, b"{}", MANIFEST_TYPE) is not None
    for data, kind in ((b"{}", APPROVAL_TYPE), (b"{ }", MANIFEST_TYPE)):
        with pytest.raises(Unfit, match=r"is of another a\.json than this one"):
            read_signature(path, data, kind)


@given(drawn=st.data())
def test_every_altered_byte_of_a_signature_is_named(
    drawn: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("s")
    path = folder / "a.json"
    parts = signature_parts(Signing(_KEY), MANIFEST_TYPE, b'{"a": 1}\n')
    for suffix, part in parts.items():
        signature_path(path, suffix).write_bytes(part)
    suffix = drawn.draw(st.sampled_from(sorted(parts)))
    altered = bytearray(parts[suffix])
    at = drawn.draw(st.integers(0, len(altered) - 1))
    altered[at] ^= drawn.draw(st.integers(1, 255))
    signature_path(path, suffix).write_bytes(bytes(altered))
    with pytest.raises(Unfit, match=rf"a\{suffix}|a\.dsse"):
        read_signature(path, b'{"a": 1}\n', MANIFEST_TYPE)


def _made() -> SigningKey:
    from runbook_lib.signing.keys import ShownKey

    private = ed25519.Ed25519PrivateKey.generate()
    return SigningKey(private, ShownKey(private.public_key()))


_KEY = _made()


@pytest.mark.parametrize("missing", [".dsse", ".pem"])
def test_half_a_signature_is_none(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "a.json"
    for suffix, part in signature_parts(Signing(_KEY), MANIFEST_TYPE, b"{}").items():
        signature_path(path, suffix).write_bytes(part)
    signature_path(path, missing).unlink()
    with pytest.raises(Unfit, match=f"a{missing}: missing"):
        read_signature(path, b"{}", MANIFEST_TYPE)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"signatures": []}', b'{"payload": 1, "signatures": [1]}', b"\xff"]
)
def test_what_is_no_envelope_is_said(data: bytes) -> None:
    with pytest.raises(Unfit):
        read_envelope(data)


@POSIX
def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = key_file(tmp_path / "k.pem", ed25519.Ed25519PrivateKey.generate())
    path.chmod(0o640)
    with pytest.raises(UsageError) as caught:
        read_signing_key(path, parameter="signing_key")
    assert (caught.value.code, "chmod 600" in caught.value.hint) == ("secret-file-open", True)


def test_keys_that_do_not_sign_here(tmp_path: Path) -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the point
    curve = ec.generate_private_key(ec.SECP521R1())
    texts: dict[str, PrivateKey] = {
        "fewer than 2048 bits": small,
        "neither P-256 nor P-384": curve,
    }
    for why, key in texts.items():
        with pytest.raises(UsageError, match=why):
            read_signing_key(key_file(tmp_path / "k.pem", key), parameter="signing_key")
    path = key_file(tmp_path / "k.pem", ed25519.Ed25519PrivateKey.generate(), password=b"x")
    with pytest.raises(UsageError, match="protected by a password"):
        read_signing_key(path, parameter="signing_key")
    path.write_text("nothing")
    with pytest.raises(UsageError, match="no private key"):
        read_signing_key(path, parameter="signing_key")


def test_a_key_shows_itself_nowhere(tmp_path: Path) -> None:
    key = new_key(tmp_path)
    secret = key.private.private_bytes_raw() if isinstance(key.private, ed25519.Ed25519PrivateKey) else b""
    for shown in (repr(key), str(key), repr(Signing(key))):
        assert "private" not in shown
        assert secret.hex() not in shown


def test_trust_is_by_key_by_certificate_or_by_authority(tmp_path: Path, keys: dict[str, PrivateKey]) -> None:
    authority, leaf = certificate_of("Contoso CA", keys["p256"], NOW), None
    leaf = certificate_of("Anna Lindt", keys["p384"], NOW, issuer=(authority, keys["p256"]))
    stranger = certificate_of("Contoso CA", keys["rsa"], NOW)
    path = key_file(tmp_path / "anna.pem", keys["p384"], leaf)
    anna = read_signing_key(path, parameter="x").shown
    plain = new_key(tmp_path)
    folder = trust_folder(tmp_path, kim=plain.shown.as_pem(), ca=authority.public_bytes(serialization.Encoding.PEM))
    trusted = read_trusted_signers(folder, parameter="trusted_signers")
    assert trusted.name_of(plain.shown, NOW) == "kim"
    assert trusted.name_of(anna, NOW) == "CN=Anna Lindt (ca)"
    for at in (NOW - timedelta(days=3), NOW + timedelta(days=400)):
        assert trusted.name_of(anna, at) is None, at
    assert TrustedSigners(authorities={"ca": stranger}).name_of(anna, NOW) is None
    pinned = trust_folder(tmp_path / "b", anna=anna.as_pem())
    assert read_trusted_signers(pinned, parameter="x").name_of(anna, NOW) == "anna"
    for at in (NOW - timedelta(days=3), NOW + timedelta(days=400)):
        assert read_trusted_signers(pinned, parameter="x").name_of(anna, at) is None, at
    assert TrustedSigners().name_of(plain.shown, NOW) is None


def test_certificates_of_another_key_are_refused(tmp_path: Path, keys: dict[str, PrivateKey]) -> None:
    other = certificate_of("Anna", keys["p256"], NOW)
    with pytest.raises(UsageError, match="belong to another key"):
        read_signing_key(key_file(tmp_path / "k.pem", keys["ed25519"], other), parameter="signing_key")


def test_a_folder_of_trusted_signers_that_cannot_be_used(tmp_path: Path) -> None:
    key = new_key(tmp_path).shown.as_pem()
    folder = trust_folder(tmp_path, kim=key)

    def why() -> str:
        with pytest.raises(UsageError) as caught:
            read_trusted_signers(folder, parameter="trusted_signers")
        assert caught.value.code == "trusted-signers"
        return caught.value.message

    (folder / "ada.pem").write_bytes(key)
    assert "kim.pem holds the key of ada" in why()
    (folder / "ada.pem").write_text("x")
    assert "ada.pem is neither" in why()
    (folder / "ada.pem").unlink()
    if os.name == "posix":
        folder.chmod(0o770)
        assert "others may write" in why()
        folder.chmod(0o700)
        (folder / "kim.pem").chmod(0o666)
        assert "others may write" in why()
    (folder / "kim.pem").unlink()
    assert "no file" in why()
    folder.rmdir()
    assert "cannot be read" in why()


def test_the_name_in_a_certificate_is_not_what_signs(tmp_path: Path, keys: dict[str, PrivateKey]) -> None:
    """A certificate that somebody made for themselves with a trusted name."""
    forged = certificate_of("Anna Lindt", keys["rsa"], NOW)
    shown = read_signing_key(key_file(tmp_path / "f.pem", keys["rsa"], forged), parameter="x").shown
    authority = certificate_of("Contoso CA", keys["p256"], NOW)
    folder = trust_folder(tmp_path, ca=authority.public_bytes(serialization.Encoding.PEM))
    assert read_trusted_signers(folder, parameter="x").name_of(shown, NOW) is None
    assert forged.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "Anna Lindt"
    assert isinstance(forged.signature_hash_algorithm, hashes.SHA256)
    assert isinstance(forged, x509.Certificate)
