"""Range retrieval: AD hands out at most MaxValRange values (1,500 by default) of an attribute at once (MS-ADTS
3.1.1.3.1.3.3); the rest is asked for as ``member;range=1500-*``. ldap3's automatic form is switched off, because it
keeps every intermediate answer in memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from runbook_lib.directory.entry import Entry
from runbook_lib.directory.results import SUCCESS, error_of
from runbook_lib.directory.wire import never_complete
from runbook_lib.errors import ServiceFailed

Ask = Callable[[str, str], tuple[dict[str, Any], list[Entry]]]
"""Asks the object with this DN for one attribute, by the name that ``range_from`` gives: ldap3's result, entries."""

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


def completed(entry: Entry, ask: Ask) -> Entry:
    """The entry with every attribute that came in a range read to its end.

    Raises:
        ServiceFailed: ``incomplete-read``: the rest does not come, or never ends.
        RunbookError: Any other result but success.
    """
    if not any(";range=" in name for name in entry.attributes):
        return entry
    attributes = {name: list(values) for name, values in entry.attributes.items() if ";range=" not in name}
    for name, values in entry.attributes.items():
        piece = parse_range(name)
        if piece is not None:
            if piece.first != 0 or not piece.fits(len(values)):
                raise never_complete(entry.dn, f"the first values of {piece.attribute} are not those that it says")
            attributes[piece.attribute] = [*values, *_rest(entry.dn, piece.attribute, piece.last, ask)]
    return Entry(entry.dn, attributes)


def _rest(dn: str, attribute: str, last: int | None, ask: Ask) -> list[bytes]:
    rest: list[bytes] = []
    pieces_read = 0
    while last is not None:
        result, entries = ask(dn, range_from(attribute, last + 1))
        if result["result"] != SUCCESS:
            raise error_of(result, operation="read", dn=dn)
        pieces = [(parse_range(n), v) for e in entries for n, v in e.attributes.items()]
        found = [(p, v) for p, v in pieces if p is not None and p.attribute == attribute.lower()]
        if not found or found[0][0].first != last + 1:
            raise ServiceFailed(
                f"The values of {attribute} of {dn} broke off after {last + 1}.",
                code="incomplete-read",
                hint="Run again; the object may have changed while it was read.",
                values={"dn": dn, "attribute": attribute, "values": last + 1},
            )
        piece, values = found[0]
        pieces_read += 1
        if not piece.fits(len(values)):
            raise never_complete(dn, f"the values of {attribute} from {last + 1} on are not those that it says")
        rest.extend(values)
        last = piece.last
        if last is not None and (pieces_read >= MOST_PIECES or len(rest) > MOST_VALUES):
            raise never_complete(dn, f"after {last + 1:,} values of {attribute} more are to follow")
    return rest
