"""Values inside PowerShell and dsacls lines that somebody will paste into a shell: nothing that was read can become
syntax.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from itertools import groupby

from runbook_lib.directory.rights.grants import Grant
from runbook_lib.directory.rights.needs import READ_ATTRIBUTES, Purpose
from runbook_lib.directory.rights.situation import Account, Holder, Place, Situation
from runbook_lib.directory.rights.table import needed_grants

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


def dsacls_lines(grant: Grant, account: str) -> tuple[str, ...]:
    """The line that writes the entry, after the one that takes the object over where that has to come first.

    Args:
        account: ``DOMAIN\\name`` or a SID.
    """
    return lines_of(facts_of(grant), account)


def facts_of(grant: Grant) -> dict[str, object]:
    """A grant as plain values for a hand-off: dn, rights, on_groups, take_ownership."""
    return {
        "dn": grant.dn,
        "rights": grant.rights(),
        "on_groups": grant.on_groups,
        "take_ownership": grant.take_ownership,
    }


def lines_of(facts: Mapping[str, object], account: str) -> tuple[str, ...]:
    """The lines of one grant, from what ``facts_of`` made of it."""
    dn = distinguished_name(facts)
    below = " /I:S" if facts["on_groups"] else ""
    entry = quoted(f"{account}:{facts['rights']}")
    line = f"dsacls {dn}{below} /G {entry}"
    return (f"dsacls {dn} /takeownership", line) if facts["take_ownership"] else (line,)


def distinguished_name(facts: Mapping[str, object]) -> str:
    """The object of one grant as dsacls's first argument."""
    return quoted(str(facts["dn"]).replace('\\"', "\\22"))


def dsacls_script(grants: Iterable[Grant], account: str) -> tuple[str, ...]:
    """All lines, in the order of the grants, each once."""
    return tuple(dict.fromkeys(line for grant in grants for line in dsacls_lines(grant, account)))


def least_rights(target_ou: str, retired_ou: str, domain: str, account: str) -> dict[Purpose, tuple[str, ...]]:
    """All lines for a dedicated account without any other right, by what they are for; none stands under two.

    Args:
        domain: DN of the domain.
        account: ``DOMAIN\\name`` or a SID.
    """
    dns = {
        Place.TARGET: target_ou,
        Place.RETIRED: retired_ou,
        Place.DOMAIN: domain,
        Place.DELETED_OBJECTS: f"CN=Deleted Objects,{domain}",
    }
    situation = Situation(
        account=Account(account, account, frozenset(), account),
        places={place: Holder(dn) for place, dn in dns.items()},
        group_default=None,
        types=dict.fromkeys(READ_ATTRIBUTES, ("",)),
    )
    found: dict[Purpose, tuple[str, ...]] = {}
    for purpose in Purpose:
        before = {line for lines in found.values() for line in lines}
        lines = dsacls_script(needed_grants(situation, purpose), account)
        found[purpose] = tuple(line for line in lines if line not in before)
    return found
