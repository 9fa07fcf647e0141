"""Names: which notebook is meant, and what a run is called."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

from runbook_lib.errors import UsageError
from runbook_lib.record.folder import RecordFolder


def new_run_id(notebook: Path, now: datetime) -> str:
    """``<UTC yyyymmddThhmmssZ>-<notebook's name>-<4 hex>``: sorts by time, and two at once differ.

    Args:
        notebook: Only its name counts; characters that a folder name should not have become hyphens.
        now: With a time zone.
    """
    stem = re.sub(r"[^A-Za-z0-9]+", "-", notebook.stem).strip("-")[:40] or "notebook"
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{stem}-{secrets.token_hex(2)}"


def work_file_of(folder: RecordFolder) -> Path:
    """Where ``gwb run`` saves the executed notebook of a run until its record is sealed."""
    return folder.change_folder / f".executing-{folder.run_id}.ipynb"


def find_notebook(text: str, project_root: Path) -> Path:
    """The notebook that ``text`` names: a path, or the bare name of one in ``notebooks/``.

    Raises:
        UsageError: Code ``notebook-missing``, naming the notebooks there are.
    """
    folder = project_root / "notebooks"
    given = Path(text)
    candidates = [given, project_root / given]
    if given.name == text:
        candidates += [folder / text, folder / f"{text}.ipynb"]
    for candidate in candidates:
        if candidate.suffix == ".ipynb" and candidate.is_file():
            return candidate.resolve()
    known = sorted(path.stem for path in folder.glob("*.ipynb")) if folder.is_dir() else []
    raise UsageError(
        f"There is no notebook {text[:200]!r}.",
        code="notebook-missing",
        hint=f"Name one of: {', '.join(known)}." if known else "Name the path of an .ipynb file.",
        values={"notebook": text[:200], "known": known},
    )
