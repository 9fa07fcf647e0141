"""Readers that this project did not write, or that know a file's format and nothing of who wrote it."""

from __future__ import annotations

import base64
import re
import unicodedata

_MOVES = frozenset({"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI", "BN"})
"""Bidirectional classes (Unicode TR 9): what embeds, overrides or isolates, and what nobody sees (BN)."""


def deceives(char: str) -> bool:
    """Whether a terminal obeys the character or a reader cannot see it, by Unicode's own tables."""
    return (
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(char) in _MOVES
        or char in "\u200e\u200f\u061c"
    )


def hides(char: str) -> bool:
    """Whether nothing is shown for a character that ``deceives`` does not know: fillers, variation selectors, blanks.

    Source: Default_Ignorable_Code_Point in Unicode's DerivedCoreProperties.txt, and the blank Braille pattern.
    """
    return char in "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" or any(
        first <= ord(char) <= last
        for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xFFF0, 0xFFFB), (0xE0000, 0xE0FFF))
    )


def assert_quiet(text: str, *, breaks: str = "\n") -> None:
    """Nothing in ``text`` moves a cursor, reorders or hides, apart from line breaks and joiners inside scripts."""
    found = {char for char in text if deceives(char) and char not in breaks}
    assert found <= {"\u200c", "\u200d"}, {ascii(char) for char in found}
    assert not re.search("[\u200c\u200d](?![^\x00-\x7f])|(?<![^\x00-\x7f])[\u200c\u200d]", text)


_SAFE_INIT = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x1f\x21-\x39\x3b\x3d-\x7f][\x01-\x09\x0b\x0c\x0e-\x7f]*")
_ATTRIBUTE = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)(?:;[A-Za-z0-9-]+)*")
Values = dict[str, list[bytes]]


def read_ldif(text: str) -> list[tuple[bytes, Values]]:
    """DN and values of each record of an LDIF file of content, by RFC 2849's grammar; anything else is an error."""
    text.encode("ascii")
    blocks = re.split(r"\n{2,}", text.replace("\n ", "").removeprefix("version: 1\n"))
    records: list[tuple[bytes, Values]] = []
    for block in blocks:
        lines = [line for line in block.split("\n") if line and not line.startswith("#")]
        if not lines:
            continue
        (first, name), *rest = map(_ldif_line, lines)
        assert first == "dn"
        values: Values = {}
        for attribute, value in rest:
            assert attribute.lower() not in ("dn", "changetype", "control", "version")
            values.setdefault(attribute, []).append(value)
        records.append((name, values))
    return records


def _ldif_line(line: str) -> tuple[str, bytes]:
    name, colon, value = line.partition(":")
    assert colon
    assert _ATTRIBUTE.fullmatch(name), line
    if value.startswith(":"):
        return name, base64.b64decode(value[1:].strip(" "), validate=True)
    assert not value.startswith("<"), "a value from a URL"
    plain = value.lstrip(" ").encode()
    assert not plain or _SAFE_INIT.fullmatch(plain), line
    assert not plain.endswith(b" ")
    return name, plain
