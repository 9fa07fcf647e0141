"""The journal: what was really written, on disk before and after each write.

Append-only JSON Lines. The first line opens the journal with plan and approval; each write has a ``begin`` line before
it and a ``done`` line after it, with a ``lost`` line in between where it got no answer; ``closed`` ends it. A journal
without ``closed`` is open, and the change must be finished before anything else is planned under the same change id. A
run that resumes keeps a journal of its own that names the one it resumes, because the earlier record may be sealed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Any

from runbook_lib.errors import Refused, ServiceFailed
from runbook_lib.files import new_file, sync_folder
from runbook_lib.text import json_text

FILE_NAME = "journal.jsonl"


class JournalUnwritable(ServiceFailed):
    """Disk full or share gone: nothing more is written to AD that cannot be written down here."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one write really changed: the values and members that left and entered.

    Attributes:
        write: Identifier of the write, ``<change digest>/<number>``.
        change: Digest of the change.
        object_guid: The AD object.
        data: Kind-dependent: ``{"created": dn}``, ``{"deleted": dn}``, ``{"undeleted": dn}``,
            ``{"attributes": [...]}``, ``{"members_added": [guid…],
            "members_removed": [guid…], "refused": [{"member",
            "dn", "cause"}…]}`` or ``{"moved": [from_guid, to_guid]}``; empty where nothing was left to do.
    """

    write: str
    change: str
    object_guid: str
    data: Mapping[str, Any]


class Journal:
    """Writer of one journal file. Every line is on disk when a method returns.

    Every method raises ``JournalUnwritable`` where the disk does not take its line.
    """

    def __init__(self, path: Path, now: Callable[[], str]) -> None:
        self._path = path
        self._now = now
        self._stream: BufferedWriter | None = None
        self.done = 0
        """Writes that changed something."""

    def __enter__(self) -> Journal:
        try:
            self._stream = open(self._path, "xb", opener=new_file)
            sync_folder(self._path.parent)
        except OSError as error:
            self.__exit__(None, None, None)
            raise self._unwritable(error) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        try:
            stream.close()
        except OSError:
            # What could not be flushed was reported by the line that wrote it; the descriptor is closed all the same.
            if not stream.raw.closed:
                stream.raw.close()

    def open(self, **facts: object) -> None:
        """First line: operation, plan digest, approved change digests, approval, run resumed."""
        self._line({"entry": "open", **facts})

    def begin(self, write: str, change: str, object_guid: str, intent: Mapping[str, object]) -> None:
        """Before a write: what is about to be sent."""
        self._line({"entry": "begin", "write": write, "change": change, "guid": object_guid, "intent": dict(intent)})

    def finish(self, effect: Effect) -> None:
        """After a write, or where it was found to be done already."""
        self.done += bool(effect.data)
        self._line(
            {
                "entry": "done",
                "write": effect.write,
                "change": effect.change,
                "guid": effect.object_guid,
                "effect": dict(effect.data),
            }
        )

    def lost(self, write: str, change: str, why: str) -> None:
        """After a write without an answer: the object is looked at, and the write sent again if it had no effect."""
        self._line({"entry": "lost", "write": write, "change": change, "why": why})

    def close(self, why: str) -> None:
        """Last line: nothing of this journal is left to be resumed."""
        self._line({"entry": "closed", "why": why})

    def _line(self, entry: Mapping[str, object]) -> None:
        if self._stream is None:
            raise ValueError("the journal is not open")
        text = json.dumps({**entry, "at": self._now()}, ensure_ascii=False, sort_keys=True)
        try:
            self._stream.write(json_text(text).encode("utf-8") + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> JournalUnwritable:
        return JournalUnwritable(
            f"The journal {self._path} cannot be written: {error.strerror or type(error).__name__}.",
            code="journal-write",
            hint="Make room on the disk of the records folder, or bring its share back.",
            values={"path": str(self._path)},
        )


@dataclass(frozen=True, slots=True)
class JournalFile:
    """One journal as read back."""

    run: Path
    opened: Mapping[str, Any]
    begun: Mapping[str, Mapping[str, Any]]
    """Write identifier to its ``begin`` line."""
    effects: tuple[Effect, ...]
    closed: bool

    @property
    def resumes(self) -> str | None:
        """Run id of the journal that this one resumes."""
        value = self.opened.get("resumes")
        return str(value) if value else None


def read_journal(run: Path) -> JournalFile | None:
    """The journal of a run folder, or None where it has none. A torn last line (power failure) is ignored.

    Raises:
        Refused: A line before the last cannot be read (``journal-damaged``).
    """
    path = run / FILE_NAME
    if not path.is_file():
        return None
    lines = path.read_bytes().split(b"\n")
    entries: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            entries.append(json.loads(line))
        except ValueError:
            if number < len(lines):
                raise Refused(
                    f"Line {number} of {path} cannot be read.",
                    code="journal-damaged",
                    hint="Run gwb verify-record on that record; resume by hand from its plan and backup.",
                    values={"path": str(path), "line": number},
                ) from None
    if not entries or entries[0].get("entry") != "open":
        return None
    return JournalFile(
        run=run,
        opened=entries[0],
        begun={e["write"]: e for e in entries if e["entry"] == "begin"},
        effects=tuple(Effect(e["write"], e["change"], e["guid"], e["effect"]) for e in entries if e["entry"] == "done"),
        closed=any(e["entry"] == "closed" for e in entries),
    )


def journals_of(change_folder: Path) -> list[JournalFile]:
    """Every journal of a change id, in the order of its runs (run ids begin with their time)."""
    runs = sorted(path for path in change_folder.iterdir() if path.is_dir()) if change_folder.is_dir() else []
    return [journal for run in runs if (journal := read_journal(run)) is not None]


def open_chain(journals: Sequence[JournalFile]) -> list[JournalFile]:
    """The open journal and everything it resumes, oldest first; empty where nothing is open."""
    resumed = {journal.resumes for journal in journals}
    tips = [journal for journal in journals if journal.run.name not in resumed and not journal.closed]
    return chain_of(tips[-1], journals) if tips else []


def chain_of(tip: JournalFile, journals: Sequence[JournalFile]) -> list[JournalFile]:
    """A journal and everything it resumes, oldest first."""
    by_run = {journal.run.name: journal for journal in journals}
    chain = [tip]
    while (earlier := chain[0].resumes) and earlier in by_run:
        chain.insert(0, by_run[earlier])
    return chain
