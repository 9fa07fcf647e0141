"""Secrets that reached a text in spite of everything: found by shape or by value, replaced by ``[redacted: kind]``.

Shapes are narrow on purpose: GUIDs, SIDs, SHA-256 digests and base64 of ordinary values must survive, because a record
without them proves nothing.
"""

from __future__ import annotations

import base64
import contextlib
import html
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from runbook_lib.errors import RunbookError
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import counted, t
from runbook_lib.model.untrusted import json_text
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import resolve
from runbook_lib.secrets.sources import secret_file, without_marks

_BASE64URL = "[A-Za-z0-9_-]"
_NAMES_OF_SECRETS = "password|passwd|pwd|passphrase|secret|client_?secret|api_?key|access_?token|refresh_?token"
_KEY = rf"(?<![a-z0-9])(?:[a-z0-9]+[_-])?(?:{_NAMES_OF_SECRETS})"
_NAME = re.compile(rf"(?i){_KEY}|unicodePwd|userPassword")
# A value that is plainly not a secret: a constant, a placeholder, something already hidden, a call, or a name in code
# that ends with one of the words itself (password=parameters.bind_password).
_VALUE = (
    r"(?!(?:none|null|true|false)\b|\[redacted|\.\.\.|…|•|\*\*\*)"
    rf"(?![a-z_][\w.]*\()(?!(?:[a-z_][\w.]*[._])?(?:{_NAMES_OF_SECRETS})\b)"
)
_QUOTE = "&quot;|&#x27;|&#39;"


@dataclass(frozen=True, slots=True)
class _Shape:
    """A pattern, and lower-case words of which a text holds one if the pattern can match (they are quick to look for).

    What the pattern's group ``keep`` matched stays in the text. ``inside``: a match begins in the run of letters,
    digits, ``_`` and ``-`` in which one of ``words`` stands, so the pattern is tried nowhere else.
    """

    kind: str
    keywords: tuple[str, ...]
    pattern: re.Pattern[str]
    inside: bool = False

    def possible(self, lower: str) -> bool:
        return any(map(lower.__contains__, self.keywords))

    def sub(self, replace: Callable[[re.Match[str]], str], text: str, lower: str) -> str:
        """``text`` with every match replaced; ``lower`` is ``_lower`` of it."""
        if not self.inside or len(lower) != len(text):
            return self.pattern.sub(replace, text)
        parts, done = list[str](), 0
        for begin, end in _runs(text, lower, self.keywords):
            at = max(begin, done)
            while at <= end:
                match = self.pattern.match(text, at)
                if match is None:
                    at += 1
                    continue
                parts += [text[done : match.start()], replace(match)]
                done = at = match.end()
        return "".join([*parts, text[done:]]) if parts else text


def _lower(text: str) -> str:
    """In lower case as patterns that ignore case have it: to them the long s is an s."""
    return text.lower().replace("ſ", "s")


