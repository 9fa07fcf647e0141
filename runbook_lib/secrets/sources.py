"""Where secrets come from, what they look like, and how they are kept out of text.

A parameter is stored in clear in every record, so none may look like a secret.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from unicodedata import category
from urllib.parse import quote, quote_plus

from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.model.text import NOTHING, Text, t, verbatim
from runbook_lib.model.untrusted import character_name, printable, unseen

_SECRET_NAME = re.compile(
    r"password|passwd|passphrase|pwd|secret|token|credential|private_?key|api_?key|access_?key|shared_?key",
    re.IGNORECASE,
)

_PRIVATE_KEY = t("a private key")
_SECRET_VALUES: tuple[tuple[Text, re.Pattern[str]], ...] = (
    (_PRIVATE_KEY, re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")),
    (t("a JSON web token"), re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.")),
    (t("a bearer token"), re.compile(r"\bBearer\s+[A-Za-z0-9._~+/-]{16,}", re.IGNORECASE)),
    # Three characters, a digit, "Q~", 31 to 34 characters: client secrets as Microsoft Entra ID issues them.
    (t("a client secret"), re.compile(r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}")),
    (t("a password"), re.compile(r"\b(?:password|passwd|pwd|client_?secret|secret)\s*[=:]\s*\S+", re.IGNORECASE)),
    (t("a shared access signature"), re.compile(r"[?&]sig=[A-Za-z0-9%+/]{16,}", re.IGNORECASE)),
    (t("a password in an address"), re.compile(r"[a-z][a-z0-9+.-]{0,30}://[^\s/@:]*:[^\s/@]+@", re.IGNORECASE)),
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
        if kind != _PRIVATE_KEY:
            text = pattern.sub(f"[redacted: {kind}]", text)
    return text


class Secret:
    """A value that never shows itself: ``repr``, ``str``, formatting, pickling and HTML all hide it."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value, for the one call that needs it."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(••••)"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        return "Secret(••••)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not written anywhere")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash((Secret, self.__value))


LARGEST_SECRET = 4_096
"""Bytes of a password or client secret; something longer is another file."""
LARGEST_TOKEN = 65_536
"""Bytes of a file with a token: one with many claims is larger than a password."""
LARGEST_PEM = 1_000_000
"""Bytes of a file with certificates and keys."""
_LINE_ENDS = "\r\n"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
"""Byte order marks that say how a file is to be read: Windows PowerShell 5.1 writes the first two."""


def secret_file(path: Path, *, parameter: str) -> Secret:
    """The one password in a file that only its owner may read, without byte order mark and line ends around it.

    Raises:
        UsageError: The file is missing, empty, no regular file, other accounts can read it (checked where the system
            has modes), or what it holds cannot be a password: sending that would count towards a lock-out.
    """
    place = {"path": str(path), "parameter": parameter}
    text = _private_text(path, parameter, LARGEST_SECRET).strip(_LINE_ENDS)
    if not text:
        raise UsageError(
            t("The secret file {path} is empty.", path=path),
            code="secret-file-empty",
            hint=t("Check the parameter {parameter}.", parameter=parameter),
            values=place,
        )
    if why := impossible(text):
        raise UsageError(
            t("The secret file {path} {why}.", path=path, why=why),
            code=MALFORMED,
            hint=t("Nothing was sent. Write the file anew as UTF-8 text that holds the password alone, on one line."),
            values=place,
        )
    return Secret(text)


def private_file(path: Path, *, parameter: str) -> bytes:
    """The contents of a file with certificates and keys that only its owner may read.

    Raises:
        UsageError: As ``secret_file``.
    """
    return _private_bytes(path, parameter, LARGEST_PEM, shared=False)


def pem_file(path: Path, *, parameter: str) -> Secret:
    """The text of a file with certificates and keys that only its owner may read; line ends are line feeds.

    Raises:
        UsageError: As ``secret_file``.
    """
    return as_pem(private_file(path, parameter=parameter), path, parameter=parameter)


def as_pem(data: bytes, path: Path, *, parameter: str) -> Secret:
    """The text in the contents of such a file.

    Raises:
        UsageError: It is no text.
    """
    text = _decoded(data, path, parameter, shared=False)
    if "\0" in text:
        raise UsageError(
            t(
                "The secret file {path} {problem}.",
                path=path,
                problem=_UTF16 if _is_wide(text[:100]) else t("holds NUL bytes"),
            ),
            code=MALFORMED,
            hint=t("Save it as UTF-8 or ASCII text."),
            values={"path": str(path), "parameter": parameter},
        )
    return Secret(text.replace("\r\n", "\n").replace("\r", "\n"))


def token_file(path: Path, *, named_by: str) -> Secret:
    """The short-lived token in a file that whoever runs the workload keeps, without line ends around it.

    Other accounts may read it: Kubernetes projects it with mode 644, and it is not ours to change.

    Raises:
        UsageError: The file is missing, too large, no regular file or no text (``secret-file-unreadable``).
    """
    return Secret(without_marks(_private_text(path, named_by, LARGEST_TOKEN, shared=True)))


