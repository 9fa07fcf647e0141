"""The journal: what was really written, on disk before and after each write.

Append-only JSON Lines. The first line opens the journal with plan and approval; each write has a ``begin`` line before
it and a ``done`` line after it, with a ``lost`` line in between where it got no answer; ``stopped`` says that the
approval had lapsed; ``closed`` ends it. A journal without ``closed`` is open, and the change must be finished before
anything else is planned under the same change id. A run that resumes keeps a journal of its own that names the one it
resumes, because the earlier record may be sealed.

The first line names its run, every other one the SHA-256 of the line before it, and only the account that writes a
journal may change it. So a line that was put in, taken out, changed or copied is found unless everything after it was
written anew, as that account: AD keeps nothing that would show that. A sealed journal is proved by its manifest.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Any

from runbook_lib.change.closing import HOW_TO_CLOSE, closed_by_hand
from runbook_lib.change.journal_lines import DamagedLine, line_digest, lines_of
from runbook_lib.change.route import Routes
from runbook_lib.change.step import Effect
from runbook_lib.errors import Refused, ServiceFailed
from runbook_lib.files import JOURNAL, MANIFEST, new_file, sync_folder
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import json_text, printable
from runbook_lib.strict_file import LARGEST_PLAN, PlainFile, Unfit, read_plain

JOURNAL_FILE = JOURNAL
CARRIED_OUT = "every approved change is carried out"
"""Why a journal is closed whose change is finished."""


class JournalUnwritable(ServiceFailed):
    """Disk full or share gone: nothing more is written to AD that cannot be written down here."""


class Journal:
    """Writer of one journal file. Every line is on disk when a method returns.

    Every method raises ``JournalUnwritable`` where the disk does not take its line.
    """

    def __init__(self, path: Path, now: Callable[[], str]) -> None:
        self._path = path
        self._now = now
        self._stream: BufferedWriter | None = None
        self._last = ""
        """SHA-256 of the last line."""
        self.done = 0
        """Writes that changed something."""

    def __enter__(self) -> Journal:
        try:
            self._stream = open(self._path, "xb", opener=_own_file)
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
        """First line: operation, plan digest, approved change digests, approval, run resumed; and the run itself."""
        self._line({"entry": "open", "run": self._path.parent.name, **facts})

    def begin(self, write: str, change: str, object_id: str, intent: Mapping[str, object]) -> None:
        """Before a write: what is about to be sent."""
        self._line({"entry": "begin", "write": write, "change": change, "guid": object_id, "intent": dict(intent)})

    def finish(self, effect: Effect) -> None:
        """After a write, or where it was found to be done already."""
        self.done += bool(effect.data)
        self._line(
            {
                "entry": "done",
                "write": effect.write,
                "change": effect.change,
                "guid": effect.object_id,
                "effect": dict(effect.data),
            }
        )

    def lost(self, write: str, change: str, why: str) -> None:
        """After a write without an answer: the object is looked at, and the write sent again if it had no effect."""
        self._line({"entry": "lost", "write": write, "change": change, "why": why})

    def stop(self, why: str) -> None:
        """The approval lapsed after the first write: only a new one lets the change go on."""
        self._line({"entry": "stopped", "why": why})

    def close(self, why: str) -> None:
        """Last line: nothing of this journal is left to be resumed."""
        self._line({"entry": "closed", "why": why})

    def _line(self, entry: Mapping[str, object]) -> None:
        if self._stream is None:
            raise ValueError("the journal is not open")
        stamped = {**entry, "at": self._now(), **({"previous": self._last} if self._last else {})}
        line = json_text(json.dumps(stamped, ensure_ascii=False, sort_keys=True)).encode("utf-8")
        self._last = line_digest(line)
        try:
            self._stream.write(line + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> JournalUnwritable:
        return JournalUnwritable(
            t(
                "The journal {path} cannot be written: {error_strerror}.",
                path=self._path,
                error_strerror=error.strerror or type(error).__name__,
            ),
            code="journal-write",
            hint=t("Make room on the disk of the records folder, or bring its share back."),
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
    stopped: bool = False
    """Whether it ended because the approval had lapsed."""
    carried_out: bool = False
    """Whether it is closed because every approved change is carried out."""
    last: str = ""
    """Time of its last line."""
    lines: tuple[Mapping[str, Any], ...] = ()
    """Every line, in its order."""
    owner: str = ""
    """Account that owns the file; empty where the system does not tell."""
    shared: bool = False
    """Whether others than its owner may write into it."""

    @property
    def resumes(self) -> str | None:
        """Run id of the journal that this one resumes."""
        value = self.opened.get("resumes")
        return str(value) if value else None


def read_journal(run: Path, routes: Routes) -> JournalFile | None:
    """The journal of a run folder, or None where it has none. A torn last line (power failure) is ignored.

    Args:
        run: The folder.
        routes: The routes whose journals can be read.

    Raises:
        Refused: It is not what a run writes (``journal-damaged``).
    """
    plain = _plain(run)
    return None if plain is None else _read(run, plain, routes)


def _plain(run: Path) -> PlainFile | None:
    try:
        return read_plain(run / JOURNAL_FILE, largest=LARGEST_PLAN)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Unfit as unfit:
        raise damaged_journal(run, 1, unfit.why) from None


def _read(run: Path, plain: PlainFile, routes: Routes) -> JournalFile | None:
    try:
        lines = lines_of(plain.data, routes, run=None if (run / MANIFEST).exists() else run.name)
    except DamagedLine as damage:
        raise damaged_journal(run, damage.number, damage.why) from None
    if not lines:
        return None
    by_kind = {kind: [line for line in lines if line["entry"] == kind] for kind in ("begin", "done", "closed")}
    return JournalFile(
        run=run,
        opened=lines[0],
        begun={line["write"]: line for line in by_kind["begin"]},
        effects=tuple(Effect(e["write"], e["change"], e["guid"], e["effect"]) for e in by_kind["done"]),
        closed=bool(by_kind["closed"]),
        stopped=any(line["entry"] == "stopped" for line in lines),
        carried_out=any(line["why"] == CARRIED_OUT for line in by_kind["closed"]),
        last=lines[-1]["at"],
        lines=tuple(lines),
        owner=plain.owner,
        shared=plain.shared,
    )


def _own_file(path: str, flags: int) -> int:
    """Opener of a file that others may read, as their folder says, and only its owner may write to."""
    descriptor = new_file(path, flags)
    if os.name == "posix":
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & ~0o022)
    return descriptor


def damaged_journal(run: Path, line: int, why: Text) -> Refused:
    """The error of a journal that no run wrote like this."""
    path = run / JOURNAL_FILE
    return Refused(
        t("Line {line} of {path} cannot be believed: {why}.", line=line, path=path, why=printable(why, limit=200)),
        code="journal-damaged",
        hint=t(
            "Run gwb verify-record on that record, or bring the file back from a copy. {how_to_close}",
            how_to_close=HOW_TO_CLOSE,
        ),
        values={"path": str(path), "line": line, "why": why},
    )


def journals_of(change_folder: Path, routes: Routes) -> list[JournalFile]:
    """Every journal of a change id, in the order of its runs (run ids begin with their time).

    One that was closed by hand counts as closed, and may be damaged.

    Raises:
        Refused: ``journal-damaged`` or ``closing-damaged``.
    """
    found = []
    for run in runs_of(change_folder):
        plain = _plain(run)
        if plain is None:
            continue
        if closed_by_hand(change_folder, run.name) != plain.sha256:
            journal = _read(run, plain, routes)
        else:
            try:
                journal = _read(run, plain, routes)
            except Refused:
                continue
            journal = replace(journal, closed=True) if journal else None
        if journal is not None:
            found.append(journal)
    return found


def runs_of(change_folder: Path) -> list[Path]:
    """Folders of a change's runs, by name."""
    if not change_folder.is_dir():
        return []
    return sorted(path for path in change_folder.iterdir() if path.is_dir() and not path.is_symlink())


