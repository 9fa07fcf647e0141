"""How text is laid out on a terminal: its width, columns of characters, wrapping, whether to colour."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterator

_WIDTH_ELSEWHERE = 100
"""Of a file or a pipe, where the environment variable COLUMNS says nothing."""
_LEAST = 40
"""Narrower than this, lines would hold a word each."""


def output_width() -> int:
    """Columns of standard output: COLUMNS, else the terminal's, else 100."""
    columns = shutil.get_terminal_size((_WIDTH_ELSEWHERE, 24)).columns
    return max(columns, _LEAST)


def is_coloured(choice: str, environment: dict[str, str]) -> bool:
    """Whether to colour: ``always``, ``never``, or ``auto`` for a terminal that can and is not told NO_COLOR.

    NO_COLOR: https://no-color.org, set and not empty.
    """
    if choice != "auto":
        return choice == "always"
    return sys.stdout.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def columns(text: str) -> int:
    """Columns that a terminal gives the text: two for wide characters, none for those that stand on another one."""
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """As much of the text as fits, filled with spaces to exactly ``width`` columns."""
    kept, used = [], 0
    for char in text:
        used += _columns(char)
        if used > width:
            used -= _columns(char)
            break
        kept.append(char)
    return "".join(kept) + " " * (width - used)


def wrapped(text: str, width: int, *, first: str = "", later: str = "") -> Iterator[str]:
    """The text in lines of at most ``width`` columns, broken at spaces.

    A word that is longer than a line has a line of its own: it may be a path or a command, to be copied whole. Text
    without spaces in wide characters (Chinese, Japanese) is broken between characters, as its readers expect.
    """
    line, empty = first, True
    for word in _split_words(text):
        glue = "" if empty or line.endswith(" ") or word.startswith("\0") else " "
        piece = word.lstrip("\0")
        if not empty and columns(line) + len(glue) + columns(piece) > width:
            yield line.rstrip()
            line, glue = later, ""
        line, empty = f"{line}{glue}{piece}", False
    yield line.rstrip()


def _split_words(text: str) -> Iterator[str]:
    """Words, and single wide characters; one that follows its predecessor without a space begins with NUL."""
    for word in text.split(" "):
        if not word:
            continue
        piece, joined = "", False
        for char in word:
            if (_columns(char) == 2 and piece) or (piece and _columns(piece[0]) == 2 and _columns(char) == 1):
                yield ("\0" if joined else "") + piece
                piece, joined = "", True
            piece += char
        yield ("\0" if joined else "") + piece