def secret_variable(name: str, environment: Mapping[str, str], *, what: Text, otherwise: Text = NOTHING) -> Secret:
    """The value of an environment variable, without byte order mark and line ends around it.

    Args:
        what: What it holds, in words.
        otherwise: The other ways to give it, as the rest of a sentence.

    Raises:
        NoAccess: It is not set or empty, or its value cannot be a password.
    """
    value = without_marks(environment.get(name, ""))
    if not value:
        raise NoAccess(
            t("No {what}: the environment variable {name} is not set.", what=what, name=name),
            code="secret-missing",
            hint=t("Set {name} for this process, never in a parameter{otherwise}.", name=name, otherwise=otherwise),
            values={"variable": name},
        )
    if why := impossible(value):
        raise NoAccess(
            t("The environment variable {name} {why}, so it cannot be the {what}.", name=name, why=why, what=what),
            code=MALFORMED,
            hint=t("Nothing was sent. Set {name} anew to the secret alone.", name=name),
            values={"variable": name},
        )
    return Secret(value)


def scrubbed(text: str, secrets: Iterable[str] = (), *, limit: int = 200) -> str:
    """What a service said, made fit to be quoted: one line, cut, without anything that opens a door.

    Args:
        text: Untrusted.
        secrets: What must not be in it, as it is or as a form or an address spells it.
        limit: Characters of the result.
    """
    for secret in filter(None, secrets):
        for form in (secret, quote_plus(secret), quote(secret, safe="")):
            text = text.replace(form, "[redacted]")
    return printable(without_secret_shapes(text), limit=limit)


def without_marks(text: str) -> str:
    """``text`` without a byte order mark at its beginning and line ends around it: no part of any secret."""
    return text.strip(_LINE_ENDS).removeprefix("\ufeff").strip(_LINE_ENDS)


def impossible(text: str) -> Text:
    """Why ``text`` cannot be a password, to follow the name of its source; empty where it can be one.

    Nobody types controls, nor the blanks of web pages and documents and what is not shown at all around a password.
    (Inside, such a character may be meant; a plain space may be so at the edges too: ``doubtful``.) The characters
    that are seen are never quoted.
    """
    if _is_wide(text):
        return _UTF16
    if not text.strip(" "):
        return t("holds nothing but spaces")
    last = len(text) - 1
    hidden = dict(unseen(text))
    hidden |= {at: text[at] for at in (0, last) if text[at] != " " and text[at].isspace()}
    never = (at for at, char in enumerate(text) if char == "\ufffd" or category(char) in ("Cc", "Cs", "Zl", "Zp"))
    at = next((at for at in (0, last) if at in hidden), None)
    at = next(never, None) if at is None else at
    if at is None:
        return NOTHING
    if text[at] in _LINE_ENDS:
        return t("holds more than one line")
    place = t("begins with") if at == 0 else t("ends with") if at == last else t("holds")
    return t(
        "{place} a character that no password holds: {character_name}",
        place=place,
        character_name=character_name(text[at]),
    )


def doubtful(text: str) -> Text:
    """What may not be meant in a password that was refused, to follow "the password"; empty: nothing."""
    if text != text.strip(" "):
        return t("begins or ends with a space")
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
        return t("stands in quotes, which are sent as a part of it")
    found = next((char for _, char in unseen(text)), "") or next((c for c in text if c.isspace() and c != " "), "")
    return (
        t("holds a character that is not seen: {character_name}", character_name=character_name(found))
        if found
        else NOTHING
    )


def _is_wide(text: str) -> bool:
    """Whether every other character is NUL: UTF-16 that was read as UTF-8."""
    return len(text) > 1 and (not text[::2].strip("\0") or not text[1::2].strip("\0"))


_UTF16 = t("holds NUL bytes; it looks like UTF-16 text without a byte order mark")
MALFORMED = "secret-malformed"
"""Code of the error for a secret that is refused before anything is sent."""


def _private_text(path: Path, parameter: str, largest: int, *, shared: bool = False) -> str:
    """The text of a regular file that only its owner may read.

    ``shared``: other accounts may read it too. ``parameter`` is what names it.
    """
    return _decoded(_private_bytes(path, parameter, largest, shared=shared), path, parameter, shared=shared)


def _private_bytes(path: Path, parameter: str, largest: int, *, shared: bool) -> bytes:
    why, data = NOTHING, b""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            # Opening a pipe would wait for whoever writes to it, and a device may never end.
            why = t("it is not a regular file")
        else:
            with path.open("rb") as stream:
                data = stream.read(largest + 1)
            why = t("it is larger than {largest} bytes", largest=largest) if len(data) > largest else NOTHING
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None)
        why = verbatim(said) if said else t("its name cannot be used")
    if why:
        raise _unreadable(path, parameter, why, shared=shared)
    if not shared and os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            t(
                "The secret file {path} can be read by other accounts (mode {s_imode:04o}).",
                path=path,
                s_imode=stat.S_IMODE(mode),
            ),
            code="secret-file-open",
            hint=t("Run: chmod 600 {path}", path=path),
            values={"path": str(path), "parameter": parameter},
        )
    return data


def _decoded(data: bytes, path: Path, parameter: str, *, shared: bool) -> str:
    """As its byte order mark says, else as UTF-8."""
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        why = t("it is not UTF-8 text") if encoding == "utf-8" else t("it is not the UTF-16 text that its mark says")
    raise _unreadable(path, parameter, why, shared=shared)


def _unreadable(path: Path, parameter: str, why: Text, *, shared: bool) -> UsageError:
    return UsageError(
        t("The secret file {path} cannot be read: {why}.", path=path, why=why),
        code="secret-file-unreadable",
        hint=t("Check the environment variable {name}.", name=parameter)
        if shared
        else t("Check the parameter {parameter}.", parameter=parameter),
        values={"path": str(path), "parameter": parameter},
    )