def _runs(text: str, lower: str, keywords: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """From where the run of letters, digits, ``_`` and ``-`` begins in which a word stands, to where the word does."""
    places = sorted(match.start() for word in keywords for match in re.finditer(re.escape(word), lower))
    after = 0
    for place in places:
        begin = place
        while begin > after and (text[begin - 1].isalnum() or text[begin - 1] in "_-"):
            begin -= 1
        yield begin, place
        after = place + 1


_PASSWORD = ("passw", "pwd", "passphrase", "secret", "apikey", "api_key", "token")
_SHAPES = (
    _Shape(
        "private key",
        ("-----begin ",),
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----[A-Za-z0-9+/=\s\\:,-]*?"
            r"(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----|(?=[^A-Za-z0-9+/=\s\\:,-])|\Z)"
        ),
    ),
    _Shape("token", ("eyj",), re.compile(rf"(?<![A-Za-z0-9_-])eyJ{_BASE64URL}{{8,}}(?:\.{_BASE64URL}*){{2,4}}")),
    _Shape("bearer token", ("bearer",), re.compile(r"(?i)(?<![a-z0-9])(?P<keep>bearer\s+)[A-Za-z0-9._~+/-]{16,}=*")),
    _Shape(
        "client secret",
        ("q~",),
        re.compile(r"(?<![A-Za-z0-9_.~-])[A-Za-z0-9_.~-]{3}[0-9]Q~[A-Za-z0-9_.~-]{31,34}(?![A-Za-z0-9_~-])"),
    ),
    _Shape("signature", ("sig=",), re.compile(r"(?P<keep>[?&;]sig=)[A-Za-z0-9%+/=_-]{16,}")),
    # key = "value", "key": 'value', the same inside an escaped string, the same inside HTML.
    _Shape(
        "password",
        _PASSWORD,
        re.compile(rf"(?i)(?P<keep>{_KEY}[\"']?\s*[:=]\s*(?P<q>[\"'])){_VALUE}(?:\\.|(?!(?P=q))[^\n\\])+"),
        inside=True,
    ),
    _Shape(
        "password",
        _PASSWORD,
        re.compile(rf"(?i)(?P<keep>{_KEY}\\?[\"']?\s*[:=]\s*\\(?P<q>[\"'])){_VALUE}(?:(?!\\(?P=q))[^\n])+"),
        inside=True,
    ),
    _Shape(
        "password",
        _PASSWORD,
        re.compile(rf"(?i)(?P<keep>{_KEY}(?:{_QUOTE})?\s*[:=]\s*(?P<q>{_QUOTE})){_VALUE}(?:(?!(?P=q))[^\n<])+"),
        inside=True,
    ),
    # key=value in connection strings, addresses and commands; key: value alone on a line.
    _Shape("password", _PASSWORD, re.compile(rf"(?i)(?P<keep>{_KEY}=){_VALUE}[^\s\"'<>;&,)=]{{3,}}"), inside=True),
    _Shape(
        "password",
        _PASSWORD,
        re.compile(rf"(?im)^(?P<keep>[ \t-]*{_KEY}[ \t]*[:=][ \t]+){_VALUE}[^\s\"'<>]{{3,}}[ \t]*$"),
    ),
    _Shape(
        "password",
        ("pwd:", "password:", "credentials:"),
        re.compile(
            r"(?m)^(?P<keep>(?:unicodePwd|userPassword|dBCSPwd|supplementalCredentials)::?+[ \t]*+)(?!\[redacted)"
            r"\S.*(?:\n .*)*$"
        ),
    ),
)
_KEYWORDS_OF_ALL = tuple(dict.fromkeys(word for shape in _SHAPES for word in shape.keywords))
"""A text without any of these holds nothing of any shape, and is no key of ``_NAME``: nearly every text of a record."""
SHORTEST_KNOWN = 4
"""A known secret shorter than this is not searched for: replacing it would wreck every other word."""


