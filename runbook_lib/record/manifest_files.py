"""The files of a record that no manifest lists: the manifest itself, and what signs it."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.files import MANIFEST
from runbook_lib.signing.signature import SUFFIXES, signature_path
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain

MANIFEST_PARTS = tuple(signature_path(Path(MANIFEST), suffix).name for suffix in SUFFIXES)
"""Envelope, key and time stamp of the manifest."""
NOT_LISTED = frozenset((MANIFEST, *MANIFEST_PARTS))


def manifest_parts(run: Path) -> dict[str, bytes]:
    """The manifest of a run and what signs it, by the names of the files; what is no plain file is left out."""
    found = {}
    for name in (MANIFEST, *MANIFEST_PARTS):
        try:
            found[name] = read_plain(run / name, largest=2 * LARGEST_PLAN).data
        except (FileNotFoundError, Unfit):
            continue
    return found
