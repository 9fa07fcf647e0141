"""Sealing as part of a run: whatever it meets, the run's own verdict stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from runbook_lib.errors import RunbookError
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import typed
from runbook_lib.parameters import Parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.index import build_index
from runbook_lib.record.seal import seal
from runbook_lib.secrets.redact import known_secrets


def seal_run(
    folder: RecordFolder,
    work_file: Path,
    *,
    parameters: Parameters,
    project_root: Path,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
) -> str:
    """Seal the record, renew the index, remove the work file. Returns what went wrong, or an empty text."""
    secrets = known_secrets(parameters, project_root, environment)
    notebook = work_file if work_file.exists() else None
    try:
        seal(folder, notebook, clock=clock, known_secrets=secrets)
    except RunbookError as error:
        reason = error.message
    except Exception as error:  # noqa: BLE001 - the verdict of the run must reach the caller
        reason = t("an unexpected {name}.", name=type(error).__name__)
    else:
        work_file.unlink(missing_ok=True)
        return _index(folder)
    return f"The record is not sealed: {reason} To try again: gwb seal {typed(folder.path)} {typed(work_file)}"


def _index(folder: RecordFolder) -> str:
    try:
        build_index(folder.change_folder.parent)
    except RunbookError as error:
        return f"The list of records is not up to date: {error.message}"
    return ""
