"""``$search`` of Microsoft Graph on directory objects ("Use the $search query parameter").

Clauses ``"property:words"`` joined by AND and OR (AND binds closer). A text matches when every word of the clause
begins one of the text's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from rehearsal.cloud.errors import bad_request
from rehearsal.cloud.resources import Record

_CLAUSE = re.compile(r'\s*(?:"(?P<clause>(?:[^"\\]|\\.)*)"|(?P<word>AND|OR)\b)', re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")


def parse_search(text: str, properties: Collection[str]) -> Callable[[Record], bool]:
    """Parse ``$search``.

    Args:
        text: The value of the option.
        properties: What may be searched.

    Raises:
        GraphError: 400 for a syntax error or another property.
    """
    choices: list[list[Callable[[Record], bool]]] = [[]]
    position, expects_clause = 0, True
    while text[position:].strip():
        match = _CLAUSE.match(text, position)
        if match is None or (match["clause"] is not None) is not expects_clause:
            raise bad_request(f"Syntax error: character '{text[position]}' is not valid at position {position}.")
        position = match.end()
        if match["clause"] is not None:
            choices[-1].append(_clause(match["clause"], properties))
        elif match["word"].casefold() == "or":
            choices.append([])
        expects_clause = not expects_clause
    if expects_clause:
        raise bad_request('Syntax error in $search: a clause like "displayName:name" is missing.')
    return lambda record: any(all(part(record) for part in parts) for parts in choices)


def _clause(text: str, properties: Collection[str]) -> Callable[[Record], bool]:
    name, colon, words = text.replace('\\"', '"').replace("\\\\", "\\").partition(":")
    known = next((one for one in properties if one.casefold() == name.strip().casefold()), None)
    if not colon or known is None or not words.strip():
        raise bad_request(f"Unrecognized or unsupported $search clause '{text}'. It is \"property:words\".")
    wanted = [word.casefold() for word in _WORD.findall(words)]

    def matches(record: Record) -> bool:
        seen = [word.casefold() for word in _WORD.findall(str(record.get(known) or ""))]
        return all(any(word.startswith(start) for word in seen) for start in wanted)

    return matches
