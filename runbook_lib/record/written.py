"""What a run's journal says was written, read without judging it: a torn or damaged line is passed over and counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.change.journal import CARRIED_OUT
from runbook_lib.change.strict_file import LARGEST_PLAN, Unfit, read_plain
from runbook_lib.files import JOURNAL


@dataclass(frozen=True, slots=True)
class Written:
    """One journal.

    Attributes:
        opened: Its first line: plan digest, digests of the approved changes, run that it resumes; empty if unreadable.
        begun: Identifiers of the writes that were begun.
        done: Identifiers of the writes that were done, or found to be done already.
        changed: How many writes changed something.
        closed: Whether it ended: nothing is left to be resumed.
        unreadable: How many lines could not be read.
        carried_out: Whether it ended because every approved change was carried out.
    """

    opened: Mapping[str, Any]
    begun: frozenset[str]
    done: frozenset[str]
    changed: int
    closed: bool
    unreadable: int
    carried_out: bool = False

    @property
    def anything(self) -> bool:
        """Whether something was written, or may have been: a write was begun and nothing says that it had no effect."""
        return bool(self.changed or self.unreadable or (self.begun and not self.closed))

    @property
    def approved(self) -> tuple[str, ...]:
        """Digests of the approved changes."""
        found = self.opened.get("approved")
        return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()


def written_by(run: Path) -> Written | None:
    """What the run in this folder wrote; None where it has no journal.

    A journal that cannot be read at all counts as one unreadable line: nobody can say that nothing was written.
    """
    try:
        lines = read_plain(run / JOURNAL, largest=LARGEST_PLAN).data.split(b"\n")
    except FileNotFoundError:
        return None
    except Unfit:
        return Written({}, frozenset(), frozenset(), 0, closed=False, unreadable=1)
    entries: list[dict[str, Any]] = []
    unreadable = 0
    for line in filter(None, lines):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            unreadable += 1
            continue
        if isinstance(entry, dict):
            entries.append(entry)
        else:
            unreadable += 1
    of = {kind: [entry for entry in entries if entry.get("entry") == kind] for kind in ("open", "begin", "done")}
    return Written(
        opened=of["open"][0] if of["open"] else {},
        begun=frozenset(str(entry.get("write")) for entry in of["begin"]),
        done=frozenset(str(entry.get("write")) for entry in of["done"]),
        changed=sum(bool(entry.get("effect")) for entry in of["done"]),
        closed=any(entry.get("entry") == "closed" for entry in entries),
        unreadable=unreadable,
        carried_out=any(entry.get("entry") == "closed" and entry.get("why") == CARRIED_OUT for entry in entries),
    )
