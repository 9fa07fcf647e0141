"""Where the journey of ``gwb demo`` happens: a tenant and a directory that can be looked into and edited."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runbook_lib.model.text import t
from runbook_lib.runner import console

Objects = Mapping[str, Mapping[str, Sequence[str]]]
"""DN to attribute to values, as text."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Display names of those to whom something happens.

    Attributes:
        selected: The groups that the parameters file selects.
        edited: The group that is edited by hand in AD.
        retired: The groups that are retired and come back.
        joined: The group that somebody joins in the cloud.
        newcomer: Who joins it.
        new_group: A group that is selected later and awaits approval.
    """

    selected: tuple[str, ...]
    edited: str
    retired: tuple[str, ...]
    joined: str
    newcomer: str
    new_group: str


class Scene(Protocol):
    """Where the journey happens."""

    @property
    def parameters_file(self) -> Path:
        """A parameters file that works here."""

    @property
    def roles(self) -> Roles:
        """Who plays what."""

    def objects(self) -> Objects:
        """Every object of the directory, read by other means than the runbook's."""

    def edit_by_hand(self, group: str, remove_member: str, description: str) -> None:
        """Edit a group as an administrator of AD does it; the member is named by sAMAccountName."""

    def join(self, group: str, member: str) -> None:
        """Let somebody join a group in the cloud."""


def print_command(*words: str) -> None:
    """A command as a person would type it."""
    console.print_line(t("$ gwb {quoted}", quoted=_quoted(words)))


def _quoted(words: Sequence[str]) -> str:
    quote: Callable[[str], str] = shlex.quote if os.name == "posix" else _quote_for_windows
    return " ".join(quote(word) for word in words)


def _quote_for_windows(word: str) -> str:
    return f'"{word}"' if not word.isalnum() else word
