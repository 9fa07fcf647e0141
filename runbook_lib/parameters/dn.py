"""The shape of a distinguished name (RFC 4514), as far as a parameters file can be checked without a directory."""

from __future__ import annotations

import re

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+")
_MUST_BE_ESCAPED = '"+;<>='
_ESCAPABLE = ' "#+,;<=>\\'


def parse_dn(text: str) -> tuple[tuple[str, str], ...]:
    """The parts of a DN, leaf first: ``(attribute type, unescaped value)``.

    Raises:
        ValueError: Not a DN of an Active Directory domain; the message says why in a few words.
    """
    parts = tuple(_parse_part(part) for part in _split(text))
    if parts[-1][0].casefold() != "dc":
        raise ValueError("it does not end with DC=…")
    return parts


def same_dn(first: str, second: str) -> bool:
    """Whether two well-formed DNs name the same object (case and spaces around separators do not matter)."""
    return _comparable(first) == _comparable(second)


def _comparable(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((kind.casefold(), value.casefold()) for kind, value in parse_dn(text))


def _split(text: str) -> list[str]:
    """Split at commas that no backslash escapes."""
    parts = [""]
    position = 0
    while position < len(text):
        char = text[position]
        if char == "\\":
            parts[-1] += text[position : position + 2]
            position += 2
            continue
        if char == ",":
            parts.append("")
        else:
            parts[-1] += char
        position += 1
    return parts


def _parse_part(part: str) -> tuple[str, str]:
    kind, separator, value = part.partition("=")
    kind = kind.strip(" ")
    if not part.strip(" "):
        raise ValueError("a part is empty")
    if not separator:
        raise ValueError(f"the part {part.strip(' ')!r} has no =")
    if not _TYPE.fullmatch(kind):
        raise ValueError(f"{kind!r} is not an attribute name")
    unescaped = _unescape(_strip(value))
    if not unescaped:
        raise ValueError(f"{kind}= has no value")
    return kind, unescaped


def _strip(value: str) -> str:
    """Drop spaces around a value, except one at the end that a backslash escapes."""
    value = value.lstrip(" ")
    stripped = value.rstrip(" ")
    backslashes = len(stripped) - len(stripped.rstrip("\\"))
    return stripped + " " if backslashes % 2 and len(stripped) < len(value) else stripped


def _unescape(value: str) -> str:
    if value.startswith("#"):
        raise ValueError("a value that starts with # needs a backslash before it")
    octets = bytearray()
    position = 0
    while position < len(value):
        char = value[position]
        if char != "\\":
            if char in _MUST_BE_ESCAPED:
                raise ValueError(f"the character {char} needs a backslash before it")
            octets += char.encode("utf-8", "surrogatepass")
            position += 1
            continue
        following = value[position + 1 : position + 3]
        if re.fullmatch(r"[0-9A-Fa-f]{2}", following):
            octets.append(int(following, 16))
            position += 3
        elif following[:1] and following[0] in _ESCAPABLE:
            octets += following[0].encode("ascii")
            position += 2
        else:
            raise ValueError("a backslash stands before a character that needs none")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("its escaped bytes are not UTF-8") from None
