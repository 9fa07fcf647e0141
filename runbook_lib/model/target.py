"""The routes on which groups are written to AD, and what a plan is bound to on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from runbook_lib.model.text import Text


class Route(Enum):
    """Who can write a group to AD."""

    DIRECT = "direct"
    CLOUD_SYNC = "cloud-sync"
    CONNECT_SYNC = "connect-sync"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class TargetPart:
    """One thing that a plan is bound to: known by its id, and to people by a name that may change.

    Attributes:
        title: What people call it in a sentence: ``target OU``.
        caption: The same above a value: ``Target OU``.
        id_key: Key of its id in JSON.
        id: Empty where the plan does not need this part.
        name_key: Key of its name in JSON; empty where it has none.
        name: What it is called, as an approver reads it.
        renamable: Whether it may get another name once a change of it is begun: it stays the same one by its id.
        standing: Whether changes that a standing approval covers touch it.
    """

    title: Text
    caption: Text
    id_key: str
    id: str
    name_key: str = ""
    name: str = ""
    renamable: bool = False
    standing: bool = True


class Target(Protocol):
    """What a plan is bound to, whatever its route."""

    @property
    def title(self) -> str:
        """What its approver types to name it."""

    @property
    def locked(self) -> str:
        """The id that one run writes to at a time, where it runs."""

    def parts(self) -> Sequence[TargetPart]:
        """Everything that it consists of; their ids, in this order, are part of the plan's digest."""

    def as_json(self) -> dict[str, object]:
        """Its ids and names, for plan.json, approvals and record.json."""


def identity_of(target: Target, *, standing: bool = False) -> dict[str, str]:
    """Ids of a target by their keys, in lower case: what an approval is bound to.

    Args:
        target: Of the plan, or of the approval as it was read.
        standing: Only what a standing approval is bound to.
    """
    return {part.id_key: part.id.casefold() for part in target.parts() if part.standing or not standing}


def names_of(target: Target, *, standing: bool = False) -> dict[str, str]:
    """Names of a target by their keys, for comparison; ``standing`` as for ``identity_of``."""
    some = (part for part in target.parts() if part.name_key and (part.standing or not standing))
    return {part.name_key: part.name.casefold() for part in some}
