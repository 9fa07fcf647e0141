"""What the paths among the parameters mean: the project's root, and which parameters name files and folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from runbook_lib.parameters.model import Parameters

ROOT_VARIABLE = "GWB_PROJECT_ROOT"
PATHS = (
    *("records_dir", "certificate_file", "cloud_ca_file", "dc_ca_file"),
    *("signing_key", "trusted_signers", "time_stamp_ca_file"),
    *("bind_password_file", "kerberos_keytab", "undo_record", "connect_evidence", "share_permissions"),
    *("select_file", "disable_file", "blackout_calendar"),
)
"""Parameters that name files and folders."""
REFERENCES = ("client_secret_from", "certificate_password_from", "bind_password_from")
"""Parameters that say where a secret is, maybe in a file (``file:PATH``)."""
_IN_FILE = "file:"


def project_root(environment: Mapping[str, str] | None = None, *, current: Path | None = None) -> Path:
    """The folder that relative paths resolve against.

    ``GWB_PROJECT_ROOT`` names it; else it is the nearest folder, from the current one upwards, that holds
    ``pyproject.toml`` and ``notebooks``; else the checkout that this package runs from; else the current folder.
    """
    environment = os.environ if environment is None else environment
    current = Path.cwd() if current is None else current
    named = environment.get(ROOT_VARIABLE, "")
    if named:
        return Path(os.path.abspath(current / named))  # noqa: PTH100 - resolve() would follow symbolic links
    checkout = Path(__file__).parents[2]
    for folder in (current, *current.parents, checkout):
        if (folder / "pyproject.toml").is_file() and (folder / "notebooks").is_dir():
            return folder
    return current


def resolve(path_text: str, root: Path) -> Path:
    """The absolute path that a parameter means. ``~`` is the home folder; symbolic links are not followed.

    Raises:
        ValueError: For an empty text: callers decide first what an empty parameter means.
    """
    if not path_text:
        raise ValueError("an empty path means nothing")
    return Path(os.path.abspath(root / Path(path_text).expanduser()))  # noqa: PTH100


def found_file(path: Path, root: Path) -> Path:
    """The file that a person names: relative to the current folder where it is there, else to ``root``."""
    return path if path.is_absolute() or path.exists() else resolve(str(path), root)


def named_files(text: str, root: Path) -> list[Path]:
    """The files that the text names: one, several with the system's path separator (``:``, Windows ``;``), or none."""
    if not text:
        return []
    whole = resolve(text, root)
    if whole.is_file():
        return [whole]
    return [resolve(part, root) for part in text.split(os.pathsep) if part] or [whole]


def absolute_paths(parameters: Parameters, root: Path) -> Parameters:
    """The same parameters with every path absolute; empty ones stay empty."""
    texts = {name: getattr(parameters, name) for name in PATHS}
    found = {name: str(resolve(text, root)) for name, text in texts.items() if text}
    for name in REFERENCES:
        path = str(getattr(parameters, name)).removeprefix(_IN_FILE)
        if path and path != getattr(parameters, name):
            found[name] = f"{_IN_FILE}{resolve(path, root)}"
    return parameters.model_copy(update=found)
