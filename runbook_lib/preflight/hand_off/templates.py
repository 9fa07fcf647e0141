"""Templates of hand-offs, and the values in them: text that somebody will paste into a shell or a zone.

Nothing that was read can become syntax there.

A value stands in a template behind one of three filters, each for one place; without one the template fails. HTML's
escaping, which Jinja2 knows, would be wrong in all of them, so it is off.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

QUOTES = "'\u2018\u2019\u201a\u201b"
"""Every character that ends a string in single quotes (PowerShell's language specification, 2.3.5.2)."""
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"))
_IN_ZONE = re.compile(r"[a-z0-9_.-]+")


class Fit(str):
    """Text that may stand where it was made for: what the filters return."""

    __slots__ = ()


def quoted(value: str | Iterable[str]) -> Fit:
    """A PowerShell expression: of a text ``'O''Brien'`` or ``('a' + [char]0x000A + 'b')``; of several texts each of
    theirs, with commas, as they stand inside ``@( )``."""
    return Fit(_expression(value) if isinstance(value, str) else ", ".join(map(_expression, value)))


def in_comment(value: str) -> Fit:
    """A text inside a comment of one line: what nobody sees, line ends above all, is shown as ``\\u000a``."""
    return Fit("".join(char if _is_seen(char) else f"\\u{ord(char):04x}" for char in value))


def in_zone(value: str) -> Fit:
    """Letters, digits, hyphens, underscores and dots of a name, as they stand in a zone file.

    Raises:
        ValueError: The text has anything else in it.
    """
    if not _IN_ZONE.fullmatch(value):
        raise ValueError(f"{value!r} is no name that a zone can hold")
    return Fit(value)


def rendered(name: str, /, **values: object) -> str:
    """The text of a template of this folder.

    Raises:
        jinja2.UndefinedError: The template asks for a value that is not given.
        TypeError: A value stands in the template without a filter.
    """
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    # Every command imports this module for the types of hand-offs; few show one.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("runbook_lib.preflight", "hand_off"),
        autoescape=False,  # noqa: S701 - no HTML; finalize refuses what no filter has made fit
        undefined=StrictUndefined,
        finalize=_fit,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"quoted": quoted, "in_comment": in_comment, "in_zone": in_zone}
    return environment


def _fit(value: object) -> object:
    """What Jinja2 asks about every value that it writes."""
    from jinja2 import Undefined

    # Something undefined has its own error, which names it.
    if isinstance(value, (Fit, Undefined)):
        return value
    raise TypeError(f"a value stands in a hand-off without a filter: {value!r}")


def _expression(text: str) -> str:
    pieces: list[str] = []
    for seen, characters in groupby(text, key=_is_seen):
        if seen:
            pieces.append("'" + "".join(char * 2 if char in QUOTES else char for char in characters) + "'")
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


def _code(char: str) -> str:
    number = ord(char)
    return f"[char]0x{number:04X}" if number <= 0xFFFF else f"[char]::ConvertFromUtf32(0x{number:X})"
