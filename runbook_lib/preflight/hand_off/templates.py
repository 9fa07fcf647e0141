"""Templates of hand-offs, and the values in them: text that somebody will paste into a shell or a zone.

Nothing that was read can become syntax there.

A value stands in a template behind one of three filters, each for one place; without one the template fails. HTML's
escaping, which Jinja2 knows, would be wrong in all of them, so it is off. Lines of dsacls are made here too.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from runbook_lib.directory.rights.evaluate import Account, Holder, Place, Situation
from runbook_lib.directory.rights.needs import READ_ATTRIBUTES, AllowEntry, Purpose
from runbook_lib.directory.rights.table import needed_grants

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


def in_shell(value: str) -> Fit:
    """One word of a POSIX shell, whatever stands in the text."""
    return Fit(shlex.quote(value))


HAND_OFF_FOLDER = "runbook_lib.preflight.hand_off"
"""The package of this module, whose folder holds the pre-flight's templates."""


def rendered(name: str, /, **values: object) -> str:
    """The text of a template of this folder; raises as ``rendered_from``."""
    return rendered_from(HAND_OFF_FOLDER, name, **values)


def rendered_from(package: str, name: str, /, **values: object) -> str:
    """The text of a template in the folder of ``package``, which ends with the folder's name.

    Raises:
        jinja2.UndefinedError: The template asks for a value that is not given.
        TypeError: A value stands in the template without a filter.
    """
    return _environment(package).get_template(name).render(values)


@cache
def _environment(package: str) -> Environment:
    # Every command imports this module for the types of hand-offs; few show one.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(*package.rpartition(".")[::2]),
        autoescape=False,  # noqa: S701 - no HTML; finalize refuses what no filter has made fit
        undefined=StrictUndefined,
        finalize=_fit,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"quoted": quoted, "in_comment": in_comment, "in_zone": in_zone, "in_shell": in_shell}
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


def each_once(grants: Iterable[AllowEntry]) -> tuple[AllowEntry, ...]:
    """The grants in their order, each once; an object is taken over once, before its first entry."""
    found: dict[AllowEntry, AllowEntry] = {}
    taken: set[str] = set()
    for grant in grants:
        entry = replace(grant, take_ownership=False)
        if entry not in found:
            takes = grant.take_ownership and grant.dn not in taken
            found[entry] = replace(entry, take_ownership=takes)
            taken |= {grant.dn} if takes else set()
    return tuple(found.values())


def dsacls_lines(grants: Iterable[AllowEntry], account: str) -> tuple[str, ...]:
    """The lines that write the entries, in the order of the grants, each once; an object that has to be taken over is
    taken over first.

    Args:
        grants: The entries.
        account: ``DOMAIN\\name`` or a SID.
    """
    return tuple(rendered("dsacls.ps1.j2", account=account, grants=each_once(grants)).split("\n")[:-1])


def least_rights(target_ou: str, retired_ou: str, domain: str, account: str) -> dict[Purpose, tuple[str, ...]]:
    """All lines for a dedicated account without any other right, by what they are for; none stands under two.

    Args:
        target_ou: DN.
        retired_ou: DN.
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
        lines = dsacls_lines(needed_grants(situation, purpose), account)
        found[purpose] = tuple(line for line in lines if line not in before)
    return found
