r"""Distinguished names: parsed, compared, escaped (RFC 4514; Active Directory's dialect of it).

Two spellings of one name (case, spaces around separators, ``\2C`` for ``\,``) have one comparable key. Bytes that are
not UTF-8 survive a round trip as surrogate escapes. Accents are kept apart, as Samba does; Active Directory would not
let two siblings differ by an accent only, so keeping them apart can miss an equality but never invents one.
"""

from __future__ import annotations

import re
from functools import lru_cache

from runbook_lib.errors import UsageError
from runbook_lib.model.text import Text, t

Ava = tuple[str, str]
"""Attribute type (lower case, ``cn`` for ``2.5.4.3``) and value."""
Rdn = tuple[Ava, ...]

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|(?:[oO][iI][dD]\.)?[0-9]+(?:\.[0-9]+)+")
_TYPES_BY_OID = {
    "2.5.4.3": "cn",
    "2.5.4.6": "c",
    "2.5.4.7": "l",
    "2.5.4.8": "st",
    "2.5.4.9": "street",
    "2.5.4.10": "o",
    "2.5.4.11": "ou",
    "0.9.2342.19200300.100.1.1": "uid",
    "0.9.2342.19200300.100.1.25": "dc",
}
_PLAIN_RDN = re.compile(r"([A-Za-z]+)=([A-Za-z0-9_.@'()-]+(?: +[A-Za-z0-9_.@'()-]+)*)")
"""An RDN whose key is itself in lower case: nothing to unescape, no space to drop, no OID to name."""
_HEX_PAIR = re.compile(r"[0-9a-fA-F]{2}")
_ESCAPABLE = frozenset(' "#+,;<=>\\')
_MUST_ESCAPE = frozenset('"+,;<=>\\')
_STRING_TAGS = frozenset({0x04, 0x0C, 0x13, 0x14, 0x16, 0x1A})
"""BER: octet, UTF-8, printable, teletex, IA5 and visible string."""


class MalformedDnError(ValueError):
    """A text that is no DN.

    Attributes:
        reason: What is wrong and where, in a few words that can follow a colon.
    """

    def __init__(self, reason: Text) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_dn(dn: str, *, strict: bool = False) -> tuple[Rdn, ...]:
    """The RDNs of a DN, the object's own first; an empty tuple for the empty DN.

    Args:
        dn: The name.
        strict: Take only what a person would write for a name of Active Directory, so that a slip is told instead of
            read as another name: one attribute in each RDN, every ``=`` in a value behind a backslash, no ``#`` form
            (RFC 4514, 2.4) and no byte that is not UTF-8. Directories answer with names beyond that.

    Raises:
        MalformedDnError: Not a DN (a ``ValueError``), the empty one included where ``strict``.
    """
    rdns = tuple(tuple(_ava(ava, strict=strict) for ava in _split(rdn, "+")) for rdn in _raw_rdns(dn))
    if strict and not rdns:
        raise MalformedDnError(t("it is empty"))
    if strict and any(len(avas) > 1 for avas in rdns):
        raise MalformedDnError(t("Active Directory has no names joined by '+'; write a plus sign as \\+"))
    return rdns


def normalize_dn(dn: str) -> str:
    r"""A key that is equal for two spellings of one DN, for dictionaries and comparisons; not for writing to AD.

    A comma inside a value is ``\2c`` in it, so a key that ends with ``"," + other`` is always below that other.

    Raises:
        MalformedDnError: Not a DN.
    """
    end = dn.find(",")
    if end < 0 or "\\" in dn[: end + 1]:
        return _normalized(dn)
    # Most DNs of a directory share few parents, and their RDNs need no unescaping.
    return f"{_normalized_rdn(dn[:end])},{_normalized(dn[end + 1 :]) or _no_rdn()}"


def normalize_foreign_dn(text: str) -> str | None:
    """The key of a DN that comes from outside the directory (Microsoft Graph), or None where it is no DN."""
    try:
        return normalize_dn(text) or None
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _normalized(dn: str) -> str:
    return ",".join(_normalized_rdn(rdn) for rdn in _raw_rdns(dn))