class Redactor:
    """Replaces secrets and counts what it replaced, by place and kind."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        variants = {form for secret in known if len(secret) >= SHORTEST_KNOWN for form in _forms(secret)}
        ordered = sorted(variants, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self._found: Counter[tuple[str, str]] = Counter()
        self._plain: set[str] = set()
        """Keys that hold no secret and name none: a table in JSON repeats them in every line."""

    def __repr__(self) -> str:
        return "Redactor(••••)"

    def text(self, text: str, place: str) -> str:
        """``text`` with every secret replaced; ``place`` is where it was, for the finding."""
        if self._known is not None:
            text = self._known.sub(partial(self._replaced, kind="known secret", place=place), text)
        lower = _lower(text)
        if not any(map(lower.__contains__, _KEYWORDS_OF_ALL)):
            return text
        for shape in _SHAPES:
            if shape.possible(lower):
                clean = shape.sub(partial(self._replaced, kind=shape.kind, place=place), text, lower)
                if clean != text:
                    text, lower = clean, _lower(clean)
        return text

    def value(self, value: Any, place: str) -> Any:
        """A JSON value with every string redacted, also one that only its key gives away."""
        if isinstance(value, str):
            return self.text(value, place)
        if isinstance(value, list):
            return [self.value(item, place) for item in value]
        if isinstance(value, Mapping):
            return dict(self._member(str(key), item, place) for key, item in value.items())
        return value

    def file(self, name: str, data: bytes) -> bytes:
        """Contents of a record's file with every secret replaced; the same object when there is none."""
        if name.endswith(".xlsx"):
            return self._workbook(name, data)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
            clean = self.text(text, name)
            return data if clean == text else clean.encode("latin-1", "replace")
        clean = self._json(name, text) if name.endswith((".json", ".jsonl", ".ipynb")) else self.text(text, name)
        return data if clean == text else clean.encode()

    def findings(self) -> tuple[Finding, ...]:
        """One finding per place and kind; it never holds what was found."""
        return tuple(
            Finding(
                id=f"secret-redacted:{place}:{kind.replace(' ', '-')}",
                severity=Severity.WARNING,
                seen=t(
                    "{place} held {values} that look like a secret ({kind}).",
                    place=place,
                    values=counted(count, "value"),
                    kind=kind,
                ),
                expected=t("No secret in any output, parameter or file of a record."),
                why=t(
                    "It was replaced by [redacted: {kind}], but it may have been seen before the record was sealed.",
                    kind=kind,
                ),
                to_do=t("Find out where it came from, and renew the secret if it was a real one."),
                values={"place": place, "kind": kind, "count": count},
            )
            for (place, kind), count in sorted(self._found.items())
        )

    def _member(self, key: str, item: Any, place: str) -> tuple[str, Any]:
        """A key and its value, redacted."""
        if key in self._plain:
            return key, self.value(item, place)
        clean = self.text(key, place)
        if isinstance(item, str) and item and _NAME.fullmatch(key) and not item.startswith("[redacted: "):
            self._found[(place, "password")] += 1
            return clean, "[redacted: password]"
        if clean == key and not _NAME.fullmatch(key):
            self._plain.add(key)
        return clean, self.value(item, place)

    def _replaced(self, match: re.Match[str], *, kind: str, place: str) -> str:
        self._found[(place, kind)] += 1
        return f"{match.groupdict().get('keep') or ''}[redacted: {kind}]"

    def _json(self, name: str, text: str) -> str:
        """Redact string by string, so that the result is JSON again; the layout changes only if something was found."""
        lines = text.splitlines(keepends=True) if name.endswith(".jsonl") else [text]
        return "".join(self._json_document(name, line) for line in lines)

    def _json_document(self, name: str, text: str) -> str:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text, name)
        clean = self.value(value, name)
        if clean == value:
            return text
        indent = None if name.endswith(".jsonl") else 1 if name.endswith(".ipynb") else 2
        return json.dumps(clean, ensure_ascii=True, sort_keys=True, indent=indent) + "\n"

    def _workbook(self, name: str, data: bytes) -> bytes:
        """A workbook is a ZIP file of XML texts; it is written anew only if a secret was in one of them."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as source:
                members = [(info, source.read(info)) for info in source.infolist()]
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
            return data
        clean = [(info, self.text(body.decode("utf-8", "surrogateescape"), name)) for info, body in members]
        encoded = [(info, text.encode("utf-8", "surrogateescape")) for info, text in clean]
        if [body for _, body in encoded] == [body for _, body in members]:
            return data
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
            for info, body in encoded:
                target.writestr(info, body)
        return stream.getvalue()


def _forms(secret: str) -> set[str]:
    """How a secret may look once it was written into JSON, HTML, an address or a header."""
    forms = {
        secret,
        json.dumps(secret)[1:-1],
        json_text(json.dumps(secret, ensure_ascii=False))[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        html.escape(secret, quote=False),
        quote(secret, safe=""),
        quote(secret),
    }
    if len(secret) >= 2 * SHORTEST_KNOWN:
        forms |= {base64.b64encode(secret.encode(code)).decode().rstrip("=") for code in ("utf-8", "utf-16-le")}
    return forms


SECRET_VARIABLES = ("GWB_CLIENT_SECRET", "GWB_BIND_PASSWORD", "GWB_CERTIFICATE_PASSWORD")
"""Environment variables that hold a secret."""
PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
"""Environment variables that hold addresses, maybe with a password in them; in lower case too."""


def known_secrets(parameters: Parameters, project_root: Path, environment: Mapping[str, str]) -> list[str]:
    """Values of this run's secrets; what cannot be read is left out.

    ``environment`` may be one of ``referenced``, which holds those that parameters refer to.
    """
    found = variable_secrets(environment)
    found += _proxy_passwords(environment)
    if parameters.bind_password_file:
        try:
            path = resolve(parameters.bind_password_file, project_root)
            found.append(secret_file(path, parameter="bind_password_file").reveal())
        except RunbookError:
            pass
    return found


def variable_secrets(environment: Mapping[str, str]) -> list[str]:
    """Values of the environment variables that hold a secret: as they stand there, and as they are sent."""
    raw = []
    for name in SECRET_VARIABLES:
        with contextlib.suppress(RunbookError):
            raw.append(environment.get(name, ""))
    return list(dict.fromkeys(form for value in raw for form in (value, without_marks(value)) if form))


def _proxy_passwords(environment: Mapping[str, str]) -> list[str]:
    """Passwords inside the addresses of proxies, as they stand there and decoded."""
    found: list[str] = []
    for name in PROXY_VARIABLES:
        for spelled in (name, name.lower()):
            try:
                password = urlsplit(environment.get(spelled, "")).password
            except ValueError:
                continue
            if password:
                found += [password, unquote(password)]
    return found
