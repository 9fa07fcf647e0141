"""``records/index.html``: every change and every run, for people who look for one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runbook_lib.files import APPROVALS, INDEX, MANIFEST, PAGE, RECORD, file_mode
from runbook_lib.model.outcome import Outcome, ending_of_facts
from runbook_lib.model.text import Text, t
from runbook_lib.record import folder as files
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import DamagedManifest, verified_record
from runbook_lib.record.manifest import read as read_manifest
from runbook_lib.record.page import OUTCOME_TONES, environment
from runbook_lib.strict_file import LARGEST_PLAN, read_plain

VERIFY_AT_MOST = 100
"""Runs whose every file is read for the index; with more of them only the manifests are."""


@dataclass(frozen=True, slots=True)
class _Run:
    name: str
    notebook: str
    outcome: Text
    tone: str
    started: str | None
    planned: object
    done: object
    state: str
    link: str


@dataclass(frozen=True, slots=True)
class _Change:
    name: str
    runs: tuple[_Run, ...]

    @property
    def latest(self) -> str:
        """When the latest run of the change began; ISO 8601 sorts as text."""
        return max(run.started or "" for run in self.runs)


def build_index(records_root: Path) -> Path:
    """Write the index anew from what is in ``records_root``; a damaged record is a line that says so.

    Raises:
        ServiceFailed: Code ``record-write``.
    """
    folders = [path for path in sorted(records_root.glob("*/*")) if _is_run(path)]
    thorough = len(folders) <= VERIFY_AT_MOST
    by_change: dict[str, list[_Run]] = {}
    for path in folders:
        by_change.setdefault(path.parent.name, []).append(_run(path, thorough=thorough))
    changes = [
        _Change(name, tuple(sorted(runs, key=lambda run: (run.started or "", run.name), reverse=True)))
        for name, runs in by_change.items()
    ]
    page = (
        environment()
        .get_template("index.html.j2")
        .render(
            changes=sorted(changes, key=lambda change: (change.latest, change.name), reverse=True),
            runs=len(folders),
            checked=t("Every file was checked when this list was made.")
            if thorough
            else t("Only the manifests were checked when this list was made."),
        )
    )
    target = records_root / INDEX
    # The list tells of every change: it is for those who may read each of them, whoever may read the folder above.
    mode = file_mode(*{path.parent for path in folders}) if folders else file_mode(records_root)
    files.write_atomically(target, page.encode("utf-8", "backslashreplace"), mode=mode)
    return target


def _is_run(path: Path) -> bool:
    return path.is_dir() and path.name != APPROVALS and ((path / RECORD).exists() or (path / MANIFEST).exists())


def _run(path: Path, *, thorough: bool) -> _Run:
    facts = _facts(path)
    try:
        outcome: Outcome | None = Outcome(facts.get("outcome"))
    except ValueError:
        outcome = None
    changes, notebook = _mapping(facts.get("changes")), _mapping(facts.get("notebook"))
    started = facts.get("started")
    return _Run(
        name=path.name,
        notebook=str(notebook.get("name", "unknown")),
        outcome=ending_of_facts(outcome, facts.get("error")).title if outcome else t("Open: no verdict yet"),
        tone=OUTCOME_TONES.get(outcome, "bad") if outcome else "neutral",
        started=started if isinstance(started, str) else None,
        planned=changes.get("planned", 0),
        done=changes.get("done", 0),
        state=_state(path, thorough=thorough),
        link=f"{quote(path.parent.name)}/{quote(path.name)}/{PAGE}" if (path / PAGE).exists() else "",
    )


def _state(path: Path, *, thorough: bool) -> Text:
    if thorough:
        result = verified_record(RecordFolder(path))
        if not result.sealed:
            return t("open: not sealed yet")
        if result.pruned:
            return t("removed: {problem}", problem=result.problems[0])
        return t("sealed, verified") if result.ok else t("DAMAGED: {problem}", problem=result.problems[0])
    try:
        read_manifest(path)
    except FileNotFoundError:
        return t("open: not sealed yet")
    except DamagedManifest as damage:
        return t("DAMAGED: {manifest}: {damage}", manifest=MANIFEST, damage=damage)
    return t("sealed")


def _facts(path: Path) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(read_plain(path / RECORD, largest=LARGEST_PLAN).data))
    except (OSError, ValueError, RecursionError):
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
