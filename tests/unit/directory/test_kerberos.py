"""Kerberos without a realm: the exchange of RFC 4752 with both packages imitated, and every failure in words.

What the packages really do is tried in the lane samba.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from rehearsal.certificates import make_certificates, utc_now
from runbook_lib.directory.sign_in import kerberos
from runbook_lib.directory.sign_in.connect import needed
from runbook_lib.directory.sign_in.kerberos import bind_kerberos, channel_binding, principal
from runbook_lib.directory.sign_in.kerberos_errors import kerberos_error
from runbook_lib.errors import NoAccess, RunbookError, UsageError
from runbook_lib.parameters.model import Parameters

CERTIFICATE = x509.load_pem_x509_certificate(make_certificates(utc_now()).ca_pem).public_bytes(
    serialization.Encoding.DER
)
BASE = 2**32 - 1765328384


class GssError(Exception):
    """GSSError of both packages."""

    def __init__(self, major: int = 0, minor: int = 0, text: str = "library text") -> None:
        super().__init__(text)
        self.maj_code, self.min_code = major, minor


class Context:
    """A security context: two tokens, then signed messages."""

    complete = False

    def __init__(self, **told: Any) -> None:
        self.told = told

    def step(self, token: bytes | None) -> bytes | None:
        self.complete = token == b"server-1"
        return None if self.complete else b"client-1"

    def unwrap(self, message: bytes) -> Any:
        assert message.startswith(b"signed:")
        return SimpleNamespace(message=message.removeprefix(b"signed:"))

    def wrap(self, message: bytes, encrypt: bool) -> Any:
        assert not encrypt
        return SimpleNamespace(message=b"signed:" + message)


class Gssapi(SimpleNamespace):
    """The package gssapi."""

    def __init__(self, *, fails: GssError | None = None) -> None:
        self.contexts: list[Context] = []
        self.credentials: list[dict[str, Any]] = []
        self.options: list[object] = []

        def credentials(**told: Any) -> str:
            if fails:
                raise fails
            self.credentials.append(told)
            return "credentials"

        def context(**told: Any) -> Context:
            self.contexts.append(Context(**told))
            return self.contexts[-1]

        super().__init__(
            Name=lambda text, kind: (kind, text),
            NameType=SimpleNamespace(kerberos_principal="principal", hostbased_service="service"),
            MechType=SimpleNamespace(kerberos="kerberos"),
            RequirementFlag=SimpleNamespace(mutual_authentication=2, out_of_sequence_detection=8),
            Credentials=credentials,
            SecurityContext=context,
            exceptions=SimpleNamespace(GSSError=GssError),
            raw=SimpleNamespace(
                ChannelBindings=lambda application_data: application_data,
                OID=SimpleNamespace(from_int_seq=str),
                set_cred_option=lambda oid, _credentials: self.options.append(oid),
            ),
        )


class Server:
    """The other end: what it is sent, and what it answers."""

    def __init__(self, offer: bytes = b"\x01\x00\x00\x00", final: int = 0) -> None:
        self.sent: list[bytes] = []
        answers = [(14, b"server-1"), (14, b"signed:" + offer), (final, b"")]
        self.answers = iter(answers)
        self.socket = SimpleNamespace(getpeercert=lambda binary_form: CERTIFICATE if binary_form else b"")
        self.sasl_mechanism = ""

    def answer(self, _connection: object, _controls: object, token: bytes) -> dict[str, Any]:
        self.sent.append(token)
        code, credentials = next(self.answers)
        return {"result": code, "message": "80090346: LdapErr: DSID-0", "saslCreds": credentials}


def _bind(monkeypatch: pytest.MonkeyPatch, module: Any, server: Server, *, user: str = "", keytab: str = "") -> Server:
    monkeypatch.setattr(kerberos, "send_sasl_negotiation", server.answer)
    monkeypatch.setattr(importlib, "import_module", lambda _name: module)
    bind_kerberos(server, "dc1.contoso.com", user=user, keytab=keytab)
    return server


@pytest.fixture
def posix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")


def test_the_exchange(monkeypatch: pytest.MonkeyPatch, posix: None) -> None:
    module = Gssapi()
    server = _bind(monkeypatch, module, Server(), user="svc-gwb@CONTOSO.COM")
    assert server.sent == [b"client-1", b"", b"signed:\x01\x00\x00\x00"]
    assert server.sasl_mechanism == "GSSAPI"
    told = module.contexts[0].told
    assert told["name"] == ("service", "ldap@dc1.contoso.com")
    assert told["flags"] == 10
    assert told["channel_bindings"] == channel_binding(CERTIFICATE)
    assert module.credentials == [{"name": ("principal", "svc-gwb@CONTOSO.COM"), "usage": "initiate", "store": None}]
    assert module.options == ["1.2.752.43.13.29"]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes with names")
def test_a_keytab_that_is_a_pipe_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, posix: None, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UsageError, match="not a regular file"):
        _bind(monkeypatch, Gssapi(), Server(), keytab=str(tmp_path / "pipe"))


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files")
@pytest.mark.parametrize(
    "data", [b"", b"password", b"\xef\xbb\xbf\x05\x02", b"\xff\xfe\x05\x00\x02\x00", b"\x05\x0d\x0a"]
)
def test_a_keytab_that_is_another_file_is_said_as_that(
    monkeypatch: pytest.MonkeyPatch, posix: None, tmp_path: Path, data: bytes
) -> None:
    keytab = tmp_path / "writer.keytab"
    keytab.write_bytes(data)
    keytab.chmod(0o600)
    with pytest.raises(UsageError, match="is no keytab") as caught:
        _bind(monkeypatch, Gssapi(), Server(), keytab=str(keytab))
    assert caught.value.code == "secret-malformed"


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files")
def test_a_keytab_has_tickets_of_its_own(monkeypatch: pytest.MonkeyPatch, posix: None, tmp_path: Path) -> None:
    module, keytab = Gssapi(), tmp_path / "writer.keytab"
    keytab.write_bytes(b"\x05\x02keys")
    keytab.chmod(0o600)
    _bind(monkeypatch, module, Server(), keytab=str(keytab))
    store = module.credentials[0]["store"]
    assert store["client_keytab"] == f"FILE:{keytab}"
    assert store["ccache"].startswith("MEMORY:")
    keytab.chmod(0o640)
    with pytest.raises(UsageError) as caught:
        _bind(monkeypatch, module, Server(), keytab=str(keytab))
    assert caught.value.code == "secret-file-open"


@pytest.mark.parametrize("offer", [b"\x06\x00\x00\x00", b"\x00\x00\x00\x00", b"\x01", b""])
def test_a_server_that_wants_a_layer_of_its_own(monkeypatch: pytest.MonkeyPatch, posix: None, offer: bytes) -> None:
    with pytest.raises(NoAccess) as caught:
        _bind(monkeypatch, Gssapi(), Server(offer))
    assert caught.value.code == "stronger-sign-in-required"


def test_channel_binding_refused_by_the_server_is_said_in_words(monkeypatch: pytest.MonkeyPatch, posix: None) -> None:
    with pytest.raises(NoAccess) as caught:
        _bind(monkeypatch, Gssapi(), Server(final=49))
    assert (caught.value.code, caught.value.values["reason"]) == ("bind-refused", "channel-binding")
    assert "channel binding" in caught.value.message


class WinKerberos:
    """The package winkerberos."""

    GSSError = GssError
    AUTH_GSS_COMPLETE = 1
    GSS_C_MUTUAL_FLAG, GSS_C_SEQUENCE_FLAG, GSS_C_INTEG_FLAG, GSS_C_CONF_FLAG = 2, 8, 32, 16

    def __init__(self) -> None:
        self.context = Context()
        self.answer = ""
        self.bindings: list[bytes] = []

    def channelBindings(self, application_data: bytes) -> bytes:  # noqa: N802 - its name
        return application_data

    def authGSSClientInit(self, service: str, gssflags: int) -> tuple[int, object]:  # noqa: N802
        assert (service, gssflags) == ("ldap@dc1.contoso.com", 58)
        return 1, self.context

    def authGSSClientStep(self, context: Context, text: str, channel_bindings: bytes) -> int:  # noqa: N802
        self.bindings.append(channel_bindings)
        self._say(context.step(base64.b64decode(text)))
        return int(context.complete)

    def authGSSClientUnwrap(self, context: Context, text: str) -> None:  # noqa: N802
        self._say(context.unwrap(base64.b64decode(text)).message)

    def authGSSClientWrap(self, context: Context, text: str) -> None:  # noqa: N802
        self._say(context.wrap(base64.b64decode(text), False).message)

    def authGSSClientResponse(self, _context: Context) -> str:  # noqa: N802
        return self.answer

    def _say(self, token: bytes | None) -> None:
        self.answer = base64.b64encode(token or b"").decode()


def test_the_exchange_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    module = WinKerberos()
    server = _bind(monkeypatch, module, Server())
    assert server.sent == [b"client-1", b"", b"signed:\x01\x00\x00\x00"]
    assert set(module.bindings) == {channel_binding(CERTIFICATE)}
    for given in ({"user": "svc-gwb@CONTOSO.COM"}, {"keytab": "C:\\k"}):
        with pytest.raises(UsageError) as caught:
            _bind(monkeypatch, module, Server(), **given)
        assert caught.value.code == "kerberos-own-account"


@pytest.mark.parametrize(("platform", "package"), [("linux", "gssapi"), ("darwin", "gssapi"), ("win32", "winkerberos")])
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, platform: str, package: str) -> None:
    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UsageError) as caught:
        bind_kerberos(Server(), "dc1", user="", keytab="")
    assert (caught.value.code, caught.value.values["package"]) == ("kerberos-missing", package)
    assert 'python -m pip install -e ".[kerberos]"' in caught.value.hint


_NUMBERS = [
    (1, "account-expired"),
    (6, "account-unknown"),
    (7, "service-unknown"),
    (12, "logon-restricted"),
    (14, "no-common-encryption"),
    (18, "account-revoked"),
    (23, "password-expired"),
    (24, "wrong-password"),
    (32, "ticket-expired"),
    (37, "clock-skew"),
    (41, "service-mismatch"),
    (148, "clock-skew"),
    (156, "kdc-unreachable"),
    (181, "keytab"),
    (195, "no-ticket"),
    (224, "realm-unknown"),
]


@pytest.mark.parametrize(("number", "reason"), _NUMBERS)
def test_reasons_are_told_apart(monkeypatch: pytest.MonkeyPatch, posix: None, number: int, reason: str) -> None:
    for minor in (BASE + number, BASE + number - 2**32):
        with pytest.raises(RunbookError) as caught:
            _bind(monkeypatch, Gssapi(fails=GssError(13 << 16, minor)), Server(), user="a@B")
        error = caught.value
        assert (type(error), error.code, error.values["reason"]) == (NoAccess, "bind-refused", reason)
        assert "library text" in error.message
        assert "a@B" in error.message
        assert error.hint


@pytest.mark.parametrize(
    ("major", "reason"),
    [(7 << 16, "no-ticket"), (11 << 16, "ticket-expired"), (4 << 16, "channel-binding"), (13 << 16, "kerberos")],
)
def test_reasons_that_only_the_major_code_tells(major: int, reason: str) -> None:
    error = kerberos_error(major=major, minor=39756044, said="\x1b[31mx", user="", service="ldap@dc1")
    assert error.values["reason"] == reason
    assert "\x1b" not in error.message


def _certificate(algorithm: Any) -> bytes:
    key: Any = rsa.generate_private_key(65537, 2048) if algorithm else ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dc1")])
    now = utc_now()
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now)
    return made.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("algorithm", "used"),
    [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512"), (None, "sha256")],
)
def test_the_binding_takes_the_hash_of_the_signature(algorithm: hashes.HashAlgorithm | None, used: str) -> None:
    certificate = _certificate(algorithm)
    assert channel_binding(certificate) == b"tls-server-end-point:" + hashlib.new(used, certificate).digest()


def test_principals_and_what_is_needed() -> None:
    assert principal("svc-gwb@contoso.com") == "svc-gwb@CONTOSO.COM"
    assert principal("") == ""
    assert needed(Parameters.model_validate({})) == ("dc_host", "bind_user")
    assert needed(Parameters.model_validate({"bind_method": "kerberos"})) == ("dc_host",)
