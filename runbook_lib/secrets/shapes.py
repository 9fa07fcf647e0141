"""Names and values that look like secrets: a parameter is stored in clear in every record, so none may be one."""

from __future__ import annotations

import re

_SECRET_NAME = re.compile(
    r"password|passwd|passphrase|pwd|secret|token|credential|private_?key|api_?key|access_?key|shared_?key",
    re.IGNORECASE,
)

_SECRET_VALUES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a private key", re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")),
    ("a JSON web token", re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.")),
    ("a bearer token", re.compile(r"\bBearer\s+[A-Za-z0-9._~+/-]{16,}", re.IGNORECASE)),
    # Three characters, a digit, "Q~", 31 to 34 characters: client secrets as Microsoft Entra ID issues them.
    ("a client secret", re.compile(r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}")),
    ("a password", re.compile(r"\b(?:password|passwd|pwd|client_?secret|secret)\s*[=:]\s*\S+", re.IGNORECASE)),
    ("a shared access signature", re.compile(r"[?&]sig=[A-Za-z0-9%+/]{16,}", re.IGNORECASE)),
    ("a password in an address", re.compile(r"[a-z][a-z0-9+.-]{0,30}://[^\s/@:]*:[^\s/@]+@", re.IGNORECASE)),
)


def is_secret_name(name: str) -> bool:
    """Whether a parameter of this name would hold a secret. Ask only about names that the model does not know."""
    return _SECRET_NAME.search(name) is not None


def secret_shape(text: str) -> str | None:
    """What kind of secret is in ``text``, in words (``"a private key"``), or None."""
    return next((kind for kind, pattern in _SECRET_VALUES if pattern.search(text)), None)


# A JSON Web Token (access token or client assertion): a JSON object in base64url, and what is left of the other parts.
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_=-]{5,}(?:\.[A-Za-z0-9_=-]*)*")
_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL)


def without_secret_shapes(text: str) -> str:
    """``text`` with everything that looks like a secret replaced by its kind."""
    text = _KEY.sub("[redacted: private key]", text)
    text = _TOKEN.sub("[redacted: token]", text)
    for kind, pattern in _SECRET_VALUES:
        if kind != "a private key":
            text = pattern.sub(f"[redacted: {kind}]", text)
    return text
