"""``records/index.html``: every change and every run, for people who look for one."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from runbook_lib.files import APPROVALS, INDEX, MANIFEST, PAGE, RECORD, file_mode
from runbook_lib.model.moment import LONG_AGO, moment_in
from runbook_lib.model.outcome import Outcome, ending_of_facts
from runbook_lib.model.text import NOTHING, Progress, Text, t
from runbook_lib.record import folder as files
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import OPEN, DamagedManifest, verified_record
from runbook_lib.record.manifest import read as read_manifest
from runbook_lib.record.mappings import mapping_in, mapping_of_file, outcome_in
from runbook_lib.record.page import OUTCOME_TONES, environment

_DAMAGED = "DAMAGED: "
_WAITS_FOR = {
    Outcome.AWAITING_APPROVAL: t("waits for an approval"),
    Outcome.AWAITING_HANDOFF: t("waits for a person or another system, then for the notebook again"),
    Outcome.AWAITING_WINDOW: t("waits for its change window, then for the notebook again"),
    Outcome.PARTIAL: t("stopped midway: the same notebook with the same change id resumes it"),
}
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
    waits: Text
    """What it waits for, to follow its name; empty: nothing."""

    @property
    def order(self) -> tuple[datetime, str]:
        """By recorded time: run ids tell it only to the second."""
        return moment_in(self.started) or LONG_AGO, self.name


@dataclass(frozen=True, slots=True)
class _Change:
    name: str
    runs: tuple[_Run, ...]

    @property
    def order(self) -> tuple[datetime, str]:
        """When its latest run began."""
        return self.runs[0].order[0], self.name


def build_index(records_root: Path, progress: Progress | None = None) -> Path:
    """Write the index anew from what is in ``records_root``; a damaged record is a line that says so.

    Args:
        records_root: The records folder.
        progress: Told how many runs were read.

    Raises:
        ServiceFailed: Code ``record-write``.
    """
    folders = [path for path in sorted(records_root.glob("*/*")) if _is_run(path)]
    thorough = len(folders) <= VERIFY_AT_MOST
    by_change: dict[str, list[_Run]] = {}
    for number, path in enumerate(folders):
        if progress is not None:
            progress(t("runs read"), number, len(folders))
        by_change.setdefault(path.parent.name, []).append(_run(path, thorough=thorough))
    changes = [
        _Change(name, tuple(sorted(runs, key=lambda run: run.order, reverse=True))) for name, runs in by_change.items()
    ]
    changes.sort(key=lambda change: change.order, reverse=True)
    script = environment().get_template("index.js").render()
    page = (
        environment()
        .get_template("index.html.j2")
        .render(
            changes=changes,
            runs=len(folders),
            counts=Counter(run.outcome for change in changes for run in change.runs).most_common(),
            # What an earlier run of a change waited for, a later one has met.
            waiting=[(change, change.runs[0]) for change in changes if change.runs[0].waits],
            script=Markup(script),  # noqa: S704 - a file of ours
            script_digest=f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}",
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
    facts = mapping_of_file(path / RECORD)
    outcome = outcome_in(facts)
    changes, notebook = mapping_in(facts.get("changes")), mapping_in(facts.get("notebook"))
    started, state = facts.get("started"), _state(path, thorough=thorough)
    return _Run(
        name=path.name,
        notebook=str(notebook.get("name", "unknown")),
        outcome=ending_of_facts(outcome, facts.get("error")).title if outcome else t("Open: no verdict yet"),
        tone=OUTCOME_TONES.get(outcome, "bad") if outcome else "neutral",
        started=started if isinstance(started, str) else None,
        planned=changes.get("planned", 0),
        done=changes.get("done", 0),
        state=state,
        waits=_waits(outcome, state),
        link=f"{quote(path.parent.name)}/{quote(path.name)}/{PAGE}" if (path / PAGE).exists() else "",
    )


def _waits(outcome: Outcome | None, state: Text) -> Text:
    if state.template.startswith(_DAMAGED):
        return t("is damaged: find out what became of it")
    if outcome is None:
        return t("has not ended, or was stopped: run it again or seal it")
    return _WAITS_FOR.get(outcome, t("is not sealed: gwb seal") if state == OPEN else NOTHING)


def _state(path: Path, *, thorough: bool) -> Text:
    if thorough:
        result = verified_record(RecordFolder(path))
        if not result.sealed:
            return OPEN
        if result.pruned:
            return t("removed: {problem}", problem=result.problems[0])
        return t("sealed, verified") if result.ok else t("DAMAGED: {problem}", problem=result.problems[0])
    try:
        read_manifest(path)
    except FileNotFoundError:
        return OPEN
    except DamagedManifest as damage:
        return t("DAMAGED: {manifest}: {damage}", manifest=MANIFEST, damage=damage)
    return t("sealed")