def _normalized_rdn(rdn: str) -> str:
    if rdn.isascii() and (plain := _PLAIN_RDN.fullmatch(rdn)):
        return f"{plain.group(1)}={plain.group(2)}".lower()
    return "+".join(sorted(f"{name}={_key(value)}" for name, value in (_ava(ava) for ava in _split(rdn, "+"))))


def _no_rdn() -> str:
    raise MalformedDnError(t("a comma has nothing behind it"))


def is_below(dn: str, ancestor: str) -> bool:
    """Whether ``dn`` lies below ``ancestor``, at any depth. Nothing is below itself or below the empty name.

    Raises:
        MalformedDnError: One of them is not a DN.
    """
    upper = normalize_dn(ancestor)
    return bool(upper) and normalize_dn(dn).endswith("," + upper)


def same_dn(first: str, second: str) -> bool:
    """Whether two spellings name one object.

    Raises:
        MalformedDnError: One of them is not a DN.
    """
    return normalize_dn(first) == normalize_dn(second)


def parent_of(dn: str) -> str:
    """The DN above, as spelled; empty above a single RDN.

    Raises:
        MalformedDnError: Not a DN, or the empty one.
    """
    return dn[_first_end(dn) + 1 :].lstrip(" ")


def rdn_of(dn: str) -> str:
    """The first RDN, as spelled.

    Raises:
        MalformedDnError: Not a DN, or the empty one.
    """
    return _strip(dn[: _first_end(dn)])


def first_rdn(text: str) -> str:
    """The first RDN, as spelled; empty where the text is no DN."""
    try:
        return rdn_of(text) if parse_dn(text) else ""
    except MalformedDnError:
        return ""


def rdn_value(dn: str) -> str:
    """The plain value of the first RDN: ``Sales, North`` for ``CN=Sales\\, North,OU=…``.

    Raises:
        MalformedDnError: Not a DN, or the empty one.
    """
    return _ava(_split(rdn_of(dn), "+")[0])[1]


def rdn(attribute: str, value: str) -> str:
    """``attribute=value`` with everything escaped that RFC 4514 or AD gives a meaning.

    Raises:
        UsageError: The value is empty or holds unpaired surrogates.
        ValueError: ``attribute`` is no attribute type, which is a defect of the caller.
    """
    if not _TYPE.fullmatch(attribute):
        raise ValueError(f"not an attribute type: {attribute!r}")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        value = ""
    if not value:
        raise UsageError(
            t("No object can be named {attribute}= with nothing or half a character behind it.", attribute=attribute),
            code="malformed-dn",
            hint=t("Correct the name where it comes from."),
            values={"attribute": attribute},
        )
    return f"{attribute}={_escaped(value)}"


def validate_dn(text: str, *, parameter: str) -> str:
    """``text`` without surrounding white space, if it is a DN as ``parse_dn`` takes it where it is strict.

    Raises:
        UsageError: code ``malformed-dn``, naming the parameter and the place.
    """
    stripped = _strip(text.strip("\t\r\n"))
    try:
        parse_dn(stripped, strict=True)
    except MalformedDnError as error:
        raise UsageError(
            t(
                "{parameter} is not a distinguished name: {error} (in {text!a}).",
                parameter=parameter,
                error=error.reason,
                text=text,
            ),
            code="malformed-dn",
            hint=t('Write it like "OU=Cloud Groups,DC=contoso,DC=com"; a comma inside a name is written as \\,.'),
            values={"parameter": parameter, "value": text},
        ) from None
    return stripped


def _first_end(dn: str) -> int:
    parts = _raw_rdns(dn)
    if not parts:
        raise MalformedDnError(t("the empty name has neither RDN nor parent"))
    return len(parts[0])


def _raw_rdns(dn: str) -> list[str]:
    return _split(dn, ",") if dn.strip(" ") else []


def _split(text: str, separator: str) -> list[str]:
    """Cut at unescaped separators; escapes stay as they are."""
    if "\\" not in text:
        return text.split(separator)
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == separator:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    parts.append(text[start:])
    return parts


