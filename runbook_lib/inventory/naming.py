"""Deterministic names of a written group: RDN, sAMAccountName, description.

The RDN follows Microsoft's writers: the first 51 characters of the trimmed display name, an underscore and the last 12
hexadecimal digits of the group id (Microsoft Entra documentation, "Attribute mapping in Microsoft Entra Cloud Sync from
Microsoft Entra ID to Active Directory").
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from runbook_lib.model.ids import GroupId
from runbook_lib.model.untrusted import is_shown, without_unseen

RDN_NAME_UNITS = 51
"""UTF-16 units of a display name in an RDN: 64 (rangeUpper of cn, [MS-ADA1]) without "_" and 12 digits of an id."""
DESCRIPTION_UNITS = 448
"""UTF-16 units that a description is cut to."""


@dataclass(frozen=True, slots=True)
class Naming:
    """How new objects are named.

    Attributes:
        rdn_style: ``display-name`` or ``id`` (``Group_<id>``).
        sam_account_name_pattern: Text with ``{id12}`` or ``{id}``.
    """

    rdn_style: Literal["display-name", "id"] = "display-name"
    sam_account_name_pattern: str = "Group_{id12}"

    def common_name(self, group_id: GroupId, display_name: str) -> str:
        """Value of the RDN attribute ``CN``, at most 64 UTF-16 units, unescaped."""
        if self.rdn_style == "id":
            return f"Group_{group_id}"
        return f"{cut_units(_one_line(display_name).strip(), RDN_NAME_UNITS)}_{_last12(group_id)}"

    def sam_account_name(self, group_id: GroupId) -> str:
        """sAMAccountName of a new object."""
        return self.sam_account_name_pattern.replace("{id12}", _last12(group_id)).replace("{id}", group_id)


def written_description(text: str | None) -> str | None:
    """Description as it is written: trimmed and cut to 448 characters as Microsoft's writers do; None for nothing."""
    cut = cut_units((text or "").strip(), DESCRIPTION_UNITS).strip()
    return cut or None


def cut_units(text: str, units: int) -> str:
    """The longest start of ``text`` that fits into ``units`` UTF-16 units: AD counts those, an emoji takes two."""
    if 2 * len(text) <= units:
        return text
    used = 0
    for position, char in enumerate(text):
        used += 2 if ord(char) > 0xFFFF else 1
        if used > units:
            return text[:position]
    return text


class DisplayNames:
    """The display names of all groups, prepared once for any number of patterns."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact: defaultdict[str, set[str]] = defaultdict(set)
        self._any_case: defaultdict[str, set[str]] = defaultdict(set)
        for name in names:
            self._exact[_composed(name)].add(name)
            self._any_case[_folded(name)].add(name)

    def picked(self, pattern: str) -> frozenset[str]:
        """Which names a pattern of the parameters picks.

        A pattern that is one of the names, character by character or at least without regard to case, means that name
        and nothing else, whatever wildcards stand in it. Otherwise ``*`` is any text and ``?`` any character, and
        ``[*]``, ``[?]`` and ``[[]`` are those characters themselves; other square brackets are ordinary. Compared in
        Unicode form NFC, any case.
        """
        folded = _folded(pattern)
        if whole := self._exact.get(_composed(pattern)) or self._any_case.get(folded):
            return frozenset(whole)
        if not _WILD.search(folded):
            return frozenset()
        fits = re.compile(_as_regex(folded), re.DOTALL).fullmatch
        return frozenset().union(*(names for form, names in self._any_case.items() if fits(form)))


def visible(name: str) -> str:
    """A name as an eye sees it, to compare: names with one form differ by nothing that shows.

    Invisible characters are dropped, every blank is a space and several are one, typographic quotes and dashes are
    plain, and compatible forms of a letter are that letter. Letter case counts: it shows.
    """
    plain = name if name.isascii() else unicodedata.normalize("NFKC", name.translate(_PLAIN))
    words = " ".join(plain.split())  # blanks first: a line break is one, and not shown either
    return " ".join(without_unseen(words).split())


def spelled_out(name: str) -> str:
    """A name with every character that ``visible`` changes as an escape, so that lookalikes can be determined apart."""
    spelled = []
    for at, char in enumerate(name):
        blank = char.isspace() and (char != " " or at in (0, len(name) - 1) or name[at - 1].isspace())
        odd = ord(char) in _PLAIN or unicodedata.combining(char) or unicodedata.normalize("NFKC", char) != char
        code = f"\\u{ord(char):04x}" if char <= "\uffff" else f"\\U{ord(char):08x}"
        spelled.append(code if blank or odd or not is_shown(char) else char)
    return "".join(spelled)


def distinct_names(one: str, other: str) -> tuple[str, str]:
    """Two different values for a reader; spelled out where they would read as the same."""
    alike = one != other and visible(one) == visible(other)
    return (spelled_out(one), spelled_out(other)) if alike else (one, other)


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""Unicode's category Cc."""
_WILD = re.compile(r"[*?]|\[\[\]")
_PARTS = re.compile(r"\[[*?\[]\]|.", re.DOTALL)
_PLAIN = str.maketrans({**dict.fromkeys("‘’‚‛′´", "'"), **dict.fromkeys("“”„‟″", '"'), **dict.fromkeys("‐‑‒–—−", "-")})


def _as_regex(pattern: str) -> str:
    """The pattern as a regular expression that never tries a place twice: ten stars must not take hours.

    What follows a star is looked for once, at its first place (an atomic group); only what follows the last star has to
    reach the end.
    """
    pieces = [""]
    for part in _PARTS.findall(pattern):
        if part == "*":
            pieces.append("")
        else:
            pieces[-1] += "." if part == "?" else re.escape(part[1] if len(part) == 3 else part)
    first, *middle = pieces
    last = f".*{middle.pop()}" if middle else ""
    return first + "".join(f"(?>.*?{piece})" for piece in middle if piece) + last


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _folded(text: str) -> str:
    return _composed(text).casefold()


def _last12(group_id: GroupId) -> str:
    return group_id.replace("-", "")[-12:]


def _one_line(text: str) -> str:
    # AD reserves line feed and NUL inside an RDN for renamed conflicts and deleted objects.
    return _CONTROLS.sub(" ", text)
