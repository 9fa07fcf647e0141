"""What the Connect server of the rehearsal holds between two cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rehearsal.connect_sync.wanted import Export, Wizard


@dataclass(frozen=True)
class ExportRefused:
    """A group that AD refused, with the code that Connect shows: 8344 is "insufficient access rights"."""

    dn: str
    kind: str
    code: str


@dataclass(frozen=True)
class ConnectRun:
    """One run of the profile Export on the connector of the forest."""

    number: int
    began: datetime
    ended: datetime
    counters: Mapping[str, int]
    result: str = "success"


THRESHOLD = 500
"""Deletions that stop an export, unless it is set otherwise ("Prevent accidental deletes")."""


@dataclass(frozen=True)
class ServerState:
    """The server as it is between two cycles."""

    wizard: Wizard
    known: frozenset[str] = frozenset()
    """Ids of groups that it wrote or joined."""
    pending: tuple[Export, ...] = ()
    refused: tuple[ExportRefused, ...] = ()
    runs: tuple[ConnectRun, ...] = ()
    changes: tuple[tuple[datetime, str], ...] = ()
    """When the wizard changed something, and what."""
    rules_changed: datetime | None = None
    """When rules of somebody's own were changed last."""
    synchronized: datetime | None = None
    """When the last cycle began."""
    threshold: int = THRESHOLD
    """As many deletions, or more, stop an export before its first object; 0: none do."""

    def stopped_by(self, deletions: int) -> bool:
        """Whether so many deletions stop an export. Whether Microsoft counts those in AD is not documented."""
        return 0 < self.threshold <= deletions
