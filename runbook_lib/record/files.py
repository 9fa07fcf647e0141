"""Durable, atomic writing: a reader sees the old file or the new one, also after a power cut."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from runbook_lib.errors import ServiceFailed

TEMPORARY_SUFFIX = ".gwb-temporary"


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path``, flush it to the disk, and rename it into place.

    Raises:
        ServiceFailed: Code ``record-write``: disk full, share gone, no right. ``path`` is as it was before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ServiceFailed(
            f"The record file {path} cannot be written: {error.strerror or type(error).__name__}.",
            code="record-write",
            hint="Check free space and rights of the records folder, then run again with the same change id.",
            values={"path": str(path)},
        ) from None


def _flush_folder(folder: Path) -> None:
    """Make the rename itself durable, where folders can be opened (not on Windows)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def json_bytes(value: Mapping[str, object] | list[object]) -> bytes:
    """Indented JSON with sorted keys and a final line break; unpaired surrogates become their JSON escapes.

    Raises:
        ValueError: For NaN and infinities.
        TypeError: For anything that JSON does not know.
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def leftovers(folder: Path) -> tuple[Path, ...]:
    """Temporary files that a killed process left in ``folder``."""
    return tuple(sorted(folder.rglob(f".*{TEMPORARY_SUFFIX}")))
