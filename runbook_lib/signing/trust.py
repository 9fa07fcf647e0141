"""Whose signatures count: a folder with one PEM file for each person, host or certification authority.

The name of a file is the name of its signer: ``anna.lindt.pem``. A file with a public key or a certificate of a key
trusts that key. A file with the certificate of an authority trusts every certificate that it issued, each by its own
name. Whether a certificate was revoked is not asked: take a person out by removing the file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509 import verification

from runbook_lib.errors import UsageError
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.secrets.sources import LARGEST_PEM, secret_shape
from runbook_lib.signing.keys import ShownKey, shown_key_in
from runbook_lib.strict_file import Unfit, read_plain

SUFFIX = ".pem"


@dataclass(frozen=True, slots=True)
class TrustedSigners:
    """Key ids with the names of their signers, and authorities with theirs."""

    names: Mapping[str, str] = field(default_factory=dict)
    authorities: Mapping[str, x509.Certificate] = field(default_factory=dict)

    def name_of(self, shown: ShownKey, at: datetime) -> str | None:
        """Who has this key; None where nobody here vouches for it.

        Args:
            shown: The key as it stands beside a signature.
            at: When it signed: a certificate has to be valid then.
        """
        if shown.certificates and not _valid(shown.certificates[0], at):
            return None
        if (name := self.names.get(shown.key_id)) is not None:
            return name
        if not shown.certificates:
            return None
        leaf, *between = shown.certificates
        for authority, certificate in self.authorities.items():
            if _issued(certificate, leaf, between, at):
                return f"{leaf.subject.rfc4514_string()} ({authority})"
        return None


def read_trusted_signers(folder: Path, *, parameter: str) -> TrustedSigners:
    """The signers of a folder.

    Raises:
        UsageError: ``trusted-signers``: no such folder, no file in it, a file without a key; or others than its owner
            may write there, who then could trust themselves.
    """
    names: dict[str, str] = {}
    authorities: dict[str, x509.Certificate] = {}
    try:
        _require_own(folder, folder, parameter)
        paths = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)
    except OSError as error:
        why = t("it cannot be read ({strerror})", strerror=error.strerror or type(error).__name__)
        raise _unusable(folder, parameter, why) from None
    if not paths:
        raise _unusable(folder, parameter, t("it holds no file with the ending {suffix}", suffix=SUFFIX))
    for path in paths:
        _require_own(folder, path, parameter)
        try:
            text = read_plain(path, largest=LARGEST_PEM).data.decode("ascii", "replace")
        except (FileNotFoundError, Unfit) as unfit:
            raise _unusable(folder, parameter, t("{name}: {why}", name=path.name, why=str(unfit))) from None
        shown = shown_key_in(text)
        if shown is None or secret_shape(text):
            raise _unusable(
                folder, parameter, t("{name} is neither one public key nor one certificate", name=printable(path.name))
            )
        if shown.certificates and _is_authority(shown.certificates[0]):
            authorities[path.stem] = shown.certificates[0]
        elif (other := names.setdefault(shown.key_id, path.stem)) != path.stem:
            why = t("{name} holds the key of {other}", name=printable(path.name), other=printable(other))
            raise _unusable(folder, parameter, why)
    return TrustedSigners(names, authorities)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, ValueError):
        return False


def _valid(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _issued(authority: x509.Certificate, leaf: x509.Certificate, between: list[x509.Certificate], at: datetime) -> bool:
    """Whether a path leads from the certificate to the authority (RFC 5280, 6) and the key may sign."""
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        usage = None
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        return False
    builder = (
        verification.PolicyBuilder()
        .store(verification.Store([authority]))
        .time(at)
        # A signer's certificate has no host name, and its extended key usage is the issuer's own affair.
        .extension_policies(
            ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(),
            ee_policy=verification.ExtensionPolicy.permit_all(),
        )
    )
    try:
        builder.build_client_verifier().verify(leaf, between)
    except (verification.VerificationError, ValueError):
        return False
    return True


def _require_own(folder: Path, path: Path, parameter: str) -> None:
    mode = path.stat().st_mode
    # In a folder with the sticky bit others cannot replace a file, but they can add one.
    if os.name == "posix" and mode & (stat.S_IWGRP | stat.S_IWOTH):
        why = t("others may write to {path} (mode {mode:04o})", path=path, mode=stat.S_IMODE(mode))
        raise _unusable(folder, parameter, why)


def _unusable(folder: Path, parameter: str, why: Text) -> UsageError:
    return UsageError(
        t("The folder of trusted signers {folder} cannot be used: {why}.", folder=folder, why=why),
        code="trusted-signers",
        hint=t(
            "{parameter} names a folder that only its owner writes to, with one file NAME.pem for each signer: a "
            "public key (openssl pkey -pubout) or a certificate.",
            parameter=parameter,
        ),
        values={"path": str(folder), "parameter": parameter},
    )
