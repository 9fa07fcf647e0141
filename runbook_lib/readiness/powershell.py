"""Values inside PowerShell that somebody will paste into a shell: nothing that was read can become syntax.

A value becomes a single-quoted string, in which only a quotation mark means anything; PowerShell takes five characters
for one (the apostrophe and U+2018 to U+201B: PowerShell/PowerShell, CharTraits), and each is doubled, as its own
CodeGeneration.EscapeSingleQuotedStringContent does. A character that a person cannot see, or that a shell would take
for the end of a line, never stands in the text at all: it becomes ``[char]0x…``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import groupby

QUOTES = "'\u2018\u2019\u201a\u201b"
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"))


def quoted(text: str) -> str:
    """An expression with the value ``text``: ``'O''Brien'``, or ``('a' + [char]0x000A + 'b')``."""
    pieces: list[str] = []
    for seen, characters in groupby(text, key=_is_seen):
        if seen:
            pieces.append(_plain("".join(characters)))
        else:
            pieces += [_code(char) for char in characters]
    if not pieces:
        return "''"
    if len(pieces) == 1 and pieces[0].startswith("'"):
        return pieces[0]
    # The first operand decides what + means: a [char] there would add numbers.
    start = [] if pieces[0].startswith("'") else ["''"]
    return f"({' + '.join([*start, *pieces])})"


def _is_seen(char: str) -> bool:
    """Whether a person sees the character for what it is: no control, no format character, no odd space."""
    return char == " " or unicodedata.category(char) not in _UNSEEN


def _plain(text: str) -> str:
    return "'" + "".join(char * 2 if char in QUOTES else char for char in text) + "'"


def _code(char: str) -> str:
    number = ord(char)
    return f"[char]0x{number:04X}" if number <= 0xFFFF else f"[char]::ConvertFromUtf32(0x{number:X})"


def array(values: Iterable[str]) -> str:
    """``@('a', 'b')``."""
    return f"@({', '.join(quoted(value) for value in values)})"


def comment(text: str) -> str:
    """A comment of one line, whatever the text holds."""
    shown = "".join(char if _is_seen(char) else f"\\u{ord(char):04x}" for char in text)
    return f"# {shown}"
