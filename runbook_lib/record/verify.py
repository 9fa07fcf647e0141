"""Is a sealed record still what was sealed? Reads only; a damaged record is an answer, never an exception."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.change.strict_file import LARGEST_PLAN, read_plain
from runbook_lib.files import MANIFEST, RECORD, RECORD_SCHEMA
from runbook_lib.model.untrusted import printable
from runbook_lib.record import manifest as manifests
from runbook_lib.record.contradictions import contradictions
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import DamagedManifest

OPEN = "open: not sealed yet"


@dataclass(frozen=True, slots=True)
class Verification:
    """What ``verify`` found.

    Attributes:
        sealed: Whether there is a manifest.
        ok: Whether the record is sealed and nothing differs from the manifest.
        problems: One sentence per difference, printable, sorted by where it was found.
        files: Files that were read.
    """

    sealed: bool
    ok: bool
    problems: tuple[str, ...]
    files: int


def verify(folder: RecordFolder) -> Verification:
    """Compare every file of a record with its manifest, and the manifest with the runs sealed before it."""
    try:
        manifest = manifests.read(folder.path)
    except FileNotFoundError:
        return Verification(sealed=False, ok=False, problems=(OPEN,), files=0)
    except DamagedManifest as damage:
        return Verification(sealed=True, ok=False, problems=(f"{MANIFEST}: {damage}",), files=0)
    problems, read = _compare_files(folder.path, manifest)
    problems += _compare_identity(folder, manifest)
    problems += _compare_chain(folder.change_folder, manifest)
    problems += _compare_followers(folder, manifest)
    return Verification(sealed=True, ok=not problems, problems=tuple(map(printable, problems)), files=read)


def _compare_files(folder: Path, manifest: Mapping[str, Any]) -> tuple[list[str], int]:
    problems: list[str] = []
    listed = {entry["path"]: entry for entry in manifest["files"]}
    if len(listed) != len(manifest["files"]):
        problems.append(f"{MANIFEST}: a file is listed twice")
    present = {name: path for name, path in manifests.plain_files(folder) if name != MANIFEST}
    read = 0
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            problems.append(f"{name}: missing")
        elif name not in listed:
            problems.append(f"{name}: added after sealing")
        elif present[name].is_symlink() or not present[name].is_file():
            problems.append(f"{name}: not a plain file any more")
        else:
            read += 1
            problems += _compare_file(name, present[name], listed[name])
    return problems, read


def _compare_file(name: str, path: Path, entry: Mapping[str, Any]) -> list[str]:
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            return [f"{name}: changed, {size} bytes instead of {entry['bytes']}"]
        if manifests.file_digest(path) != entry["sha256"]:
            return [f"{name}: changed, its SHA-256 differs"]
    except OSError as error:
        return [f"{name}: cannot be read ({error.strerror or type(error).__name__})"]
    return []


def _compare_identity(folder: RecordFolder, manifest: Mapping[str, Any]) -> list[str]:
    """A record that was moved under another change or run tells another story."""
    problems = [
        f"{MANIFEST}: written for {what} {manifest[key]}, but the folder is {name}"
        for what, key, name in (("run", "run_id", folder.run_id), ("change", "change_id", folder.change_id))
        if manifest[key] != name
    ]
    try:
        facts = json.loads(read_plain(folder.path / RECORD, largest=LARGEST_PLAN).data)
    except FileNotFoundError:
        return [*problems, f"{RECORD}: missing"] if RECORD not in {e["path"] for e in manifest["files"]} else problems
    except (OSError, ValueError, RecursionError):
        return [*problems, f"{RECORD}: it is not JSON"]
    if not isinstance(facts, dict) or facts.get("schema") != RECORD_SCHEMA:
        problems.append(f"{RECORD}: not a record of this version ({RECORD_SCHEMA})")
    elif facts.get("run_id") != manifest["run_id"] or facts.get("change_id") != manifest["change_id"]:
        problems.append(f"{RECORD}: of another run than {MANIFEST}")
    else:
        problems += contradictions(folder.path, facts)
    return problems


def _compare_chain(change_folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Follow ``previous`` to the first run of the change; each link names the digest it was sealed with."""
    seen = {manifest["run_id"]}
    previous = manifest["previous"]
    while previous is not None:
        run_id = previous["run_id"]
        if run_id in seen or Path(run_id).name != run_id:
            return [f"{MANIFEST}: the chain of previous runs is not a chain at {run_id}"]
        seen.add(run_id)
        try:
            earlier = manifests.read(change_folder / run_id)
        except FileNotFoundError:
            return [f"previous run {run_id}: not beside this one, the chain is broken"]
        except DamagedManifest as damage:
            return [f"previous run {run_id}: its manifest is damaged: {damage}"]
        if earlier["digest"] != previous["digest"]:
            return [f"previous run {run_id}: its manifest is not the one this run was sealed after"]
        previous = earlier["previous"]
    return []


def _compare_followers(folder: RecordFolder, manifest: Mapping[str, Any]) -> list[str]:
    """A run sealed later names what this one was sealed as: a record that was sealed again differs from it."""
    return [
        f"{MANIFEST}: {run_id} was sealed after another one of this run"
        for run_id, digest in manifests.named_by_followers(folder.change_folder, folder.run_id)
        if digest != manifest["digest"]
    ]
