"""What a run is called, who runs it, and the versions of everything that its record depends on."""

from __future__ import annotations

import os
import platform
import re
import secrets
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from runbook_lib.errors import UsageError
from runbook_lib.model.text import t
from runbook_lib.record.folder import RecordFolder

_PACKAGES = (
    "group-writeback-runbook",
    "ipykernel",
    "jupyter-client",
    "ldap3",
    "msal",
    "nbclient",
    "nbconvert",
    "pandas",
    "papermill",
    "pydantic",
    "requests",
)


def versions() -> dict[str, str]:
    """Name to version: this product, Python, the operating system, the libraries that do the work."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


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
        t("There is no notebook {text!r}.", text=text[:200]),
        code="notebook-missing",
        hint=t("Name one of: {known}.", known=", ".join(known)) if known else t("Name the path of an .ipynb file."),
        values={"notebook": text[:200], "known": known},
    )


def account() -> str:
    """Name of the account that this process runs as; its number where it has no name."""
    if sys.platform == "win32":
        try:
            return os.getlogin()
        except OSError:
            return ""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def run_by() -> dict[str, object]:
    """What a record says about who runs it when the run begins; both sides have not been signed in to yet."""
    return {"account": account(), "host": platform.node(), "cloud": None, "directory": None}
