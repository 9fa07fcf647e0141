"""Which permission of Microsoft Graph each notebook needs. ``permissions.csv`` is what docs/permissions.md is held to.

Higher permissions that Graph accepts instead are from the pages of the calls (Microsoft Graph documentation).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_WRITES = re.compile(r"\.(?:ReadWrite|Write|Create|Delete|Send|Manage|FullControl|AccessAsUser|Invite)(?:\.|$)")


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission that the runbook asks for.

    Attributes:
        name: As Graph names it, application and delegated alike.
        higher: Those that Graph accepts as well.
        notebooks: The notebooks that do not do their work without it; empty: asked for in special cases only.
        opens: What it lets the runbook read, in words.
    """

    name: str
    higher: frozenset[str]
    notebooks: tuple[str, ...]
    opens: str

    def granted(self, names: Iterable[str]) -> bool:
        """Whether one of ``names`` is it or a higher one."""
        return not {self.name, *self.higher}.isdisjoint(names)


@cache
def needed_permissions() -> tuple[Permission, ...]:
    """Every permission that the runbook asks for."""
    text = files("runbook_lib.readiness").joinpath("permissions.csv").read_text(encoding="utf-8")
    return tuple(
        Permission(row["permission"], frozenset(row["higher"].split()), tuple(row["notebooks"].split()), row["opens"])
        for row in csv.DictReader(text.splitlines())
    )


def notebooks() -> tuple[str, ...]:
    """Every notebook that needs a permission, in order."""
    return tuple(sorted({name for permission in needed_permissions() for name in permission.notebooks}))


def can_write(name: str) -> bool:
    """Whether a permission, by its name, lets its holder change something."""
    return _WRITES.search(name) is not None