def _ava(text: str, *, strict: bool = False) -> Ava:
    name, equals, value = text.partition("=")
    name = name.strip(" ")
    if not text.strip(" "):
        raise MalformedDnError(t("a part is empty"))
    if not equals:
        raise MalformedDnError(t("no '=' in the part {text!a}", text=text))
    if not _TYPE.fullmatch(name):
        raise MalformedDnError(t("{name!a} is not an attribute type", name=name))
    name = name.lower().removeprefix("oid.")
    return _TYPES_BY_OID.get(name, name), _value(value, strict=strict)


def _value(text: str, *, strict: bool) -> str:
    stripped = text.lstrip(" ")
    if stripped.startswith("#"):
        if strict:
            raise MalformedDnError(t("a value that starts with # needs a backslash before it"))
        return _from_hex(stripped[1:].rstrip(" "))
    without = _strip(stripped)
    if not without:
        raise MalformedDnError(t("a value is empty"))
    if without.isascii() and without.replace(" ", "").isalnum():
        return without
    value = _unescape(without, must_be_escaped='"+,;<=>' if strict else '"+,;<>')
    if strict and any("\udc80" <= char <= "\udcff" for char in value):
        raise MalformedDnError(t("its escaped bytes are not UTF-8"))
    return value


def _strip(text: str) -> str:
    """Without spaces around it; an escaped space at the end belongs to the value and stays."""
    stripped = text.strip(" ")
    escaped = (len(stripped) - len(stripped.rstrip("\\"))) % 2 == 1
    return stripped + " " if escaped and text.rstrip(" ") != text else stripped


_PLAIN_RUN = re.compile(r'[^\\"+,;<=>]+')
"""What needs no look: neither an escape nor a character that has to be one."""
_ODD = re.compile(r'[\\"+,;<=>\x00-\x1f\x7f\ud800-\udfff]|\A[ #]| \Z')
"""What is written as an escape."""
_NOT_IN_KEY = re.compile(r'[\\"+,;<=>\x00-\x1f]')


def _unescape(text: str, *, must_be_escaped: str) -> str:
    out, at = bytearray(), 0
    while at < len(text):
        if run := _PLAIN_RUN.match(text, at):
            out += _encode(run.group())
            at = run.end()
            continue
        char = text[at]
        if char == "\\":
            if pair := _HEX_PAIR.match(text, at + 1):
                out.append(int(pair.group(), 16))
                at += 3
                continue
            at += 1
            char = text[at : at + 1]
            if char not in _ESCAPABLE or not char:
                raise MalformedDnError(t("a backslash before {char!a} means nothing", char=char))
        elif char in must_be_escaped:
            raise MalformedDnError(t("{char!a} must be written as \\{char}", char=char))
        out += _encode(char)
        at += 1
    return out.decode("utf-8", "surrogateescape")


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise MalformedDnError(t("{char!a} is half of a character", char=text[error.start])) from None


def _from_hex(text: str) -> str:
    """``#04024869``: the BER encoding of a string, short or long form of the length."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise MalformedDnError(t("#{text!a} is not hexadecimal", text=text)) from None
    if len(data) >= 3 and data[0] in _STRING_TAGS:
        size, start = data[1], 2
        if size > 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[2:start], "big")
        if size and len(data) == start + size:
            return data[start:].decode("utf-8", "surrogateescape")
    raise MalformedDnError(t("#{text} is not the BER encoding of a string", text=text))


def _escaped(value: str) -> str:
    if not _ODD.search(value):
        return value
    out = []
    last = len(value) - 1
    for at, char in enumerate(value):
        if char in _MUST_ESCAPE or (char == " " and at in (0, last)) or (char == "#" and at == 0):
            out.append("\\" + char)
        elif char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff":
            out.append("".join(f"\\{byte:02X}" for byte in _encode(char)))
        else:
            out.append(char)
    return "".join(out)


def _key(value: str) -> str:
    # str.lower() on a whole word would turn a Greek sigma at its end into another letter, and no other.
    lowered = "".join(map(str.lower, value)) if "\u03a3" in value else value.lower()
    return _NOT_IN_KEY.sub(lambda found: f"\\{ord(found[0]):02x}", lowered)
