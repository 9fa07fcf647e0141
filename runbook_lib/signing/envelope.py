"""DSSE v1, the envelope of a signature: https://github.com/secure-systems-lab/dsse (protocol.md, envelope.md). Pure.

What is signed is not the file alone but its type and length before it ("PAE"), so that a signature of one kind of file
never counts for another.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from runbook_lib.model.text import t
from runbook_lib.strict_file import Unfit, strict_json, whole_text

MANIFEST_TYPE = "application/vnd.group-writeback.manifest+json"
APPROVAL_TYPE = "application/vnd.group-writeback.approval+json"
SEALED_RUNS_TYPE = "application/vnd.group-writeback.sealed-runs+json"
_KEY_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What one envelope holds.

    Attributes:
        payload_type: Type of the file that was signed.
        payload: Its bytes.
        key_id: SHA-256 of the signer's public key (SubjectPublicKeyInfo, DER), hexadecimal.
        signature: Over ``signed_bytes``.
    """

    payload_type: str
    payload: bytes
    key_id: str
    signature: bytes

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        return pre_authentication(self.payload_type, self.payload)

    def as_bytes(self) -> bytes:
        """The file: indented JSON with one signature; the same envelope gives the same bytes."""
        content = {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": self.key_id, "sig": base64.b64encode(self.signature).decode()}],
        }
        return whole_text(content)


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """The "pre-authentication encoding" of DSSE: ``DSSEv1 <length> <type> <length> <payload>``, lengths in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def read_envelope(data: bytes) -> Envelope:
    """The envelope that ``Envelope.as_bytes`` wrote.

    Raises:
        Unfit: Any byte of it is otherwise. DSSE allows more (several signatures, base64 for addresses); what this
            product did not write proves nothing here.
    """
    content = strict_json(data)
    try:
        [signature] = content["signatures"]
        found = Envelope(
            _text(content["payloadType"]),
            base64.b64decode(_text(content["payload"]), validate=True),
            _text(signature["keyid"]),
            base64.b64decode(_text(signature["sig"]), validate=True),
        )
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise Unfit(t("it is no DSSE envelope with one signature")) from None
    if not _KEY_ID.fullmatch(found.key_id) or found.as_bytes() != data:
        raise Unfit(t("it was changed after it was written"))
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
