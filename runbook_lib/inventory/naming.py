"""Deterministic names of a written group: RDN, sAMAccountName, description.

The RDN follows Microsoft's writers: the first 51 characters of the trimmed display name, an underscore and the last 12
hexadecimal digits of the group id (Microsoft Entra documentation, "Attribute mapping in Microsoft Entra Cloud Sync from
Microsoft Entra ID to Active Directory").
"""

from __future__ import annotations

import fnmatch
import unicodedata
from dataclasses import dataclass
from typing import Literal

RDN_NAME_UNITS = 51
DESCRIPTION_UNITS = 448


@dataclass(frozen=True, slots=True)
class Naming:
    """How new objects are named.

    Attributes:
        rdn_style: ``display-name`` or ``id`` (``Group_<id>``).
        sam_account_name_pattern: Text with ``{id12}`` or ``{id}``.
    """

    rdn_style: Literal["display-name", "id"] = "display-name"
    sam_account_name_pattern: str = "Group_{id12}"

    def common_name(self, group_id: str, display_name: str) -> str:
        """Value of the RDN attribute ``CN``, at most 64 UTF-16 units, unescaped."""
        if self.rdn_style == "id":
            return f"Group_{group_id}"
        return f"{cut_units(_one_line(display_name).strip(), RDN_NAME_UNITS)}_{_last12(group_id)}"

    def sam_account_name(self, group_id: str) -> str:
        """sAMAccountName of a new object."""
        return self.sam_account_name_pattern.replace("{id12}", _last12(group_id)).replace("{id}", group_id)


def written_description(text: str | None) -> str | None:
    """Description as it is written: trimmed and cut to 448 characters as Microsoft's writers do; None for nothing."""
    cut = cut_units((text or "").strip(), DESCRIPTION_UNITS).strip()
    return cut or None


def cut_units(text: str, units: int) -> str:
    """The longest start of ``text`` that fits into ``units`` UTF-16 units: AD counts those, an emoji takes two."""
    used = 0
    for position, char in enumerate(text):
        used += 2 if ord(char) > 0xFFFF else 1
        if used > units:
            return text[:position]
    return text


def name_matches(name: str, pattern: str) -> bool:
    """Whether a display name fits a pattern of select_names: Unicode form NFC, any case, ``*`` and ``?``."""
    # Square brackets are ordinary characters in display names, not wildcards.
    return fnmatch.fnmatchcase(_folded(name), _folded(pattern).replace("[", "[[]"))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _last12(group_id: str) -> str:
    return group_id.replace("-", "")[-12:]


def _one_line(text: str) -> str:
    # AD reserves line feed and NUL inside an RDN for renamed conflicts and deleted objects.
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
