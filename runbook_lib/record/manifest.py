"""``MANIFEST.json``: SHA-256 of every file of a run, and of the run that was sealed before it.

The digests show that something changed, not who changed it: whoever can rewrite every later run of a change can also
write matching digests. Keep the last digest somewhere else (the change ticket) to rule that out.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runbook_lib.change.strict_file import LARGEST_PLAN, Unfit, read_plain
from runbook_lib.errors import UsageError
from runbook_lib.model.canonical import digest
from runbook_lib.model.file_names import MANIFEST, MANIFEST_SCHEMA
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import typed
from runbook_lib.record import folder as files


class DamagedManifest(ValueError):  # noqa: N818
    """MANIFEST.json is not what ``build`` writes; the text says why."""


def file_entries(folder: Path) -> list[dict[str, object]]:
    """``{"path", "bytes", "sha256"}`` of every file below ``folder`` but the manifest, sorted by path."""
    return [
        {"path": name, "bytes": path.stat().st_size, "sha256": file_digest(path)}
        for name, path in sorted(plain_files(folder))
        if name != MANIFEST
    ]


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


def build(folder: Path, *, change_id: str, run_id: str, sealed_at: str, previous: Mapping[str, str] | None) -> bytes:
    """The manifest of ``folder`` as it is now; ``previous`` is ``{"run_id", "digest"}`` or None for a first run."""
    facts: dict[str, object] = {
        "schema": MANIFEST_SCHEMA,
        "change_id": change_id,
        "run_id": run_id,
        "sealed_at": sealed_at,
        "previous": dict(previous) if previous else None,
        "files": file_entries(folder),
    }
    return files.json_bytes({**facts, "digest": digest(facts)})


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a run, checked for being exactly what ``build`` writes.

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
        raise DamagedManifest("it is not JSON") from None
    if not isinstance(manifest, dict) or manifest.get("schema") != MANIFEST_SCHEMA:
        raise DamagedManifest(f"it is not a manifest of this version ({MANIFEST_SCHEMA})")
    _check_shape(manifest)
    if manifest["digest"] != digest({key: value for key, value in manifest.items() if key != "digest"}):
        raise DamagedManifest("its digest does not match its contents")
    if data != files.json_bytes(manifest):
        raise DamagedManifest("it was rewritten")
    return manifest


def _check_shape(manifest: Mapping[str, Any]) -> None:
    texts = ("change_id", "run_id", "sealed_at", "digest")
    previous = manifest.get("previous")
    entries = manifest.get("files")
    fine = (
        all(isinstance(manifest.get(key), str) for key in texts)
        and (previous is None or _all_texts(previous, ("run_id", "digest")))
        and isinstance(entries, list)
        and all(_all_texts(entry, ("path", "sha256")) and isinstance(entry.get("bytes"), int) for entry in entries)
    )
    if not fine:
        raise DamagedManifest("entries are missing or of the wrong type")


def _all_texts(value: object, keys: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in keys)


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
    """``{"run_id", "digest"}`` of the run of this change that was sealed last, leaving out the run ``but``."""
    sealed: list[tuple[str, str, str]] = []
    for path in sorted(change_folder.iterdir()):
        if path.name == but or not path.is_dir():
            continue
        try:
            manifest = read(path)
        except (FileNotFoundError, DamagedManifest):
            continue
        sealed.append((manifest["sealed_at"], path.name, manifest["digest"]))
    return {"run_id": max(sealed)[1], "digest": max(sealed)[2]} if sealed else None


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
