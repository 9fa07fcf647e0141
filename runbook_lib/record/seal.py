"""Sealing: after the run has ended, the record becomes final. Nothing that a run did can stop it."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.files import MANIFEST, PAGE, PREVIOUS, RECORD, SUMS
from runbook_lib.model.finding import Finding
from runbook_lib.model.moment import iso_milliseconds
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.record import folder as files
from runbook_lib.record import manifest
from runbook_lib.record.beside import read_beside
from runbook_lib.record.carried_out import changes_done
from runbook_lib.record.cells import of_this_run
from runbook_lib.record.checksums import previous_text, sums_text
from runbook_lib.record.executed import Cleaned, clean
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest_files import MANIFEST_PARTS
from runbook_lib.record.one_at_a_time import sealing_alone
from runbook_lib.record.page import record_html
from runbook_lib.record.run_end import decided
from runbook_lib.record.run_record import run_facts_of
from runbook_lib.record.sealable import (
    refuse_contradiction,
    refuse_no_plain_file,
    refuse_running,
    refuse_sealed,
    refuse_sealed_once,
)
from runbook_lib.record.sealed_runs import write_sealed_runs
from runbook_lib.secrets.redact import Redactor
from runbook_lib.signing.envelope import MANIFEST_TYPE
from runbook_lib.signing.signature import Signing, signature_parts, signature_path

_MADE_HERE = (SUMS, PREVIOUS, *MANIFEST_PARTS)
"""What sealing that broke off left, and will make anew."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed record.

    Attributes:
        folder: The run's folder.
        outcome: The verdict, the run's own or the one that sealing had to decide.
        digest: What stands for the whole record: ``manifest_digest``.
        findings: Secrets that were replaced while sealing.
        page: Path of record.html.
    """

    folder: RecordFolder
    outcome: Outcome
    digest: str
    findings: tuple[Finding, ...]
    page: Path


def seal(
    folder: RecordFolder,
    notebook: Path | None,
    *,
    clock: Callable[[], datetime],
    known_secrets: Iterable[str] = (),
    interrupted: bool = False,
    prove_run: bool = False,
    signing: Signing | None = None,
) -> Sealed:
    """Clean the executed notebook, redact every file, write the page, and the manifest last.

    Args:
        folder: The run's folder.
        notebook: The executed notebook as papermill or JupyterLab left it, or None if there is none.
        clock: Now, with a time zone.
        known_secrets: Values that must not be anywhere in the record.
        prove_run: Whether ``notebook`` has to prove by its outputs that it is of this run; the runner knows its own.
        interrupted: The run was stopped from outside; counts only if it gave no verdict and began no write.
        signing: What signs the manifest; None: it is not signed.

    Raises:
        UsageError: Code ``record-sealed``: once only. ``notebook-of-another-run``.
        Refused: Code ``record-contradicts-journal``: record.json does not say what the journal says, or the journal was
            altered. ``record-altered``: it was sealed before, and its manifest was taken away. ``run-not-ended``: its
            process still holds the writer's lock.
            ``sealing-busy``: another run of the change is being sealed, for minutes.
        ServiceFailed: Code ``record-write``: disk full, share gone; sealing can be tried again.
    """
    refuse_sealed(folder)
    with sealing_alone(folder.change_folder):
        return _sealed(folder, notebook, clock, known_secrets, signing, interrupted=interrupted, prove_run=prove_run)


def _sealed(
    folder: RecordFolder,
    notebook: Path | None,
    clock: Callable[[], datetime],
    known_secrets: Iterable[str],
    signing: Signing | None,
    *,
    interrupted: bool,
    prove_run: bool,
) -> Sealed:
    """Seal, while no other run of the change is sealed: what was sealed last stays so, and so does the list of all."""
    refuse_sealed(folder)
    refuse_sealed_once(folder)
    refuse_running(folder)
    refuse_no_plain_file(folder)
    raw, gap = _read(folder, notebook, prove_run=prove_run)
    for leftover in (*files.leftovers(folder.path), *map(folder.file, _MADE_HERE)):
        leftover.unlink(missing_ok=True)
    sealed_at = iso_milliseconds(clock())
    facts = run_facts_of(folder)
    refuse_contradiction(folder, facts)
    outcome = _verdict(folder, facts, sealed_at, interrupted=interrupted)
    redactor = Redactor(known_secrets)
    if gap:
        _note_gap(facts, gap)
    cleaned = _notebook(folder, notebook, raw, facts, outcome, redactor)
    facts = redactor.value(facts, RECORD)
    _redact_files(folder, redactor)
    facts["findings"] += [finding.as_json() for finding in redactor.findings()]
    folder.write_json(RECORD, facts)
    previous = manifest.latest_sealed(folder.change_folder, but=folder.run_id)
    entries = [entry for entry in manifest.file_entries(folder.path) if entry["path"] != PAGE]
    # What lies beside record.json is read after it was redacted: a plan that held a secret is told in short.
    beside = read_beside(folder, facts)
    page = record_html(
        facts,
        cleaned,
        files=entries,
        sealed_at=sealed_at,
        place=folder.place,
        previous=previous is not None,
        signed_by=signing.key.shown if signing is not None else None,
        stamped=signing is not None and signing.stamp is not None,
        beside=beside,
    )
    folder.write_text(PAGE, page)
    entries = _with_sums(folder, manifest.with_written(entries, folder.file(PAGE)), previous)
    data = manifest.build_manifest(
        entries, change_id=folder.change_id, run_id=folder.run_id, sealed_at=sealed_at, previous=previous
    )
    if signing is not None:
        _sign(folder, data, sealed_at, signing)
    files.write_atomically(folder.file(MANIFEST), data)
    return Sealed(folder, outcome, str(json.loads(data)["digest"]), redactor.findings(), folder.file(PAGE))


def _sign(folder: RecordFolder, data: bytes, sealed_at: str, signing: Signing) -> None:
    """Write what signs the manifest, before the manifest itself: a record is not sealed without what it was to have."""
    made = signature_parts(signing, MANIFEST_TYPE, data)
    parts = {signature_path(folder.file(MANIFEST), suffix).name: part for suffix, part in made.items()}
    for name, part in parts.items():
        folder.write_bytes(name, part)
    write_sealed_runs(folder, {MANIFEST: data, **parts}, sealed_at, signing.key)


def _with_sums(
    folder: RecordFolder, entries: list[manifest.ListedFile], previous: Mapping[str, str] | None
) -> list[manifest.ListedFile]:
    """Write what ``sha256sum -c`` reads, before the manifest, which lists both files; the entries with theirs."""
    if previous is not None:
        sha256 = manifest.file_digest(folder.change_folder / previous["run_id"] / MANIFEST)
        folder.write_text(PREVIOUS, previous_text(previous["run_id"], sha256))
        entries = manifest.with_written(entries, folder.file(PREVIOUS))
    folder.write_text(SUMS, sums_text(entries))
    return manifest.with_written(entries, folder.file(SUMS))


def _verdict(folder: RecordFolder, facts: dict[str, Any], sealed_at: str, *, interrupted: bool) -> Outcome:
    """The run's own verdict; a run that gave none gets one, and the facts say that it did not give it."""
    try:
        return Outcome(facts["outcome"])
    except ValueError:
        outcome = decided(folder, interrupted=interrupted)
    facts["outcome"] = outcome.value
    facts["exit_code"] = outcome.exit_code
    facts["ended"] = facts["ended"] or sealed_at
    facts["changes"] = {**facts["changes"], "done": changes_done(folder.path)}
    if not facts["error"]:
        facts["error"] = {
            "code": "no-verdict",
            "message": t(
                "The run ended without saying how: its process or kernel was stopped. This verdict was decided when "
                "the record was sealed, from the journal."
            ),
            "hint": t("Run again with the same change id: it resumes.")
            if outcome is Outcome.PARTIAL
            else t("Nothing was written. Run again."),
        }
    return outcome


