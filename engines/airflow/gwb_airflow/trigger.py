"""Waiting for an approval or another system without a worker: looks at the folder of records from time to time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


def approvals_of(change_folder: str) -> list[str]:
    """What identifies the approvals of a change: names, sizes and times of their files."""
    found = []
    for path in sorted(Path(change_folder, "approvals").glob("*")):
        try:
            facts = path.stat()
        except OSError:
            continue
        found.append(f"{path.name} {facts.st_size} {facts.st_mtime_ns}")
    return found


def sealed_runs_of(change_folder: str) -> list[str]:
    """Names of the sealed runs of a change."""
    return sorted(path.parent.name for path in Path(change_folder).glob("*/MANIFEST.json"))


class ChangeTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires when a change may go on: other approvals, a run that somebody else sealed, or a time.

    Args:
        change_folder: Folder of the change below the records.
        approvals: ``approvals_of`` from before the run that found none.
        runs: ``sealed_runs_of`` from after it.
        look_at: ISO 8601: fires then at the latest, to look at another system; empty: not for that.
        until: ISO 8601: the end of waiting.
        every: Seconds between two looks.
    """

    def __init__(
        self, *, change_folder: str, approvals: list[str], runs: list[str], look_at: str, until: str, every: float
    ) -> None:
        super().__init__()
        self.told: dict[str, Any] = {
            "change_folder": change_folder,
            "approvals": approvals,
            "runs": runs,
            "look_at": look_at,
            "until": until,
            "every": every,
        }

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """For the triggerer."""
        return "gwb_airflow.trigger.ChangeTrigger", self.told

    def why(self, now: datetime) -> str:
        """Why it fires now; empty: it waits."""
        folder = self.told["change_folder"]
        if approvals_of(folder) != self.told["approvals"]:
            return "approvals"
        if set(sealed_runs_of(folder)) - set(self.told["runs"]):
            return "run"
        if now >= datetime.fromisoformat(self.told["until"]):
            return "over"
        return "time" if self.told["look_at"] and now >= datetime.fromisoformat(self.told["look_at"]) else ""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is a reason to go on."""
        while not (why := await asyncio.to_thread(self.why, datetime.now(UTC))):
            await asyncio.sleep(self.told["every"])
        # DAG.test() hands the event on and drops other arguments: it says all there is to know.
        yield TriggerEvent({"why": why, "until": self.told["until"]})