def unfinished_runs(change_folder: Path, routes: Routes) -> list[str]:
    """Runs whose journal is open or damaged and not closed by hand: what ``gwb close`` closes."""
    names = []
    for run in runs_of(change_folder):
        try:
            plain = _plain(run)
            if plain is None or closed_by_hand(change_folder, run.name) == plain.sha256:
                continue
            journal = _read(run, plain, routes)
        except Refused:
            names.append(run.name)
            continue
        if journal is not None and not journal.closed:
            names.append(run.name)
    return names


def open_chain(journals: Sequence[JournalFile]) -> list[JournalFile]:
    """The open journal and everything it resumes, oldest first; empty where nothing is open.

    Raises:
        Refused: ``journal-damaged``: what an open journal resumes is missing or goes in a circle.
    """
    for journal in journals:
        if not journal.closed:
            chain_of(journal, journals)  # one in a circle is resumed by another of it, or by itself: nobody's tip
    resumed = {journal.resumes for journal in journals}
    tips = [journal for journal in journals if journal.run.name not in resumed and not journal.closed]
    return chain_of(tips[-1], journals) if tips else []


def chain_of(tip: JournalFile, journals: Sequence[JournalFile]) -> list[JournalFile]:
    """A journal and everything it resumes, oldest first.

    Raises:
        Refused: ``journal-damaged``: what it resumes is missing or goes in a circle.
    """
    by_run = {journal.run.name: journal for journal in journals}
    chain = [tip]
    while earlier := chain[0].resumes:
        if earlier not in by_run or any(journal.run.name == earlier for journal in chain):
            why = (
                t("it resumes {earlier}, which has no journal here", earlier=earlier)
                if earlier not in by_run
                else t("it resumes itself")
            )
            raise damaged_journal(chain[0].run, 1, why)
        chain.insert(0, by_run[earlier])
    return chain


def whole_chain(run: str, journals: Sequence[JournalFile]) -> list[JournalFile]:
    """The journal of a run with what it resumes and what resumes it, oldest first; empty where it has none.

    Raises:
        Refused: ``journal-damaged``.
    """
    tip = next((journal for journal in journals if journal.run.name == run), None)
    if tip is None:
        return []
    followers = {journal.resumes: journal for journal in journals if journal.resumes}
    seen = {tip.run.name}
    while (follower := followers.get(tip.run.name)) and follower.run.name not in seen:
        tip = follower
        seen.add(tip.run.name)
    return chain_of(tip, journals)
