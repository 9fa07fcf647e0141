"""``MANIFEST.json``: SHA-256 of every file of a run, and whether a record is still what was sealed.

The digests show that something changed, not who changed it: whoever can rewrite every later run of a change can also
write matching digests. Keep the last digest somewhere else (the change ticket) to rule that out. Verifying reads only;
a damaged record is an answer, never an exception.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runbook_lib.errors import UsageError
from runbook_lib.files import MANIFEST, MANIFEST_SCHEMA, PRUNED, RECORD, RECORD_SCHEMA
from runbook_lib.model.ids import digest
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable, typed
from runbook_lib.record import folder as files
from runbook_lib.record.checksums import sums_problems
from runbook_lib.record.contradictions import record_contradictions
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.formats.record import ManifestFormat
from runbook_lib.record.manifest_files import NOT_LISTED
from runbook_lib.record.sealed_runs import sealed_runs_problems
from runbook_lib.signing.envelope import MANIFEST_TYPE
from runbook_lib.signing.signature import read_signature
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain

ListedFile = dict[str, object]
"""``{"path", "bytes", "sha256"}`` of one file."""


class DamagedManifest(ValueError):  # noqa: N818
    """MANIFEST.json is not what ``build_manifest`` writes; the text says why."""


def file_entries(folder: Path) -> list[ListedFile]:
    """The entry of every file below ``folder`` but the manifest and its signature, by path."""
    return [_entry(name, path) for name, path in sorted(plain_files(folder)) if name not in NOT_LISTED]


def with_written(entries: Iterable[ListedFile], *written: Path) -> list[ListedFile]:
    """The same entries with those of files that were just written into the folder itself, by path."""
    new = {path.name: _entry(path.name, path) for path in written}
    return sorted(
        [*(one for one in entries if one["path"] not in new), *new.values()], key=lambda one: str(one["path"])
    )


def _entry(name: str, path: Path) -> ListedFile:
    return {"path": name, "bytes": path.stat().st_size, "sha256": file_digest(path)}


def plain_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """``(relative path with slashes, path)`` of all that is no folder below ``folder``; links are not followed."""
    for parent, folders, names in os.walk(folder, followlinks=False):
        linked = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in [*names, *linked]:
            path = Path(parent) / name
            yield path.relative_to(folder).as_posix(), path


def file_digest(path: Path) -> str:
    """SHA-256 of a file, 64 lower-case hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def build_manifest(
    entries: Sequence[ListedFile], *, change_id: str, run_id: str, sealed_at: str, previous: Mapping[str, str] | None
) -> bytes:
    """The manifest of a folder with these files; ``previous`` is ``{"run_id", "digest"}`` or None for a first run."""
    facts: dict[str, object] = {
        "schema": MANIFEST_SCHEMA,
        "change_id": change_id,
        "run_id": run_id,
        "sealed_at": sealed_at,
        "previous": dict(previous) if previous else None,
        "files": list(entries),
    }
    return files.json_bytes({**facts, "digest": digest(facts)})


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a run, checked for being exactly what ``build_manifest`` writes.

    Raises:
        FileNotFoundError: The run is not sealed.
        DamagedManifest: Any byte of it was changed.
    """
    try:
        data = read_plain(folder / MANIFEST, largest=LARGEST_PLAN).data
    except Unfit as unfit:
        raise DamagedManifest(str(unfit)) from None
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError):
        raise DamagedManifest(t("it is not JSON")) from None
    if not isinstance(manifest, dict) or manifest.get("schema") != MANIFEST_SCHEMA:
        raise DamagedManifest(
            t("it is not a manifest of this version ({manifest_schema})", manifest_schema=MANIFEST_SCHEMA)
        )
    try:
        ManifestFormat.model_validate(manifest)
    except ValidationError:
        raise DamagedManifest(t("entries are missing or of the wrong type")) from None
    if manifest["digest"] != digest({key: value for key, value in manifest.items() if key != "digest"}):
        raise DamagedManifest(t("its digest does not match its contents"))
    if data != files.json_bytes(manifest):
        raise DamagedManifest(t("it was rewritten"))
    return manifest


def manifest_digest(folder: Path) -> str:
    """The digest that stands for the whole sealed run: what an approval names and the next run chains to.

    Raises:
        UsageError: ``record-open`` (not sealed) or ``record-damaged``.
    """
    try:
        return str(read(folder)["digest"])
    except FileNotFoundError:
        raise UsageError(
            t("The record {folder} is open: not sealed yet.", folder=folder),
            code="record-open",
            hint=t("Seal it first: gwb seal {folder} NOTEBOOK", folder=typed(folder)),
            values={"path": str(folder)},
        ) from None
    except DamagedManifest as damage:
        raise UsageError(
            t("The manifest of {folder} is damaged: {damage}.", folder=folder, damage=damage),
            code="record-damaged",
            hint=t("Run: gwb verify-record {folder}", folder=typed(folder)),
            values={"path": str(folder)},
        ) from None


def latest_sealed(change_folder: Path, *, but: str) -> dict[str, str] | None:
    """``{"run_id", "digest"}`` of the run of this change that was sealed last, leaving out the run ``but``.

    That is the one that none was sealed after: clocks go back, chains do not. Of several the latest by its clock.
    """
    sealed: list[tuple[str, str, str]] = []
    followed: set[str] = set()
    for path in sorted(change_folder.iterdir()):
        if path.name == but or not path.is_dir():
            continue
        try:
            manifest = read(path)
        except (FileNotFoundError, DamagedManifest):
            continue
        sealed.append((manifest["sealed_at"], path.name, manifest["digest"]))
        followed |= {manifest["previous"]["run_id"]} if manifest["previous"] else set()
    last = max((one for one in sealed if one[1] not in followed), default=max(sealed, default=None))
    return {"run_id": last[1], "digest": last[2]} if last else None


def named_by_followers(change_folder: Path, run_id: str) -> list[tuple[str, str]]:
    """Run id of each run of this change that was sealed after the run ``run_id``, and the digest it names for it."""
    found = []
    for path in sorted(change_folder.iterdir()):
        if path.name == run_id or path.is_symlink() or not path.is_dir():
            continue
        try:
            previous = read(path)["previous"]
        except (FileNotFoundError, DamagedManifest):
            continue
        if previous is not None and previous["run_id"] == run_id:
            found.append((path.name, previous["digest"]))
    return found


OPEN = t("open: not sealed yet")


@dataclass(frozen=True, slots=True)
class Verification:
    """What ``verified_record`` found.

    Attributes:
        sealed: Whether there is a manifest.
        ok: Whether the record is sealed and nothing differs from the manifest.
        problems: One sentence per difference, printable, sorted by where it was found.
        files: Files that were read.
        pruned: Whether its files were removed when it was old enough, and nothing is left but the manifest.
    """

    sealed: bool
    ok: bool
    problems: tuple[Text, ...]
    files: int
    pruned: bool = False


def verified_record(folder: RecordFolder) -> Verification:
    """Compare every file of a record with its manifest, and the manifest with the runs sealed before it."""
    try:
        manifest = read(folder.path)
    except FileNotFoundError:
        return Verification(sealed=False, ok=False, problems=(OPEN,), files=0)
    except DamagedManifest as damage:
        problem = t("{manifest}: {damage}", manifest=MANIFEST, damage=str(damage))
        return Verification(sealed=True, ok=False, problems=(_printable(problem),), files=0)
    if pruned := _pruned(folder.path):
        # Whoever can write here can say so of a run whose files they changed: what is left is looked at all the same.
        altered, _ = _compare_files(folder.path, manifest, pruned=True)
        problems = [*altered, pruned, *_compare_chain(folder.change_folder, manifest), *signature_problems(folder)]
        return Verification(True, ok=False, problems=tuple(map(_printable, problems)), files=0, pruned=not altered)
    problems, files_read = _compare_files(folder.path, manifest)
    problems += sums_problems(folder.path, manifest)
    problems += _compare_identity(folder, manifest)
    problems += _compare_chain(folder.change_folder, manifest)
    problems += _compare_followers(folder, manifest)
    problems += signature_problems(folder)
    return Verification(sealed=True, ok=not problems, problems=tuple(map(_printable, problems)), files=files_read)


def signature_problems(folder: RecordFolder) -> list[Text]:
    """What does not fit of the signatures of a sealed run; nothing where nothing of its change is signed."""
    path = folder.path / MANIFEST
    try:
        signature = read_signature(path, read_plain(path, largest=LARGEST_PLAN).data, MANIFEST_TYPE)
    except (FileNotFoundError, Unfit) as error:
        why = error.why if isinstance(error, Unfit) else t("{name}: missing", name=MANIFEST)
        return [why, *sealed_runs_problems(folder, signed=True)]
    return sealed_runs_problems(folder, signed=signature is not None)


def _printable(text: Text) -> Text:
    """The same sentence, in which names of files and what a damaged file says do no harm on a terminal."""
    values = {
        name: _printable(value) if isinstance(value, Text) else printable(value) if isinstance(value, str) else value
        for name, value in text.values.items()
    }
    return Text(text.template, values)


def _pruned(folder: Path) -> Text:
    """Since when the files of a run are gone on purpose; empty where they are not."""
    try:
        told = json.loads(read_plain(folder / PRUNED, largest=LARGEST_PLAN).data)
        at, by = str(told["at"]), str(told["by"])
    except (FileNotFoundError, Unfit, ValueError, KeyError, TypeError, RecursionError):
        return NOTHING
    return t("{name}: its files were removed at {at} by {by}; the manifest is left", name=PRUNED, at=at, by=by)


def _compare_files(folder: Path, manifest: Mapping[str, Any], *, pruned: bool = False) -> tuple[list[Text], int]:
    """What differs from the manifest, and how many files were read; of a run that was pruned, what is left of it."""
    problems: list[Text] = []
    listed = {entry["path"]: entry for entry in manifest["files"]}
    if len(listed) != len(manifest["files"]):
        problems.append(t("{manifest}: a file is listed twice", manifest=MANIFEST))
    unlisted = NOT_LISTED | {PRUNED} if pruned else NOT_LISTED
    present = {name: path for name, path in plain_files(folder) if name not in unlisted}
    files_read = 0
    for name in sorted(present.keys() if pruned else listed.keys() | present.keys()):
        if name not in present:
            problems.append(t("{name}: missing", name=name))
        elif name not in listed:
            problems.append(t("{name}: added after sealing", name=name))
        elif present[name].is_symlink() or not present[name].is_file():
            problems.append(t("{name}: not a plain file any more", name=name))
        else:
            files_read += 1
            problems += _compare_file(name, present[name], listed[name])
    return problems, files_read


def _compare_file(name: str, path: Path, entry: Mapping[str, Any]) -> list[Text]:
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            return [t("{name}: changed, {size} bytes instead of {bytes}", name=name, size=size, bytes=entry["bytes"])]
        if file_digest(path) != entry["sha256"]:
            return [t("{name}: changed, its SHA-256 differs", name=name)]
    except OSError as error:
        return [t("{name}: cannot be read ({why})", name=name, why=error.strerror or type(error).__name__)]
    return []


def _compare_identity(folder: RecordFolder, manifest: Mapping[str, Any]) -> list[Text]:
    """A record that was moved under another change or run tells another story."""
    problems = [
        t(
            "{manifest}: written for {what} {written}, but the folder is {name}",
            manifest=MANIFEST,
            what=what,
            written=manifest[key],
            name=name,
        )
        for what, key, name in (("run", "run_id", folder.run_id), ("change", "change_id", folder.change_id))
        if manifest[key] != name
    ]
    try:
        facts = json.loads(read_plain(folder.path / RECORD, largest=LARGEST_PLAN).data)
    except FileNotFoundError:
        if RECORD in {entry["path"] for entry in manifest["files"]}:
            return problems
        return [*problems, t("{record}: missing", record=RECORD)]
    except (OSError, ValueError, RecursionError):
        return [*problems, t("{record}: it is not JSON", record=RECORD)]
    if not isinstance(facts, dict) or facts.get("schema") != RECORD_SCHEMA:
        problems.append(
            t("{record}: not a record of this version ({record_schema})", record=RECORD, record_schema=RECORD_SCHEMA)
        )
    elif facts.get("run_id") != manifest["run_id"] or facts.get("change_id") != manifest["change_id"]:
        problems.append(t("{record}: of another run than {manifest}", record=RECORD, manifest=MANIFEST))
    else:
        problems += record_contradictions(folder.path, facts)
    return problems


def _compare_chain(change_folder: Path, manifest: Mapping[str, Any]) -> list[Text]:
    """Follow ``previous`` to the first run of the change; each link names the digest it was sealed with."""
    seen = {manifest["run_id"]}
    previous = manifest["previous"]
    while previous is not None:
        run_id = previous["run_id"]
        if run_id in seen or Path(run_id).name != run_id:
            return [
                t("{manifest}: the chain of previous runs is not a chain at {run_id}", manifest=MANIFEST, run_id=run_id)
            ]
        seen.add(run_id)
        try:
            earlier = read(change_folder / run_id)
        except FileNotFoundError:
            return [t("previous run {run_id}: not beside this one, the chain is broken", run_id=run_id)]
        except DamagedManifest as damage:
            return [t("previous run {run_id}: its manifest is damaged: {damage}", run_id=run_id, damage=str(damage))]
        if earlier["digest"] != previous["digest"]:
            return [t("previous run {run_id}: its manifest is not the one this run was sealed after", run_id=run_id)]
        previous = earlier["previous"]
    return []


def _compare_followers(folder: RecordFolder, manifest: Mapping[str, Any]) -> list[Text]:
    """A run sealed later names what this one was sealed as: a record that was sealed again differs from it."""
    return [
        t("{manifest}: {run_id} was sealed after another one of this run", manifest=MANIFEST, run_id=run_id)
        for run_id, digest in named_by_followers(folder.change_folder, folder.run_id)
        if digest != manifest["digest"]
    ]
