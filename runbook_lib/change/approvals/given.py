"""What an approval of either kind says once it was read, and which file it was read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.target import Route
from runbook_lib.signing.signature import Signature


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Which file an approval was read from.

    Attributes:
        sha256: Of its bytes; a file that changes afterwards is another approval.
        owner: Account that owns it; empty where the system does not tell.
        groups: Groups of that account, as far as the system tells.
        shared: Whether others may write to it, so that its owner says nothing about who did.
    """

    path: Path
    sha256: str
    owner: str = ""
    groups: frozenset[str] = frozenset()
    shared: bool = False
    signature: Signature | None = None
    """One that fits the file; whether its key is trusted, ``Approvers`` says."""

    def as_json(self) -> dict[str, object]:
        """For record.json and the journal."""
        found: dict[str, object] = {"file": self.path.name, "sha256": self.sha256, "owner": self.owner or None}
        return found if self.signature is None else {**found, "key_id": self.signature.shown.key_id}


@dataclass(frozen=True, slots=True)
class GivenApproval:
    """What an approval of either kind has. Times are UTC; ``target`` has ids in lower case by their keys in JSON."""

    route: Route
    target: Mapping[str, str]
    target_names: Mapping[str, str]
    """What the approver read of the target: how its parts are called, by their keys in JSON."""
    approver: str
    approved: datetime
    until: datetime
    phrase: str
    planning_record: str
    planning_manifest: str | None
    file: FileFacts

    def given(self) -> dict[str, object]:
        """What a record says about an approval of either kind."""
        return {
            **self.file.as_json(),
            "approver": self.approver,
            "approved": iso_seconds(self.approved),
            "until": iso_seconds(self.until),
            "phrase": self.phrase,
            "planning_record": self.planning_record,
            "planning_manifest": self.planning_manifest,
        }


def approvals_told(approval: object) -> Iterator[Mapping[str, Any]]:
    """Every approval in the ``approval`` of a record or a journal: the first, then those in its ``further``."""
    if isinstance(approval, Mapping):
        yield approval
        further = approval.get("further")
        yield from (one for one in (further if isinstance(further, list) else ()) if isinstance(one, Mapping))
