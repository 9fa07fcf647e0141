"""One reading of Contoso with faults and edits at places that chance picks: noticed, healed, or wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import requests

from runbook_lib.errors import RunbookError
from runbook_lib.graph.kept.reader import CloudReader, InMemory
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.model.cloud import CloudSnapshot
from tests.unit.graph.fake_cloud import Reply, graph_error
from tests.unit.graph_kept.tenant import Behind, chance_of, edit
from tests.unit.rehearsal_cloud.asking import Asking

_PARTS = 200
"""Requests, and parts of batches, of two readings of Contoso: places where something can happen."""
FAULTS: dict[str, Callable[[], Reply | Exception]] = {
    "429": lambda: graph_error(429, "TooManyRequests", headers={"Retry-After": "7"}),
    "500": lambda: graph_error(500, "InternalServerError"),
    "503": lambda: Reply(503, {}, {"Retry-After": "2"}),
    "403": lambda: graph_error(403, "Authorization_RequestDenied"),
    "404": lambda: graph_error(404, "Request_ResourceNotFound"),
    "404 of somebody else": lambda: Reply(404, {"message": "no such page"}),
    "400": lambda: graph_error(400, "Request_BadRequest"),
    "401": lambda: graph_error(401, "InvalidAuthenticationToken"),
    "nothing of value": lambda: Reply(body={}),
    "rows that are none": lambda: Reply(body={"value": [7]}),
    "another object": lambda: Reply(body={"id": "00000000-0000-4000-8000-0000000000ff", "value": "x"}),
    "broken text": lambda: Reply(raw=b'{"value": [{"id": '),
    "broken off": lambda: requests.exceptions.ConnectionError("broken off"),
    "no content": lambda: Reply(204, raw=b""),
    "a part": lambda: Reply(206, {"value": []}),
}
"""Kinds of answers that are none, or not the one that was asked for."""


@dataclass
class Trial:
    """What happened, for a report and for assertions.

    Attributes:
        faults: Kinds that were met.
        edits: Kinds of edits that were made meanwhile.
        outcome: ``healed`` (the reading is right), ``noticed`` (an error, or an incomplete reading) or ``wrong``.
        later: Whether the next reading, without faults, shows the tenant as it is.
    """

    faults: list[str] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    outcome: str = ""
    later: bool = False


def plain(snapshot: CloudSnapshot) -> dict[str, object]:
    """All that a snapshot says of the tenant."""
    return {
        "groups": snapshot.groups,
        "members": dict(snapshot.members),
        "principals": dict(snapshot.principals),
        "deleted": snapshot.deleted_groups,
        "writers": snapshot.writers,
        "tenant": replace(snapshot.tenant, last_sync=None),
    }


def carry_out(asking: Asking, seed: int) -> Trial:
    """One trial: two readings with what happens meanwhile, then one in peace."""
    asking.store.reset()
    chance, trial = chance_of(seed), Trial()
    tenant_id = str(asking.store.organization["id"])
    faults = {chance.randrange(_PARTS): chance.choice(sorted(FAULTS)) for _ in range(chance.choice((0, 1, 1, 3)))}
    edits = {chance.randrange(_PARTS) for _ in range(chance.choice((0, 0, 2, 5)))}
    behind = Behind(asking, _Happening(asking, faults, edits, chance, trial))
    reader = CloudReader(tenant_id, InMemory(), behind.clock)
    read: CloudSnapshot | None = None
    for _ in range(2):
        met = len(trial.faults)
        try:
            read = reader.read(behind.client()).snapshot
        except RunbookError:
            read = None
        if read is None or not read.reading.complete or len(trial.faults) > met:
            break
    behind.before = lambda *_: None
    truth = read_cloud(behind.client(), tenant_id, clock=behind.clock)
    trial.outcome = _judged(read, truth, trial)
    trial.later = plain(reader.read(behind.client()).snapshot) == plain(truth)
    return trial


def _judged(read: CloudSnapshot | None, truth: CloudSnapshot, trial: Trial) -> str:
    if read is None or not read.reading.complete:
        return "noticed"
    if plain(read) == plain(truth):
        return "healed"
    # What could not be read and only matters by itself is a gap, and unknown.
    if read.reading.gaps != truth.reading.gaps or read.writers.why_unknown != truth.writers.why_unknown:
        return "noticed"
    return "healed, before an edit" if trial.edits and _explained(read, truth, trial) else "wrong"


def _explained(read: CloudSnapshot, truth: CloudSnapshot, trial: Trial) -> bool:
    """Whether no more objects differ than edits can have touched (a user who leaves is in some groups)."""
    one, other = ({group.id: group for group in snapshot.groups} for snapshot in (read, truth))
    groups = {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}
    members = {key for key in one.keys() & other.keys() if read.members.get(key) != truth.members.get(key)}
    return len(groups) <= len(trial.edits) and (len(members) <= len(trial.edits) or "leave" in trial.edits)


@dataclass
class _Happening:
    """Counts requests and parts, and lets things happen at some of them."""

    asking: Asking
    faults: dict[int, str]
    edits: set[int]
    chance: random.Random
    trial: Trial
    number: int = 0

    def __call__(self, _: str, __: str) -> Reply | Exception | None:
        self.number += 1
        if self.number in self.edits:
            self.trial.edits.append(edit(self.asking.store, self.chance))
        kind = self.faults.get(self.number)
        if kind is None:
            return None
        self.trial.faults.append(kind)
        return FAULTS[kind]()
