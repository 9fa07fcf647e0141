"""Untrusted text made safe for a terminal, a page, a log line or a file of JSON."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from runbook_lib.model.text import Text, t

NOT_SEEN = (
    "\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Inside of a regular expression's set: what reorders (Unicode TR 9), what breaks a line, and what is not shown at all:
Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties, interlinear annotations, the blank Braille pattern."""
_DECEIVING = f"{NOT_SEEN}\ud800-\udfff"
"""And halves of characters."""
_NOT_SHOWN = re.compile(f"[\x00-\x1f{_DECEIVING}]")
_NOT_IN_JSON = re.compile(f"[{_DECEIVING}]")
_CONTROL_NAMES = {
    "\x00": "NUL",
    "\x07": "BELL",
    "\x08": "BACKSPACE",
    "\t": "TAB",
    "\n": "LINE FEED",
    "\x0b": "LINE TABULATION",
    "\x0c": "FORM FEED",
    "\r": "CARRIAGE RETURN",
    "\x1b": "ESCAPE",
    "\x7f": "DELETE",
    "\x85": "NEXT LINE",
    "\ufeff": "BYTE ORDER MARK",
}
"""Controls have no name in Unicode's own table; the mark is known by what it does."""
_LOOKS = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u00b4`"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
}
_JOINERS = "\u200c\u200d"
_STYLES = "\ufe0e\ufe0f"


def printable(text: str, *, limit: int | None = None) -> str:
    """Return ``text`` with every character that a reader could not see, or would see elsewhere, as ``\\u....`` escape.

    Those are controls, line breaks (so one value stays on one line), unpaired surrogates, bidirectional controls and
    invisible characters. A joiner or emoji style stays between characters beyond ASCII, where scripts and emoji need
    it. ``limit`` cuts the result (in characters) and marks the cut with an ellipsis.
    """
    shown = _NOT_SHOWN.sub(_escape, text)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown


_LINE = re.compile(r"[^\t\r\n]+")


def printable_lines(text: str) -> str:
    """As ``printable``, with the tabs and line breaks of the text: for a cell of a table, which may have lines."""
    return _LINE.sub(lambda match: printable(match[0]), text)


_TYPED_AS_IT_IS = re.compile(r"[\w./\\:~+=,@%-]+")


def typed(path: object) -> str:
    """A path as it is typed in a command that a person is told to run: in double quotes where a blank (or another
    character that a shell takes for itself) stands in it."""
    text = str(path)
    return text if _TYPED_AS_IT_IS.fullmatch(text) else f'"{text}"'


def unseen(text: str) -> Iterator[tuple[int, str]]:
    """Place (from 0) and character of everything in ``text`` that ``printable`` would show as an escape."""
    for match in _NOT_SHOWN.finditer(text):
        if _escape(match) != match[0]:
            yield match.start(), match[0]


def character_name(char: str) -> str:
    """A character for a person who cannot see it: ``U+00A0 NO-BREAK SPACE``."""
    name = _CONTROL_NAMES.get(char) or unicodedata.name(char, "")
    if not name:
        name = "half of a surrogate pair" if "\ud800" <= char <= "\udfff" else "a control character"
    return f"U+{ord(char):04X} {name}"


def appearance(text: str) -> str:
    """What a reader sees of ``text``: two texts with the same appearance are easily taken for one.

    Compatibility forms, kinds of quotes, dashes and blanks, the number of blanks, letter case and what is not shown
    make no difference.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_LOOKS)
    return " ".join(without_unseen(plain).split()).casefold()


def difference(text: str, other: str) -> Text:
    """Where two texts of the same appearance differ first, to follow the name of ``text``: what each has there."""
    at = next(
        (n for n, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), min(len(text), len(other))
    )
    has, instead = (character_name(one[at]) if at < len(one) else t("its end") for one in (text, other))
    return t("has {has} at character {at}, not {instead}", has=has, at=at + 1, instead=instead)


# Halves of characters, NUL, and the code points that Unicode keeps from ever being characters (Corrigendum 9).
_NOT_TEXT = re.compile(
    "[\x00\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)


def whole(text: str) -> str:
    """The text with U+FFFD in place of what is no character: nothing else can be written to a directory."""
    if text.isascii() and "\x00" not in text:  # nearly every text; a large tenant has millions
        return text
    return _NOT_TEXT.sub("\ufffd", text)


def without_unseen(text: str) -> str:
    """The text without the characters that a reader could not see."""
    return _NOT_SHOWN.sub("", text)


def is_shown(char: str) -> bool:
    """Whether a reader could see the character."""
    return _NOT_SHOWN.match(char) is None


def json_text(text: str) -> str:
    """JSON, as ``json.dumps`` made it, with the same characters as JSON escapes: the values stay as they are.

    Read on a terminal it moves nothing, and no reader of lines takes U+2028 for the end of one.
    """
    return _NOT_IN_JSON.sub(lambda match: _units(match[0]), text)


def _escape(match: re.Match[str]) -> str:
    char, at = match[0], match.start()
    before, after = match.string[max(at - 1, 0) : at], match.string[at + 1 : at + 2]
    if char in _STYLES and (_carries(before) or (before and before in "0123456789#*" and after == "\u20e3")):
        return char
    # A style that is an escape itself carries nothing: it stands behind nothing that it could change.
    styled = before == "\ufe0f" and _carries(match.string[max(at - 2, 0) : at - 1])
    if char in _JOINERS and (_carries(before) or styled) and _carries(after):
        return char
    return f"\\u{ord(char):04x}" if char <= "\uffff" else f"\\U{ord(char):08x}"


def _carries(char: str) -> bool:
    """Whether the character is of a script or an emoji in which a joiner or a style means something."""
    return char > "\x7f" and not _NOT_SHOWN.match(char)


def _units(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
