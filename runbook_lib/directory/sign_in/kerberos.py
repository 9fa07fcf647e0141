"""Sign in by Kerberos: SASL mechanism GSSAPI (RFC 4752) inside TLS, bound to the server's certificate.

ldap3 2.9.1 has this too, but compares bytes with text where the server offers no security layer, which is what Active
Directory does inside TLS; and it keeps the reasons of failures to itself. TLS signs and encrypts, so no security layer
is asked for (Active Directory refuses a second one inside TLS).

The packages are an extra: gssapi on Linux and macOS (MIT or Heimdal), winkerberos on Windows, where the ticket is that
of the account that runs the program.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import os
import sys
from pathlib import Path
from typing import Any, Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from ldap3.protocol.sasl.sasl import send_sasl_negotiation

from runbook_lib.directory.errors import SUCCESS, bind_error
from runbook_lib.directory.sign_in.kerberos_errors import kerberos_error
from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.files import require_regular
from runbook_lib.model.text import NOTHING, t
from runbook_lib.model.untrusted import printable
from runbook_lib.secrets.sources import MALFORMED

_BIND_IN_PROGRESS = 14
"""LDAP result code saslBindInProgress (RFC 4511, 4.1.9)."""
_NO_LAYER = 1
"""Bit of the security layers that GSSAPI offers: none (RFC 4752, 3.3)."""
_NO_CI_FLAGS = "1.2.752.43.13.29"
"""GSS_KRB5_CRED_NO_CI_FLAGS_X of MIT Kerberos: asks for no signing or sealing, which TLS does here."""


class Negotiation(Protocol):
    """One security context of a client."""

    def step(self, token: bytes) -> bytes:
        """The next token for the server, given its last one (empty at first)."""

    @property
    def complete(self) -> bool:
        """Whether both sides know each other now."""

    def unwrap(self, message: bytes) -> bytes:
        """Contents of a message of the server, checked."""

    def wrap(self, message: bytes) -> bytes:
        """A message for the server, signed."""


def bind_kerberos(connection: Any, host: str, *, user: str, keytab: str) -> None:
    """Sign in over a connection that has TLS.

    Args:
        connection: An ldap3 connection with an SSL socket.
        host: Name in the service principal ``ldap/host``.
        user: Principal ``name@REALM``; empty: whose ticket or keytab it is.
        keytab: File with the account's keys; empty: the ticket cache, or KRB5_CLIENT_KTNAME.

    Raises:
        UsageError: ``kerberos-missing``: the extra is not installed; a keytab on Windows.
        NoAccess: ``bind-refused`` with the reason in words.
    """
    service = f"ldap@{host}"
    binding = channel_binding(connection.socket.getpeercert(binary_form=True))
    connection.sasl_mechanism = "GSSAPI"
    negotiation = _negotiation(service, binding, user=user, keytab=keytab)
    answer = _send(connection, negotiation.step(b""), user)
    while not negotiation.complete:
        # An empty token too: the server then sends its offer.
        answer = _send(connection, negotiation.step(answer), user)
    offer = negotiation.unwrap(answer)
    if len(offer) != 4 or not offer[0] & _NO_LAYER:
        raise NoAccess(
            t("{host} asks for signing or encryption of its own inside TLS, which is not supported here.", host=host),
            code="stronger-sign-in-required",
            hint=t('Set bind_method to "password".'),
            values={"host": host, "layers": offer.hex()},
        )
    # No layer, hence no buffer, and no other identity than the ticket's.
    _send(connection, negotiation.wrap(bytes([_NO_LAYER, 0, 0, 0])), user, last=True)


def principal(user: str) -> str:
    """``name@REALM`` with the realm in upper case, as Active Directory writes it; empty stays empty."""
    name, at, realm = user.rpartition("@")
    return f"{name}{at}{realm.upper()}"


def channel_binding(certificate: bytes) -> bytes:
    """The binding ``tls-server-end-point`` of a certificate (RFC 5929, section 4.1).

    The hash is that of the certificate's signature, SHA-256 in place of MD5 and SHA-1 or where it has none of its own.
    """
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    name = algorithm.name if algorithm is not None else "sha256"
    digest = hashlib.new("sha256" if name in ("md5", "sha1") else name.replace("-", "_"), certificate).digest()
    return b"tls-server-end-point:" + digest


def _send(connection: Any, token: bytes, user: str, *, last: bool = False) -> bytes:
    result = send_sasl_negotiation(connection, None, token)
    if result["result"] != (SUCCESS if last else _BIND_IN_PROGRESS):
        raise bind_error(result, user=user)
    return bytes(result.get("saslCreds") or b"")


def _negotiation(service: str, binding: bytes, *, user: str, keytab: str) -> Negotiation:
    windows = sys.platform == "win32"
    name = "winkerberos" if windows else "gssapi"
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        needs = t(
            " It is built on this machine: that takes a C compiler and the headers of Kerberos (Debian: gcc "
            "libkrb5-dev; Fedora: gcc krb5-devel)."
        )
        raise UsageError(
            t(
                "bind_method is kerberos, and the package {name} cannot be used: {error}.",
                name=name,
                error=printable(str(error), limit=200),
            ),
            code="kerberos-missing",
            hint=t(
                'In the project folder run: python -m pip install -e ".[kerberos]"{needs}',
                needs=NOTHING if windows else needs,
            ),
            values={"package": name},
        ) from None
    if windows:
        return WindowsNegotiation(module, service, binding, user=user, keytab=keytab)
    return GssapiNegotiation(module, service, binding, user=user, keytab=keytab)


class GssapiNegotiation:
    """By the package gssapi, on Linux and macOS."""

    def __init__(self, gssapi: Any, service: str, binding: bytes, *, user: str, keytab: str) -> None:
        self._gssapi = gssapi
        self._user = user
        self._service = service
        self._context = self._translated(lambda: self._begin(binding, keytab))

    def step(self, token: bytes) -> bytes:
        """See ``Negotiation``."""
        return self._translated(lambda: self._context.step(token or None)) or b""

    @property
    def complete(self) -> bool:
        """See ``Negotiation``."""
        return bool(self._context.complete)

    def unwrap(self, message: bytes) -> bytes:
        """See ``Negotiation``."""
        return bytes(self._translated(lambda: self._context.unwrap(message)).message)

    def wrap(self, message: bytes) -> bytes:
        """See ``Negotiation``."""
        return bytes(self._translated(lambda: self._context.wrap(message, False)).message)

    def _begin(self, binding: bytes, keytab: str) -> Any:
        gssapi = self._gssapi
        name = gssapi.Name(self._user, gssapi.NameType.kerberos_principal) if self._user else None
        store = None
        if keytab:
            _require_private(Path(keytab))
            # Tickets of a keytab stay in this process, apart from those of whoever is signed in here.
            cache = hashlib.sha256(f"{self._user}\n{keytab}".encode()).hexdigest()[:16]
            store = {"client_keytab": f"FILE:{keytab}", "ccache": f"MEMORY:gwb-{cache}"}
        credentials = gssapi.Credentials(name=name, usage="initiate", store=store)
        self._without_signing(credentials)
        return gssapi.SecurityContext(
            name=gssapi.Name(self._service, gssapi.NameType.hostbased_service),
            mech=gssapi.MechType.kerberos,
            creds=credentials,
            usage="initiate",
            flags=gssapi.RequirementFlag.mutual_authentication | gssapi.RequirementFlag.out_of_sequence_detection,
            channel_bindings=gssapi.raw.ChannelBindings(application_data=binding),
        )

    def _without_signing(self, credentials: Any) -> None:
        """Where the library can, ask for neither signing nor sealing: Active Directory refuses both inside TLS."""
        raw = self._gssapi.raw
        if hasattr(raw, "set_cred_option"):
            try:
                raw.set_cred_option(raw.OID.from_int_seq(_NO_CI_FLAGS), credentials)
            except self._gssapi.exceptions.GSSError:
                # A library without this option (Heimdal) does not ask for them by itself either.
                return

    def _translated(self, action: Any) -> Any:
        """What ``action`` returns; GSS-API errors in words."""
        try:
            return action()
        except self._gssapi.exceptions.GSSError as error:
            said = " ".join(str(error).split())
            raise kerberos_error(
                major=int(error.maj_code),
                minor=int(error.min_code),
                said=said,
                user=self._user,
                service=self._service,
            ) from None


class WindowsNegotiation:
    """By the package winkerberos: the ticket is that of the account that runs this program."""

    def __init__(self, winkerberos: Any, service: str, binding: bytes, *, user: str, keytab: str) -> None:
        if keytab or user:
            what = "kerberos_keytab" if keytab else "bind_user"
            raise UsageError(
                t(
                    "With Kerberos on Windows {what} stays empty: the account that runs this program signs in.",
                    what=what,
                ),
                code="kerberos-own-account",
                hint=t("Run the program as the account that is to write, for example as a scheduled task of it."),
                values={"parameter": what},
            )
        self._module = winkerberos
        self._service = service
        self._binding = winkerberos.channelBindings(application_data=binding)
        self.complete = False
        flags = ("GSS_C_MUTUAL_FLAG", "GSS_C_SEQUENCE_FLAG", "GSS_C_INTEG_FLAG", "GSS_C_CONF_FLAG")
        asked = sum(getattr(winkerberos, flag) for flag in flags)
        self._context = self._translated(lambda: winkerberos.authGSSClientInit(service, gssflags=asked))[1]

    def step(self, token: bytes) -> bytes:
        """See ``Negotiation``."""
        module = self._module
        given = base64.b64encode(token).decode("ascii")
        status = self._translated(
            lambda: module.authGSSClientStep(self._context, given, channel_bindings=self._binding)
        )
        self.complete = status == module.AUTH_GSS_COMPLETE
        return self._response()

    def unwrap(self, message: bytes) -> bytes:
        """See ``Negotiation``."""
        given = base64.b64encode(message).decode("ascii")
        self._translated(lambda: self._module.authGSSClientUnwrap(self._context, given))
        return self._response()

    def wrap(self, message: bytes) -> bytes:
        """See ``Negotiation``."""
        given = base64.b64encode(message).decode("ascii")
        self._translated(lambda: self._module.authGSSClientWrap(self._context, given))
        return self._response()

    def _response(self) -> bytes:
        return base64.b64decode(self._module.authGSSClientResponse(self._context) or "")

    def _translated(self, action: Any) -> Any:
        try:
            return action()
        except self._module.GSSError as error:
            raise kerberos_error(major=0, minor=0, said=str(error), user="", service=self._service) from None


def _require_private(path: Path) -> None:
    """A keytab is a password: only its owner may read it."""
    try:
        require_regular(path)
        mode = path.stat().st_mode
        with path.open("rb") as stream:
            begins = stream.read(2)
    except OSError as error:
        raise UsageError(
            t("The keytab {path} cannot be read: {error_strerror}.", path=path, error_strerror=error.strerror),
            code="secret-file-unreadable",
            hint=t("Check the parameter kerberos_keytab."),
            values={"path": str(path), "parameter": "kerberos_keytab"},
        ) from None
    if os.name == "posix" and mode & 0o077:
        raise UsageError(
            t("The keytab {path} can be read by other accounts (mode {mode:04o}).", path=path, mode=mode & 4095),
            code="secret-file-open",
            hint=t("Run: chmod 600 {path}", path=path),
            values={"path": str(path), "parameter": "kerberos_keytab"},
        )
    if begins not in _KEYTAB_BEGINS:
        raise UsageError(
            t("The file {path} is no keytab: it does not begin as one, or a text editor saved it.", path=path),
            code=MALFORMED,
            hint=t("Make it anew with ktpass, ktutil or samba-tool, and copy it as it is."),
            values={"path": str(path), "parameter": "kerberos_keytab"},
        )


_KEYTAB_BEGINS = (b"\x05\x01", b"\x05\x02")
"""MIT Kerberos documentation, "Keytab file format"."""
