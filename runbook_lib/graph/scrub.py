"""What a service said, made fit to be quoted: one line, cut, and without anything that opens a door."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from runbook_lib.text import printable

# A JSON Web Token (access token or client assertion): three base64url parts, the first one a JSON object.
_JSON_WEB_TOKEN = re.compile(r"eyJ[A-Za-z0-9_=-]{5,}(?:\.[A-Za-z0-9_=-]*)*")
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


def scrubbed(text: str, secrets: Iterable[str] = (), *, limit: int = 200) -> str:
    """``text`` on one line, at most ``limit`` characters, without tokens, private keys and the given ``secrets``."""
    for secret in filter(None, secrets):
        # As it is, and as a form or an address spells it.
        for form in (secret, quote_plus(secret), quote(secret, safe="")):
            text = text.replace(form, "[redacted]")
    text = _KEY.sub("[redacted: private key]", text)
    return printable(_JSON_WEB_TOKEN.sub("[redacted: token]", text), limit=limit)