def _read(folder: RecordFolder, path: Path | None, *, prove_run: bool) -> tuple[Any, Text]:
    """The notebook's JSON (or the exception that kept it from being read), and a gap or an empty text."""
    if path is None:
        return None, NOTHING
    try:
        raw = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        return error, NOTHING
    return of_this_run(raw, folder, path) if prove_run else (raw, NOTHING)


def _notebook(
    folder: RecordFolder, path: Path | None, raw: Any, facts: dict[str, Any], outcome: Outcome, redactor: Redactor
) -> Cleaned | None:
    """Clean, redact and write the executed notebook; what cannot be read becomes a gap."""
    name = _notebook_name(facts, path)
    if path is None:
        _note_gap(facts, t("No executed notebook was given when the record was sealed."))
        return None
    cleaned: Cleaned | None = None
    reason = "\n".join(str(facts["error"].get(key, "")) for key in ("message", "hint")) if facts["error"] else ""
    try:
        if isinstance(raw, Exception):
            raise raw
        if raw["nbformat"] != 4:
            raise ValueError("not nbformat 4")
        found = clean(raw, outcome, places=_places(folder), reason=reason.strip())
    except Exception as error:  # noqa: BLE001 - a kernel can die while the file is half written: anything may be in it
        _note_gap(facts, t("The executed notebook could not be read ({name}).", name=type(error).__name__))
    else:
        cleaned = Cleaned(redactor.value(found.notebook, name), found.truths)
        folder.write_bytes(name, files.json_bytes(cleaned.notebook))
    # What papermill saved in the record's own folder is neither true nor redacted.
    if path.resolve().is_relative_to(folder.path.resolve()) and path.resolve() != folder.file(name).resolve():
        path.unlink(missing_ok=True)
    return cleaned


def _note_gap(facts: dict[str, Any], text: Text) -> None:
    if text not in facts["gaps"]:
        facts["gaps"].append(text)


def _notebook_name(facts: dict[str, Any], path: Path | None) -> str:
    name = str(facts["notebook"].get("name") or "unknown")
    if name == "unknown" and path is not None:
        name = path.stem
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name)[:100] + ".ipynb"


def _places(folder: RecordFolder) -> dict[str, str]:
    """Folders of this machine and what stands for them in a record."""
    places = {str(Path(tempfile.gettempdir())): "<temporary>", sys.prefix: "<python>", str(Path.home()): "~"}
    places[str(Path.cwd())] = "."
    places[str(folder.change_folder.parent.resolve())] = folder.change_folder.parent.name
    return places


def _redact_files(folder: RecordFolder, redactor: Redactor) -> None:
    for name, path in sorted(manifest.plain_files(folder.path)):
        if path.is_symlink() or not path.is_file() or name == RECORD:
            continue
        data = path.read_bytes()
        clean_data = redactor.file(name, data)
        if clean_data is not data:
            files.write_atomically(path, clean_data)
