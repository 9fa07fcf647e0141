"""What a service said, made fit to be quoted: one line, cut, and without anything that opens a door."""

from __future__ import annotations

import re
from collections.abc import Iterable

from runbook_lib.text import printable

# A JSON Web Token (access token or client assertion): three base64url parts, the first one a JSON object.
_JSON_WEB_TOKEN = re.compile(r"eyJ[A-Za-z0-9_=-]{5,}(?:\.[A-Za-z0-9_=-]*)*")
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


def scrubbed(text: str, secrets: Iterable[str] = (), *, limit: int = 200) -> str:
    """``text`` on one line, at most ``limit`` characters, without tokens, private keys and the given ``secrets``."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[redacted]")
    text = _KEY.sub("[redacted: private key]", text)
    return printable(_JSON_WEB_TOKEN.sub("[redacted: token]", text), limit=limit)
