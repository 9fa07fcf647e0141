"""The files of one signature, beside the file that was signed: ``.dsse`` (envelope), ``.pem`` (key), ``.tsr`` (time).

Reading proves that the key in ``.pem`` signed exactly these bytes; whose key that is, ``trust`` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.model.text import t
from runbook_lib.signing.envelope import Envelope, pre_authentication, read_envelope
from runbook_lib.signing.keys import ShownKey, SigningKey, read_shown_key
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain

ENVELOPE, KEY, STAMP = ".dsse", ".pem", ".tsr"
SUFFIXES = (ENVELOPE, KEY, STAMP)


@dataclass(frozen=True, slots=True)
class Signing:
    """What signs.

    Attributes:
        key: The private key.
        stamp: Asks for a time stamp of an envelope's bytes and returns it, DER; None: none is wanted.
    """

    key: SigningKey
    stamp: Callable[[bytes], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature that fits its file.

    Attributes:
        shown: The key that made it.
        envelope: The bytes of the envelope, which a time stamp is of.
        stamp: The time stamp as it came, not looked at yet; None: there is none.
    """

    shown: ShownKey
    envelope: bytes
    stamp: bytes | None

    @property
    def parts(self) -> dict[str, bytes]:
        """Its files, by the endings of their names."""
        parts = {ENVELOPE: self.envelope, KEY: self.shown.as_pem()}
        return parts if self.stamp is None else {**parts, STAMP: self.stamp}


def signature_path(path: Path, suffix: str) -> Path:
    """Where the part ``suffix`` of the signature of ``path`` lies."""
    return path.with_suffix(suffix)


def signature_parts(signing: Signing, payload_type: str, data: bytes) -> dict[str, bytes]:
    """What lies beside a file with the bytes ``data`` when it is signed, by the endings of the names."""
    envelope = signed_envelope(signing.key, payload_type, data)
    stamp = signing.stamp(envelope) if signing.stamp is not None else None
    return Signature(signing.key.shown, envelope, stamp).parts


def signed_envelope(key: SigningKey, payload_type: str, payload: bytes) -> bytes:
    """The file of an envelope that this key signs."""
    signature = key.sign(pre_authentication(payload_type, payload))
    return Envelope(payload_type, payload, key.shown.key_id, signature).as_bytes()


def read_signature(path: Path, data: bytes, payload_type: str) -> Signature | None:
    """The signature beside a file; None where nothing of one is there.

    Args:
        path: The file.
        data: Its bytes as they were read.
        payload_type: What kind of file it is.

    Raises:
        Unfit: There is one that does not fit: of other bytes, of another key, altered, or a part of it is missing. The
            text begins with the name of the file.
    """
    parts = {suffix: _part(signature_path(path, suffix)) for suffix in SUFFIXES}
    envelope, key, stamp = (parts[suffix] for suffix in SUFFIXES)
    if envelope is None and key is None and stamp is None:
        return None
    for suffix, part in ((ENVELOPE, envelope), (KEY, key)):
        if part is None:
            raise Unfit(t("{name}: missing", name=signature_path(path, suffix).name))
    if envelope is None or key is None:  # for the type checker
        return None
    found, shown = _envelope(path, envelope), _key(path, key)
    name = signature_path(path, ENVELOPE).name
    if found.payload_type != payload_type or found.payload != data:
        raise Unfit(t("{name}: the signature is of another {file} than this one", name=name, file=path.name))
    if found.key_id != shown.key_id:
        raise Unfit(
            t("{name}: signed by another key than that of {key}", name=name, key=signature_path(path, KEY).name)
        )
    if not shown.signed(found.signature, found.signed_bytes):
        raise Unfit(t("{name}: the signature is forged: that key did not make it", name=name))
    return Signature(shown, envelope, stamp)


def _part(path: Path) -> bytes | None:
    try:
        return read_plain(path, largest=2 * LARGEST_PLAN).data
    except FileNotFoundError:
        return None
    except Unfit as unfit:
        raise Unfit(t("{name}: {why}", name=path.name, why=unfit.why)) from None


def _envelope(path: Path, data: bytes) -> Envelope:
    try:
        return read_envelope(data)
    except Unfit as unfit:
        raise Unfit(t("{name}: {why}", name=signature_path(path, ENVELOPE).name, why=unfit.why)) from None


def _key(path: Path, data: bytes) -> ShownKey:
    try:
        return read_shown_key(data)
    except Unfit as unfit:
        raise Unfit(t("{name}: {why}", name=signature_path(path, KEY).name, why=unfit.why)) from None
