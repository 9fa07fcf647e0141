"""Range retrieval: AD hands out at most MaxValRange values (1,500 by default) of an attribute at once (MS-ADTS
3.1.1.3.1.3.3); the rest is asked for as ``member;range=1500-*``. ldap3's automatic form is switched off, because it
keeps every intermediate answer in memory."""

from __future__ import annotations

import re
from typing import NamedTuple

MOST_VALUES = 5_000_000
"""Values of one attribute of one object; the largest group that is written back has 250,000 members."""
MOST_PIECES = 10_000
"""Pieces of one attribute's values; AD's smallest piece has 1,000, its usual one 1,500."""
_RANGE = re.compile(r"([^;]+);range=(\d+)-(\d+|\*)", re.IGNORECASE)


class ValueRange(NamedTuple):
    """A piece of an attribute's values: positions ``first`` to ``last`` (None: to the end)."""

    attribute: str
    first: int
    last: int | None

    def fits(self, count: int) -> bool:
        """Whether it holds as many values as its positions say; the last piece says none."""
        return self.last is None or 0 < count == self.last - self.first + 1


def parse_range(name: str) -> ValueRange | None:
    """The range option of a returned attribute name, or None for a plain name."""
    match = _RANGE.fullmatch(name)
    if not match:
        return None
    last = None if match.group(3) == "*" else int(match.group(3))
    return ValueRange(match.group(1), int(match.group(2)), last)


def range_from(attribute: str, first: int) -> str:
    """The name that asks for everything from position ``first`` on."""
    return f"{attribute};range={first}-*"
