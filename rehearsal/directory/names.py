"""Distinguished names (RFC 4514), parsed to pairs and written as Active Directory writes them."""

from __future__ import annotations

import re

from rehearsal.directory.values import fold

Rdn = tuple[str, str]
"""Attribute name and value of one component, unescaped."""

_ATTRIBUTE = re.compile(r"[A-Za-z0-9.-]+")
_PLAIN = re.compile(r'[^\\"+<>;]*')
_SPECIAL = frozenset(',+"\\<>;=')
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")


def parse_dn(text: str) -> tuple[Rdn, ...]:
    """Components, nearest first; () for the empty name.

    Raises:
        ValueError: Malformed, or a component of several values, which AD does not have.
    """
    if _PLAIN.fullmatch(text):
        return tuple(_plain(part, text) for part in text.split(",")) if text else ()
    components: list[Rdn] = []
    position = 0
    while position < len(text):
        equals = text.find("=", position)
        if equals < 0:
            raise ValueError(text)
        attribute = text[position:equals].strip()
        if not _ATTRIBUTE.fullmatch(attribute):
            raise ValueError(text)
        value, position = _value(text, equals + 1)
        components.append((attribute, value))
    if text.rstrip().endswith((",", ";")) and not text.rstrip().endswith(("\\,", "\\;")):
        raise ValueError(text)
    return tuple(components)


def _plain(part: str, text: str) -> Rdn:
    """A component in which nothing is escaped: most are, and there are many."""
    attribute, _, value = part.partition("=")
    rdn = attribute.strip(), value.strip(" ")
    if not rdn[1] or not _ATTRIBUTE.fullmatch(rdn[0]):
        raise ValueError(text)
    return rdn


def _value(text: str, position: int) -> tuple[str, int]:
    """The value that begins at ``position``, and the position behind its separator."""
    out = bytearray()
    kept = 0  # length up to the last character that is not a trailing, unescaped space
    quoted = False
    while position < len(text):
        character = text[position]
        if character == "\\":
            piece, position = _escaped(text, position + 1)
            out += piece
            kept = len(out)
            continue
        if character == '"' and (quoted or not out.strip()):
            quoted = not quoted
        elif character in ",;" and not quoted:
            position += 1
            break
        elif character in '+"<>' and not quoted:
            raise ValueError(text)
        elif character != " " or out or quoted:
            out += character.encode("utf-8")
            kept = len(out) if character != " " or quoted else kept
        position += 1
    if quoted or not kept:
        raise ValueError(text)
    return out[:kept].decode("utf-8"), position


def _escaped(text: str, position: int) -> tuple[bytes, int]:
    pair = text[position : position + 2]
    if len(pair) == 2 and set(pair) <= _HEXADECIMAL:
        return bytes.fromhex(pair), position + 2
    if not pair:
        raise ValueError(text)
    return pair[0].encode("utf-8"), position + 1


def format_rdn(attribute: str, value: str) -> str:
    """``CN=Smith\\, Ann``: one component, escaped as AD does it."""
    escaped = "".join(
        f"\\{character}" if character in _SPECIAL else f"\\{ord(character):02X}" if character < " " else character
        for character in value
    )
    if value[:1] in {" ", "#"}:
        escaped = "\\" + escaped
    if len(value) > 1 and value.endswith(" "):
        escaped = escaped[:-1] + "\\ "
    return f"{attribute.upper()}={escaped}"


def rdn_key(rdn: Rdn) -> Rdn:
    """The comparable form of a component."""
    return rdn[0].lower(), fold(rdn[1])


def dn_key(text: str) -> tuple[Rdn, ...]:
    """The comparable form of a whole name; raises ValueError."""
    return tuple(rdn_key(rdn) for rdn in parse_dn(text))
