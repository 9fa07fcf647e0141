"""Writing a record's files: durable, all or nothing, and one clear error when it fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from runbook_lib.errors import ServiceFailed
from runbook_lib.files import write_durably
from runbook_lib.model.untrusted import json_text


def write_atomically(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write ``data`` to ``path``; a reader sees the old file or the whole new one. ``mode`` as in ``write_durably``.

    Raises:
        ServiceFailed: Code ``record-write``: disk full, share gone, no right. ``path`` is as it was before.
    """
    try:
        write_durably(path, data, mode=mode)
    except OSError as error:
        raise ServiceFailed(
            f"The record file {path} cannot be written: {error.strerror or type(error).__name__}.",
            code="record-write",
            hint="Check free space and rights of the records folder, then run again with the same change id.",
            values={"path": str(path)},
        ) from None


def json_bytes(value: Mapping[str, object] | list[object]) -> bytes:
    """Indented JSON with sorted keys and a final line break; what nobody sees is a JSON escape (``json_text``).

    Raises:
        ValueError: For NaN and infinities.
        TypeError: For anything that JSON does not know.
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return json_text(text).encode("utf-8") + b"\n"


def leftovers(folder: Path) -> tuple[Path, ...]:
    """Half-written files that a killed process left in ``folder`` (``write_durably`` names them)."""
    return tuple(sorted(folder.rglob(".*.part")))
